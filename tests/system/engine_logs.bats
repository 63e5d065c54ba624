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
        husk logs one | head -n 1 >/dev/null
}

@test 'logs of more than is read at once' {
        husk run -d --name one host seq 100000 >/dev/null
        husk wait one
        cmp <(husk logs one) <(seq 100000)
        cmp <(husk logs --tail 70000 one) <(seq 30001 100000)
}

# A container can make its log as long as a file can be, at once.
@test 'logs of a log that is a terabyte of nothing' {
        local log='timeout 30 "$husk" "${flags[@]}" logs'
        husk run -d --name one host sh -c 'echo first; echo second; truncate -s 1T /proc/self/fd/1; echo third
                until test -e /root/go; do sleep 0.05; done; truncate -s 2T /proc/self/fd/1' >/dev/null
        await husk exec one sh -c '[ "$(stat -L -c %s /proc/1/fd/1)" -gt 1099511627776 ]'
        say_go one /root/go
        husk wait one
        [ "$(stat -c %s "$store/containers/"*/log)" = 2199023255552 ] || skip 'no file can be that long here'
        # Up to the end of a block there are zeroes.
        same "$(eval "$log one" | tr -d '\0')" $'first\nsecond\nthird'
        same "$(eval "$log -n 2 one" | tr -d '\0')" third
        same "$(eval "$log -n 3 one" | tr -d '\0')" $'second\nthird'
        same "$(eval "$log -n 100 one" | tr -d '\0')" $'first\nsecond\nthird'
        same "$(eval "$log -t --since 1h one" | tr -d '\0' | cut -d' ' -f2)" $'first\nsecond\nthird'
        run -0 eval "$log --until 1h --since 1m one"
        run -0 eval "$log -f -n 1 --since 1h one >$box/out"
}

# For what it reads the reader sees to it that there is twice as much to read.
@test 'logs ends, although the container writes faster than it is read' {
        local id
        id=$(husk run -d --name one host seq 20000)
        husk wait one
        timeout -k 5 20 "$husk" "${flags[@]}" logs one | python3 -c '
import os, sys
log, n = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND), 0
while bytes := os.read(0, 32768):
        n += len(bytes)
        os.write(log, b"x" * 65535 + b"\n")
print(n)' "$store/containers/$id/log" >"$box/read"
        same "$(cat "$box/read")" "$(seq 20000 | wc -c)"
}

lease_on() {
        python3 -c '
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
log = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(log, fcntl.F_SETLEASE, fcntl.F_WRLCK)
open(sys.argv[2], "w").close()
time.sleep(100)' "$1" "$2" 3>&- &
        holder=$!
        await test -e "$2"
}

