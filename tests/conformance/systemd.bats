# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Engines that leave cgroups to systemd: a container is a scope whose limits systemd knows as well, and of which
# nothing stays. One containerd for ctr and for Docker.

load peers
load podman

setup_file() {
        has_systemd || return 0
        suite_begin
        IMAGE=docker.io/library/$WORD:1
        MANAGER=systemd
        STATE=/run/$RUNTIME # Podman's
        DOCKER_HOST=unix://$BOX/docker.socket
        export IMAGE MANAGER STATE DOCKER_HOST
        mkdir -p "$BOX/hooks" "$BOX/client" "$BOX/ctr"
        make_image "$IMAGE"
        podman_conf >"$BOX/containers.conf"
        pod load -q -i "$BOX/image.tar"
        printf 'version = 2\nroot = "%s"\nstate = "%s"\n%s\n[grpc]\n  address = "%s"\n' "$BOX/containerd" \
                "$BOX/containerd-run" 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' "$BOX/containerd.socket" \
                >"$BOX/config.toml"
        start_daemon containerd containerd --config "$BOX/config.toml"
        await 30 ct version || { cat "$BOX/containerd.log" >&3 && return 1; }
        ct image import "$BOX/image.tar"
        local runtimes="\"$RUNTIME\": {\"path\": \"$BINARY\"}"
        [ "$RUNTIME" != runc ] || runtimes= # a name that it has of its own
        cat >"$BOX/daemon.json" <<CONF
{
        "data-root": "$BOX/docker", "exec-root": "$BOX/exec", "pidfile": "$BOX/pid",
        "hosts": ["$DOCKER_HOST"], "storage-driver": "overlay2", "containerd": "$BOX/containerd.socket",
        "exec-opts": ["native.cgroupdriver=systemd"], "runtimes": {$runtimes}, "default-runtime": "$RUNTIME"
}
CONF
        start_daemon dockerd dockerd --config-file "$BOX/daemon.json"
        await 60 dk version || { tail -n 20 "$BOX/dockerd.log" >&3 && return 1; }
        dk load -i "$BOX/image.tar"
}

teardown_file() {
        [ -z "${BOX:-}" ] || stop_all
}

stop_all() {
        stop_daemon dockerd
        ! mountpoint -q "$BOX/exec/netns/default" || umount "$BOX/exec/netns/default"
        stop_daemon containerd
        pod system reset --force >/dev/null 2>&1 || :
        suite_end
}

has_systemd() { [ -S /run/systemd/private ]; }

setup() {
        has_systemd || skip 'systemd is not pid 1 here'
        name=$WORD-$BATS_TEST_NUMBER
}

teardown() {
        local ids
        has_systemd || return 0
        pod rm -f -t 0 -a >/dev/null 2>&1 || :
        ids=$(dk ps -aq)
        # shellcheck disable=SC2086 # a list of words
        [ -z "$ids" ] || dk rm -f $ids >/dev/null
        ! ct task ls -q | grep -q . || ct task rm -f "$name"
        ! ct container ls -q | grep -q . || ct container rm "$name"
}

ct() { bounded ctr --address "$BOX/containerd.socket" "$@"; }
# Podman reads DOCKER_CONFIG, too, and stumbles when nothing is there.
dk() { DOCKER_CONFIG=$BOX/client bounded docker "$@"; }

# ct_run FLAG... -- PROGRAM...
ct_run() {
        local words=()
        while [ "$1" != -- ]; do
                words+=("$1")
                shift
        done
        shift
        ct run --runc-binary "$BINARY" --runc-root "$BOX/ctr" --runc-systemd-cgroup --cgroup "hk.slice:hk:$name" \
                "${words[@]}" "$IMAGE" "$name" "$@"
}

shown() { systemctl show --property "$1" --value "$2"; }

# file_of UNIT CONTROLLER V1FILE V2FILE: where that is
file_of() {
        local below
        below=$(shown ControlGroup "$1")
        if is_v2; then echo "/sys/fs/cgroup$below/$4"; else echo "/sys/fs/cgroup/$2$below/$3"; fi
}

# limited UNIT BYTES MICROSECONDS PROCESSES: to systemd, which would write its own again, and to the kernel
limited() {
        local memory=MemoryLimit
        ! is_v2 || memory=MemoryMax
        same "$(shown ActiveState "$1")" active
        same "$(shown $memory "$1")" "$2"
        same "$(shown TasksMax "$1")" "$4"
        same "$(cat "$(file_of "$1" memory memory.limit_in_bytes memory.max)")" "$2"
        same "$(cut -d' ' -f1 "$(file_of "$1" cpu cpu.cfs_quota_us cpu.max)")" "$3"
        same "$(cat "$(file_of "$1" pids pids.max pids.max)")" "$4"
}

