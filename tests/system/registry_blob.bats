# SPDX-License-Identifier: Apache-2.0
# Blobs in one pass: from Debian's docker-registry to a file, and to a directory that another process makes; gzip,
# zstd and plain archives.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        serve plain
        export plain=$address
        push library/one:gzip
        # Two gzip members, one behind the other, and no compression.
        printf a >"$box/a"
        printf b >"$box/b"
        tar -C "$box" --sort=name -cf "$box/plain.tar" a b
        head -c 5000 "$box/plain.tar" | gzip >"$box/two.gz"
        tail -c +5001 "$box/plain.tar" | gzip >>"$box/two.gz"
}
teardown_file() { unserve; }
setup() {
        registry_setup
        here=$BATS_TEST_TMPDIR
        mkdir "$here/root"
}

# layer TAG N: digest, size and diff id of a layer of the image.
layer() {
        ask '{}' manifest "$plain" library/one "$1" "$here/m" >/dev/null
        read -r digest size < <(jq -r ".layers[$2] | \"\(.digest) \(.size)\"" "$here/m")
        ask '{}' blob "$plain" library/one "$(jq -r .config.digest "$here/m")" "$(jq -r .config.size "$here/m")" none \
                "$here/config" - >/dev/null
        diff_id=$(jq -r ".rootfs.diff_ids[$2]" "$here/config")
}

@test "a gzip layer: blob, digest of its archive, and the files" {
        layer gzip 1
        run ask '{}' blob "$plain" library/one "$digest" "$size" gzip "$here/blob" "$here/root"
        same "$output" "$size $diff_id"
        same "$(digest_of "$here/blob")" "$digest"
        cmp "$here/root/usr/bin/noise" "$box/tree/usr/bin/noise"
        same "$(readlink "$here/root/usr/bin/link")" noise
}

@test "a zstd layer, and a plain one" {
        local file compression size
        # skopeo compresses only what is not compressed.
        skopeo --insecure-policy copy -q --dest-decompress "oci:$box/layout:one" "dir:$here/none"
        skopeo --insecure-policy copy -q --dest-compress --dest-compress-format zstd "dir:$here/none" "dir:$here/zstd"
        layer gzip 1
        for compression in none zstd; do
                file=$here/$compression/$(jq -r '.layers[1].digest[7:]' "$here/$compression/manifest.json")
                size=$(stat -c %s "$file")
                rm -rf "$here/root"
                mkdir "$here/root"
                run ask '{}' blob "file:$file" - "$(digest_of "$file")" "$size" $compression - "$here/root"
                same "$output" "$size $diff_id"
                cmp "$here/root/usr/bin/noise" "$box/tree/usr/bin/noise"
        done
        same "$(od -An -tx1 -N4 "$file")" ' 28 b5 2f fd'
}

@test "without unpacking, and without keeping" {
        layer gzip 1
        run ask '{}' blob "$plain" library/one "$digest" "$size" gzip "$here/blob" -
        same "$output" "$size -"
        same "$(digest_of "$here/blob")" "$digest"
        run ask '{}' blob "$plain" library/one "$digest" "$size" gzip - "$here/root"
        same "$output" "$size $diff_id"
        [ -f "$here/root/usr/bin/noise" ]
}

@test "from a file: several members of gzip, and a plain archive" {
        local file
        for file in two.gz:gzip plain.tar:none; do
                rm -rf "$here/root"
                mkdir "$here/root"
                run ask '{}' blob "file:$box/${file%:*}" - "$(digest_of "$box/${file%:*}")" \
                        "$(stat -c %s "$box/${file%:*}")" "${file#*:}" - "$here/root"
                same "$output" "$(stat -c %s "$box/${file%:*}") $(digest_of "$box/plain.tar")"
                same "$(cat "$here/root/a" "$here/root/b")" ab
        done
}

@test "a blob that is not there" {
        local digest
        digest=$(echo nothing | digest_of /dev/stdin)
        run ask '{}' blob "$plain" library/one "$digest" 10 gzip "$here/blob" -
        same "$output" "ENOENT: blob $digest: $plain has no blobs/$digest of 'library/one': blob unknown to registry"
}

@test "a broken archive is told with its digest and the entry" {
        local digest
        { head -c 1100 "$box/plain.tar" && echo rubbish && tail -c +1109 "$box/plain.tar"; } >"$here/broken.tar"
        digest=$(digest_of "$here/broken.tar")
        run ask '{}' blob "file:$here/broken.tar" - "$digest" "$(stat -c %s "$here/broken.tar")" none - "$here/root"
        same "$status" 1
        has "$output" "EBADMSG: blob $digest: entry 2"
}

@test "an archive that inflates to more than is allowed ends there" {
        local digest
        head -c 50000000 /dev/zero | gzip -9 >"$here/bomb.gz"
        digest=$(digest_of "$here/bomb.gz")
        BYTES_MAX=1000000 run ask '{}' blob "file:$here/bomb.gz" - "$digest" "$(stat -c %s "$here/bomb.gz")" gzip - "$here/root"
        has "$output" "E2BIG: blob $digest: inflated it has more than 1000000 bytes"
}

@test "who unpacks gives up: one error, and no hang" {
        layer gzip 1
        rm -rf "$here/root"
        run ask '{}' blob "$plain" library/one "$digest" "$size" gzip - "$here/root"
        same "$status" 1
        has "$output" 'EPIPE: blob'
}
