# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Docker's everyday commands, with a daemon and a containerd of its own.

load peers

setup_file() {
        suite_begin
        IMAGE=$WORD:1
        STATE=$BOX/exec/runtime-runc/moby # whatever the runtime
        DOCKER_HOST=unix://$BOX/socket DOCKER_CONFIG=$BOX/client
        export IMAGE STATE DOCKER_HOST DOCKER_CONFIG
        mkdir -p "$BOX/client"
        # dockerd gives a containerd that it starts itself 15 seconds, which a guest may need more of.
        printf 'version = 2\nroot = "%s"\nstate = "%s"\n%s\n[grpc]\n  address = "%s"\n' "$BOX/containerd" \
                "$BOX/containerd-run" 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' "$BOX/containerd.socket" \
                >"$BOX/config.toml"
        start_daemon containerd containerd --config "$BOX/config.toml"
        await 60 ctr --address "$BOX/containerd.socket" version || { tail -n 20 "$BOX/containerd.log" >&3 && return 1; }
        local runtimes="\"$RUNTIME\": {\"path\": \"$BINARY\"}"
        [ "$RUNTIME" != runc ] || runtimes= # a name that it has of its own
        cat >"$BOX/daemon.json" <<CONF
{
        "data-root": "$BOX/data", "exec-root": "$BOX/exec", "pidfile": "$BOX/pid",
        "hosts": ["$DOCKER_HOST"], "storage-driver": "overlay2", "cgroup-parent": "/$WORD",
        "containerd": "$BOX/containerd.socket",
        "exec-opts": ["native.cgroupdriver=${MANAGER:-cgroupfs}"],
        "runtimes": {$runtimes}, "default-runtime": "$RUNTIME"
}
CONF
        start_daemon dockerd dockerd --config-file "$BOX/daemon.json"
        await 60 docker version || { tail -n 20 "$BOX/dockerd.log" >&3 && return 1; }
        make_image "$IMAGE"
        bounded docker load -i "$BOX/image.tar"
}

teardown_file() {
        stop_daemon dockerd
        stop_daemon containerd
        # Where the daemon keeps the host's network, which it does not take away.
        ! mountpoint -q "$BOX/exec/netns/default" || umount "$BOX/exec/netns/default"
        suite_end
}

setup() { name=$WORD-$BATS_TEST_NUMBER; }

teardown() {
        local ids
        ids=$(dk ps -aq)
        # shellcheck disable=SC2086 # a list of words
        [ -z "$ids" ] || dk rm -f $ids >/dev/null
}

dk() { bounded docker "$@"; }
state_of() { dk inspect --format '{{.State.Status}}' "$1"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
shows() { dk logs "$1" 2>&1 | grep -q "$2"; }

# bats test_tags=sample
@test "run: output, exit statuses" {
        same "$(dk run --rm "$IMAGE" echo hello)" hello
        run -7 dk run --rm "$IMAGE" sh -c 'exit 7'
        run -125 dk run --rm --no-such-flag "$IMAGE" true
        run -126 dk run --rm "$IMAGE" /etc/passwd
        run -127 dk run --rm "$IMAGE" /no/such/program
        run -143 dk run --rm --init "$IMAGE" sh -c 'kill -TERM $$'
        same "$(dk ps -aq)" ''
}

@test "run: nothing but the program writes to its output" {
        run -0 --separate-stderr dk run --rm "$IMAGE" echo hello
        same "$output" hello
        same "$stderr" ''
}

@test "run: environment, directory, user, host name, stdin" {
        run -0 dk run --rm -e COLOUR=blue -w /var -u alice --hostname box "$IMAGE" \
                sh -c 'echo $COLOUR $PWD $(id -un) $(id -G) $(hostname)'
        same "$output" 'blue /var alice 1000 50 box'
        same "$(dk run --rm -i "$IMAGE" tr a-z A-Z <<<hello)" HELLO
}

@test "run -it: a terminal, its size, its exit status" {
        run -5 on_terminal docker run --rm -it "$IMAGE" sh -c "tty; $(sized); exit 5" </dev/null
        has "$output" /dev/pts/0
        has "$output" '30 100'
}

# bats test_tags=sample
@test "run -d: state, logs, wait" {
        dk run -d --name "$name" "$IMAGE" sh -c 'echo out; echo err >&2; until [ -e /go ]; do sleep 0.1; done; exit 3'
        is_state "$name" running
        await 60 shows "$name" err
        dk exec "$name" touch /go
        same "$(dk wait "$name")" 3
        same "$(dk inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$name")" 'exited 3'
        same "$(dk logs "$name" 2>/dev/null)" out
}

@test "create, start, restart" {
        dk create --name "$name" "$IMAGE" sh -c 'echo once >>/count; wc -l </count; exec sleep 600'
        is_state "$name" created
        dk start "$name"
        await 60 shows "$name" 1
        dk restart -t 0 "$name"
        await 60 shows "$name" 2
}

