# SPDX-License-Identifier: Apache-2.0
# A registry that does not mean well: each lie ends in one sentence, in bounded time, and with the user's
# password where it was.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        head -c 200000 /dev/urandom >"$box/blob"
        lie "$box/blob"
        export address asked
        export digest
        digest=$(digest_of "$box/blob")
        export secret="{\"credentials\":{\"$address\":{\"username\":\"u\",\"password\":\"hunter2\"}},\"patience\":1}"
}
teardown_file() { unserve; }
setup() {
        registry_setup
        here=$BATS_TEST_TMPDIR
}

blob() { ask "$secret" blob "$address" "$1/x" "$digest" 200000 gzip "$here/blob" -; }
manifest() { ask "$secret" manifest "$address" "$1/x" latest "$here/manifest"; }
# asked_for WORD: the lines of the log about it.
asked_for() { grep -F "/v2/$1/" "$asked"; }
refused() { # refused HOW WORDS...
        run "${what:-blob}" "$1"
        same "$status" 1
        shift
        has "$output" "$*"
}

@test "the lies are about this truth" {
        run blob fine
        same "$output" '200000 -'
        cmp "$here/blob" "$box/blob"
        run manifest fine
        has "$output" 'application/vnd.oci.image.manifest.v1+json 1'
}

@test "other bytes" { refused other-bytes "EBADMSG: blob $digest: its bytes are those of sha256:"; }
@test "more bytes than are announced" { refused longer "EBADMSG: blob $digest: 200004 bytes are announced, not 200000"; }
@test "fewer bytes" { refused shorter "EBADMSG: blob $digest: 199996 bytes are announced, not 200000"; }
@test "more bytes, unannounced" { refused longer-unsaid "EFBIG: blob $digest: there are more bytes than the 200000 that it has"; }
@test "a body without an end" { refused endless "EFBIG: blob $digest: there are more bytes than the 200000 that it has"; }
@test "a byte every tenth of a second" { refused drip 'ETIMEDOUT: '; }
@test "while it waits for bytes, it holds no files of libraries that nobody calls" {
        local client worker='' pages=999999
        "$ask" "$helper" "${secret/patience*/patience\":20\}}" blob "$address" drip/memory "$digest" 200000 gzip \
                "$here/blob" - >/dev/null 2>&1 3>&- &
        client=$!
        for ((i = 0; i < 200; i++)); do
                [ ! -s "$here/blob" ] || break
                sleep 0.05
        done
        worker=$(pgrep -P "$client" husk-registry)
        pages=$(awk '$1 == "RssFile:" { print $2 }' "/proc/$worker/status")
        kill "$client"
        wait "$client" || :
        [ "$pages" -lt 7000 ] || { echo "$pages KiB of files" && return 1; }
}
@test "no answer at all" { refused mute 'ETIMEDOUT: '; }
@test "a header without an end" { refused huge-header 'E2BIG: '; }
@test "a redirect to itself" { refused loop "ELOOP: blob $digest: $address: more than 5 redirects"; }
@test "a redirect to a file" { refused to-file "EPROTO: blob $digest: $address: a redirect of 'blobs/$digest': sent to 'file:///etc/passwd'"; }
@test "no" { refused denied "EACCES: blob $digest: $address does not let us have 'denied/x': not for you"; }
@test "a challenge that is none" { refused strange-challenge 'EACCES: '; }
@test "always busy" { refused always-busy "EAGAIN: blob $digest: $address asks for patience (status 429): slower"; }
@test "another part than was asked for" { refused wrong-range "EPROTO: blob $digest: another part was sent than was asked for"; }
@test "ten megabytes of manifest" { what=manifest refused big-manifest 'EFBIG: the manifest has more than 4 MiB'; }
@test "the same, unannounced" { what=manifest refused big-unsaid 'EFBIG: the manifest has more than 4 MiB'; }
@test "an empty manifest" { what=manifest refused empty 'EBADMSG: the manifest is empty'; }

@test "a page instead of a manifest is told as what it is" {
        run manifest html
        has "$output" 'text/html; charset=utf-8 26 '
}

