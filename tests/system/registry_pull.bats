# SPDX-License-Identifier: Apache-2.0
# husk pull, through both processes, from real registries: with a password, with TLS, from a mirror; and from one
# that lies.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        htpasswd -Bbc "$box/users" ann secret 2>/dev/null
        serve locked "auth: {htpasswd: {realm: test, path: $box/users}}"
        export locked=$address
        push library/one:latest --dest-creds ann:secret
        serve empty
        export empty=$address
        lie "$box"/layout/blobs/sha256/*
        export address
}
teardown_file() { unserve; }

setup() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        client_setup
        auth=$(printf ann:secret | base64)
        jq -n --arg r "$locked" --arg a "$auth" '{auths:{($r):{auth:$a}}}' >"$here/auth.json"
}

# Blobs, layers and what was in the making.
kept() { find "$store/images/blobs/sha256" "$store/layers" "$store/tmp" -mindepth 1 2>/dev/null; }

# unpacked NAME: the file of that name in a layer
unpacked() {
        local image
        for image in "$store"/layers/*/fs.erofs; do
                [ ! -f "$image" ] || fsck.erofs --extract="$(mktemp -d "$here/layer.XXXXXX")/fs" "$image" >/dev/null
        done
        find "$store/layers" "$here"/layer.* -name "$1" 2>/dev/null || :
}

@test "an image, with the password of the user's file" {
        run husk pull -q "$locked/library/one"
        same "$status" 0
        # All that the registry has, and by the same digest.
        same "$(skopeo inspect --raw "oci:$store/images:$locked/library/one:latest")" "$(cat "$box/layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$box/layout/index.json")")"
        cmp "$(unpacked noise)" "$box/tree/usr/bin/noise"
}

@test "without it" {
        rm "$here/auth.json"
        run husk pull -q "$locked/library/one"
        same "$status" 1
        has "$output" "$locked wants a user name and a password"
        has "$output" "husk login $locked"
        same "$(kept)" ''
}

@test "from a mirror" {
        jq -n --arg r "$empty" --arg m "$locked" '{hosts:{($r):{mirrors:[$m]}}}' >"$here/registries.json"
        husk pull -q "$empty/library/one"
        [ -n "$(unpacked noise)" ]
}

@test "a registry that is blocked" {
        jq -n --arg r "$locked" '{hosts:{($r):{blocked:true}}}' >"$here/registries.json"
        run husk pull -q "$locked/library/one"
        same "$status" 1
        has "$output" "$locked is blocked in $here/registries.json"
}

@test "no husk-registry" {
        HUSK_LIBEXEC=/nonexistent run husk pull -q "$locked/library/one"
        same "$status" 1
        has "$output" "cannot execute '/nonexistent/husk-registry'"
}

@test "what a lying registry sends is not kept" {
        local how
        for how in html big-manifest empty loop denied endless huge-header; do
                run husk pull -q "$address/$how/x"
                same "$status" 1
                has "$output" "husk: "
                same "$(kept)" ''
        done
}

@test "a page for a browser is told as what it is" {
        run husk pull "$address/html/x"
        same "$status" 1
        has "$output" "$address/html/x: what came is 'text/html; charset=utf-8', a page for a browser"
        has "$output" 'is this a registry?'
}
