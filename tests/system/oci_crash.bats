#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL at any moment of create and run, and one ordinary command later nothing is left. strace
# sends the signal at a chosen system call, so that each moment is the same in every run.

load crash_helper

@test "create killed, then delete --force" {
        calls_of create --bundle "$BUNDLE" "$WORD"
        oci delete --force "$WORD"
        for n in $(moments 24 "$total"); do
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
        calls_of create --bundle "$BUNDLE" "$WORD"
        oci delete --force "$WORD"
        for n in $(moments 16 "$total"); do
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

# As its maker discloses the first cgroup, the process is there, and not noted yet.
@test "create killed before its process is noted, and somebody locks the cgroup: all of them go" {
        local cgroup held
        timeout 60 strace -qq -o "$BUNDLE/calls" -e trace=fchmod -e inject=fchmod:signal=KILL:when=2 \
                "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" </dev/null || :
        grep -q '0755.* = ?' "$BUNDLE/calls"
        run ! grep -q '^{"process"' "$ROOT/$WORD/journal"
        cgroup=$(jq -r 'select(.undo == "remove_cgroup").path' "$ROOT/$WORD/journal" | head -n 1)
        exec {held}<"$cgroup"
        flock "$held"
        oci delete --force "$WORD"
        exec {held}<&-
        eventually 10 only_the_other
        [ -z "$(find /sys/fs/cgroup -maxdepth 6 -name "$WORD")" ]
}

@test "run killed, then delete --force" {
        calls_of run --detach --bundle "$BUNDLE" "$WORD"
        oci delete --force "$WORD"
        for n in $(moments 16 "$total"); do
                killed_at "$n" run --detach --bundle "$BUNDLE" "$WORD"
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "delete killed, then delete --force" {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        calls_of delete --force "$WORD"
        for n in $(moments 16 "$total"); do
                oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
                killed_at "$n" delete --force "$WORD"
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "start, and the first process is killed when it was connected to: it says so" {
        oci create --bundle "$BUNDLE" "$WORD"
        pid=$(pid_of "$WORD")
        # The command has the listener's queue, and no word was sent.
        strace -qq -o "$BUNDLE/calls" -e trace=sendmsg -e inject=sendmsg:delay_enter=2000000:when=1 \
                "$HUSK_OCI" --root "$ROOT" start "$WORD" 2>"$BUNDLE/said" 3>&- &
        start=$!
        sleep 1
        kill -KILL "$pid"
        status=0
        wait "$start" || status=$?
        cat "$BUNDLE/calls" "$BUNDLE/said"
        [ "$status" = 1 ]
        grep -q 'EPIPE\|ECONNRESET' "$BUNDLE/calls"
        grep -q 'its first process ended before it ran the program' "$BUNDLE/said"
        oci delete --force "$WORD"
        eventually 10 only_the_other
}
