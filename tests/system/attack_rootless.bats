#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The attacks of the other files once more, where husk-oci is an ordinary user's (tests/attacks/rootless.bash): mounts,
# procfs, descriptors, terminals, rights of exec, the denied calls. attack_rootless_rights, _state and _image have the
# rest; docs/security.md has what has no meaning for them.

# shellcheck disable=SC2154,SC2016,SC1090,SC2034 # set by bats; the container's own words; files of functions
load ../attacks/attack

ATTACKS='mounts procfs descriptors privileges ids seccomp'
load ../attacks/rootless
# They may not go before others.
BEFORE_OTHERS=.
own on_terminal
own traced
own types

traced() {
        theirs
        # shellcheck disable=SC2086 # words
        root_traced "$1" $AS "${@:2}"
}

# The command is a line of a shell's there.
on_terminal() {
        local HUSK_OCI="$AS HUSK_WEAK=${HUSK_WEAK:-} $HUSK_OCI"
        theirs
        root_on_terminal "$@"
}

types() {
        local HUSK_OCI="$AS HUSK_WEAK=${HUSK_WEAK:-} $HUSK_OCI"
        chown -hR "$ID:$ID" "$BUNDLE"
        root_types
}

@test "every destination a link: absolute, relative, chained" {
        local kind
        for kind in absolute relative chained; do
                immune linked "$kind" 1
                weak in_root,strict linked "$kind" 9
        done
}

@test "a mount's target, and the root's own name, exchanged while containers are made" {
        immune raced "$(sample 60)"
        weak in_root raced 60
        immune raced_root "$(sample 30)"
}

@test "/dev, /dev/pts and /dev/console are links" {
        local kind terminal="$DEVPTS | .process.terminal = true"
        for kind in absolute relative chained; do
                immune no_dev "$kind" /dev .
                immune no_dev "$kind" /dev/pts "$DEVPTS"
                immune no_dev "$kind" /dev/console "$terminal"
                weak in_root,strict no_dev "$kind" /dev .
                weak in_root,strict no_dev "$kind" /dev/pts "$DEVPTS"
                weak in_root,strict no_dev "$kind" /dev/console "$terminal"
        done
}

@test "files where the null device and the terminal's names will be" {
        immune null_file
        immune mask_with procfs image
        immune mask_with file hook
        weak null,make_node mask_with file image
        immune console
}

@test "/proc is a link, and a directory lies over it" {
        local kind
        for kind in absolute relative chained; do
                immune proc_link "$kind"
                weak strict proc_link "$kind"
        done
        immune over_proc
        still_immune destination over_proc
}

# No control: who enters a user namespace cannot be looked into from there, whatever he does: the kernel has it
# so, because his program was begun outside.
@test "who is in the container looks into who enters it" {
        immune lurk . 'root|cwd|fd .*|exe|rights .*'
}

@test "descriptors that are left open: as the working directory, and in the program" {
        immune by_directory run
        weak close_range,inside by_directory run
        immune has_more run
        immune has_more exec
        weak close_range has_more run
        weak close_range has_more exec
}

# The program is the user's own file here, and root in the container is that user.
@test "CVE-2019-5736: the user's husk-oci is run in a container by its own name" {
        immune overwritten
        weak seal_executable overwritten
}

@test "nothing of a hostile root is loaded or executed" {
        immune hostile_root state "$WORD"
        immune hostile_root kill "$WORD" 0
        immune hostile_root exec --user 0 "$WORD" /bin/true
}

@test "nothing can be typed into the user's terminal" {
        immune types
        if [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ]; then
                weak new_session types
        fi
}

@test "users of more than 32 bits, negative, with signs, and those that are not mapped" {
        local user
        script 'exec sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        while IFS= read -r user; do
                refused_id oci exec --user "$user" "$WORD" id
        done < <(bad_users; echo 1; echo 0:1; echo "$ID")
        run -0 oci exec --user 0:0 "$WORD" id -u
        [ "$output" = 0 ]
}

@test "the first process and one that joins: the same rights, field by field" {
        fields() { grep -E '^(Uid|Gid|Groups|Cap[A-Z][a-z]+|NoNewPrivs|Seccomp|Seccomp_filters):'; }
        config '.process.capabilities.bounding += ["CAP_CHOWN"] |
                .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
        first cat /proc/self/status | fields >"$BUNDLE/first"
        joined cat /proc/self/status | fields >"$BUNDLE/joined"
        [ "$(wc -l <"$BUNDLE/first")" = 11 ]
        diff "$BUNDLE/first" "$BUNDLE/joined"
        grep -q 'NoNewPrivs:.1' "$BUNDLE/joined"
        grep -q 'Seccomp:.2' "$BUNDLE/joined"
}

@test "each denied call of the list, by each way into the kernel" {
        local calls
        own_husk() { as timeout -k 5 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" "$@" 3>&-; }
        cp "$PROBES/probe_calls" "$BUNDLE/rootfs/bin/calls"
        theirs
        install -d -o "$ID" -g "$ID" "$STORE" "$STORE.run"
        mapfile -t calls < <(column 2 EPERM)
        [ "${#calls[@]}" -gt 50 ]
        run -0 --separate-stderr own_husk run --rm --rootfs "$BUNDLE/rootfs" calls "${calls[@]}"
        diff <(echo "$output") <(printf '%s: -1\n' "${calls[@]}")
        for way in i386:20 x32:39; do
                run -159 own_husk run --rm --rootfs "$BUNDLE/rootfs" calls "$way"
        done
        # the control: without the filter there are new namespaces and keys
        run -0 --separate-stderr own_husk run --rm --security-opt seccomp=unconfined --rootfs "$BUNDLE/rootfs" calls 272,0x10000000 248
        [ "$output" = $'272,0x10000000: 0\n248: -14' ]
}
