#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ps, rm, kill, stop, wait, inspect: containers that are there already; names and ids.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test 'ps: running ones, all, ids, templates, json' {
        run -0 husk ps -q
        same "$output" ''
        one=$(husk run -d --name one host sleep 1000)
        husk run --name two host sh -c 'exit 3' || :
        run -0 husk ps
        has "$output" one
        [[ $output != *two* ]]
        run -0 husk ps -q
        same "$output" "${one:0:12}"
        run -0 husk ps -q --no-trunc
        same "$output" "$one"
        run -0 husk ps -a --format '{{.Names}} {{.State}} {{.ExitCode}} {{.Image}}'
        same "$(sort <<<"$output")" $'one running 0 host\ntwo exited 3 host'
        run -0 husk ps -a --format '{{.Names}}: {{.Status}}'
        has "$output" 'one: Up '
        has "$output" 'two: Exited (3) '
        run -0 bash -c '"$@" | jq -rs "flatten | .[].Names"' bash "$husk" "${flags[@]}" ps -a --format json
        same "$(sort <<<"$output")" $'one\ntwo'
        run -1 husk ps --format '{{.NoSuch}}'
        husk rm -f one
        husk rm two
        nothing_left "$one"
}

@test 'rm: only what has ended, unless --force' {
        id=$(husk run -d --name one host sleep 1000)
        run -1 husk rm one
        has "$output" running
        is_state one running
        run -0 husk rm -f one
        nothing_left "$id"
        run -1 husk rm one
        has "$output" "container 'one' does not exist"
        husk run --name two host true
        husk run --name three host true
        run -1 husk rm two none three
        run -0 husk ps -aq
        same "$output" ''
        nothing_left
}

@test 'names: taken, free again, bad' {
        husk run --name one host true
        run -125 husk run --name one host true
        has "$output" "the name 'one' is taken"
        husk rm one
        run -0 husk run --name one host true
        husk rm one
        for name in '' . .. a/b 'a b' ../x $'a\nb' "$(printf 'x%.0s' {1..300})"; do
                run -125 husk run --rm --name "$name" host true
        done
        [ ! -e "$store/x" ]
        nothing_left
}

@test 'a name may look like the beginning of an id' {
        id=$(husk run -d host sleep 1000)
        run -0 husk run --name "${id:0:3}" host true
        run -0 husk inspect "${id:0:3}"
        [ "$(jq -r '.[0].State.Status' <<<"$output")" = exited ]
        husk rm "${id:0:3}"
        husk rm -f "$id"
}

@test 'ids: whole, the beginning, ambiguous, unknown' {
        id=$(husk run -d host sleep 1000)
        for word in "$id" "${id:0:12}" "${id:0:1}"; do
                run -0 husk inspect "$word"
                same "$(jq -r '.[0].Id' <<<"$output")" "$id"
        done
        run -1 husk inspect "${id:0:5}zz"
        run -1 husk inspect "../containers/$id"
        run -1 husk inspect ''
        # seventeen ids, sixteen digits
        for _ in $(seq 16); do husk run host true; done
        run -1 husk inspect "$(husk ps -aq | cut -c 1 | sort | uniq -d | head -n 1)"
        has "$output" 'is the beginning of'
        husk ps -aq | xargs -r "$husk" "${flags[@]}" rm -f
        nothing_left "$id"
}

@test 'inspect is one JSON document' {
        needs_controllers memory
        id=$(husk run -d --name one --memory 64m host sleep 1000)
        run -0 husk inspect one
        same "$(jq -r '.[0] | .Id, .Name, .State.Running, .OCIConfig.process.args[0]' <<<"$output")" \
                "$(printf '%s\n' "$id" one true sleep)"
        [ "$(jq .[0].State.Pid <<<"$output")" -gt 1 ]
        husk rm -f one
}