@test "a restart policy" {
        dk run -d --restart on-failure:2 --name "$name" "$IMAGE" sh -c 'echo again; exit 1'
        await 60 eval '[ "$(dk logs "$name" | grep -c again)" = 3 ]'
}

@test "stop and kill" {
        dk run -d --name "$name" "$IMAGE" sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
        await 60 shows "$name" up
        dk stop "$name"
        same "$(dk inspect --format '{{.State.ExitCode}}' "$name")" 9
        dk run -d --name "$name-2" "$IMAGE" sh -c 'trap "exit 11" USR1; echo up; while :; do sleep 0.1; done'
        await 60 shows "$name-2" up
        dk kill -s USR1 "$name-2"
        same "$(dk wait "$name-2")" 11
        dk run -d --name "$name-3" "$IMAGE" sleep 600
        dk stop -t 1 "$name-3"
        same "$(dk inspect --format '{{.State.ExitCode}}' "$name-3")" 137
}

# bats test_tags=sample
@test "exec: output, exit statuses, user, directory, environment, stdin" {
        dk run -d --name "$name" "$IMAGE" sleep 600
        run -3 dk exec "$name" sh -c 'echo inside; exit 3'
        same "$output" inside
        run -0 dk exec -u alice -w /etc -e COLOUR=red "$name" sh -c 'echo $(id -un) $PWD $COLOUR'
        same "$output" 'alice /etc red'
        same "$(dk exec -i "$name" tr a-z A-Z <<<word)" WORD
        # Docker calls it 126 with one runtime, 127 with another.
        run dk exec "$name" /no/such/program
        [[ $status = 12[67] ]]
        has "$output" /no/such/program
        run -126 dk exec "$name" /etc/passwd
        run -137 dk exec "$name" sh -c 'kill -KILL $$'
} 2>/dev/null

@test "exec -it, -d, --privileged" {
        dk run -d --name "$name" "$IMAGE" sleep 600
        run -6 on_terminal docker exec -it "$name" sh -c "tty; $(sized); exit 6" </dev/null
        has "$output" /dev/pts/
        has "$output" '30 100'
        dk exec -d "$name" touch /tmp/done
        await 60 dk exec "$name" test -e /tmp/done
        run dk exec "$name" mount -t tmpfs none /mnt
        [ "$status" -ne 0 ]
        [ "$(dk exec --privileged "$name" grep CapEff /proc/self/status)" != "$(dk exec "$name" grep CapEff /proc/self/status)" ]
}

@test "attach" {
        dk run -d -i --name "$name" "$IMAGE" sh -c 'read line; echo "got $line"; exit 8'
        run dk attach "$name" <<<words
        same "$(dk wait "$name")" 8
        shows "$name" 'got words'
}

@test "limits: memory, processors, processes" {
        needs_controllers memory cpu pids
        run -0 dk run --rm --memory 64m --cpus 0.5 --pids-limit 77 "$IMAGE" sh -c "
                $(limit_of memory/memory.limit_in_bytes memory.max)
                $(limit_of cpu/cpu.cfs_quota_us cpu.max)
                $(limit_of pids/pids.max pids.max)"
        same "${lines[0]}" 67108864
        same "${lines[1]%% *}" 50000
        same "${lines[2]}" 77
}

@test "out of memory is told" {
        needs_controllers memory
        run dk run --name "$name" --memory 16m --memory-swap 16m "$IMAGE" sh -c 'tail /dev/zero; sleep 0.2; exit 3'
        [ "$status" = 3 ]
        same "$(dk inspect --format '{{.State.OOMKilled}}' "$name")" true
}

@test "update: limits of a running container" {
        needs_controllers memory cpu pids
        dk run -d --name "$name" --memory 64m --memory-swap 64m "$IMAGE" sleep 600
        dk update --memory 128m --memory-swap 256m --cpus 0.25 --pids-limit 99 "$name"
        run -0 dk exec "$name" sh -c "
                $(limit_of memory/memory.limit_in_bytes memory.max)
                $(limit_of cpu/cpu.cfs_quota_us cpu.max)
                $(limit_of pids/pids.max pids.max)"
        same "${lines[0]}" 134217728
        same "${lines[1]%% *}" 25000
        same "${lines[2]}" 99
}

@test "pause and unpause" {
        dk run -d --name "$name" "$IMAGE" sleep 600
        dk pause "$name"
        is_state "$name" paused
        run dk exec "$name" true
        [ "$status" -ne 0 ]
        dk unpause "$name"
        is_state "$name" running
        dk exec "$name" true
}

@test "stats" {
        needs_controllers memory pids
        dk run -d --name "$name" "$IMAGE" sleep 600
        run -0 dk stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' "$name"
        [[ $output =~ ^1\ [0-9.]+[KM]iB\ / ]]
}

