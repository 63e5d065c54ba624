#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits: that each is in its file, and that it holds: tested by exceeding it. On cgroup v1 and v2.

# shellcheck disable=SC2154,SC2016,SC2034 # set by bats and the helper; other shells' words
load helper
setup() { begin; }
teardown() {
        finish
        [ -z "${LOOP:-}" ] || losetup -d "$LOOP"
}

# limit JSON: merged into the resources
limit() {
        config --argjson more "$1" '.linux.resources *= $more'
}

# file V1 V2: the content of that file of the container's cgroup
file() {
        local path
        path=$(cgroup_file "$(if is_v2; then echo "$2"; else echo "$1"; fi)")
        [ -n "$path" ] && cat "$path"
}

# need CONTROLLER: or skip
need() {
        if is_v2; then
                grep -qw "${2:-$1}" /sys/fs/cgroup/cgroup.controllers || skip "this machine has no ${2:-$1} controller"
        else
                grep -q "^$1[[:space:]]" /proc/cgroups && [ -d "/sys/fs/cgroup/$1" ] || skip "this machine has no $1 controller"
        fi
}

# Created, not started: its files can be read.
created() {
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
}

@test "the words are in the files" {
        needs_controllers cpu cpuset memory pids
        limit '{"memory": {"limit": 67108864, "reservation": 33554432},
                "cpu": {"shares": 512, "quota": 50000, "period": 200000, "cpus": "0", "mems": "0"},
                "pids": {"limit": 77}}'
        script 'sleep 1000'
        created
        [ "$(file memory.limit_in_bytes memory.max)" = 67108864 ]
        [ "$(file memory.soft_limit_in_bytes memory.low)" = 33554432 ]
        [ "$(file pids.max pids.max)" = 77 ]
        [ "$(file cpuset.cpus cpuset.cpus)" = 0 ]
        [ "$(file cpuset.mems cpuset.mems)" = 0 ]
        if is_v2; then
                [ "$(file '' cpu.weight)" = 59 ]
                [ "$(file '' cpu.max)" = '50000 200000' ]
        else
                [ "$(file cpu.shares '')" = 512 ]
                [ "$(file cpu.cfs_quota_us '')" = 50000 ]
                [ "$(file cpu.cfs_period_us '')" = 200000 ]
        fi
}

@test "burst and idle" {
        needs_controllers cpu
        limit '{"cpu": {"quota": 50000, "period": 100000, "burst": 20000}}'
        created
        [ "$(file cpu.cfs_burst_us cpu.max.burst)" = 20000 ]
        oci delete --force "$WORD"
        config 'del(.linux.resources.cpu)'
        limit '{"cpu": {"shares": 512, "idle": 1}}'
        created
        [ "$(file cpu.idle cpu.idle)" = 1 ]
}

@test "memory with and without swap, smaller and larger than what an old cgroup has" {
        is_v2 && skip "on cgroup v2 the two do not bound each other"
        local old=/sys/fs/cgroup/memory/$WORD.old
        config --arg path "/$WORD.old" '.linux.cgroupsPath = $path'
        limit '{"memory": {"limit": 41943040, "swap": 52428800}}'
        for now in 10485760 104857600; do
                mkdir "$old"
                echo $now >"$old/memory.limit_in_bytes"
                echo $now >"$old/memory.memsw.limit_in_bytes"
                created
                [ "$(cat "$old/memory.limit_in_bytes" "$old/memory.memsw.limit_in_bytes")" = $'41943040\n52428800' ]
                oci delete --force "$WORD"
        done
}

@test "who takes more memory is killed, and the status says so" {
        needs_controllers memory
        limit '{"memory": {"limit": 33554432, "swap": 33554432}}'
        config '.process.args = ["/bin/tail", "/dev/zero"]'
        run -137 oci run --bundle "$BUNDLE" "$WORD"
}

@test "a limit of 512 KiB is enough to start with" {
        needs_controllers memory
        local size
        for size in 524288 262144; do
                limit '{"memory": {"limit": '$size'}}'
                config '.process.args = ["/bin/true"]'
                run -0 oci run --bundle "$BUNDLE" "$WORD"
        done
}

