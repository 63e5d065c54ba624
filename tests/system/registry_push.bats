# SPDX-License-Identifier: Apache-2.0
# husk push, to real registries: what is there afterwards is what skopeo and podman read back.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        htpasswd -Bbc "$box/users" ann secret 2>/dev/null
        serve open
        export open=$address
        serve locked "auth: {htpasswd: {realm: test, path: $box/users}}"
        export locked=$address
}
teardown_file() { unserve; }

setup() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        client_setup
        log=$box/open/log
}

raw() { skopeo inspect --raw --tls-verify=false "$@"; }
# podman with a store of its own.
own_podman() {
        env -u REGISTRY_AUTH_FILE timeout -k 5 60 podman --root "$here/podman" --runroot "$here/podman-run" \
                --storage-driver vfs "$@" >/dev/null 2>"$here/podman.err" || { cat "$here/podman.err" && return 1; }
}
# What the registry has under NAME by its own account: the manifest's digest.
digest_there() { skopeo inspect --tls-verify=false --no-tags --format '{{.Digest}}' "$@"; }
# The image of the layout, of whose two layers one is stored as it is and the other one compressed.
make_plain() {
        [ ! -e "$box/plain" ] || return 0
        python3 - "$box/layout" "$box/plain" <<'PYTHON'
import gzip, hashlib, json, pathlib, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:3])
shutil.copytree(source, target)
blobs = target / 'blobs/sha256'
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {'digest': 'sha256:' + digest, 'size': len(data)}
index = json.loads((target / 'index.json').read_text())
manifest = json.loads((blobs / index['manifests'][0]['digest'][7:]).read_text())
layer = manifest['layers'][1]
layer.update(put(gzip.decompress((blobs / layer['digest'][7:]).read_bytes())),
             mediaType='application/vnd.oci.image.layer.v1.tar')
manifest['annotations'] = {'kept': 'yes'}
index['manifests'][0].update(put(json.dumps(manifest).encode()))
(target / 'index.json').write_text(json.dumps(index))
PYTHON
}

@test "the registry has what the store has, byte by byte" {
        husk pull -q "oci:$box/layout:one"
        run husk push "localhost/layout:one" "$open/team/one:1"
        same "$status" 0
        has "$output" "Digest: $(jq -r '.manifests[0].digest' "$box/layout/index.json")"
        has "$output" "$open/team/one:1"
        same "$(raw "docker://$open/team/one:1")" "$(cat "$box/layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$box/layout/index.json")")"
        # All blobs, to who trusts nobody.
        skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$open/team/one:1" "oci:$here/back:one"
        same "$(jq -r '.manifests[0].digest' "$here/back/index.json")" "$(jq -r '.manifests[0].digest' "$box/layout/index.json")"
}

@test "what it has already does not travel" {
        husk pull -q "oci:$box/layout:one"
        husk push -q localhost/layout:one "$open/there/one"
        : >"$log"
        run husk push localhost/layout:one "$open/there/one:again"
        same "$status" 0
        has "$output" 'is there already'
        not_has "$output" 'pushed'
        not_has "$(cat "$log")" 'http.request.method=POST'
        not_has "$(cat "$log")" 'http.request.method=PATCH'
}

@test "layers that another repository of it has are taken over from there" {
        push base/one:latest >/dev/null || address=$open push base/one:latest
        husk pull -q "$open/base/one"
        : >"$log"
        husk push -q "$open/base/one" "$open/derived/one"
        has "$(cat "$log")" 'mount=sha256'
        same "$(grep -c 'http.request.method=PUT.*blobs/uploads' "$log")" 1 # the configuration
        same "$(digest_there "docker://$open/derived/one")" "$(digest_there "docker://$open/base/one")"
}

@test "a password: from the files, from the command line, and none" {
        husk pull -q "oci:$box/layout:one"
        run husk push localhost/layout:one "$locked/x/one"
        same "$status" 1
        has "$output" "$locked wants a user name and a password"
        has "$output" "husk login $locked"
        run husk push -q --creds ann:secret localhost/layout:one "$locked/x/one"
        same "$status" 0
        same "$output" "$locked/x/one:latest"
        printf secret | husk login -u ann --password-stdin --authfile "$here/other" "$locked"
        husk push -q --authfile "$here/other" localhost/layout:one "$locked/x/two"
        husk pull -q --authfile "$here/other" "$locked/x/two"
        run husk push --creds ann localhost/layout:one "$locked/x/one"
        has "$output" '--creds: expected NAME:PASSWORD'
}

