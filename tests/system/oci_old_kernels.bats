#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kernels that lack a call, as a filter around husk-oci simulates them (tests/probes/refuse.c): the
# container is the same, with the same protections as tests/probe.c reports them, or the call is named
# with the version that has it, and nothing is left. oci_old_mounts.bats has more on mounts.

# shellcheck disable=SC2154,SC2030,SC2031
load helper

# What is new since Linux 4.19, with its number, and what becomes of `run` and of `exec` without it:
# "same", or the version that is asked for. A landlock(7) container and a program in memfd are
# not asked for here.
NEWER='
pidfd_send_signal 424 same same
open_tree 428 5.2 same
move_mount 429 5.2 same
fsopen 430 5.2 same
fsconfig 431 5.2 same
fsmount 432 5.2 same
fspick 433 same same
pidfd_open 434 same 5.3
clone3 435 5.7 5.7
close_range 436 same same
openat2 437 5.6 5.6
pidfd_getfd 438 same same
faccessat2 439 same same
mount_setattr 442 same same
landlock_create_ruleset 444 same same
landlock_add_rule 445 same same
landlock_restrict_self 446 same same
fchmodat2 452 same same
statmount 457 same same
listmount 458 same same
open_tree_attr 467 same same'

# Who calls: root, or become_user.
AS=
oci() {
        # shellcheck disable=SC2086 # words
        $AS timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" "$@"
}

setup() {
        begin
        build=$BATS_TEST_DIRNAME/../../build/dev/tests
        REFUSE=$build/probe_refuse
        [ -x "$REFUSE" ] || skip "there is no probe $REFUSE (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip "the numbers are those of x86-64"
        cp "${PROBE:-$build/probe}" "$BUNDLE/rootfs/bin/probe"
        config '.process.args = ["/bin/probe"] | .process.noNewPrivileges = true | .hostname = "old" |
                .linux.resources.pids.limit = 99 | .process.oomScoreAdj = 100 |
                .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
                        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 77}]}'
}
teardown() {
        finish
}

# The probe's report without what differs from run to run.
plain() {
        sed -E 's/^(ns_[a-z]+) .*/\1/; /^keyring/d'
}

# without NUMBERS -- COMMAND...: its report is in $BUNDLE/out, its words in $BUNDLE/err
without() {
        status=0
        local calls=()
        while [ "$1" != -- ]; do calls+=("$1") && shift; done
        # shellcheck disable=SC2086 # words
        timeout -k 5 60 "$REFUSE" 38 "${calls[@]}" -- $AS "${@:2}" >"$BUNDLE/out" 2>"$BUNDLE/err" || status=$?
}

# what_becomes NAME WANTED REPORT: the command before had the report, or asked for that version
what_becomes() {
        echo "without $1: $status $(cat "$BUNDLE/err")"
        if [ "$2" = same ]; then
                [ "$status" = 0 ] && diff "$3" <(plain <"$BUNDLE/out")
        else
                [ "$status" != 0 ] && [ ! -s "$BUNDLE/out" ] && grep -q "since Linux $2" "$BUNDLE/err" &&
                        grep -qw "${4:-$1}" "$BUNDLE/err"
        fi
}

# `run` without each call of the table: what $BUNDLE/want says, or the name of the call, and nothing left.
runs_without() {
        local name number run
        while read -r name number run _; do
                [ -n "$name" ] || continue
                without "$number" -- "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD"
                what_becomes "$name" "$run" "$BUNDLE/want"
                [ -z "$(ls "$ROOT")" ]
        done <<<"$NEWER"
}

@test "run without a call: the same protections, or its name" {
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/report"
        plain <"$BUNDLE/report" >"$BUNDLE/want"
        grep -q '^refused mkdir 77' "$BUNDLE/want"
        grep -q '^no_new_privs 1' "$BUNDLE/want"
        runs_without
}

# verbs_of_oci: exec, kill and delete without each call, of a container that runs
verbs_of_oci() {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null
        oci exec "$WORD" /bin/probe | plain >"$BUNDLE/want"
        while read -r name number _ exec; do
                [ -n "$name" ] || continue
                without "$number" -- "$HUSK_OCI" --root "$ROOT" exec "$WORD" /bin/probe
                what_becomes "$name" "$exec" "$BUNDLE/want"
                running "$WORD"
        done <<<"$NEWER"
        for call in pidfd_open=434 pidfd_send_signal=424; do
                for command in "kill $WORD KILL" "delete --force $WORD"; do
                        # shellcheck disable=SC2086
                        without "${call#*=}" -- "$HUSK_OCI" --root "$ROOT" $command
                        cat "$BUNDLE/err"
                        [ "$status" != 0 ]
                        grep -q "${call%=*}(2), since Linux 5" "$BUNDLE/err"
                        running "$WORD"
                done
        done
        for call in 435 436 437 439 442; do
                without $call -- "$HUSK_OCI" --root "$ROOT" kill "$WORD" 0
                [ "$status" = 0 ]
        done
        without 428 429 430 431 432 435 436 437 439 442 -- \
                "$HUSK_OCI" --root "$ROOT" delete --force "$WORD"
        [ "$status" = 0 ]
        [ -z "$(ls "$ROOT")" ]
}

