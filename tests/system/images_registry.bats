#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images from a registry, Debian's docker-registry on loopback, and compressed layers from wherever.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load registry_helper
load images_helper

setup() {
        engine_setup
        helper=$(dirname "$husk")/husk-registry
        [ -x "$helper" ] || skip "there is no $helper"
        export HUSK_LIBEXEC=${helper%/*}
}

teardown() {
        unserve
        images_teardown
}

# An image of three layers, packed in each way, of which the first is large enough for several reads.
three_layers() {
        archive one.tar 'import random
random.seed(1)
add("noise", random.randbytes(700000)); add("bin/", type="dir", mode=0o755)'
        archive two.tar 'add("bin/b", b"22"); add("link", type="symlink", link="bin/b")'
        archive three.tar 'add("text", b"word " * 100000); add(".wh.noise")'
        layout "$1" "gzip:$box/one.tar" "zstd:$box/two.tar" "$box/three.tar"
}

copy_up() { skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$box/layout:$1" "docker://$address/$2"; }

@test 'pull: who fetches and who writes a layer die with their client' {
        archive one.tar 'import random
random.seed(1)
add("noise", random.randbytes(700000))'
        printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
                "$(digest_of "$box/one.tar")" >"$box/config"
        lie "$box/config" "$box/one.tar"
        husk_client pull -q "$address/half-image/x:1"
        await confined 2 "$client"
        takes_along "$client"
        # ... and its lock is nobody's: the next one fetches it.
        husk_client pull -q "$address/half-image/x:1"
        await confined 2 "$client"
        kill -KILL "$client"
        await eval '[ -z "$(our_processes)" ]'
}

@test 'pull: a registry, every compression, by tag and by digest' {
        serve plain
        three_layers tool
        copy_up tool some/tool:1 # which compresses what is plain
        digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$address/some/tool:1")
        run -0 --separate-stderr husk pull "$address/some/tool:1"
        same "$output" "Digest: $digest"$'\nStatus: new here\n'"$address/some/tool:1"
        store_is_whole
        same "$(layers)" "$(for name in one two three; do digest_of "$box/$name.tar"; done | sort)"
        layer_fs "$(digest_of "$box/one.tar")"
        tar -C "$fs" --compare -f "$box/one.tar"
        layer_fs "$(digest_of "$box/two.tar")"
        same "$(readlink "$fs/link")" bin/b
        run -0 --separate-stderr husk pull "$address/some/tool:1"
        has "$output" 'was here already'
        run -0 skopeo inspect --format '{{.Digest}}' "oci:$store/images:$address/some/tool:1"
        same "$output" "$digest"
        run -0 --separate-stderr husk pull -q "$address/some/tool@$digest"
        same "$output" "$address/some/tool@$digest"
        run -0 husk image rm "$address/some/tool:1" "$address/some/tool@$digest"
        store_is_empty
}

@test 'pull: what a registry has not, or has wrong' {
        serve plain
        three_layers tool
        copy_up tool some/tool:1
        run -1 husk pull -q "$address/some/tool:2"
        has "$output" husk:
        store_is_empty
        archive bad.tar 'add("a", b"1"); add("../victim", b"evil")'
        archive good.tar 'add("a", b"1")'
        layout bad "gzip:$box/good.tar" "gzip:$box/bad.tar"
        copy_up bad bad:1
        run -1 husk pull -q "$address/bad:1"
        has "$output" "layer 2 of 2"
        has "$output" "'../victim': '..' in a name leads out of the layer"
        same "$(grep -c '^husk:' <<<"$output")" 1
        store_is_empty
        layout lying --diff-id sha256:0000000000000000000000000000000000000000000000000000000000000000 "gzip:$box/good.tar"
        copy_up lying lying:1
        run -1 husk pull -q "$address/lying:1"
        has "$output" 'but the configuration says sha256:000000'
        store_is_empty
        unserve
        run -1 husk pull -q "$address/some/tool:1"
        store_is_empty
}

@test 'pull: with the credentials that login has kept, and not without' {
        archive one.tar 'add("a", b"1")'
        layout tool "gzip:$box/one.tar"
        htpasswd -Bbc "$box/users" ann secret 2>/dev/null
        serve locked "auth: {htpasswd: {realm: test, path: $box/users}}"
        skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-creds ann:secret "oci:$box/layout:tool" \
                "docker://$address/tool:1"
        export HOME=$box/home
        mkdir "$HOME"
        unset DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_RUNTIME_DIR
        run -1 husk pull -q "$address/tool:1"
        store_is_empty
        husk login --username ann --password-stdin "$address" <<<secret
        run -0 husk pull -q "$address/tool:1"
        same "$output" "$address/tool:1"
        store_is_whole
}

@test 'pull and load: compressed layers from a directory and an archive' {
        digest=$(three_layers tool)
        run -0 husk pull "oci:$box/layout:tool"
        has "$output" "Digest: $digest"
        store_is_whole
        husk save -o "$box/saved.tar" localhost/layout:tool
        husk rmi localhost/layout:tool
        store_is_empty
        run -0 husk load -q -i "$box/saved.tar"
        same "$output" 'Loaded image: localhost/layout:tool'
        run -0 husk images --digests --no-trunc
        has "$output" "$digest"
        store_is_whole
        # What was damaged on the way.
        husk prune --all
        blob=$(find "$box/layout/blobs/sha256" -size +600k -print -quit)
        printf x | dd of="$blob" bs=1 seek=500000 conv=notrunc status=none
        run -1 husk pull -q "oci:$box/layout:tool"
        has "$output" 'layer 1 of 3'
        store_is_empty
}

@test 'pull: without the helper it says where that should be' {
        three_layers tool
        run -1 env HUSK_LIBEXEC=/nonexistent "$husk" "${flags[@]}" pull -q "oci:$box/layout:tool"
        has "$output" "'/nonexistent/husk-registry'"
        has "$output" hint:
        store_is_empty
}
