#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images in files and directories: oci:, oci-archive: and docker-archive: as what is pulled, run and pushed to, and the
# formats of save. What husk writes, skopeo, podman and umoci read, and the other way round.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load images_helper

setup() {
        engine_setup
        printf '%s' '{"default":[{"type":"insecureAcceptAnything"}]}' >"$box/policy.json"
}

# Two images, `tool` of gzip and plain layers, `other` of one; $digest is that of the first.
two_images() {
        archive one.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1")'
        archive two.tar 'add("etc/b", b"22"); add("etc/.wh.a")'
        digest=$(layout tool "gzip:$box/one.tar" "$box/two.tar")
        layout other "$box/one.tar" >/dev/null
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:other"
        husk tag localhost/layout:tool tool:3
}

copy() { skopeo --policy "$box/policy.json" copy -q --preserve-digests "$@"; }
digest_in() { skopeo inspect --format '{{.Digest}}' "$1"; }
podman() { timeout -k 5 60 podman --root "$box/podman" --runroot "$box/podman-run" --storage-driver vfs "$@" 3>&-; }

@test 'push to a layout: others read it, and what is there stays' {
        two_images
        run -0 husk push tool:3 "oci:$box/out:new"
        same "$output" "Digest: $digest"$'\n'"oci:$box/out:new"
        same "$(digest_in "oci:$box/out:new")" "$digest"
        umoci unpack --image "$box/out:new" "$box/bundle"
        same "$(find "$box/bundle/rootfs/etc" -type f -printf '%f ')" 'b '
        run -1 husk push -q other "oci:$box/out:new2"
        husk push -q localhost/layout:other "oci:$box/out:second"
        same "$(umoci ls --layout "$box/out" | sort | tr '\n' ' ')" 'new second '
        # The same name again is the other image then; a name of its own where none is said.
        husk push -q localhost/layout:other "oci:$box/out:new"
        same "$(digest_in "oci:$box/out:new")" "$(digest_in "oci:$box/out:second")"
        husk push -q tool:3 "oci:$box/out"
        same "$(umoci ls --layout "$box/out" | sort | tr '\n' ' ')" 'docker.io/library/tool:3 new second '
        husk push -q tool:3 "oci:$box/out"
        same "$(jq '.manifests | length' "$box/out/index.json")" 3
        same "$(find "$box/out" -name '*.part')" ''
        # And what umoci has changed comes back.
        umoci config --image "$box/out:new" --config.cmd /bin/x
        husk pull -q "oci:$box/out:new"
        same "$(husk image inspect --format '{{json .Config.Cmd}}' localhost/out:new)" '["/bin/x"]'
}

