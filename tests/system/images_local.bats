#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images from a layout in a directory: pull, images, tag, rmi, prune; names and ids.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

two_layers() {
        archive one.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1"); add("gone", b"x")'
        archive two.tar 'add("etc/b", b"22"); add(".wh.gone"); add("set", b"id", mode=0o4755, uid=7)'
        layout tool "$box/one.tar" "$box/two.tar"
}

@test 'pull: an image of two layers, unpacked apart' {
        digest=$(two_layers)
        run -0 --separate-stderr husk pull "oci:$box/layout:tool"
        same "$output" "Digest: $digest"$'\nStatus: new here\nlocalhost/layout:tool'
        has "$stderr" "$(digest_of "$box/one.tar" | cut -c-12)  done"
        store_is_whole
        one=$store/layers/$(digest_of "$box/one.tar") two=$store/layers/$(digest_of "$box/two.tar")
        layer_fs "${one##*/}"
        same "$(cat "$fs/etc/a")" 1
        layer_fs "${two##*/}"
        same "$(stat -c '%a %u %Y' "$fs/set")" '4755 7 1600000000'
        same "$(stat -c '%F %t:%T' "$fs/gone")" 'character special file 0:0'
        same "$(jq -c . "$two/layer.json")" '{"size":4,"entries":3}'
        run -0 --separate-stderr husk pull -q "oci:$box/layout:tool"
        same "$output$stderr" localhost/layout:tool
        run -0 --separate-stderr husk pull "oci:$box/layout:tool"
        has "$output" 'was here already'
        run -0 husk images
        same "${#lines[@]}" 2
        [[ ${lines[1]} =~ ^localhost/layout\ +tool\ +[0-9a-f]{12}\ +[0-9]+\ years\ ago\ +6B$ ]]
}

@test 'pull: other programs read the store as it is' {
        digest=$(two_layers)
        husk pull -q "oci:$box/layout:tool"
        run -0 skopeo inspect --format '{{.Digest}}' "oci:$store/images:localhost/layout:tool"
        same "$output" "$digest"
        umoci unpack --image "$store/images:localhost/layout:tool" "$box/bundle"
        same "$(cat "$box/bundle/rootfs/etc/b")" 22
        [ ! -e "$box/bundle/rootfs/gone" ]
}

@test 'pull: what names mean, and what is not there' {
        two_layers
        run -0 husk pull -q "oci:$box/layout" # the only one there is
        same "$output" localhost/layout:latest
        layout docker.io/library/other:1 "$box/one.tar"
        run -1 husk pull -q "oci:$box/layout"
        has "$output" 'several images: say which'
        has "$output" 'names there: tool, docker.io/library/other:1'
        run -0 husk pull -q "oci:$box/layout:docker.io/library/other:1"
        same "$output" docker.io/library/other:1
        run -1 husk pull -q "oci:$box/layout:none"
        has "$output" 'no image is called so there'
        run -1 husk pull -q oci:/nonexistent
        has "$output" 'No such file or directory'
        mkdir "$box/empty"
        run -1 husk pull -q "oci:$box/empty"
        has "$output" 'cannot read'
        run -1 husk pull -q 'no such name'
        store_is_whole
}

@test 'pull: the platform that was asked for' {
        archive one.tar 'add("a", b"1")'
        layout arm --arch arm64 "$box/one.tar"
        run -0 husk pull -q "oci:$box/layout"
        has "$output" 'is for linux/arm64, and this is'
        run -0 husk pull -q --platform linux/arm64 "oci:$box/layout"
        run -1 husk pull -q --platform linux/s390x "oci:$box/layout"
        has "$output" 'is for linux/arm64, not for linux/s390x'
        run -1 husk pull -q --platform ns/1/2/3 "oci:$box/layout"
        # An index of several is a document of its own.
        jq '.manifests |= map(.platform = {"architecture": "arm64", "os": "linux"} | del(.annotations))' \
                "$box/layout/index.json" >"$box/inner"
        inner=$(digest_of "$box/inner")
        cp "$box/inner" "$box/layout/blobs/sha256/$inner"
        jq -n --arg d "sha256:$inner" --argjson s "$(stat -c %s "$box/inner")" '{schemaVersion: 2, manifests: [
                {mediaType: "application/vnd.oci.image.index.v1+json", digest: $d, size: $s}]}' >"$box/layout/index.json"
        run -1 husk pull -q --platform linux/amd64 "oci:$box/layout"
        has "$output" 'is not there for linux/amd64'
        has "$output" 'hint: it is there for: linux/arm64'
        run -0 husk pull --platform arm64 "oci:$box/layout"
        has "$output" "Digest: sha256:$inner"
        run -0 husk images --digests --no-trunc
        has "$output" "sha256:$inner"
        store_is_whole
}

