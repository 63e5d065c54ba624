#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# events: what a container uses, with the members that runc's have, and word of a want of memory. On
# cgroup v1 and v2.

# shellcheck disable=SC2154,SC2016 # set by bats; the container's own variables
load helper
setup() { begin; }
teardown() {
        [ -z "${theirs:-}" ] || timeout 60 runc --root "$theirs" delete --force "$WORD.runc"
        finish
}

start() {
        script "$1"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
}

limit() {
        config --argjson more "$1" '.linux.resources *= $more'
}

@test "--stats: one line with the numbers of the cgroups" {
        needs_controllers cpu cpuset memory pids
        limit '{"memory": {"limit": 67108864}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "period": 100000, "cpus": "0"}}'
        config '.root.readonly = false'
        start 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo 1 >/tmp/n; sleep 1000 & wait'
        eventually 60 test -s "$BUNDLE/rootfs/tmp/n"
        two() { [ "$(oci events --stats "$WORD" | jq .data.pids.current)" = 2 ]; }
        eventually 20 two
        run --separate-stderr oci events --stats "$WORD"
        [ "$status" = 0 ]
        [ "${#lines[@]}" = 1 ]
        jq -e --arg id "$WORD" '.type == "stats" and .id == $id and
                (.data | .memory.usage.limit == 67108864 and .memory.usage.usage > 0 and
                 .memory.raw.pgfault > 0 and .pids.limit == 20 and
                 .cpu.usage.total > 1000000 and .cpu.throttling.periods > 0 and
                 .hugetlb != null and .intel_rdt == {} and .network_interfaces == null)' <<<"$output"
        # every counter is what the kernel says of it
        [ "$(jq .data.memory.usage.limit <<<"$output")" = "$(cat "$(cgroup_file "$(if is_v2; then echo memory.max; else echo memory.limit_in_bytes; fi)")")" ]
        if is_v2; then
                jq -e '.data | .memory.swap.limit > 0 and .cpu.psi.some.total >= 0 and .memory.psi.full.avg10 >= 0' <<<"$output"
        else
                jq -e '.data | .cpuset.cpus == [0] and (.cpu.usage.percpu | length) > 0 and
                        (.cpu.usage.percpu_user | length) == (.cpu.usage.percpu | length)' <<<"$output"
        fi
}

@test "the members of runc's" {
        is_v2 && skip "Debian's runc is for cgroup v1 here"
        command -v runc >/dev/null || skip "there is no runc"
        theirs=$BATS_TEST_TMPDIR/$WORD/runc
        limit '{"memory": {"limit": 67108864}, "pids": {"limit": 20}}'
        start 'sleep 1000'
        timeout 60 runc --root "$theirs" run --detach --bundle "$BUNDLE" "$WORD.runc" </dev/null >/dev/null 2>&1 3>&-
        # Names and types; what is left out when it is 0 (disks, caches, throttling) depends on chance.
        shape() {
                jq -S 'del(.data.blkio, .data.memory.cache, .data.cpu.throttling) |
                        walk(if type == "object" then . elif type == "array" then map(type) else type end)'
        }
        diff <(oci events --stats "$WORD" | shape) <(timeout 60 runc --root "$theirs" events --stats "$WORD.runc" | shape)
        diff <(oci events --stats "$WORD" | jq -S .data.cpuset) \
                <(timeout 60 runc --root "$theirs" events --stats "$WORD.runc" | jq -S .data.cpuset)
}

@test "an interval after the other, and word of each want of memory, until it ends" {
        needs_controllers memory
        limit '{"memory": {"limit": 33554432, "swap": 33554432}}'
        config '.root.readonly = false'
        start 'while :; do if [ -e /tmp/go ]; then rm /tmp/go; tail /dev/zero; fi; sleep 0.1; done'
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" events --interval 100ms "$WORD" >"$BUNDLE/events" 2>&1 3>&- &
        local events=$!
        lines_of() { [ "$(jq -r .type "$BUNDLE/events" | grep -c "$1")" -ge "$2" ]; }
        eventually 30 lines_of stats 2
        run ! lines_of oom 1
        touch "$BUNDLE/rootfs/tmp/go"
        eventually 30 lines_of oom 1
        jq -se --arg id "$WORD" 'map(select(.type == "oom")) | length > 0 and all(.id == $id and (has("data") | not))' \
                "$BUNDLE/events"
        running "$WORD"
        touch "$BUNDLE/rootfs/tmp/go"
        eventually 30 lines_of oom 2
        oci kill "$WORD" KILL
        wait "$events"
}

@test "of a first process that is killed for memory" {
        needs_controllers memory
        limit '{"memory": {"limit": 33554432, "swap": 33554432}}'
        config '.root.readonly = false'
        start 'until [ -e /tmp/go ]; do sleep 0.1; done; exec tail /dev/zero'
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" events --interval 100ms "$WORD" >"$BUNDLE/events" 2>&1 3>&- &
        local events=$!
        eventually 30 test -s "$BUNDLE/events"
        touch "$BUNDLE/rootfs/tmp/go"
        wait "$events"
        [ "$(jq -r .type "$BUNDLE/events" | grep -c oom)" -ge 1 ]
        eventually 20 stopped "$WORD"
}

@test "a reader that has seen enough; what is wrong" {
        start 'sleep 1000'
        [ "$(oci events --interval 10ms "$WORD" | head -n 3 | jq -r .type | tr '\n' ' ')" = 'stats stats stats ' ]
        for words in '' 5 0s -1s 1x 1.2.3s 5s5; do
                run --separate-stderr oci events --stats --interval "$words" "$WORD"
                [ "$status" = 1 ]
                [[ $stderr == *"--interval: '$words' is not a duration"* ]]
        done
        oci events --stats --interval 1h2m3.5s "$WORD" | jq -e '.type == "stats"'
        run --separate-stderr oci events --stats "$WORD.none"
        [ "$status" = 1 ]
        oci kill "$WORD" KILL
        eventually 20 stopped "$WORD"
        for flag in --stats --interval=1s; do
                run --separate-stderr oci events $flag "$WORD"
                [ "$status" = 1 ]
                [[ $stderr == *"container not running: '$WORD'"* ]]
        done
}
