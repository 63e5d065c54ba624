# SPDX-License-Identifier: Apache-2.0
# husk registry and husk search: tags, what refers to an image, and away with it; of a real registry, and of one that
# lies about them.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        serve open
        export open=$address
        lie "$box"/layout/blobs/sha256/*
        export address asked
}
teardown_file() { unserve; }

setup() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        client_setup
}

refused() { # refused LIST WORDS...
        run husk registry tags "$address/$1/x"
        same "$status" 1
        has "$output" "${*:2}"
}
# The image of the layout as an image that refers to it; its digest.
make_referrer() {
        python3 - "$box/layout" "$here/referrer" <<'PYTHON'
import hashlib, json, pathlib, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:3])
shutil.copytree(source, target)
index = json.loads((target / 'index.json').read_text())
subject = index['manifests'][0]
manifest = json.loads((target / 'blobs/sha256' / subject['digest'][7:]).read_text())
manifest['subject'] = {key: subject[key] for key in ('mediaType', 'digest', 'size')}
manifest['annotations'] = {'is': 'a referrer'}
data = json.dumps(manifest).encode()
digest = hashlib.sha256(data).hexdigest()
(target / 'blobs/sha256' / digest).write_bytes(data)
index['manifests'] = [{**subject, 'digest': 'sha256:' + digest, 'size': len(data)}]
(target / 'index.json').write_text(json.dumps(index))
print('sha256:' + digest)
PYTHON
}

@test "tags, in pages" {
        local tag
        for tag in a b c; do address=$open push "tags/one:$tag"; done
        run husk registry tags -q "$open/tags/one"
        same "$(sort <<<"$output")" "$(printf '%s\n' a b c)"
        run husk search --list-tags --limit 2 "$open/tags/one"
        same "$(wc -l <<<"$output")" 3
        same "$(tr -s ' ' <<<"${lines[0]}")" 'NAME TAG'
        has "${lines[1]}" "$open/tags/one "
        same "$(husk registry tags --format json "$open/tags/one" | jq -rs '[.[].Tag] | sort | join(" ")')" 'a b c'
        run husk registry tags "$open/tags/none"
        same "$status" 1
        has "$output" "$open has no tags/list?n=1000 of 'tags/none'"
        run husk registry tags "$open/tags/one:a"
        has "$output" 'expected a name without tag and digest'
        run husk search something
        same "$status" 1
        has "$output" 'husk search --list-tags NAME'
        # Pages, as the next one is told.
        run husk registry tags -q "$address/pages/x"
        same "$output" "$(printf '%s\n' a b c d e)"
        run husk registry tags -q --limit 3 "$address/pages/x"
        same "$output" "$(printf '%s\n' a b c)"
}

@test "lists that lie" {
        refused loops "$address/loops/x: the list of tags goes in a circle"
        refused grows "$address/grows/x: there are more than 100000 tags"
        refused leads-out "$address: where the list goes on: it leads out of 'leads-out/x'"
        refused leads-away "$address: where the list goes on: it leads out of 'leads-away/x'"
        not_has "$(cat "$asked")" 'foreign GET'
        refused words "$address/words/x: 'bad\\x1b[31mtag' is no tag"
        refused html "the list of tags: what came is 'text/html', a page for a browser"
        refused huge 'has more than 4 MiB'
        run husk registry referrers "$address/huge/x@sha256:$(printf %064d 0)"
        same "$status" 1
        has "$output" 'has more than 4 MiB'
}

# The control: skopeo(1) goes where the list leads, as often as it leads there.
@test "what lists that lie do to who believes them" {
        local before
        before=$(wc -l <"$asked")
        run timeout -k 5 5 skopeo list-tags --tls-verify=false "docker://$address/loops/x"
        same "$status" 124
        [ "$(tail -n "+$((before + 1))" "$asked" | grep -c 'GET /v2/loops/x/tags/list')" -gt 20 ]
        run timeout -k 5 5 skopeo list-tags --tls-verify=false "docker://$address/leads-out/x"
        has "$(cat "$asked")" 'GET /v2/other/x/tags/list'
        run -0 skopeo list-tags --tls-verify=false "docker://$address/words/x"
        has "$output" -dash
}

@test "what refers to an image, where the registry does not know: an index under a tag" {
        local subject digest
        subject=$(jq -r '.manifests[0].digest' "$box/layout/index.json")
        husk pull -q "oci:$box/layout:one"
        husk push -q localhost/layout:one "$open/ref/one"
        run husk registry referrers "$open/ref/one"
        same "$(tail -n +2 <<<"$output")" ''
        digest=$(make_referrer)
        husk pull -q "oci:$here/referrer:one"
        husk push -q localhost/referrer:one "$open/ref/one:signature"
        same "$(skopeo inspect --raw --tls-verify=false "docker://$open/ref/one:sha256-${subject#*:}" | jq -r '.manifests[0] | .digest, .artifactType, .annotations.is')" \
                "$(printf '%s\n' "$digest" application/vnd.oci.image.config.v1+json 'a referrer')"
        # Once, however often it is pushed.
        husk push -q localhost/referrer:one "$open/ref/one:again"
        run husk registry referrers --format '{{.Digest}} {{.ArtifactType}}' "$open/ref/one"
        same "$output" "$digest application/vnd.oci.image.config.v1+json"
        run husk registry referrers --artifact-type other "$open/ref/one"
        same "$(tail -n +2 <<<"$output")" ''
        # Who is removed refers to nothing any more.
        husk registry rm "$open/ref/one:signature"
        run husk registry referrers --format '{{.Digest}}' "$open/ref/one"
        same "$output" ''
}

@test "what refers to an image, where the registry knows" {
        run husk registry referrers --format '{{.ArtifactType}}' "$address/knows/x@sha256:$(printf %064d 0)"
        same "$output" "$(printf '%s\n' application/x.first application/x.second)"
        # Then nobody writes an index.
        make_referrer
        husk pull -q "oci:$here/referrer:one"
        husk push -q localhost/referrer:one "$address/knows/x"
        not_has "$(grep PUT "$asked")" '/manifests/sha256-'
}

@test "an image is removed, with all its tags" {
        local digest
        address=$open push rm/one:a
        address=$open push rm/one:b
        digest=$(jq -r '.manifests[0].digest' "$box/layout/index.json")
        run husk registry rm "$open/rm/one:a"
        same "$output" "Removed: $open/rm/one@$digest"
        run skopeo inspect --tls-verify=false "docker://$open/rm/one:b"
        same "$status" 1
        run husk registry rm "$open/rm/one:a" "$open/rm/two"
        same "$status" 1
        has "$output" "$open has no manifests/a of 'rm/one'"
        has "$output" "$open has no manifests/latest of 'rm/two'"
        husk pull -q "oci:$box/layout:one"
        husk push -q localhost/layout:one "$address/no-delete/x"
        run husk registry rm "$address/no-delete/x@$digest"
        same "$status" 1
        has "$output" "$address does not let anybody remove manifests"
}
