#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk logs`, `rename` and `port`.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test 'logs: both outputs, of all starts, and the last lines' {
        husk run -d --name one host sh -c 'echo out; echo err >&2; printf unended' >/dev/null
        husk wait one
        same "$(husk logs one)" $'out\nerr\nunended'
        same "$(husk logs one 2>&1 >/dev/null)" ''
        same "$(husk logs --tail 1 one)" unended
        same "$(husk logs -n 2 one)" $'err\nunended'
        same "$(husk logs -n 0 one)" ''
        same "$(husk logs -n 100 one)" $'out\nerr\nunended'
        husk start one
        husk wait one
        same "$(husk logs -n all one)" $'out\nerr\nunendedout\nerr\nunended'
        run -1 husk logs -n x one
        run -125 husk logs -t one
        has "$output" 'let the program write them'
        husk logs one | head -n 1 >/dev/null
}

@test 'logs of more than is read at once' {
        husk run -d --name one host seq 100000 >/dev/null
        husk wait one
        cmp <(husk logs one) <(seq 100000)
        cmp <(husk logs --tail 70000 one) <(seq 30001 100000)
}

@test 'logs -f: until its end' {
        husk run -d --name one host sh -c 'echo first; while [ ! -e /root/go ]; do sleep 0.05; done; echo last' >/dev/null
        husk_client logs -f one >"$box/out"
        await grep -q first "$box/out"
        run ! grep -q last "$box/out"
        husk exec one touch /root/go
        wait "$client"
        same "$(cat "$box/out")" $'first\nlast'
        same "$(husk logs -f one)" $'first\nlast'
}

@test 'no log: nothing of what has not begun, an error of what was in front' {
        husk create --name one host echo hello
        same "$(husk logs one)" ''
        run -0 husk start -a one
        run -1 husk logs one
        has "$output" 'in front of somebody'
        run -1 husk logs none
}

@test 'rename: while it runs and later; a name is one container'\''s' {
        id=$(husk run -d --name one host sleep 1000)
        husk create --name two host true
        run -1 husk rename one two
        has "$output" "the name 'two' is taken"
        husk rename one three
        run -1 husk inspect one
        same "$(husk inspect three | jq -r '.[0].Name')" three
        has "$(husk ps --format '{{.Names}}')" three
        husk rename "$id" one
        husk restart -t 0 one
        is_state one running
        husk rename one four
        husk run --rm --name one host true
        run -1 husk rename four 'a b'
        run -1 husk rename none x
        husk rm -f four two
        nothing_left "$id"
}

@test 'port: none is published' {
        husk create --name one host true
        same "$(husk port one)" ''
        run -1 husk port one 80/tcp
        run -1 husk port none
}
