#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: -v, --mount, --tmpfs, --shm-size, --read-only, --device, seen from inside.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

run_in() { husk run --rm "$@"; }
lacks() { [[ $1 != *"$2"* ]] || { printf '%s\nhas %s\n' "$1" "$2" && return 1; }; }
# what is mounted at DIR: its options and type
mount_of() { awk -v at="$1" '$5 == at { o = $6; t = ""; for (i = 7; i <= NF; i++) if ($i == "-") t = $(i + 1) " " $(i + 3); print o, t }'; }

@test '-v: read and write, read-only, missing sources, files' {
        mkdir "$box/data"
        echo hello >"$box/data/file"
        same "$(run_in -v "$box/data:/data" host cat /data/file)" hello
        run_in -v "$box/data:/data" host sh -c 'echo new >/data/other'
        same "$(cat "$box/data/other")" new
        run -1 run_in -v "$box/data:/data:ro" host touch /data/x
        has "$output" 'Read-only file system'
        same "$(run_in -v "$box/data/file:/etc/motd:ro" host cat /etc/motd)" hello
        run_in -v "$box/made/deep:/d" host touch /d/x
        [ -e "$box/made/deep/x" ]
        run -125 husk run --rm -v data:/d host true
        has "$output" "'data:/d' is not a value for --volume: named volumes"
}

@test '-v ro is read-only all the way down; bind-recursive says otherwise' {
        mkdir -p "$box/tree/sub"
        cat >"$box/nested" <<'S'
set -e
mount -t tmpfs tmpfs "$BOX/tree/sub"
h() { timeout 60 "$HUSK_BIN" --root "$BOX/store" --runroot "$BOX/run" run --rm "$@"; }
h -v "$BOX/tree:/t:ro" host sh -c 'touch /t/sub/x 2>/dev/null && echo deep-written; :'
h --mount "type=bind,src=$BOX/tree,dst=/t,ro,bind-recursive=writable" host sh -c 'touch /t/sub/x && echo writable; touch /t/y 2>/dev/null || echo above-not'
h --mount "type=bind,src=$BOX/tree,dst=/t,bind-recursive=disabled" host sh -c 'ls -A /t/sub; echo empty'
S
        BOX=$box HUSK_BIN=$husk run -0 unshare -m --propagation private bash "$box/nested"
        same "$output" $'writable\nabove-not\nempty'
}

@test '-v: flags and propagation' {
        mkdir "$box/data"
        run -0 run_in -v "$box/data:/data:noexec,nosuid" host cat /proc/self/mountinfo
        has "$(mount_of /data <<<"$output")" nosuid
        has "$(mount_of /data <<<"$output")" noexec
        run -125 husk run --rm -v "$box/data:/data:shiny" host true
        has "$output" "the option 'shiny' is none of"
}

@test '-v idmap: other owners inside' {
        mkdir "$box/data"
        touch "$box/data/file"
        chown 0:0 "$box/data/file"
        same "$(run_in -v "$box/data:/data:idmap=uids=0-1000-1;gids=0-100-1" host stat -c %u:%g /data/file)" 1000:100
        run -125 husk run --rm -v "$box/data:/data:idmap=uids=0" host true
        has "$output" 'idmap is expected'
}

@test '--mount: bind and tmpfs; a missing source is an error' {
        mkdir "$box/with,comma"
        echo hello >"$box/with,comma/file"
        same "$(run_in --mount "type=bind,\"src=$box/with,comma\",dst=/d,readonly" host cat /d/file)" hello
        run -125 husk run --rm --mount "type=bind,src=$box/none,dst=/d" host true
        has "$output" 'No such file or directory'
        [ ! -e "$box/none" ]
        run -0 run_in --mount type=tmpfs,dst=/d,tmpfs-size=1m,tmpfs-mode=1750 host sh -c \
                'stat -c %a /d; df -k --output=size /d | tail -n 1'
        same "$(tr -d ' ' <<<"$output")" $'1750\n1024'
        run -125 husk run --rm --mount src=/usr,dst=/d host true
        has "$output" 'say type=bind'
}

@test '--tmpfs: docker'\''s defaults, options, and over a default mount' {
        run -0 run_in --tmpfs /t host cat /proc/self/mountinfo
        has "$(mount_of /t <<<"$output")" nosuid,nodev,noexec
        run -0 run_in --tmpfs /t:exec,size=2m,mode=700 host sh -c \
                'cp /bin/true /t && /t/true && stat -c %a /t && df -k --output=size /t | tail -n 1'
        same "$(tr -d ' ' <<<"$output")" $'700\n2048'
        same "$(run_in --tmpfs /run:size=1m host sh -c 'df -k --output=size /run | tail -n 1' | tr -d ' ')" 1024
        run -125 husk run --rm --tmpfs /t:shiny host true
}

@test '--shm-size, --read-only' {
        same "$(run_in host df -k --output=size /dev/shm | tail -n 1 | tr -d ' ')" 65536
        same "$(run_in --shm-size 1m host df -k --output=size /dev/shm | tail -n 1 | tr -d ' ')" 1024
        run -1 run_in --read-only host touch /x
        has "$output" 'Read-only file system'
        run_in --read-only --tmpfs /t host touch /t/x
}

@test '--device: a node, another name, less access, a directory, what is none' {
        same "$(run_in --device /dev/zero:/dev/nought host stat -c '%t:%T %F' /dev/nought)" \
                '1:5 character special file'
        mkdir "$host/devices"
        mknod "$host/devices/tun" c 10 200
        run run_in --device "$host/devices/tun:/dev/one" host sh -c 'exec 3<>/dev/one'
        lacks "$output" 'not permitted'
        run -2 run_in --device "$host/devices/tun:/dev/one:w" host sh -c 'exec 3</dev/one'
        has "$output" 'Operation not permitted'
        same "$(run_in --device "$host/devices:/dev/all" host ls /dev/all)" tun
        run -125 husk run --rm --device /etc/passwd host true
        has "$output" '/etc/passwd is no device'
}

@test '--device-cgroup-rule' {
        run run_in --cap-add MKNOD --device-cgroup-rule 'c 10:200 rw' host sh -c \
                'mknod /dev/t c 10 200 && exec 3<>/dev/t'
        lacks "$output" 'not permitted'
        run -2 run_in --cap-add MKNOD host sh -c 'mknod /dev/t c 10 200 && exec 3<>/dev/t'
        has "$output" 'Operation not permitted'
        run -125 husk run --rm --device-cgroup-rule 'c 1 r' host true
}
