#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A container with a terminal: in front of the caller's own, and over a console socket.

load helper
setup() {
        begin
        config '.process.terminal = true'
}
teardown() { finish; }

@test "run: a terminal of the container's own, on 0, 1 and 2 and as /dev/console" {
        script 'tty; test -t 0 && test -t 1 && test -t 2 && echo all
                stat -c "%F %t" /dev/console; echo console >/dev/console; exit 9'
        run on_terminal "run --bundle $BUNDLE $WORD"
        [ "$status" = 9 ]
        [ "$output" = $'/dev/pts/0\nall\ncharacter special file 88\nconsole' ]
}

@test "run: a session and a foreground group of its own" {
        script 'cat /proc/self/stat'
        run on_terminal "run --bundle $BUNDLE $WORD"
        [ "$status" = 0 ]
        # pid, group, session, terminal's foreground group
        read -r pid _ _ _ group session terminal foreground _ <<<"$output"
        [ "$pid $group $session $foreground" = "1 1 1 1" ]
        [ "$terminal" != 0 ]
}

@test "run: the size that config.json says, when the caller's terminal has none" {
        config '.process.consoleSize = {"height": 31, "width": 97}'
        script 'stty size'
        run on_terminal "run --bundle $BUNDLE $WORD"
        [ "$output" = "31 97" ]
}

@test "run: the size of the caller's terminal" {
        script 'stty size'
        mkfifo "$BUNDLE/keys"
        run timeout --foreground 60 script -qec \
                "stty rows 43 cols 101; $HUSK_OCI --root $ROOT run --bundle $BUNDLE $WORD" /dev/null <>"$BUNDLE/keys"
        [ "${output%$'\r'}" = "43 101" ]
}

sleeping() {
        oci exec "$WORD" sh -c 'grep -q sleep /proc/[0-9]*/comm'
}

@test "run: what is typed arrives; ^C interrupts; ^D ends" {
        script 'trap "echo interrupted" INT; echo ready; read word; echo "got $word"; sleep 100
                read other || echo end; exit 3'
        mkfifo "$BUNDLE/keys"
        timeout --foreground -k 5 60 script -qec "$HUSK_OCI --root $ROOT run --bundle $BUNDLE $WORD" \
                /dev/null <>"$BUNDLE/keys" >"$BUNDLE/screen" &
        eventually 20 grep -q ready "$BUNDLE/screen"
        echo hello >"$BUNDLE/keys"
        eventually 20 grep -q "got hello" "$BUNDLE/screen"
        # the shell forks: only the started sleep is sure to see the signal
        eventually 20 sleeping
        printf '\003' >"$BUNDLE/keys"
        eventually 20 grep -q interrupted "$BUNDLE/screen"
        printf '\004' >"$BUNDLE/keys"
        wait $! || code=$?
        [ "$code" = 3 ]
        grep -q end "$BUNDLE/screen"
}

@test "run: ^Z stops a job of the container's shell, not us" {
        config '.process.args = ["/bin/sh", "-i"] | .process.env += ["PS1=> "]'
        mkfifo "$BUNDLE/keys"
        timeout --foreground -k 5 60 script -qec "$HUSK_OCI --root $ROOT run --bundle $BUNDLE $WORD" \
                /dev/null <>"$BUNDLE/keys" >"$BUNDLE/screen" &
        eventually 20 grep -q '>' "$BUNDLE/screen"
        echo 'sleep 1000' >"$BUNDLE/keys"
        eventually 20 sleeping
        printf '\032' >"$BUNDLE/keys"
        eventually 20 grep -q Stopped "$BUNDLE/screen"
        echo 'kill %1; exit 6' >"$BUNDLE/keys"
        echo 'exit 6' >"$BUNDLE/keys"
        wait $! || code=$?
        [ "$code" = 6 ]
}

@test "run: the last words arrive, all of them" {
        script 'i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i + 1)); done'
        run on_terminal "run --bundle $BUNDLE $WORD"
        [ "$status" = 0 ]
        [ "${#lines[@]}" = 2000 ]
        [ "${lines[1999]}" = "line 1999 of many" ]
}