# The kernel's own counters, in windows of twenty periods: from the beginning never more than the quota's
# share; and that share, nearly every period ended by the quota, in one window at least: in the others
# somebody else may have had the processors. (v1 has two files: the time is read before the periods.)
@test "cpu quota: the share that a busy loop gets" {
        needs_controllers cpu
        limit '{"cpu": {"quota": 20000, "period": 100000}}'
        script 'while :; do :; done'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        local stat usage window share begun=(0 0 0) now=(0 0 0)
        stat=$(dirname "$(cgroup_file "$(if is_v2; then echo cpu.max; else echo cpu.cfs_quota_us; fi)")")/cpu.stat
        usage=$stat
        is_v2 || usage=$(cgroup_file cpuacct.usage)
        # periods, those throttled, microseconds used: all at one moment, so by builtins alone
        look() {
                local key value
                is_v2 || { read -r value <"$usage" && now[2]=$((value / 1000)); }
                while read -r key value; do
                        case $key in
                        nr_periods) now[0]=$value ;;
                        nr_throttled) now[1]=$value ;;
                        usage_usec) now[2]=$value ;;
                        esac
                done <"$stat"
        }
        enough() { look && [ $((now[0] - begun[0])) -ge 20 ]; }
        for window in {1..20}; do
                eventually 60 enough
                share=$(((now[2] - begun[2]) * 1000 / ((now[0] - begun[0]) * 100000)))
                echo "window $window: $((now[0] - begun[0])) periods, $((now[1] - begun[1])) throttled, share $share/1000"
                [ $((now[2] * 1000 / (now[0] * 100000))) -le 220 ]
                [ "$share" -lt 180 ] || [ "$share" -gt 220 ] ||
                        [ $(((now[1] - begun[1]) * 10)) -lt $(((now[0] - begun[0]) * 9)) ] || return 0
                begun=("${now[@]}")
        done
        false
}

@test "pids: no more of them than allowed" {
        needs_controllers pids
        limit '{"pids": {"limit": 6}}'
        script 'i=0; while [ $i -lt 9 ]; do sleep 1000 & i=$((i + 1)); echo $i; done 2>&1; exit 3'
        run oci run --bundle "$BUNDLE" "$WORD"
        [ "$status" -ne 0 ]
        [[ $output == *"fork"*"Resource temporarily unavailable"* || $output == *"can't fork"* ]]
        [ "$(grep -c '^[0-9]*$' <<<"$output")" = 5 ]
}

@test "pids: 0 is one process that cannot fork, -1 no limit" {
        needs_controllers pids
        limit '{"pids": {"limit": 0}}'
        script 'echo here; (:); echo forked'
        run -2 oci run --bundle "$BUNDLE" "$WORD"
        [[ ${lines[0]} == here ]]
        [[ $output != *forked* ]]
        limit '{"pids": {"limit": -1}}'
        script '(:); echo forked'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = forked ]
}

# rules JSON SCRIPT: the output of SCRIPT under those device rules, with the nodes it asks for
rules() {
        config --argjson rules "$1" '.linux.resources.devices = $rules |
                .process.capabilities.bounding += ["CAP_MKNOD"] |
                .process.capabilities.effective += ["CAP_MKNOD"] |
                .process.capabilities.permitted += ["CAP_MKNOD"] |
                .root.readonly = false | .linux.devices = [
                {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438},
                {"path": "/dev/mem", "type": "c", "major": 1, "minor": 1, "fileMode": 438}]'
        script "$2"
        run oci run --bundle "$BUNDLE" "$WORD"
        echo "$output"
}

@test "device rules: what is denied is EPERM, what is allowed opens" {
        ln -s busybox "$BUNDLE/rootfs/bin/mknod"
        local try='r() { (exec 3<$1) 2>&1 && echo "r $1"; }; w() { (exec 3>$1) 2>&1 && echo "w $1"; }
                r /dev/kmsg; w /dev/kmsg; r /dev/mem; r /dev/null; w /dev/null; r /dev/zero'
        rules '[{"allow": false, "access": "rwm"},
                {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "w"},
                {"allow": false, "type": "c", "major": 1, "minor": 1, "access": "rwm"}]' "$try"
        [ "$(grep -c 'Operation not permitted' <<<"$output")" = 2 ]
        [ "$(grep '^[rw] ' <<<"$output")" = $'w /dev/kmsg\nr /dev/null\nw /dev/null\nr /dev/zero' ]
        # a rule for any type of device with a major number is no rule for all devices
        rules '[{"allow": false}, {"allow": true, "major": 10, "access": "r"},
                {"allow": false, "type": "c", "major": 1, "minor": 1},
                {"allow": false, "type": "c", "major": 1, "minor": 11}]' "$try"
        [ "$(grep '^[rw] ' <<<"$output")" = $'r /dev/null\nw /dev/null\nr /dev/zero' ]
}

