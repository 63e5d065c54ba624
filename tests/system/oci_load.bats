#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# More than there is room for: many containers, many who want one, and no processes, descriptors, memory or
# space left. Each ends in a clear error and a clean host. A sample; `make load` sets HUSK_LOAD and does the whole.

load crash_helper

# whole SAMPLE ALL: a size
whole() {
        if [ -n "${HUSK_LOAD:-}" ]; then echo "$2"; else sample "$1"; fi
}

# What came of `create` when something was short: $status and $BUNDLE/said.
#   0    it was made           it is removed
#   137  the kernel killed it  the next command cleans up
#   1    an error              one, with a reason; nothing is left
came_to_an_end() {
        local errors
        errors=$(grep '^husk-oci: ' "$BUNDLE/said" | grep -vc '^husk-oci: warning: ' || :)
        echo "$1: $status $(tr '\n' ' ' <"$BUNDLE/said")"
        case $status in
        1)
                [ "$errors" = 1 ] && [ ! -e "$ROOT/$WORD" ]
                grep -q "${2:?}" "$BUNDLE/said"
                ;;
        0 | 137) [ "$errors" = 0 ] ;;
        *) false ;;
        esac
        oci delete --force "$WORD"
        eventually 10 only_the_other
}

# create_with COMMAND...: that command starts the `create` that is tried
create_with() {
        status=0
        { timeout 60 "$@" "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" \
                >/dev/null 2>"$BUNDLE/said" </dev/null 3>&- || status=$?; } 2>/dev/null
}

teardown() {
        [ -z "${group:-}" ] || [ ! -d "$group" ] || eventually 10 rmdir "$group"
        finish
}