@test "exec, kill and delete without a call: the same, or its name" {
        config '.process.args += ["stay"]'
        verbs_of_oci
}

@test "without any of them: refused, and nothing left" {
        # shellcheck disable=SC2046
        without $(awk '{ print $2 }' <<<"$NEWER") -- "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD"
        what_becomes all 5.2 '' 'mount interface'
        [ -z "$(ls "$ROOT")" ]
}

@test "husk run without a call: the same protections, or its name" {
        local run=("$HUSK" --root "$BUNDLE/store" --runroot "$BUNDLE/run" run --rm --hostname old
                --rootfs "$BUNDLE/rootfs" /bin/probe)
        timeout 60 "${run[@]}" | plain >"$BUNDLE/want"
        while read -r name number wanted _; do
                [ -n "$name" ] || continue
                without "$number" -- "${run[@]}"
                # The keeper confines itself as far as the kernel says that it can, once the program runs,
                # which may have got anywhere when it is killed for that.
                case $name in landlock_add_rule | landlock_restrict_self)
                        wanted=5.13
                        : >"$BUNDLE/out"
                        rm -rf "$BUNDLE/rootfs/tmp/x"
                        ;;
                esac
                what_becomes "$name" "$wanted" "$BUNDLE/want" "${name/landlock_*/landlock}"
                [ -z "$(ls "$BUNDLE/store/containers" 2>/dev/null)" ]
        done <<<"$NEWER"
}

# Names can change between a look and a mount; descriptors cannot.
@test "no kernel makes husk-oci mount by a path" {
        command -v strace >/dev/null || skip "there is no strace"
        while read -r name number run _; do
                [ "$run" = same ] || continue
                timeout -k 5 60 strace -f -qq -e signal=none -e trace=mount -o "$BUNDLE/calls" "$REFUSE" 38 "$number" -- \
                        "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD" >/dev/null
                echo "without $name"
                [ "$(grep -c 'mount(NULL, "/", NULL, MS_REC|MS_[A-Z]*, NULL)' "$BUNDLE/calls")" = 1 ]
                ! grep 'mount(' "$BUNDLE/calls" | grep -v -e 'mount(NULL, "/", NULL, MS_REC|MS_[A-Z]*, NULL)' \
                        -e 'mount([^,]*, "/proc/self/fd/[0-9]*", '
        done <<<"$(grep -e 'mount' -e 'open_tree_attr' -e fspick <<<"$NEWER")"
}

in_husk() {
        # shellcheck disable=SC2086 # words
        $AS timeout -k 5 60 "$HUSK" --root "$BUNDLE/store" --runroot "$BUNDLE/run" "$@" 3>&-
}

# verbs_of_husk: exec, kill and rm of husk without each call, of a container that runs
verbs_of_husk() {
        local verb husk=("$HUSK" --root "$BUNDLE/store" --runroot "$BUNDLE/run")
        in_husk run -d --name old --hostname old --rootfs "$BUNDLE/rootfs" /bin/probe stay >/dev/null 2>"$BUNDLE/err"
        in_husk exec old /bin/probe 2>"$BUNDLE/err" | plain >"$BUNDLE/want"
        grep -q '^end' "$BUNDLE/want"
        while read -r name number _ exec; do
                [ -n "$name" ] || continue
                # who has no cgroups of theirs needs nothing to enter them
                [ -z "$AS" ] || [ "$name" != clone3 ] || exec=same
                # what openat2(2) is for in exec is in husk-oci's documents, not here
                [ "$name" != openat2 ] || exec=same
                without "$number" -- "${husk[@]}" exec old /bin/probe
                what_becomes "$name" "$exec" "$BUNDLE/want"
        done <<<"$NEWER"
        for call in pidfd_open=434 pidfd_send_signal=424; do
                for verb in 'kill old' 'rm -f old' 'stop old'; do
                        # shellcheck disable=SC2086 # words
                        without "${call#*=}" -- "${husk[@]}" $verb
                        echo "$verb without $call: $status $(cat "$BUNDLE/err")"
                        [ "$status" != 0 ]
                        grep -q "${call%=*}(2), since Linux 5" "$BUNDLE/err"
                        in_husk exec old /bin/true
                done
        done
        without 428 429 430 431 432 435 436 437 439 442 444 445 446 -- "${husk[@]}" kill -s CONT old
        [ "$status" = 0 ]
        without 428 429 430 431 432 435 436 437 439 442 444 445 446 -- "${husk[@]}" rm -f old
        cat "$BUNDLE/err"
        [ "$status" = 0 ]
        [ -z "$(ls -A "$BUNDLE/store/containers" | grep -v '^.trial')" ]
}

