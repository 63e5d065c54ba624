#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images made to harm whoever runs them: links where the engine writes or looks something up, numbers that
# are none, directories and volumes elsewhere. What an image holds is put into the store as a pull leaves it.

# shellcheck disable=SC2153,SC2154,SC2016,SC2030,SC2031 # set by bats; the container's own words
load ../attacks/attack
load image_helper

setup() {
        begin_attack
        new_store
}
teardown() { finish; }

new_store() {
        box=$BATS_TEST_TMPDIR/$WORD
        store=$box/store
        rm -rf --one-file-system "$store" "$store.run"
        layer=$(image_layer)
        image_busybox "$layer"
}

husk() { ${WATCH:-} timeout -k 5 60 "$HUSK" --root "$store" --runroot "$store.run" "$@" 3>&-; }
image() { image_make docker.io/library/evil:latest "$1" "$layer" >/dev/null; }
victim_is_hit() { ! victim_is_whole 2>/dev/null; }

# A test's own success: 0 it is hit, 1 it is not; 2 when the container neither ran nor was refused.
outcome() {
        case $1 in 0 | 125 | 126 | 127) ;; *) return 2 ;; esac
        victim_is_hit
}

# -- files that the engine provides (CVE-2024-9341, CVE-2025-9566 and kin) ----------------------------

# linked_file KIND NAME TARGET: the image's /etc/NAME is a link to a file of the host: file is there, made is not yet
linked_file() {
        local status=0 target=$VICTIM/directory/$3
        new_store
        [ "$1" = absolute ] || target=../../../../../../../../../../../../../../..$target
        rm -f "$layer/etc/$2"
        ln -s "$target" "$layer/etc/$2"
        image '{}'
        WATCH=watched husk run --rm evil sh -c 'echo own >>/etc/'"$2" >/dev/null 2>&1 || status=$?
        ! mounted_on_victim || return 0
        outcome "$status"
}

# The same with all of /etc.
linked_etc() {
        local status=0 target=$VICTIM/directory
        new_store
        [ "$1" = absolute ] || target=../../../../../../../../../../../../../../..$target
        rm -rf "${layer:?}/etc"
        ln -s "$target" "$layer/etc"
        image '{}'
        husk run --rm evil true >/dev/null 2>&1 || status=$?
        outcome "$status"
}

@test "hosts, hostname, resolv.conf are links out of the image" {
        for file in hosts hostname resolv.conf; do
                immune linked_file absolute "$file" made
                immune linked_file relative "$file" made
                immune linked_file absolute "$file" file
                weak in_root,strict linked_file absolute "$file" file
        done
}

@test "/etc is a link out of the image" {
        immune linked_etc absolute
        immune linked_etc relative
        weak in_root,strict linked_etc absolute
}

@test "hosts is a directory, a pipe, a device: one error, or a file on it" {
        for kind in 'mkdir etc/hosts' 'mkfifo etc/hosts' 'mknod etc/hosts c 1 7' 'ln -s hosts etc/hosts' \
                'ln -s / etc/hosts'; do
                new_store
                (cd "$layer" && eval "$kind")
                image '{}'
                run --separate-stderr husk run --rm evil cat /etc/hosts
                case $kind in
                mkdir*) [[ $status = 125 && $stderr == *'/etc/hosts is a directory'* ]] ;;
                *) [[ $status = 0 && $output == *localhost* ]] ;;
                esac
        done
}

# -- who the user is -----------------------------------------------------------------------------------

# The image's passwd is a link to a file of the host's: success is to run as whom that names.
foreign_passwd() {
        new_store
        printf 'guest:x:0:0::/:\n' >"$VICTIM.passwd"
        ln -sf "$VICTIM.passwd" "$layer/etc/passwd"
        image '{"User":"guest"}'
        run husk run --rm evil id -u
        [ "$status" = 0 ] || [ "$status" = 125 ] || return 2
        [ "$output" = 0 ]
}

@test "passwd is a link to the host's" {
        immune foreign_passwd
        weak one_mount foreign_passwd
}

@test "passwd is a pipe, a directory, a device, a gigabyte: the user is not found, at once" {
        for kind in 'mkfifo etc/passwd' 'mkdir etc/passwd' 'mknod etc/passwd c 1 5' 'truncate -s 1G etc/passwd' \
                'ln -s passwd etc/passwd' 'ln -s /proc/self/fd/0 etc/passwd'; do
                new_store
                (cd "$layer" && rm etc/passwd && eval "$kind")
                image '{"User":"web"}'
                run -125 --separate-stderr husk run --rm evil id
                [[ $stderr == *"/config/User: 'web': there is no user 'web'"* ]]
                run -0 husk run --rm -u 5:6 evil grep Uid /proc/self/status
                [[ $output == Uid:?5?5?5?5 ]]
        done
}

# odd WORD: success is to run as root, or as somebody whom the word does not say.
odd() {
        new_store
        printf '%s:x:0:0::/:\nroot:x:0:0::/:\n' "$1" >"$layer/etc/passwd"
        image "$(jq -nc --arg user "$2" '{User: $user}')"
        run husk run --rm evil id -u
        [ "$status" = 0 ] || [ "$status" = 125 ] || return 2
        [ "$status" = 0 ] && [ "$output" = 0 ]
}

@test "users that are odd numbers (CVE-2024-40635)" {
        local word
        for word in 4294967296 4294967295 18446744073709551616 2147483648 0:4294967296 1:4294967295; do
                immune odd "$word" "$word"
        done
        # Words are names, and no number; who has that name is for the image to say.
        for word in -1 +0 0x0 ' 0' $'0\n' 00x 1e0; do
                immune odd "no$word" "$word"
        done
        # The control: a number is one.
        odd none 0
}

