# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Podman's everyday commands, as root.

load peers
load podman

setup_file() {
        suite_begin
        IMAGE=localhost/$WORD:1
        export IMAGE
        mkdir -p "$BOX/hooks"
        echo containers:400000:65536 | tee /etc/subuid >/etc/subgid
        STATE=/run/$RUNTIME
        export STATE
        podman_conf >"$BOX/containers.conf"
        make_image "$IMAGE"
        pod load -q -i "$BOX/image.tar"
}

teardown_file() {
        [ -z "${BOX:-}" ] || pod system reset --force >/dev/null 2>&1 || :
        suite_end
}

setup() { name=$WORD-$BATS_TEST_NUMBER; }

teardown() { pod rm -f -t 0 -a >/dev/null 2>&1 || :; }

# bats test_tags=sample
@test "run: output, and the end of it" {
        same "$(pod run --rm "$IMAGE" echo hello)" hello
        same "$(pod ps -aq)" ''
        same "$(ls "$STATE")" ''
}

# bats test_tags=sample
@test "run: exit statuses" {
        run -7 pod run --rm "$IMAGE" sh -c 'exit 7'
        run -125 pod run --rm --no-such-flag "$IMAGE" true
        run -126 pod run --rm "$IMAGE" /etc/passwd
        run -127 pod run --rm "$IMAGE" /no/such/program
        run -143 pod run --rm --init "$IMAGE" sh -c 'kill -TERM $$'
} 2>/dev/null

@test "run: environment, directory, user, host name" {
        run -0 pod run --rm -e COLOUR=blue -w /var -u alice --hostname box "$IMAGE" \
                sh -c 'echo $COLOUR $PWD $(id -un) $(id -G) $(hostname)'
        same "$output" 'blue /var alice 1000 50 box'
        run -0 pod run --rm -u 1234:99 "$IMAGE" id
        has "$output" uid=1234
        has "$output" gid=99
}

@test "run: what is written to stdin arrives" {
        run -0 pod run --rm -i "$IMAGE" tr a-z A-Z <<<hello
        same "$output" HELLO
}

# bats test_tags=sample
@test "run -d: state, logs, wait" {
        pod run -d --name "$name" "$IMAGE" sh -c 'echo out; echo err >&2; until [ -e /go ]; do sleep 0.1; done; exit 3'
        is_state "$name" running
        await 60 eval 'pod logs "$name" 2>&1 | grep -q err'
        pod exec "$name" touch /go
        same "$(pod wait "$name")" 3
        same "$(pod inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$name")" 'exited 3'
        same "$(pod logs "$name" 2>/dev/null)" out
}

@test "run -d --rm goes by itself" {
        pod run -d --rm --name "$name" "$IMAGE" true
        await 60 eval '[ -z "$(pod ps -aq)" ]'
}

@test "run -it: a terminal, its size, its exit status" {
        run -5 pod_terminal run --rm -it "$IMAGE" \
                sh -c "tty; $(sized); exit 5" </dev/null
        has "$output" /dev/pts/0
        has "$output" '30 100'
}

@test "create, start -a, init" {
        pod create --name "$name" "$IMAGE" sh -c 'echo started; exit 4'
        is_state "$name" created
        pod init "$name"
        is_state "$name" initialized
        run -4 pod start -a "$name"
        same "$output" started
}

@test "start again, restart" {
        pod run --name "$name" "$IMAGE" sh -c 'echo once >>/count; wc -l </count'
        run -0 pod start -a "$name"
        same "$output" 2
        pod run -d --name "$name-2" "$IMAGE" sleep 600
        first=$(pod inspect --format '{{.State.Pid}}' "$name-2")
        pod restart -t 0 "$name-2"
        is_state "$name-2" running
        [ "$(pod inspect --format '{{.State.Pid}}' "$name-2")" != "$first" ]
}

@test "stop: the program's own end, and KILL after the time" {
        pod run -d --name "$name" "$IMAGE" sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
        await 60 eval 'pod logs "$name" | grep -q up'
        pod stop "$name"
        same "$(pod inspect --format '{{.State.ExitCode}}' "$name")" 9
        pod run -d --name "$name-2" "$IMAGE" sleep 600
        pod stop -t 1 "$name-2"
        same "$(pod inspect --format '{{.State.ExitCode}}' "$name-2")" 137
}

@test "kill: a signal of choice" {
        pod run -d --name "$name" "$IMAGE" sh -c 'trap "exit 11" USR1; echo up; while :; do sleep 0.1; done'
        await 60 eval 'pod logs "$name" | grep -q up'
        pod kill -s USR1 "$name"
        same "$(pod wait "$name")" 11
        run pod kill "$name"
        [ "$status" -ne 0 ]
}

