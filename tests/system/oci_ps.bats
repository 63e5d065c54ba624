#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which processes a container has, and signals to all of them; several containers at once; what ps, list
# and state print, beside runc's.

# shellcheck disable=SC2154,SC2016 # set by bats; the container's own variables
load helper
setup() { begin; }
teardown() {
        [ -z "${theirs:-}" ] || timeout 60 runc --root "$theirs" delete --force "$WORD.runc"
        finish
}

shared_pids() { config 'del(.linux.namespaces[] | select(.type == "pid"))'; }

# start [ID]: one more container of the bundle
start() {
        oci run --detach --bundle "$BUNDLE" "${1:-$WORD}" </dev/null >/dev/null 2>&1
}

count_is() { [ "$(oci ps --format json "$WORD" | jq length)" = "$1" ]; }
all_gone() {
        local pid
        for pid in $1; do gone "$pid" || return 1; done
}

@test "the processes, their number and what ps says" {
        script 'sleep 1000 & sleep 1001 & wait'
        start
        eventually 20 count_is 3
        local pids
        pids=$(oci ps -f json "$WORD")
        [ "$(jq '.[0] < .[1] and .[1] < .[2]' <<<"$pids")" = true ]
        [ "$(jq ".[0] == $(pid_of "$WORD")" <<<"$pids")" = true ]
        run --separate-stderr oci ps "$WORD"
        [ "$status" = 0 ]
        [[ ${lines[0]} == UID*PID*PPID*CMD ]]
        [ "${#lines[@]}" = 4 ]
        [[ $output == *"sleep 1000"* ]]
        # options of ps, with and without "--"
        for dash in '' --; do
                # shellcheck disable=SC2086 # a word or none
                run --separate-stderr oci ps "$WORD" $dash -o pid,args
                [[ $output =~ ^\ *PID\ COMMAND ]]
                [[ $output == *"sleep 1001"* ]]
                [[ $output != *UID* ]]
        done
        run --separate-stderr oci ps "$WORD" -o args
        [ "$status" = 1 ]
        [[ $stderr == *"no column PID"* ]]
        run --separate-stderr oci ps "$WORD" --no-such-option
        [ "$status" = 1 ]
        [[ $stderr == *"ps ended with 1: error: "* ]]
        run --separate-stderr env PATH=/nowhere "$HUSK_OCI" --root "$ROOT" ps "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"there is no ps(1)"*"--format json"* ]]
}

@test "those in cgroups below count, too; what has ended has none" {
        script 'sleep 1000 & wait'
        start
        eventually 20 count_is 2
        local freezer pid
        freezer=$(dirname "$(find /sys/fs/cgroup -path "*$WORD*" -name freezer.state | grep . || cgroup_file cgroup.freeze)")
        pid=$(oci ps -f json "$WORD" | jq '.[1]')
        mkdir "$freezer/below"
        echo "$pid" >"$freezer/below/cgroup.procs"
        count_is 2
        oci kill --all "$WORD" KILL
        eventually 20 all_gone "$pid"
        eventually 20 stopped "$WORD"
        [ "$(oci ps -f json "$WORD")" = '[]' ]
        run --separate-stderr oci ps "$WORD.none"
        [ "$status" = 1 ]
        oci kill --all "$WORD" KILL
        run ! oci kill "$WORD" KILL
}

@test "kill --all: a signal to each, not only the first" {
        config '.root.readonly = false'
        script 'for i in 1 2 3; do (trap "echo $i >>/tmp/got" USR1; echo >>/tmp/ready; while :; do sleep 0.1; done) & done
                trap "echo first >>/tmp/got" USR1; while :; do wait; done'
        start
        ready() { [ "$(grep -c '' "$BUNDLE/rootfs/tmp/ready" 2>/dev/null)" = 3 ]; }
        eventually 20 ready
        oci kill "$WORD" USR1
        got() { [ "$(sort "$BUNDLE/rootfs/tmp/got" 2>/dev/null | tr '\n' ' ')" = "$1" ]; }
        eventually 20 got 'first '
        rm "$BUNDLE/rootfs/tmp/got"
        oci kill --all "$WORD" USR1
        eventually 20 got '1 2 3 first '
        running "$WORD"
}

