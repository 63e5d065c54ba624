#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# update: other limits for what runs, on cgroup v1 and v2; all of them or none; the same files with the
# same numbers as after runc's.

# shellcheck disable=SC2154,SC2016 # set by bats; the container's own variables
load helper
setup() {
        needs_controllers cpu cpuset io memory pids
        begin
}
teardown() {
        [ -z "${theirs:-}" ] || timeout 60 runc --root "$theirs" delete --force "$WORD.runc"
        finish
        [ -z "${LOOP:-}" ] || losetup -d "$LOOP"
}

# file V1 V2: the content of that file of the container's cgroup
file() {
        local path
        path=$(cgroup_file "$(if is_v2; then echo "$2"; else echo "$1"; fi)")
        [ -n "$path" ] && cat "$path"
}

limit() {
        config --argjson more "$1" '.linux.resources *= $more'
}

start() {
        script "${1:-sleep 1000}"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
}

memory() {
        if is_v2; then
                file '' memory.max
        else
                echo "$(file memory.limit_in_bytes) $(file memory.memsw.limit_in_bytes)"
        fi
}

@test "every option is in its file" {
        start
        oci update --memory 64m --memory-swap 128m --memory-reservation 32m --pids-limit 77 --cpu-share 512 \
                --cpu-period 200000 --cpu-quota 50000 --cpu-burst 20000 --cpuset-cpus 0 --cpuset-mems 0 "$WORD"
        [ "$(file memory.limit_in_bytes memory.max)" = 67108864 ]
        [ "$(file memory.soft_limit_in_bytes memory.low)" = 33554432 ]
        [ "$(file pids.max pids.max)" = 77 ]
        [ "$(file cpuset.cpus cpuset.cpus)" = 0 ]
        [ "$(file cpuset.mems cpuset.mems)" = 0 ]
        [ "$(file cpu.cfs_burst_us cpu.max.burst)" = 20000 ]
        if is_v2; then
                [ "$(file '' cpu.weight)" = 59 ]
                [ "$(file '' cpu.max)" = '50000 200000' ]
        else
                [ "$(file memory.memsw.limit_in_bytes)" = 134217728 ]
                [ "$(file cpu.shares)" = 512 ]
                [ "$(file cpu.cfs_quota_us) $(file cpu.cfs_period_us)" = '50000 200000' ]
        fi
        oci update --cpu-idle 1 "$WORD"
        [ "$(file cpu.idle cpu.idle)" = 1 ]
        oci update --cpu-idle 0 "$WORD"
        [ "$(file cpu.idle cpu.idle)" = 0 ]
        [ "$(file cpu.shares cpu.weight)" = "$(if is_v2; then echo 59; else echo 512; fi)" ]
        oci update --cpu-quota -1 --cpu-burst 0 --pids-limit -1 "$WORD"
        [ "$(file pids.max pids.max)" = max ]
        [ "$(file cpu.cfs_quota_us cpu.max)" = "$(if is_v2; then echo max 200000; else echo -1; fi)" ]
        run --separate-stderr oci update --kernel-memory 1g "$WORD"
        [ "$status" = 0 ]
        [[ $stderr == *"--kernel-memory"*"passed over"* ]]
}

@test "memory and swap, up and down, and what the journal knows of them" {
        limit '{"memory": {"limit": 67108864, "swap": 67108864}}'
        start
        two() {
                if is_v2; then [ "$(file '' memory.max) $(file '' memory.swap.max)" = "$1 $(($2 - $1))" ]; else [ "$(memory)" = "$1 $2" ]; fi
        }
        two 67108864 67108864
        oci update --memory 128m --memory-swap 128m "$WORD"
        two 134217728 134217728
        oci update --memory 32m --memory-swap 48m "$WORD"
        two 33554432 50331648
        # one of them: the other one is known
        oci update --memory 40m "$WORD"
        two 41943040 50331648
        run --separate-stderr oci update --memory 64m "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"/linux/resources/memory/swap"*"cannot be less"* ]]
        two 41943040 50331648
        oci update --memory-swap 64m "$WORD"
        two 41943040 67108864
        oci update --memory 64m "$WORD"
        two 67108864 67108864
        oci update --memory -1 "$WORD"
        if is_v2; then
                [ "$(file '' memory.max) $(file '' memory.swap.max)" = 'max max' ]
        else
                [[ "$(memory)" =~ ^9[0-9]{18}\ 9[0-9]{18}$ ]]
        fi
        oci update --memory 64m --memory-swap 64m "$WORD"
        two 67108864 67108864
}

