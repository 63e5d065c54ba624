#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Attacks by the directory that husk takes for its own: a store that somebody else has made, can write to or has put a
# link to, and state roots that are another program's.

# shellcheck disable=SC2154,SC2016,SC2086 # set by bats; the words of another shell; words
load ../attacks/attack

setup() { begin_attack; }
teardown() {
        [ -z "${programs:-}" ] || rm -rf "$programs" "/tmp/husk-$user" "/tmp/husk-oci-$user"
        finish
}

# own_store UID COMMAND...: as that user, who has neither a home nor a place to run in
own_store() {
        timeout -k 5 60 setpriv --reuid "$1" --regid "$1" --clear-groups env -i PATH=/usr/bin:/bin "${@:2}" 3>&-
}

@test "a store in /tmp that somebody else has made, can write to or has put a link to" {
        user=$((1800000000 + $$))
        local other=$((1900000000 + $$)) name
        programs=$(mktemp -d "${TMPDIR:-/tmp}/$WORD.XXXXXX")
        cp "$HUSK" "$programs/husk"
        cp "$HUSK_OCI" "$programs/husk-oci"
        mkdir "$programs/theirs"
        chown "$user" "$programs/theirs"
        chmod 755 "$programs"
        for name in husk husk-oci; do
                set -- own_store "$user" "$programs/$name" "$([ $name = husk ] && echo ps || echo list)"
                own_store "$other" mkdir -m 777 "/tmp/$name-$user"
                run ! "$@"
                [[ $output == *"/tmp/$name-$user belongs to user $other, not to us"* ]]
                [ -z "$(ls -A "/tmp/$name-$user")" ]
                rmdir "/tmp/$name-$user"
                own_store "$other" ln -s "$programs/theirs" "/tmp/$name-$user"
                run ! "$@"
                [[ $output == *"/tmp/$name-$user is no directory"* ]]
                rm "/tmp/$name-$user"
                # Ours, and open to others: it is closed, once.
                own_store "$user" mkdir -m 731 "/tmp/$name-$user"
                run -0 "$@"
                [[ $output == *"/tmp/$name-$user could be written to by others: not any more"* ]]
                [ "$(stat -c %a "/tmp/$name-$user")" = 711 ]
                run -0 "$@"
                [[ $output != *warning* ]]
                # Who names it is believed.
                run -0 own_store "$user" "$programs/$name" --root "/tmp/$name-$user" \
                        $([ $name = husk ] && echo --runroot "/tmp/$name-$user/run" ps || echo list)
                rm -r "/tmp/$name-$user"
                run -0 "$@"
                [ "$(stat -c '%u %a' "/tmp/$name-$user")" = "$user 700" ]
                run -0 "$@"
                rm -r "/tmp/$name-$user"
        done
        # The same where there is a home.
        mkdir -p "$programs/home/.local/share/husk"
        run ! own_store "$user" HOME="$programs/home" "$programs/husk" ps
        [[ $output == *"$programs/home/.local/share/husk belongs to user 0, not to us"* ]]
        chown -R "$user:$user" "$programs/home"
        run -0 own_store "$user" HOME="$programs/home" "$programs/husk" ps
        # What umask 002 or a volume of Kubernetes has made is ours all the same.
        chmod 2775 "$programs/home/.local/share/husk"
        run -0 own_store "$user" HOME="$programs/home" "$programs/husk" ps
        [[ $output == *'could be written to by others: not any more'* ]]
        [ "$(stat -c %a "$programs/home/.local/share/husk")" = 2755 ]
        # What others have put there meanwhile is theirs.
        for name in images containers; do
                mkdir "$programs/home/.local/share/husk/$name"
                run -1 own_store "$user" HOME="$programs/home" "$programs/husk" images
                [[ $output == *"/husk/$name belongs to user 0, not to us"* ]]
                rmdir "$programs/home/.local/share/husk/$name"
        done
        run -0 unshare -m sh -c 'mount -t tmpfs -o "ro,mode=777,uid=$1" none "$2/home/.local/share/husk" && shift 2 && exec "$@"' \
                sh "$user" "$programs" setpriv --reuid "$user" --regid "$user" --clear-groups \
                env -i HOME="$programs/home" PATH=/usr/bin:/bin "$programs/husk" ps
        [[ $output == *'/husk can be written to by others: Read-only file system'* ]]
        rm -r "$programs"
}