# fcntl(2) F_SETLEASE: who has one makes others wait who open the file, for as long as 45 seconds each time.
@test 'the container gets no lease on its log; who was handed it when the container ended keeps nobody waiting' {
        local id
        id=$(husk run -d --name one host python3 -c '
import fcntl, os, time
time.sleep(0.5)
for i in range(20):
        time.sleep(0.02)
        try:
                fcntl.fcntl(os.open("/proc/self/fd/1", os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
                print("leased", flush=True)
        except OSError as error:
                print(error.strerror, flush=True)')
        husk wait one
        same "$(husk logs one | sort -u)" 'Resource temporarily unavailable'
        lease_on "$store/containers/$id/log" "$box/held"
        run -1 timeout -k 5 20 "$husk" "${flags[@]}" start one
        has "$output" 'has a lease on it'
        run -1 timeout -k 5 20 "$husk" "${flags[@]}" logs one
        has "$output" 'has a lease on it'
        timeout -k 5 20 "$husk" "${flags[@]}" rm one
        kill "$holder"
}

@test 'logs -f: until its end' {
        husk run -d --name one host sh -c 'echo first; while [ ! -e /root/go ]; do sleep 0.05; done; echo last' >/dev/null
        husk_client logs -f one >"$box/out"
        await grep -q first "$box/out"
        run ! grep -q last "$box/out"
        say_go one /root/go
        wait "$client"
        same "$(cat "$box/out")" $'first\nlast'
        same "$(husk logs -f one)" $'first\nlast'
}

# lines: what is left of each line of the input when the time in front of it is right and not before the last one's.
lines() {
        awk '$1 !~ /^20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]*Z$/ || length($1) != 30 || $1 < last { print "bad: " $0 }
                { last = $1; sub(/^[^ ]* /, ""); print }'
}
says() { husk logs -t "$1" | grep -q "$2"; }
# time_of WORD: the time of the line with it.
time_of() { husk logs -t one | awk -v word="$1" '$2 == word { print $1 }'; }

@test 'logs -t, --since, --until: the times at which lines were begun' {
        local before after two
        before=$(date +%s.%N)
        husk run -d --name one host sh -c 'echo one; printf "begun "; while [ ! -e /root/1 ]; do sleep 0.05; done; echo ended
                echo two; while [ ! -e /root/2 ]; do sleep 0.05; done; printf unended' >/dev/null
        await says one 'Z begun'
        sleep 1
        husk exec one touch /root/1
        await says one 'Z two'
        sleep 1
        husk exec one touch /root/2
        husk wait one
        after=$(date +%s.%N)
        same "$(husk logs -t one | lines)" $'one\nbegun ended\ntwo\nunended'
        two=$(time_of two)
        # What it says is when it was: a second between the lines, and all of it while it ran.
        [ "$(date -d "$(time_of begun)" +%s%N)" -gt "$(date -d "@$before" +%s%N)" ]
        [ "$(date -d "$two" +%s%N)" -ge "$(($(date -d "$(time_of begun)" +%s%N) + 900000000))" ]
        [ "$(date -d "$(time_of unended)" +%s%N)" -ge "$(($(date -d "$two" +%s%N) + 900000000))" ]
        [ "$(date -d "$(time_of unended)" +%s%N)" -lt "$(date -d "@$after" +%s%N)" ]
        same "$(husk logs --since "$two" one)" $'two\nunended'
        same "$(husk logs --until "$two" one)" $'one\nbegun ended\ntwo'
        same "$(husk logs --since "$two" --until "$two" one)" two
        same "$(husk logs --until "$two" -n 1 one)" two
        same "$(husk logs --since "$before" -n 3 one)" $'begun ended\ntwo\nunended'
        same "$(husk logs --since 1h one)" $'one\nbegun ended\ntwo\nunended'
        same "$(husk logs --since "$after" one)" ''
        same "$(husk logs --until "$before" one)" ''
        same "$(husk logs --until 1h one)" ''
        for bad in '' yesterday 1.x 99999999999999999999; do
                run -1 husk logs --since "$bad" one
                has "$output" "--since: '$bad' is no time"
        done
}

@test 'logs -t: a log that its program cuts, and one of many lines' {
        husk run -d --name one host sh -c 'seq 100000; while [ ! -e /root/go ]; do sleep 0.05; done; : >/proc/self/fd/1
                echo new; seq 3' >/dev/null
        await says one ' 100000'
        cmp <(husk logs -t one | lines) <(seq 100000)
        cmp <(husk logs -t -n 70000 one | lines) <(seq 30001 100000)
        say_go one /root/go
        husk wait one
        same "$(husk logs -t one | lines)" $'new\n1\n2\n3'
}

@test 'logs -t: over two starts, without a keeper, and without times' {
        local id
        id=$(husk run -d --name one host sh -c 'echo hello')
        husk wait one
        husk start one
        husk wait one
        same "$(husk logs -t one | lines)" $'hello\nhello'
        # A keeper that was killed: the last time is the file's, and half a note is none.
        truncate -s 20 "$store/containers/$id/times"
        same "$(husk logs -t one | lines)" $'hello\nhello'
        husk start one
        husk wait one
        same "$(husk logs -t one | lines)" $'hello\nhello\nhello'
        same "$(($(stat -c %s "$store/containers/$id/times") % 16))" 0
        rm "$store/containers/$id/times"
        run -1 husk logs -t one
        has "$output" 'the log has no times'
        same "$(husk logs -n 1 one)" hello
}

@test 'logs -f -t --since --until: what comes, until then' {
        husk run -d --name one host sh -c 'echo first; printf "mid "; while [ ! -e /root/go ]; do sleep 0.05; done; echo line
                echo last; exec sleep 1000' >/dev/null
        husk_client logs -f -t --since 1h one >"$box/out"
        await grep -q 'Z mid' "$box/out"
        say_go one /root/go
        await grep -q last "$box/out"
        same "$(lines <"$box/out")" $'first\nmid line\nlast'
        husk logs -f --until "$(date -d '2 seconds' +%s)" one >"$box/until"
        same "$(cat "$box/until")" $'first\nmid line\nlast'
        husk kill one >/dev/null
        wait "$client"
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
