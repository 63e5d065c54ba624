#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Clients and keepers that are killed, many containers at a time: nothing is lost, nothing is left.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test 'the client killed: the container goes on, its status is kept' {
        husk_client run --name one host sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 5'
        await is_state one running
        await husk exec one true
        await attends "$client"
        kill -KILL "$client"
        wait "$client" || :
        say_go one /tmp/go
        run -0 husk wait one
        same "$output" 5
        husk rm one
        nothing_left
}

@test 'the client killed: --rm still cleans up' {
        husk_client run --rm --name one host sleep 1000
        await is_state one running
        id=$(husk ps -q --no-trunc)
        await attends "$client"
        kill -KILL "$client"
        wait "$client" || :
        is_state one running
        husk kill one
        nothing_left "$id"
}

@test 'the client of a terminal killed: the container is not blocked' {
        husk_client run -t --name one host sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 100000; exit 5' >"$box/out"
        await is_state one running
        await husk exec one true
        await attends "$client"
        kill -KILL "$client"
        wait "$client" || :
        say_go one /tmp/go
        run -0 husk wait one
        same "$output" 5
        husk rm one
}

# unheard WORDS...: killed when it begins to listen to its keeper, which may have spoken before: then the container is
# there, and the next one is tried
unheard() {
        run strace -qq -o "$box/calls" -e trace=signalfd4 -e inject=signalfd4:signal=KILL:when=1 \
                "$husk" "${flags[@]}" "$@" 3>&-
        grep -q 'killed by SIGKILL' "$box/calls"
}

@test 'the client killed before it hears of its container: there is none' {
        command -v strace >/dev/null || skip 'strace is not there'
        local i ended
        for words in 'run -d --name one' 'run --rm --name one'; do
                for ((i = ended = 0; i < 8 && !ended; i++)); do
                        # shellcheck disable=SC2086
                        unheard $words host sleep 1000
                        if await without_containers; then ended=1; else husk rm -f one; fi
                done
                ((ended))
                nothing_left
        done
        for ((i = ended = 0; i < 8 && !ended; i++)); do
                husk create --name one host sleep 1000
                unheard start one
                if await is_state one exited; then ended=1; else husk rm -f one; fi
        done
        ((ended))
        husk start one
        is_state one running
        husk rm -f one
        nothing_left
}
without_containers() { [ -z "$(husk ps -aq)" ]; }

@test 'a start that fails after a boot leaves no cgroups' {
        id=$(husk create --name one host /none)
        sed -i 's/"boot":"[^"]*"/"boot":"another"/' "$store/containers/$id/journal"
        run -1 husk start one
        [ -z "$(find /sys/fs/cgroup -maxdepth 6 -name "*$id*" 2>/dev/null)" ]
        husk rm one
        nothing_left "$id"
}

@test 'the keeper killed: the container goes on; kill and rm clean up' {
        needs_controllers memory
        id=$(husk run -d --rm --name one --memory 64m host sleep 1000)
        keeper=$(keeper_of one)
        same "$(tr '\0' '\n' <"/proc/$keeper/cmdline" | grep -cx run)" 1
        kill -KILL "$keeper"
        await gone "$keeper"
        is_state one running
        run -0 husk exec one echo here
        same "$output" here
        husk kill one
        await is_state one exited
        husk rm one
        nothing_left "$id"
}

@test 'the keeper killed while the client waits: an error, no hang' {
        husk_client run --name one host sleep 1000 2>"$box/error"
        await is_state one running
        kill -KILL "$(keeper_of one)"
        status=0
        wait "$client" || status=$?
        same "$status" 125
        grep -q keeper "$box/error"
        is_state one running
        run -0 husk rm -f one
        nothing_left
}

@test 'SIGTERM to the client reaches the container' {
        husk_client run --rm --name one host sh -c 'trap "exit 11" TERM; echo >/tmp/ready; while :; do sleep 0.05; done'
        await husk exec one test -e /tmp/ready
        kill -TERM "$client"
        status=0
        wait "$client" || status=$?
        same "$status" 11
        nothing_left
}

@test 'two with one name at a time: exactly one wins' {
        for round in 1 2 3 4 5; do
                husk_client run --name same host sleep 1000 2>/dev/null
                one=$client
                husk_client run --name same host sleep 1000 2>/dev/null
                two=$client
                await eval 'gone $one || gone $two'
                await is_state same running
                same "$(husk ps -aq | wc -l)" 1
                husk rm -f same
                first=0 second=0
                wait "$one" || first=$?
                wait "$two" || second=$?
                same "$(printf '%s\n' "$first" "$second" | sort | tr '\n' ' ')" '125 137 '
        done
        nothing_left
}

# All starts that come now wait for this one of the container $id.
hold() {
        journal=$(find "$store/containers/$id" "$box/run/containers/$id" -name journal 2>/dev/null || :)
        exec {held}<"$journal"
        flock "$held"
}
let_go() { flock -u "$held" && exec {held}<&-; }
starting() { husk_client start one >"$box/said.$1" 2>&1; }
are_waiting() { [ "$(grep -c -- "-> FLOCK .*:$(stat -c %i "$journal") " /proc/locks)" = "$1" ]; }

@test 'two starts of one --rm container at a time: one wins, and its container stays' {
        local i won one
        for i in 1 2 3; do
                id=$(husk create --rm --name one host sleep 1000)
                hold
                starting 1
                one=$client
                starting 2
                await are_waiting 2
                let_go
                won=0
                ! wait "$one" || won=1
                ! wait "$client" || won=$((won + 1))
                same $won 1
                same "$(sort "$box"/said.*)" "$(printf '%s\n' "husk: another command has changed container 'one' meanwhile" one)"
                is_state one running
                husk exec one true
                husk rm -f one
                nothing_left "$id"
        done
}

@test 'a keeper killed before its start began: what another command started meanwhile goes on' {
        local one rm
        for rm in '' --rm '' --rm; do
                id=$(husk create $rm --name one host sleep 1000)
                hold
                starting 1
                one=$client
                await are_waiting 1
                starting 2
                await are_waiting 2
                kill -9 "$(pgrep -P "$one")"
                await are_waiting 2 # its client would take back what it began
                let_go
                wait "$client"
                ! wait "$one" || false
                has "$(cat "$box/said.1")" 'keeper died'
                is_state one running
                husk exec one true
                husk rm -f one
                nothing_left "$id"
        done
}

@test 'twenty at a time' {
        needs_controllers memory
        clients=()
        for i in $(seq 20); do
                husk_client run --rm --memory 64m host sh -c "echo $i; exit $i" >"$box/out.$i"
                clients+=("$client")
        done
        for i in $(seq 20); do
                status=0
                wait "${clients[i - 1]}" || status=$?
                same "$status" "$i"
                same "$(cat "$box/out.$i")" "$i"
        done
        nothing_left
}

@test 'killed while it makes a container: the next command finishes the clean-up' {
        for wait in 0 0.004 0.008 0.012 0.02; do
                husk_client run --rm --name one host true 2>/dev/null
                sleep "$wait"
                pkill -KILL -P "$client" || :
                kill -KILL "$client" || :
                wait "$client" 2>/dev/null || :
        done
        await eval '[ -z "$(our_processes)" ]'
        for id in $(husk ps -aq --no-trunc); do husk rm -f "$id"; done
        run -0 husk run --rm --name one host true
        nothing_left
}