@test "the name in /tmp that ours has, taken by somebody else: a store that lies elsewhere does not need it" {
        user=$((1800000000 + $$))
        local other=$((1900000000 + $$))
        programs=$(mktemp -d "${TMPDIR:-/tmp}/$WORD.XXXXXX")
        cp "$HUSK" "$programs/husk"
        mkdir -p "$programs/home/.local" "$programs/lower" "$programs/other"
        chown -R "$user:$user" "$programs/home"
        chmod 755 "$programs"
        run -0 own_store "$user" HOME="$programs/home" "$programs/husk" ps
        [ ! -e "/tmp/husk-$user" ]
        own_store "$other" mkdir -m 777 "/tmp/husk-$user"
        run -0 own_store "$user" HOME="$programs/home" "$programs/husk" ps
        run -0 own_store "$user" HOME="$programs/home" "$programs/husk" images
        # Where the store lies on an overlay it is needed.
        run ! unshare -m sh -c 'mount -t overlay -o "lowerdir=$2/lower:$2/other" none "$2/home/.local" && shift 2 && exec "$@"' \
                sh "$user" "$programs" setpriv --reuid "$user" --regid "$user" --clear-groups \
                env -i HOME="$programs/home" PATH=/usr/bin:/bin "$programs/husk" ps
        [[ $output == *"/tmp/husk-$user belongs to user $other, not to us"* ]]
        rm -r "$programs" "/tmp/husk-$user"
}

# all DIRECTORY: names, modes, owners
all() { find "$1" -printf '%p %m %u %y\n' | sort; }

@test "a state root that is another program's, or to which another user's link leads: nothing in it goes" {
        local tree=$BATS_TEST_TMPDIR/$WORD/tree link=$BATS_TEST_TMPDIR/$WORD/link before verb
        mkdir -p "$tree/data/deep" "$tree/data/log" "$tree/syslog/journal" "$tree/text"
        echo x | tee "$tree/data/deep/file" "$tree/syslog/file" >"$tree/text/file"
        mkdir -m 755 "$tree/mnt"
        mkdir -m 700 "$tree/lost+found" "$tree/private" "$tree/named" "$tree/half" "$tree/foo"
        mkdir "$tree/named/log"
        printf '{"version"' >"$tree/half/journal"
        : >"$tree/half/log"
        echo '{"id":"foo"}' >"$tree/foo/state.json" # runc's, and crun's is not unlike it
        ln -s "$tree" "$link"
        chown -h 1234 "$link"
        before=$(all "$tree")
        for verb in list 'state foo' 'delete foo' 'kill --all foo KILL' 'delete --force foo' 'delete --force mnt' 'delete --force syslog' \
                'delete --force --regex .'; do
                run timeout 30 "$HUSK_OCI" --root "$link" $verb
                [ "$(all "$tree")" = "$before" ] || {
                        echo "$verb: $output"
                        diff <(echo "$before") <(all "$tree")
                        return 1
                }
                case $verb in
                list | *--force*) [ "$status" = 0 ] ;;
                *) [ "$status" != 0 ] && [[ $output == *"container 'foo' does not exist"* ]] ;;
                esac
        done
        script 'exit 0'
        run ! timeout 30 "$HUSK_OCI" --root "$link" run --bundle "$BUNDLE" foo
        [[ $output == *"$link/foo is another program's"* ]]
        [ "$(all "$tree")" = "$before" ]
        # A file that has the name of a journal and is none does not make it ours.
        echo hello >"$tree/text/journal"
        before=$(all "$tree")
        run -0 timeout 30 "$HUSK_OCI" --root "$link" list
        run ! timeout 30 "$HUSK_OCI" --root "$link" delete --force text
        [[ $output == *"the directory of 'text' was not made by husk, so it stays"* ]]
        mkdir "$BATS_TEST_TMPDIR/$WORD/store"
        ln -s "$tree" "$BATS_TEST_TMPDIR/$WORD/store/containers"
        for verb in 'ps -a' 'rm -f foo' 'rm -f text' 'container prune'; do
                run timeout 30 "$HUSK" --root "$BATS_TEST_TMPDIR/$WORD/store" --runroot "$BATS_TEST_TMPDIR/$WORD/store" $verb 3>&-
        done
        [ "$(all "$tree")" = "$before" ]
}

# removed WORDS...: husk-oci WORDS takes something away of a tree that is not husk's
removed() {
        local tree=$BATS_TEST_TMPDIR/$WORD/tree before
        rm -rf "$tree"
        mkdir -p "$tree/foo/log"
        mkdir -m 755 "$tree/mnt"
        before=$(all "$tree")
        timeout 30 "$HUSK_OCI" --root "$tree" "$@" >"$BUNDLE/output" 2>&1 || grep -q '^husk-oci: ' "$BUNDLE/output" || return 2
        [ "$(all "$tree")" != "$before" ]
}

@test "what has no journal goes by the mark alone" {
        immune removed list
        weak mark removed list
        immune removed delete --force foo
        weak mark removed delete --force foo
}