@test '-d prints the id; kill, and the status of what was killed' {
        run -0 husk run -d --name one host sh -c 'trap "exit 4" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done'
        [[ $output =~ ^[0-9a-f]{64}$ ]]
        await husk exec one test -e /tmp/ready
        husk kill -s TERM one
        run -0 husk wait one
        same "$output" 4
        is_state one exited
        run -1 husk kill one
        has "$output" 'not running'
        run -125 husk exec one true
        husk rm one
        husk run -d --name two host sleep 1000
        husk kill two
        run -0 husk wait two
        same "$output" 137
        husk rm two
        run -1 husk kill none
        run -125 husk kill -s NOSUCH two
        nothing_left
}

@test 'stop: asks, then kills' {
        husk run -d --name one host sh -c 'trap "exit 6" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done' >/dev/null
        await husk exec one test -e /tmp/ready
        run -0 husk stop one
        run -0 husk wait one
        same "$output" 6
        run -0 husk stop one
        husk run -d --name two host sleep 1000 >/dev/null
        run -0 husk stop -t 0 two
        run -0 husk wait two
        same "$output" 137
        run -1 husk stop none
        husk rm one two
        nothing_left
}

@test 'wait: also with --rm, also for one that has ended, several' {
        husk run -d --rm --name one host sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 8' >/dev/null
        husk_client wait one >"$box/status"
        waiter=$client
        await eval 'ls -l "/proc/$waiter/fd" | grep -q pidfd'
        await husk exec one true
        say_go one /tmp/go
        wait "$waiter"
        same "$(cat "$box/status")" 8
        await not husk inspect one
        run -1 husk wait one
        husk run -d --name gone host sleep 1000 >/dev/null
        husk_client wait gone >"$box/status" 2>&1
        waiter=$client
        await eval 'ls -l "/proc/$waiter/fd" | grep -q pidfd'
        husk rm -f gone
        status=0
        wait "$waiter" || status=$?
        same "$status" 1
        has "$(cat "$box/status")" "'gone'"
        husk run --name two host sh -c 'exit 2' || :
        husk run --name three host true
        run -0 husk wait two three
        same "$output" $'2\n0'
        husk rm two three
        nothing_left
}

@test 'pause and unpause: what is paused waits; stop, kill and rm do not' {
        run -0 husk run -d --name one host sh -c 'trap "exit 4" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done'
        id=$output
        await husk exec one test -e /tmp/ready
        run -0 husk pause one
        same "$output" one
        is_state one paused
        run -0 husk ps --format '{{.State}} {{.Status}}'
        [[ $output == 'paused Up '*' (Paused)' ]]
        same "$(husk inspect one | jq -c '.[0].State | [.Running, .Paused]')" '[true,true]'
        run -1 husk pause one
        has "$output" 'is paused'
        run -125 husk exec one true
        has "$output" "'one' is paused"
        run -1 husk rm one
        husk unpause one
        is_state one running
        run -1 husk unpause one none
        has "$output" 'is not paused'
        has "$output" "container 'none' does not exist"
        husk pause one
        husk stop one
        run -0 husk wait one
        same "$output" 4
        husk rm one
        husk run -d --name two host sleep 1000 >/dev/null
        husk pause two
        husk kill two
        run -0 husk wait two
        same "$output" 137
        husk rm two
        husk run -d --name three host sleep 1000 >/dev/null
        husk pause three
        husk rm -f three
        nothing_left "$id"
}