@test "layers that are stored as they are travel compressed, and the manifest says so" {
        make_plain
        husk pull -q "oci:$box/plain:one"
        husk push --digestfile "$here/digest" localhost/plain:one "$open/plain/gzip"
        raw "docker://$open/plain/gzip" >"$here/manifest"
        same "$(jq -r '.layers[].mediaType' "$here/manifest" | sort -u)" application/vnd.oci.image.layer.v1.tar+gzip
        same "$(jq -r .annotations.kept "$here/manifest")" yes
        same "$(jq -r .config.digest "$here/manifest")" "$(jq -r .config.digest "$box/layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$box/layout/index.json")")"
        same "$(jq -r '.layers[0].digest' "$here/manifest")" "$(jq -r '.layers[0].digest' "$box/plain/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$box/plain/index.json")")"
        same "$(cat "$here/digest")" "$(digest_of "$here/manifest")"
        same "$(cat "$here/digest")" "$(digest_there "docker://$open/plain/gzip")"
        # What was compressed is what it was, to those who compare with the configuration.
        own_podman pull -q --tls-verify=false "$open/plain/gzip"
        own_podman image rm -fa
        # The store is as it was, and nothing is left in the making.
        same "$(jq -r '.manifests[0].digest' "$store/images/index.json")" "$(jq -r '.manifests[0].digest' "$box/plain/index.json")"
        same "$(ls "$store/tmp")" ''
        # The same again is there already.
        run husk push localhost/plain:one "$open/plain/gzip"
        not_has "$output" 'pushed'
        same "$(digest_there "docker://$open/plain/gzip")" "$(cat "$here/digest")"
}

@test "zstd, a level, and none" {
        make_plain
        husk pull -q "oci:$box/plain:one"
        husk push -q --compression-format zstd --compression-level 19 localhost/plain:one "$open/plain/zstd"
        raw "docker://$open/plain/zstd" >"$here/manifest"
        same "$(jq -r '.layers[1].mediaType' "$here/manifest")" application/vnd.oci.image.layer.v1.tar+zstd
        husk --root "$here/other" pull -q "$open/plain/zstd"
        husk push -q --compression-format none localhost/plain:one "$open/plain/none"
        same "$(digest_there "docker://$open/plain/none")" "$(jq -r '.manifests[0].digest' "$box/plain/index.json")"
        run husk push --compression-level 1 --compression-format none localhost/plain:one "$open/plain/none"
        has "$output" '--compression-level: there is none with --compression-format none'
        # What is compressed already stays as it is, and that is said.
        run husk push --compression-format zstd localhost/plain:one "$open/plain/zstd"
        has "$output" '--compression-format zstd: 1 layers are compressed otherwise already, and go as they are'
        run husk push --compression-level 10 localhost/plain:one "$open/plain/none"
        has "$output" '--compression-level 10: expected 1 to 9'
}

@test "Docker's documents become OCI's where they cannot say zstd" {
        make_plain
        python3 - "$box/plain" "$here/docker" <<'PYTHON'
import hashlib, json, pathlib, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:3])
shutil.copytree(source, target)
index = json.loads((target / 'index.json').read_text())
manifest = json.loads((target / 'blobs/sha256' / index['manifests'][0]['digest'][7:]).read_text())
manifest['mediaType'] = 'application/vnd.docker.distribution.manifest.v2+json'
manifest['config']['mediaType'] = 'application/vnd.docker.container.image.v1+json'
for layer in manifest['layers']:
    layer['mediaType'] = 'application/vnd.docker.image.rootfs.diff.tar' + ('.gzip' if 'gzip' in layer['mediaType'] else '')
