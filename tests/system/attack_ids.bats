#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Names that are taken for something else: ids of containers that are paths, numbers of users that are more
# than 32 bits or no numbers (CVE-2024-40635, CVE-2026-30892, CVE-2016-3697), lines in names (CVE-2022-4318).
# Refused, each by one error, before anything is made. There is no operation to leave out of a plan here, so
# the controls are plain programs: mkdir(1) with the same name, and a C cast.

# shellcheck disable=SC2154,SC2016,SC2086,SC1003 # set by bats; the container's own words; words
load ../attacks/attack

setup() {
        begin_attack
        STORE=$BATS_TEST_TMPDIR/$WORD/store
}
teardown() { finish; }

husk() { timeout -k 5 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" "$@" 3>&-; }

bad_ids() {
        printf '%s\0' '' . .. .x ...x / /x x/ x/y ../x ../victim/new x/../../victim/new ./x $'x\n' $'x\ny' $'\e[8mx' \
                ' ' 'x y' '%n' '%s%s' 'x%00' "x'" 'x"' 'x\' 'x*' '~' 'x:y' 'x;y' '$(id)' $'x\x80' 'é' $'x\t' \
                "$(head -c 256 /dev/zero | tr '\0' a)" "$(head -c 10240 /dev/zero | tr '\0' a)"
}

# refused_id COMMAND...: one error, which is text
refused_id() {
        run ! --separate-stderr "$@"
        [ "$(grep -c '^husk-oci: \|^husk: ' <<<"$stderr")" = 1 ]
        ! LC_ALL=C grep -qP '[^\n\x20-\x7e]' <<<"$stderr"
}

@test "ids of containers that are paths, lines, escapes, formats, 10 kB" {
        local id n=0
        script true
        while IFS= read -r -d '' id; do
                refused_id oci create --bundle "$BUNDLE" -- "$id"
                refused_id oci delete --force -- "$id"
                case $n in
                2 | 8 | 11) # a few with every verb
                        refused_id oci run --bundle "$BUNDLE" -- "$id"
                        refused_id oci state -- "$id"
                        refused_id oci kill -- "$id" KILL
                        refused_id oci exec -- "$id" true
                        refused_id oci update --pids-limit 1 -- "$id"
                        refused_id oci restore --bundle "$BUNDLE" --image-path "$VICTIM" -- "$id"
                        ;;
                esac
                n=$((n + 1))
        done < <(bad_ids)
        [ "$n" = 34 ]
        [ -z "$(ls "$ROOT" 2>/dev/null)" ]
        victim_is_whole
        # the control: such a name is one, for who joins paths
        mkdir -p "$ROOT"
        mkdir "$ROOT/../victim/new"
        run ! victim_is_whole
}

@test "names of containers that are paths, lines, escapes, 10 kB" {
        local name n=0
        while IFS= read -r -d '' name; do
                [ -n "$name" ] || continue
                refused_id husk run --name "$name" --rootfs "$BUNDLE/rootfs" true
                [ $((n % 8)) != 0 ] || refused_id husk rm -f -- "$name"
                n=$((n + 1))
        done < <(bad_ids)
        [ -z "$(ls "$STORE/containers" 2>/dev/null)" ]
        victim_is_whole
}

# What a C cast makes of these is root, or nobody's: 2^32, 2^64, -1.
bad_users() {
        printf '%s\n' 4294967295 4294967296 18446744073709551616 -1 +0 0x0 ' 0' '0 ' 2147483648 0:4294967295 \
                0:4294967296 0:-1 1000: : :0 0:0:0 1e3 1.0 4294967296:0
}

@test "users of more than 32 bits, negative, with signs: exec --user" {
        script 'exec sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        local user
        while IFS= read -r user; do
                refused_id oci exec --user "$user" "$WORD" id
        done < <(bad_users)
        refused_id oci exec --additional-gids 4294967296 "$WORD" id
        run -0 oci exec --user 1000:1000 "$WORD" id -u
        [ "$output" = 1000 ]
        # the control: in 32 bits it is root
        [ "$(python3 -c 'import ctypes; print(ctypes.c_uint32(4294967296).value)')" = 0 ]
}

