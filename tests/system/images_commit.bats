#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images that are made here: commit, import; and export. Other programs read what husk wrote, and it reads theirs.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

# $box/root.tar: a root that can run things.
root() {
        local dir=$box/root
        mkdir -p "$dir"/{bin,etc,tmp,data,gone}
        cp /bin/busybox "$dir/bin/busybox"
        busybox sh -c 'cd "$0" && for name; do ln busybox "$name"; done' "$dir/bin" \
                sh cat ls sleep echo true touch rm mkdir ln chmod stat env id dd mkfifo rmdir
        printf 'root:x:0:0:root:/root:/bin/sh\n' >"$dir/etc/passwd"
        echo old >"$dir/data/old"
        echo x >"$dir/gone/x"
        tar -C "$dir" --numeric-owner -cf "$box/root.tar" .
}

imported() {
        root
        run -0 husk import "$@" "$box/root.tar" base:1
        [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
}

@test 'import: a tar file becomes an image, and what it runs' {
        imported -c 'CMD ["cat", "/data/old"]' -c 'ENV A=1 B="x y"' -c 'LABEL role=base' -m first
        store_is_whole
        run -0 husk run --rm --network none base:1
        same "$output" old
        run -0 husk inspect -f '{{.Config.Env}} {{.Config.Labels.role}} {{.Comment}} {{.Os}}' base:1
        same "$output" '[A=1 B=x y] base first linux'
        # The file is the layer; others read the image in place.
        same "$(husk inspect -f '{{index .RootFS.Layers 0}}' base:1)" "sha256:$(digest_of "$box/root.tar")"
        umoci unpack --image "$store/images:docker.io/library/base:1" "$box/bundle"
        same "$(cat "$box/bundle/rootfs/data/old")" old
        run -0 husk history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' base:1
        same "$output" "husk import $box/root.tar|first"
}

@test 'import: gzip and zstd, from a pipe; what is none of them' {
        root
        gzip -kc "$box/root.tar" >"$box/root.tgz"
        zstd -qc "$box/root.tar" >"$box/root.tzst"
        husk import - one <"$box/root.tgz"
        cat "$box/root.tzst" | husk import - two
        for name in one two; do
                same "$(husk inspect -f '{{index .RootFS.Layers 0}}' "$name")" "sha256:$(digest_of "$box/root.tar")"
                same "$(husk run --rm --network none "$name" cat /data/old)" old
        done
        same "$(layers | wc -l)" 1 # one content, however it is packed
        store_is_whole
        skopeo inspect --raw "oci:$store/images:docker.io/library/two:latest" | grep -q tar+zstd
        xz -kc "$box/root.tar" >"$box/root.txz"
        run -1 husk import "$box/root.txz"
        has "$output" 'hint: give it through xz -dc'
        head -c 3000 "$box/root.tgz" >"$box/cut"
        run -1 husk import "$box/cut"
        has "$output" "$box/cut"
        head -c 5000 /dev/urandom >"$box/noise"
        run -1 husk import "$box/noise"
        : >"$box/empty"
        run -1 husk import "$box/empty"
        has "$output" 'it is empty'
        run -1 husk import https://example.org/root.tar
        has "$output" 'hint: curl'
        run -1 husk import "$box/root.tar" 'No Name'
        run -1 husk import -c 'RUN true' "$box/root.tar"
        has "$output" "--change 'RUN true'"
        store_is_whole
}

@test 'commit: what a container has changed becomes a layer' {
        imported -c 'CMD ["sh"]' -c 'ENV A=1'
        husk run --name work --network none -e C=3 --label who=me base:1 sh -c '
                echo new >/data/new; rm /data/old; rm -r /gone; mkdir /gone; echo y >/gone/y; chmod 6751 /data/new
                ln /data/new /data/twin; ln -s /data/new /link; mkfifo /data/pipe; chmod 1770 /data
                dd if=/dev/zero of=/data/holes bs=1 count=1 seek=3000000 2>/dev/null; echo z >"/data/a  b$(echo -e "\n\x01")é"'
        run -0 husk commit -a Ann -m 'by hand' -c 'WORKDIR /data' -c 'USER 0:0' -c 'EXPOSE 80' work made:1
        [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
        store_is_whole
        run -0 husk inspect made:1
        same "$(jq -c '.[0] | [.Author, .Comment, .Config.WorkingDir, .Config.User, (.Config.ExposedPorts | keys[0]),
                .Config.Labels.who, (.Config.Cmd[0:2] | join(" ")), (.Config.Env | index("A=1"), index("C=3") != null)]' <<<"$output")" \
                '["Ann","by hand","/data","0:0","80/tcp","me","sh -c",0,true]'
        run -0 husk run --rm --network none made:1 sh -c 'cat /data/new /gone/y; ls /data /gone; stat -c "%a %h" new; stat -c %s holes'
        has "$output" $'6751 2\n3000001'
        blob=$(husk inspect -f '{{index .RootFS.Layers 1}}' made:1)
        [ "$(stat -c %s "$store/images/blobs/sha256/${blob#sha256:}")" -lt 100000 ] # holes are none of its bytes
        not has "$output" old
        # Another reader sees the same.
        umoci unpack --image "$store/images:docker.io/library/made:1" "$box/bundle"
        [ ! -e "$box/bundle/rootfs/data/old" ] && [ ! -e "$box/bundle/rootfs/gone/x" ]
        same "$(stat -c '%a %h' "$box/bundle/rootfs/data/new")" '6751 2'
        # The same changes make the same layer.
        husk commit work made:2
        same "$(husk inspect -f '{{index .RootFS.Layers 1}}' made:2)" "$(husk inspect -f '{{index .RootFS.Layers 1}}' made:1)"
        run -0 husk history made:1 --format '{{.Comment}}'
        same "${lines[0]}" 'by hand'
        # A base whose history says nothing: its layers are not told as ours.
        umoci init --layout "$box/mute"
        umoci new --image "$box/mute:1"
        umoci insert --no-history --image "$box/mute:1" /bin/busybox /bin/sh
        umoci insert --no-history --image "$box/mute:1" /bin/busybox /bin/touch
        husk pull -q "oci:$box/mute:1"
        husk run --name of-mute localhost/mute:1 /bin/sh -c 'echo 1 >/one'
        husk commit -m ours of-mute made:3
        run -0 husk history --human=false --format '{{.Comment}} {{.Size}}' made:3
        same "${#lines[@]} ${lines[0]}" '3 ours 2'
}

@test 'commit: places of mounts are no changes; a stranger'\''s files go nowhere' {
        imported
        husk run --name work --network none -v "$box:/mnt/box" base:1 sh -c \
                'mkdir -p /a/b; ln -s /etc/passwd /a/b/out; ln -s ../../../../../../etc/shadow /a/up; touch /a/.wh.etc; echo 1 >/a/file'
        run -0 husk commit work made
        has "$output" "'a/.wh.etc' was left out"
        blob=$(husk inspect -f '{{index .RootFS.Layers 1}}' made)
        tar -tf "$store/images/blobs/sha256/${blob#sha256:}" >"$box/names"
        same "$(cat "$box/names")" $'./\na/\na/b/\na/b/out\na/file\na/up\netc/\nmnt/'
        store_is_whole
}

# The attribute is that of ordinary users' overlays: root's do not look at it, so whoever owns the directory may set it.
@test 'commit and diff: an attribute that a container has set hides no file' {
        imported
        husk run -d --name work --network none base:1 sh -c 'touch /data/new; touch /ready; exec sleep 1000'
        await husk exec work stat /ready
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.overlay.opaque", b"y")' \
                "/proc/$(husk inspect -f '{{.State.Pid}}' work)/root/data"
        same "$(husk exec work ls /data)" $'new\nold'
        not has "$(husk diff work)" 'D /data/old'
        husk commit work made
        same "$(husk run --rm --network none made ls /data)" $'new\nold'
        # The upper layer's own root, as the layers of a mount.
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.overlay.opaque", b"y")' \
                "/proc/$(husk inspect -f '{{.State.Pid}}' work)/root"
        has "$(husk export work | tar -t)" data/old
}

# owners FILE: of an archive, as its reader has them.
owners() { tar --numeric-owner -tvf "$1" | awk '{ print $2, $6 }' | grep -E 'new|old|root-made|data/$' | sort; }

@test 'commit and export: the ids of a user namespace are those of its container' {
        root
        open_way "$box"
        # Ids of an image that are none of the container's, although the host counts the container's so.
        chown 100003:200003 "$box/root/data/old"
        tar -C "$box/root" --numeric-owner -cf "$box/root.tar" .
        husk import "$box/root.tar" base:1
        husk run -d --name work --network none --uidmap 0:100000:65536 --gidmap 0:200000:65536 base:1 sh -c \
                'echo 1 >/data/new; busybox chown 7:8 /data/new; mkdir /root-made; touch /ready; exec sleep 1000'
        await husk exec work stat /ready
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "security.capability", bytes.fromhex("0100000300200000" + 12 * "00" + "a0860100"))' \
                "/proc/$(husk inspect -f '{{.State.Pid}}' work)/root/ready"
        same "$(husk exec work stat -c '%u:%g' /data /data/new /data/old /root-made)" $'0:0\n7:8\n65534:65534\n0:0'
        husk export -o "$box/out.tar" work
        same "$(owners "$box/out.tar")" $'0/0 data/\n0/0 root-made/\n100003/200003 data/old\n7/8 data/new'
        husk commit work made
        blob=$(husk inspect -f '{{index .RootFS.Layers 1}}' made)
        same "$(owners "$store/images/blobs/sha256/${blob#sha256:}")" $'0/0 data/\n0/0 root-made/\n7/8 data/new'
        same "$(husk run --rm --network none made stat -c '%u:%g' /data/new /root-made /ready)" $'7:8\n0:0\n0:0'
        layer_fs "${blob#sha256:}"
        same "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.capability").hex())' "$fs/ready")" \
                0100000200200000000000000000000000000000
        # In another range it is root's again, there.
        same "$(husk run --rm --network none --uidmap 0:300000:65536 made stat -c '%u:%g' /data/new /root-made)" $'7:8\n0:0'
        husk run --name joined --network none --userns container:work base:1 true
        for words in 'commit joined no' 'export joined'; do
                # shellcheck disable=SC2086 # words
                run -1 husk $words
                has "$output" "'joined' is in a user namespace that is not its own"
        done
}

