#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The keeper of `husk run`: what it gives up while the container runs, and that it still cleans up.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

# confined PID: it has given up what it does not need
confined() {
        local status
        status=$(cat "/proc/$1/status")
        echo "$status"
        grep -qx $'NoNewPrivs:\t1' <<<"$status"
        grep -qx $'Seccomp:\t2' <<<"$status"
        grep -qx $'CapEff:\t000000000000002a' <<<"$status"
        grep -qx $'CapPrm:\t000000000000002a' <<<"$status"
        grep -qx $'CapInh:\t0000000000000000' <<<"$status"
        grep -qx $'CapAmb:\t0000000000000000' <<<"$status"
        # Not dumpable: who has its ids and more capabilities, but not CAP_SYS_PTRACE, sees nothing.
        setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace readlink /proc/self/exe
        run ! setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace readlink "/proc/$1/exe"
}

@test 'the keeper gives up its rights before the container is said to run' {
        husk run -d --name one host sleep 1000
        confined "$(keeper_of one)"
        husk run -dt --name two host sleep 1000
        confined "$(keeper_of two)"
}

@test 'it removes what belongs to anybody, of any mode' {
        id=$(husk run -d --rm --name one host sh -c '
                mkdir -p /srv/a/b /srv/sticky && touch /srv/a/b/c /srv/sticky/d &&
                chown -R 1234:1234 /srv/a /srv/sticky && chmod 1700 /srv/sticky &&
                chmod 0 /srv/a/b/c /srv/a/b /srv/a; read -r x </dev/zero; sleep 1000')
        keeper=$(keeper_of one)
        husk kill one
        await gone "$keeper"
        nothing_left "$id"
}

# Deeper than there are descriptors for: by the keeper, and by `rm`.
@test 'a container that makes directories in directories can be removed' {
        deep='cd /srv; i=0; while [ $i -lt 1100 ]; do mkdir a && cd a && : >file || exit; i=$((i + 1)); done'
        run -0 husk run --rm --name one host sh -c "$deep"
        id=$(husk run -d --rm --name two host sh -c "$deep; read -r x </dev/zero; sleep 1000")
        keeper=$(keeper_of two)
        husk kill two
        await gone "$keeper"
        nothing_left "$id"
        run -0 husk run --name three host sh -c "$deep"
        husk rm three
        same "$(husk ps -aq)" ''
}

@test 'it kills what others have left in the cgroup' {
        id=$(husk run -d --pid host --name one --rm host sh -c '
                setpriv --reuid 1234 --clear-groups sleep 1000 & echo $! >/tmp/left; sleep 1000')
        await husk exec one test -s /tmp/left
        left=$(husk exec one cat /tmp/left)
        keeper=$(keeper_of one)
        await grep -q "^Uid:.1234" "/proc/$left/status"
        husk kill one
        await gone "$keeper"
        await gone "$left"
        nothing_left "$id"
}

@test 'it does so when they are frozen in a cgroup below' {
        local freezer=/sys/fs/cgroup/freezer
        [ -d $freezer ] || skip 'needs the freezer of cgroup v1'
        for remove in --rm --rm=false; do
                id=$(husk run -d --pid host --name one $remove --security-opt writable-cgroups host sh -c "
                        mkdir $freezer/a; sleep 1000 & echo \$! >$freezer/a/cgroup.procs
                        echo FROZEN >$freezer/a/freezer.state; echo \$! >/tmp/left; sleep 1000")
                await husk exec one test -s /tmp/left
                left=$(husk exec one cat /tmp/left)
                keeper=$(keeper_of one)
                [ -e "/proc/$left" ]
                kill -9 "$(pid_of one)"
                await gone "$keeper"
                gone "$left"
                same "$(find /sys/fs/cgroup -maxdepth 2 -name "husk-$id")" ''
                [ $remove = --rm ] || husk rm one
                nothing_left "$id"
        done
}

@test 'it does so when the container has marked its cgroup as that of another one' {
        [ -e /sys/fs/cgroup/cgroup.controllers ] || skip 'needs cgroup v2 alone: v1 takes no such marks (tests/vm/view)'
        command -v python3 >/dev/null || skip 'needs python3'
        id=$(husk run -d --pid host --name one --rm --security-opt writable-cgroups host sh -c '
                sleep 1000 & echo $! >/tmp/left; sleep 1000')
        await husk exec one test -s /tmp/left
        left=$(husk exec one cat /tmp/left)
        keeper=$(keeper_of one)
        husk exec one python3 -c 'import os
for name in "user.husk.owner", "user.husk.used": os.setxattr("/sys/fs/cgroup", name, b"1:1")'
        husk kill one
        await gone "$keeper"
        await gone "$left"
        nothing_left "$id"
}

@test 'it sees that the kernel killed for want of memory' {
        needs_controllers memory
        run -137 husk run --name one --memory 32m --memory-swap 32m host tail /dev/zero
        husk inspect one | grep -qi '"oomKilled": *true'
        husk rm one
        nothing_left
}

@test 'a terminal nobody reads: the confined keeper empties it' {
        husk_client run -t --rm --name one host sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 100000' >"$box/out"
        await is_state one running
        await husk exec one true
        id=$(husk ps -q --no-trunc)
        keeper=$(keeper_of one)
        await attends "$client"
        kill -KILL "$client"
        wait "$client" || :
        say_go one /tmp/go
        await gone "$keeper"
        nothing_left "$id"
}
