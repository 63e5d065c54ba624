# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# docs/drop-in.md, as written: its blocks are the configuration.

load peers

setup_file() {
        suite_begin
        [ "$RUNTIME" = husk-oci ] || skip 'the page is about husk-oci'
        STATE=/run/husk-oci IMAGE=docker.io/library/$WORD:1
        export STATE IMAGE
        # Both in this mount namespace alone: where `make install` puts it, and what the engines read.
        mount -t tmpfs tmpfs /usr/local/bin
        cp "$BINARY" /usr/local/bin/husk-oci
        rm -rf /etc/docker /etc/containerd
        mkdir -p /etc/docker /etc/containerd /etc/containers
        make_image "$IMAGE"
}

teardown_file() {
        stop_daemon dockerd
        stop_daemon containerd
        ! mountpoint -q "$BOX/exec/netns/default" || umount "$BOX/exec/netns/default"
        suite_end
}

# block HEADING NUMBER: the indented block of docs/drop-in.md
block() {
        awk -v heading="## $1" -v number="$2" '
                /^## / { here = ($0 == heading); next }
                here && /^    / { if (!within) n++; within = 1; if (n == number) print substr($0, 5); next }
                here && within && !/^$/ { within = 0 }
                /^$/ { within = 0 }' "$BATS_TEST_DIRNAME/../../docs/drop-in.md"
}

@test "Docker: daemon.json" {
        block Docker 1 >/etc/docker/daemon.json
        jq -e '.runtimes["husk-oci"].path' /etc/docker/daemon.json
        export DOCKER_HOST=unix://$BOX/docker.socket DOCKER_CONFIG=$BOX/client
        mkdir -p "$DOCKER_CONFIG"
        start_daemon dockerd dockerd --data-root "$BOX/docker" --exec-root "$BOX/exec" --pidfile "$BOX/pid" \
                --host "$DOCKER_HOST" --cgroup-parent "/$WORD" --exec-opt native.cgroupdriver=cgroupfs
        await 60 docker version
        bounded docker load -i "$BOX/image.tar"
        words=$(block Docker 2 | sed "s|busybox|$IMAGE|")
        has "$words" '--runtime husk-oci'
        run -0 bounded $words
        same "$output" hello
        id=$(bounded docker run -d --runtime husk-oci "$IMAGE" sleep 600)
        same "$(bounded docker inspect --format '{{.HostConfig.Runtime}}' "$id")" husk-oci
        same "$(/usr/local/bin/husk-oci --root "$BOX/exec/runtime-runc/moby" list -q)" "$id"
        bounded docker rm -f "$id"
        stop_daemon dockerd
}

@test "containerd 1.x: config.toml, and ctr" {
        {
                printf 'version = 2\nroot = "%s"\nstate = "%s"\n' "$BOX/containerd" "$BOX/containerd-run"
                printf '[grpc]\n  address = "%s"\n' "$BOX/containerd.socket"
                block containerd 1
        } >/etc/containerd/config.toml
        bounded containerd config dump >"$BATS_TEST_TMPDIR/dump"
        grep -A 30 'runtimes.husk-oci\]' "$BATS_TEST_TMPDIR/dump" | grep -q 'runtime_type = "io.containerd.runc.v2"'
        grep -q 'BinaryName = "/usr/local/bin/husk-oci"' "$BATS_TEST_TMPDIR/dump"
        start_daemon containerd containerd
        await 30 ctr -a "$BOX/containerd.socket" version
        bounded ctr -a "$BOX/containerd.socket" image import "$BOX/image.tar"
        words=$(block containerd 3 | sed "s|docker.io/library/busybox:latest|$IMAGE|; s|^ctr run|ctr -a $BOX/containerd.socket run --cgroup /$WORD/one|")
        has "$words" '--runc-binary /usr/local/bin/husk-oci'
        run -0 bounded $words
        same "$output" hello
        stop_daemon containerd
}

@test "Podman: containers.conf" {
        block Podman 1 >/etc/containers/containers.conf
        flags=(--root "$BOX/data" --runroot "$BOX/run" --tmpdir "$BOX/libpod")
        bounded podman "${flags[@]}" load -q -i "$BOX/image.tar"
        run -0 bounded podman "${flags[@]}" --cgroup-manager cgroupfs run --rm --cgroup-parent "/$WORD" \
                --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "$IMAGE" echo hello
        same "$output" hello
        same "$(bounded podman "${flags[@]}" info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')" \
                'husk-oci /usr/local/bin/husk-oci'
        run -127 bounded podman "${flags[@]}" --cgroup-manager cgroupfs run --rm --cgroup-parent "/$WORD" "$IMAGE" /no/such
        bounded podman "${flags[@]}" system reset --force
}
