#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Class B of docs/security.md: what poses as procfs while husk writes to it.
load ../attacks/attack

setup() { begin_attack; }
teardown() {
        [ -z "${BURST:-}" ] || echo "$BURST" >/proc/sys/kernel/printk_ratelimit_burst
        finish
}

NAME=kernel/shm_rmid_forced

# What the container's sysctl is, asked through the host's procfs from within its ipc namespace.
real_value() {
        nsenter --ipc="/proc/$(pid_of "$WORD")/ns/ipc" cat "/proc/sys/$NAME"
}

# over_sysctl: a directory with a file of that name lies over /proc/sys. Success: the value went there
over_sysctl() {
        local fake=$BUNDLE/fake
        mkdir -p "$fake/${NAME%/*}"
        echo 0 >"$fake/$NAME"
        config --arg fake "$fake" '.mounts += [{destination: "/proc/sys", type: "bind", source: $fake, options: ["bind"]}]
                | .linux.sysctl = {"kernel.shm_rmid_forced": "1"} | .linux.readonlyPaths = []
                | .process.args = ["/bin/sleep", "1000"]'
        oci create --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null ||
                grep -q '^husk-oci: ' "$BUNDLE/output" || return 2
        [ "$(cat "$fake/$NAME")" != 0 ]
}

@test "CVE-2019-16884, CVE-2025-52881: a directory over /proc/sys" {
        immune over_sysctl
        # Each of both stops it.
        still_immune destination over_sysctl
        still_immune one_mount over_sysctl
        weak destination,one_mount over_sysctl
}

# over_proc: the same with a whole /proc, which is no procfs
over_proc() {
        local fake=$BUNDLE/fake
        mkdir -p "$fake/sys/${NAME%/*}" "$fake/self"
        echo 0 >"$fake/sys/$NAME"
        config --arg fake "$fake" '.mounts |= map(select(.destination != "/proc"))
                | .mounts += [{destination: "/proc", type: "bind", source: $fake, options: ["bind"]}]
                | .linux.sysctl = {"kernel.shm_rmid_forced": "1"} | .linux.readonlyPaths = []
                | .process.args = ["/bin/true"]'
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null && return 0
        grep -q '^husk-oci: ' "$BUNDLE/output" || return 2
        return 1
}

@test "CVE-2019-16884: a directory over /proc" {
        immune over_proc
        # The document's own rule is the first; without it there is no procfs to set a sysctl in.
        still_immune destination over_proc
        [[ "$(cat "$BUNDLE/output")" == *'needs a proc mount'* ]]
}

# proc_link KIND: /proc in the root is a link. Success: procfs lies elsewhere in the root
proc_link() {
        local root=$BUNDLE/rootfs
        mkdir -p "$root/tmp/elsewhere"
        case $1 in
        absolute) ln -s /tmp/elsewhere "$root/proc" ;;
        relative) ln -s tmp/elsewhere "$root/proc" ;;
        chained) ln -s hop "$root/proc" && ln -s /tmp/elsewhere "$root/hop" ;;
        esac
        script 'ls /tmp/elsewhere/self/status'
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 && return 0
        grep -q '^husk-oci: ' "$BUNDLE/output" || return 2
        return 1
}

@test "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: /proc is a link in the root" {
        local kind
        for kind in absolute relative chained; do
                immune proc_link "$kind"
                weak strict proc_link "$kind"
        done
}

# by_hook [less]: a hook of createContainer binds files over all that a runtime writes to. Success: a write went to
# one of them, or something is not what the document says
by_hook() {
        local fake=$BUNDLE/fake root=$BUNDLE/rootfs file pid
        mkdir "$fake"
        for file in shm_rmid_forced oom_score_adj attr_exec uid_map gid_map setgroups timens_offsets loginuid; do
                echo fake >"$fake/$file"
        done
        cat >"$fake/hook" <<HOOK
#!/bin/sh
mount --bind $fake/shm_rmid_forced $root/proc/sys/$NAME || exit 1
for file in oom_score_adj attr/exec uid_map gid_map setgroups timens_offsets loginuid; do
        [ ! -e $root/proc/1/\$file ] || mount --bind $fake/\$(echo \$file | tr / _) $root/proc/1/\$file || exit 1
done
touch $fake/done
HOOK
        chmod +x "$fake/hook"
        config --arg hook "$fake/hook" '.hooks.createContainer = [{"path": $hook}]
                | .linux.sysctl = {"kernel.shm_rmid_forced": "1"} | .process.oomScoreAdj = 777
                | .linux.namespaces += [{"type": "user"}, {"type": "time"}]
                | .linux.timeOffsets = {"monotonic": {"secs": 77, "nanosecs": 0}}
                | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 77777}]
                | .linux.gidMappings = .linux.uidMappings
                | .process.args = ["/bin/sleep", "1000"]'
        [ "${1:-}" != less ] || config 'del(.linux.timeOffsets) | .linux.namespaces |= map(select(.type != "time"))'
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null || return 2
        [ -e "$fake/done" ] || return 3
        pid=$(pid_of "$WORD")
        for file in shm_rmid_forced oom_score_adj attr_exec uid_map gid_map setgroups timens_offsets loginuid; do
                [ "$(cat "$fake/$file")" = fake ] || return 0
        done
        [ "$(real_value)" = 1 ] && [ "$(cat "/proc/$pid/oom_score_adj")" = 777 ] &&
                [ "$(awk '{ print $3 }' "/proc/$pid/uid_map")" = 77777 ] &&
                [ "$(awk '{ print $3 }' "/proc/$pid/gid_map")" = 77777 ] &&
                { [ "${1:-}" = less ] || grep -qE '^monotonic +77 ' "/proc/$pid/timens_offsets"; } || return 0
        return 1
}

