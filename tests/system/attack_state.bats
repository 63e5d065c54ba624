#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Attacks on what is written down of a container: journals that are no files, another's, torn, or full of
# names of other people's things; numbers of processes that were used again. Always: one clear error, no
# hang, delete --force works, and nothing is touched that is not the container's.

# shellcheck disable=SC2154,SC2016,SC2086,SC1003 # set by bats; the container's own words; words
load ../attacks/attack

setup() { begin_attack; }
teardown() {
        [ -z "${stranger:-}" ] || kill -9 "$stranger"
        finish
}

# One that has ended; its journal is $JOURNAL. What a journal no longer tells cannot be removed by it, so its
# cgroups go at once.
ended() {
        if [ ! -d "$BATS_TEST_TMPDIR/kept" ]; then
                script 'exit 0'
                oci run --detach --bundle "$BUNDLE" "$WORD"
                eventually 10 stopped "$WORD"
                remove_cgroups "*/$WORD"
                cp -a "$ROOT/$WORD" "$BATS_TEST_TMPDIR/kept"
        else
                cp -a "$BATS_TEST_TMPDIR/kept" "$ROOT/$WORD"
        fi
        JOURNAL=$ROOT/$WORD/journal
}

# Each verb fails with one error and at once; list leaves it out and says so.
told() {
        local verb
        for verb in "${@:-state}" delete; do
                set -- $verb
                run ! --separate-stderr timeout 10 "$HUSK_OCI" --root "$ROOT" "$1" "$WORD" "${@:2}"
                [ "$status" != 124 ]
                [[ $stderr == *"the journal of container '$WORD' "* ]]
                [ "$(grep -c '^husk-oci: ' <<<"$stderr")" = 1 ]
        done
        run -0 --separate-stderr oci list -q
        [[ $output != *"$WORD"* ]]
        [[ $stderr == *"warning: the journal of container '$WORD' "* ]]
}

forced() {
        run -0 --separate-stderr oci delete --force "$WORD"
        [ -z "$(ls "$ROOT")" ]
        victim_is_whole
}

@test "a journal that is a pipe, a link, a directory, a socket, a device" {
        local make
        for make in 'mkfifo "$JOURNAL"' 'ln -s "$VICTIM/file" "$JOURNAL"' 'mkdir "$JOURNAL"' \
                'mknod "$JOURNAL" c 1 5' 'ln -s /dev/zero "$JOURNAL"' \
                'python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$JOURNAL"'; do
                ended
                rm "$JOURNAL"
                eval "$make"
                told
                forced
        done
        ended
        rm "$JOURNAL"
        mkfifo "$JOURNAL"
        told state ps 'kill 0' start 'exec true' pause 'events --stats'
        forced
}

# waits: state waits for whom a pipe in the journal's place belongs to. What it has left goes by itself.
waits() {
        local got=0
        ended
        rm "$JOURNAL"
        mkfifo "$JOURNAL"
        timeout -k 5 10 "$HUSK_OCI" --root "$ROOT" state "$WORD" >"$BUNDLE/output" 2>&1 </dev/null || got=$?
        rm -r "${ROOT:?}/$WORD"
        case $got in 124) return 0 ;; 1) ;; *) return 2 ;; esac
        grep -q '^husk-oci: .*is no plain file' "$BUNDLE/output" || return 3
        return 1
}

@test "a journal that is a pipe keeps nobody waiting" {
        immune waits
        weak plain waits
}

@test "a journal that others can write, that is too large, of another version, no JSON" {
        local change
        for change in 'chmod 666 "$JOURNAL"' 'truncate -s 80M "$JOURNAL"' 'chown 1000 "$JOURNAL"' \
                'sed -i "1s/{\"version\":1,/{\"version\":2,/" "$JOURNAL"' 'sed -i "1s/\"version\":1,//" "$JOURNAL"' \
                'sed -i 1s/:/\;/ "$JOURNAL"' 'echo "{\"status\":" >>"$JOURNAL"' \
                'printf "\0\0\0\n" >>"$JOURNAL"' 'shred -n 1 "$JOURNAL"; echo >>"$JOURNAL"'; do
                ended
                eval "$change"
                told
                forced
        done
}

