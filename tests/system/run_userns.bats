#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run` in a user namespace: the files of the root, of the image `host` and of a directory, have
# the owners that the container's ids stand for.

# shellcheck disable=SC2154,SC2016,SC2034 # set by bats and the helper; other shells' words
load engine_helper

# The container's ids have to get to the store.
setup() {
        engine_setup
        open_way "$box"
}

maps=(--uidmap 0:100000:65536 --gidmap 0:200000:65536)

maps_layers() {
        local major minor
        IFS=. read -r major minor _ < <(uname -r)
        ((major > 6 || (major == 6 && ${minor%%[!0-9]*} >= 15)))
}
needs_mapped_layers() {
        maps_layers || skip 'mapped layers of an overlay are since Linux 6.15'
}

@test 'the image host, on a kernel that maps no layers: it runs, and that is said' {
        ! maps_layers || skip 'this kernel maps them'
        run -0 --separate-stderr husk run --rm "${maps[@]}" host sh -c 'id -u; stat -c %u /etc/passwd'
        same "$output" $'0\n65534'
        has "$stderr" 'mapped layers are since Linux 6.15'
}

@test 'the image host: its root is the container'\''s root' {
        needs_mapped_layers
        same "$(husk run --rm "${maps[@]}" host stat -c %u:%g:%a / /etc/passwd)" \
                "$(stat -c %u:%g:%a / /etc/passwd)"
        run -0 husk run --rm "${maps[@]}" host sh -c '
                touch /made && chown 5:6 /made && stat -c %u:%g /made
                chown 7 /etc/passwd && stat -c %u /etc/passwd
                mkdir /etc/made.d && rmdir /etc/made.d && rm /etc/hostname 2>/dev/null; echo done'
        same "$output" $'5:6\n7\ndone'
        same "$(stat -c %u /etc/passwd)" 0
        [ ! -e /made ]
}

@test 'the image host: what is written has ids of the range' {
        needs_mapped_layers
        local id upper
        id=$(husk run -d --name kept "${maps[@]}" host sh -c 'echo x >/made; chown 5:6 /made; sleep 300')
        upper=$(husk inspect kept | jq -r '.[0].Layers[0].UpperDir')
        await exists "$upper/made"
        await eval '[ "$(stat -c %u:%g '"$upper"'/made)" = 100005:200006 ]'
        same "$(stat -c %u:%g "$upper")" 100000:200000
        same "$(husk exec kept stat -c %u:%g /made)" 5:6
        has "$(husk diff kept)" 'A /made'
        husk rm -f kept
        [ ! -e "$upper" ]
}

@test 'the image host: places for mounts are made' {
        needs_mapped_layers
        mkdir "$box/volume"
        echo inside >"$box/volume/file"
        same "$(husk run --rm "${maps[@]}" -v "$box/volume:/no/such/place" host cat /no/such/place/file)" inside
}

@test 'a user namespace that is joined maps the same' {
        needs_mapped_layers
        husk run -d --name first "${maps[@]}" host sleep 300
        same "$(husk run --rm --userns container:first host sh -c 'touch /made && stat -c %u:%g / /made')" $'0:0\n0:0'
}

@test '--rootfs: of the host'\''s root, or of the container'\''s already' {
        mkdir -p "$box/root/bin" "$box/volume"
        cp "$(command -v busybox)" "$box/root/bin/busybox"
        chown -R 0:0 "$box/root"
        run -0 husk run --rm "${maps[@]}" --rootfs "$box/root" -v "$box/volume:/new" /bin/busybox sh -c '
                echo x >/made; /bin/busybox chown 5:6 /made
                /bin/busybox stat -c %u:%g / /made'
        same "$output" $'0:0\n5:6'
        same "$(stat -c %u:%g "$box/root/made")" 5:6
        [ -d "$box/root/new" ]
        rm -r "$box/root/made" "$box/root/new"
        chown -R 100000:200000 "$box/root"
        run -0 husk run --rm "${maps[@]}" --rootfs "$box/root" -v "$box/volume:/new" /bin/busybox sh -c '
                echo x >/made; /bin/busybox chown 5:6 /made
                /bin/busybox stat -c %u:%g / /made'
        same "$output" $'0:0\n5:6'
        same "$(stat -c %u:%g "$box/root/made")" 100005:200006
}

@test '--rootfs: nothing mounted inside is seen outside' {
        mkdir -p "$box/root/bin" "$box/root/tmp"
        cp "$(command -v busybox)" "$box/root/bin/busybox"
        local before
        before=$(cut -d' ' -f5 /proc/self/mountinfo | sort)
        run -0 husk run --rm "${maps[@]}" --cap-add SYS_ADMIN --security-opt seccomp=unconfined \
                --security-opt apparmor=unconfined --rootfs "$box/root" /bin/busybox sh -c '
                /bin/busybox mount -t tmpfs none /tmp && /bin/busybox grep -c " /tmp " /proc/mounts'
        same "$output" 1
        same "$(cut -d' ' -f5 /proc/self/mountinfo | sort)" "$before"
}