del manifest['annotations']
data = json.dumps(manifest).encode()
digest = hashlib.sha256(data).hexdigest()
(target / 'blobs/sha256' / digest).write_bytes(data)
index['manifests'][0].update(mediaType=manifest['mediaType'], digest='sha256:' + digest, size=len(data))
(target / 'index.json').write_text(json.dumps(index))
PYTHON
        husk pull -q "oci:$here/docker:one"
        husk push -q localhost/docker:one "$open/docker/gzip"
        same "$(raw "docker://$open/docker/gzip" | jq -r '.mediaType, .config.mediaType, .layers[].mediaType' | sort -u)" \
                "$(printf '%s\n' application/vnd.docker.container.image.v1+json application/vnd.docker.distribution.manifest.v2+json application/vnd.docker.image.rootfs.diff.tar.gzip)"
        husk push -q --compression-format zstd localhost/docker:one "$open/docker/zstd"
        same "$(raw "docker://$open/docker/zstd" | jq -r '.mediaType, .config.mediaType, .layers[].mediaType' | sort -u)" \
                "$(printf '%s\n' application/vnd.oci.image.config.v1+json application/vnd.oci.image.layer.v1.tar+gzip application/vnd.oci.image.layer.v1.tar+zstd application/vnd.oci.image.manifest.v1+json)"
}

@test "in pieces, as the user wants" {
        husk pull -q "oci:$box/layout:one"
        jq -n --arg r "$open" '{hosts:{($r):{chunk:100000}}}' >"$here/registries.json"
        : >"$log"
        husk push -q localhost/layout:one "$open/pieces/one"
        # Three hundred thousand bytes of noise and a bit; each of the others is one piece.
        same "$(grep -c 'response completed.*http.request.method=PATCH' "$log")" 6
        husk --root "$here/other" pull -q "$open/pieces/one"
        jq -n --arg r "$open" '{hosts:{($r):{chunk:100}}}' >"$here/registries.json"
        run husk push -q localhost/layout:one "$open/pieces/one"
        has "$output" "/hosts/${open}/chunk: expected 4096 bytes or more"
}

@test "all tags of a name" {
        husk pull -q "oci:$box/layout:one"
        husk tag localhost/layout:one "$open/tags/one:a"
        husk tag localhost/layout:one "$open/tags/one:b"
        husk tag localhost/layout:one "$open/tags/one-more:c"
        run husk push -q --all-tags "$open/tags/one"
        same "$status" 0
        same "$output" "$(printf '%s\n' "$open/tags/one:a" "$open/tags/one:b")"
        same "$(skopeo list-tags --tls-verify=false "docker://$open/tags/one" | jq -c '.Tags | sort')" '["a","b"]'
        run husk push --all-tags "$open/tags/one:a"
        has "$output" '--all-tags goes with a name without a tag alone, not with a tag'
        run husk push --all-tags "$open/tags/none"
        has "$output" "there is no image '$open/tags/none' here"
}

@test "several platforms for one name are an index again" {
        local arch
        for arch in amd64 arm64; do
                umoci new --image "$box/layout:$arch"
                umoci config --image "$box/layout:$arch" --architecture "$arch" --os linux
                skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$box/layout:$arch" "docker://$open/many/$arch"
                raw "docker://$open/many/$arch" >"$here/$arch"
        done
        jq -n --arg a "$(digest_of "$here/amd64")" --arg b "$(digest_of "$here/arm64")" \
                --argjson n "$(stat -c %s "$here/amd64")" --argjson m "$(stat -c %s "$here/arm64")" \
                '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:[
                  {mediaType:"application/vnd.oci.image.manifest.v1+json",digest:$a,size:$n,platform:{architecture:"amd64",os:"linux"}},
                  {mediaType:"application/vnd.oci.image.manifest.v1+json",digest:$b,size:$m,platform:{architecture:"arm64",os:"linux"}}]}' >"$here/index"
        for arch in amd64 arm64; do
                skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$open/many/$arch" "docker://$open/many/both:$arch"
        done
        curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$here/index" "http://$open/v2/many/both/manifests/latest"
        husk pull -q --platform amd64 "$open/many/both"
        husk pull -q --platform arm64 "$open/many/both"
        husk push -q "$open/many/both" "$open/many/copy"
        same "$(raw "docker://$open/many/copy" | jq -r '.manifests[] | .platform.architecture + " " + .digest' | sort)" \
                "$(printf '%s\n' "amd64 $(digest_of "$here/amd64")" "arm64 $(digest_of "$here/arm64")")"
        husk push -q --platform arm64 "$open/many/both" "$open/many/only"
        same "$(digest_there --override-arch arm64 "docker://$open/many/only")" "$(digest_of "$here/arm64")"
        run husk push --platform riscv64 "$open/many/both" "$open/many/only"
        has "$output" "the image '$open/many/both' is not here for linux/riscv64"
}