@test "a journal cut off at any place, and zeroes in it" {
        ended
        local size at
        size=$(stat -c %s "$JOURNAL")
        for at in 0 1 2 $(seq 50 $((size / $(sample 10) + 1)) "$size") $((size - 1)); do
                truncate -s "$at" "$JOURNAL"
                run --separate-stderr oci state "$WORD"
                [ "$status" -le 1 ]
                forced
                ended
                dd if=/dev/zero of="$JOURNAL" bs=1 seek="$at" count=9 conv=notrunc status=none
                run --separate-stderr oci state "$WORD"
                [ "$status" -le 1 ]
                forced
                ended
        done
        oci delete "$WORD"
}

# Whose process it is, and what a journal has to say to mean it.
strange_process() {
        sleep 1000 3>&- &
        stranger=$!
        START=$(awk '{ print $22 }' "/proc/$stranger/stat")
}

hostile_lines() {
        sed -i '/^{"process"/d; /^{"status"/d' "$JOURNAL"
        printf '%s\n' '{"undo":"remove_tree","path":"'"$VICTIM/directory"'"}' \
                '{"undo":"remove_tree","path":"'"$ROOT/$WORD/../../victim/directory"'"}' \
                '{"undo":"remove_cgroup","path":"'"$VICTIM/directory/deeper"'"}' \
                '{"undo":"remove_group","path":"'"$VICTIM/directory/deeper"'"}' \
                '{"process":{"pid":'"$stranger"',"start":'"$START"'}}' '{"status":"created"}' >>"$JOURNAL"
}

@test "another user's journal: what it names is neither removed nor killed" {
        strange_process
        # the file alone is another's: it was put there
        ended
        hostile_lines
        chown 1000 "$JOURNAL"
        told
        forced
        [ -d "/proc/$stranger" ]
        # the container is another's: it can be looked at, and none of its words is acted upon
        ended
        hostile_lines
        chown -R 1000 "$ROOT/$WORD"
        run -0 oci state "$WORD"
        local verb
        for verb in 'kill KILL' 'kill --all KILL' 'exec true' ps 'events --stats' pause start delete 'delete --force'; do
                set -- $verb
                case $2 in -*) set -- "$1" "$2" "$WORD" "${@:3}" ;; *) set -- "$1" "$WORD" "${@:2}" ;; esac
                run ! --separate-stderr oci "$@"
                [[ $stderr == *"container '$WORD' is that of user 1000"* ]]
        done
        [ -d "/proc/$stranger" ]
        victim_is_whole
        # the control: the same lines in a journal of ours are acted upon
        chown -R 0 "$ROOT/$WORD"
        oci kill "$WORD" KILL
        eventually 10 gone "$stranger"
        stranger=
        oci delete "$WORD"
        victim_is_whole
}

name_stranger() { sed 's/^{"process".*/{"process":{"pid":'"$stranger"',"start":'"$START"'}}/' "$1"; }

@test "another user's container that runs: root's exec does nothing of what its document says" {
        script 'exec sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD"
        strange_process
        cp "$ROOT/$WORD/journal" "$BATS_TEST_TMPDIR/$WORD/journal"
        # (written into the same file: whose the cgroups are is known by it)
        name_stranger "$BATS_TEST_TMPDIR/$WORD/journal" >"$ROOT/$WORD/journal"
        chown -R 1000 "$ROOT/$WORD"
        run -255 --separate-stderr oci exec "$WORD" touch "$VICTIM/entered" /tmp/entered
        [[ $stderr == *"container '$WORD' is that of user 1000, who alone can enter it"*setpriv* ]]
        victim_is_whole
        chown -R 0 "$ROOT/$WORD"
        cat "$BATS_TEST_TMPDIR/$WORD/journal" >"$ROOT/$WORD/journal"
}

