#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What others named comes to the operator's terminal as text, and none of it is obeyed: OSC 52 (writes the
# clipboard), DCS, CSI, C1 in UTF-8 and in Latin-1, DEL, carriage returns, and what reorders the line. In
# names, labels, variables, annotations, programs, processes, files, images, and in errors that quote them. A check
# beside each is that the words around it arrived. The controls are `cat`, what it prints the terminal gets, and husk
# that prints likewise.

# shellcheck disable=SC2154,SC2016,SC2086,SC1003 # set by bats; the container's own words; words
load ../attacks/attack
load image_helper

EVIL=$'\e]52;c;aGVsbG8=\a\e[8m\ePq\e\\\u009b8m\u0090q\u009c\u202e\x7f\r\x9b8m'

setup() {
        begin
        # No terminal of ours is bold: each escape is another's.
        export NO_COLOR=1 HUSK HUSK_OCI ROOT BUNDLE WORD EVIL
}
teardown() {
        [ -z "${STORE:-}" ] || timeout 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" rm -f "$WORD" 3>&- || :
        finish
}

# terminal COMMAND: what a terminal gets of it; it makes \r\n of each \n
terminal() {
        timeout --foreground -k 5 60 script -qec "$1" /dev/null </dev/null 3>&- | sed 's/\r$//'
}

# obeyed COMMAND: the lines in which it would obey something; nothing but \n and \t below 0x20, no DEL, no C1
# in UTF-8 or by itself, nothing that reorders
obeyed() {
        terminal "$1" >"$BATS_TEST_TMPDIR/shown"
        LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|(?<![\xc2-\xf4\x80-\xbf])[\x80-\xbf]' \
                "$BATS_TEST_TMPDIR/shown" || :
}

# harmless WORDS COMMAND: it shows WORDS, and nothing is obeyed
harmless() {
        run obeyed "$2"
        [ -z "$output" ] || {
                echo "$2:"
                cat -v <<<"$output"
                return 1
        }
        grep -qF -- "$1" "$BATS_TEST_TMPDIR/shown" || {
                echo "$2 shows no $1:"
                cat "$BATS_TEST_TMPDIR/shown"
                return 1
        }
}

evil_document() {
        # what is no UTF-8 has no place in JSON
        config --arg evil "${EVIL%??????}" '.root.readonly = false | .process.terminal = false |
                .process.args = ["/bin/sh", "-c", "exec sleep 1000; " + $evil] |
                .process.env += ["EVIL=" + $evil] | .annotations = {("a" + $evil): $evil} |
                .mounts += [{destination: ("/tmp/" + $evil), type: "tmpfs", source: $evil}]'
}

@test "the terminal obeys what cat prints: the control" {
        printf 'a%s' "$EVIL" >"$BUNDLE/evil"
        run obeyed "cat '$BUNDLE/evil'"
        [[ $output == *$'\e]52;c;'* ]]
}

@test "husk-oci: state, list, ps, explain" {
        evil_document
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        local oci="$HUSK_OCI --root $ROOT"
        harmless "$WORD" "$oci state $WORD"
        harmless "$WORD" "$oci list"
        harmless '\u009b8m' "$oci list --format json"
        harmless sleep "$oci ps $WORD"
        harmless sleep "env LANG=C.UTF-8 $oci ps $WORD"
        harmless '\x1b' "cd '$BUNDLE' && $oci explain"
        harmless '\u009b' "cd '$BUNDLE' && $oci explain --format json"
        harmless "printf '\\033'" "cd '$BUNDLE' && $oci explain --format shell"
}

@test "husk: ps, inspect, top, diff" {
        STORE=$BATS_TEST_TMPDIR/$WORD/store
        timeout 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" run -d --name "$WORD" -l "l$EVIL=$EVIL" \
                -e "E=$EVIL" --annotation "a$EVIL=$EVIL" --rootfs "$BUNDLE/rootfs" \
                /bin/sh -c "exec sleep 1000; $EVIL" 3>&- >/dev/null
        local husk="$HUSK --root $STORE --runroot $STORE.run"
        harmless "$WORD" "$husk ps"
        harmless '\x1b]52' "$husk ps --no-trunc"
        harmless '\x1b]52' "$husk ps --no-trunc --format '{{.Command}}'"
        harmless '\\x1b]52' "$husk ps --no-trunc --format '{{json .Command}}'"
        harmless '\u001b]52' "$husk ps --no-trunc --format json"
        harmless '\x1b]52' "$husk ps --no-trunc --format 'table {{.Names}}\t{{.Command}}'"
        harmless '\u009b8m' "$husk inspect $WORD"
        harmless sleep "$husk top $WORD"
        # the control: what is printed as it is
        mkdir "$BATS_TEST_TMPDIR/weak"
        cp "$WEAK" "$BATS_TEST_TMPDIR/weak/husk"
        export HUSK_WEAK=visible
        run obeyed "$BATS_TEST_TMPDIR/weak/husk --root $STORE --runroot $STORE.run ps --no-trunc"
        unset HUSK_WEAK
        [[ $output == *$'\e]52;c;'* ]]
}