@test "the caller's terminal is as before afterwards" {
        cat >"$BUNDLE/both" <<END
stty -a >$BUNDLE/before
$HUSK_OCI --root $ROOT run --bundle $BUNDLE $WORD
stty -a >$BUNDLE/after
END
        script 'exit 0'
        mkfifo "$BUNDLE/keys"
        timeout --foreground 60 script -qec "sh $BUNDLE/both" /dev/null <>"$BUNDLE/keys" >/dev/null
        [ -s "$BUNDLE/before" ]
        diff "$BUNDLE/before" "$BUNDLE/after"
}

# receive SOCKET OUT: take one terminal, write what comes from it to OUT
receiver() {
        cat >"$BUNDLE/receiver.py" <<'END'
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
server.settimeout(60)
peer = server.accept()[0]
data, extra, _, _ = peer.recvmsg(256, socket.CMSG_SPACE(4))
fds = array.array("i")
for level, kind, bytes_ in extra:
    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
        fds.frombytes(bytes_[:4])
assert len(fds) == 1 and os.isatty(fds[0])
with open(sys.argv[2], "wb", 0) as out:
    os.write(fds[0], b"typed\n")
    while True:
        try:
            piece = os.read(fds[0], 4096)
        except OSError:
            break
        if not piece:
            break
        out.write(piece)
END
        /usr/bin/python3 "$BUNDLE/receiver.py" "$1" "$2" 3>&- &
        RECEIVER=$!
        eventually 30 test -S "$1"
}

@test "create: the terminal goes to the console socket" {
        script 'read word; tty; echo "got $word"'
        receiver "$BUNDLE/socket" "$BUNDLE/screen"
        oci create --console-socket "$BUNDLE/socket" --bundle "$BUNDLE" "$WORD"
        oci start "$WORD"
        wait "$RECEIVER"
        [ "$(tr -d '\r' <"$BUNDLE/screen")" = $'typed\n/dev/pts/0\ngot typed' ]
}

@test "exec: the terminal goes to the console socket, too" {
        config '.process.terminal = false'
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        receiver "$BUNDLE/socket" "$BUNDLE/screen"
        oci exec --detach --tty --console-socket "$BUNDLE/socket" "$WORD" sh -c 'read word; tty; echo "got $word"' \
                >/dev/null 2>&1
        wait "$RECEIVER"
        [ "$(tr -d '\r' <"$BUNDLE/screen")" = $'typed\n/dev/pts/0\ngot typed' ]
}

@test "a terminal that nobody would get is refused, and a socket without a terminal" {
        script 'exit 0'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *terminal* ]]
        config '.process.terminal = false'
        run --separate-stderr oci create --console-socket "$BUNDLE/socket" --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *console-socket* ]]
}

# Its queue is full: connect(2) waits for ever.
@test "a console socket that accepts nobody: an error in some seconds, and nothing left" {
        script 'sleep 100'
        /usr/bin/python3 -c '
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + ".new")
listener.listen(0)
clients = [socket.socket(socket.AF_UNIX) for _ in range(2)]
for client in clients:
        client.setblocking(False)
        try:
                client.connect(sys.argv[1] + ".new")
        except BlockingIOError:
                pass
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)' "$BUNDLE/socket" 3>&- &
        RECEIVER=$!
        eventually 30 test -S "$BUNDLE/socket"
        run --separate-stderr timeout 20 "$HUSK_OCI" --root "$ROOT" create --console-socket "$BUNDLE/socket" --bundle "$BUNDLE" "$WORD"
        kill "$RECEIVER"
        refused
        [[ $stderr == *"cannot connect to the console socket $BUNDLE/socket: Resource temporarily unavailable"* ]]
}

@test "a console socket that is not there leaves nothing behind" {
        script 'sleep 100'
        run --separate-stderr oci create --console-socket "$BUNDLE/none" --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"$BUNDLE/none"* ]]
}