@test "another user's container names a directory full of pipes as its cgroup: nobody waits" {
        local file
        ended
        strange_process
        mkdir "$BUNDLE/evil.freezer"
        for file in cgroup.freeze freezer.self_freezing cgroup.procs memory.events memory.stat; do
                mkfifo "$BUNDLE/evil.freezer/$file"
        done
        hostile_lines
        echo '{"undo":"remove_cgroup","path":"'"$BUNDLE/evil.freezer"'"}' >>"$JOURNAL"
        chown -R 1000 "$ROOT/$WORD"
        run -0 --separate-stderr timeout 10 "$HUSK_OCI" --root "$ROOT" list
        run -0 --separate-stderr timeout 10 "$HUSK_OCI" --root "$ROOT" state "$WORD"
        chown -R 0 "$ROOT/$WORD"
        # in a journal of ours, too, it is no cgroup
        run -0 --separate-stderr timeout 10 "$HUSK_OCI" --root "$ROOT" state "$WORD"
        # the control: who waits for a pipe; not in another user's
        cp "$WEAK" "$BATS_TEST_TMPDIR/husk-oci"
        run -124 --separate-stderr env HUSK_WEAK=plain timeout -k 5 10 "$BATS_TEST_TMPDIR/husk-oci" --root "$ROOT" state "$WORD"
        chown -R 1000 "$ROOT/$WORD"
        run -0 --separate-stderr env HUSK_WEAK=plain timeout -k 5 10 "$BATS_TEST_TMPDIR/husk-oci" --root "$ROOT" state "$WORD"
        chown -R 0 "$ROOT/$WORD"
        sed -i '/^{"process"/d' "$JOURNAL"
        forced
        [ -d "/proc/$stranger" ]
}

@test "another user's crash is not undone by root, and its hooks are not run" {
        ended
        printf '#!/bin/sh\necho "$(id -u)" >%s\n' "$BUNDLE/hooked" >"$BUNDLE/hook"
        chmod 755 "$BUNDLE/hook"
        sed -i '/^{"status"/d; 1s/"mode":"run"/"mode":"create"/; 2s|^{|{"hooks":{"poststop":[{"path":"'"$BUNDLE/hook"'"}]},|' "$JOURNAL"
        cp -a "$ROOT/$WORD" "$BATS_TEST_TMPDIR/$WORD/crash"
        chown -R 1000 "$ROOT/$WORD"
        script 'exit 0'
        run ! --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [[ $stderr == *"container '$WORD' is that of user 1000, who alone can change it"* ]]
        [ -d "$ROOT/$WORD" ]
        [ ! -e "$BUNDLE/hooked" ]
        # the control: the same crash of ours is undone, hooks included
        rm -r "${ROOT:?}/$WORD"
        cp -a "$BATS_TEST_TMPDIR/$WORD/crash" "$ROOT/$WORD"
        run -0 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ "$(cat "$BUNDLE/hooked")" = 0 ]
}

@test "another user's container whose process is root's: its namespaces are not joined" {
        local store=$BATS_TEST_TMPDIR/$WORD/store id
        husk() { timeout 60 "$HUSK" --root "$store" --runroot "$store.run" "$@" 3>&-; }
        id=$(husk run -d --name one host sleep 1000)
        strange_process
        cp -a "$store/containers/$id/journal" "$BATS_TEST_TMPDIR/$WORD/journal"
        name_stranger "$BATS_TEST_TMPDIR/$WORD/journal" >"$store/containers/$id/journal"
        chown 1000 "$store/containers/$id" "$store/containers/$id/journal"
        run ! --separate-stderr husk run --rm --pid container:one host true
        [[ $stderr == *"is that of user 1000, and process $stranger is not"* ]]
        run ! --separate-stderr husk exec one true
        [[ $stderr == *"is that of user 1000, who alone can enter it"* ]]
        chown 0 "$store/containers/$id" "$store/containers/$id/journal"
        cat "$BATS_TEST_TMPDIR/$WORD/journal" >"$store/containers/$id/journal"
        husk rm -f one
}

@test "our own journal with a wrong name in it: what is not the container's stays" {
        strange_process
        ended
        hostile_lines
        sed -i '/^{"process"/d; /^{"status"/d' "$JOURNAL"
        mkdir "$ROOT/$WORD/upper"
        echo '{"undo":"remove_tree","path":"'"$ROOT/$WORD/upper"'"}' >>"$JOURNAL"
        run -0 --separate-stderr oci delete --force "$WORD"
        [[ $stderr == *"$VICTIM/directory is not the container's and stays"* ]]
        # the control: what is the container's went
        [ -z "$(ls "$ROOT")" ]
        victim_is_whole
}

# A script in the file $REUSE: the process $pid is killed, and a program of the host's has its number then.
number_reuse() {
        export REUSE=$BUNDLE/reuse
        cat >"$REUSE" <<'REUSE'
kill -9 "$pid"
while [ -d "/proc/$pid" ]; do sleep 0.01; done
for round in 1 2 3 4 5 6 7 8 9; do
        echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
        sleep 1000 &
        [ $! != "$pid" ] || break
done
[ $! = "$pid" ] || exit 3
REUSE
}

