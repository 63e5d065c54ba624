#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images in archives: load and save, Docker's form and the OCI's, there and back, and those that lie.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

two_layers() {
        archive one.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1")'
        archive two.tar 'add("etc/b", b"22"); add("etc/.wh.a")'
        layout tool "$box/one.tar" "$box/two.tar"
}

@test 'load: an archive of docker save' {
        two_layers
        skopeo copy -q "oci:$box/layout:tool" "docker-archive:$box/docker.tar:example.org/some/tool:1"
        run -0 husk load -i "$box/docker.tar"
        has "$output" 'Loaded image: example.org/some/tool:1'
        same "$(layers)" "$(printf '%s\n' "$(digest_of "$box/one.tar")" "$(digest_of "$box/two.tar")" | sort)"
        store_is_whole
        run -0 husk load -q <"$box/docker.tar"
        same "$output" 'Loaded image: example.org/some/tool:1'
        id=$(husk images -q)
        run -0 husk rmi example.org/some/tool:1
        has "$output" "$id"
        store_is_empty
}

@test 'load: an image layout in a tar file, with names and without' {
        digest=$(two_layers)
        layout none --annotation io.containerd.image.name=docker.io/library/other:2 "$box/one.tar"
        tar -C "$box/layout" -cf "$box/some.tar" .
        run -0 husk load -q -i "$box/some.tar"
        same "$output" $'Loaded image: localhost/some:tool\nLoaded image: docker.io/library/other:2'
        run -0 husk images --digests --no-trunc localhost/some:tool
        has "$output" "$digest"
        jq 'del(.manifests[].annotations)' "$box/layout/index.json" >"$box/index"
        cp "$box/index" "$box/layout/index.json"
        tar -C "$box/layout" -cf "$box/some.tar" .
        husk rmi -f localhost/some:tool other:2
        store_is_empty
        run -0 husk load -q -i "$box/some.tar"
        has "$output" 'Loaded image ID: sha256:'
        same "$(husk images -q -f dangling=true | wc -l)" 2
        store_is_whole
}

@test 'load: a compressed archive, from a file and through a pipe' {
        two_layers
        skopeo copy -q "oci:$box/layout:tool" "docker-archive:$box/docker.tar:example.org/some/tool:1"
        gzip -kc "$box/docker.tar" >"$box/docker.tgz"
        zstd -qc "$box/docker.tar" >"$box/docker.tzst"
        for from in "$box/docker.tgz" "$box/docker.tzst"; do
                run -0 husk load -q -i "$from"
                same "$output" 'Loaded image: example.org/some/tool:1'
                store_is_whole
                husk rmi example.org/some/tool:1
                store_is_empty

                run -0 husk load -q < <(cat "$from")
                same "$output" 'Loaded image: example.org/some/tool:1'
                husk rmi example.org/some/tool:1
        done
}

@test 'load: who reads and writes an archive that never ends dies with its client' {
        archive one.tar 'add("a", b"1")'
        mkfifo "$box/never"
        exec 9<>"$box/never"
        head -c 1024 "$box/one.tar" >&9
        "$husk" "${flags[@]}" load -q <"$box/never" 3>&- 9>&- &
        client=$!
        await confined 2 "$client"
        takes_along "$client"
        # The same by a signal that may be caught, of those that wait as they do.
        head -c 1024 "$box/one.tar" >&9
        "$husk" "${flags[@]}" load -q <"$box/never" 3>&- 9>&- &
        client=$!
        await confined 2 "$client"
        kill -TERM "$client"
        await eval '[ -z "$(our_processes)" ]'
        exec 9>&-
        husk prune
        store_is_empty
}

@test 'save: there and back, and for others' {
        digest=$(two_layers)
        husk pull -q "oci:$box/layout:tool"
        husk tag localhost/layout:tool tool:3
        husk save -o "$box/saved.tar" tool:3
        same "$(tar -tf "$box/saved.tar" | sed -n '1p;$p')" $'oci-layout\nmanifest.json'
        run -0 skopeo inspect --format '{{.Digest}}' "oci-archive:$box/saved.tar"
        same "$output" "$digest"
        run -0 skopeo inspect --config "docker-archive:$box/saved.tar:docker.io/library/tool:3"
        same "$(jq -r '.rootfs.diff_ids | length' <<<"$output")" 2
        husk save tool:3 localhost/layout:tool >"$box/two.tar" # one image, twice
        husk rmi tool:3 localhost/layout:tool
        store_is_empty
        run -0 husk load -q -i "$box/two.tar"
        same "$output" $'Loaded image: docker.io/library/tool:3\nLoaded image: localhost/layout:tool'
        run -0 husk images --digests --no-trunc tool:3
        has "$output" "$digest"
        store_is_whole
        run -1 husk save -o "$box/none.tar" none
        [ ! -e "$box/none.tar" ] && [ ! -e "$box/none.tar.part" ]
        # A device stays one, a link too; what was there is replaced; nothing else is beside it.
        mkdir "$box/out"
        mknod "$box/out/null" c 1 3
        run -0 husk save -o "$box/out/null" tool:3
        [ -c "$box/out/null" ]
        echo old >"$box/out/target"
        ln -s target "$box/out/link"
        run -0 husk save -o "$box/out/link" tool:3
        [ -L "$box/out/link" ]
        tar -tf "$box/out/target" index.json
        run -1 husk save -o "$box/out" tool:3
        has "$output" 'Is a directory'
        same "$(ls "$box/out")" $'link\nnull\ntarget'
        run -1 husk save -o /nonexistent/x.tar tool:3
        run -1 bash -c '"$@" >/dev/full' bash "$husk" "${flags[@]}" save tool:3
        has "$output" 'No space left on device'
}

@test 'load: archives that lie' {
        echo mine >"$box/victim"
        refused() {
                run -1 husk load -q -i "$box/bad.tar"
                for words in "$@"; do
                        has "$output" "$words"
                done
                store_is_empty
                same "$(cat "$box/victim")" mine
        }
        archive bad.tar 'add("../victim", b"evil")'
        refused "'../victim': '..' in a name leads out of the layer"
        archive bad.tar 'add("a", b"1")'
        refused 'neither index.json nor manifest.json'
        gzip -c "$box/bad.tar" >"$box/x"
        mv "$box/x" "$box/bad.tar"
        refused 'neither index.json nor manifest.json'
        head -c 100 "$box/bad.tar" >"$box/x"
        mv "$box/x" "$box/bad.tar"
        refused 'the gzip stream ends too early'
        printf '\xfd7zXZ' >"$box/bad.tar"
        refused 'hint: give it through xz -dc'
        archive bad.tar 'add("manifest.json", b"{}")'
        refused 'it is no list'
        archive bad.tar 'add("manifest.json", b"[{\"Config\": \"../victim\", \"Layers\": []}]")'
        refused "no file '../victim'"
        archive bad.tar "add('c', type='symlink', link='$box/victim'); add('manifest.json', b'[{\"Config\": \"c\", \"Layers\": []}]')"
        refused "no file 'c'"
        archive bad.tar 'add("index.json", type="fifo")'
        refused "cannot read 'index.json' of the archive"
        archive bad.tar 'add("manifest.json", b"[{\"Config\": \"c\", \"Layers\": [\"l\"]}]")
add("c", b"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" + b"0" * 64 + b"\"]}}")
add("l", b"0" * 1024)'
        refused 'layer 1 of 1'
}