# No control in husk: all of it is written before a hook, or a mount of the container's, can be in the way, and by the
# host's procfs or the one that is not attached yet. (Here is no AppArmor: attr/exec is looked at only.) runc 1.1.5
# knows no time namespaces.
@test "CVE-2025-52881: a hook binds files over all that is written to" {
        immune by_hook
        immune by_hook less
        peer by_hook less
}

# A sysctl of the document: success when the host's core_pattern changed.
sysctl_of() {
        local before after
        before=$(cat /proc/sys/kernel/core_pattern)
        config --arg key "$1" --arg value "$2" '.linux.sysctl = {($key): $value} | .process.args = ["/bin/true"]'
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null ||
                grep -q '^husk-oci: .*sysctl' "$BUNDLE/output" || return 2
        after=$(cat /proc/sys/kernel/core_pattern)
        [ "$before" != "$after" ]
}

# Each value is one write(2), and what is no name is refused by the compiler, which the unit tests hold to it. What
# would come of them shows the next test.
@test "CVE-2022-0811: values and names of sysctls that would be more than one" {
        local value
        for value in '1+kernel.core_pattern=|x' $'1\nkernel.core_pattern=|x' '1,kernel.core_pattern=|x' \
                '1 kernel.core_pattern=|x'; do
                immune sysctl_of kernel.shm_rmid_forced "$value"
        done
        for value in kernel.core_pattern kernel/core_pattern kernel.shm/../core_pattern net/../kernel/core_pattern \
                'kernel.shm_rmid_forced=1+kernel.core_pattern' $'kernel.msgmax\nkernel.core_pattern' /kernel/core_pattern \
                ../sysrq-trigger kernel.shmmax/../../../sysrq-trigger ''; do
                immune sysctl_of "$value" '|x'
        done
}

# hands_over COMMAND...: success when a sysctl of the host's, which does no harm, has the value $MORE afterwards
hands_over() {
        BURST=$(cat /proc/sys/kernel/printk_ratelimit_burst)
        MORE=$((BURST + 1))
        local r=0 after
        "$@" >"$BUNDLE/output" 2>&1 </dev/null || r=2
        after=$(cat /proc/sys/kernel/printk_ratelimit_burst)
        echo "$BURST" >/proc/sys/kernel/printk_ratelimit_burst
        [ "$after" != "$MORE" ] || return 0
        [ "$r" = 0 ] || grep -q '^husk-oci: .*sysctl' "$BUNDLE/output" || return 2
        return 1
}
with_sysctl() {
        config --arg key "$1" --arg value "${2//MORE/$MORE}" '.linux.sysctl = {($key): $value} | .process.args = ["/bin/true"]'
        oci run --bundle "$BUNDLE" "$WORD"
}
# What takes lines: sysctl(8), in an ipc namespace of its own, as a container has one.
with_lines() {
        printf '%s = %s\n' "$1" "${2//MORE/$MORE}" >"$BUNDLE/lines"
        unshare --ipc sysctl -p "$BUNDLE/lines"
}

@test "CVE-2022-0811: a sysctl of no namespace, and a value of two lines, reach the host" {
        immune hands_over with_sysctl kernel.printk_ratelimit_burst MORE
        weak sysctl hands_over with_sysctl kernel.printk_ratelimit_burst MORE
        immune hands_over with_sysctl kernel.shm_rmid_forced $'1\nkernel.printk_ratelimit_burst = MORE'
        attacked 0 hands_over with_lines kernel.shm_rmid_forced $'1\nkernel.printk_ratelimit_burst = MORE'
}
