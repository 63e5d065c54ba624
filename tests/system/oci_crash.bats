#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL at any moment of create and run, and one ordinary command later nothing is left. strace
# sends the signal at a chosen system call, so that each moment is the same in every run.

load helper

setup() {
        begin
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD.other" >/dev/null 2>&1
        other=$(pid_of "$WORD.other")
}

teardown() {
        finish
}

# How many system calls does husk-oci itself make for this?
count_calls() {
        timeout 60 strace -qq -o "$BUNDLE/calls" "$HUSK_OCI" --root "$ROOT" "$@" >/dev/null 2>&1
        oci delete --force "$WORD"
        wc -l <"$BUNDLE/calls"
}

# killed_at N ARGUMENTS...: husk-oci is killed as it enters its Nth system call
killed_at() {
        local n=$1
        shift
        timeout 60 strace -qq -o /dev/null -e inject=all:signal=KILL:when="$n" \
                "$HUSK_OCI" --root "$ROOT" "$@" >/dev/null 2>&1 </dev/null || true
}

# Nothing of $WORD but for $WORD.other, which lives as before.
only_the_other() {
        local left
        left=$("$BATS_TEST_DIRNAME/../leak-meter" "$WORD" | grep -vF -e "$WORD.other" -e "process $other " || true)
        [ -z "$left" ] && [ "$(ls "$ROOT")" = "$WORD.other" ] || {
                echo "left: $left $(ls "$ROOT")"
                return 1
        }
        [ "$(pid_of "$WORD.other")" = "$other" ] && running "$WORD.other"
}

# every COUNT OF: COUNT numbers spread over 1..OF
every() {
        awk -v count="$1" -v of="$2" 'BEGIN {
                for (i = 0; i < count; i++) print 1 + int(i * (of - 1) / (count - 1)) }'
}

@test "create killed, then delete --force" {
        total=$(count_calls create --bundle "$BUNDLE" "$WORD")
        [ "$total" -gt 50 ]
        for n in $(every "$(sample 24)" "$total"); do
                echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
                killed_at "$n" create --bundle "$BUNDLE" "$WORD"
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
        # and the id is as good as new
        oci create --bundle "$BUNDLE" "$WORD"
        oci start "$WORD"
        oci delete --force "$WORD"
        eventually 10 only_the_other
}

@test "create killed, then create again" {
        total=$(count_calls create --bundle "$BUNDLE" "$WORD")
        for n in $(every "$(sample 16)" "$total"); do
                echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
                killed_at "$n" create --bundle "$BUNDLE" "$WORD"
                # Either the crash is undone and the id is free, or the container had come to be.
                # The killed one's first process may need a moment to see that its maker is gone.
                created() {
                        oci create --bundle "$BUNDLE" "$WORD" 2>"$BUNDLE/said" ||
                                [ "$(status_of "$WORD")" = created ]
                }
                eventually 10 created
                oci start "$WORD"
                [ "$(status_of "$WORD")" = running ]
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "run killed, then delete --force" {
        script 'exit 0'
        total=$(count_calls run --bundle "$BUNDLE" "$WORD")
        script 'sleep 1000'
        # the last calls are those after the program's end
        for n in $(every "$(sample 16)" $((total * 3 / 4))); do
                echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
                killed_at "$n" run --detach --bundle "$BUNDLE" "$WORD"
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "delete killed, then delete --force" {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        timeout 60 strace -qq -o "$BUNDLE/calls" "$HUSK_OCI" --root "$ROOT" delete --force "$WORD"
        total=$(wc -l <"$BUNDLE/calls")
        for n in $(every "$(sample 16)" "$total"); do
                echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
                oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
                killed_at "$n" delete --force "$WORD"
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "the first process killed in its set-up: an error, and nothing left" {
        for call in sethostname fsopen:when=2 fsmount:when=2 move_mount:when=3 symlinkat open_tree:when=3 \
                pivot_root umount2 setgroups setresuid capset; do
                echo "at $call"
                inject=${call%%:*}:signal=KILL
                [ "$call" = "${call%:*}" ] || inject+=:${call#*:}
                run --separate-stderr timeout 60 strace -qq -f -o "$BUNDLE/calls" -e trace="${call%%:*}" \
                        -e inject="$inject" "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD"
                echo "$stderr"
                grep -q "killed by SIGKILL" "$BUNDLE/calls"
                [ "$status" = 1 ]
                [[ $stderr == *"killed during the set-up"* ]]
                eventually 10 only_the_other
        done
}

@test "start killed: the container is started or can be" {
        oci create --bundle "$BUNDLE" "$WORD"
        timeout 60 strace -qq -o "$BUNDLE/calls" "$HUSK_OCI" --root "$ROOT" start "$WORD"
        total=$(wc -l <"$BUNDLE/calls")
        oci delete --force "$WORD"
        for n in $(every "$(sample 12)" "$total"); do
                echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
                oci create --bundle "$BUNDLE" "$WORD"
                killed_at "$n" start "$WORD"
                program() { [ "$(tr '\0' ' ' <"/proc/$(pid_of "$WORD")/cmdline")" = "/bin/sh -c sleep 1000 " ] ||
                        [[ "$(tr '\0' ' ' <"/proc/$(pid_of "$WORD")/cmdline")" == *"sleep 1000 " ]]; }
                started() { oci start "$WORD" 2>/dev/null || program; }
                eventually 10 started
                eventually 10 program
                eventually 10 running "$WORD"
                oci delete --force "$WORD"
        done
        eventually 10 only_the_other
}
