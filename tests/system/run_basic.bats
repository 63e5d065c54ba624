#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: the command, its status, its environment, its descriptors, its user; what is said when
# it cannot be run; and that --rm leaves nothing.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test 'hello' {
        run -0 husk run --rm host echo hello
        same "$output" hello
        nothing_left
}

@test 'the exit status is that of the command' {
        run -0 husk run --rm host true
        run -3 husk run --rm host sh -c 'exit 3'
        run -255 husk run --rm host sh -c 'exit 255'
        run -137 husk run --rm host sh -c 'sh -c "kill -KILL \$\$"; exit $?'
        nothing_left
}

@test 'a command that cannot be run is 126, one that is not there 127, our own errors 125' {
        run -127 husk run --rm host /no/such/program
        has "$output" /no/such/program
        run -127 husk run --rm host no-such-program
        run -126 husk run --rm host /etc/passwd
        run -126 husk run --rm host /etc
        run -125 husk run --rm --no-such-option host true
        run -125 husk run --rm --pull never no-such-image true
        run -125 husk run --rm --user no-such-user host true
        run -125 husk run --rm --workdir relative host true
        nothing_left
}

@test 'a start that fails leaves nothing without --rm either' {
        run -127 husk run --name one host /no/such/program
        run -125 husk run --name one --user nobody:no-such-group host true
        run -125 husk run --name one --cap-add NO_SUCH host true
        run -125 husk run --name one --workdir /etc/passwd host true
        nothing_left one
        run -0 husk ps -aq
        same "$output" ''
}

@test '--rm leaves nothing: files, mounts, processes, cgroups' {
        needs_controllers memory
        husk_client run --rm -d --memory 64m host sleep 1000 >"$box/id"
        wait "$client"
        id=$(cat "$box/id")
        [ -n "$(find /sys/fs/cgroup -maxdepth 3 -name "husk-$id*")" ]
        husk kill "$id"
        nothing_left "$id"
}

@test '-e sets, passes on and does not set' {
        export PASSED='of the caller' HIDDEN=secret
        run -0 husk run --rm -e SET='a b' -e PASSED -e EMPTY= -e NOT_THERE -e PATH=/bin host env
        has "$output" 'SET=a b'
        has "$output" 'PASSED=of the caller'
        [[ $output != *HIDDEN* ]]
        [[ $output != *NOT_THERE* ]]
        same "$(grep -c ^PATH= <<<"$output")" 1
        has "$output" PATH=/bin
        grep -qx EMPTY= <<<"$output"
        has "$output" HOME=/root
        run -0 husk run --rm -e A=1 -e A=2 host sh -c 'env | grep ^A='
        same "$output" A=2
}

@test '-w and the directory to start in' {
        run -0 husk run --rm -w /usr/lib host pwd
        same "$output" /usr/lib
        cd "$host"
        run -0 husk run --rm host pwd
        same "$output" "$host"
        run -0 husk run --rm -w /made/new host pwd
        same "$output" /made/new
        [ ! -e /made ]
}

@test 'the caller in a directory that the container has not' {
        mkdir "$host/away"
        cd "$host/away"
        rmdir "$host/away"
        run -0 husk run --rm host pwd
        same "$output" /
        cd /proc/self
        run -0 husk run --rm host true
        cd /
        nothing_left
}

@test '-u: names, numbers, groups, nobody' {
        run -0 husk run --rm host sh -c 'id -u; id -g'
        same "$output" $'0\n0'
        run -0 husk run --rm -u nobody host sh -c 'id -u; id -g; grep ^CapEff /proc/self/status'
        same "$output" $'65534\n65534\nCapEff:\t0000000000000000'
        run -0 husk run --rm -u 1234 host sh -c 'id -u; id -g; echo $HOME'
        same "$output" $'1234\n0\n/'
        run -0 husk run --rm -u 1234:4321 host sh -c 'id -u; id -G'
        same "$output" $'1234\n4321'
        run -0 husk run --rm -u nobody:daemon host sh -c 'id -u; id -G'
        same "$output" $'65534\n1'
        run -125 husk run --rm -u 4294967296 host id
        run -125 husk run --rm -u 0:4294967296 host id
        run -125 husk run --rm -u -1 host id
        nothing_left
}

@test '-h and the default host name' {
        run -0 husk run --rm -h one.example host sh -c 'hostname; echo $HOSTNAME'
        same "$output" $'one.example\none.example'
        run -0 husk run --rm host hostname
        [ "${#output}" = 12 ]
}

@test '--read-only' {
        run -0 husk run --rm --read-only host sh -c 'touch /etc/new /root/new || echo refused; : >/dev/null'
        has "$output" refused
        has "$output" 'Read-only file system'
}

@test '--entrypoint goes before the arguments' {
        run -0 husk run --rm --entrypoint /bin/echo host one two
        same "$output" 'one two'
}

@test '--label is told by inspect' {
        id=$(husk run -d --label a=b=c --label alone -l x= host sleep 1000)
        run -0 husk inspect "$id"
        same "$(jq -c '.[0].Config.Labels' <<<"$output")" '{"a":"b=c","alone":"","x":""}'
        husk rm -f "$id"
}