@test "top" {
        dk run -d --name "$name" "$IMAGE" sh -c 'sleep 600 & sleep 601'
        await 60 eval 'dk top "$name" | grep -q "sleep 600"'
        dk top "$name" -o pid,args | grep -q 'sleep 601'
}

@test "cp: in and out" {
        dk run -d --name "$name" "$IMAGE" sleep 600
        echo words >"$BATS_TEST_TMPDIR/in"
        dk cp "$BATS_TEST_TMPDIR/in" "$name:/tmp/there"
        same "$(dk exec "$name" cat /tmp/there)" words
        dk cp "$name:/etc/passwd" "$BATS_TEST_TMPDIR/out"
        grep -q ^alice "$BATS_TEST_TMPDIR/out"
}

@test "a read-only root, temporary file systems, volumes" {
        mkdir "$BATS_TEST_TMPDIR/share"
        echo here >"$BATS_TEST_TMPDIR/share/file"
        run -0 dk run --rm --read-only --tmpfs /cache:size=1m -v "$BATS_TEST_TMPDIR/share:/a" -v "$BATS_TEST_TMPDIR/share:/b:ro" \
                -v "$WORD:/c" "$IMAGE" sh -c '
                touch /x 2>/dev/null || echo read-only
                touch /cache/x && df /cache | tail -n 1 | { read a b c; echo $b; }
                cat /a/file; echo there >/a/new; echo kept >/c/file; echo x 2>/dev/null >/b/x || echo refused'
        same "$output" $'read-only\n1024\nhere\nrefused'
        same "$(cat "$BATS_TEST_TMPDIR/share/new")" there
        same "$(dk run --rm -v "$WORD:/d:ro" "$IMAGE" cat /d/file)" kept
        dk volume rm "$WORD"
}

@test "capabilities, no-new-privileges, seccomp" {
        run -0 dk run --rm --cap-drop all --cap-add chown --security-opt no-new-privileges "$IMAGE" \
                grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status
        same "$output" $'CapEff:\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t2'
        echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' \
                >"$BATS_TEST_TMPDIR/profile.json"
        run dk run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" "$IMAGE" mkdir /tmp/x
        [ "$status" = 1 ]
        has "$output" 'Operation not permitted'
}

@test "privileged" {
        run dk run --rm --privileged "$IMAGE" sh -c 'mount -t tmpfs none /tmp && echo mounted'
        same "$output" mounted
}

@test "namespaces of the host and of another container" {
        dk run -d --name "$name" --ipc shareable "$IMAGE" sleep 600
        run -0 dk run --rm --pid "container:$name" --ipc "container:$name" --network "container:$name" "$IMAGE" cat /proc/1/comm
        same "$output" sleep
        run -0 dk run --rm --pid host --uts host --ipc host --network host "$IMAGE" \
                sh -c 'for n in pid uts ipc net; do readlink /proc/self/ns/$n; done'
        same "$output" "$(for n in pid uts ipc net; do readlink "/proc/self/ns/$n"; done)"
}

@test "a network with addresses, and none" {
        dk run -d --name "$name" -p 127.0.0.1:18081:80 "$IMAGE" \
                sh -c 'mkdir /w; echo page >/w/index.html; exec httpd -f -h /w'
        await 60 eval 'busybox wget -qO- http://127.0.0.1:18081/ | grep -q page'
        run -0 dk run --rm --network none "$IMAGE" ls /sys/class/net
        same "$output" lo
}

@test "sysctl, ulimit, shared memory, devices" {
        run -0 dk run --rm --sysctl net.ipv4.ip_unprivileged_port_start=80 --ulimit nofile=100:200 --shm-size 1m \
                --device /dev/null:/dev/nothing "$IMAGE" sh -c '
                cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -Sn; ulimit -Hn
                df /dev/shm | tail -n 1 | { read a b c; echo $b; }; echo x >/dev/nothing'
        same "$(tr '\n' ' ' <<<"$output")" '80 100 200 1024 '
}

@test "health checks" {
        dk run -d --name "$name" --health-cmd 'test ! -e /sick' --health-interval 1s --health-retries 1 "$IMAGE" sleep 600
        await 60 eval '[ "$(dk inspect --format "{{.State.Health.Status}}" "$name")" = healthy ]'
        dk exec "$name" touch /sick
        await 60 eval '[ "$(dk inspect --format "{{.State.Health.Status}}" "$name")" = unhealthy ]'
}

@test "events" {
        since=$(date +%s)
        dk run --rm --name "$name" "$IMAGE" true
        run -0 dk events --since "$since" --until "$(($(date +%s) + 1))" --filter "container=$name" --format '{{.Action}}'
        has "$(tr '\n' ' ' <<<"$output")" 'create attach start die destroy' || has "$output" die
}

@test "what the runtime says reaches the user" {
        run dk run --rm --sysctl kernel.shm_rmid_forced=words "$IMAGE" true
        [ "$status" -ne 0 ]
        has "$output" shm_rmid_forced
}