@test "the server's words cannot change the terminal" {
        run ask "$secret" manifest "$address" 'nothing' 'a/b' "$here/m"
        has "$output" 'no such \x1b[31mthing'
}

@test "busy twice, then well" {
        run blob busy
        same "$output" '200000 -'
        same "$(asked_for busy | wc -l)" 3
}

@test "a server that is out of order for a moment" {
        run blob broken-server
        same "$output" '200000 -'
}

@test "a connection that breaks goes on where it was" {
        run blob breaks
        same "$output" '200000 -'
        cmp "$here/blob" "$box/blob"
        same "$(asked_for breaks | grep -c 'bytes=')" 2
}

@test "from the beginning where there are no ranges" {
        run blob no-ranges
        same "$output" '200000 -'
        cmp "$here/blob" "$box/blob"
}

@test "a token, for what we need and no more" {
        run blob token
        same "$output" '200000 -'
        local line
        line=$(grep -F 'GET /token?' "$asked" | tail -n 1)
        has "$line" 'service=s%20e&scope=repository%3atoken%2fx%3apull '
        has "$line" "Basic $(printf u:hunter2 | base64)"
        # ... and it is kept: one question for the token of two blobs would need one process.
        same "$(asked_for token | grep -c 'Bearer good')" 1
}

@test "a token with a line break in it" { refused bad-token 'EBADMSG: '; }
@test "a token of 64 KiB" { refused huge-token 'E2BIG: '; }

@test "credentials stay where they belong: a redirect to another host" {
        run blob away-asked
        same "$output" '200000 -'
        has "$(asked_for away-asked)" 'Basic '
        has "$(grep -F "foreign GET /v2/fine/x/" "$asked")" 'foreign'
        not_has "$(grep '^foreign' "$asked")" 'Basic'
}

@test "... even when it asks for them" {
        refused away 'EACCES: '
        not_has "$(grep '^foreign' "$asked")" 'Basic'
}

# On [::1], where the beginnings of addresses are alike.
six() {
        grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null || skip "there is no IPv6 here"
        lie --six "$box/blob"
        secret="{\"credentials\":{\"$address\":{\"username\":\"u\",\"password\":\"hunter2\"}},\"patience\":5}"
}

@test "nor does a server of tokens on another host have them without TLS" {
        refused token-away "EPROTO: blob $digest: $address wants a token: the token would have to be fetched without TLS"
        not_has "$(cat "$asked")" 'foreign GET /token'
}

@test "... nor when both hosts are IPv6 addresses" {
        six
        run blob token
        same "$output" '200000 -'
        has "$(grep -F 'registry GET /token?' "$asked")" "Basic $(printf u:hunter2 | base64)"
        run blob token-away
        has "$output" 'the token would have to be fetched without TLS'
        secret="{\"credentials\":{\"$address\":{\"identityToken\":\"hunter3\"}},\"patience\":5}"
        run blob token-away
        has "$output" 'the token would have to be fetched without TLS'
        same "$(grep -c '^foreign [GP]' "$asked" || :)" 0
}