@test "husk: images, history, inspect, diff and system df of an image, and errors about it" {
        local store=$BATS_TEST_TMPDIR/$WORD/store box=$BATS_TEST_TMPDIR/$WORD layer id words
        STORE=$store
        layer=$(image_layer)
        image_busybox "$layer"
        touch "$layer/a$EVIL"
        # as its maker wrote it: what is no UTF-8 has no place in JSON
        id=$(image_make docker.io/library/evil:latest "$(jq -nc --arg evil "${EVIL%??????}" '{User: $evil, Cmd: [$evil],
                Entrypoint: [$evil], Env: ["E=" + $evil, $evil + "=1", $evil], WorkingDir: ("/" + $evil),
                StopSignal: $evil, Labels: {("l" + $evil): $evil}, Volumes: {("/v" + $evil): {}},
                ExposedPorts: {($evil): {}}}')" "$layer")
        rewrite_image "$id"
        local husk="$HUSK --root $STORE --runroot $STORE.run"
        for words in images 'images --no-trunc' 'images --format json' "images --format '{{.CreatedAt}}'" \
                'images --filter label=l' 'history evil' 'history --no-trunc evil' 'history --format json evil' \
                "history --no-trunc --format '{{.CreatedBy}} {{.Comment}}'  evil" 'inspect evil' \
                "inspect --format '{{.Config.Cmd}} {{.Author}}' evil" \
                "inspect --format '{{json .Config}}' evil" 'system df' 'system df -v' 'system check' \
                'create evil' 'run --rm evil' 'run --rm -u 0 -w / evil' 'run --rm -u 0 -w / --entrypoint true evil'; do
                harmless '' "$husk $words"
                [ -s "$BATS_TEST_TMPDIR/shown" ]
        done
        harmless evil "$husk images"
        harmless '\x1b]52' "$husk history --no-trunc evil"
        harmless '\u001b]52' "$husk inspect evil"
        # the control
        cp "$WEAK" "$BATS_TEST_TMPDIR/husk"
        export HUSK_WEAK=visible
        run obeyed "$BATS_TEST_TMPDIR/husk --root $STORE --runroot $STORE.run history --no-trunc evil"
        unset HUSK_WEAK
        [[ $output == *$'\e]52;c;'* ]]
        STORE=
}

# rewrite_image ID: its configuration gets an author, a history and variants that are hostile, and is stored anew
rewrite_image() {
        local blobs=$store/images/blobs/sha256 manifest
        jq -c --arg evil "${EVIL%??????}" '.author = $evil | .variant = $evil | ."os.version" = $evil |
                .history = [{created_by: $evil, comment: $evil, author: $evil, created: "2020-01-01T00:00:00Z"}]' \
                "$blobs/${1#sha256:}" >"$box/rewritten"
        manifest=$(jq -r '.manifests[0].digest' "$store/images/index.json")
        jq -c --argjson about "{$(image_blob "$box/rewritten")}" --arg evil "${EVIL%??????}" \
                '.config += $about | .annotations = {("a" + $evil): $evil}' "$blobs/${manifest#sha256:}" >"$box/manifest"
        jq -c --argjson about "{$(image_blob "$box/manifest")}" --arg evil "${EVIL%??????}" \
                '.manifests[0] += $about | .manifests[0].annotations += {("a" + $evil): $evil}' \
                "$store/images/index.json" >"$box/index"
        mv "$box/index" "$store/images/index.json"
}