@test "users of more than 32 bits, negative, with signs: husk run, and husk exec" {
        local user
        # digits are never a name, whatever passwd says
        printf '%s\n' 'root:x:0:0::/:/bin/sh' '4294967296:x:0:0::/:/bin/sh' '2147483648:x:0:0::/:/bin/sh' \
                '-1:x:4294967296:0::/:/bin/sh' '+0:x:4294967295:0::/:/bin/sh' ' 0:x:-1:0::/:/bin/sh' \
                '0x0:x:18446744073709551616:0::/:/bin/sh' '1e3:x:0x0:0::/:/bin/sh' \
                'high:x:4294967296:0::/:/bin/sh' 'group:x:5:4294967296::/:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
        husk run -d --name "$WORD" --rootfs "$BUNDLE/rootfs" sleep 1000
        while IFS= read -r user; do
                [ "$user" != : ] && [ "$user" != :0 ] || continue
                refused_id husk run --rm -u "$user" --rootfs "$BUNDLE/rootfs" id
                refused_id husk exec -u "$user" "$WORD" id
        done < <(bad_users; printf '%s\n' high group)
        run -0 husk exec -u 1000:1000 "$WORD" id -u
        [ "$output" = 1000 ]
        husk rm -f "$WORD"
}

@test "users of more than 32 bits, negative, broken: config.json" {
        local value
        script 'id -u'
        for value in 4294967295 4294967296 18446744073709551616 -1 -4294967296 1.5 1e300 '"0"' true '[0]'; do
                jq --argjson v "$value" '.process.user.uid = $v' "$BUNDLE/config.json" >"$BUNDLE/u"
                # jq's own numbers lose the last digits
                sed -i "s/\"uid\": .*,/\"uid\": $value,/" "$BUNDLE/u"
                cp "$BUNDLE/config.json" "$BUNDLE/kept"
                mv "$BUNDLE/u" "$BUNDLE/config.json"
                refused_id oci run --bundle "$BUNDLE" "$WORD"
                [[ $stderr == *"/process/user/uid: "* ]]
                mv "$BUNDLE/kept" "$BUNDLE/config.json"
                config --argjson v "$value" '.process.user.additionalGids = [7, $v]'
                case $value in
                18446744073709551616) ;;
                *) refused_id oci run --bundle "$BUNDLE" "$WORD" ;;
                esac
                config 'del(.process.user.additionalGids)'
        done
}

@test "lines and escapes in variables, HOME, host names" {
        local value
        for value in '.process.env += ["A\nB=c"]' '.process.env += ["\u001b=c"]' \
                '.process.env += ["HOME=/\nroot::0:0::/:/bin/sh"]' '.process.env += ["HOME=/x:0:0"]' \
                '.process.env += ["A=\u0000b"]' '.hostname = "a\nb"' '.hostname = "\u001b[8m"' \
                '.hostname = "\u009b8m"' '.domainname = "a\u0007"' \
                '.linux.sysctl = {"kernel.hostname": "\u001b"}'; do
                cp "$BUNDLE/config.json" "$BUNDLE/kept"
                script true
                config "$value"
                refused_id oci run --bundle "$BUNDLE" "$WORD"
                mv "$BUNDLE/kept" "$BUNDLE/config.json"
        done
        # and where the image says what HOME is, or the caller
        printf 'root:x:0:0::/\e[8m:/bin/sh\n' >"$BUNDLE/rootfs/etc/passwd"
        refused_id husk run --rm --rootfs "$BUNDLE/rootfs" true
        refused_id husk run --rm -e HOME=$'/x\ny' --rootfs "$BUNDLE/rootfs" true
        refused_id husk run --rm -e $'A\nB=c' --rootfs "$BUNDLE/rootfs" true
        refused_id husk run --rm -e HOME=/ --hostname $'a\nb' --rootfs "$BUNDLE/rootfs" true
        # lines in a value are right
        run -0 husk run --rm -e HOME=/ -e A=$'b\nc' --rootfs "$BUNDLE/rootfs" sh -c 'echo "$A"'
        [ "$output" = $'b\nc' ]
        # exec asks the same
        husk run -d --name "$WORD" -e HOME=/ --rootfs "$BUNDLE/rootfs" sleep 1000
        refused_id husk exec -e $'A\nB=c' "$WORD" true
        husk rm -f "$WORD"
}