@test 'update: limits of those that run' {
        needs_controllers memory
        husk run -d --name one --memory 64m host sleep 1000 >/dev/null
        husk run -d --name two host sleep 1000 >/dev/null
        run -0 husk update --memory 32m --memory-swap 48m --cpus 0.5 --pids-limit 50 one two
        same "$output" $'one\ntwo'
        for name in one two; do
                id=$(husk inspect "$name" | jq -r '.[0].Id')
                same "$(cat "$(find /sys/fs/cgroup -path "*/husk-$id/pids.max")")" 50
                same "$(husk inspect "$name" | jq -c '.[0].HostConfig.Resources | [.memory.limit, .memory.swap, .cpu.quota]')" \
                        '[33554432,50331648,50000]'
        done
        run -1 husk update --memory 1g one
        has "$output" '/linux/resources/memory/swap'
        run -1 husk update --cpus 1 --cpu-quota 5000 one
        has "$output" '--cpus is'
        husk kill two
        husk wait two
        run -1 husk update --pids-limit 7 two none
        has "$output" "container not running: 'two'"
        has "$output" "container 'none' does not exist"
        husk rm -f one two
}

@test 'top: the processes of one, as ps shows them' {
        husk run -d --name one host sh -c 'sleep 1001 & sleep 1002' >/dev/null
        both() { [ "$(husk top one | grep -c 'sleep 1001$')" = 1 ]; }
        await both
        run -0 husk top one -o pid,args
        [[ ${lines[0]} =~ ^\ *PID\ COMMAND ]]
        [[ $output != *UID* ]]
        # Columns with spaces in front of the number: a word of another process's arguments is no number.
        pid=$(husk top one -eo pid,args | awk '$2 == "sleep" && $3 == 1002 { print $1 }')
        exec -a "x $pid y" sleep 1003 3>&- &
        stranger=$!
        for options in '-eo args,pid' '-e -o args:20,comm,pid,ppid' 'axo args,pid' '-e --format args,pid'; do
                # shellcheck disable=SC2086
                run -0 husk top one $options
                [ "$(grep -c '^sleep 100[12]' <<<"$output")" = 2 ]
                [[ ${lines[0]} =~ ^COMMAND.*\ PID ]]
                [[ $output != *"x $pid y"* ]]
                [ "${#lines[@]}" = "$(husk top one | wc -l)" ]
        done
        kill "$stranger"
        same "$(husk top one -u root | wc -l)" "$(husk top one | wc -l)"
        run -1 husk top one -o args
        has "$output" 'no column PID'
        run -1 husk top none
        has "$output" "container 'none' does not exist"
        husk kill one
        husk wait one
        run -1 husk top one
        has "$output" "container not running: 'one'"
        husk rm one
}

@test 'stop, and wait, of --rm: the name is free' {
        local round
        for round in 1 2 3 4 5 6; do
                # Enough that removing takes a moment.
                husk run -d --rm --name one host sh -c \
                        'mkdir /root/d; cd /root/d; seq 500 | xargs touch; touch /root/go; exec sleep 1000' >/dev/null
                await husk exec one test -e /root/go
                if [ $((round % 2)) = 0 ]; then
                        husk stop -t 0 one
                else
                        husk kill one
                        husk wait one
                fi
                run -0 husk run --rm --name one host true
        done
        nothing_left
}

@test 'a journal that a loss of power took: the container is seen, and can be removed' {
        local how dir
        for how in empty half absent; do
                husk create --name lost host true
                id=$(husk inspect lost | jq -r '.[0].Id')
                dir=$store/containers/$id
                case $how in
                empty) : >"$dir/journal" ;;
                half) printf %s "$(head -c 100 "$dir/journal")" >"$dir/journal" ;;
                absent) rm "$dir/journal" ;;
                esac
                run -0 --separate-stderr husk ps -a
                has "$stderr" "the journal of container '$id' "
                [ -d "$dir/upper0" ]
                run -1 husk rm "$id"
                has "$output" 'rm -f'
                [ -d "$dir/upper0" ]
                run -0 husk rm -f "$id"
                [ ! -e "$dir" ]
        done
        nothing_left
        # Where nothing was made yet, what is left of the making goes by itself.
        mkdir -m 1700 "$store/containers/$id"
        : >"$store/containers/$id/journal"
        run -0 husk ps -a
        same "${#lines[@]}" 1
        nothing_left
}