# How many processes are in the unit's cgroup, and below it, where crun puts them.
processes() {
        find "$(dirname "$(file_of "$1" pids pids.max pids.max)")" -name cgroup.procs -exec cat {} + | wc -l
}

no_unit() { [ -z "$(systemctl list-units --all --plain --no-legend "$1")" ]; }

# gone UNIT DIRECTORY
gone() { [ "$(shown LoadState "$1")" = not-found ] && [ ! -e "$2" ]; }

@test "Podman: limits, exec, update, stats, delete" {
        id=$(pod run -d --name "$name" --memory 64m --cpus 0.5 --pids-limit 77 "$IMAGE" sleep 600)
        unit=libpod-$id.scope
        limited "$unit" 67108864 50000 77
        same "$(shown Slice "$unit")" machine.slice
        run -3 pod exec "$name" sh -c 'echo inside; exit 3'
        same "$output" inside
        pod exec -d "$name" sleep 601
        same "$(processes "$unit")" 2
        same "$(pod stats --no-stream --format json "$name" | jq -r '.[0].pids')" 2
        pod update --memory 128m --cpus 0.25 "$name"
        limited "$unit" 134217728 25000 77
        directory=$(dirname "$(file_of "$unit" memory memory.limit_in_bytes memory.max)")
        pod rm -f -t 0 "$name"
        gone "$unit" "$directory"
}

@test "Podman: one that ends by itself, a restart, a pod in its slice" {
        run -7 pod run --rm "$IMAGE" sh -c 'hostname; exit 7' # the beginning of its id
        [ -n "$output" ]
        await 60 no_unit "libpod-$output*"
        pod pod create --name "$name" --network none
        pod run -d --pod "$name" --name "$name-a" "$IMAGE" sleep 600
        pod restart -t 0 "$name-a"
        id=$(pod inspect --format '{{.Id}}' "$name-a")
        same "$(shown ActiveState "libpod-$id.scope")" active
        slice=$(shown Slice "libpod-$id.scope")
        [[ $slice == machine-libpod_pod_*.slice ]]
        pod pod rm -f -t 0 "$name"
        await 60 no_unit "libpod-$id*"
}

@test "containerd: limits, exec, metrics, delete" {
        ct_run -d --memory-limit 67108864 --cpus 0.5 -- sleep 600
        unit=hk-$name.scope
        same "$(shown ActiveState "$unit")" active
        same "$(shown Slice "$unit")" hk.slice
        same "$(cat "$(file_of "$unit" memory memory.limit_in_bytes memory.max)")" 67108864
        same "$(cut -d' ' -f1 "$(file_of "$unit" cpu cpu.cfs_quota_us cpu.max)")" 50000
        run -3 ct task exec --exec-id one "$name" sh -c 'exit 3'
        ct task exec -d --exec-id two "$name" sleep 601
        same "$(processes "$unit")" 2
        directory=$(dirname "$(file_of "$unit" memory memory.limit_in_bytes memory.max)")
        ct task kill -s KILL "$name"
        await 60 eval 'ct task ls | grep -q "^$name .* STOPPED"'
        ct task delete "$name" || :
        gone "$unit" "$directory"
}

@test "Docker: limits, exec, update, stats, delete" {
        id=$(dk run -d --name "$name" --memory 64m --cpus 0.5 --pids-limit 77 "$IMAGE" sleep 600)
        unit=docker-$id.scope
        limited "$unit" 67108864 50000 77
        same "$(shown Slice "$unit")" system.slice
        run -3 dk exec "$name" sh -c 'echo inside; exit 3'
        same "$output" inside
        dk exec -d "$name" sleep 601
        await 60 eval '[ "$(processes "$unit")" = 2 ]'
        same "$(dk stats --no-stream --format '{{.PIDs}}' "$name")" 2
        dk update --memory 128m --memory-swap 256m --cpus 0.25 --pids-limit 99 "$name"
        limited "$unit" 134217728 25000 99
        directory=$(dirname "$(file_of "$unit" memory memory.limit_in_bytes memory.max)")
        dk rm -f "$name"
        gone "$unit" "$directory"
}

@test "Docker: out of memory is told, and the unit goes" {
        run dk run --name "$name" --memory 16m --memory-swap 16m "$IMAGE" sh -c 'tail /dev/zero; sleep 0.2; exit 3'
        [ "$status" = 3 ]
        same "$(dk inspect --format '{{.State.OOMKilled}}' "$name")" true
        id=$(dk inspect --format '{{.Id}}' "$name")
        await 60 eval '[ "$(shown LoadState "docker-$id.scope")" = not-found ]'
}