@test "device rules that cgroup v1 would ignore in silence are refused" {
        is_v2 && skip "cgroup v2 can do them"
        config '.linux.resources.devices = [{"allow": true, "type": "c", "major": 10},
                {"allow": false, "type": "c", "major": 10, "minor": 229}]'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == */linux/resources/devices:*"takes a part out"* ]]
}

@test "weights of block IO" {
        need blkio io
        limit '{"blockIO": {"weight": 300}}'
        status=0
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
        output=$(cat "$BATS_TEST_TMPDIR/said")
        if [ -n "$(cgroup_file '*.bfq.weight')" ]; then
                [ "$status" = 0 ]
                grep -qw 300 "$(cgroup_file '*.bfq.weight')"
        elif [ -n "$(cgroup_file io.weight)" ]; then
                [ "$status" = 0 ]
                [ "$(file '' io.weight)" = 'default 2930' ]
        else
                # neither scheduler is in this kernel: said, not passed over
                [ "$status" != 0 ]
                [[ $output == */linux/resources/blockIO/weight*"has no file"* ]]
        fi
}

@test "throttles of block IO are in their files" {
        need blkio io
        local device
        device=$(lsblk -dnro MAJ:MIN 2>/dev/null | grep -v '^253:' | head -n 1)
        [ -n "$device" ] || skip "this machine has no disk"
        limit '{"blockIO": {
                "throttleReadBpsDevice": [{"major": '"${device%:*}"', "minor": '"${device#*:}"', "rate": 1048576}],
                "throttleWriteIOPSDevice": [{"major": '"${device%:*}"', "minor": '"${device#*:}"', "rate": 77}]}}'
        created
        if is_v2; then
                [[ $(file '' io.max) == "$device rbps=1048576 wbps=max riops=max wiops=77" ]]
        else
                [ "$(file blkio.throttle.read_bps_device '')" = "$device 1048576" ]
                [ "$(file blkio.throttle.write_iops_device '')" = "$device 77" ]
        fi
}

# What the kernel counts as written to the device by the container.
written() {
        if is_v2; then
                file '' io.stat | sed -n "s/^$1 .*wbytes=\([0-9]*\).*/\1/p"
        else
                file blkio.throttle.io_service_bytes '' | sed -n "s/^$1 Write //p"
        fi
}

@test "a throttle of block IO holds: three MiB at one MiB a second" {
        need blkio io
        [ -e /dev/loop-control ] || skip "this kernel has no loop devices"
        local device begun
        truncate -s 8M "$BATS_TEST_TMPDIR/disk"
        LOOP=$(losetup --find --show "$BATS_TEST_TMPDIR/disk")
        device=$(cat "/sys/class/block/${LOOP##*/}/dev")
        limit '{"devices": [{"allow": true, "type": "b", "major": '"${device%:*}"', "minor": '"${device#*:}"', "access": "rw"}],
                "blockIO": {"throttleWriteBpsDevice":
                        [{"major": '"${device%:*}"', "minor": '"${device#*:}"', "rate": 1048576}]}}'
        config '.linux.devices = [{"path": "/dev/disk", "type": "b", "major": '"${device%:*}"', "minor": '"${device#*:}"'}]'
        script 'dd if=/dev/zero of=/dev/disk bs=64k count=48 oflag=direct && echo done; sleep 1000'
        begun=$(date +%s%N)
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1
        eventually 30 grep -q done "$BATS_TEST_TMPDIR/said"
        # Sooner than in two seconds they cannot be through, however slow or fast the machine is.
        [ $(($(date +%s%N) - begun)) -ge 2000000000 ]
        [ "$(written "$device")" = $((48 * 65536)) ]
}