# -- where it starts, and what it mounts -------------------------------------------------------------------

# The host's root, as seen by procfs with its pid namespace (CVE-2026-55686).
workdir() {
        local status=0
        new_store
        ln -s "/proc/$$/root$VICTIM/directory" "$layer/way"
        image "$(jq -nc --arg dir "$1" '{WorkingDir: $dir}')"
        husk run --rm --pid host --privileged evil true >/dev/null 2>&1 || status=$?
        outcome "$status"
}

@test "the working directory is made nowhere but inside" {
        immune workdir "/proc/$$/root$VICTIM/directory/made"
        immune workdir /way/made
        immune workdir "/../../../../../..$VICTIM/directory/made"
        weak in_root,strict workdir /way/made
        # The control: who makes it by that path.
        fresh
        new_store
        image '{}'
        husk run --rm --pid host --privileged evil mkdir "/proc/$$/root$VICTIM/directory/made"
        victim_is_hit
}

# linked_volume: a volume's place is a link out; what is in the victim would be copied, or lie there
linked_volume() {
        new_store
        rm -f "$VICTIM/pipe"
        victim_state >"$BATS_TEST_TMPDIR/$WORD/victim.before"
        ln -s "$VICTIM" "$layer/data"
        image '{"Volumes":{"/data":{}}}'
        run husk run --rm evil sh -c 'cat /data/file; ls -d '"$VICTIM"'/file; touch /data/made'
        [[ $output != *"$CANARY"* ]] || return 0
        outcome "$status"
}

@test "a volume's place is a link out of the image" {
        immune linked_volume
        # The control: who copies by that path.
        cp -r "$layer/data/." "$box/copied"
        grep -qr "$CANARY" "$box/copied"
}

@test "volumes that are no places" {
        local word
        for word in / '' relative ../up /.. /data/../..; do
                new_store
                image "$(jq -nc --arg at "$word" '{Volumes: {($at): {}}}')"
                run -125 --separate-stderr husk run --rm evil true
                [[ $stderr == *"/config/Volumes: '$word': a volume has an absolute path other than /"* ]]
        done
        victim_is_whole
}

# a_deep COUNT: a path of as many directories below each other
a_deep() { printf '/a%.0s' $(seq "$1"); }

@test "more volumes, or deeper ones, than anybody needs; a working directory as deep" {
        local at
        image "$(jq -nc '{Volumes: ([range(257) | {("/v/\(.)"): {}}] | add)}')"
        run -125 --separate-stderr husk run --rm evil true
        [[ $stderr == *'the image evil: /config/Volumes: there are 257, and 256 is the most'* ]]
        for at in "{\"Volumes\":{\"$(a_deep 257)\":{}}}" "{\"WorkingDir\":\"$(a_deep 257)\"}" \
                "{\"WorkingDir\":\"$(printf '/new/..%.0s' {1..129})\"}"; do
                new_store
                image "$at"
                run -125 --separate-stderr husk run --rm evil true
                [[ $stderr == *"the image evil: /config/${at:2:7}"*'more than 256 directories below each other'* ]]
        done
        new_store
        image "$(jq -nc --arg at "$(a_deep 255)" '{WorkingDir: ($at + "/w"), Volumes: ([range(8) | {"\($at)/\(.)": {}}] | add)}')"
        run -0 --separate-stderr husk run --rm evil sh -c 'cat /proc/self/mounts | grep -c /a/a/a'
        [ "$output" = 8 ]
}

# 30,000 of each of them cost the version before seconds of processor time.
@test "an image of many labels and variables is run, and entered, in no time" {
        image "$(jq -nc '{Labels: ([range(30000) | {"l\(.)": "v"}] | add), Env: [range(30000) | "E\(.)=v"]}')"
        (ulimit -t 2 && husk run -d --name "$WORD" -l l7=w -e E8=w -e E9=x -e E9=y evil sleep 1000)
        [ "$(husk inspect "$WORD" | jq -r '.[0].Config.Labels | "\(.l7) \(.l29999) \(length)"')" = 'w v 30000' ]
        (ulimit -t 2 && husk exec -e E7=z -e NEW=1 -e NEW=2 "$WORD" env) >"$box/env"
        [ "$(grep -c . "$box/env")" -ge 30001 ]
        [ "$(grep -E '^(E[789]|NEW)=' "$box/env" | sort | tr '\n' ' ')" = 'E7=z E8=w E9=y NEW=2 ' ]
        husk rm -f "$WORD"
}

# linked_dev: the image's /dev is a link out
linked_dev() {
        local status=0
        new_store
        ln -s "$VICTIM/directory" "$layer/dev"
        image '{}'
        WATCH=watched husk run --rm evil true >/dev/null 2>&1 || status=$?
        ! mounted_on_victim || return 0
        outcome "$status"
}

@test "/dev, /proc, /sys are links out of the image" {
        immune linked_dev
        weak in_root,strict linked_dev
        for name in proc sys; do
                new_store
                ln -s "$VICTIM/directory" "$layer/$name"
                image '{}'
                run ! husk run --rm evil true
                victim_is_whole
        done
}

@test "an environment that is none, and escapes in what is told of" {
        export SECRET=$CANARY
        image '{"Env":["SECRET","\u001b[31mX","=","A=1\nB=2","LD_PRELOAD=/evil.so"],"User":"\u001b]0;x\u0007"}'
        run -125 --separate-stderr husk run --rm evil env
        run ! env LC_ALL=C grep -qP '[^\n\x20-\x7e]' <<<"$stderr"
        run -0 --separate-stderr husk run --rm -u 0 evil env
        [[ $output != *"$CANARY"* ]]
        run ! env LC_ALL=C grep -qP '[^\n\x20-\x7e]' <<<"$stderr"
}
