#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signals, and clients that go: what reaches the container, what it does to the client, and that the
# container and its exit status outlive whoever started it.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper
load terminal_helper

# Waits for signals; each is told, USR2 ends it.
program='for s in HUP INT QUIT TERM USR1 ALRM CONT VTALRM PROF IO PWR RTMIN RTMAX; do trap "echo got $s" $s; done
        trap "exit 12" USR2; echo ready; while :; do sleep 1000 & wait; kill $! 2>/dev/null; done'

# In the background, in $client: bash ignores SIGINT and SIGQUIT there, so they are put back.
start() {
        env --default-signal=INT,QUIT "$husk" "${flags[@]}" run --name one "$@" >"$box/out" 2>&1 </dev/null 3>&- &
        client=$!
        await grep -q ready "$box/out"
        await attends "$client"
}

exits() { local code=0; wait "$client" || code=$?; same "$code" "$1"; }

@test 'every signal that can be is passed on' {
        start --rm host bash -c "$program"
        for s in HUP INT QUIT TERM USR1 ALRM CONT VTALRM PROF IO PWR RTMIN RTMAX; do
                kill -s "$s" "$client"
                await grep -qx "got $s" "$box/out"
        done
        kill -USR2 "$client"
        exits 12
        nothing_left
}

@test 'nohup: a hangup that the caller ignores is none for the container' {
        (
                trap '' HUP
                exec "$husk" "${flags[@]}" run --rm --name one host bash -c "$program" >"$box/out" 2>&1 </dev/null 3>&-
        ) &
        client=$!
        await grep -q ready "$box/out"
        kill -HUP "$client"
        kill -USR1 "$client"
        await grep -qx 'got USR1' "$box/out"
        run ! grep -q 'got HUP' "$box/out"
        kill -USR2 "$client"
        exits 12
}

@test '--sig-proxy=false: signals are those of the client; the container goes on' {
        start --sig-proxy=false host bash -c "$program"
        kill -TERM "$client"
        exits 143
        is_state one running
        run ! grep -q 'got TERM' "$box/out"
        husk kill -s USR2 one
        same "$(husk wait one)" 12
        husk rm one
        nothing_left
}

@test '--sig-proxy=false with a terminal: its settings come back' {
        open_terminal run --sig-proxy=false --name one -it host bash -c 'echo ready; sleep 1000'
        shows ready
        # script's child shell sees how the client ended
        kill -TERM "$(awk '/^PPid:/ { print $2 }' "/proc/$(keeper_of one)/status")"
        close_terminal
        shows '^status 143'
        cmp "$box/before" "$box/after"
        is_state one running
        husk rm -f one
}

@test 'a client that is killed: the container goes on, its status is kept' {
        start host bash -c "$program"
        kill -KILL "$client"
        exits 137
        is_state one running
        husk exec one true
        husk kill -s USR2 one
        same "$(husk wait one)" 12
        same "$(husk inspect one | jq '.[0].State.ExitCode')" 12
        husk rm one
        nothing_left
}

@test 'a client that is killed, --rm: nothing is left in the end' {
        start --rm host bash -c "$program"
        kill -KILL "$client"
        exits 137
        husk kill -s USR2 one
        nothing_left
}

@test 'a terminal that is closed: the container goes on, its status is kept' {
        for mode in -t -it; do
                rm -f "$box/keys"
                open_terminal run --name one $mode host bash -c \
                        'trap "echo >/tmp/hung" HUP; trap "exit 12" USR2; echo ready; while :; do sleep 0.05; done'
                shows ready
                kill -KILL "$terminal"
                exec 7>&-
                # bash's children on that terminal get SIGHUP, our client among them
                await husk exec one test -e /tmp/hung
                husk exec one rm /tmp/hung
                is_state one running
                husk kill -s USR2 one
                same "$(husk wait one)" 12
                husk rm one
        done
        nothing_left
}

