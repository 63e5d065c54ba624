#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is another thing where cgroup v2 is all there is: limits and what holds them, devices by eBPF, the
# freezer, cgroup mounts, subtrees that were given away; AppArmor, which only the guest has; and mapped
# ids on its kernel, which is older than most. An emulated machine takes seconds for each test, and this
# is part of `make check`: all else is for `make vm`.
exec "$(dirname "$0")/suite" 'cgroup v2' tests/system/{oci_resources,oci_apparmor,oci_placement}.bats \
        tests/system/oci_inside.bats='cgroup|devices:' \
        tests/system/oci_mounts.bats='cgroup mount' \
        tests/system/oci_idmap.bats='its own can be mapped' \
        tests/system/oci_pause.bats='nothing moves|delete of one|SIGKILL' \
        tests/system/oci_ps.bats='cgroups below|without a pid' \
        tests/system/oci_events.bats='one line|first process' \
        tests/system/oci_update.bats='every option|memory and swap|refuses|less memory' \
        tests/system/oci_old_kernels.bats='without cgroup.kill' \
        tests/system/oci_delegated.bats='limits hold|husk run|writable|the program' \
        tests/system/run_keeper.bats='has marked' \
        tests/system/run_flags_limits.bats='memory: limit|cgroup-conf|device-read' \
        tests/system/attack_kernel.bats='release_agent' \
        tests/system/attack_privileges.bats='cgroups are|limits hold'