@test "husk diff: names of files" {
        STORE=$(mktemp -d /var/tmp/husk-test.XXXXXX)
        timeout 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" run -d --name "$WORD" host \
                sh -c 'touch "/home/a$1"; exec sleep 1000' sh "$EVIL" 3>&- >/dev/null
        local husk="$HUSK --root $STORE --runroot $STORE.run"
        shown() {
                terminal "$husk diff $WORD" | grep -q 'A /home/a'
        }
        eventually 20 shown
        harmless '\x1b]52' "$husk diff $WORD"
        timeout 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" rm -f "$WORD" 3>&-
        rm -rf --one-file-system "$STORE" "$STORE.run"
        STORE=
}

@test "errors: of words on the command line" {
        STORE=$BATS_TEST_TMPDIR/$WORD/store
        local husk="$HUSK --root $STORE --runroot $STORE.run" oci="$HUSK_OCI --root $ROOT" words
        for words in '"$EVIL"' 'run --name "$EVIL" host true' 'run "$EVIL"' 'run --"$EVIL" host' \
                'run --rootfs "$BUNDLE/rootfs" "$EVIL"' 'run --network "$EVIL" host true' \
                'run --rootfs "$EVIL" true' 'run -u "$EVIL" --rootfs "$BUNDLE/rootfs" true' \
                'run -v "$EVIL:/x" --rootfs "$BUNDLE/rootfs" true' \
                'run --hostname "$EVIL" --rootfs "$BUNDLE/rootfs" true' \
                'run -e "A$EVIL=1" --rootfs "$BUNDLE/rootfs" true' \
                'kill "$EVIL"' 'inspect "$EVIL"' 'ps --format "$EVIL"' 'ps --format "{{$EVIL}}"' \
                'exec "$EVIL" true' 'update --memory "$EVIL" x' 'diff "$EVIL"' 'rm "$EVIL"'; do
                harmless 'husk: ' "$husk $words"
        done
        for words in '"$EVIL"' 'state "$EVIL"' 'run -b "$EVIL" x' 'create "$EVIL"' 'kill x "$EVIL"' \
                'delete --regex "[$EVIL"' 'list --format "{{$EVIL}}"' 'exec x --"$EVIL"' '--log "/$EVIL/x" state x'; do
                harmless 'husk-oci: ' "$oci $words"
        done
}

@test "errors: of a hostile config.json, to the terminal and to the log" {
        local filter
        cp "$BUNDLE/config.json" "$BUNDLE/good"
        for filter in '.[$evil] = 1 | .process.cwd = $evil' '.process.args = ["/" + $evil]' \
                '.process.cwd = "/tmp/" + $evil' '.hostname = $evil' '.process.env = [$evil + "=1"]' \
                '.mounts = [{destination: "/x", type: $evil}]' '.mounts = [{destination: $evil}]' \
                '.mounts = [{destination: "/x", type: "bind", source: ("/" + $evil)}]' \
                '.mounts += [{destination: "/x", type: "tmpfs", options: [$evil]}]' \
                '.linux.namespaces += [{type: $evil}]' '.linux.sysctl = {($evil): "1"}' \
                '.linux.sysctl = {"kernel.domainname": $evil}' '.root.path = $evil' \
                '.process.capabilities.bounding = [$evil]' '.linux.seccomp = {defaultAction: $evil}' \
                '.process.rlimits = [{type: $evil, hard: 1, soft: 1}]' '.linux.cgroupsPath = "/" + $evil' \
                '.hooks = {prestart: [{path: ("/" + $evil)}]}' '.linux.intelRdt = {closID: $evil}' \
                '.process.user = {uid: $evil}' '.linux.maskedPaths = [$evil]' '.ociVersion = $evil'; do
                cp "$BUNDLE/good" "$BUNDLE/config.json"
                config --arg evil "${EVIL%??????}" '.process.terminal = false | .process.args = ["/bin/true"] | '"$filter"
                run obeyed "$HUSK_OCI --root $ROOT --log $BUNDLE/log run -b '$BUNDLE' $WORD"
                [ -z "$output" ] || {
                        echo "$filter"
                        cat -v <<<"$output"
                        return 1
                }
                oci delete --force "$WORD"
        done
        # not JSON at all
        printf '{"%s' "$EVIL" >"$BUNDLE/config.json"
        harmless 'husk-oci: ' "$HUSK_OCI --root $ROOT --log $BUNDLE/log run -b '$BUNDLE' $WORD"
        printf '{"a": %s' "$EVIL" >"$BUNDLE/config.json"
        harmless 'husk-oci: ' "$HUSK_OCI --root $ROOT --log $BUNDLE/log run -b '$BUNDLE' $WORD"
        harmless level=error "cat $BUNDLE/log"
}
