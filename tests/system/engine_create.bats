#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk create`, `start` and `restart`: a container that has not begun, one that goes on with the files it has, and
# what is left when a start fails or its keeper is killed.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper
load image_helper

setup() {
        engine_setup
        open_way "$box"
}

has_ended() { is_state "$1" exited; }

@test 'created: an id, no process, and the state docker has for it' {
        id=$(husk create --name one -l a=b host sh -c 'echo begun >>/root/log; exec sleep 1000')
        [[ $id =~ ^[0-9a-f]{64}$ ]]
        is_state one created
        same "$(pid_of one)" 0
        same "$(husk ps -q)" ''
        same "$(husk ps -a --format '{{.Names}} {{.Status}}')" 'one Created'
        same "$(find /sys/fs/cgroup -maxdepth 3 -name "husk-$id*" 2>/dev/null)" ''
        same "$(our_processes || :)" ''
        run -0 husk wait one
        same "$output" 0
        run -1 husk kill one
        has "$output" "container 'one' is not running"
        run -125 husk exec one true
        run -125 husk create --name one host true
        has "$output" "the name 'one' is taken"
        run -0 husk start one
        same "$output" one
        is_state one running
        husk kill one
        husk rm -f one
        nothing_left "$id"
}

@test 'start -a: its output and its exit status; and again, with what it wrote' {
        husk create --name one host sh -c 'echo x >>/root/n; grep -c x /root/n; exit 3'
        run -3 husk start -a one
        same "$output" 1
        same "$(husk ps -a --format '{{.ExitCode}}')" 3
        run -3 husk start --attach one
        same "$output" 2
        husk start one
        run -0 husk wait one
        same "$output" 3
        same "$(cat "$store"/containers/*/log)" 3
        run -0 husk diff one
        has "$output" 'A /root/n'
        # Its journal says of cgroups only what is so now.
        husk rm one
        nothing_left
}

@test 'start -i: our input is its own' {
        husk create -i --name one host sh -c 'read -r a; echo "got $a"'
        run -0 husk start -i one <<<first
        same "$output" 'got first'
        run -0 husk start -ai one <<<second
        same "$output" 'got second'
}

@test 'one that runs is left alone; one that is paused or is to be attached to is an error' {
        husk run -d --name one host sleep 1000
        pid=$(pid_of one)
        run -0 husk start one
        same "$(pid_of one)" "$pid"
        run -1 husk start -a one
        has "$output" "container 'one' runs"
        husk pause one
        run -1 husk start one
        has "$output" 'husk unpause'
        husk unpause one
        run -1 husk start -a one two
        run -1 husk start none
        has "$output" "container 'none' does not exist"
}

@test 'several names: each that goes well is printed, the others are told of' {
        husk create --name one host true
        husk create --name two host true
        run -1 --separate-stderr husk start one none two
        same "$output" $'one\ntwo'
        has "$stderr" none
}

@test 'what was run by husk run goes on likewise: limits of update, labels, terminal' {
        husk run -d --name one -l a=b -t --memory 64m host sh -c 'tty; exec sleep 1000'
        husk update --memory 48m --memory-swap 48m one
        husk stop -t 0 one
        husk start one
        is_state one running
        run -0 husk exec one sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || :'
        same "$output" $((48 << 20))
        same "$(husk inspect one | jq -r '.[0].Config.Labels.a')" b
        run -0 husk exec one readlink /proc/1/fd/0
        same "$output" /dev/pts/0
}

@test 'volumes and own files of an image: filled once, and kept' {
        FILL='mkdir -p data/sub && echo first >data/sub/file && chmod 750 data' \
                image_simple '{"Cmd":["sh","-c","ls /data/sub; rm -f /data/sub/file; echo x >>/etc/hosts; grep -c ^x$ /etc/hosts"],"Volumes":{"/data":{}}}'
        husk create --name one t
        run -0 husk start -a one
        same "$output" $'file\n1'
        run -0 husk start -a one
        same "$output" 2
        husk create --name two --uidmap 0:100000:65536 t sh -c 'stat -c "%u %a" / /data /data/sub/file; echo y >/data/y; id -u'
        run -0 husk start -a two
        same "$output" $'0 755\n0 750\n0 644\n0'
        run -0 husk start -a two
        same "$output" $'0 755\n0 750\n0 644\n0'
        husk rm one two
        nothing_left
}

@test 'volumes: a start that was killed while it filled them is followed by one that fills them' {
        FILL='mkdir -p data/sub && echo first >data/sub/file && echo second >data/sub/other' \
                image_simple '{"Cmd":["sh","-c","cat /data/sub/*; rm -f /data/sub/other"],"Volumes":{"/data":{}}}'
        id=$(husk create --name one t)
        journal=$store/containers/$id/journal
        run -0 husk start -a one
        same "$output" $'first\nsecond'
        run -0 husk start -a one
        same "$output" first
        # noted once, behind the process and before the program had it
        same "$(grep -nE '^..(process|status)' "$journal" | grep -c filled)" 1
        grep -A1 '^{"process"' "$journal" | grep -q filled
        # as it is when keeper and first process are killed while that copies: a part is there, and no word of the end
        sed '/"filled"/d' "$journal" >"$BATS_TEST_TMPDIR/journal"
        cat "$BATS_TEST_TMPDIR/journal" >"$journal"
        run -0 husk start -a one
        same "$output" $'first\nsecond'
        run -0 husk start -a one
        same "$output" first
        husk rm one
        nothing_left "$id"
}