@test 'a damaged journal keeps nobody from looking at images' {
        husk create --name bad host true
        id=$(husk inspect bad | jq -r '.[0].Id')
        sed -i '1s/..$//' "$store/containers/$id/journal"
        husk image build-host --tag tool:1 tool busybox >/dev/null
        for command in images 'system df' 'system check'; do
                # shellcheck disable=SC2086
                run -0 --separate-stderr husk $command
                has "$stderr" "warning: the journal of container '$id' has a line that is no JSON"
        done
        # What it needs is not known, so nothing is removed.
        run -1 husk image prune --all
        run -1 husk rmi tool:1
        run -1 husk system check --repair
        husk rm -f "$id"
        husk rmi tool:1
}

@test 'a store that is named by way of another directory' {
        mkdir "$box/way"
        same "$(husk ps -a | wc -l)" 1
        flags[1]=$box/way/../store
        husk create --name one host true
        rmdir "$box/way"
        run -1 husk ps
        has "$output" "--root $box/way/../store: No such file or directory"
        flags[1]=$store
        not grep -F /../ "$store"/containers/*/journal
        husk rm one
        nothing_left
        cd "$host"
        flags[1]=../${host##*/}/new/store
        run -0 husk run --rm --network none host true
        [ -d "$host/new/store/containers" ]
        # One that has been written down so.
        flags[1]=$store
        mkdir "$box/way"
        husk create --name one host true
        sed -i "s|$store/containers|$box/way/../store/containers|g" "$store"/containers/*/journal
        husk rm one
        nothing_left
}

@test 'rm: what the journal does not know keeps it' {
        husk create --name one host true
        dir=$(echo "$store"/containers/*)
        mkdir "$dir/other"
        run -1 husk rm one
        has "$output" "$dir: 'other' in it is not known to be the container's"
        has "$output" 'rm -f'
        run -1 husk rm one
        has "$(husk ps -a)" one
        husk rm -f one
        nothing_left
}

# Between the look at a name and its opening, where strace makes sure of what else is a matter of luck.
@test 'a container exchanges a directory and a file meanwhile: system df and diff' {
        command -v strace >/dev/null || skip 'needs strace'
        cp "$BATS_TEST_DIRNAME/../../build/dev/tests/probe_racer" "$host/racer"
        id=$(husk run -d --name one host sh -c "mkdir /root/swapped; touch /root/swapped/below /root/file
                exec $host/racer /root/swapped /root/file")
        await husk exec one test -e /root/file
        for i in {1..3}; do
                run -0 --separate-stderr husk system df
                same "$stderr" ''
                run -0 --separate-stderr husk diff one
                same "$stderr" ''
        done
        for error in ENOTDIR ELOOP ENOENT; do
                for command in 'system df' 'diff one'; do
                        # shellcheck disable=SC2086 # words
                        run -0 --separate-stderr timeout 60 strace -f -qq -o "$box/calls" -P swapped -P file \
                                -e trace=openat -e inject=openat:error=$error "$husk" "${flags[@]}" $command
                        same "$stderr" ''
                        [ "$command" = 'system df' ] || grep -q '^A /root/swapped$' <<<"$output"
                done
        done
        grep -q INJECTED "$box/calls"
        husk rm -f one
        nothing_left "$id"
}

# A name is as long as all directories above it: three thousand links have 300 MB of them.
@test 'diff of a container whose names are long: as many as it says it tells' {
        husk run --name one host python3 -c '
import os, sys
os.chdir("/root")
for _ in range(400):
        os.mkdir("d" * 255)
        os.chdir("d" * 255)
for i in range(3000):
        os.symlink("x", str(i))' >"$box/out"
        run -1 --separate-stderr bash -c 'ulimit -v 600000; exec "$@"' . "$husk" "${flags[@]}" diff one
        same "$output" ''
        has "$stderr" 'what has changed has names of more than 256 MiB together'
        husk rm one
        nothing_left
}