# bats test_tags=sample
@test "exec: output, exit status, user, directory, environment, stdin" {
        pod run -d --name "$name" "$IMAGE" sleep 600
        run -3 pod exec "$name" sh -c 'echo inside; exit 3'
        same "$output" inside
        run -0 pod exec -u alice -w /etc -e COLOUR=red "$name" sh -c 'echo $(id -un) $PWD $COLOUR'
        same "$output" 'alice /etc red'
        run -0 pod exec -i "$name" tr a-z A-Z <<<word
        same "$output" WORD
}

@test "exec: exit statuses of what cannot be executed" {
        pod run -d --name "$name" "$IMAGE" sleep 600
        run -127 pod exec "$name" /no/such/program
        run -126 pod exec "$name" /etc/passwd
        run -137 pod exec "$name" sh -c 'kill -KILL $$'
} 2>/dev/null

@test "exec -it: a terminal, its size" {
        pod run -d --name "$name" "$IMAGE" sleep 600
        run -6 pod_terminal exec -it "$name" sh -c "tty; $(sized); exit 6" </dev/null
        has "$output" /dev/pts/
        has "$output" '30 100'
}

@test "exec -d, exec --privileged" {
        pod run -d --name "$name" "$IMAGE" sleep 600
        pod exec -d "$name" touch /tmp/done
        await 60 pod exec "$name" test -e /tmp/done
        run -0 pod exec "$name" mount -t tmpfs none /mnt || :
        [ "$status" -ne 0 ]
        run -0 pod exec --privileged "$name" grep CapEff /proc/self/status
        [ "$output" != "$(pod exec "$name" grep CapEff /proc/self/status)" ]
}

@test "attach" {
        pod run -d -i --name "$name" "$IMAGE" sh -c 'read line; echo "got $line"; exit 8'
        run pod attach "$name" <<<words
        has "$output" 'got words'
        same "$(pod wait "$name")" 8
}

# bats test_tags=sample
@test "limits: memory, processors, processes" {
        needs_controllers memory cpu pids
        run -0 pod run --rm --memory 64m --cpus 0.5 --pids-limit 77 "$IMAGE" sh -c "
                $(limit_of memory/memory.limit_in_bytes memory.max)
                $(limit_of cpu/cpu.cfs_quota_us cpu.max)
                $(limit_of pids/pids.max pids.max)"
        same "${lines[0]}" 67108864
        same "${lines[1]%% *}" 50000
        same "${lines[2]}" 77
}

@test "limits: none of processes" {
        needs_controllers pids
        for none in 0 -1; do
                run -0 pod run --rm --pids-limit "$none" "$IMAGE" sh -c "$(limit_of pids/pids.max pids.max) | cat"
                same "$output" max
        done
}

@test "out of memory" {
        needs_controllers memory
        run -137 pod run --name "$name" --memory 16m --memory-swap 16m "$IMAGE" tail /dev/zero
}

@test "update: a limit of a running container" {
        needs_controllers cpu
        pod run -d --name "$name" --cpus 1 "$IMAGE" sleep 600
        pod update --cpus 0.25 "$name"
        run -0 pod exec "$name" sh -c "$(limit_of cpu/cpu.cfs_quota_us cpu.max)"
        same "${output%% *}" 25000
}

@test "pause and unpause" {
        pod run -d --name "$name" "$IMAGE" sh -c 'while :; do date +%N >/tmp/now; sleep 0.01; done'
        pod pause "$name"
        is_state "$name" paused
        run pod exec "$name" true
        [ "$status" -ne 0 ]
        pod unpause "$name"
        is_state "$name" running
        pod exec "$name" true
        pod pause "$name"
        pod rm -f -t 0 "$name"
}

