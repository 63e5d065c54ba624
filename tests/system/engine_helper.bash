# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# What the tests of `husk` share: a store and a run root of their own for each test, a directory on
# the root file system for what a container is to see of the host, waiting without fixed sleeps, and
# the proof that nothing is left.

bats_require_minimum_version 1.5.0
load way
load controllers

engine_setup() {
        husk=${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}
        [ "$(id -u)" = 0 ] || skip 'needs root'
        [ -x "$husk" ] || skip "there is no $husk"
        box=$BATS_TEST_TMPDIR
        store=$box/store
        flags=(--root "$store" --runroot "$box/run")
        # The image `host` is the root file system; the directory for temporary files may be another.
        host=$(mktemp -d "/var/tmp/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        chmod 755 "$host"
}

engine_teardown() {
        [ -n "${box:-}" ] || return 0
        local id
        for id in $(husk ps -aq --no-trunc 2>/dev/null); do
                husk rm -f "$id" >/dev/null 2>&1 || :
        done
        [ -z "${host:-}" ] || rm -rf --one-file-system "$host"
}

setup() { engine_setup; }
teardown() { engine_teardown; }

# A hang is a failure, not the end of the suite.
husk() { timeout -k 5 "${LIMIT:-60}" "$husk" "${flags[@]}" "$@" 3>&-; }

# In the background; its process is the client itself, in $client.
husk_client() {
        "$husk" "${flags[@]}" "$@" 3>&- &
        client=$!
}

# The client has heard that its container runs: it polls. Before that, nobody has, and the container goes with it.
attends() { [[ $(cat "/proc/$1/wchan") == *poll* ]]; }

# await COMMAND...: until it succeeds, at most 30 seconds.
await() {
        local i
        for ((i = 0; i < 600; i++)); do
                ! "$@" >/dev/null 2>&1 || return 0
                sleep 0.05
        done
        echo "never came true: $*"
        return 1
}

# say_go NAME FILE: the program waits for FILE, and may have ended before touch(1) has, which it takes along then.
say_go() { husk exec "$1" touch "$2" || [ $? = 137 ]; }
not() { ! "$@"; }
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*[ZX] ' "/proc/$1/status"; }
exists() { [ -e "$1" ]; }
filled() { [ -s "$1" ]; }
same() { [ "$1" = "$2" ] || { printf 'is       %q\nexpected %q\n' "$1" "$2" && return 1; }; }
has() { [[ $1 == *"$2"* ]] || { printf 'in  %s\nnot %s\n' "$1" "$2" && return 1; }; }
state_of() { husk inspect "$1" | jq -r '.[0].State.Status'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
pid_of() { husk inspect "$1" | jq -r '.[0].State.Pid'; }
keeper_of() { awk '/^PPid:/ { print $2 }' "/proc/$(pid_of "$1")/status"; }

# The processes that have this test's store as a word of their command line: clients and keepers.
# One grep, because bats makes each command of a loop slow.
our_processes() { grep -lzsxFf <(printf '%s' "$store") /proc/[0-9]*/cmdline; }

# confined N CLIENT: that many of its children have given up their rights.
confined() {
        local pid n=0
        for pid in $(pgrep -P "$2"); do
                ! grep -q '^Seccomp:.*[12]' "/proc/$pid/status" || n=$((n + 1))
        done
        [ "$n" = "$1" ]
}
ended() {
        local pid
        for pid; do
                [ ! -e "/proc/$pid" ] || grep -qs '^State:.Z' "/proc/$pid/status" || return 1
        done
}
# takes_along CLIENT: its children, which are stopped, so that none ends by itself, die with it.
takes_along() {
        local children
        mapfile -t children < <(pgrep -P "$1")
        kill -STOP "${children[@]}"
        kill -KILL "$1"
        wait "$1" || :
        await ended "${children[@]}" || { kill -KILL "${children[@]}" && return 1; }
}

# Nothing of any container: files, mounts, processes, cgroups (of the ids given).
nothing_left() {
        local id
        await eval '[ -z "$(our_processes)" ]'
        same "$(find "$store/containers" "$box/run/containers" -mindepth 1 2>/dev/null)" ''
        same "$(grep -F "$box" /proc/self/mountinfo)" ''
        for id in "$@"; do
                same "$(find /sys/fs/cgroup -maxdepth 3 -name "husk-$id*" 2>/dev/null)" ''
        done
}
