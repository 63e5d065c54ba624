#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is read has an end: documents, files of options and what a hook says, each above its bound, answered by one
# line that names it; docs/security.md lists the bounds and the tests of the others.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

oci() { timeout -k 5 60 "${HUSK_OCI:-${husk%/*}/husk-oci}" --root "$box/oci" "$@" 3>&-; }

setup() {
        engine_setup
        bundle=$box/bundle word=hkbound$$
        mkdir -p "$bundle/root/bin"
        cp "$(command -v busybox)" "$bundle/root/bin/busybox"
        ln -s busybox "$bundle/root/bin/sh"
        oci spec --bundle "$bundle"
        edit '.process.terminal = false | .process.args = ["sh", "-c", "busybox sleep 1000"] | .root.path = "root"'
        truncate -s 17M "$box/big"
}

teardown() {
        oci delete -f "$word" 2>/dev/null || :
        engine_teardown
}

edit() { jq "$1" "$bundle/config.json" >"$box/edited" && mv "$box/edited" "$bundle/config.json"; }

# refused STATUS WORDS COMMAND...: in one short line
refused() {
        local expected=$1 words=$2
        shift 2
        run "$@"
        same "$status" "$expected"
        has "$output" "$words"
        [ "${#lines[@]}" = 1 ] && [ "${#output}" -lt 2048 ]
}

@test 'files of options' {
        refused 125 "seccomp=$box/big: File too large" husk run --rm --security-opt "seccomp=$box/big" host true
        refused 125 "$box/big: File too large" husk run --rm --env-file "$box/big" host true
        refused 125 "$box/big: File too large" husk run --rm --label-file "$box/big" host true
}

@test 'documents of a container that runs' {
        oci create --bundle "$bundle" "$word" </dev/null >/dev/null 2>&1
        oci start "$word"
        refused 1 "$box/big: File too large" oci update --resources "$box/big" "$word"
        refused 1 'standard input: File too large' oci update --resources - "$word" <"$box/big"
        refused 255 "$box/big: File too large" oci exec --process "$box/big" "$word"
        same "$(oci state "$word" | jq -r .status)" running
}

@test 'config.json' {
        cp "$box/big" "$bundle/config.json"
        refused 1 'config.json: larger than 16 MiB' oci create --bundle "$bundle" "$word"
}

@test 'what a hook says' {
        edit '.hooks.prestart = [{ path: "/bin/sh", args: ["sh", "-c",
                "head -c 50000000 /dev/zero | tr \\\\0 x >&2; exit 3"] }]'
        refused 1 'exited with status 3; it said: xxx' oci create --bundle "$bundle" "$word"
}
