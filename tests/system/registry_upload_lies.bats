# SPDX-License-Identifier: Apache-2.0
# A registry that does not mean well, and is written to: each lie ends in one sentence, in bounded time and after a
# bounded number of requests, and the user's password is where it was.
load registry_helper

setup_file() {
        export box=$BATS_FILE_TMPDIR
        registry_setup
        head -c 200000 /dev/urandom >"$box/other"
        lie "$box/other"
        export address asked
        export secret="{\"credentials\":{\"$address\":{\"username\":\"u\",\"password\":\"hunter2\"}},\"patience\":1}"
        export pieces="{\"hosts\":{\"$address\":{\"chunk\":50000}},\"patience\":5}"
}
teardown_file() { unserve; }
# Every test has a blob of its own: what the registry has taken once it knows.
setup() {
        registry_setup
        here=$BATS_TEST_TMPDIR
        head -c 200000 /dev/urandom >"$here/blob"
        digest=$(digest_of "$here/blob")
}

upload() { ask "${settings:-$secret}" push "$address" "$1/x" "$here/blob" "$digest"; }
asked_for() { grep -F "/v2/$1/" "$asked"; }
refused() { # refused HOW WORDS...
        run upload "$1"
        same "$status" 1
        has "$output" "${*:2}"
        [ "$(asked_for "$1" | wc -l)" -lt 30 ]
}
goes_well() { # goes_well HOW
        run upload "$1"
        same "$output" '200000 pushed'
        run upload "$1"
        same "$output" '200000 there'
}

@test "the lies are about this truth" { goes_well well; }
@test "a redirect of the bytes to itself" { refused loops "ELOOP: blob $digest: $address: more than 5 redirects"; }
@test "a redirect of the first word to itself" { refused loops-at-once 'ELOOP: '; }
@test "a redirect that would make a GET of it" { refused to-get "EPROTO: blob $digest: $address: a redirect of 'blobs/$digest': status 303 for PUT"; }
@test "an upload that is nowhere" { refused nowhere "EPROTO: blob $digest: $address: the place of the upload: it does not say where"; }
@test "an upload into a file" { refused to-file "EPROTO: blob $digest: $address: the place of the upload: sent to 'file:///etc/passwd'"; }
@test "201 without having it" { refused has-not "EREMOTEIO: blob $digest: $address says that it has taken it, and has it not"; }
@test "taken as another one" { refused other-digest "EBADMSG: blob $digest: $address has taken it as 'sha256:\\x1b[31m000"; }
@test "an answer without an end is not listened to" { goes_well endless; }
@test "an answer that drips" { refused drips 'ETIMEDOUT: '; }
@test "no answer at all" { refused mute 'ETIMEDOUT: '; }
@test "202 for ever" { refused for-ever "EPROTO: blob $digest: $address answers with status 202 instead of 201 to the end of an upload"; }
@test "pieces that are taken and are nowhere" { settings=$pieces refused takes-nothing "EREMOTEIO: blob $digest: $address takes pieces of it, and has no more of it than before"; }
@test "pieces of which a byte is kept" {
        settings=$pieces refused crawls "EREMOTEIO: blob $digest: $address takes pieces of it, and has hardly more of it than before"
        settings='{"patience":5}' refused crawls 'has hardly more of it than before'
}
@test "half of each piece is progress" { settings=$pieces goes_well half; }
@test "no more than eight times what the blob has" {
        settings=${pieces/50000/8000} run upload forgets-again
        same "$status" 1
        has "$output" "EREMOTEIO: blob $digest: $address has been sent 1600000 bytes for 200000, and has it not"
        [ "$(asked_for forgets-again | grep -c ' PATCH ')" -lt 250 ]
}
@test "more than was sent" { settings=$pieces refused has-more "EPROTO: blob $digest: $address says that it has more of it than was sent"; }
@test "too large, however small the pieces" { refused too-large-always "EREMOTEIO: blob $digest: $address answers with status 413"; }
@test "busy for ever" { refused busy-always "EAGAIN: blob $digest: $address asks for patience (status 429): slower"; }
@test "no" { refused denied "EACCES: blob $digest: $address does not let us change 'denied/x': not for you"; }

@test "busy twice each time, then well" { goes_well busy; }

@test "too large for one PUT: in pieces" {
        goes_well too-large
        same "$(asked_for too-large | grep -c ' PATCH ')" 1
}

@test "pieces are as large as the registry wants them" {
        settings=$pieces goes_well least
        same "$(asked_for least | grep ' PATCH ' | grep -o '[0-9]*-[0-9]*$')" "$(printf '%s\n' 0-65535 65536-131071 131072-196607 196608-199999)"
}

@test "a connection that breaks goes on where it was" {
        goes_well breaks
        same "$(asked_for breaks | grep ' PATCH ' | grep -o '[0-9]*-[0-9]*$')" 100000-199999
}

@test "... or from the beginning, where nothing is known of it" {
        goes_well forgets
        same "$(asked_for forgets | grep -c ' PUT ')" 2
}

@test "... or is done, when only the answer was lost" {
        goes_well breaks-done
        same "$(asked_for breaks-done | grep -c ' PUT ')" 1
}

@test "an upload on another host is shown no password" {
        goes_well away
        has "$(asked_for away)" 'Basic '
        has "$(grep '^foreign' "$asked")" "foreign PUT /v2/here/x/blobs/uploads/away?digest=$digest"
        not_has "$(grep '^foreign' "$asked")" 'Basic'
}

@test "... even when it asks for it" {
        refused away-asks "EACCES: "
        not_has "$(grep '^foreign' "$asked")" 'Basic'
}

@test "... nor when the bytes are sent there by a redirect" {
        goes_well sent-away
        has "$(asked_for sent-away)" 'Basic '
        not_has "$(grep '^foreign' "$asked")" 'Basic'
}

@test "a token, to read and to write and for nothing else" {
        goes_well token
        local line
        line=$(grep -F 'GET /token?' "$asked" | tail -n 1)
        has "$line" 'scope=repository%3atoken%2fx%3apull%2cpush '
}

manifest() { ask "$secret" put "$address" "$1/x" tag "$here/blob" "$digest"; }

@test "a manifest is believed to be there when it is there" {
        run manifest well
        same "$output" -
        run manifest other-digest
        same "$status" 1
        has "$output" "EBADMSG: $address has tag as 'sha256:1111"
        run manifest has-not
        same "$status" 1
        has "$output" "EREMOTEIO: $address says that it has taken manifest $digest, and has it not"
        run manifest for-ever
        same "$status" 1
        has "$output" "EREMOTEIO: $address says that it has taken manifest $digest, and has it not"
        run manifest loops-at-once
        same "$status" 1
        has "$output" 'ELOOP: '
}

# The controls: who takes every host for the registry; who does not look at the digest; skopeo(1), which does not ask
# whether it is there. The last test, since what was asked stays in the log.
@test "what this does to who believes it" {
        run weakly origin upload away-asks
        has "$(grep '^foreign .* /v2/asks/' "$asked")" "Basic $(printf u:hunter2 | base64)"
        run weakly digest upload other-digest
        same "$output" '200000 pushed'
        make_layout
        run -0 skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$box/layout:one" "docker://$address/has-not/x:one"
        run -1 skopeo inspect --raw --tls-verify=false "docker://$address/has-not/x:one"
}
