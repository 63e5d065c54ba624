#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where cgroup v2 is all there is, and AppArmor: every limit, and of the rest what has to do with cgroups
# or differs on this kernel, which is older than most. An emulated machine takes seconds for each test:
# `make vm` runs them all.
exec "$(dirname "$0")/suite" 'cgroup v2' tests/system/{oci_resources,oci_apparmor,oci_placement}.bats \
        tests/system/oci_inside.bats='cgroup|devices:|holds|a user namespace|a time|default mounts' \
        tests/system/explain.bats='default config|same limits|husk run host' \
        tests/system/run_flags_limits.bats='memory: limit|cpu: number|processes' \
        tests/system/oci_rootless.bats=ranges \
        tests/system/oci_pause.bats='nothing moves|delete of one|SIGKILL' \
        tests/system/oci_ps.bats='cgroups below|without a pid' \
        tests/system/oci_events.bats='one line|first process' \
        tests/system/oci_update.bats='every option|memory and swap|refuses|less memory' \
        tests/system/oci_seccomp.bats='KILL,|NOTIFY: run'