@test "what cannot be pushed says so" {
        husk pull -q "oci:$box/layout:one"
        run husk push nothing
        same "$status" 1
        has "$output" "there is no image 'nothing' here"
        run husk push "$(husk images -q)"
        has "$output" 'does not say where to push to'
        has "$output" 'husk push IMAGE REGISTRY/NAME:TAG'
        run husk push localhost/layout:one "$open/x@sha256:$(printf %064d 0)"
        has "$output" 'what is pushed to cannot have a digest'
        run husk push localhost/layout:one "dir:$here/out"
        has "$output" "'dir:$here/out' is no place that husk writes"
        jq -n --arg r "$open" '{hosts:{($r):{blocked:true}}}' >"$here/registries.json"
        run husk push localhost/layout:one "$open/x"
        has "$output" "$open is blocked in $here/registries.json"
        rm "$here/registries.json"
        run husk push --tls-verify=true localhost/layout:one "$open/x"
        same "$status" 1
        has "$output" "cannot push to $open/x: "
        has "$output" "cannot speak to $open"
}

@test "a push that is killed leaves nothing but what the next command takes away" {
        local pid helpers i
        make_plain
        husk pull -q "oci:$box/plain:one"
        lie
        printf '{"patience":600}' >"$here/registries.json"
        "$husk" --root "$store" --runroot "$here/run" push -q localhost/plain:one "$address/mute/x" >/dev/null 2>&1 3>&- &
        pid=$!
        # A layer was compressed, and its bytes were sent to somebody who says nothing.
        for ((i = 0; i < 600; i++)); do
                ! grep -q 'PUT /v2/mute/x/blobs' "$asked" || [ -z "$(find "$store/tmp" -name 'pack-*')" ] || break
                sleep 0.05
        done
        [ -n "$(find "$store/tmp" -name 'pack-*')" ]
        helpers=$(pgrep -P "$pid")
        kill -KILL "$pid"
        wait "$pid" || :
        # It has the files, and so their locks, until it is gone, too.
        for ((i = 0; i < 600; i++)); do
                [ -e "/proc/$helpers" ] || break
                sleep 0.05
        done
        husk pull -q "oci:$box/plain:one"
        same "$(ls "$store/tmp")" ''
        husk push -q localhost/plain:one "$open/killed/one"
}

@test "an ordinary user's image" {
        local user
        user=$(awk -F: '$2 > 0 && $3 >= 65536 { print $1; exit }' /etc/subuid)
        [ -n "$user" ] && [ "$user" != root ] && id "$user" >/dev/null 2>&1 || skip 'nobody has subordinate ids'
        grep -q "^$user:" /etc/subgid && command -v newuidmap >/dev/null || skip 'there are no ranges of groups'
        make_plain
        home=$(mktemp -d "/var/tmp/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        mkdir "$home/bin"
        cp "$husk" "$helper" "$home/bin"
        cp -r "$box/plain" "$home/plain"
        chmod 755 "$home" "$home/bin"
        chown -R "$user" "$home"
        own() {
                timeout -k 5 100 setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
                        env -i PATH="$PATH" HOME="$home" "$home/bin/husk" --root "$home/store" --runroot "$home/run" "$@" 3>&-
        }
        own pull -q "oci:$home/plain:one"
        run -0 --separate-stderr own push -q localhost/plain:one "$open/own/one"
        same "$output" "$open/own/one:latest"
        same "$(raw "docker://$open/own/one" | jq -r '.layers[1].mediaType')" application/vnd.oci.image.layer.v1.tar+gzip
        own rmi --force localhost/plain:one >/dev/null
        rm -rf --one-file-system "$home"
}
