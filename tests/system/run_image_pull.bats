#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run` of an image that is in a registry: fetched when it is missing, or as --pull says; and of an
# ordinary user, whose layers have the owners that subuid(5) gives.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helpers; other shells' words
load engine_helper
load image_helper
load registry_helper

setup() {
        engine_setup
        helper=${HUSK_REGISTRY:-$(dirname "$husk")/husk-registry}
        [ -x "$helper" ] || skip "there is no $helper"
        for tool in docker-registry umoci skopeo; do
                command -v "$tool" >/dev/null || skip "there is no $tool"
        done
}
teardown() {
        unserve
        engine_teardown
}

# push WORD: an image t:one whose command says WORD
push() {
        local layout=$box/oci-$1
        [ -e "$box/root" ] || image_busybox "$box/root"
        umoci init --layout "$layout"
        umoci new --image "$layout:one"
        umoci insert --image "$layout:one" "$box/root" /
        umoci config --image "$layout:one" --config.cmd echo --config.cmd "$1" --config.user web
        skopeo copy -q --dest-tls-verify=false "oci:$layout:one" "docker://$address/t:one"
}

@test 'fetched when it is missing, and then it is here' {
        serve one
        push first
        run -0 --separate-stderr husk run --rm "$address/t:one"
        same "$output" first
        has "$stderr" "done, "
        # What the registry has meanwhile does not matter, until it is asked.
        push second
        run -0 --separate-stderr husk run --rm "$address/t:one"
        same "$output$stderr" first
        run -0 --separate-stderr husk run --rm -q --pull newer "$address/t:one"
        same "$output$stderr" second
        push third
        run -0 --separate-stderr husk run --rm -q --pull always "$address/t:one" id -un
        same "$output$stderr" web
        unserve
        run -0 --separate-stderr husk run --rm "$address/t:one"
        same "$output" third
        run -125 husk run --rm --pull always "$address/t:one"
        run -125 husk run --rm "$address/t:two"
        nothing_left
}

@test "an ordinary user's own" {
        local user
        user=$(awk -F: '$2 > 0 && $3 >= 65536 { print $1; exit }' /etc/subuid)
        [ -n "$user" ] && [ "$user" != root ] && id "$user" >/dev/null 2>&1 || skip 'nobody has subordinate ids'
        grep -q "^$user:" /etc/subgid && command -v newuidmap >/dev/null || skip 'there are no ranges of groups'
        serve one
        push user
        home=$(mktemp -d "/var/tmp/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        mkdir "$home/bin"
        cp "$husk" "$helper" "$home/bin"
        chmod 755 "$home" "$home/bin"
        chown -R "$user" "$home"
        own() {
                timeout -k 5 100 setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
                        env -i PATH="$PATH" HOME="$home" "$home/bin/husk" --root "$home/store" \
                        --runroot "$home/run" "$@" 3>&-
        }
        run -0 --separate-stderr own run --rm -q "$address/t:one" sh -c 'id -u; stat -c %u /bin/sh; touch /tmp/x; stat -c %u /tmp/x'
        same "$output" $'33\n0\n33'
        run -0 --separate-stderr own run --rm -u 0 "$address/t:one" sh -c 'rm /etc/group; echo >/new; ls /new /etc; cat /etc/hostname >/dev/null'
        has "$output" /new
        [[ $output != *group* ]]
        same "$(find "$home/store/containers" -mindepth 1 ! -path '*/.trial*')" ''
        own image prune --all --force >/dev/null || :
        rm -rf --one-file-system "$home"
}
