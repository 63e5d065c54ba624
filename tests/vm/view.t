#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What asks nothing of cgroup v2 but that it is all there is, at full speed (tests/vm/view): the walk of /proc and /sys, whose
# a cgroup is, a keeper that is told that its cgroup is another's.
cd "$(dirname "$0")/../.." || exit
grep -q ' - cgroup2 ' /proc/self/mountinfo || {
        echo '1..0 # SKIP there is no cgroup2 tree here'
        exit
}
exec tests/vm/view bats --tap tests/system/attack_walk.bats tests/system/oci_cgroup_owner.bats tests/system/run_keeper.bats </dev/null