@test 'images: columns, filters, formats' {
        two_layers
        layout docker.io/library/other:1 --config '{"created":"2023-01-01T00:00:00Z"}' "$box/one.tar"
        run -0 husk images -q
        same "$output" ''
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:docker.io/library/other:1"
        run -0 husk images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.Containers}}'
        same "$output" $'localhost/layout:tool 6B 0\nother:1 2B 0'
        run -0 husk images other --format '{{.Tag}}'
        same "$output" 1
        run -0 husk images other:2 -q
        same "$output" ''
        run -0 husk image ls --filter 'reference=localhost/*' --format '{{.Tag}}'
        same "$output" tool
        run -1 husk images --filter nonsense=1
        has "$output" 'none that is known'
        husk tag other:1 localhost/layout:tool # takes the name away
        run -0 husk images --filter dangling=true --format '{{.Repository}} {{.Tag}} {{.Size}}'
        same "$output" '<none> <none> 6B'
        run -0 husk images -f dangling=false --format json
        same "$(jq -rs 'map(.Repository + ":" + .Tag) | sort | join(" ")' <<<"$output")" 'localhost/layout:tool other:1'
        run -0 husk prune
        has "$output" Deleted:
        has "$output" 'Total reclaimed space: 6B'
        same "$(layers)" "$(digest_of "$box/one.tar")"
        store_is_whole
}

@test 'rmi: names first, then the image; layers that others need stay' {
        two_layers
        layout other "$box/one.tar"
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:other"
        husk tag localhost/layout:tool again
        run -1 husk tag again name@sha256:0000000000000000000000000000000000000000000000000000000000000000
        run -0 husk rmi again
        same "$output" 'Untagged: again:latest'
        id=$(husk images -q localhost/layout:tool)
        husk tag "$id" again
        run -1 husk rmi "$id"
        has "$output" 'has 2 names'
        run -1 husk rmi nothing localhost/layout:other
        has "$output" "there is no image 'nothing' here"
        has "$output" 'Untagged: localhost/layout:other' # all the same
        same "$(layers | wc -l)" 2
        run -0 husk image rm --force "${id:0:6}"
        has "$output" "Untagged: localhost/layout:tool"$'\n'"Untagged: again:latest"$'\n'"Deleted: sha256:$id"
        store_is_empty
}

# An image with a program in it.
with_shell() {
        local shell
        shell=$(command -v busybox) || skip 'needs busybox'
        mkdir -p "$box/root/bin"
        cp "$shell" "$box/root/bin/busybox"
        ln -sf busybox "$box/root/bin/sleep"
        tar -C "$box/root" -cf "$box/shell.tar" .
        layout shell "$box/shell.tar"
        husk pull -q "oci:$box/layout:shell"
}

@test 'rmi: an image of which a container is made says which' {
        with_shell
        husk run -d --name user localhost/layout:shell sleep 1000 >"$box/id"
        container=$(cat "$box/id")
        run -1 husk rmi localhost/layout:shell
        has "$output" "is used by user (${container:0:12}, running)"
        run -1 husk rmi --force localhost/layout:shell
        run -0 husk images --format '{{.Containers}}'
        same "$output" 1
        run -0 husk prune --all
        same "$output" 'Total reclaimed space: 0B'
        husk stop -t 0 user
        run -1 husk rmi localhost/layout:shell
        # The image may go, but not what the container stands on.
        husk rmi --force localhost/layout:shell
        same "$(blobs)" ''
        same "$(layers)" "$(digest_of "$box/shell.tar")"
        husk rm user
        husk prune
        store_is_empty
}

@test 'what a killed pull has left goes, and its layers are fetched once' {
        archive big.tar 'add("zero", bytes(100000000))'
        layout big "$box/big.tar" "$box/big.tar"
        making=$store/tmp/$(digest_of "$box/big.tar")
        husk_client pull -q "oci:$box/layout"
        # Without a pause: the file is there for some tenths of a second.
        until [ -s "$making" ]; do kill -0 "$client"; done
        kill -KILL "$client"
        wait "$client" || :
        # Its processes die with it; the next command that makes something finds no lock.
        await eval '[ -z "$(our_processes)" ]'
        husk prune
        store_is_empty
        # Two at the same time.
        "$husk" "${flags[@]}" pull -q "oci:$box/layout" >"$box/one" 3>&- &
        one=$!
        "$husk" "${flags[@]}" pull -q "oci:$box/layout" >"$box/two" 3>&- &
        two=$!
        wait "$one"
        wait "$two"
        same "$(cat "$box/one" "$box/two")" $'localhost/layout:latest\nlocalhost/layout:latest'
        husk prune
        store_is_whole
}
