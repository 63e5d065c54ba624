#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk exec`: one more process in a running container.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test 'exec: status, environment, user, directory, standard input' {
        husk run -d --name one -e A=1 -e B=2 -w /usr host sleep 1000 >/dev/null
        run -0 husk exec one true
        run -3 husk exec one sh -c 'exit 3'
        run -137 husk exec one sh -c 'kill -KILL $$'
        run -127 husk exec one no-such-program
        run -126 husk exec one /etc/passwd
        run -125 husk exec --no-such-option one true
        run -125 husk exec none true
        run -0 husk exec -e B=3 -e C=4 one sh -c 'echo $A $B $C; env | grep -c ^B='
        same "$output" $'1 3 4\n1'
        run -0 husk exec one pwd
        same "$output" /usr
        run -0 husk exec -w /etc one pwd
        same "$output" /etc
        run -125 husk exec -w etc one pwd
        run -0 husk exec -u nobody one sh -c 'id -u; grep ^CapEff /proc/self/status; echo $HOME'
        same "$output" $'65534\nCapEff:\t0000000000000000\n/nonexistent'
        run -125 husk exec -u no-such-user one true
        run -0 bash -c 'echo words | "$@"' bash "$husk" "${flags[@]}" exec -i one cat
        same "$output" words
        run -0 bash -c 'echo words | "$@"' bash "$husk" "${flags[@]}" exec one cat
        same "$output" ''
        husk rm -f one
        nothing_left
}

@test 'exec is in the same namespaces, limits and cgroup' {
        needs_controllers memory
        husk run -d --name one --memory 64m host sleep 1000 >/dev/null
        look='for n in cgroup ipc mnt net pid uts; do readlink /proc/$1/ns/$n; done; grep -E "^(Cap|Seccomp|NoNew)" /proc/$1/status; cat /proc/$1/cgroup; cat /proc/$1/limits'
        run -0 husk exec one sh -c "$look" sh 1
        first=$output
        run -0 husk exec one sh -c "$look" sh self
        same "$output" "$first"
        husk rm -f one
}

@test 'exec as root in a container of another user has what root may have there' {
        husk run -d --name one -u nobody host sleep 1000 >/dev/null
        run -0 husk exec one sh -c 'id -u; grep ^CapEff /proc/self/status'
        same "$output" $'65534\nCapEff:\t0000000000000000'
        run -0 husk exec -u root one sh -c 'id -u; grep ^CapEff /proc/self/status'
        same "$output" $'0\nCapEff:\t00000000800405fb'
        husk rm -f one
}

@test 'exec -d goes on without us' {
        husk run -d --name one host sleep 1000 >/dev/null
        run -0 husk exec -d one sh -c 'echo >/tmp/there; sleep 1000'
        same "$output" ''
        await husk exec one test -e /tmp/there
        husk rm -f one
        nothing_left
}

@test 'exec -d -t: its terminal stays as long as it does' {
        husk run -d --name one host sleep 1000 >/dev/null
        # More than a terminal holds.
        run -0 husk exec -d -t one sh -c \
                'tty >/tmp/tty; seq 100000; echo >/tmp/there; exec sleep 1000'
        same "$output" ''
        await husk exec one test -e /tmp/there
        has "$(husk exec one cat /tmp/tty)" /dev/pts/
        run -0 husk exec one pgrep -x -c sleep
        same "$output" 2
        keeper=$(keeper_of one) # by a client, which is not one to be found
        holder=$(our_processes | grep -vFx "/proc/$keeper/cmdline")
        same "$(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "${holder%cmdline}status" | tr -s '\t\n' ' ')" \
                "$(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "/proc/$keeper/status" | tr -s '\t\n' ' ')"
        husk exec one pkill -f 'sleep 1000' || :
        await not eval '[ -d "${holder%/cmdline}" ]'
        husk rm -f one
        nothing_left
}

@test 'exec -u keeps the umask of the container, exec -t its TERM' {
        husk run -d --name one --umask 0077 -e TERM=vt100 host sleep 1000 >/dev/null
        same "$(husk exec one sh -c umask)" 0077
        same "$(husk exec -u nobody one sh -c umask)" 0077
        run -0 husk exec -t one sh -c 'echo $TERM'
        same "${output%$'\r'}" vt100
        run -0 husk exec -t -e TERM=dumb one sh -c 'echo $TERM'
        same "${output%$'\r'}" dumb
        husk rm -f one
        husk run -d --name one host sleep 1000 >/dev/null
        run -0 husk exec -t one sh -c 'echo $TERM'
        same "${output%$'\r'}" xterm
        husk rm -f one
}

# Process 1 stops all who come in; with `once` it is content with one.
stopper() {
        husk run -d --name one "${@:2}" host python3 -S -c '
import os, sys, time
while True:
    try:
        os.kill(-1, 19)
    except ProcessLookupError:
        continue
    if sys.argv[1] == "once":
        time.sleep(1000)' "$1"
}

# The process that a client of exec has made, when it is stopped: its name.
stopped_child() {
        local child
        child=$(tr -d ' ' <"/proc/$client/task/$client/children") && [ -n "$child" ] &&
                grep -q '^State:.T' "/proc/$child/status" && cat "/proc/$child/comm"
}

@test 'exec: a process that is stopped on its way in goes on' {
        stopper once
        husk_client exec one true
        # It may have got through before: then it is the program that was stopped.
        await eval '! exists "/proc/$client" || gone "$client" || { [ "$(stopped_child)" = true ] && kill -CONT $(<"/proc/$client/task/$client/children"); }'
        await gone "$client"
        wait "$client"
        husk rm -f one
        nothing_left
}

# Most get through in the end, since they are told to go on: what must not be is a client that neither does nor hears.
@test 'exec: one that is stopped again and again holds up no signal, and stays not behind' {
        stopper always
        for _ in {1..5}; do
                husk_client exec one true
                await eval 'stopped_child || gone "$client"'
                kill -TERM "$client" 2>/dev/null || :
                await eval 'gone "$client" || attends "$client"'
                # When the program runs, being stopped is its own affair.
                kill -KILL "$client" 2>/dev/null || :
                wait "$client" || :
        done
        run -0 husk top one
        [[ $output != *"$store"* ]]
        husk rm -f one
        nothing_left
}

@test 'stop and rm -f of a container whose exec is not waited for name both processes' {
        husk run -d --name one host sleep 1000
        husk_client exec one sh -c 'echo >/tmp/ready; exec sleep 999'
        await husk exec one test -e /tmp/ready
        await eval '[ "$(cat /proc/$(tr -d " " <"/proc/$client/task/$client/children")/comm)" = sleep ]'
        child=$(tr -d ' ' <"/proc/$client/task/$client/children")
        kill -STOP "$client"
        run husk rm -f one
        kill -CONT "$client"
        same "$status" 1
        has "$output" "process $child (sleep) in it has ended, but its parent $client ("
        has "$output" 'has not waited for it'
        status=0
        wait "$client" || status=$?
        same "$status" 137
        husk rm -f one
        nothing_left
}
