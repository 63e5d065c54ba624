#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Names that are taken for something else: ids of containers that are paths, numbers of users that are more
# than 32 bits or no numbers (CVE-2024-40635, CVE-2026-30892, CVE-2016-3697), lines in names (CVE-2022-4318).
# Refused, each by one error, before anything is made.

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

# told COMMAND...: the same, by no process but the command itself, since there are many
told() {
        local lines
        if timeout 20 "$@" 2>"$BUNDLE/said" >/dev/null </dev/null; then
                echo "not refused: $*"
                return 1
        fi
        mapfile -t lines <"$BUNDLE/said"
        local LC_ALL=C
        # the second line is a hint
        if [[ ${lines[0]:-} != husk*': '* || ${#lines[@]} -gt 2 || ${lines[*]//é/} == *[!\ -~]* ]]; then
                echo "$*:"
                cat -v "$BUNDLE/said"
                return 1
        fi
}

@test "ids of containers that are paths, lines, escapes, formats, 10 kB: every verb" {
        local id verb n=0
        script true
        while IFS= read -r -d '' id; do
                told "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" -- "$id"
                told "$HUSK_OCI" --root "$ROOT" delete --force -- "$id"
                # each third with every verb, the plain ways out among them
                [ $((n++ % 3)) = 2 ] || continue
                for verb in 'run --bundle @' delete state kill 'kill --all' start pause \
                        resume ps events 'events --stats' 'update --pids-limit 1' 'restore --bundle @ --image-path %' \
                        'checkpoint --image-path @'; do
                        verb=${verb//@/$BUNDLE}
                        told "$HUSK_OCI" --root "$ROOT" ${verb//%/$VICTIM} -- "$id"
                done
                told "$HUSK_OCI" --root "$ROOT" exec -- "$id" true
        done < <(bad_ids)
        [ "$n" = 34 ]
        [ -z "$(ls "$ROOT" 2>/dev/null)" ]
        victim_is_whole
}

# makes_outside: the id leads from the state root to the victim. Success: something was made there
makes_outside() {
        config --arg path "/$WORD" '.linux.cgroupsPath = $path | .process.args = ["/bin/true"]'
        mkdir -p "$ROOT"
        oci run --bundle "$BUNDLE" ../victim/new >"$BUNDLE/output" 2>&1 || grep -q '^husk-oci: ' "$BUNDLE/output" ||
                return 2
        ! victim_is_whole 2>/dev/null
}

@test "an id that leads out of the state root" {
        immune makes_outside
        weak names makes_outside
        remove_cgroups "*/$WORD" # it lost its way to them
}

@test "names of containers that are paths, lines, escapes, 10 kB: every verb" {
        local name verb part command n=0
        while IFS= read -r -d '' name; do
                [ -n "$name" ] || continue
                told "$HUSK" --root "$STORE" --runroot "$STORE.run" run --name "$name" --rootfs "$BUNDLE/rootfs" true
                [ $((n++ % 4)) = 0 ] || continue
                for verb in 'create --name @ --rootfs % true' 'rm -f -- @' 'kill -- @' 'stop -- @' \
                        'start -- @' 'restart -- @' 'pause -- @' 'unpause -- @' 'inspect -- @' 'logs -- @' 'top -- @' 'diff -- @' \
                        'wait -- @' 'update --pids-limit 1 -- @' 'export -- @' 'mount -- @' 'commit -- @' 'exec -- @ true'; do
                        command=()
                        for part in $verb; do
                                case $part in @) command+=("$name") ;; %) command+=("$BUNDLE/rootfs") ;; *) command+=("$part") ;; esac
                        done
                        told "$HUSK" --root "$STORE" --runroot "$STORE.run" "${command[@]}"
                done
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
}

# root_by_exec, root_by_run, root_by_config: success when 2^32 is root. The container's own user is another one.
root_by_exec() {
        local got
        script 'exec sleep 1000'
        config '.process.user = {uid: 1000, gid: 1000}'
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null || return 2
        got=$(oci exec --user 4294967296 "$WORD" id -u 2>"$BUNDLE/output") || [ -s "$BUNDLE/output" ] || return 3
        [ "$got" = 0 ]
}
root_by_run() {
        local got
        got=$(husk run --rm -u 4294967296 --rootfs "$BUNDLE/rootfs" id -u 2>"$BUNDLE/output") ||
                [ -s "$BUNDLE/output" ] || return 2
        [ "$got" = 0 ]
}

root_by_config() {
        local got
        script 'id -u'
        config '.process.user.uid = 4294967296'
        got=$(oci run --bundle "$BUNDLE" "$WORD" 2>"$BUNDLE/output" </dev/null) ||
                grep -q '/process/user/uid: ' "$BUNDLE/output" || return 2
        [ "$got" = 0 ]
}

@test "2^32 is not root" {
        immune root_by_exec
        immune root_by_run
        weak range root_by_exec
        weak range root_by_run
        immune root_by_config
        weak range root_by_config
        peer root_by_exec
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

# goes_in WANTED FILTER COMMAND: the container's shell prints, by that command, what such a document says
goes_in() {
        local got
        script "$3"
        config "$2"
        got=$(oci run --bundle "$BUNDLE" "$WORD" 2>"$BUNDLE/output" </dev/null) ||
                grep -q '^husk-oci: .*config.json' "$BUNDLE/output" || return 2
        [ "$got" = "$1" ]
}

@test "lines and escapes are what the check of names stops" {
        local line=$'/\nroot' escape=$'\e[8m'
        immune goes_in "$line" '.process.env += ["HOME=/\nroot"]' 'echo "$HOME"'
        weak control goes_in "$line" '.process.env += ["HOME=/\nroot"]' 'echo "$HOME"'
        immune goes_in "$escape" '.hostname = "\u001b[8m"' hostname
        weak control goes_in "$escape" '.hostname = "\u001b[8m"' hostname
        immune goes_in "$escape" '.linux.sysctl = {"kernel.domainname": "\u001b[8m"}' 'cat /proc/sys/kernel/domainname'
        weak control goes_in "$escape" '.linux.sysctl = {"kernel.domainname": "\u001b[8m"}' 'cat /proc/sys/kernel/domainname'
}
