#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run --init`, and the annotation dev.husk.init: who is pid 1, what it does and what it is not.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

# A container named one whose program is the script; in $client.
start() {
        husk_client run --rm --name one --init "${opts[@]}" host bash -c "$1" >"$box/out" 2>&1 </dev/null
        await grep -q ready "$box/out"
}

opts=()

@test 'it is pid 1, the program its child, in a process group of its own' {
        run -0 husk run --rm --init host sh -c 'ps -o pid=,ppid=,pgid=,comm= -e | head -n 2 | tr -s " "'
        same "$output" $' 1 0 1 husk-init\n 2 1 2 sh'
        nothing_left
}

@test 'the exit status is that of the program, to the digit' {
        run -0 husk run --rm --init host true
        run -7 husk run --rm --init host sh -c 'exit 7'
        run -255 husk run --rm --init host sh -c 'exit 255'
        run -143 husk run --rm --init host sh -c 'kill -TERM $$'
        run -137 husk run --rm --init host sh -c 'kill -KILL $$'
        run -127 husk run --rm --init host no-such-program
        has "$output" 'not found'
        nothing_left
}

@test 'a program that cannot be executed is an error as without it' {
        printf '#!/no/such/interpreter\n' >"$host/broken"
        chmod +x "$host/broken"
        run -127 husk run --rm --init host "$host/broken"
        has "$output" /no/such/interpreter
        nothing_left
}

@test 'orphans are reaped' {
        run -0 husk run --rm --init host bash -c '
                for i in 1 2 3 4 5; do (true & exec true) & done; (setsid sh -c "true &" &); wait
                until ! grep -qs "^State:.Z" /proc/[0-9]*/status; do :; done; echo none'
        same "$output" none
        nothing_left
}

@test 'signals reach the program, all that can' {
        start 'for s in HUP INT QUIT USR1 USR2 TERM CONT WINCH ALRM RTMIN RTMAX; do trap "echo got $s" $s; done
                trap "echo ended; exit 3" PWR; echo ready; while :; do sleep 1000 & wait; kill $! 2>/dev/null; done'
        for s in HUP INT QUIT USR1 USR2 TERM CONT WINCH ALRM RTMIN RTMAX; do
                husk kill -s "$s" one
                await grep -qx "got $s" "$box/out"
        done
        husk kill -s PWR one
        wait "$client" || code=$?
        same "$code" 3
        nothing_left
}

@test 'stop ends a program that never asked for SIGTERM' {
        start 'echo ready; exec sleep 1000'
        husk stop --time 1000 one
        wait "$client" || code=$?
        same "$code" 143
        nothing_left
}

@test 'when the program ends, all end' {
        start 'sleep 1000 & echo $! >/tmp/child; echo ready; exit 4'
        wait "$client" || code=$?
        same "$code" 4
        nothing_left
}

@test 'it has the filter and capabilities of the program, nothing open, and none of our words' {
        opts=(--cap-drop ALL --cap-add KILL --security-opt no-new-privileges --env INNER=1)
        SECRET_OF_OURS=hidden start 'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/1/status >/tmp/one
                grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status >/tmp/two
                cmp /tmp/one /tmp/two && echo same; echo ready; exec sleep 1000'
        grep -qx same "$box/out"
        pid=$(pid_of one)
        same "$(ls "/proc/$pid/fd")" ''
        same "$(tr -d '\0' <"/proc/$pid/cmdline")" husk-init
        same "$(tr -d '\0' <"/proc/$pid/environ")" ''
        same "$(readlink "/proc/$pid/cwd")" /
        # not dumpable: its files in /proc are root's, whoever it runs as
        run -1 husk exec one readlink /proc/1/exe
        husk rm -f one
}

@test 'a user who is not root' {
        run -5 husk run --rm --init --user 1234:1234 host sh -c 'ps -o uid= -p 1; exit 5'
        same "$((output))" 1234
        nothing_left
}

@test 'husk-oci: by annotation, with create, start and kill' {
        mkdir -p "$box/bundle/rootfs"
        (cd "$box/bundle" && "${HUSK_OCI:-$BATS_TEST_DIRNAME/../../build/husk-oci}" spec)
        oci() { timeout 60 "${HUSK_OCI:-$BATS_TEST_DIRNAME/../../build/husk-oci}" --root "$box/state" "$@"; }
        cp "$(command -v busybox)" "$box/bundle/rootfs/sh"
        jq '.process.terminal = false | .process.args = ["/sh", "-c", "trap \"exit 9\" TERM; while :; do /sh sleep 1 & wait; done"]
                | .annotations = {"dev.husk.init": "true"}' "$box/bundle/config.json" >"$box/new"
        mv "$box/new" "$box/bundle/config.json"
        oci create --bundle "$box/bundle" one </dev/null >/dev/null 2>&1 3>&-
        pid=$(oci state one | jq .pid)
        has "$(cat "/proc/$pid/comm")" husk-oci
        oci start one
        same "$(oci state one | jq -r .status)" running
        same "$(cat "/proc/$pid/comm")" husk-init
        oci kill one TERM
        await gone "$pid"
        oci delete one
        # what cannot be executed is start's error
        jq '.process.args = ["/broken"]' "$box/bundle/config.json" >"$box/new"
        mv "$box/new" "$box/bundle/config.json"
        printf '#!/none\n' >"$box/bundle/rootfs/broken"
        chmod +x "$box/bundle/rootfs/broken"
        oci create --bundle "$box/bundle" one </dev/null >/dev/null 2>&1 3>&-
        run -1 oci start one
        has "$output" /process/args
        oci delete one
}
