# SPDX-License-Identifier: Apache-2.0
# TLS with a CA of one's own, names and passwords, mirrors, credential helpers: from the user's files to a real
# registry.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        cd "$box" || return 1
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.crt \
                -addext keyUsage=critical,keyCertSign 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout host.key -out host.csr 2>/dev/null
        printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >host.ext
        openssl x509 -req -in host.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile host.ext -out host.crt 2>/dev/null
        htpasswd -Bbc users ann 'p w:x' 2>/dev/null
        local auth="auth: {htpasswd: {realm: test, path: $box/users}}"
        serve locked "$auth"
        export locked=$address
        push library/one:latest --dest-creds 'ann:p w:x'
        serve tls "  tls: {certificate: $box/host.crt, key: $box/host.key}" "$auth"
        export tls=$address
        push library/two:latest --dest-creds 'ann:p w:x'
        serve empty
        export empty=$address
}
teardown_file() { unserve; }

setup() {
        client_setup
}

login() { printf '%s\n' "$1" | husk login -u "$2" --password-stdin "$3"; }

@test "a right password is kept, a wrong one is not" {
        run login 'p w:y' ann "$locked"
        same "$status" 1
        has "$output" "$locked does not let us have '/v2/'"
        [ ! -e "$here/auth.json" ]
        run login 'p w:x' ann "$locked"
        same "$output" "Login succeeded; the password is in $here/auth.json, readable by you alone."
        same "$(stat -c %a "$here/auth.json")" 600
        same "$(jq -r --arg r "$locked" '.auths[$r].auth' "$here/auth.json" | base64 -d)" 'ann:p w:x'
}

@test "what login has written, skopeo reads; logout takes it out" {
        login 'p w:x' ann "$locked"
        skopeo inspect --tls-verify=false --authfile "$here/auth.json" "docker://$locked/library/one" >/dev/null
        run husk logout "$locked"
        same "$output" "Removed the credentials for $locked."
        same "$(jq -c .auths "$here/auth.json")" '{}'
        run husk logout "$locked"
        same "$output" "Not logged in to $locked."
}

@test "a registry with TLS: its CA has to be known" {
        run login 'p w:x' ann "$tls"
        same "$status" 1
        has "$output" 'certificate'
        jq -n --arg r "$tls" --arg ca "$box/ca.crt" '{hosts:{($r):{ca:$ca}}}' >"$here/registries.json"
        run login 'p w:x' ann "$tls"
        same "$status" 0
}

@test "insecure: TLS without looking who it is" {
        jq -n --arg r "$tls" '{hosts:{($r):{insecure:true}}}' >"$here/registries.json"
        run login 'p w:x' ann "$tls"
        same "$status" 0
}

@test "a blocked registry is not asked" {
        jq -n --arg r "$locked" '{hosts:{($r):{blocked:true}}}' >"$here/registries.json"
        run login 'p w:x' ann "$locked"
        same "$status" 1
        has "$output" "$locked is blocked in $here/registries.json"
}

@test "what is wrong in the file is told by its place" {
        printf '{"hosts":{"a.io":{"mirrored":[]}}}' >"$here/registries.json"
        run login 'p w:x' ann "$locked"
        same "$status" 1
        has "$output" "$here/registries.json:1:30: /hosts/a.io/mirrored: unknown member, expected one of mirrors, "
}

@test "a credential helper's password" {
        mkdir "$here/bin"
        printf '%s\n' '#!/bin/sh' 'read -r host' \
                '[ "$1 $host" = "get $EXPECTED" ] || { echo "credentials not found in native keychain"; exit 1; }' \
                'echo "{\"ServerURL\":\"x\",\"Username\":\"ann\",\"Secret\":\"p w:x\"}"' \
                >"$here/bin/docker-credential-husktest"
        chmod 755 "$here/bin/docker-credential-husktest"
        printf '{"credsStore":"husktest"}' >"$here/auth.json"
        EXPECTED=$locked PATH=$here/bin:$PATH run ask_settings manifest "$locked" library/one latest "$here/m"
        same "$status" 0
        EXPECTED=other PATH=$here/bin:$PATH run ask_settings manifest "$locked" library/one latest "$here/m"
        same "$status" 1
        has "$output" "EACCES: $locked wants a user name and a password"
        has "$output" "hint: husk login $locked"
}

# As ask, with the settings that the user's files give.
ask_settings() { ask - "$@"; }

@test "a mirror is asked first, and the registry when the mirror has nothing" {
        login 'p w:x' ann "$locked"
        jq -n --arg r "$empty" --arg m "$locked" '{hosts:{($r):{mirrors:[$m]}}}' >"$here/registries.json"
        # What only the mirror has ...
        run ask_settings manifest "$empty" library/one latest "$here/m"
        same "$status" 0
        # ... and what only the registry has, behind a mirror that is empty and one that is not there.
        jq -n --arg r "$locked" --arg m "$empty" '{hosts:{($r):{mirrors:["127.0.0.1:1",$m]}}}' >"$here/registries.json"
        run ask_settings manifest "$locked" library/one latest "$here/n"
        same "$status" 0
        cmp "$here/m" "$here/n"
        run ask_settings manifest "$locked" library/absent latest "$here/n"
        has "$output" "ENOENT: $locked has no manifests/latest of 'library/absent'"
}

@test "bad usage" {
        run husk login "$locked"
        same "$status" 1
        has "$output" 'login needs --username and --password-stdin'
        run login x 'a:b' "$locked"
        has "$output" 'a user name has no colon in it'
        run login x ann 'https://x.io/v2/'
        has "$output" "'https://x.io/v2/' is no registry: expected HOST[:PORT]"
        run login '' ann "$locked"
        has "$output" 'there is no password on standard input'
}