@test '-i passes standard input on; without it there is none' {
        run -0 bash -c 'printf "a\nb\n" | "$@"' bash "$husk" "${flags[@]}" run --rm -i host cat
        same "$output" $'a\nb'
        run -0 bash -c 'printf "a\nb\n" | "$@"' bash "$husk" "${flags[@]}" run --rm host cat
        same "$output" ''
        run -0 bash -c '"$@" <&-' bash "$husk" "${flags[@]}" run --rm -i host cat
        same "$output" ''
        head -c 3000000 /dev/urandom >"$box/bytes"
        run -0 bash -c '"$@" <"'"$box"'/bytes" | cmp - "'"$box"'/bytes"' bash "$husk" "${flags[@]}" \
                run --rm -i host cat
}

@test 'standard output and error stay two' {
        husk run --rm host sh -c 'echo out; echo err >&2' >"$box/out" 2>"$box/err"
        same "$(cat "$box/out")" out
        same "$(cat "$box/err")" err
}

@test 'output that nobody reads any more ends the container' {
        run -0 bash -c '"$@" 2>/dev/null | head -n 1' bash timeout 20 "$husk" "${flags[@]}" run --rm host yes
        same "$output" y
        nothing_left
}

@test 'closed descriptors do no harm' {
        run -0 bash -c '"$@" >&-' bash "$husk" "${flags[@]}" run --rm host sh -c 'echo lost || :'
        same "$output" ''
        run -0 bash -c '"$@" 2>&-' bash "$husk" "${flags[@]}" run --rm host echo kept
        same "$output" kept
        run -0 bash -c '"$@" <&- >&- 2>&-' bash "$husk" "${flags[@]}" run --rm host true
        nothing_left
}

@test 'only 0, 1 and 2 are open inside, whatever the caller has open' {
        exec 5</etc/passwd 6>"$box/six" 70</etc
        run -0 husk run --rm host sh -c 'echo /proc/self/fd/*; ls /proc/1/fd'
        exec 5<&- 6>&- 70<&-
        has "$output" $'0\n1\n2'
        [[ $output != *$'\n'[567]* ]]
        id=$(husk run -d host sleep 1000)
        exec 5</etc/passwd
        run -0 husk exec "$id" sh -c 'ls -l /proc/$$/fd'
        exec 5<&-
        [[ $output != *passwd* ]]
        husk rm -f "$id"
}

@test 'the keeper of a detached container holds nothing of the caller' {
        mkfifo "$box/fifo"
        cat "$box/fifo" >"$box/read" 3>&- &
        reader=$!
        exec 5>"$box/fifo"
        cd "$host"
        id=$(husk run -d host sleep 1000)
        exec 5>&-
        await gone "$reader"
        keeper=$(keeper_of "$id")
        same "$(readlink "/proc/$keeper/cwd")" /
        husk rm -f "$id"
        nothing_left "$id"
}

@test 'signals that the caller ignores or blocks are not ignored inside' {
        run -0 bash -c 'trap "" TERM INT CHLD; "$@"' bash "$husk" "${flags[@]}" run --rm host \
                grep -E '^Sig(Ign|Blk)' /proc/self/status
        has "$output" $'SigBlk:\t0000000000000000'
        has "$output" $'SigIgn:\t0000000000000000'
        nothing_left
}

@test '--rootfs: the directory is the root, changes go to it' {
        mkdir -p "$host/root/bin" "$host/root/etc"
        cp "$(command -v busybox)" "$host/root/bin/busybox"
        ln -s busybox "$host/root/bin/sh"
        ln -s busybox "$host/root/bin/touch"
        echo 'me:x:12:13::/home/me:/bin/sh' >"$host/root/etc/passwd"
        run -0 husk run --rm --rootfs "$host/root" /bin/sh -c 'echo $HOME; touch /made; echo /*'
        has "$output" /made
        [ -e "$host/root/made" ]
        run -0 husk run --rm -u me --rootfs "$host/root" sh -c 'echo $HOME; busybox id -u'
        same "$output" $'/home/me\n12'
        run -125 husk run --rm --rootfs "$host/none" sh
        has "$output" "$host/none"
        cd "$host"
        run -0 husk run --rm --rootfs root sh -c 'echo relative'
        same "$output" relative
        run -0 husk run -d --rootfs root sh -c 'while :; do busybox sleep 1; done'
        husk rm -f "$output"
        [ -e "$host/root/made" ]
        nothing_left
}

@test 'a store that is named by a relative path' {
        cd "$box"
        mkdir here
        id=$("$husk" --root here/store --runroot here/run run -d host sleep 1000 3>&-)
        run -0 "$husk" --root here/store --runroot here/run ps -q --no-trunc
        same "$output" "$id"
        run -137 bash -c '"$@"; exit $?' bash "$husk" --root here/store --runroot here/run run host \
                sh -c 'exit 137'
        "$husk" --root here/store --runroot here/run rm -f "$id"
        for id in $("$husk" --root here/store --runroot here/run ps -aq); do
                "$husk" --root here/store --runroot here/run rm "$id"
        done
        same "$(ls here/store/containers)" ''
}

@test '--timing prints a row for each step, and a sum' {
        husk run --rm --timing host true 2>"$box/table" >"$box/out"
        same "$(cat "$box/out")" ''
        [ "$(grep -c . "$box/table")" -gt 20 ]
        grep -q spawn "$box/table"
        grep -qiE '(sum|total|together)' "$box/table"
}

@test 'explain: all three forms, by anybody, and nothing is done' {
        needs_controllers memory
        for format in text json shell; do
                run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$husk" "${flags[@]}" \
                        explain run --format "$format" --rm --memory 64m host true
                has "$output" overlay
        done
        run -0 bash -c '"$@" | jq -e .' bash "$husk" "${flags[@]}" explain run --format json host true
        [ ! -e "$store" ]
        [ ! -e "$box/run" ]
}