@test 'commit: a running container stops meanwhile and goes on' {
        imported
        husk run -d --name work --network none base:1 sleep 1000
        husk commit work made
        is_state work running
        husk commit --pause=false --format docker work again
        same "$(jq -r '.manifests[-1].mediaType' "$store/images/index.json")" \
                application/vnd.docker.distribution.manifest.v2+json
        # Who is killed leaves no frozen container: the layer's file never ends.
        husk exec work sh -c 'dd if=/dev/zero of=/big bs=1048576 count=300 2>/dev/null'
        "$husk" "${flags[@]}" commit work killed 3>&- &
        await is_state work paused
        kill -9 $!
        wait $! || :
        await is_state work running
        husk rm -f work
        husk rmi again
        store_is_whole
}

@test 'commit: what cannot be' {
        imported
        husk run --name onhost --network none host true
        run -1 husk commit onhost made
        has "$output" 'is no image to build upon'
        mkdir -p "$box/dir" && tar -C "$box/dir" -xf "$box/root.tar"
        husk run --name ondir --network none --rootfs "$box/dir" true
        run -1 husk commit ondir made
        has "$output" 'hint: husk export writes it as a tar file'
        husk run --name work --network none base:1 true
        run -1 husk commit work 'Bad Name'
        for bad in 'CMD' 'ENV novalue' 'EXPOSE web' 'VOLUME data' 'LABEL a="b' 'FROM x' 'CMD [1]'; do
                run -1 husk commit -c "$bad" work made
                has "$output" "--change '$bad'"
        done
        husk rmi --force base:1
        run -1 husk commit work made
        has "$output" 'is not here any more'
        run -1 husk commit nothing made
        has "$output" "container 'nothing' does not exist"
}