@test "limits as JSON, from a file and from standard input; zeros are nothing" {
        limit '{"pids": {"limit": 20}}'
        start
        echo '{"memory": {"limit": 67108864, "swap": 0}, "cpu": {"shares": 0, "cpus": ""}, "pids": {"limit": 0}}' >"$BUNDLE/limits"
        oci update --resources "$BUNDLE/limits" "$WORD"
        [ "$(file memory.limit_in_bytes memory.max)" = 67108864 ]
        [ "$(file pids.max pids.max)" = 20 ]
        oci update -r - "$WORD" <<<'{"pids": {"limit": 30}}'
        [ "$(file pids.max pids.max)" = 30 ]
        run --separate-stderr oci update -r - "$WORD" <<<'{"pids": {"limit": "many"}}'
        [ "$status" = 1 ]
        [[ $stderr == *"standard input:1:20: /pids/limit"* ]]
        run --separate-stderr oci update -r "$BUNDLE/none" "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"$BUNDLE/none"* ]]
        run --separate-stderr oci update -r - "$WORD" <<<'{"cpu": {"quota": 5}}'
        [[ $stderr == *"/linux/resources/cpu/quota: 5 is less than 1000"* ]]
        [ "$(file pids.max pids.max)" = 30 ]
}

@test "one that the kernel refuses: the others are taken back, and it is named" {
        limit '{"memory": {"limit": 67108864}, "cpu": {"shares": 512}, "pids": {"limit": 20}}'
        start
        local before
        before=$(memory)
        run --separate-stderr oci update --memory 128m --cpu-share 256 --pids-limit 30 --cpuset-cpus 900 "$WORD"
        [ "$status" = 1 ]
        [ "$(grep -c '^husk-oci: ' <<<"$stderr")" = 1 ]
        [[ $stderr == *"/linux/resources/cpu/cpus"*"'900'"*"cpuset.cpus"* ]]
        [ "$(memory)" = "$before" ]
        [ "$(file cpu.shares cpu.weight)" = "$(if is_v2; then echo 59; else echo 512; fi)" ]
        [ "$(file pids.max pids.max)" = 20 ]
        # and the journal does not believe otherwise
        oci update --memory 100m "$WORD"
        [ "$(file memory.limit_in_bytes memory.max)" = 104857600 ]
        oci update --pids-limit 30 "$WORD"
        [ "$(file cpu.shares cpu.weight)" = "$(if is_v2; then echo 59; else echo 512; fi)" ]
}

@test "throttles that are taken back are those that were not there" {
        local disk=/sys/fs/cgroup/blkio numbers new
        is_v2 && disk=/sys/fs/cgroup
        [ -e "$disk" ] || skip "this machine has no controller of disks"
        LOOP=$(truncate -s 1M "$BUNDLE/disk" && losetup --find --show "$BUNDLE/disk") || skip "there is no loop device"
        numbers=$((16#$(stat -c %t "$LOOP"))):$((16#$(stat -c %T "$LOOP")))
        start
        new=$(jq -nc --arg n "$numbers" '{blockIO: {throttleReadBpsDevice: [{major: ($n / ":" | .[0] | tonumber),
                minor: ($n / ":" | .[1] | tonumber), rate: 1000}]}}')
        throttle() { file blkio.throttle.read_bps_device io.max; }
        run ! oci update -r - "$WORD" <<<"$(jq -c '. + {unified: {"memory.none": "1"}, pids: {limit: -2}}' <<<"$new")"
        [ -z "$(throttle)" ]
        run ! oci update -r - "$WORD" <<<"$(jq -c '. + {hugepageLimits: [{pageSize: "3KB", limit: 1}]}' <<<"$new")"
        [ -z "$(throttle)" ]
        oci update -r - "$WORD" <<<"$new"
        [[ $(throttle) == "$numbers "*1000* ]]
        # an existing one gets its rate again: a device that does not exist ends the second
        run ! oci update -r - "$WORD" <<<"$(jq -c '.blockIO.throttleReadBpsDevice[0].rate = 2000 |
                .blockIO.throttleReadBpsDevice += [{major: 4000, minor: 4000, rate: 1}]' <<<"$new")"
        [[ $(throttle) == "$numbers "*1000* ]]
}