# group_of CONTROLLER: a new cgroup $group; create_with inside puts a command into it
group_of() {
        group=/sys/fs/cgroup/$1/limit-of-$$-$BATS_TEST_NUMBER
        if is_v2; then
                echo "+$1" >/sys/fs/cgroup/cgroup.subtree_control
                group=/sys/fs/cgroup/limit-of-$$-$BATS_TEST_NUMBER
        fi
        mkdir "$group"
        # shellcheck disable=SC2016 # for the shell in the group
        inside=(sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$group")
        # Not below the group.
        config --arg path "/$WORD" '.linux.cgroupsPath = $path'
}

@test "many containers at once" {
        many=$(whole 30 1000)
        in_parallel() { seq "$many" | timeout 580 xargs -P 16 -I {} "$HUSK_OCI" --root "$ROOT" "$@"; }
        in_parallel create --bundle "$BUNDLE" "$WORD.{}" >/dev/null 2>"$BUNDLE/said" </dev/null || {
                cat "$BUNDLE/said"
                return 1
        }
        [ "$(oci list | grep -c " created ")" = "$many" ]
        in_parallel start "$WORD.{}"
        [ "$(oci list --quiet | wc -l)" = $((many + 1)) ]
        [ "$(oci list | grep -c " running ")" = $((many + 1)) ]
        in_parallel exec "$WORD.{}" /bin/true
        in_parallel delete --force "$WORD.{}"
        only_the_other
}

# at_once COUNT COMMAND...: that often at one moment; how each ended is in $BUNDLE/ended
at_once() {
        local count=$1 n
        shift
        : >"$BUNDLE/ended"
        : >"$BUNDLE/gate"
        exec 8<"$BUNDLE/gate"
        flock -x 8
        for n in $(seq "$count"); do
                {
                        code=0
                        flock -s 9
                        timeout 60 "$HUSK_OCI" --root "$ROOT" "$@" >/dev/null 2>"$BUNDLE/said.$n" || code=$?
                        echo "$code" >>"$BUNDLE/ended"
                } 9<"$BUNDLE/gate" 8>&- 3>&- </dev/null &
        done
        exec 8>&-
}

@test "of those who create one id at one moment one does" {
        crowd=$(whole 12 64)
        for _ in $(seq "$(whole 4 50)"); do
                at_once "$crowd" create --bundle "$BUNDLE" "$WORD"
                wait
                sort "$BUNDLE/ended" | uniq -c
                cat "$BUNDLE"/said.* | sort | uniq -c
                [ "$(grep -cx 0 "$BUNDLE/ended")" = 1 ]
                [ "$(grep -cx 1 "$BUNDLE/ended")" = $((crowd - 1)) ]
                [ "$(cat "$BUNDLE"/said.* | grep -c 'already exists')" = $((crowd - 1)) ]
                oci start "$WORD"
                at_once "$crowd" delete --force "$WORD"
                wait
                [ "$(grep -cx 0 "$BUNDLE/ended")" = "$crowd" ]
                only_the_other
        done
}

@test "the same, thousands of times" {
        storm=$BATS_TEST_DIRNAME/../../build/dev/tests/storm
        [ -x "$storm" ] || skip "needs build/dev/tests/storm (make dev)"
        timeout 3000 "$storm" "$BUNDLE" "$BATS_TEST_TMPDIR/$WORD/storm" "$WORD" \
                "$(whole 30 10000)" "$(whole 16 64)" </dev/null 3>&-
        only_the_other
}

@test "create and delete of one id at one moment" {
        crowd=$(whole 6 32)
        for _ in $(seq "$(whole 4 50)"); do
                at_once "$crowd" create --bundle "$BUNDLE" "$WORD"
                at_once "$crowd" delete --force "$WORD"
                wait
                oci delete --force "$WORD"
                eventually 10 only_the_other
        done
}

@test "no descriptors left" {
        step=3
        [ -z "${HUSK_LOAD:-}" ] || step=1
        for n in $(seq 3 $step 200); do
                # shellcheck disable=SC2016 # for that shell
                create_with sh -c 'ulimit -n "$0" && exec "$@"' "$n"
                [ "$status" != 127 ] || continue # no library could be opened
                came_to_an_end "$n descriptors" 'Too many open files\|descriptors 0, 1 and 2'
                [ "$status" != 0 ] || break
        done
        [ "$status" = 0 ]
}

@test "no descriptors left to look at a container" {
        for words in 'state ID' list 'ps ID' 'pause ID' 'resume ID' 'exec ID /bin/true'; do
                for n in $(seq 3 20); do
                        status=0
                        # shellcheck disable=SC2016,SC2086 # for that shell; several words
                        output=$(timeout 60 sh -c 'ulimit -n "$0" && exec "$@"' "$n" \
                                "$HUSK_OCI" --root "$ROOT" ${words//ID/$WORD.other} 2>&1 </dev/null 3>&-) || status=$?
                        [ "$status" != 127 ] || continue # no library could be opened
                        echo "$words, $n descriptors: $status $output"
                        [ "$status" != 0 ] || break
                        grep -q 'Too many open files\|descriptors 0, 1 and 2' <<<"$output"
                done
                [ "$status" = 0 ]
                case $words in
                state* | list) [[ $output == *"$WORD.other"*running* ]] ;;
                esac
        done
        only_the_other
}

@test "no processes left" {
        needs_controllers pids
        group_of pids
        for n in 1 2 3; do
                echo "$n" >"$group/pids.max"
                create_with "${inside[@]}"
                came_to_an_end "$n processes" 'pids.max'
        done
        [ "$status" = 0 ]
}

@test "no memory left" {
        needs_controllers memory
        group_of memory
        limit=$group/memory.limit_in_bytes
        ! is_v2 || limit=$group/memory.max
        for n in $(seq 64 "$(whole 192 32)" 4096); do
                echo "${n}K" >"$limit"
                create_with "${inside[@]}"
                came_to_an_end "$n KiB" memory
                [ "$status" != 0 ] || break
        done
        [ "$status" = 0 ]
}

@test "no address space left" {
        least=$(du -k -L "$HUSK_OCI" | cut -f 1)
        for n in $(seq "$least" "$(whole 256 16)" $((least + 8192))); do
                create_with prlimit --as=$((n * 1024))
                # with less than that the kernel itself ends what it was to execute
                [ "$status" != 139 ] && [ "$status" != 127 ] || continue
                came_to_an_end "$n KiB" 'emory'
                [ "$status" != 0 ] || break
        done
        [ "$status" = 0 ]
}

# on_small OPTIONS COMMAND...: with a small file system as the state root
on_small() {
        local small=$BATS_TEST_TMPDIR/$WORD/small result=0
        mkdir -p "$small"
        mount -t tmpfs -o "$1" none "$small"
        shift
        ROOT=$small "$@" || result=$?
        umount "$small"
        only_the_other
        return $result
}

create_on_small() {
        create_with env
        echo "$status: $(cat "$BUNDLE/said")"
        if [ "$status" = 0 ]; then
                "$@"
                oci delete --force "$WORD"
        else
                grep -q 'No space left on device' "$BUNDLE/said" && grep -q 'a file system is full' "$BUNDLE/said"
        fi
        [ -z "$(ls "$ROOT")" ]
}

@test "no room in the state root" {
        for n in 1 2 3 4 5 6; do
                on_small "nr_inodes=$n" create_on_small true
        done
        [ "$status" = 0 ]
        # A document that is larger than all the room.
        config '.annotations.long = "0123456789" * 2000'
        for n in 1 2 4 8 16 32; do
                on_small "size=$((n * 4))k" create_on_small true
        done
        [ "$status" = 0 ]
}

# A note of the next state does not find room behind the journal.
filled_up() {
        local journal=$ROOT/$WORD/journal
        dd if=/dev/zero of="$ROOT/.fill" bs=4k 2>/dev/null || :
        head -c $((4095 - $(stat -c %s "$journal") % 4096)) /dev/zero | tr '\0' ' ' >>"$journal"
        echo >>"$journal"
        [ $(($(stat -c %s "$journal") % 4096)) = 0 ]
        before=$(stat -c %s "$journal")
        oci start "$WORD" 2>"$BUNDLE/said"
        cat "$BUNDLE/said"
        grep -q 'warning: .*journal.*No space left on device' "$BUNDLE/said"
        running "$WORD"
        [ "$(stat -c %s "$journal")" = "$before" ]
        oci exec "$WORD" /bin/true
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        rm "$ROOT/.fill"
}

@test "no room for the journal's next line: the container starts, and state tells" {
        on_small size=64k create_on_small filled_up
        [ "$status" = 0 ]
}