@test "a throttled disk is read no faster" {
        need blkio io
        local disk device
        disk=$(lsblk -dnro NAME,TYPE 2>/dev/null | awk '$2 == "disk" && !/^zram/ { print $1; exit }')
        [ -n "$disk" ] && dd if="/dev/$disk" of=/dev/null bs=1M count=4 iflag=direct 2>/dev/null ||
                skip "this machine has no disk to be read"
        device=$(cat "/sys/class/block/$disk/dev")
        config --argjson major "${device%:*}" --argjson minor "${device#*:}" '
                .linux.devices = [{path: "/dev/disk", type: "b", major: $major, minor: $minor}] |
                .linux.resources.devices += [{allow: true, type: "b", major: $major, minor: $minor, access: "r"}] |
                .linux.resources.blockIO.throttleReadBpsDevice =
                        [{major: $major, minor: $minor, rate: 1048576}]'
        script 'read -r start _ </proc/uptime
                dd if=/dev/disk of=/dev/null bs=256k count=16 iflag=direct 2>/dev/null || exit
                read -r end _ </proc/uptime
                echo $start $end'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        # A slow machine takes longer, none is done earlier than 4 MiB at 1 MiB a second allow: a part
        # of the first second is free.
        awk '{ print $2 - $1 " s"; exit $2 - $1 < 3 }' <<<"$output"
}

@test "huge pages" {
        need hugetlb
        limit '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
        created
        [ "$(file hugetlb.2MB.limit_in_bytes hugetlb.2MB.max)" = 4194304 ]
        [ "$(file hugetlb.2MB.rsvd.limit_in_bytes hugetlb.2MB.rsvd.max)" = 4194304 ]
        oci delete --force "$WORD"
        limit '{"hugepageLimits": [{"pageSize": "3MB", "limit": 4194304}]}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == */linux/resources/hugepageLimits/0*"has no file hugetlb.3MB."* ]]
}

@test "a limit that this host has no controller for is refused by name" {
        is_v2 || [ ! -d /sys/fs/cgroup/net_cls ] || skip "this machine has that controller"
        limit '{"network": {"classID": 1048577}}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == */linux/resources/network/classID:* ]]
}

@test "a NUMA node or CPU that is not there is refused" {
        needs_controllers cpuset
        limit '{"cpu": {"cpus": "0-4095"}}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == */linux/resources/cpu/cpus*cpuset.cpus* ]]
}

@test "a cpuset below one that somebody left empty" {
        is_v2 && skip "on cgroup v2 an empty cpuset is its parent's"
        mkdir "/sys/fs/cgroup/cpuset/$WORD.parent"
        config --arg path "/$WORD.parent/a/b" '.linux.cgroupsPath = $path'
        config '.process.args = ["/bin/true"]'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ -n "$(cat "/sys/fs/cgroup/cpuset/$WORD.parent/cpuset.mems")" ]
        remove_cgroups "*/$WORD.parent*"
}

@test "unified: memory.high slows down and does not kill" {
        needs_controllers memory
        is_v2 || skip "this machine has no memory controller on cgroup v2"
        limit '{"unified": {"memory.high": "16777216", "memory.swap.max": "0", "cgroup.max.depth": "3"},
                "memory": {"limit": 268435456}}'
        script 'dd if=/dev/zero of=/dev/null bs=24M count=2 2>/dev/null; echo alive; sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/out" 2>/dev/null
        said() { grep -q alive "$BATS_TEST_TMPDIR/out"; }
        eventually 100 said
        [ "$(file '' memory.high)" = 16777216 ]
        [ "$(file '' cgroup.max.depth)" = 3 ]
        [ "$(awk '$1 == "high" { print $2 }' "$(cgroup_file memory.events)")" -gt 0 ]
        [ "$(awk '$1 == "oom_kill" { print $2 }' "$(cgroup_file memory.events)")" = 0 ]
}

@test "unified: on a host where the memory controller is on v1 it is refused" {
        is_v2 && skip "this machine has all controllers on cgroup v2"
        limit '{"unified": {"memory.high": "16777216"}}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == */linux/resources/unified/memory.high:* ]]
}
