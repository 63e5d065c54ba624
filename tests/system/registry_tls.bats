# SPDX-License-Identifier: Apache-2.0
# HTTPS to a registry with a CA of one's own, client certificates, proxies: pulls and pushes through all of them.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        make_layout
        make_certificates
        serve tls "  tls: {certificate: $box/host.crt, key: $box/host.key}"
        export tls=$address
        serve strict "  tls: {certificate: $box/host.crt, key: $box/host.key, clientcas: [$box/ca.crt]}"
        export strict=$address
        serve plain
        export plain=$address
        start_proxy https "$tls"
        export https_log=$log https_proxy_url=http://$address
        start_proxy http "$plain"
        export http_log=$log http_proxy_url=http://$address
        PROXY_USER=carl:pass start_proxy locked "$tls"
        export locked_proxy_url=http://carl:pass@$address
}
teardown_file() { unserve; }

setup() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        client_setup
        export XDG_CONFIG_HOME=$here/config
        unset http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
}

# A CA, what it has signed for the hosts of this file, and for a user.
make_certificates() {
        cd "$box" || return 1
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.crt \
                -addext keyUsage=critical,keyCertSign 2>/dev/null
        sign host 'subjectAltName=IP:127.0.0.1,DNS:registry.test'
        sign user 'extendedKeyUsage=clientAuth'
}

sign() { # sign NAME EXTENSION
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
        openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile <(echo "$2") -out "$1.crt" 2>/dev/null
}

start_proxy() { # start_proxy NAME TARGET: its address is in $address, what it was asked in $log
        log=$box/proxy.$1
        python3 "$BATS_TEST_DIRNAME/forward_proxy.py" "$2" >>"$log" 2>&1 3>&- &
        echo $! >>"$box/pids"
        await_address "$log"
}

# There and back by husk, and read by skopeo, to whom the same certificates are shown.
round_trip() { # round_trip REGISTRY [OPTION...]
        husk pull -q "oci:$box/layout:one"
        husk push -q "${@:2}" localhost/layout:one "$1/trip/one"
        husk --root "$here/back" pull -q "${@:2}" "$1/trip/one"
        run -0 husk --root "$here/back" system check
        same "$(husk --root "$here/back" image inspect -f '{{json .RootFS}}' "$1/trip/one")" \
                "$(husk image inspect -f '{{json .RootFS}}' localhost/layout:one)"
}
# The directory that docker and podman would look into for this host.
certs_d() {
        mkdir -p "$here/config/containers/certs.d/$1"
        cp "$box/ca.crt" "$here/config/containers/certs.d/$1/"
        echo "$here/config/containers/certs.d/$1"
}

@test "a registry whose CA nobody knows is not spoken to" {
        husk pull -q "oci:$box/layout:one"
        run husk push -q --tls-verify=true localhost/layout:one "$tls/trip/one"
        same "$status" 1
        has "$output" 'certificate'
        has "$output" 'its certificate can be named in the registries file'
}

@test "the CA as a file and as a directory in registries.json" {
        jq -n --arg r "$tls" --arg ca "$box/ca.crt" '{hosts:{($r):{ca:$ca}}}' >"$here/registries.json"
        round_trip "$tls"
        mkdir "$here/cas"
        cp "$box/ca.crt" "$here/cas/test.pem"
        jq -n --arg r "$tls" --arg ca "$here/cas" '{hosts:{($r):{ca:$ca}}}' >"$here/registries.json"
        husk --root "$here/again" pull -q "$tls/trip/one"
        rm "$here/cas/test.pem"
        run husk pull -q "$tls/trip/one"
        has "$output" "there is no *.crt and no *.pem in '$here/cas'"
}

@test "certificates where docker and podman have them, and who we are" {
        local dir
        certs_d "$tls"
        round_trip "$tls"
        skopeo inspect --cert-dir "$(certs_d "$tls")" --no-tags "docker://$tls/trip/one" >/dev/null
        # One that wants to see a certificate.
        dir=$(certs_d "$strict")
        run husk push -q localhost/layout:one "$strict/trip/one"
        same "$status" 1
        cp "$box/user.crt" "$dir/client.cert"
        run husk push -q localhost/layout:one "$strict/trip/one"
        same "$status" 1
        has "$output" 'client.cert has no key beside it'
        cp "$box/user.key" "$dir/client.key"
        round_trip "$strict"
        # The same directory on the command line.
        mv "$dir" "$here/elsewhere"
        round_trip "$strict" --cert-dir "$here/elsewhere"
        run husk pull -q --cert-dir "$here/nowhere" "$strict/trip/one"
        has "$output" "there is no directory '$here/nowhere'"
}

@test "without looking who it is, when that is said" {
        round_trip "$tls" --tls-verify=false
        # What is said for once counts more than the file.
        jq -n --arg r "$tls" '{hosts:{($r):{insecure:true}}}' >"$here/registries.json"
        run husk --root "$here/other" pull -q --tls-verify=true "$tls/trip/one"
        same "$status" 1
        has "$output" 'certificate'
}

@test "login with certificates" {
        run husk login -u ann --password-stdin --cert-dir "$here/nowhere" "$tls" <<<x
        has "$output" "there is no directory '$here/nowhere'"
        mkdir "$here/certs"
        cp "$box/ca.crt" "$here/certs"
        husk login -u ann --password-stdin --cert-dir "$here/certs" --tls-verify=true "$tls" <<<x
}

@test "through a proxy, by TLS: the environment" {
        certs_d registry.test:5000
        : >"$https_log"
        HTTPS_PROXY=$https_proxy_url round_trip registry.test:5000
        same "$(sort -u "$https_log")" 'CONNECT registry.test:5000 HTTP/1.1'
}

@test "through a proxy, by TLS: the file, which counts more; and one that wants a password" {
        certs_d registry.test:5000
        : >"$https_log"
        jq -n --arg p "$https_proxy_url" '{proxies:{https:$p}}' >"$here/registries.json"
        HTTPS_PROXY=http://127.0.0.1:1 round_trip registry.test:5000
        has "$(cat "$https_log")" 'CONNECT registry.test:5000 HTTP/1.1'
        https_proxy=$locked_proxy_url HUSK_REGISTRIES=/nonexistent round_trip registry.test:5000
        https_proxy=${locked_proxy_url/pass/wrong} HUSK_REGISTRIES=/nonexistent run husk pull -q registry.test:5000/trip/one
        same "$status" 1
        has "$output" '407'
}

@test "through a proxy, without TLS" {
        : >"$http_log"
        jq -n '{hosts:{"registry.test:5000":{insecure:true}}}' >"$here/registries.json"
        HTTP_PROXY=$http_proxy_url HTTPS_PROXY=http://127.0.0.1:1 round_trip registry.test:5000
        has "$(cat "$http_log")" 'GET http://registry.test:5000/v2/'
        has "$(cat "$http_log")" 'PUT http://registry.test:5000/v2/trip/one/blobs/uploads/'
}

@test "no proxy for whom none is wanted, nor for this machine" {
        certs_d "$tls"
        : >"$https_log"
        HTTPS_PROXY=$https_proxy_url round_trip "$tls"
        same "$(cat "$https_log")" ''
        certs_d registry.test:5000
        HTTPS_PROXY=$https_proxy_url NO_PROXY=registry.test run husk pull -q registry.test:5000/trip/one
        same "$status" 1
        same "$(cat "$https_log")" ''
}