@test 'push to a directory that is no layout, or leads elsewhere' {
        two_images
        mkdir "$box/out" "$box/else"
        touch "$box/out/mine"
        run -1 husk push -q tool:3 "oci:$box/out:x"
        has "$output" "$box/out is a directory, but no image layout"
        same "$(ls "$box/out")" mine
        run -1 husk push -q tool:3 "oci:$box/out/mine:x"
        run -1 husk push -q tool:3 "oci:$box/absent/out:x"
        has "$output" 'No such file or directory'
        # A layout of a stranger's, whose links lead out.
        rm "$box/out/mine"
        ln -s "$box/else" "$box/out/blobs"
        echo '{"imageLayoutVersion":"1.0.0"}' >"$box/out/oci-layout"
        run -1 husk push -q tool:3 "oci:$box/out:x"
        same "$(ls "$box/else")" ''
        [ ! -e "$box/out/index.json" ]
        # What went wrong leaves nothing of a directory of ours.
        rm -f "$store/images/blobs/sha256/$(jq -r '.layers[1].digest' "$store/images/blobs/sha256/${digest#*:}" | cut -d: -f2)"
        run -1 husk push -q tool:3 "oci:$box/new:x"
        has "$output" 'has no blob'
        [ ! -e "$box/new" ]
        run -1 husk push -q tool:3 "oci-archive:$box/new.tar"
        [ ! -e "$box/new.tar" ] && [ ! -e "$box/new.tar.part" ]
}

@test 'push to archives: skopeo and podman read them' {
        two_images
        husk push -q --digestfile "$box/digest" tool:3 "oci-archive:$box/a.tar:new"
        same "$(cat "$box/digest")" "$digest"
        # In a directory of somebody else.
        ln -s "$box/victim" "$box/link"
        chown -h 1234 "$box/link"
        mkfifo "$box/pipe"
        for name in link pipe; do
                rm -f "$box/b.tar"
                run -1 timeout 20 "$husk" "${flags[@]}" push -q --digestfile "$box/$name" tool:3 "oci-archive:$box/b.tar:new"
                has "$output" "cannot write '$box/$name'"
        done
        [ ! -e "$box/victim" ]
        rm "$box/b.tar"
        same "$(digest_in "oci-archive:$box/a.tar:new")" "$digest"
        same "$(tar -tf "$box/a.tar" | sed -n '1p;$p')" $'oci-layout\nindex.json'
        husk push -q tool:3 "docker-archive:$box/d.tar:some/tool:5"
        skopeo --policy "$box/policy.json" copy -q "docker-archive:$box/d.tar:docker.io/some/tool:5" "oci:$box/back:x"
        diff_ids() { jq -c '.rootfs.diff_ids' "$1/blobs/sha256/$(jq -r .config.digest "$1/blobs/sha256/$2" | cut -d: -f2)"; }
        same "$(diff_ids "$box/back" "$(jq -r '.manifests[0].digest' "$box/back/index.json" | cut -d: -f2)")" \
                "$(diff_ids "$store/images" "${digest#*:}")"
        run -0 podman load -q -i "$box/d.tar"
        has "$output" 'docker.io/some/tool:5'
        id=$(husk images -q --no-trunc tool:3)
        run -0 podman pull -q "oci-archive:$box/a.tar:new"
        has "$output" "${id#sha256:}"
        # An option of registries is not passed over.
        run -1 husk push -q --compression-format zstd tool:3 "oci-archive:$box/b.tar"
        has "$output" '--compression-format is about registries'
        run -1 husk push -q --all-tags tool "oci-archive:$box/b.tar"
        run -1 husk push -q tool:3 "docker-archive:$box/b.tar:UPPER"
        run -1 husk push -q tool:3 "docker-archive:"
        has "$output" 'there is no path'
        run -1 husk push -q tool:3 "dir:$box/b"
        has "$output" 'hint: oci:DIR'
        [ ! -e "$box/b.tar" ] && [ ! -e "$box/b" ]
}

@test 'pull from archives: what skopeo and podman wrote, and husk' {
        two_images
        copy "oci:$box/layout:tool" "oci-archive:$box/a.tar:one"
        skopeo --policy "$box/policy.json" copy -q "oci:$box/layout:tool" "docker-archive:$box/d.tar:example.org/some/tool:1"
        husk save -o "$box/both.tar" tool:3 localhost/layout:other
        podman load -q -i "$box/both.tar"
        podman save -q --format docker-archive -o "$box/p.tar" localhost/layout:other
        podman save -q --format oci-archive -o "$box/po.tar" localhost/layout:other
        id=$(husk images -q --no-trunc localhost/layout:other)
        husk rmi tool:3 localhost/layout:tool localhost/layout:other
        store_is_empty

        same "$(husk pull -q "oci-archive:$box/a.tar:one")" localhost/a:one
        same "$(husk images --digests --no-trunc --format '{{.Digest}}' localhost/a:one)" "$digest"
        store_is_whole
        run -1 husk pull -q "oci-archive:$box/a.tar:two"
        has "$output" 'hint: names there: one'
        same "$(husk pull -q "docker-archive:$box/d.tar")" example.org/some/tool:1
        store_is_whole
        # Of several one has to be named: by its name, short or full, or by its place. It keeps its digest.
        run -1 husk pull -q "docker-archive:$box/both.tar"
        has "$output" 'there are several images'
        has "$output" '@0 is docker.io/library/tool:3, @1 is localhost/layout:other'
        same "$(husk pull -q "docker-archive:$box/both.tar:tool:3")" docker.io/library/tool:3
        same "$(husk images --digests --no-trunc --format '{{.Digest}}' tool:3)" "$digest"
        same "$(husk pull -q "docker-archive:$box/both.tar:@1")" localhost/layout:other
        run -1 husk pull -q "docker-archive:$box/both.tar:@2"
        has "$output" "no image is called '@2' there"
        run -1 husk pull -q "docker-archive:$box/both.tar:absent"
        husk rmi localhost/layout:other
        same "$(husk pull -q "docker-archive:$box/p.tar")" localhost/layout:other
        same "$(husk pull -q "oci-archive:$box/po.tar")" localhost/po:latest
        same "$(husk images -q --no-trunc localhost/layout:other)" "$id"
        store_is_whole
        run -1 husk pull -q "docker-archive:$box/a.tar"
        has "$output" 'no manifest.json'
        run -1 husk pull -q "oci-archive:$box/none.tar"
        has "$output" "cannot open $box/none.tar: No such file or directory"
}

@test "docker-archive: layers that are compressed, without an index" {
        two_images
        mkdir "$box/x"
        husk save tool:3 | tar -C "$box/x" -xf -
        rm "$box/x/index.json" "$box/x/oci-layout"
        tar -C "$box/x" -cf "$box/old.tar" .
        ids=$(layers)
        husk rmi tool:3 localhost/layout:tool localhost/layout:other
        same "$(husk pull -q "docker-archive:$box/old.tar")" docker.io/library/tool:3
        same "$(layers)" "$ids"
        store_is_whole
        same "$(husk load -q -i "$box/old.tar")" 'Loaded image: docker.io/library/tool:3'
}

@test 'run from a file or directory' {
        archive root.tar "add('bin/', type='dir', mode=0o755)
add('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755); add('bin/echo', type='link', link='bin/busybox')"
        layout tool --config '{"config":{"Cmd":["/bin/echo","hello"]}}' "$box/root.tar"
        run -0 husk run --rm "oci:$box/layout:tool" 2>/dev/null
        has "$output" hello
        husk push -q localhost/layout:tool "docker-archive:$box/d.tar:other:2"
        husk push -q localhost/layout:tool "oci-archive:$box/a.tar"
        husk rmi localhost/layout:tool
        store_is_empty
        run -0 husk run --rm "docker-archive:$box/d.tar" /bin/echo there
        has "$output" there
        id=$(husk create "oci-archive:$box/a.tar:localhost/layout:tool")
        run -0 husk start -a "$id"
        same "$output" hello
        husk rm "$id"
        run -125 husk run --rm --pull never "oci-archive:$box/a.tar"
        has "$output" 'nothing may be fetched'
        run -125 husk explain run "oci-archive:$box/a.tar"
        has "$output" "hint: husk pull oci-archive:$box/a.tar first"
        run -125 husk run --rm "oci-archive:$box/none.tar"
}

@test 'save --format' {
        two_images
        husk save --format oci-archive tool:3 localhost/layout:other >"$box/a.tar"
        not grep -q manifest.json < <(tar -tf "$box/a.tar")
        same "$(digest_in "oci-archive:$box/a.tar:docker.io/library/tool:3")" "$digest"
        husk save --format docker-archive -o "$box/d.tar" tool:3
        cmp "$box/d.tar" <(husk save tool:3)
        husk save --format oci-dir -o "$box/dir" tool:3
        husk save --format oci-dir -o "$box/dir" localhost/layout:other
        same "$(umoci ls --layout "$box/dir" | sort | tr '\n' ' ')" 'docker.io/library/tool:3 localhost/layout:other '
        same "$(digest_in "oci:$box/dir:docker.io/library/tool:3")" "$digest"
        run -1 husk save --format docker-dir -o "$box/x" tool:3
        has "$output" "'docker-dir' is not a value for --format"
        run -1 husk save --format oci-dir tool:3
        has "$output" '--format oci-dir needs --output'
        run -1 husk save --format oci-dir -o "$box/none" none
        [ ! -e "$box/none" ]
        run -125 husk save --compress -o "$box/x" tool:3
        has "$output" 'layers go as the store has them'
}

@test 'archives that lie, by their names' {
        echo mine >"$box/victim"
        refused() {
                for kind in docker-archive oci-archive; do
                        [[ ${1#"$kind"} != "$1" || $1 != *-archive=* ]] || continue
                        run -1 husk pull -q "$kind:$box/bad.tar"
                        has "$output" "${1#*-archive=}"
                        store_is_empty
                        same "$(cat "$box/victim")" mine
                done
        }
        archive bad.tar 'add("../victim", b"evil")'
        refused "'..' in a name leads out"
        archive bad.tar "add('manifest.json', type='symlink', link='$box/victim'); add('index.json', type='symlink', link='$box/victim')"
        refused 'bad.tar'
        archive bad.tar "add('manifest.json', type='link', link='$box/victim'); add('index.json', type='link', link='/etc/passwd')"
        refused 'bad.tar'
        archive bad.tar 'add("manifest.json", b"[{\"Config\":\"c\",\"Layers\":[\"absent\"]}]")
add("c", b"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" + b"0" * 64 + b"\"]}}")'
        refused "docker-archive=the archive has no file 'absent'"
        # What it says twice is what it said last: the first list is not looked at.
        archive bad.tar 'add("manifest.json", b"[]"); add("manifest.json", b"{}")'
        refused 'docker-archive=it is no list'
        archive bad.tar 'add("manifest.json", b" " * (5 << 20))'
        refused "docker-archive=cannot read 'manifest.json' of the archive: File too large"
        # A hole of 200 GB that a layer is said to be.
        truncate -s 200G "$box/hole"
        cp "$box/victim" "$box/manifest.json"
        tar -C "$box" -S -cf "$box/bad.tar" hole manifest.json
        refused 'bad.tar'
}
