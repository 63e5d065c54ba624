# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of registries share: Debian's docker-registry on a port of its own, images in it made by umoci and
# skopeo, and husk-registry asked through tests/probes/ask_registry.c.

bats_require_minimum_version 1.5.0

registry_setup() {
        local build=$BATS_TEST_DIRNAME/../../build
        helper=${HUSK_REGISTRY:-$(dirname "${HUSK:-$build/husk}")/husk-registry}
        ask=$build/dev/tests/probe_ask_registry
        [ -x "$helper" ] || skip "there is no $helper"
        [ -x "$ask" ] || skip "there is no $ask"
        box=$BATS_FILE_TMPDIR
        chmod 755 "$box"
}

# await_address LOG: until the server, which may not have made it yet, says there where it listens; that is in $address.
await_address() {
        local i
        : >>"$1"
        for ((i = 0; i < 600; i++)); do
                address=$(sed -n 's/.*listening on \(127[0-9.:]*\|\[::1\][0-9:]*\).*/\1/p' "$1")
                [ -z "$address" ] || return 0
                sleep 0.05
        done
        echo "the server does not start:"
        cat "$1"
        return 1
}

# serve NAME [YAML...]: a registry; its address is in $address, and its process among those that unserve ends.
serve() {
        local name=$1
        shift
        mkdir -p "$box/$name"
        {
                printf 'version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n' \
                        "$box/$name/data"
                printf 'http:\n  addr: 127.0.0.1:0\n'
                printf '%s\n' "$@"
        } >"$box/$name/config.yml"
        : >"$box/$name/log" # it is looked for before the server is there
        OTEL_TRACES_EXPORTER=none docker-registry serve "$box/$name/config.yml" >"$box/$name/log" 2>&1 3>&- &
        echo $! >>"$box/pids"
        await_address "$box/$name/log"
}

# lie FILE...: tests/system/lying_registry.py with these blobs; its address is in $address, what it was asked
# in $asked.
lie() {
        local log
        log=$(mktemp "$box/lie.XXXXXX")
        asked=$log
        python3 "$BATS_TEST_DIRNAME/lying_registry.py" "$@" >"$log" 2>&1 3>&- &
        echo $! >>"$box/pids"
        await_address "$log"
}

unserve() {
        local pid
        while read -r pid; do
                kill "$pid" 2>/dev/null || :
        done <"${box:-/nonexistent}/pids"
        rm -f "$box/pids"
}

# An OCI layout with one image of two layers, in $box/layout, tag `one`; once a file.
make_layout() {
        [ ! -e "$box/layout" ] || return 0
        mkdir -p "$box/tree/etc" "$box/tree/usr/bin"
        echo hello >"$box/tree/etc/motd"
        head -c 300000 /dev/urandom >"$box/tree/usr/bin/noise"
        ln -s noise "$box/tree/usr/bin/link"
        umoci init --layout "$box/layout"
        umoci new --image "$box/layout:one"
        umoci insert --image "$box/layout:one" "$box/tree/etc" /etc
        umoci insert --image "$box/layout:one" "$box/tree/usr" /usr
}

# push NAME [OPTION...]: that image to $address/NAME.
push() {
        local name=$1
        shift
        skopeo --insecure-policy copy -q --dest-tls-verify=false "$@" "oci:$box/layout:one" "docker://$address/$name"
}

# client_setup: husk with a store, credentials and settings of the test's own.
client_setup() {
        registry_setup
        husk=${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}
        here=$BATS_TEST_TMPDIR
        store=$here/store
        export REGISTRY_AUTH_FILE=$here/auth.json HUSK_REGISTRIES=$here/registries.json
        husk() { timeout -k 5 60 "$husk" --root "$store" --runroot "$here/run" "$@" 3>&-; }
}

# A hang is a failure.
ask() { timeout -k 5 "${LIMIT:-60}" "$ask" "$helper" "$@" 3>&-; }

# weakly WORD COMMAND...: what it asks, it asks the weak control of husk-registry, without this protection
# (tests/attacks/weak_registry.c).
weakly() {
        local helper=$here/weak word=$1 weak=${WEAK_REGISTRY:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak_registry}
        shift
        [ -x "$weak" ] || { echo "there is no $weak: make dev" && return 1; }
        printf '#!/bin/sh\nHUSK_WEAK=%s exec "%s"\n' "$word" "$(realpath "$weak")" >"$helper"
        chmod 755 "$helper"
        "$@"
}

digest_of() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }
same() { [ "$1" = "$2" ] || { printf 'is       %q\nexpected %q\n' "$1" "$2" && return 1; }; }
has() { [[ $1 == *"$2"* ]] || { printf 'in  %s\nnot %s\n' "$1" "$2" && return 1; }; }
not_has() { [[ $1 != *"$2"* ]] || { printf 'in  %s\n is %s\n' "$1" "$2" && return 1; }; }
