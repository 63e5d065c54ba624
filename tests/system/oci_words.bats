#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Words that container engines look for in what an OCI runtime says, and what they make of them:
#   containerd's shim   the last line of level "error" in the JSON log; "does not exist", "container
#                       not running" and "no such process" of kill and delete
#   docker and dockerd  "executable file not found", "no such file or directory": 127; "permission
#                       denied": 126; "not a directory"; case counts to the former
#   podman              the same by regular expressions; "not found", "no such file" of a conmon's
#   cri-o               "container not running", "no such process" on stderr
# Case counts only where it does to them.
# shellcheck disable=SC2016 # $PATH is a word here

load helper

setup() { begin; }
teardown() { finish; }

# says TEXT: the error line has it, and so has the log's last line of level error; the latter with the
# errno's words as Go has them
says() {
        local errno
        [[ $stderr == *"$1"* ]]
        errno=${1##*: }
        [[ $1 =~ (^|: )(No such file or directory|Permission denied|Not a directory)$ ]] || errno=
        [[ $(jq -rs 'map(select(.level == "error")) | last | .msg' "$LOG") == *"${1%"$errno"}${errno,}"* ]]
}

# as_engine WORDS...: husk-oci with a log as engines want it, new each time
as_engine() {
        LOG=$BATS_TEST_TMPDIR/$WORD/log.json
        rm -f "$LOG"
        # not by run, to which a status of 127 is a slip
        status=0
        stderr=$(oci --log "$LOG" --log-format json "$@" 2>&1 >/dev/null) || status=$?
}

@test "a program that is not there: 127, and the words of it, at create, run and exec" {
        config '.process.args = ["nosuch"]'
        as_engine create --bundle "$BUNDLE" "$WORD"
        [ "$status" = 127 ]
        says 'executable file not found in $PATH'
        config '.process.args = ["/bin/nosuch"]'
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 127 ]
        says '/bin/nosuch does not exist: No such file or directory'
        config '.process.args = ["sleep", "100"]'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        as_engine exec "$WORD" nosuch
        [ "$status" = 127 ]
        says 'executable file not found in $PATH'
        as_engine exec "$WORD" /nosuch
        [ "$status" = 127 ]
        says 'No such file or directory'
        # a directory to start in that is not there is an error of ours, not of the program
        as_engine exec --cwd /bin/busybox "$WORD" true
        [ "$status" = 255 ]
        says 'Not a directory'
}

@test "a program that cannot be run: 126" {
        printf 'no program\n' >"$BUNDLE/rootfs/bin/text"
        config '.process.args = ["/bin/text"]'
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 126 ]
        says 'Permission denied'
        chmod +x "$BUNDLE/rootfs/bin/text"
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 126 ]
        says 'xec format error'
        config '.process.args = ["/etc"]'
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 126 ]
        says 'is a directory: Permission denied'
}

@test "a container that is not there: does not exist, of every verb" {
        local verb
        for verb in state start kill delete 'exec'; do
                as_engine $verb "$WORD" $([ $verb != exec ] || echo true)
                [ "$status" -ne 0 ]
                says "container '$WORD' does not exist"
        done
        # but --force is for making sure
        as_engine delete --force "$WORD"
        [ "$status" = 0 ]
}

@test "a container that has ended: container not running" {
        config '.process.args = ["true"]'
        oci run -d --keep --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        eventually 10 stopped "$WORD"
        as_engine kill "$WORD" TERM
        [ "$status" -ne 0 ]
        says 'container not running'
        as_engine exec "$WORD" true
        [ "$status" = 255 ]
        says 'container not running'
        as_engine start "$WORD"
        [ "$status" -ne 0 ]
        says "container '$WORD' is stopped"
}

@test "an id that is taken: already exists" {
        config '.process.args = ["sleep", "100"]'
        oci create --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        as_engine create --bundle "$BUNDLE" "$WORD"
        [ "$status" = 1 ]
        says 'already exists'
        as_engine delete "$WORD"
        says "container '$WORD' is created"
}

@test "a mount's source that is not there, and a file upon a directory" {
        config '.mounts += [{destination: "/m", source: "/nosuch", options: ["bind"]}]'
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 1 ]
        says 'No such file or directory'
        config '.mounts[-1] = {destination: "/etc", source: "/proc/self/status", options: ["bind"]}'
        as_engine run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 1 ]
        says '/etc is a directory in the container, and what is to be mounted there is none: Not a directory'
}

@test "the log has a JSON object a line, with level, msg and time, and is appended to" {
        as_engine state nobody
        oci --log "$LOG" --log-format json kill nobody 'KI"LL' || true
        oci --log "$LOG" --log-format text state nobody || true
        [ "$(wc -l <"$LOG")" = 3 ]
        head -n 2 "$LOG" | jq -se 'all(.[]; keys == ["level", "msg", "time"] and .level == "error" and
                (.time | test("^20[0-9-]*T[0-9:]*Z$"))) and (.[1].msg | contains("KI\"LL"))'
        tail -n 1 "$LOG" | grep -Eq '^time="20[0-9-]*T[0-9:]*Z" level=error msg="'
}

@test "--version has the lines that engines read" {
        run oci --version
        [[ ${lines[0]} =~ ^husk-oci\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
        grep -qx 'spec: 1\.[0-9]*\.[0-9]*' <<<"$output"
        [ "$(oci version)" = "$output" ]
        [ "$(oci -v)" = "$output" ]
}

@test "with --log-format json and no log, stderr has the log's lines" {
        run --separate-stderr oci --log-format json state nobody
        [ "$status" = 1 ]
        [ -z "$output" ]
        jq -se 'length == 1 and (.[0] | .level == "error" and (.msg | contains("does not exist")))' <<<"$stderr"
        config '.process.args = ["true"] | .mounts[0].options = ["silent"]'
        run --separate-stderr oci --log-format json run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        jq -se 'length == 1 and (.[0] | .level == "warning" and (.msg | contains("silent")))' <<<"$stderr"
}

@test "--debug tells what was called and how it ended" {
        config '.process.args = ["sh", "-c", "exit 3"]'
        run --separate-stderr oci --debug run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 3 ]
        [[ $stderr =~ ^husk-oci:\ debug:\ .*:\ exit\ status\ 3\ of\ .*\ run\ --bundle\ .*$WORD$ ]]
        as_engine --debug state "$WORD"
        [ "$status" = 1 ]
        jq -se 'map(.level) == ["error", "debug"]' "$LOG"
}

@test "a link named runc or crun is husk-oci" {
        local name
        config '.process.args = ["echo", "words"]'
        for name in runc crun; do
                ln -s "$HUSK_OCI" "$BATS_TEST_TMPDIR/$name"
                run -0 timeout 60 "$BATS_TEST_TMPDIR/$name" --root "$ROOT" run --bundle "$BUNDLE" "$WORD"
                [ "$output" = words ]
        done
}