@test "a registry leads to no address of this link, unless it is at one" {
        [ "$(id -u)" = 0 ] || skip 'needs root, for a network of its own'
        local ns foreign hosts
        printf '127.0.0.1 localhost\n169.254.169.254 metadata.test\n' >"$here/hosts"
        # shellcheck disable=SC2016 # expanded there
        unshare -nm sh -c 'ip link set lo up && ip addr add 169.254.169.254/32 dev lo &&
                mount --bind "$1" /etc/hosts && : >"$2" && exec sleep 100' sh "$here/hosts" "$here/ready" 3>&- &
        ns=$!
        echo $ns >>"$box/pids"
        for ((i = 0; i < 600; i++)); do [ ! -e "$here/ready" ] || break; sleep 0.05; done
        python3() { exec nsenter -n -m -t $ns python3 "$@"; }
        ask() { timeout -k 5 60 nsenter -n -m -t $ns "$ask" "$helper" "$@" 3>&-; }
        lie --foreign 169.254.169.254 "$box/blob"
        unset -f python3
        foreign=$(sed -n 's/^foreign on //p' "$asked")
        secret='{"patience":5}'
        refused elsewhere "EPERM: blob $digest: sent to $foreign, an address of this link (169.254.0.0/16, fe80::/10)"
        refused by-name "EPERM: blob $digest: sent to metadata.test:${foreign#*:}, an address of this link"
        head -c 1000 /dev/urandom >"$here/up"
        hosts="{\"credentials\":{\"$address\":{\"username\":\"u\",\"password\":\"p\"}},\"patience\":5}"
        run ask "$hosts" push "$address" sent-away/x "$here/up" "$(digest_of "$here/up")"
        has "$output" "sent to $foreign, an address of this link"
        # A proxy would ask in our name: what has no name is not asked of it either.
        secret="{\"patience\":5,\"proxies\":{\"http\":\"http://$address\"}}"
        refused elsewhere "sent to $foreign, an address of this link"
        same "$(grep -c '^foreign [A-Z]' "$asked" || :)" 0
        # The user may go there, and who is there may lead to others there.
        hosts="{\"hosts\":{\"$foreign\":{\"insecure\":true}},\"patience\":5}"
        run ask "$hosts" blob "$foreign" by-name/x "$digest" 200000 gzip "$here/blob" -
        same "$output" '200000 -'
        same "$(grep -c '^foreign GET /v2/fine' "$asked")" 1
        # The control.
        secret='{"patience":5}'
        for how in elsewhere by-name; do
                run weakly link blob $how
                same "$output" '200000 -'
        done
        kill $ns
}

@test "nor does a redirect say who we are" {
        run blob to-user
        same "$output" '200000 -'
        not_has "$(cat "$asked")" "$(printf someone:secret | base64)"
}

@test "how a registry is trusted is not how a host is to which it sends us" {
        local foreign hosts
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=none -keyout "$here/pem" -out "$here/crt" 2>/dev/null
        cat "$here/crt" >>"$here/pem"
        lie --tls "$here/pem" "$box/blob"
        foreign=$(sed -n 's/^foreign on //p' "$asked")
        hosts="{\"hosts\":{\"$address\":{\"insecure\":true}},\"patience\":10}"
        run ask "$hosts" blob "$address" fine/x "$digest" 200000 gzip "$here/blob" -
        same "$output" '200000 -'
        run ask "$hosts" blob "$address" elsewhere/x "$digest" 200000 gzip "$here/blob" -
        has "$output" EKEYREJECTED
        # the control: it may be trusted, too, when the user says so
        hosts="{\"hosts\":{\"$address\":{\"insecure\":true},\"$foreign\":{\"insecure\":true}},\"patience\":10}"
        run ask "$hosts" blob "$address" elsewhere/x "$digest" 200000 gzip "$here/blob" -
        same "$output" '200000 -'
}

# The controls: who takes every host for the registry shows the password; who does not look at the digest keeps what
# came; where no size is known there is no end, nor has the wait one for who is patient; curl(1) follows on and on, and
# reads any header. The last test, since what was asked stays in the log.
@test "what all this does to who believes it" {
        local patient=${secret/patience*/patience\":600\}}
        run weakly origin blob away
        has "$(grep '^foreign GET /v2/away/' "$asked")" "Basic $(printf u:hunter2 | base64)"
        run weakly origin blob token-away
        has "$(grep '^foreign GET /token?' "$asked")" "Basic $(printf u:hunter2 | base64)"
        run weakly digest blob other-bytes
        same "$output" '200000 -'
        [ "$(digest_of "$here/blob")" != "$digest" ]
        LIMIT=3 run ask "$patient" blob "$address" endless/x "$digest" 1000000000000 gzip - -
        same "$status" 124
        LIMIT=5 run ask "$patient" blob "$address" mute/x "$digest" 200000 gzip - -
        same "$status" 124
        run timeout 5 curl -s -L --max-redirs -1 -o /dev/null "http://$address/v2/loop/naive/blobs/$digest"
        [ "$(asked_for loop/naive | wc -l)" -gt 20 ]
        run -28 curl -s -m 5 -o /dev/null -w '%{size_header}' "http://$address/v2/huge-header/x/blobs/$digest"
        [ "$output" -gt 65536 ]
}
