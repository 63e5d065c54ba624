#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The ways around a seccomp filter, and what the default one is to keep from the kernel: each call of a
# reviewed list (tests/attacks/denied.golden) by its number, as x86-64, by int 0x80 and as x32; AF_ALG and
# AF_VSOCK through i386's socketcall(2), too (CVE-2026-31431); in every thread. The control is built in: the
# same calls without the filter get through. x32 is not in every kernel; where it is not, its numbers
# are no way in, and the control says ENOSYS.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}
WEAK=${WEAK:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak}
GOLDEN=$BATS_TEST_DIRNAME/../attacks/denied.golden

setup() {
        engine_setup
        [ -x "$PROBES/probe_calls" ] || skip "there are no probes in $PROBES (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip 'the numbers of the calls are those of x86-64'
        cp "$PROBES/probe_calls" "$host/calls"
}

# column N [ANSWER]: the calls of the list, those with that answer
column() {
        awk -v n="$1" -v answer="${2:-}" '$1 !~ /^#/ && $n != "-" && (!answer || $5 == answer) { print $n }' "$GOLDEN"
}

@test 'each denied call of the list, by its number on x86-64' {
        local calls
        mapfile -t calls < <(column 2 EPERM)
        [ "${#calls[@]}" -gt 50 ]
        run -0 husk run --rm host "$host/calls" "${calls[@]}"
        same "$output" "$(printf '%s: -1\n' "${calls[@]}")"
        mapfile -t calls < <(column 2 ENOSYS)
        run -0 husk run --rm host "$host/calls" "${calls[@]}" 480 999 4095
        same "$output" "$(printf '%s: -38\n' "${calls[@]}" 480 999 4095)"
        # the control: without the filter there are new namespaces, keys and crypto sockets
        run -0 husk run --rm --security-opt seccomp=unconfined host "$host/calls" 272,0x10000000 248 323 41,38,5
        [ "${lines[0]}" = '272,0x10000000: 0' ]
        [ "${lines[1]}" = '248: -14' ]
        [ "${lines[2]}" != '323: -1' ] || [ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ]
        [ "${lines[3]}" != '41,38,5: -1' ]
}

# entries WORD COLUMN [OPTION...]: each call of that column by that way into the kernel, a process each:
# its number and the status that it ended with
entries() {
        local calls
        mapfile -t calls < <(column "$2")
        husk run --rm "${@:3}" host sh -c 'probe=$1 way=$2; shift 2
                for call; do "$probe" "$way:$call" >/dev/null 2>&1; echo "$call $?"; done' \
                sh "$host/calls" "$1" "${calls[@]}" 20 1 39
}

@test 'each of them by int 0x80, and as x32: the process ends' {
        run -0 entries i386 3
        same "$(awk '$2 != 159' <<<"$output")" ''
        [ "${#lines[@]}" -gt 60 ]
        run -0 entries x32 4
        same "$(awk '$2 != 159' <<<"$output")" ''
        [ "${#lines[@]}" -gt 60 ]
        # the control: without the filter int 0x80 is answered: 20 is getpid
        run -0 husk run --rm --security-opt seccomp=unconfined host "$host/calls" i386:20 x32:39
        [ "${lines[0]}" = 'i386:20: 1' ]
        [ "${lines[1]}" = 'x32:39: 1' ] || [ "${lines[1]}" = 'x32:39: -38' ]
        # and with a filter that takes all numbers for those of x86-64: 288 is keyctl there for int 0x80, accept4 here
        mkdir "$box/weak"
        cp "$WEAK" "$box/weak/husk"
        husk=$box/weak/husk
        run -159 husk run --rm host "$host/calls" i386:288
        HUSK_WEAK=architecture run -0 husk run --rm host "$host/calls" i386:288
        [ "$output" = 'i386:288: -22' ]
}

@test 'every thread is under the filter, and the first process had no second one without' {
        local program='
import threading, glob
barrier = threading.Barrier(9)
for i in range(8):
    threading.Thread(target=lambda: (barrier.wait(), barrier.wait()), daemon=True).start()
barrier.wait()
for task in sorted(glob.glob("/proc/self/task/*/status")):
    print(*[l.strip().replace("\t", "") for l in open(task) if l.startswith(("Seccomp:", "NoNewPrivs:"))])
'
        [ -x /usr/bin/python3 ] || skip 'needs python3'
        run -0 husk run --rm --security-opt no-new-privileges host /usr/bin/python3 -c "$program"
        same "$output" "$(for ((i = 0; i < 9; i++)); do echo NoNewPrivs:1 Seccomp:2; done)"
        husk run -d --name "t$$" host sleep 1000
        run -0 husk exec "t$$" /usr/bin/python3 -c "$program"
        same "$output" "$(for ((i = 0; i < 9; i++)); do echo NoNewPrivs:0 Seccomp:2; done)"
        same "$(awk '/^Threads:/ { print $2 }' "/proc/$(pid_of "t$$")/status")" 1
        # the control
        run -0 husk run --rm --security-opt seccomp=unconfined host /usr/bin/python3 -c "$program"
        same "${lines[8]}" 'NoNewPrivs:0 Seccomp:0'
        husk rm -f "t$$"
}

@test 'unshare, mount of cgroups, packet sockets, from programs' {
        local words='unshare -U true; echo $?; unshare -m true; echo $?; mkdir /tmp/m; mount -t cgroup2 none /tmp/m; echo $?
                mount -t cgroup -o memory none /tmp/m; echo $?; mount -t tmpfs none /tmp/m; echo $?'
        run -0 husk run --rm host sh -c "$words"
        same "$(grep -cx '[1-9][0-9]*' <<<"$output")" 5
        run -0 husk run --rm host "$host/calls" 41,17,3,0x300 41,17,2 41,2,3,1
        same "$(grep -c ': -1$' <<<"$output")" 3
        # the control: with the capabilities and without the filter they all work
        run -0 husk run --rm --privileged host sh -c "$words"
        same "$(grep -cx 0 <<<"$output")" 4 || same "$(grep -cx 0 <<<"$output")" 5
        run -0 husk run --rm --cap-add NET_RAW host "$host/calls" 41,17,3,0x300
        [ "$output" != '41,17,3,0x300: -1' ]
}