@test "stats" {
        needs_controllers memory pids
        pod run -d --name "$name" "$IMAGE" sleep 600
        run -0 pod stats --no-stream --format json "$name"
        same "$(jq -r '.[0].pids' <<<"$output")" 1
        [[ $(jq -r '.[0].mem_usage' <<<"$output") == *B\ /* ]]
}

@test "top" {
        pod run -d --name "$name" "$IMAGE" sh -c 'sleep 600 & sleep 601'
        await 60 eval 'pod top "$name" pid args | grep -q "sleep 600"'
        pod top "$name" | grep -q 'sleep 601'
        run -0 pod top "$name" ps -o pid,args
        has "$output" 'sleep 601'
}

@test "cp: in and out" {
        pod run -d --name "$name" "$IMAGE" sleep 600
        echo words >"$BATS_TEST_TMPDIR/in"
        pod cp "$BATS_TEST_TMPDIR/in" "$name:/tmp/there"
        same "$(pod exec "$name" cat /tmp/there)" words
        pod cp "$name:/etc/passwd" "$BATS_TEST_TMPDIR/out"
        grep -q ^alice "$BATS_TEST_TMPDIR/out"
}

@test "a read-only root, temporary file systems" {
        run -0 pod run --rm --read-only --tmpfs /cache:size=1m "$IMAGE" sh -c '
                touch /x 2>/dev/null || echo read-only
                touch /tmp/x /cache/x && df /cache | tail -n 1 | { read a b c; echo $b; }'
        same "${lines[0]}" read-only
        same "${lines[1]}" 1024
}

@test "volumes: by directory, read-only, by name" {
        mkdir "$BATS_TEST_TMPDIR/share"
        echo here >"$BATS_TEST_TMPDIR/share/file"
        run -0 pod run --rm -v "$BATS_TEST_TMPDIR/share:/a" -v "$BATS_TEST_TMPDIR/share:/b:ro" -v "$WORD:/c" "$IMAGE" \
                sh -c 'cat /a/file; echo there >/a/new; echo kept >/c/file; echo x 2>/dev/null >/b/x || echo refused'
        same "$output" $'here\nrefused'
        same "$(cat "$BATS_TEST_TMPDIR/share/new")" there
        same "$(pod run --rm --mount "type=volume,src=$WORD,dst=/d,ro" "$IMAGE" cat /d/file)" kept
        pod volume rm "$WORD"
}

@test "capabilities, no-new-privileges" {
        run -0 pod run --rm --cap-drop all --cap-add chown "$IMAGE" grep CapEff /proc/self/status
        same "$output" $'CapEff:\t0000000000000001'
        run -0 pod run --rm --security-opt no-new-privileges "$IMAGE" grep NoNewPrivs /proc/self/status
        same "$output" $'NoNewPrivs:\t1'
}

@test "privileged" {
        run pod run --rm --privileged "$IMAGE" sh -c 'mount -t tmpfs none /tmp && echo mounted'
        same "$output" mounted
}

@test "seccomp: the default filter, a profile of one's own, none" {
        run -0 pod run --rm "$IMAGE" grep Seccomp: /proc/self/status
        same "$output" $'Seccomp:\t2'
        echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' \
                >"$BATS_TEST_TMPDIR/profile.json"
        run pod run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" "$IMAGE" mkdir /tmp/x
        [ "$status" = 1 ]
        has "$output" 'Operation not permitted'
        run -0 pod run --rm --security-opt seccomp=unconfined "$IMAGE" grep Seccomp: /proc/self/status
        same "$output" $'Seccomp:\t0'
}

@test "--init reaps" {
        run -0 pod run --rm --init "$IMAGE" sh -c 'cat /proc/1/comm; echo $$'
        [ "${lines[0]}" != sh ]
        [ "${lines[1]}" != 1 ]
}

@test "user namespaces: auto, a map of one's own" {
        run -0 pod run --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 "$IMAGE" \
                sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/mine && ls -ln /tmp/mine'
        same "$(tr -s ' ' <<<"${lines[1]}")" ' 0 200000 1000'
        has "${lines[2]}" ' 0        0'
        run -0 pod run --rm --userns auto:size=4096,uidmapping=0:400000:4096,gidmapping=0:400000:4096 "$IMAGE" id -u
        same "$output" 0
}

@test "namespaces of the host and of another container" {
        pod run -d --name "$name" --hostname first "$IMAGE" sleep 600
        run -0 pod run --rm --pid "container:$name" --uts "container:$name" --ipc "container:$name" \
                --network "container:$name" "$IMAGE" sh -c 'hostname; cat /proc/1/cmdline | tr "\0" " "'
        same "$output" $'first\nsleep 600 '
        run -0 pod run --rm --pid host --uts host --ipc host --network host --cgroupns host "$IMAGE" \
                sh -c 'for n in pid uts ipc net; do readlink /proc/self/ns/$n; done'
        same "$output" "$(for n in pid uts ipc net; do readlink "/proc/self/ns/$n"; done)"
}

@test "a network with addresses, and none" {
        ip link add "hkprobe" type bridge 2>/dev/null || skip 'this kernel has no bridges'
        ip link del hkprobe
        pod run -d --name "$name" -p 127.0.0.1:18080:80 "$IMAGE" \
                sh -c 'mkdir /w; echo page >/w/index.html; exec httpd -f -h /w'
        await 60 eval 'busybox wget -qO- http://127.0.0.1:18080/ | grep -q page'
        run -0 pod run --rm --network none "$IMAGE" ls /sys/class/net
        same "$output" lo
}

@test "sysctl, ulimit, shared memory, devices, extra hosts" {
        run -0 pod run --rm --sysctl net.ipv4.ip_unprivileged_port_start=80 --ulimit nofile=100:200 --ulimit nproc=4096:4096 \
                --shm-size 1m --device /dev/null:/dev/nothing --add-host other:10.1.2.3 "$IMAGE" sh -c '
                sysctl -n net.ipv4.ip_unprivileged_port_start; ulimit -Sn; ulimit -Hn
                df /dev/shm | tail -n 1 | { read a b c; echo $b; }; echo x >/dev/nothing; grep -c other /etc/hosts'
        same "$(tr '\n' ' ' <<<"$output")" '80 100 200 1024 1 '
}

@test "health checks" {
        pod run -d --name "$name" --health-cmd 'test ! -e /sick' --health-interval disable --health-retries 1 "$IMAGE" sleep 600
        run -0 pod healthcheck run "$name"
        same "$(pod inspect --format '{{.State.Health.Status}}' "$name")" healthy
        pod exec "$name" touch /sick
        run -1 pod healthcheck run "$name"
        same "$(pod inspect --format '{{.State.Health.Status}}' "$name")" unhealthy
}

@test "hooks of OCI" {
        cat >"$BATS_TEST_TMPDIR/hook" <<HOOK
#!/bin/sh
jq -r .status >>"$BATS_TEST_TMPDIR/seen"
HOOK
        chmod +x "$BATS_TEST_TMPDIR/hook"
        for stage in createRuntime poststart poststop; do
                cat >"$BOX/hooks/$stage.json" <<HOOK
{"version":"1.0.0","hook":{"path":"$BATS_TEST_TMPDIR/hook"},"when":{"always":true},"stages":["$stage"]}
HOOK
        done
        pod run --name "$name" "$IMAGE" sleep 1
        pod rm "$name"
        rm "$BOX"/hooks/*
        # runc says "created" to poststart.
        [[ $(tr '\n' ' ' <"$BATS_TEST_TMPDIR/seen") =~ ^creating\ (running|created)\ stopped\ $ ]]
}

@test "pods: one network and one clock for all, stopped together" {
        pod pod create --name "$name" --cgroup-parent "/$WORD" --share net,uts,ipc --hostname shared
        pod run -d --pod "$name" --name "$name-a" "$IMAGE" sleep 600
        run -0 pod run --rm --pod "$name" "$IMAGE" hostname
        same "$output" shared
        same "$(pod exec "$name-a" readlink /proc/self/ns/net)" "$(pod run --rm --pod "$name" "$IMAGE" readlink /proc/self/ns/net)"
        pod pod pause "$name"
        is_state "$name-a" paused
        pod pod unpause "$name"
        pod pod stop -t 0 "$name"
        is_state "$name-a" exited
        pod pod start "$name"
        is_state "$name-a" running
        pod pod rm -f -t 0 "$name"
}

@test "play kube: a document of Kubernetes" {
        cat >"$BATS_TEST_TMPDIR/pod.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  containers:
  - name: web
    image: $IMAGE
    command: [sleep, "600"]
    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
YAML
        pod play kube "$BATS_TEST_TMPDIR/pod.yaml" --network none
        run -0 pod exec "$name-web" id -u
        same "$output" 1000
        pod play kube --down "$BATS_TEST_TMPDIR/pod.yaml"
}

@test "systemd mode: what systemd wants to find" {
        run -0 pod run --rm --systemd always "$IMAGE" sh -c 'echo $container; grep -E " (/run|/tmp|/sys/fs/cgroup(/systemd)?) " /proc/mounts'
        has "$output" podman
        has "$output" ' /run tmpfs rw'
}

@test "without cgroups" {
        here=$(cat /proc/self/cgroup)
        same "$(PARENT=no pod run --rm --cgroups disabled --cgroupns host "$IMAGE" cat /proc/self/cgroup)" "$here"
}

@test "cgroups: no conmon in them" {
        run -0 pod run --rm --cgroups no-conmon "$IMAGE" echo hello
        same "$output" hello
}

@test "what the runtime says reaches the user" {
        run pod run --rm -w /etc/passwd "$IMAGE" true
        [ "$status" -ne 0 ]
        has "$output" /etc/passwd
        run pod run --rm --sysctl kernel.nonsense=1 "$IMAGE" true
        [ "$status" -ne 0 ]
        has "$output" nonsense
}
