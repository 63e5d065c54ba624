#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What asks nothing of cgroup v2 but that it is all there is, at full speed (tests/vm/view): devices by eBPF, the
# freezer, cgroup mounts, subtrees that were given away, the walk of /proc and /sys, whose a cgroup is.
grep -q ' - cgroup2 ' /proc/self/mountinfo || {
        echo '1..0 # SKIP there is no cgroup2 tree here'
        exit
}
exec "$(dirname "$0")/suite" view -v tests/system/{attack_walk,oci_cgroup_owner,run_keeper,oci_placement}.bats \
        tests/system/oci_inside.bats='cgroup|devices:' \
        tests/system/oci_mounts.bats='cgroup mount' \
        tests/system/oci_pause.bats='nothing moves|delete of one|SIGKILL' \
        tests/system/oci_ps.bats='cgroups below|without a pid' \
        tests/system/oci_old_kernels.bats='without cgroup.kill' \
        tests/system/oci_delegated.bats='husk run|writable|the program' \
        tests/system/attack_kernel.bats='release_agent' \
        tests/system/attack_privileges.bats='cgroups are'