@test "husk exec, kill, stop and rm without a call: the same, or its name" {
        verbs_of_husk
}

# An ordinary user, with one id and without cgroups, to whom all of the bundle and the programs are given.
become_user() {
        local id=54321
        [ "$(id -u)" = 0 ] || skip "needs root, to become an ordinary user"
        AS="setpriv --reuid $id --regid $id --clear-groups env -i PATH=/usr/bin:/bin HOME=/"
        open_way "$BUNDLE"
        cp "$HUSK_OCI" "$BUNDLE/husk-oci"
        cp "$HUSK" "$BUNDLE/husk"
        HUSK_OCI=$BUNDLE/husk-oci HUSK=$BUNDLE/husk
        rm "$BUNDLE/config.json"
        mkdir -p "$ROOT" "$BUNDLE/store" "$BUNDLE/run"
        cp "$(command -v busybox)" "$BUNDLE/rootfs/bin/busybox"
        chown -hR "$id:$id" "$BUNDLE" "$ROOT"
        oci spec --rootless --bundle "$BUNDLE"
        config '.process.args = ["/bin/probe"] | .process.terminal = false | .process.noNewPrivileges = true |
                .hostname = "old" | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
                        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 77}]}'
}

# The same table, but that who has no cgroup needs no clone3(2) into it, and no openat2(2) to enter it.
@test "an ordinary user's run, exec, kill and delete without a call: the same, or its name" {
        become_user
        NEWER=$(sed 's/^clone3 .*/clone3 435 same same/; s/^openat2 .*/openat2 437 5.6 same/' <<<"$NEWER")
        oci run --bundle "$BUNDLE" "$WORD" 2>/dev/null | plain >"$BUNDLE/want"
        grep -q '^refused mkdir 77' "$BUNDLE/want"
        runs_without
        config '.process.args += ["stay"]'
        verbs_of_oci
}

@test "an ordinary user's husk exec, kill, stop and rm without a call: the same, or its name" {
        become_user
        verbs_of_husk
}

# forking: a container without a pid namespace of its own, in which no process is the same for long: who signals what
# was listed a moment before meets the dead.
forking() {
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/out" 2>&1
        eventually 10 grep -q fleeing "$BUNDLE/out"
}

# How many there are in its cgroups.
alive() {
        find /sys/fs/cgroup -path "*$WORD*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | wc -l
}

# HUSK_WEAK of the control program (tests/attacks/weak.c) is here the kernel of before Linux 5.14. A signal is late, so
# that it comes in time only for what a freezer holds.
@test "without cgroup.kill: none of those that fork outlives kill --all and delete --force" {
        command -v strace >/dev/null || skip "there is no strace"
        local weak=$BATS_TEST_TMPDIR/husk-oci command
        cp "$build/weak" "$weak"
        cp "$build/probe_flee" "$BUNDLE/rootfs/bin/flee"
        config '.process.args = ["/bin/flee", "6", "30"] | .linux.namespaces |= map(select(.type != "pid")) |
                del(.linux.resources, .linux.seccomp)'
        for command in "kill --all $WORD KILL" "delete --force $WORD"; do
                forking
                [ "$(alive)" -gt 6 ]
                # shellcheck disable=SC2086 # words
                HUSK_WEAK=cgroup.kill run -0 --separate-stderr timeout -k 5 20 strace -f -o "$BUNDLE/calls" \
                        -e trace=pidfd_send_signal,openat -e inject=pidfd_send_signal:delay_enter=200000 \
                        "$weak" --root "$ROOT" $command
                ! grep -q '"cgroup.kill"' "$BUNDLE/calls"
                [ "$(alive)" = 0 ]
                oci delete --force "$WORD"
        done
        [ -z "$(ls "$ROOT")" ]
}
