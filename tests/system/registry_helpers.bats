#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# login and logout into docker's credential helpers: a program of the test's own that keeps its files in a directory.
load registry_helper

# shellcheck disable=SC2154,SC2030,SC2031 # set by bats and the helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        htpasswd -Bbc "$box/users" ann 'p"w:x' 2>/dev/null
        serve locked "auth: {htpasswd: {realm: test, path: $box/users}}"
        export locked=$address
        push library/one:latest --dest-creds 'ann:p"w:x'
}
teardown_file() { unserve; }

setup() {
        client_setup
        mkdir "$here/bin" "$here/kept"
        cat >"$here/bin/docker-credential-husktest" <<'SCRIPT'
#!/bin/sh
# A line of $KEPT/log for each call; what is kept is $KEPT/HOST, the document as it came.
echo "$# $1" >>"$KEPT/log"
[ ! -e "$KEPT/broken" ] || { printf 'the key\033 is lost\nand more\n'; exit 1; }
case $1 in
store)
        cat >"$KEPT/new"
        mv "$KEPT/new" "$KEPT/$(jq -r .ServerURL "$KEPT/new" | tr / _)"
        ;;
get)
        name=$(tr / _)
        [ -e "$KEPT/$name" ] || { echo 'credentials not found in native keychain'; exit 1; }
        jq -c '{ServerURL,Username,Secret}' "$KEPT/$name"
        ;;
erase) rm -f "$KEPT/$(tr / _)" ;;
*) exit 2 ;;
esac
SCRIPT
        chmod 755 "$here/bin/docker-credential-husktest"
        export KEPT=$here/kept PATH=$here/bin:$PATH
}

login() { printf '%s\n' "$1" | husk login -u "$2" --password-stdin "$3"; }
kept() { find "$KEPT" -type f ! -name log ! -name broken -printf '%f\n' | sort; }

@test "credsStore: the helper keeps the password, and the file an empty entry" {
        printf '{"credsStore":"husktest","HttpHeaders":{"A":"b"}}' >"$here/auth.json"
        run login 'p"w:x' ann "$locked"
        same "$output" "Login succeeded; docker-credential-husktest keeps the password."
        same "$status" 0
        same "$(kept)" "$locked"
        same "$(jq -c . "$KEPT/$locked")" "$(jq -nc --arg r "$locked" '{ServerURL:$r,Username:"ann",Secret:"p\"w:x"}')"
        same "$(jq -c . "$here/auth.json")" \
                "$(jq -nc --arg r "$locked" '{auths:{($r):{}},credsStore:"husktest",HttpHeaders:{A:"b"}}')"
        husk pull -q "$locked/library/one"
        run husk logout "$locked"
        same "$output" "Removed the credentials for $locked."
        same "$(kept)" ''
        same "$(jq -c .auths "$here/auth.json")" '{}'
        run husk logout "$locked"
        same "$output" "Not logged in to $locked."
        same "$status" 0
}

@test "what another client has stored, logout takes out" {
        printf '{"credHelpers":{"%s":"husktest"}}' "$locked" >"$here/auth.json"
        skopeo login --tls-verify=false --authfile "$here/auth.json" -u ann -p 'p"w:x' "$locked"
        same "$(kept)" "$locked"
        run husk logout "$locked"
        same "$output" "Removed the credentials for $locked."
        same "$(kept)" ''
}

@test "credHelpers: for that registry alone; a password in the file goes" {
        login 'p"w:x' ann "$locked"
        jq --arg r "$locked" '.credHelpers={($r):"husktest"}' "$here/auth.json" >"$here/new"
        mv "$here/new" "$here/auth.json"
        login 'p"w:x' ann "$locked"
        same "$(kept)" "$locked"
        # Another client finds it by the same file.
        skopeo inspect --tls-verify=false --authfile "$here/auth.json" "docker://$locked/library/one" >/dev/null
        same "$(jq -c --arg r "$locked" '.auths[$r]' "$here/auth.json")" '{}'
        jq '.credHelpers={"other.example":"husktest"}' "$here/auth.json" >"$here/new"
        mv "$here/new" "$here/auth.json"
        run login 'p"w:x' ann "$locked"
        same "$output" "Login succeeded; the password is in $here/auth.json, readable by you alone."
        same "$(grep -c store "$KEPT/log")" 1
}

@test "a wrong password is not shown to the helper" {
        printf '{"credsStore":"husktest"}' >"$here/auth.json"
        run login 'p"w:y' ann "$locked"
        same "$status" 1
        [ ! -e "$KEPT/log" ]
        same "$(cat "$here/auth.json")" '{"credsStore":"husktest"}'
}

@test "a helper that fails: its words, and nothing is kept" {
        printf '{"credsStore":"husktest"}' >"$here/auth.json"
        touch "$KEPT/broken"
        run login 'p"w:x' ann "$locked"
        same "$status" 1
        has "$output" "the credential helper 'docker-credential-husktest' says: the key\\x1b is lost"
        not_has "$output" 'p"w'
        not_has "$output" 'and more'
        same "$(cat "$here/auth.json")" '{"credsStore":"husktest"}'
        run husk logout "$locked"
        same "$status" 1
        has "$output" "docker-credential-husktest"
        same "$(cat "$here/auth.json")" '{"credsStore":"husktest"}'
}

@test "a file that cannot be written: the helper forgets again" {
        printf '{"credsStore":"husktest"}' >"$here/auth.json"
        mkdir "$here/auth.json.husk"
        run login 'p"w:x' ann "$locked"
        same "$status" 1
        has "$output" "cannot write '$here/auth.json'"
        same "$(cut -d' ' -f2 "$KEPT/log" | tr '\n' ' ')" 'store erase '
        same "$(kept)" ''
}

@test "names that are none, and helpers that are not there" {
        local name
        for name in ../evil a/b 'a b' '$(touch x)'; do
                jq -nc --arg n "$name" '{credsStore:$n}' >"$here/auth.json"
                run login 'p"w:x' ann "$locked"
                same "$status" 1
                has "$output" "'$name' is no name of a credential helper"
        done
        printf '{"credsStore":"husk-absent"}' >"$here/auth.json"
        run login 'p"w:x' ann "$locked"
        same "$status" 1
        has "$output" "cannot run the credential helper 'docker-credential-husk-absent': No such file or directory"
        same "$(cat "$here/auth.json")" '{"credsStore":"husk-absent"}'
}
