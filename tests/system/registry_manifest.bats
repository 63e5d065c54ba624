# SPDX-License-Identifier: Apache-2.0
# Manifests from real registries: plain http, https with a CA of its own, name and password, and what is said when
# there is none.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        serve plain
        export plain=$address
        push library/one:latest
}
teardown_file() { unserve; }
setup() { registry_setup; }

@test "a manifest from a registry on this machine, byte for byte" {
        run ask '{}' manifest "$plain" library/one latest "$BATS_TEST_TMPDIR/m"
        same "$status" 0
        skopeo --insecure-policy inspect --raw --tls-verify=false "docker://$plain/library/one:latest" >"$BATS_TEST_TMPDIR/skopeo"
        cmp "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/skopeo"
        same "$output" "application/vnd.oci.image.manifest.v1+json $(stat -c %s "$BATS_TEST_TMPDIR/m") $(digest_of "$BATS_TEST_TMPDIR/m")"
}

@test "the same by its digest" {
        ask '{}' manifest "$plain" library/one latest "$BATS_TEST_TMPDIR/m"
        ask '{}' manifest "$plain" library/one "$(digest_of "$BATS_TEST_TMPDIR/m")" "$BATS_TEST_TMPDIR/n"
        cmp "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/n"
}

@test "what is not there is said in one sentence" {
        run ask '{}' manifest "$plain" library/one absent "$BATS_TEST_TMPDIR/m"
        same "$status" 1
        same "$output" "ENOENT: $plain has no manifests/absent of 'library/one': manifest unknown"
}

@test "nobody there: after a few tries, with the reason" {
        run ask '{}' manifest 127.0.0.1:1 library/one latest "$BATS_TEST_TMPDIR/m"
        same "$status" 1
        has "$output" 'ECONNREFUSED: cannot speak to 127.0.0.1:1: '
}

@test "an ordinary user's husk-registry" {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        local there
        there=$(mktemp -d "/var/tmp/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        cp "$helper" "$ask" "$there"
        chmod -R a+rX "$there"
        install -d -o 4711 "$there/out"
        run setpriv --reuid 4711 --regid 4711 --clear-groups timeout 60 "$there/probe_ask_registry" \
                "$there/husk-registry" '{}' manifest "$plain" library/one latest "$there/out/m"
        skopeo --insecure-policy inspect --raw --tls-verify=false "docker://$plain/library/one:latest" |
                cmp "$there/out/m" - || status=2
        rm -rf "$there"
        same "$status" 0
}