@test "a number that was used again: neither killed nor entered nor shown as the container" {
        # A pid namespace, where the next number can be chosen.
        number_reuse
        cat >"$BUNDLE/replay" <<'REPLAY'
set -eu
oci() { timeout 60 "$HUSK_OCI" --root "$ROOT" "$@"; }
oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
pid=$(oci state "$WORD" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
. "$REUSE"
oci state "$WORD" | grep -q '"status": "stopped"' || exit 4
! oci kill "$WORD" KILL 2>/dev/null || exit 5
! oci kill --all "$WORD" KILL 2>/dev/null || :
! oci exec "$WORD" true 2>/dev/null || exit 6
oci delete "$WORD" || exit 7
kill -0 "$pid" || exit 8
echo alive
# the control: who takes the number for the process
kill "$pid"
oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
pid=$(oci state "$WORD" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
. "$REUSE"
HUSK_WEAK=identity timeout 60 "$WEAK_OCI" --root "$ROOT" kill "$WORD" KILL
wait "$pid" 2>/dev/null || :
echo killed
oci delete --force "$WORD"
REPLAY
        script 'exec sleep 1000'
        export WORD ROOT BUNDLE HUSK_OCI WEAK_OCI=$BATS_TEST_TMPDIR/husk-oci
        cp "$WEAK" "$WEAK_OCI"
        run -0 --separate-stderr timeout -k 5 60 unshare --pid --fork --kill-child --mount-proc bash "$BUNDLE/replay" 3>&-
        [ "$output" = $'alive\nkilled' ] || {
                echo "$output $stderr"
                return 1
        }
}

@test "a number that is used again while exec is on its way: it enters nobody else" {
        command -v strace >/dev/null || skip 'strace is not there'
        number_reuse
        cat >"$BUNDLE/replay" <<'REPLAY'
set -eu
"$1" --root "$ROOT" run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
pid=$("$1" --root "$ROOT" state "$WORD" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
# The look at the container is over, the plan is made; now it opens the process.
strace -qq -o /dev/null -e trace=pidfd_open -e inject=pidfd_open:delay_enter=2500000:when=2 \
        "$1" --root "$ROOT" exec "$WORD" readlink /proc/self/ns/mnt >"$BUNDLE/entered" 2>"$BUNDLE/why" &
exec=$!
sleep 1
. "$REUSE"
wait "$exec" && echo 0 || echo $?
[ "$(cat "$BUNDLE/entered")" != "$(readlink /proc/self/ns/mnt)" ] || echo ours
"$1" --root "$ROOT" delete --force "$WORD"
REPLAY
        script 'exec sleep 1000'
        ln -sf busybox "$BUNDLE/rootfs/bin/readlink"
        export WORD ROOT BUNDLE
        replay() { run --separate-stderr timeout -k 5 60 unshare --pid --fork --kill-child --mount-proc bash "$BUNDLE/replay" "$1" 3>&-; }
        replay "$HUSK_OCI"
        echo "$output $stderr $(cat "$BUNDLE/why")"
        [ "$output" = 255 ]
        grep -q 'has ended meanwhile' "$BUNDLE/why"
        # the control
        mkdir "$BATS_TEST_TMPDIR/weak"
        cp "$WEAK" "$BATS_TEST_TMPDIR/weak/husk-oci"
        HUSK_WEAK=identity replay "$BATS_TEST_TMPDIR/weak/husk-oci"
        echo "$output $stderr $(cat "$BUNDLE/why")"
        [ "$output" = $'0\nours' ]
}

# doorman DIRECTORY...: uid 1234 locks each new cgroup of ours below one of them, as soon as it is there
doorman() {
        setpriv --reuid 1234 --regid 1234 --clear-groups /usr/bin/python3 - "$WORD" "$BUNDLE/ready" "$@" <<'PY' 3>&- &
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None)
fd, held, where = libc.inotify_init1(0), [], {}
for path in sys.argv[3:]:
    where[libc.inotify_add_watch(fd, path.encode(), 0x100)] = path  # IN_CREATE
print("ready", flush=True)
while True:
    data, at = os.read(fd, 65536), 0
    while at < len(data):
        watch, mask, cookie, size = struct.unpack_from("iIII", data, at)
        name = data[at + 16:at + 16 + size].rstrip(b"\0").decode()
        at += 16 + size
        if name.startswith(sys.argv[1]):
            try:
                held.append(os.open(where[watch] + "/" + name, os.O_RDONLY))
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
PY
        doorman=$!
}

# Claims are flock(2)s, for which who may open a directory needs no right.
refused_starts() {
        local i refused=0 roots=()
        for i in /sys/fs/cgroup /sys/fs/cgroup/*; do
                [ ! -e "$i/cgroup.procs" ] || roots+=("$i")
        done
        doorman "${roots[@]}" >"$BUNDLE/said"
        eventually 20 grep -q ready "$BUNDLE/said"
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
                config --arg path "/$WORD.door$i" '.linux.cgroupsPath = $path'
                "$1" --root "$ROOT" run --bundle "$BUNDLE" "$WORD.door$i" </dev/null >/dev/null 2>&1 || refused=$((refused + 1))
        done
        kill "$doorman"
        wait "$doorman" || :
        echo "$refused"
}

@test "another user locks cgroups as soon as they are there: they are claimed all the same" {
        script 'exit 0'
        [ "$(refused_starts "$HUSK_OCI")" = 0 ]
        [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "$WORD.door*")" ]
        # the control
        mkdir "$BATS_TEST_TMPDIR/weak"
        cp "$WEAK" "$BATS_TEST_TMPDIR/weak/husk-oci"
        export HUSK_WEAK=closed
        local refused
        refused=$(refused_starts "$BATS_TEST_TMPDIR/weak/husk-oci")
        find /sys/fs/cgroup -maxdepth 2 -depth -name "$WORD.door*" -exec rmdir {} +
        echo "$refused of 12"
        [ "$refused" -gt 0 ]
}

@test "who is not the owner finds nothing: modes, whatever the umask" {
        script 'exec sleep 1000'
        config '.process.terminal = false'
        (umask 000 && oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1)
        (umask 000 && oci create --bundle "$BUNDLE" "$WORD.b" >/dev/null 2>&1)
        local store=$BATS_TEST_TMPDIR/$WORD/store
        (umask 000 && timeout 60 "$HUSK" --root "$store" --runroot "$store.run" run -d --name "$WORD" \
                --rootfs "$BUNDLE/rootfs" sleep 1000 3>&-)
        local directory=$BATS_TEST_TMPDIR/$WORD
        while [ "$directory" != / ] && [ "$directory" != /tmp ]; do
                chmod a+x "$directory"
                directory=${directory%/*}
        done
        # nothing that others could read or write; what ids of a user namespace pass through has x and no r
        run -0 find "$ROOT" "$store" -mindepth 1 -perm /066 ! -path "*/upper*" ! -type s
        found=$output
        run setpriv --reuid 1000 --regid 1000 --clear-groups find "$ROOT" "$store" -mindepth 2
        timeout 60 "$HUSK" --root "$store" --runroot "$store.run" rm -f "$WORD" 3>&-
        [ -z "$found" ] || {
                echo "$found"
                return 1
        }
        run ! grep -v 'Permission denied' <<<"$output"
}

# finds_setuid: another user executes a set-id program that a container has made, by its place in the store
finds_setuid() {
        local store=$BATS_TEST_TMPDIR/$WORD/store directory=$BATS_TEST_TMPDIR/$WORD found got
        rm -rf "$BUNDLE/rootfs" "$store"
        (umask 000 && timeout 60 "$HUSK" --root "$store" --runroot "$store.run" run --name "$WORD" host \
                sh -c 'cp /usr/bin/id /srv/id && chmod 4755 /srv/id' >"$BATS_TEST_TMPDIR/output" 2>&1 3>&-) || return 2
        while [ "$directory" != / ] && [ "$directory" != /tmp ]; do
                chmod a+x "$directory"
                directory=${directory%/*}
        done
        found=$(setpriv --reuid 1000 --regid 1000 --clear-groups find "$store" -name id -perm -4000 2>/dev/null)
        [ -n "$(find "$store" -name id -perm -4000)" ] || return 3
        got=$([ -z "$found" ] || setpriv --reuid 1000 --regid 1000 --clear-groups "$found" -u)
        timeout 60 "$HUSK" --root "$store" --runroot "$store.run" rm -f "$WORD" 3>&- >/dev/null || return 4
        [ "$got" = 0 ]
}

@test "CVE-2021-41091: a set-id program in a container's files is nobody else's to execute" {
        immune finds_setuid
        weak modes finds_setuid
}

# own_store UID COMMAND...: as that user, who has neither a home nor a place to run in
own_store() {
        timeout -k 5 60 setpriv --reuid "$1" --regid "$1" --clear-groups env -i PATH=/usr/bin:/bin "${@:2}" 3>&-
}

@test "a container that lost its journal: it goes by force, but not from another user's directory, nor with what is not husk's" {
        ended
        rm "$JOURNAL"
        : >"$ROOT/$WORD/log"
        mkdir -p "$ROOT/$WORD/upper0/etc"
        echo x | tee "$ROOT/$WORD/upper0/etc/file" >"$ROOT/$WORD/stray"
        told
        run ! oci delete --force "$WORD"
        [[ $output == *"the directory of '$WORD' has 'stray', which is not husk's, so it stays"* ]]
        [ -e "$ROOT/$WORD/upper0/etc/file" ]
        rm "$ROOT/$WORD/stray"
        chown 1234 "$ROOT"
        run ! oci delete --force "$WORD"
        [[ $output == *"'$WORD' is in a directory of user 1234, so what is there stays"* ]]
        [ -e "$ROOT/$WORD/upper0/etc/file" ]
        chown 0 "$ROOT"
        forced
        # Where nothing was made yet it goes by itself.
        mkdir -m 1700 "$ROOT/$WORD" "$ROOT/$WORD.b"
        : >"$ROOT/$WORD/journal"
        run -0 oci list -q
        [ -z "$(ls "$ROOT")" ]
}

@test "another user's container, deleted by force: not the half of it" {
        own_store 1234 unshare -Ur true || skip 'ordinary users make no user namespaces here'
        ended
        setpriv --reuid 1234 --regid 1234 --clear-groups unshare -Ur sleep 1000 3>&- &
        stranger=$!
        eventually 10 grep -q sleep "/proc/$stranger/comm"
        sed -i '/^{"process"/d; /^{"status"/d' "$JOURNAL"
        printf '%s\n' '{"process":{"pid":'"$stranger"',"start":'"$(awk '{ print $22 }' "/proc/$stranger/stat")"'}}' \
                '{"status":"created"}' >>"$JOURNAL"
        chown -R 1234 "$ROOT/$WORD"
        run ! --separate-stderr oci delete --force "$WORD"
        [[ $stderr == *"container '$WORD' is that of user 1234, who alone can change it"* ]]
        [ -d "/proc/$stranger" ]
        # the control: who asks for a signal gets it
        oci kill "$WORD" KILL
        eventually 10 gone "$stranger"
        stranger=
        chown -R 0 "$ROOT/$WORD"
        oci delete "$WORD"
}

# In a user namespace of one's own anybody mounts anything under any name, and anywhere.
@test "an ordinary user mounts what is called as root's place for a container's files" {
        local at id user=$((1800000000 + $$)) flags=(--root "$ROOT.husk" --runroot "$ROOT.run")
        own_store "$user" unshare -Urm true || skip 'ordinary users make no user namespaces here'
        id=$("$HUSK" "${flags[@]}" create --name one host true)
        at=$ROOT.husk/containers/$id/merged
        # Left by one that was killed.
        mkdir "$at"
        # One process all the way: $! is what is to be killed.
        setpriv --reuid "$user" --regid "$user" --clear-groups unshare -Urm sh -c 'mount -t tmpfs "$0" /mnt && mount -t tmpfs none "$1" &&
                mkdir -p "$0" && mount -t tmpfs overlay "$0" && echo mounted && exec sleep 1000' \
                "$at" "/$(cut -d / -f 2 <<<"$at")" >"$BATS_TEST_TMPDIR/said" 3>&- &
        stranger=$!
        eventually 10 grep -qs mounted "$BATS_TEST_TMPDIR/said"
        # the control: who believes every namespace
        cp "$WEAK" "$BATS_TEST_TMPDIR/husk"
        run ! env HUSK_WEAK=place timeout 60 "$BATS_TEST_TMPDIR/husk" "${flags[@]}" start -a one
        [[ $output == *"it is mounted at $at in the mount namespace of process $stranger"* ]]
        run -0 timeout 60 "$HUSK" "${flags[@]}" start -a one
        mkdir "$at"
        run -0 timeout 60 "$HUSK" "${flags[@]}" mount one
        "$HUSK" "${flags[@]}" rm -f one
        kill "$stranger"
        wait "$stranger" || :
        stranger=
}
