# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# containerd's everyday commands by ctr(1): io.containerd.runc.v2 with the runtime as its BinaryName.

load peers

setup_file() {
        suite_begin
        IMAGE=docker.io/library/$WORD:1
        STATE=$BOX/state
        export IMAGE STATE
        # ctr forgets --runc-binary when it is told --uidmap; the shim looks for runc in the PATH then.
        mkdir "$STATE" "$BOX/bin"
        ln -s "$BINARY" "$BOX/bin/runc"
        cat >"$BOX/config.toml" <<CONF
version = 2
root = "$BOX/data"
state = "$BOX/run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$BOX/socket"
CONF
        start_daemon containerd env PATH="$BOX/bin:$PATH" containerd --config "$BOX/config.toml"
        await 30 ct version || { cat "$BOX/containerd.log" >&3 && return 1; }
        make_image "$IMAGE"
        ct image import "$BOX/image.tar"
}

teardown_file() {
        stop_daemon containerd
        suite_end
}

setup() {
        needs_controllers cpu memory pids # ctr asks for a share of the processors, always
        name=$WORD-$BATS_TEST_NUMBER
}

teardown() {
        local id
        for id in $(ct task ls -q); do
                ct task kill -s KILL "$id" || :
                ct task rm -f "$id" || :
        done >/dev/null 2>&1
        for id in $(ct container ls -q); do ct container rm "$id"; done
}

ct() { bounded ctr --address "$BOX/socket" "$@"; }

# run_flags ID: below the suite's cgroup
run_flags() {
        flags=(--runc-binary "$BINARY" --runc-root "$STATE" --snapshotter "${SNAPSHOTTER:-overlayfs}"
                --cgroup "${CGROUP:-/$WORD/$1}")
}

# ct_run ID FLAG... -- PROGRAM...
ct_run() {
        local id=$1 flags words=()
        shift
        run_flags "$id"
        while [ "$1" != -- ]; do
                words+=("$1")
                shift
        done
        shift
        ct run "${flags[@]}" ${words[@]+"${words[@]}"} "$IMAGE" "$id" "$@"
}

# heard SCRIPT FLAG...: what an exec of the script prints. It ends, with 3, when that is here: ctr drops what it
# has not begun to read by the end.
heard() {
        local script=$1 out=$BATS_TEST_TMPDIR/out status=0 ctr tmp
        shift
        tmp=/proc/$(ct task ls | awk -v id="$name" '$1 == id { print $2 }')/root/tmp
        ct task exec "$@" "$name" sh -c "$script; until [ -e /tmp/heard ]; do sleep 0.1; done; exit 3" >"$out" &
        ctr=$!
        await 60 test -s "$out"
        touch "$tmp/heard"
        wait "$ctr" || status=$?
        rm "$tmp/heard"
        cat "$out"
        return "$status"
}

is_state() { ct task ls | grep -q "^$1 .* $2"; }

# bats test_tags=sample
@test "run: output, exit status, and the end of it" {
        run -7 ct_run "$name" --rm -- sh -c 'echo hello; exit 7'
        has "$output" hello
        same "$(ct container ls -q)" ''
        same "$(find "$STATE" -mindepth 2)" ''
}

@test "run: environment, directory" {
        run -0 ct_run "$name" --rm --env COLOUR=blue --cwd /var -- sh -c 'echo $COLOUR $PWD'
        same "$output" 'blue /var'
}

@test "run: what cannot be executed is told" {
        run ct_run "$name" --rm -- /no/such/program
        [ "$status" -ne 0 ]
        has "$output" /no/such/program
}

@test "run -t: a terminal and its size" {
        run_flags "$name"
        run -4 on_terminal ctr --address "$BOX/socket" run "${flags[@]}" --rm -t "$IMAGE" "$name" \
                sh -c "tty; $(sized); exit 4" </dev/null
        has "$output" /dev/pts/0
        has "$output" '30 100'
}

# bats test_tags=sample
@test "run -d, states, kill, delete" {
        ct_run "$name" -d -- sleep 600
        is_state "$name" RUNNING
        ct task kill -s TERM "$name" # pid 1 does not hear it
        ct task kill -s KILL "$name"
        await 60 is_state "$name" STOPPED
        run ct task delete "$name"
        ct container delete "$name"
        same "$(find "$STATE" -mindepth 2)" ''
}

# bats test_tags=sample
@test "exec: output, exit status, user, directory, stdin" {
        ct_run "$name" -d -- sleep 600
        run -3 heard 'echo inside' --exec-id one
        same "$output" inside
        run -3 heard 'echo $(id -u) $PWD' --exec-id two --user alice --cwd /etc
        same "$output" '1000 /etc'
        run ct task exec --exec-id three "$name" /no/such/program
        [ "$status" -ne 0 ]
        has "$output" /no/such/program
}

@test "exec -t: a terminal" {
        ct_run "$name" -d -- sleep 600
        run -6 on_terminal ctr --address "$BOX/socket" task exec -t --exec-id one "$name" \
                sh -c "tty; $(sized); exit 6" </dev/null
        has "$output" /dev/pts/
        has "$output" '30 100'
}