@test "SIGKILL without a pid namespace of its own ends all of them" {
        shared_pids
        script 'sleep 1000 & sleep 1000 & wait'
        start
        eventually 20 count_is 3
        local pids
        pids=$(oci ps -f json "$WORD" | jq '.[]')
        oci kill "$WORD" TERM
        eventually 20 stopped "$WORD"
        # what is left after its first one has ended
        count_is 2
        oci kill "$WORD" KILL
        eventually 20 all_gone "$pids"
        run --separate-stderr oci kill "$WORD" KILL
        [ "$status" = 1 ]
        [[ $stderr == *"container not running"* ]]
}

@test "SIGKILL to all of a paused one" {
        shared_pids
        script 'sleep 1000 & sleep 1000 & wait'
        start
        eventually 20 count_is 3
        local pids
        pids=$(oci ps -f json "$WORD" | jq '.[]')
        oci pause "$WORD"
        oci kill "$WORD" KILL
        eventually 20 all_gone "$pids"
        eventually 20 stopped "$WORD"
}

@test "real-time signals by name and number" {
        config '.root.readonly = false'
        script 'trap "echo 34 >>/tmp/got" 34; trap "echo 37 >>/tmp/got" 37; trap "echo 64 >>/tmp/got" 64
                touch /tmp/ready; while :; do sleep 0.1; done'
        start
        eventually 20 test -e "$BUNDLE/rootfs/tmp/ready"
        got() { [ "$(tail -n 1 "$BUNDLE/rootfs/tmp/got" 2>/dev/null)" = "$1" ]; }
        for pair in RTMIN:34 SIGRTMIN+3:37 37:37 rtmax:64 RTMAX-27:37 64:64; do
                rm -f "$BUNDLE/rootfs/tmp/got"
                oci kill "$WORD" "${pair%:*}"
                eventually 20 got "${pair#*:}"
        done
        for signal in RTMIN+31 RTMAX+1 RTMIN- SIGSIGTERM; do
                run ! oci kill "$WORD" "$signal"
        done
        running "$WORD"
}

@test "--regex: all containers that it matches, and no others" {
        script 'sleep 1000'
        for id in a1 a2 b1; do start "$WORD.$id"; done
        oci kill --regex "^$WORD\\.a[0-9]\$" KILL
        eventually 20 stopped "$WORD.a1"
        eventually 20 stopped "$WORD.a2"
        running "$WORD.b1"
        # one that fails is told, and the others go
        run --separate-stderr oci delete --regex "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"'$WORD.b1' is running"* ]]
        [ "$(oci list -q)" = "$WORD.b1" ]
        run --separate-stderr oci delete --force --regex "($WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"is not a regular expression"* ]]
        oci delete --force --regex "x$WORD"
        [ "$(oci list -q)" = "$WORD.b1" ]
        oci delete --force --regex .
        [ -z "$(oci list -q)" ]
}

@test "ps, list and state have runc's members" {
        is_v2 && skip "Debian's runc is for cgroup v1 here"
        command -v runc >/dev/null || skip "there is no runc"
        theirs=$BATS_TEST_TMPDIR/$WORD/runc
        config '.annotations = {"org.example.key": "value", "other": ""}'
        script 'sleep 1000 & sleep 1000 & wait'
        start
        timeout 60 runc --root "$theirs" run --detach --bundle "$BUNDLE" "$WORD.runc" </dev/null >/dev/null 2>&1 3>&-
        runc() { timeout 60 runc --root "$theirs" "$@"; }
        shape() { jq -cS 'walk(if type == "object" then . else type end)'; }
        diff <(oci state "$WORD" | shape) <(runc state "$WORD.runc" | shape)
        diff <(oci list -f json | shape) <(runc list -f json | shape)
        [ "$(oci list -f json | jq -c '.[0].annotations')" = "$(runc list -f json | jq -c '.[0].annotations')" ]
        diff <(oci list | head -n 1 | tr -s ' ') <(runc list | head -n 1 | tr -s ' ')
        eventually 20 count_is 3
        three() { [ "$(runc ps -f json "$WORD.runc" | jq length)" = 3 ]; }
        eventually 20 three
        diff <(oci ps -f json "$WORD" | shape) <(runc ps -f json "$WORD.runc" | shape)
        diff <(oci ps "$WORD" -o pid,args | sed 's/^ *[0-9]* //') <(runc ps "$WORD.runc" -o pid,args | sed 's/^ *[0-9]* //')
}