@test 'Ctrl-Z and fg, as for any program of a shell' {
        echo 'PS1="> "; bind "set enable-bracketed-paste off"' >"$box/rc"
        screen=$box/screen
        mkfifo "$box/keys"
        script -qefc "bash --rcfile $(printf %q "$box/rc") -i" /dev/null <"$box/keys" >"$screen" 2>&1 3>&- 7>&- &
        terminal=$!
        exec 7>"$box/keys"
        printf '%s\n' "${husk@Q} ${flags[*]@Q} run --rm -i --name one host sh -c 'echo rea\"\"dy; read word; echo \"got \$word\"; exit 6'" >&7
        shows 'ready'
        printf '\032' >&7
        shows 'Stopped'
        is_state one running
        echo fg >&7
        await eval '[ "$(grep -c -- "--rm -i" "$screen")" -ge 3 ]'
        echo words >&7
        shows '^got words'
        await eval '[ -z "$(our_processes)" ]' # until then what is typed is read for the container
        echo 'echo "status is $?"; exit' >&7
        shows '^status is 6'
        exec 7>&-
        await gone "$terminal"
        nothing_left
}

@test 'detach: ctrl-p ctrl-q leave, the container goes on' {
        open_terminal run --name one -it host bash -c \
                'stty raw -echo; echo ready; trap "exit 12" USR2; head -c 4 >/tmp/typed; while :; do sleep 0.05; done'
        shows ready
        # Half of the keys and another one, the first key twice: they are the container's.
        printf 'a\020b\020\020\021' >&7
        close_terminal
        shows '^status 0'
        cmp "$box/before" "$box/after"
        is_state one running
        await eval '[ "$(husk exec one od -An -c /tmp/typed | tr -d " ")" = a020b020 ]'
        husk kill -s USR2 one
        same "$(husk wait one)" 12
        husk rm -f one
        nothing_left
}

@test 'detach: other keys, or none' {
        open_terminal run --name one --detach-keys 'ctrl-x,y' -it host bash -c \
                'stty raw -echo; echo ready; sleep 1000'
        shows ready
        printf '\020\021' >&7
        printf '\030y' >&7
        close_terminal
        shows '^status 0'
        is_state one running
        husk rm -f one
        rm "$box/keys"
        open_terminal run --rm --detach-keys '' -it host bash -c \
                'stty raw -echo; echo ready; head -c 2 | od -An -tx1; exit 4'
        shows ready
        printf '\020\021' >&7
        close_terminal
        shows '10 11'
        shows '^status 4'
        run -125 husk run --rm --detach-keys 'ctrl-p,ctrl-' host true
        has "$output" "'ctrl-' is not a key"
        nothing_left
}

@test '-t: a reader that is slow gets all, also what is left at the end' {
        mkfifo "$box/pipe"
        "$husk" "${flags[@]}" run --rm --name one -t host seq 100 >"$box/pipe" 2>&1 3>&- &
        client=$!
        exec 8<"$box/pipe"
        # all of it is written, and nobody has read a byte
        await eval '[ -z "$(husk ps -q)" ]'
        same "$(tr -d '\r' <&8 | tail -n 1)" 100
        exits 0
        "$husk" "${flags[@]}" run --rm -t host seq 30000 >"$box/pipe" 2>&1 3>&- 8<&- &
        client=$!
        exec 8<"$box/pipe"
        same "$(dd bs=7 status=none <&8 | wc -l)" 30000
        exits 0
        exec 8<&-
        nothing_left
}

@test '-t: a reader that stands still holds up no signal' {
        mkfifo "$box/pipe"
        "$husk" "${flags[@]}" run --rm --name one --init -t host sh -c 'echo >/tmp/ready; exec yes' \
                >"$box/pipe" 2>&1 3>&- &
        client=$!
        exec 8<"$box/pipe"
        await husk exec one test -e /tmp/ready
        id=$(husk ps -q --no-trunc)
        kill -TERM "$client"
        await eval '[ -z "$(husk ps -q)" ]'
        # the last words wait for their reader until we are told not to
        until gone "$client"; do kill -TERM "$client" 2>/dev/null || :; done
        exits 143
        exec 8<&-
        nothing_left "$id"
}

@test 'the exit status: plain, by a signal, out of memory' {
        needs_controllers memory
        run -0 husk run --rm host true
        run -255 husk run --rm host sh -c 'exit 255'
        run -134 husk run --rm --init host sh -c 'kill -ABRT $$'
        run -137 husk run --rm -m 16m host sh -c 'x=x; while :; do x=$x$x; done'
        nothing_left
}
