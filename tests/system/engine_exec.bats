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
        holder=$(our_processes | grep -vFx -e "/proc/$(keeper_of one)/cmdline")
        same "$(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "${holder%cmdline}status" | tr -s '\t\n' ' ')" \
                "$(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "/proc/$(keeper_of one)/status" | tr -s '\t\n' ' ')"
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
