# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# needs_controllers NAME...: of cgroup v2; tests/vm/view shows a tree without those that v1 has on the same machine
needs_controllers() {
        local name
        [ -e /sys/fs/cgroup/cgroup.controllers ] || return 0
        for name; do
                grep -qw "$name" /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no $name controller here"
        done
}