@test "less memory than it uses: refused, and it lives" {
        limit '{"memory": {"limit": 67108864}}'
        config '.root.readonly = false'
        ln -s busybox "$BUNDLE/rootfs/bin/tr"
        start 'x=$(head -c 20000000 /dev/zero | tr "\\000" x); echo ${#x} >/tmp/n; while :; do sleep 1; done'
        eventually 30 test -s "$BUNDLE/rootfs/tmp/n"
        if is_v2; then
                run --separate-stderr oci update -r - "$WORD" <<<'{"memory": {"limit": 4194304, "checkBeforeUpdate": true}}'
        else
                run --separate-stderr oci update --memory 4m --memory-swap 4m "$WORD"
                [[ $stderr == *"memory.limit_in_bytes"* ]]
                [[ $stderr == *"hint: it uses more than that at present"* ]]
        fi
        [ "$status" = 1 ]
        [[ $stderr == *"/linux/resources/memory/"* ]]
        running "$WORD"
        [ "$(file memory.limit_in_bytes memory.max)" = 67108864 ]
}

@test "an update that was killed is taken back by the next one" {
        limit '{"pids": {"limit": 20}, "memory": {"limit": 67108864}}'
        start
        local pids
        pids=$(cgroup_file pids.max)
        # what is left of one: the intent in the journal, and one file written
        echo 99 >"$pids"
        echo 1 >"$BUNDLE/foreign"
        jq -nc --arg file "$pids" --arg foreign "$BUNDLE/foreign" \
                '{update: {before: {($file): "20", ($foreign): "2", ($file + "/../pids.max"): "3"}}}' >>"$ROOT/$WORD/journal"
        oci update --memory 128m "$WORD"
        [ "$(cat "$pids")" = 20 ]
        [ "$(cat "$BUNDLE/foreign")" = 1 ]
        [ "$(file memory.limit_in_bytes memory.max)" = 134217728 ]
        # once
        echo 98 >"$pids"
        oci update --memory 64m "$WORD"
        [ "$(cat "$pids")" = 98 ]
}

@test "created and paused ones, too; what has stopped, not" {
        script 'exit 0'
        run --separate-stderr oci update --pids-limit 5 "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"container '$WORD' does not exist"* ]]
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        oci update --pids-limit 5 "$WORD"
        [ "$(file pids.max pids.max)" = 5 ]
        oci pause "$WORD"
        oci update --pids-limit 6 "$WORD"
        [ "$(file pids.max pids.max)" = 6 ]
        oci resume "$WORD"
        oci start "$WORD"
        eventually 20 stopped "$WORD"
        run --separate-stderr oci update --pids-limit 7 "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"not running"* ]]
}

@test "a limit holds from then on" {
        config '.root.readonly = false'
        start 'until [ -e /tmp/go ]; do sleep 0.1; done; i=0; while [ $i -lt 9 ]; do sleep 1000 & i=$((i + 1)); echo $i >/tmp/n; done'
        oci update --pids-limit 4 "$WORD"
        touch "$BUNDLE/rootfs/tmp/go"
        refused_once() { [ "$(tail -n 1 "$(cgroup_file pids.events)")" != "max 0" ]; }
        eventually 20 refused_once
        [ "$(cat "$BUNDLE/rootfs/tmp/n")" -lt 4 ]
}

@test "--explain shows it and does nothing" {
        limit '{"pids": {"limit": 20}}'
        start
        run --separate-stderr oci update --explain --pids-limit 30 "$WORD"
        [ "$status" = 0 ]
        [[ $output == *"set_cgroup"*"file=pids.max values=30"*"/linux/resources/pids/limit"* ]]
        [ "$(file pids.max pids.max)" = 20 ]
        ! grep -q '"update"' "$ROOT/$WORD/journal"
}

@test "the same words do the same as with runc" {
        is_v2 && skip "Debian's runc is for cgroup v1 here"
        command -v runc >/dev/null || skip "there is no runc"
        start
        local args
        theirs=$BATS_TEST_TMPDIR/$WORD/runc
        timeout 60 runc --root "$theirs" run --detach --bundle "$BUNDLE" "$WORD.runc" </dev/null >/dev/null 2>&1 3>&-
        show() {
                local name
                for name in memory.{limit,memsw.limit,soft_limit}_in_bytes cpu.shares cpu.cfs_{quota,period}_us pids.max cpuset.cpus; do
                        cat "$(find /sys/fs/cgroup -path "*/$1/$name")"
                done
        }
        for args in '--memory 64m' '--memory 32m --memory-swap 64m' '--memory-swap -1' '--memory -1' \
                '--cpu-share 300' '--cpu-quota 30000' '--cpu-period 50000 --cpu-quota 20000' '--pids-limit 55' \
                '--cpuset-cpus 0' '--memory-reservation 16m'; do
                # shellcheck disable=SC2086 # words
                oci update $args "$WORD"
                # shellcheck disable=SC2086 # words
                timeout 60 runc --root "$theirs" update $args "$WORD.runc"
                echo "$args"
                diff <(show "$WORD") <(show "$WORD.runc")
                [ "$(show "$WORD" | wc -l)" = 8 ]
        done
}