@test 'export: the whole root, of one that runs, that has ended, and of a directory' {
        imported
        husk run -d --name work --network none base:1 sh -c 'echo new >/data/new; rm /data/old; touch /ready; exec sleep 1000'
        await husk exec work stat /ready
        husk export work >"$box/one.tar"
        same "$(tar -xOf "$box/one.tar" data/new)" new
        run -0 tar -tf "$box/one.tar"
        has "$output" bin/busybox
        not has "$output" data/old
        husk rm -f work
        husk run --name work --network none base:1 sh -c 'echo 2 >/data/second'
        husk export -o "$box/two.tar" work
        # There and back: the same files.
        husk import "$box/two.tar" back
        same "$(husk run --rm --network none back sh -c 'cat /data/old /data/second')" $'old\n2'
        run -0 podman --root "$box/podman" --runroot "$box/podman-run" --storage-driver vfs import -q "$box/two.tar" back
        mkdir -p "$box/dir" && tar -C "$box/dir" -xf "$box/root.tar"
        husk run --name ondir --network none --rootfs "$box/dir" true
        same "$(husk export ondir | tar -xO data/old)" old
        husk run --name onhost --network none host true
        run -1 husk export onhost
        has "$output" 'is made of this very system'
        run -1 husk export -o "$box/none/x" work
        has "$output" 'No such file or directory'
        same "$(grep -F "$store" /proc/self/mountinfo)" ''
}

# Each name was looked for in a list that was made anew for it: 600 variables took 856 MB.
@test 'commit: of an image with many variables and labels' {
        local words
        words=$(seq 1500 | awk '{ printf "V%s=%s ", $1, $1 }')
        imported -c "ENV $words A=1" -c "LABEL $words" -c 'CMD ["true"]'
        husk run --name one --network none -e V7=other -e NEW=1 --label V8=mine base:1
        (ulimit -v 120000 && timeout 20 "$husk" "${flags[@]}" commit one many:1)
        same "$(husk inspect -f '{{json .Config.Env}}' many:1 | jq -c '[length, .[6], .[1499], .[1500], .[1501]]')" \
                '[1503,"V7=other","V1500=1500","A=1","NEW=1"]'
        same "$(husk inspect -f '{{json .Config.Labels}}' many:1 | jq -c '[length, .V8, .V9]')" '[1500,"mine","9"]'
}
