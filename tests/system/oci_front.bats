#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk-oci run and exec in front of their process: signals go through, and the exit status is exactly
# the program's.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load helper
setup() { begin; }
teardown() { finish; }

# Tells each signal; USR2 ends it with 12.
TELLER='for s in HUP INT QUIT TERM USR1 ALRM CONT PWR; do trap "echo got $s" $s; done
        trap "exit 12" USR2; echo ready; while :; do sleep 1000 & wait $!; kill $!; done'
STATUSES='0 1 7 126 127 128 254 255'

# In the background; the shell ignores INT and QUIT there, so they are put back.
front() {
        env --default-signal=INT,QUIT "$HUSK_OCI" --root "$ROOT" "$@" >"$BUNDLE/out" 2>&1 </dev/null 3>&- &
        client=$!
        eventually 20 grep -qx ready "$BUNDLE/out"
}

# Each signal is told by the program before the next one is sent.
tells_all() {
        local s
        for s in HUP INT QUIT TERM USR1 ALRM CONT PWR; do
                kill -s "$s" "$client"
                eventually 20 grep -qx "got $s" "$BUNDLE/out"
        done
        kill -USR2 "$client"
        code=0
        wait "$client" || code=$?
        [ "$code" = 12 ]
}

up() {
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
}

@test "run: every signal that can be is passed on" {
        script "$TELLER"
        front run --bundle "$BUNDLE" "$WORD"
        tells_all
        [ ! -e "$ROOT/$WORD" ]
}

@test "exec: every signal that can be is passed on, to its own process" {
        up
        front exec "$WORD" sh -c "$TELLER"
        tells_all
        running "$WORD"
}

@test "signals are passed on that come before husk-oci has nothing else to do" {
        # of run: while it is at a poststart hook, and the program runs
        config --arg ready "$BUNDLE/rootfs/tmp/ready" '.root.readonly = false | .hooks.poststart = [{path: "/bin/sh",
                args: ["sh", "-c", "until [ -e \($ready) ]; do sleep 0.05; done; kill -USR2 $PPID"]}]'
        script 'trap "exit 12" USR2; echo >/tmp/ready; while :; do sleep 0.1; done'
        status=0
        oci run --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1 || status=$?
        [ "$status" = 12 ]
        # of exec: with the first breath of the program, whose parent it is
        config 'del(.hooks) | .linux.namespaces |= map(select(.type != "pid"))'
        up
        status=0
        oci exec "$WORD" sh -c 'trap "exit 12" USR2; kill -USR2 $PPID; while :; do sleep 0.1; done' \
                </dev/null >/dev/null 2>&1 || status=$?
        [ "$status" = 12 ]
}

@test "run: exit codes" {
        local n
        for n in $STATUSES; do
                script "exit $n"
                status=0
                oci run --bundle "$BUNDLE" "$WORD" || status=$?
                echo "exit $n: $status"
                [ "$status" = "$n" ]
        done
        [ ! -e "$ROOT/$WORD" ]
}

@test "exec: exit codes, and 128 + n for signal n" {
        local n
        up
        for n in $STATUSES; do
                status=0
                oci exec "$WORD" sh -c "exit $n" || status=$?
                echo "exit $n: $status"
                [ "$status" = "$n" ]
        done
        for n in 1 2 6 9 11 14 15 31 34 64; do
                status=0
                oci exec "$WORD" sh -c "kill -$n \$\$; sleep 1000" || status=$?
                echo "signal $n: $status"
                [ "$status" = $((128 + n)) ]
        done
}

@test "run: 128 + n for signal n, sent to its process" {
        local n
        # The first process of a pid namespace takes no deadly signal from itself; in the host's pid
        # namespace each of them ends it. Not QUIT: busybox's shell ignores that.
        config '.linux.namespaces |= map(select(.type != "pid")) |
                .mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
        for n in 1 2 6 9 11 15 34 64; do
                script "kill -$n \$\$; sleep 1000"
                status=0
                oci run --bundle "$BUNDLE" "$WORD" || status=$?
                echo "signal $n: $status"
                [ "$status" = $((128 + n)) ]
        done
}

@test "run and exec: 127 when there is no program, 126 when it cannot be executed" {
        echo words >"$BUNDLE/rootfs/bin/text"
        chmod 644 "$BUNDLE/rootfs/bin/text"
        config '.process.args = ["/not/there"]'
        run -127 oci run --bundle "$BUNDLE" "$WORD"
        config '.process.args = ["not-in-path"]'
        run -127 oci run --bundle "$BUNDLE" "$WORD"
        config '.process.args = ["/bin/text"]'
        run -126 oci run --bundle "$BUNDLE" "$WORD"
        config '.process.args = ["/etc"]'
        run -126 oci run --bundle "$BUNDLE" "$WORD"
        [ ! -e "$ROOT/$WORD" ]
        up
        run -127 oci exec "$WORD" /not/there
        run -127 oci exec "$WORD" not-in-path
        run -126 oci exec "$WORD" /bin/text
        run -126 oci exec "$WORD" /etc
        running "$WORD"
}
