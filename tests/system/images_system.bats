#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The store as a whole: what it takes of the disk, and whether it is as it should be.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other programs' words
load images_helper

two_images() {
        archive one.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1" * 300000); add("b", link="etc/a", type="link")'
        archive two.tar 'add("etc/b", b"2" * 100000)'
        layout tool "$box/one.tar" "$box/two.tar"
        layout other "$box/one.tar"
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:other"
}

taken() { du -B1 -s "$@" | awk '{ sum += $1 } END { print sum + 0 }'; }

@test 'system df: what du says' {
        run -0 husk system df --format '{{.Type}} {{.TotalCount}} {{.Bytes}}'
        same "$output" $'Images 0 0\nContainers 0 0'
        two_images
        husk tag localhost/layout:tool again
        husk run --name work --network none host sh -c 'echo x >/var/tmp/x' || :
        run -0 husk system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Bytes}}'
        same "$output" "Images 2 0 $(taken "$store/images" "$store/layers")
Containers 1 0 $(taken "$store/containers")"
        run -0 husk system df
        [[ ${lines[0]} =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE$ ]]
        [[ ${lines[2]} =~ ^Containers\ .*\([0-9]+%\)$ ]]
        run -0 husk system df --format json
        same "$(jq -rs 'map(.Type) | join(",")' <<<"$output")" Images,Containers
        # What two images share is what one of them has more than its own.
        run -0 husk system df -v
        [[ $output =~ localhost/layout\ +other\ +[0-9a-f]{12}\ .*B\ +0$'\n' ]]
        has "$output" work
        run -0 husk system df -v --format json
        same "$(jq -r '[keys[], .Images[].Tag, .Containers[].Names] | join(" ")' <<<"$output")" 'Containers Images tool other latest work'
        same "$(jq -r '.Images[] | select(.Tag == "other").ID' <<<"$output")" "$(husk images -q localhost/layout:other)"
        run -1 husk system df -v --format '{{.ID}}'
        has "$output" 'json alone goes with it'
}

@test 'system check: what is whole, and what is not' {
        run -0 husk system check
        same "$output" ''
        two_images
        run -0 husk system check
        same "$output" ''
        blob=$store/images/blobs/sha256/$(digest_of "$box/one.tar")
        cp "$blob" "$box/kept"
        printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
        run -0 husk system check --quick
        run -1 husk system check
        has "$output" \
                "image localhost/layout:tool: blob sha256:${blob##*/}: its content has another digest"
        same "${#lines[@]}" 1 # once, although two images have it
        truncate -s 10 "$blob"
        run -1 husk system check --quick
        has "$output" 'it has 10 bytes instead of'
        # Repaired, the next pull fetches it anew.
        run -1 husk system check --repair
        [ ! -e "$blob" ]
        run -1 husk system check
        has "$output" 'it is missing'
        husk pull -q "oci:$box/layout:tool"
        cmp "$blob" "$box/kept"
        run -0 husk system check
        store_is_whole
        rm "$store/layers/$(digest_of "$box/two.tar")/layer.json"
        run -1 husk system check
        has "$output" "layer sha256:$(digest_of "$box/two.tar"): its record, layer.json, is missing or damaged"
        run -1 husk system check --repair
        husk pull -q "oci:$box/layout:tool"
        run -0 husk system check
        store_is_whole
}

@test 'system check: a layer image in which a byte has changed' {
        two_images
        hex=$(digest_of "$box/two.tar")
        image=$store/layers/$hex/fs.erofs
        [ -e "$image" ] || skip 'layers are directories here'
        run -0 husk system check
        cp "$image" "$box/whole"
        at=$(($(stat -c %s "$image") - 20)) # of the last inode's content, or its name
        printf '\377' | dd of="$image" bs=1 seek=$at conv=notrunc status=none
        not cmp -s "$image" "$box/whole"
        run -0 husk system check --quick
        run -1 husk system check
        has "$output" "layer sha256:$hex: its image is not what its blob gives"
        same "${#lines[@]}" 1
        run -1 husk system check --repair
        [ ! -e "$image" ]
        husk pull -q "oci:$box/layout:tool"
        cmp "$image" "$box/whole"
        run -0 husk system check
        truncate -s -4096 "$image"
        run -1 husk system check
        has "$output" 'its image is not what its blob gives'
        run -1 husk system check --repair
        husk pull -q "oci:$box/layout:tool"
        store_is_whole
}

@test 'system check: a damaged blob of no image would be in the next pull' {
        two_images
        for blob in "$store"/images/blobs/sha256/*; do truncate -s -1 "$blob"; done
        run -1 husk system check --repair
        has "$output" "blob sha256:$(digest_of "$box/two.tar"): its content has another digest"
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:other"
        run -0 husk system check
        store_is_whole
}

@test 'system check: a blob of no image that is nearly nothing but holes is not read' {
        two_images
        blob=$store/images/blobs/sha256/$(printf '%064d' 0)
        truncate -s 1T "$blob"
        printf x | dd of="$blob" bs=1 seek=1000000 conv=notrunc status=none
        run -1 timeout 20 "$husk" "${flags[@]}" system check
        same "$output" "blob sha256:${blob##*/}: of its 1099511627776 bytes nearly none are on the disk"
        run -1 timeout 20 "$husk" "${flags[@]}" system check --repair
        [ ! -e "$blob" ]
        # Holes alone are no damage.
        truncate -s 8M "$box/zeros"
        blob=$store/images/blobs/sha256/$(digest_of "$box/zeros")
        cp --sparse=always "$box/zeros" "$blob"
        run -0 husk system check
        rm "$blob"
        # Nor is it waited for a pipe.
        mkfifo "$blob"
        run -1 timeout 20 "$husk" "${flags[@]}" system check
        has "$output" "blob sha256:${blob##*/}: it cannot be opened"
        rm "$blob"
        store_is_whole
}

@test 'system check: documents that are damaged; containers without their layers' {
        two_images
        id=$(husk images -q --no-trunc localhost/layout:other)
        echo '{' >"$store/images/blobs/sha256/${id#sha256:}"
        run -1 husk system check
        has "$output" "image localhost/layout:other: blob $id: it has 2 bytes instead of"
        run -1 husk system check --repair
        husk pull -q "oci:$box/layout:other"
        run -0 husk system check
        manifest=$(jq -r '.manifests[0].digest' "$store/images/index.json")
        : >"$store/images/blobs/sha256/${manifest#sha256:}"
        run -1 husk system check --repair
        has "$output" "blob $manifest: it has 0 bytes"
        husk pull -q "oci:$box/layout:tool"
        run -0 husk system check
        store_is_whole
        cp /bin/busybox "$box/busybox"
        tar -C "$box" -cf "$box/root.tar" busybox
        husk import "$box/root.tar" base
        husk run --name work --network none base /busybox true
        hex=$(digest_of "$box/root.tar")
        mv "$store/layers/$hex" "$box/away"
        run -1 husk system check --quick
        has "$output" "its layer sha256:$hex is missing"
        mv "$box/away" "$store/layers/$hex"
        run -0 husk system check --quick
}