@test "exec -d, and kill of that process alone" {
        ct_run "$name" -d -- sleep 600
        ct task exec -d --exec-id one "$name" sleep 602
        ct task ps "$name" | grep -q one
        ct task kill -s KILL --exec-id one "$name"
        await 60 eval '! pgrep -f "^sleep 602$"'
        is_state "$name" RUNNING
}

@test "kill --all" {
        ct_run "$name" -d -- sh -c 'sleep 600 & wait'
        ct task kill --all -s KILL "$name"
        await 60 is_state "$name" STOPPED
}

@test "pause and resume" {
        ct_run "$name" -d -- sleep 600
        ct task pause "$name"
        is_state "$name" PAUSED
        run ct task exec --exec-id one "$name" true
        [ "$status" -ne 0 ]
        ct task resume "$name"
        is_state "$name" RUNNING
        ct task exec --exec-id two "$name" true
}

@test "a paused container can be killed" {
        ct_run "$name" -d -- sleep 600
        ct task pause "$name"
        ct task kill -s KILL "$name"
        ct task resume "$name" || :
        await 60 is_state "$name" STOPPED
}

# bats test_tags=sample
@test "limits" {
        # A container of ctr does not see its cgroup: the limits are the host's to read.
        ct_run "$name" -d --memory-limit 67108864 --cpus 0.5 -- sleep 600
        run cat /sys/fs/cgroup/{memory/,}"$WORD/$name"/memory.{limit_in_bytes,max}
        has "$output" 67108864
        run cat /sys/fs/cgroup/{cpu/,}"$WORD/$name"/{cpu.cfs_quota_us,cpu.max}
        has "$output" 50000
}

@test "metrics" {
        ct_run "$name" -d -- sleep 600
        run -0 ct task metrics --format json "$name"
        jq -e '[.. | objects | select(has("pids")) | .pids.current] | .[0] >= 1' <<<"$output"
        # An object on v1, a number on v2.
        jq -e '[.. | objects | select(has("memory")) | .memory.usage | .usage? // .] | .[0] > 0' <<<"$output"
}

@test "events: start, exit, out of memory" {
        ct events >"$BATS_TEST_TMPDIR/events" 2>&1 3>&- &
        watcher=$!
        await 60 eval 'ct_run "$name-0" --rm -- true && grep -q /tasks/exit "$BATS_TEST_TMPDIR/events"'
        run ct_run "$name" --rm --memory-limit 16777216 -- sh -c 'tail /dev/zero; sleep 0.2; exit 3'
        await 60 grep -q "/tasks/oom.*$name" "$BATS_TEST_TMPDIR/events"
        kill "$watcher"
        grep -q "/tasks/start.*$name" "$BATS_TEST_TMPDIR/events"
}

@test "processes of a container" {
        ct_run "$name" -d -- sh -c 'sleep 600 & sleep 601'
        await 60 eval '[ "$(ct task ps "$name" | grep -c "^[0-9]")" = 2 ]'
}

@test "mounts, a read-only root" {
        mkdir "$BATS_TEST_TMPDIR/share"
        echo here >"$BATS_TEST_TMPDIR/share/file"
        run -0 ct_run "$name" --rm --read-only --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/mnt,options=rbind:ro" -- \
                sh -c 'cat /mnt/file; touch /x 2>/dev/null || echo read-only; touch /mnt/x 2>/dev/null || echo read-only'
        same "$output" $'here\nread-only\nread-only'
}

@test "capabilities, seccomp" {
        run -0 ct_run "$name" --rm --cap-drop CAP_CHOWN --cap-add CAP_SYS_NICE -- grep CapBnd /proc/self/status
        same "$output" $'CapBnd:\t00000000a88425fa'
        run -0 ct_run "$name-2" --rm --seccomp -- grep Seccomp: /proc/self/status
        same "$output" $'Seccomp:\t2'
}

@test "privileged" {
        run ct_run "$name" --rm --privileged -- sh -c 'mount -t tmpfs none /tmp && echo mounted'
        same "$output" mounted
}

@test "the host's network, another container's namespaces" {
        run -0 ct_run "$name" --rm --net-host -- readlink /proc/self/ns/net
        same "$output" "$(readlink /proc/self/ns/net)"
        ct_run "$name-2" -d -- sleep 600
        pid=$(ct task ls | awk -v id="$name-2" '$1 == id { print $2 }')
        run -0 ct_run "$name-3" --rm --with-ns "network:/proc/$pid/ns/net" --with-ns "pid:/proc/$pid/ns/pid" -- \
                sh -c 'readlink /proc/self/ns/net; cat /proc/1/comm'
        same "$output" "$(readlink "/proc/$pid/ns/net")"$'\nsleep'
}

@test "a user namespace" {
        run ct_run "$name" --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 -- sh -c 'id -u; cat /proc/self/uid_map'
        same "$(tr -s ' \n' ' ' <<<"$output")" '0 0 200000 1000 '
}

@test "a container outlives the daemon" {
        ct_run "$name" -d -- sleep 600
        stop_daemon containerd
        start_daemon containerd env PATH="$BOX/bin:$PATH" containerd --config "$BOX/config.toml"
        await 30 ct version
        is_state "$name" RUNNING
        run -3 ct task exec --exec-id one "$name" sh -c 'exit 3'
        ct task kill -s KILL "$name"
        await 60 is_state "$name" STOPPED
}
