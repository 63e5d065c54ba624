# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Podman as an ordinary user, who is made for this file in the suite's own /etc.

load peers
load podman

setup_file() {
        suite_begin
        IMAGE=localhost/$WORD:1
        RUNUSER=$WORD HOME=$BOX/home XDG_RUNTIME_DIR=$BOX/user
        useradd --no-create-home --home-dir "$HOME" --shell /bin/sh "$RUNUSER"
        RUNUID=$(id -u "$RUNUSER") RUNGID=$(id -g "$RUNUSER")
        echo "$RUNUSER:500000:65536" | tee /etc/subuid >/etc/subgid
        STATE=$XDG_RUNTIME_DIR/$RUNTIME
        export IMAGE RUNUSER RUNUID RUNGID HOME XDG_RUNTIME_DIR STATE
        mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$BOX/hooks" "$BOX/tmp"
        # Where every user may execute it.
        cp "$BINARY" "$BOX/$RUNTIME"
        BINARY=$BOX/$RUNTIME
        make_image "$IMAGE"
        podman_conf >"$BOX/containers.conf"
        chown -R "$RUNUID:$RUNGID" "$BOX"
        upod load -q -i "$BOX/image.tar"
}

teardown_file() {
        [ -n "${BOX:-}" ] || return 0
        upod rm -f -t 0 -a >/dev/null 2>&1 || :
        upod unshare rm -rf "$HOME/.local" 2>/dev/null || :
        # The process that keeps the user namespace of Podman.
        kill $(pgrep -U "$RUNUID") || :
        suite_end
}

setup() { name=$WORD-$BATS_TEST_NUMBER; }

teardown() { upod rm -f -t 0 -a >/dev/null 2>&1 || :; }

as_user() {
        setpriv --reuid "$RUNUID" --regid "$RUNGID" --init-groups env -C / -i PATH="$PATH" HOME="$HOME" \
                XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" CONTAINERS_CONF="$BOX/containers.conf" TERM=xterm "$@"
}

upod() { as_user timeout -k 5 "$(limit_s)" podman "$@" 3>&-; }

state_of() { upod inspect --format '{{.State.Status}}' "$1"; }

# bats test_tags=sample
@test "run: root inside, an ordinary user outside" {
        run -0 upod run --rm --network none "$IMAGE" sh -c 'id -u; cat /proc/self/uid_map | tr -s " "'
        same "$output" $'0\n 0 '"$RUNUID"$' 1\n 1 500000 65536'
}

@test "run: exit statuses" {
        run -7 upod run --rm --network none "$IMAGE" sh -c 'exit 7'
        run -126 upod run --rm --network none "$IMAGE" /etc/passwd
        run -127 upod run --rm --network none "$IMAGE" /no/such/program
} 2>/dev/null

@test "run -u, -w, -e, -v" {
        mkdir "$HOME/share" && chown "$RUNUID:$RUNGID" "$HOME/share"
        run -0 upod run --rm --network none -u alice -w /var -e COLOUR=blue "$IMAGE" sh -c 'echo $(id -un) $PWD $COLOUR'
        same "$output" 'alice /var blue'
        upod run --rm --network none -v "$HOME/share:/share" "$IMAGE" sh -c 'echo words >/share/file'
        same "$(stat -c %u "$HOME/share/file") $(cat "$HOME/share/file")" "$RUNUID words"
}

@test "--userns keep-id: the same user inside" {
        run -0 upod run --rm --network none --userns keep-id "$IMAGE" sh -c 'id -u; id -g'
        same "$output" "$RUNUID"$'\n'"$RUNGID"
}

@test "-d, exec, logs, stop" {
        upod run -d --name "$name" --network none "$IMAGE" sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
        await 60 eval 'upod logs "$name" | grep -q up'
        run -3 upod exec "$name" sh -c 'echo inside; exit 3'
        same "$output" inside
        run -0 upod exec -u alice "$name" id -u
        same "$output" 1000
        upod stop "$name"
        same "$(upod inspect --format '{{.State.ExitCode}}' "$name")" 9
}

@test "-it: a terminal" {
        run -5 on_terminal setpriv --reuid "$RUNUID" --regid "$RUNGID" --init-groups env -C / \
                CONTAINERS_CONF="$BOX/containers.conf" podman run --rm -it --network none "$IMAGE" sh -c 'tty; exit 5' </dev/null
        has "$output" /dev/pts/0
}

@test "a read-only root, temporary file systems, capabilities, seccomp" {
        run -0 upod run --rm --network none --read-only --tmpfs /cache:size=1m --cap-drop all "$IMAGE" sh -c '
                touch /x 2>/dev/null || echo read-only; touch /cache/x; grep -E "CapEff|Seccomp:" /proc/self/status'
        same "$output" $'read-only\nCapEff:\t0000000000000000\nSeccomp:\t2'
}

@test "cp, top, kill, restart" {
        upod run -d --name "$name" --network none "$IMAGE" sleep 600
        upod cp "$name:/etc/passwd" "$HOME/passwd"
        grep -q ^alice "$HOME/passwd"
        upod top "$name" args | grep -q 'sleep 600'
        upod restart -t 0 "$name"
        same "$(state_of "$name")" running
        upod kill "$name"
        same "$(upod wait "$name")" 137
}

@test "a pod" {
        upod pod create --name "$name" --network none --hostname shared --share uts,net,ipc
        run -0 upod run --rm --pod "$name" "$IMAGE" hostname
        same "$output" shared
        upod pod rm -f -t 0 "$name"
}

@test "a network of slirp4netns" {
        [ -c /dev/net/tun ] || skip 'there is no /dev/net/tun'
        run -0 upod run --rm --network slirp4netns "$IMAGE" ls /sys/class/net
        has "$output" tap0
}

@test "limits" {
        is_v2 || skip 'Podman sets none for ordinary users on cgroup v1'
        delegated || skip 'nobody has delegated a cgroup to the user'
        run -0 upod run --rm --network none --memory 64m --pids-limit 77 "$IMAGE" cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
        same "$output" $'67108864\n77'
}

delegated() { [ -w "/sys/fs/cgroup/user.slice/user-$RUNUID.slice/user@$RUNUID.service/cgroup.procs" ]; }
