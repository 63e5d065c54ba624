#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run` and `exec` with a terminal: what is a terminal inside and what is not, its size, the keys
# that make signals, the caller's settings afterwards. script(1) plays the user's terminal.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper
load terminal_helper

@test '-it: a terminal of its own, with the size of ours' {
        open_terminal run --rm -it host sh -c 'tty; stty size; echo $TERM; ls -l /proc/$$/fd; exit 7'
        close_terminal
        shows '^/dev/pts/0'
        shows '^30 100'
        shows '^xterm'
        shows '^status 7'
        cmp "$box/before" "$box/after"
        nothing_left
}

@test '-it: the size follows' {
        open_terminal run --rm -it host bash -c 'stty -echo; echo ready; until [ "$(stty size)" = "41 123" ]; do sleep 0.05; done; stty size; read line; echo "got $line"'
        shows ready
        stty -F "$(cat "$box/tty")" rows 41 cols 123
        shows '^41 123'
        echo words >&7
        close_terminal
        shows '^got words'
        shows '^status 0'
}

@test '-it: Ctrl-C reaches the foreground process, not us' {
        open_terminal run --rm -it host sh -c 'trap "echo caught" INT; sleep 1000; echo "slept $?"; exit 9'
        await eval '[ -n "$(husk ps -q)" ]'
        id=$(husk ps -q --no-trunc)
        await eval 'husk exec "$id" sh -c "cat /proc/[2-9]*/comm" 2>/dev/null | grep -qx sleep'
        printf '\003' >&7
        close_terminal
        shows caught
        shows '^slept 130'
        shows '^status 9'
        nothing_left "$id"
}

@test '-it: keys arrive as they are, the end of input too' {
        open_terminal run --rm -it host sh -c 'stty -echo; echo ready; cat >/dev/null; echo ended'
        shows ready
        printf 'some words\n' >&7
        printf '\004' >&7
        close_terminal
        shows '^ended'
        shows '^status 0'
}

@test '-t without -i: Ctrl-C is a signal for us, which the container gets' {
        open_terminal run --rm --name one -t host sh -c 'trap "exit 12" INT; echo ready; while :; do sleep 0.05; done'
        shows ready
        printf '\003' >&7
        await eval '[ -z "$(husk ps -q)" ]'
        exec 7>&-
        await gone "$terminal"
        nothing_left
}

@test 'the settings of the terminal come back when the container is killed' {
        open_terminal run --rm --name one -it host sh -c 'stty raw -echo; echo ready; sleep 1000'
        shows ready
        husk kill -s KILL one
        close_terminal
        shows '^status 137'
        cmp "$box/before" "$box/after"
        nothing_left
}

@test 'without -t a terminal of ours is none inside' {
        open_terminal run --rm -i host sh -c 'tty; ls -l /proc/$$/fd; test -t 0 || test -t 1 || test -t 2 || echo none'
        close_terminal
        shows '^not a tty'
        shows '^none'
        run ! grep -E ' -> (/dev/(pts|tty)|.*deleted)' "$screen"
        nothing_left
}

@test 'without -t words typed still arrive, and their end' {
        open_terminal run --rm -i host sh -c 'echo ready; cat; echo ended'
        shows ready
        printf 'words\n' >&7
        printf '\004' >&7
        close_terminal
        [ "$(grep -c words "$screen")" -ge 2 ]
        shows '^ended'
}

@test 'exec -it' {
        id=$(husk run -d host sleep 1000)
        open_terminal exec -it "$id" sh -c 'tty; stty size; exit 5'
        close_terminal
        shows '^/dev/pts/'
        shows '^30 100'
        shows '^status 5'
        cmp "$box/before" "$box/after"
        husk rm -f "$id"
        nothing_left "$id"
}

@test '-t with input from a pipe: more than a terminal holds, and its end' {
        seq 100000 >"$box/lines"
        run -0 bash -c '"$@" <"'"$box"'/lines" | tr -d "\r" | tail -n 1' bash timeout 30 "$husk" \
                "${flags[@]}" run --rm -it host sh -c 'stty -echo; cat'
        same "$output" 100000
        run -0 bash -c 'printf words | "$@"' bash timeout 30 "$husk" "${flags[@]}" run --rm -it host cat
        has "$output" words
        nothing_left
}

@test '-t without -i: nothing that we type arrives' {
        run -0 bash -c 'echo words | "$@"' bash timeout 30 "$husk" "${flags[@]}" run --rm -t host \
                sh -c 'test -t 0 && test -t 1 && test -t 2 && echo terminals'
        has "$output" terminals
        [[ $output != *words* ]]
        nothing_left
}

@test '-t into a pipe that nobody reads any more: the client ends, and the container with SIGHUP' {
        run -0 bash -c '"$@" | head -n 1' bash timeout 30 "$husk" "${flags[@]}" run --rm -t host \
                sh -c 'trap "exit 1" HUP; while :; do echo y; done'
        same "${lines[0]}" $'y\r'
        nothing_left
}

@test '-dt: a terminal that nobody reads never blocks' {
        id=$(husk run -dt host sh -c 'seq 100000; echo >/tmp/done; sleep 1000')
        await husk exec "$id" test -e /tmp/done
        husk rm -f "$id"
        nothing_left "$id"
}

# Each line of two bytes becomes one of three: no piece that is written fits as it is.
@test 'a terminal that nobody reads: signals are heard all the same, without -t, and with' {
        export READY=$host/ready
        for tty in '' -t; do
                rm -f "$READY"
                # shellcheck disable=SC2086 # none is no word
                run python3 "$BATS_TEST_DIRNAME/deaf_reader.py" "$husk" "${flags[@]}" run --rm $tty \
                        -v "$host:/mnt" host sh -c 'trap "exit 3" TERM HUP; echo >/mnt/ready; yes & wait'
                [[ $status = 3 || $status = 143 ]] # who is told twice may be told behind the end
        done
        nothing_left
}

@test 'exec on a terminal that nobody reads holds up neither signals nor the end of the container' {
        id=$(husk run -d -v "$host:/mnt" host sh -c 'trap "exit 4" TERM; sleep 1000 & wait')
        READY=$host/ready run python3 "$BATS_TEST_DIRNAME/deaf_reader.py" "$husk" "${flags[@]}" exec "$id" \
                sh -c 'trap "exit 3" TERM; echo >/mnt/ready; yes & wait'
        [[ $status = 3 || $status = 143 ]]
        rm "$host/ready"
        # With last words that nobody takes, the client waits; what it has run is reaped before.
        READY=$host/never python3 "$BATS_TEST_DIRNAME/deaf_reader.py" "$husk" "${flags[@]}" exec "$id" \
                sh -c 'echo >/mnt/ready; exec yes' 3>&- &
        reader=$!
        await exists "$host/ready"
        LIMIT=8 husk stop -t 1 "$id"
        touch "$host/never"
        wait "$reader" || :
        husk rm "$id"
        nothing_left "$id"
}

@test '-it: a program that has closed its terminal, and keys that nobody takes: they are dropped, those that detach work' {
        open_terminal run --rm --name one -it host sh -c 'echo ready; exec sleep 1000 <&- >&- 2>&-'
        shows ready
        await eval '[ "$(cat "/proc/$(pid_of one)/comm")" = sleep ]'
        (timeout 20 seq 40000 >&7 && printf '\020\021' >&7) &
        close_terminal
        wait $!
        shows '^status 0'
        is_state one running
        husk rm -f one
        nothing_left
}