@test 'a start that fails leaves it as it was' {
        image_simple '{}'
        id=$(husk create --name one t /bin/none)
        before=$(cat "$store/containers/$id/journal")
        run -127 husk start -a one
        has "$output" /bin/none
        is_state one created
        same "$(cat "$store/containers/$id/journal")" "$before"
        same "$(find /sys/fs/cgroup -maxdepth 3 -name "husk-$id*" 2>/dev/null)" ''
        run -1 husk start one
        same "$(our_processes || :)" ''
        echo changed >"$host/file"
        id=$(husk run -d --name two -v "$host/file:/mnt/file" t sleep 1000)
        husk stop -t 0 two
        rm "$host/file"
        before=$(cat "$store/containers/$id/journal")
        run -1 husk start two
        has "$output" /mounts/
        is_state two exited
        same "$(cat "$store/containers/$id/journal")" "$before"
        echo again >"$host/file"
        husk start two
        run -0 husk exec two cat /mnt/file
        same "$output" again
        husk rm -f one two
        nothing_left "$id"
}

@test '--rm: gone at its end, and when its start fails' {
        image_simple '{}'
        id=$(husk create --rm --name one t echo hello)
        run -0 husk start -a one
        same "$output" hello
        nothing_left "$id"
        id=$(husk create --rm --name one t /bin/none)
        run -127 husk start -a one
        nothing_left "$id"
}

@test 'namespaces of a container that was started again meanwhile' {
        husk run -d --name one --ipc shareable host sleep 1000
        husk create --name two --network container:one --pid container:one --ipc container:one host sh -c \
                'readlink /proc/self/ns/net /proc/self/ns/ipc; echo kept >/dev/shm/two'
        husk kill one
        await has_ended one
        run -1 husk start two
        has "$output" 'whose namespaces it shares, does not run'
        husk start one
        ns=$(husk exec one readlink /proc/self/ns/net /proc/self/ns/ipc)
        run -0 husk start -a two
        same "$output" "$ns"
        run -0 husk exec one cat /dev/shm/two
        same "$output" kept
}

# As if the one that was joined first ran by the number now that the other had then.
@test 'namespaces of two containers, when a number is used again' {
        local old
        husk run -d --name one host sleep 1000
        husk run -d --name two --ipc shareable host sleep 1000
        husk create --name three --network container:one --ipc container:two host \
                readlink /proc/self/ns/net /proc/self/ns/ipc
        old=$(pid_of two)
        husk stop -t 0 one
        husk stop -t 0 two
        husk start one
        husk start two
        sed -i "s|/proc/$old/|/proc/$(pid_of one)/|g; s/\"pid\":$old}/\"pid\":$(pid_of one)}/" \
                "$store/containers/$(husk inspect three | jq -r '.[0].Id')/journal"
        run -0 husk start -a three
        same "$output" "$(readlink "/proc/$(pid_of one)/ns/net" "/proc/$(pid_of two)/ns/ipc")"
}

@test 'restart of --rm: refused before it is stopped' {
        husk run -d --rm --name one host sleep 1000
        pid=$(pid_of one)
        run -1 husk restart -t 0 one
        has "$output" 'is removed at its end (--rm)'
        same "$(pid_of one)" "$pid"
        is_state one running
}

@test 'restart: another process, the same files' {
        husk run -d --name one host sh -c 'echo x >>/root/n; exec sleep 1000'
        await husk exec one test -s /root/n
        pid=$(pid_of one) keeper=$(keeper_of one)
        run -0 husk restart -t 0 one
        same "$output" one
        is_state one running
        [ "$(pid_of one)" != "$pid" ]
        await gone "$keeper"
        await eval 'same "$(husk exec one cat /root/n)" "x
x"'
        husk stop -t 0 one
        husk restart one
        is_state one running
        has "$(husk ps --format '{{.Status}}')" Up
        id=$(husk ps -q --no-trunc)
        husk rm -f one
        nothing_left "$id"
}

@test 'wait: of the run that it was called in, not of an earlier one' {
        husk create --name one host sh -c 'test -e /root/second || { touch /root/second; exit 7; }
                while [ ! -e /root/go ]; do sleep 0.05; done; exit 8'
        run -7 husk start -a one
        husk start one
        "$husk" "${flags[@]}" wait one >"$box/code" 3>&- &
        waiter=$!
        say_go one /root/go
        wait "$waiter"
        same "$(cat "$box/code")" 8
}

@test 'the keeper killed: started again, and what the first one left is gone' {
        id=$(husk run -d --name one host sleep 1000)
        keeper=$(keeper_of one)
        kill -KILL "$keeper"
        await gone "$keeper"
        husk kill one
        await has_ended one
        husk start one
        is_state one running
        husk rm -f one
        nothing_left "$id"
}

@test 'an id that cannot be written is in a warning: the container is there' {
        for words in 'create --name one host true' 'run -d --name one host sleep 1000'; do
                # shellcheck disable=SC2086
                husk $words >/dev/full 2>"$box/err"
                id=$(husk ps -aq --no-trunc)
                has "$(cat "$box/err")" "warning: $id is made, but cannot write the output: No space left on device"
                husk rm -f "$id"
        done
        nothing_left
}

@test 'explain, and the words that are about the client only' {
        run -125 husk create -d host true
        has "$output" 'unknown option -d'
        run -125 husk create
        run -0 husk create --help
        has "$output" 'husk start does'
        run -0 husk start --help
        has "$output" 'husk start web db'
}
