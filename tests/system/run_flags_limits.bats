#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: limits, as its cgroup and its program have them. That they bite is shown elsewhere.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

is_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }
# start FLAGS...: a container; file V1 V2: what its cgroup has in that file
start() { id=$(husk run -d "$@" host sleep 1000); }
file() {
        local name=$1
        ! is_v2 || name=$2
        cat "$(find /sys/fs/cgroup -path "*husk-$id/$name" | head -n 1)"
}
stop() { husk rm -f "$id" >/dev/null; }

@test 'memory: limit, reservation, swap and its default' {
        needs_controllers memory
        start -m 64m --memory-reservation 32m --memory-swap 96m
        same "$(file memory.limit_in_bytes memory.max)" 67108864
        same "$(file memory.soft_limit_in_bytes memory.low)" 33554432
        if ! is_v2 && [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
                same "$(file memory.memsw.limit_in_bytes)" 100663296
                stop
                start -m 64m
                same "$(file memory.memsw.limit_in_bytes)" 134217728
        fi
        stop
        run -125 husk run --rm -m 64m --memory-swap 32m host true
        has "$output" 'cannot be less than --memory'
}

@test 'memory: swappiness and the oom killer are for cgroup v1' {
        is_v2 && skip 'this host runs cgroup v2'
        start -m 64m --memory-swappiness 7 --oom-kill-disable
        same "$(file memory.swappiness)" 7
        has "$(file memory.oom_control)" 'oom_kill_disable 1'
        stop
}

@test 'cpu: number, shares, period and quota, sets' {
        needs_controllers cpu
        start --cpus 0.5
        is_v2 && same "$(file '' cpu.max)" '50000 100000' || same "$(file cpu.cfs_quota_us '')" 50000
        stop
        start -c 512 --cpu-period 50000 --cpu-quota 25000 --cpuset-cpus 0 --cpuset-mems 0
        is_v2 || same "$(file cpu.shares)" 512
        is_v2 && same "$(file '' cpu.max)" '25000 50000' || same "$(file cpu.cfs_quota_us)" 25000
        same "$(file cpuset.cpus cpuset.cpus)" 0
        same "$(husk exec "$id" nproc)" 1
        stop
        run -125 husk run --rm --cpus 1 --cpu-period 50000 host true
        run -125 husk run --rm --cpuset-cpus 0- host true
}

@test 'processes' {
        needs_controllers pids
        start --pids-limit 33
        same "$(file pids.max pids.max)" 33
        stop
        start --pids-limit -1
        same "$(file pids.max pids.max)" max
        stop
}

@test '--cgroup-parent' {
        start --cgroup-parent "husk-test-$$/sub"
        own=$(find /sys/fs/cgroup -path "*/husk-test-$$/sub/husk-$id" | head -n 1)
        [ -n "$own" ]
        stop
        [ ! -e "$own" ]
        for dir in $(find /sys/fs/cgroup -depth -type d -path "*/husk-test-$$*"); do rmdir "$dir"; done
        run -125 husk run --rm --cgroup-parent ../up host true
}

@test '--cgroup-conf is for cgroup v2' {
        needs_controllers memory
        if is_v2; then
                start --cgroup-conf memory.high=67108864
                same "$(file '' memory.high)" 67108864
                stop
        else
                run -125 husk run --rm --cgroup-conf memory.high=1 host true
                has "$output" v2
        fi
        run -125 husk run --rm --cgroup-conf memory.high host true
}

@test '--device-read-bps and the like: a block device and a rate' {
        needs_controllers io
        disk=$(find /dev -maxdepth 1 -type b -name 'vd?' -o -maxdepth 1 -type b -name 'sd?' | head -n 1)
        [ -n "$disk" ] || skip 'there is no disk'
        is_v2 || [ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ] || skip 'no blkio throttling'
        numbers=$(stat -c '%Hr:%Lr' "$disk")
        # Not so little that it has to wait for the disk when it dies, and takes its root apart.
        start --device-read-bps "$disk:64m" --device-write-iops "$disk:9999"
        if is_v2; then
                has "$(file '' io.max)" "$numbers rbps=67108864"
        else
                same "$(file blkio.throttle.read_bps_device)" "$numbers 67108864"
                same "$(file blkio.throttle.write_iops_device)" "$numbers 9999"
        fi
        stop
        run -125 husk run --rm --device-read-bps /dev/null:1m host true
        has "$output" '/dev/null is no block device'
}

@test '--ulimit, --oom-score-adj' {
        same "$(husk run --rm --ulimit nofile=100:200 host bash -c 'ulimit -Sn; ulimit -Hn')" $'100\n200'
        same "$(husk run --rm --ulimit core=0 --ulimit nproc=300 host bash -c 'ulimit -c; ulimit -u')" $'0\n300'
        same "$(husk run --rm --ulimit host --ulimit nofile=50 host bash -c 'ulimit -n; ulimit -s')" \
                "$(echo 50; ulimit -s)"
        same "$(husk run --rm --oom-score-adj 321 host cat /proc/self/oom_score_adj)" 321
        run -125 husk run --rm --ulimit nofile=2:1 host true
        run -125 husk run --rm --ulimit files=1 host true
        has "$output" "'files' is none of"
}

@test 'what cannot be granted in full is told, and the program runs' {
        local most
        most=$(ulimit -Hn)
        (($(sed -n 's/^CapEff:\t/0x/p' /proc/self/status) >> 24 & 1)) && skip 'CAP_SYS_RESOURCE: this root may raise any limit'
        run -0 --separate-stderr husk run --rm --ulimit "nofile=$((most + 1))" host bash -c 'ulimit -Hn'
        same "$output" "$most"
        has "$stderr" "husk: warning: /process/rlimits/0: RLIMIT_NOFILE lowered from $((most + 1)) to $most"
        run -0 --separate-stderr husk explain run --ulimit "nofile=$((most + 1))" host true
        same "$stderr" ''
}
