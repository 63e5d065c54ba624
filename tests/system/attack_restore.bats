#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Directories of a checkpoint that somebody else has filled, or can write to while criu works there: all of it is
# refused before criu starts. The control is the same directory without the one thing, which criu is asked to restore.

# shellcheck disable=SC2154 # set by bats
load ../attacks/attack

setup() {
        begin_attack
        [ "$(id -u)" = 0 ] || skip 'criu needs root'
        command -v criu >/dev/null || skip 'criu is not installed'
        IMAGES=$BATS_TEST_TMPDIR/$WORD/images
        WORK=$BATS_TEST_TMPDIR/$WORD/work
        chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/$WORD"
        images
}
teardown() {
        mountpoint -q "$BATS_TEST_TMPDIR/net" && umount "$BATS_TEST_TMPDIR/net"
        remove_cgroups "*/$WORD.else"
        finish
}

# images [DIRECTORY]: new, with what any checkpoint has
images() {
        local directory=${1:-$IMAGES}
        rm -rf "$directory"
        mkdir -m 700 "$directory"
        printf '\x56\x54\x32\x43' | tee "$directory/inventory.img" "$directory/core-1.img" >"$directory/pages-1.img"
        echo '["","pipe:[4711]","file[1f:2b]"]' >"$directory/descriptors.json"
}

restore() { timeout -k 5 200 "$HUSK_OCI" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGES" "$@" </dev/null; }

# refused WORDS [OPTION...]: criu was not asked, which would have left a log; one line says why, and nothing is left
refused() {
        local words=$1
        shift
        run -1 --separate-stderr restore "$@" "$WORD"
        echo "$stderr"
        [[ "$stderr" == "husk-oci: "*"$words"* ]]
        [ "$(grep -vc '^ *hint: ' <<<"$stderr")" = 1 ]
        [ -z "$(find "$BATS_TEST_TMPDIR/$WORD" -type f -name restore.log)" ]
        [ ! -e "$ROOT/$WORD" ]
        victim_is_whole
}

# criu was asked, and says that it cannot: of this kernel or of these images
asked() {
        run -1 --separate-stderr restore "$@" "$WORD"
        echo "$stderr"
        [[ "$stderr" == "husk-oci: cannot restore '$WORD': criu "* ]]
        victim_is_whole
        find "$BATS_TEST_TMPDIR/$WORD" -type f -name restore.log -delete -print | grep -q .
}

@test "the control: a directory of root's with plain files, one on top of another" {
        asked
        images "$IMAGES.first"
        ln -s ../images.first "$IMAGES/parent"
        mkdir "$IMAGES/criu.work"
        asked
        asked --work-path "$WORK"
}

@test "a directory, or one above it, that another user owns or can write to" {
        chown 1234 "$IMAGES"
        refused "--image-path: $IMAGES: user 1234, whose it is, could change it"
        images
        chmod 777 "$IMAGES"
        refused "--image-path: $IMAGES: everybody can write there"
        chmod 1777 "$IMAGES" # others can add a link there
        refused "--image-path: $IMAGES: everybody can write there"
        chmod 770 "$IMAGES"
        chgrp 4321 "$IMAGES"
        refused "--image-path: $IMAGES: group 4321 can write there"
        chgrp 0 "$IMAGES" # the bits of a group are also those of an access list
        refused "--image-path: $IMAGES: group 0 can write there"
        images
        chown 1234 "$IMAGES/pages-1.img"
        refused "--image-path: $IMAGES/pages-1.img: user 1234, whose it is"
        images
        chmod 666 "$IMAGES/pages-1.img"
        refused "--image-path: $IMAGES/pages-1.img: everybody can write there"
        # above it
        local above=$BATS_TEST_TMPDIR/$WORD/above
        mkdir -p "$above/root"
        IMAGES=$above/root/images
        images
        asked
        chown 1234 "$above"
        refused "--image-path: $above: user 1234, whose it is"
        chown 0 "$above"
        chmod 777 "$above"
        refused "--image-path: $above: everybody can write there"
        chmod 1777 "$above" # as /tmp
        asked
        # by a link: what counts is where it leads
        chmod 755 "$above"
        chown 1234 "$IMAGES"
        ln -s "$IMAGES" "$above/link"
        IMAGES=$above/link refused "--image-path: $IMAGES: user 1234"
}

@test "links to the host, in the place of each file that criu writes, reads or punches holes into" {
        local name
        for name in restore.log stats-restore pages-1.img inventory.img descriptors.json core-1.img tmpfs-dev-12.tar.gz.img; do
                images
                ln -sf "$VICTIM/file" "$IMAGES/$name"
                refused "--image-path: $IMAGES/$name: is a symbolic link, which criu would follow"
                [ -L "$IMAGES/$name" ] # it was not even removed
        done
        images
        ln -s "$VICTIM/directory" "$IMAGES/more"
        refused "$IMAGES/more: is a symbolic link"
        # the directory on top of which it is
        images
        ln -s "$VICTIM/directory" "$IMAGES/parent"
        refused "--image-path: $VICTIM/directory/file: user 1234, whose it is"
        images
        images "$IMAGES.first"
        ln -s ../images.first "$IMAGES/parent"
        ln -sf "$VICTIM/file" "$IMAGES.first/pages-1.img"
        refused "--image-path: $IMAGES.first/pages-1.img: is a symbolic link"
        # without a link: criu opens it just so
        images
        images "$IMAGES/parent"
        asked
        ln -sf "$VICTIM/file" "$IMAGES/parent/pages-1.img"
        refused "--image-path: $IMAGES/parent/pages-1.img: is a symbolic link"
        images "$IMAGES/parent"
        chown 1234 "$IMAGES/parent"
        refused "--image-path: $IMAGES/parent: user 1234, whose it is"
        images
        mkdir -m 777 "$IMAGES/criu.work"
        refused "--image-path: $IMAGES/criu.work: everybody can write there"
        images
        ln -sfn . "$IMAGES/parent"
        refused "more than 64 checkpoints on top of each other"
        ln -sfn nowhere "$IMAGES/parent"
        refused "$IMAGES/parent: No such file or directory"
}

@test "pipes, devices and sockets; names that write to a terminal" {
        local name
        for name in restore.log descriptors.json pages-1.img; do
                images
                rm -f "$IMAGES/$name"
                mkfifo "$IMAGES/$name"
                refused "--image-path: $IMAGES/$name: is no plain file" # at once, too
                rm "$IMAGES/$name"
                mknod "$IMAGES/$name" c 1 5
                refused "--image-path: $IMAGES/$name: is no plain file"
        done
        images
        /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$IMAGES/s"
        refused "--image-path: $IMAGES/s: is no plain file"
        images
        mkfifo "$IMAGES/"$'a\nhusk-oci: all is well\e[2J'
        refused 'images/a\x0ahusk-oci: all is well\x1b[2J: is no plain file'
        images
        : >"$IMAGES/"$'a\nb\e[2J'
        asked
        [[ "$stderr" != *$'\e'* ]]
}

@test "descriptors.json that no checkpoint writes" {
        local content
        for content in '' '{}' '"pipe:[1]"' '[' '[1]' '[null,"",""]' '[["pipe:[1]"]]' '["","","",""]' \
                '["file[1:2]:extRootNetNS"]' '["pipe:[1"]' '["file[../../etc]"]' '["tty[]x"]' '["pipe:[1\n]"]' \
                '["file[1\u0000:2]"]' '["\u001b[2Jpipe:[1]"'; do
                echo "$content" >"$IMAGES/descriptors.json"
                refused "$IMAGES/descriptors.json"
                [[ "$stderr" != *$'\e'* ]]
        done
        (printf '["' && head -c 70000 /dev/zero | tr '\0' x && printf '"]') >"$IMAGES/descriptors.json"
        refused "cannot read $IMAGES/descriptors.json: File too large"
        truncate -s 1T "$IMAGES/descriptors.json"
        refused "cannot read $IMAGES/descriptors.json: File too large"
        rm "$IMAGES/descriptors.json"
        mkdir "$IMAGES/descriptors.json"
        refused "cannot read $IMAGES/descriptors.json"
        # none is a checkpoint of others, and so are runc's
        rmdir "$IMAGES/descriptors.json"
        asked
        echo '["/dev/null","/srv/log","pipe:[12]"]' >"$IMAGES/descriptors.json"
        asked
}

@test "the directory of the log" {
        mkdir -m 777 "$WORK"
        refused "--work-path: $WORK: everybody can write there" --work-path "$WORK"
        chmod 700 "$WORK"
        ln -s "$VICTIM/file" "$WORK/restore.log"
        refused "--work-path: $WORK/restore.log: is a symbolic link" --work-path "$WORK"
        rm "$WORK/restore.log"
        mkfifo "$WORK/lazy-pages.socket"
        refused "--work-path: $WORK/lazy-pages.socket: is no plain file" --work-path "$WORK"
}

@test "the images of a checkpoint are not written there either, and the container runs on" {
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        checkpoint() { oci checkpoint --image-path "$IMAGES" "$@" "$WORD"; }
        local first
        ln -sf "$VICTIM/file" "$IMAGES/descriptors.json"
        run -1 --separate-stderr checkpoint
        [[ "$stderr" == *"--image-path: $IMAGES/descriptors.json: is a symbolic link"* ]]
        images
        ln -s "$VICTIM/file" "$IMAGES/dump.log"
        run -1 --separate-stderr checkpoint --pre-dump
        [[ "$stderr" == *"--image-path: $IMAGES/dump.log: is a symbolic link"* ]]
        images
        chmod 777 "$IMAGES"
        run -1 --separate-stderr checkpoint
        [[ "$stderr" == *"--image-path: $IMAGES: everybody can write there"* ]]
        images
        images "$IMAGES.first"
        chown 1234 "$IMAGES.first"
        first=$(realpath "$IMAGES.first")
        run -1 --separate-stderr checkpoint --parent-path ../images.first
        [[ "$stderr" == *"--parent-path: $first: user 1234, whose it is"* ]]
        mkdir -m 777 "$WORK"
        run -1 --separate-stderr checkpoint --work-path "$WORK"
        [[ "$stderr" == *"--work-path: $WORK: everybody can write there"* ]]
        running "$WORD"
        [ ! -e "$IMAGES/dump.log" ]
        victim_is_whole
}

# less FILTER: the document of a restore, of which the images have more
less() {
        cp "$BATS_TEST_TMPDIR/full.json" "$BUNDLE/config.json"
        config "$1"
}

# refuses WORDS: restored it would have had them; it has not run, and nothing is left
refuses() {
        local status=0
        restore --detach "$WORD" >>"$OUT" 2>"$BATS_TEST_TMPDIR/why" || status=$?
        stderr=$(cat "$BATS_TEST_TMPDIR/why")
        echo "$stderr"
        [ "$status" = 1 ]
        [[ "$stderr" == "husk-oci: cannot restore '$WORD': "*"$1"*"hint: nothing of it has run"* ]]
        [ "$(wc -l <"$OUT")" = "$LINES" ]
        [ -z "$(ls "$ROOT")" ]
        [ -z "$(find /sys/fs/cgroup -path "*$WORD*" ! -path "*$WORD.else*" -name cgroup.procs)" ]
}

# begin: a container runs, and its document is the full one; taken: it was taken apart into the images
begin_full() {
        criu check >/dev/null 2>&1 || skip "\`criu check\` fails on this kernel"
        OUT=$BATS_TEST_TMPDIR/$WORD/out
        cp "$BATS_FILE_TMPDIR/bundle/config.json" "$BUNDLE/config.json"
        config ".root.readonly = false | $1"
        script "$2"
        cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/full.json"
        : >"$OUT"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 test -s "$OUT"
}
taken() {
        rm -rf "$IMAGES"
        timeout -k 5 200 "$HUSK_OCI" --root "$ROOT" checkpoint --image-path "$IMAGES" "$WORD"
        LINES=$(wc -l <"$OUT")
}

# weakly OPERATION: restored without that protection
weakly() {
        mkdir -p "$BATS_TEST_TMPDIR/weak"
        cp "$WEAK" "$BATS_TEST_TMPDIR/weak/husk-oci"
        HUSK_OCI=$BATS_TEST_TMPDIR/weak/husk-oci HUSK_WEAK=$1 restore --detach "$WORD" >>"$OUT" 2>&1
}

# Sixty generations, each the child of the one before, then a zombie, whose parent does not wait for it
deep='down() { if [ "$1" -gt 0 ]; then down $(($1 - 1)) & wait; else sleep 1000; fi; }
        down 60 &
        (sleep 0 & exec sleep 1000) &
        sleep 1'

@test "rights that the images have and the document does not give" {
        begin_full '.process.noNewPrivileges = false | del(.linux.seccomp) |
                .linux.namespaces |= map(select(.type != "uts")) | del(.hostname) |
                .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"] | unique)' \
                "$deep; while :; do echo .; sleep 0.1; done"
        has_zombie
        taken
        less '.process.capabilities |= map_values(. - ["CAP_SYS_ADMIN"])'
        refuses 'the capability sys_admin (bounding), which /process/capabilities does not'
        less '.process.capabilities |= with_entries(if .key == "bounding" then . else .value -= ["CAP_SYS_ADMIN"] end)'
        restore --detach "$WORD" >>"$OUT" 2>&1 # what is in the bounding set can come from a file
        has_zombie # which has no namespaces any more
        [ "$(cgroup_file cgroup.procs | xargs cat | wc -l)" -gt 60 ]
        oci delete --force "$WORD"
        LINES=$(wc -l <"$OUT")
        less '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
        refuses 'and /linux/seccomp asks for one'
        less '.linux.namespaces += [{type: "uts"}]'
        refuses "in the host's uts namespace, which /linux/namespaces does not"
        # the control
        less '.process.capabilities |= map_values(. - ["CAP_SYS_ADMIN"])'
        weakly check_rights
        eventually 60 has_grown
        oci delete --force "$WORD"
}

# Its process that sleeps, as the host has it
sleeper() {
        cgroup_file cgroup.procs | xargs cat | while read -r pid; do
                [ "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" != 'sleep 1000 ' ] || echo "$pid"
        done
}

nobody_in() { [ -z "$(cat "$1/cgroup.procs")" ]; }
has_sleeper() { [ -n "$(sleeper)" ]; }

@test "rights that the images have: cgroups with other limits, or none" {
        begin_full . 'sleep 1000 & while :; do echo .; sleep 0.1; done'
        local other pid
        other=$(cgroup_file pids.max)
        other=${other%/*}.else # beside the container's
        eventually 20 has_sleeper
        pid=$(sleeper)
        mkdir "$other"
        echo "$pid" >"$other/cgroup.procs"
        taken
        refuses "/$WORD.else, which is none of the container's"
        [ -z "$(cat "$other/cgroup.procs")" ]
        # the control
        weakly check_rights
        [ -n "$(cat "$other/cgroup.procs")" ]
        oci delete --force "$WORD"
        eventually 20 nobody_in "$other"
}

@test "rights that the images have: the host's namespaces, or others than the document joins" {
        local net=$BATS_TEST_TMPDIR/net join pid
        touch "$net"
        unshare --net="$net" true
        join=".linux.namespaces |= map(select(.type != \"network\")) + [{type: \"network\", path: \"$net\"}]"
        # of the host's network
        begin_full '.linux.namespaces |= map(select(.type != "network"))' 'while :; do echo .; sleep 0.1; done'
        taken
        less "$join"
        refuses "in the host's net namespace, which is not the one of /linux/namespaces"
        weakly check_space
        [ "$(readlink "/proc/$(pid_of "$WORD")/ns/net")" = "$(readlink /proc/self/ns/net)" ]
        oci delete --force "$WORD"
        # of one that criu makes
        begin_full . 'while :; do echo .; sleep 0.1; done'
        taken
        less "$join"
        refuses 'in another net namespace than that of /linux/namespaces'
        # of a process that never was in a container: criu's mount namespace has all that the host has mounted
        setsid setpriv --bounding-set=-all --inh-caps=-all busybox sleep 2000 </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        eventually 20 is_asleep "$pid"
        rm -rf "$IMAGES"
        mkdir -m 700 "$IMAGES"
        criu dump -t "$pid" -D "$IMAGES" -o dump.log </dev/null
        wait "$pid" || :
        less '.linux.namespaces = [{type: "mount"}] |
                del(.hostname, .linux.seccomp, .linux.maskedPaths, .linux.readonlyPaths)'
        refuses "in the host's mnt namespace, which /linux/namespaces does not"
        weakly check_rights
        [ "$(pid_of "$WORD")" = "$pid" ]
        ls "/proc/$pid/root$BATS_TEST_TMPDIR"
        oci delete --force "$WORD"
}

# It is no longer setsid(1) or setpriv(1), whose arguments have the same words, and has nothing to load any more
is_asleep() { [ "$(awk '{ print $2 $3 }' "/proc/$1/stat")" = '(busybox)S' ]; }

# traced OPTIONS PROGRAM: a restore by it under strace
traced() {
        timeout -k 5 200 strace -o "$BATS_TEST_TMPDIR/trace" -e trace=recvmsg,getdents64 "${@:1:$#-1}" \
                "${@: -1}" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$WORD" </dev/null >>"$OUT" 2>&1
}

# killed_looking PROGRAM: SIGKILL at its first look at a task, when criu has said that all is restored
killed_looking() {
        local n status=0
        traced "$1"
        oci delete --force "$WORD"
        n=$(awk '/^getdents64/ { n++; if (told) { print n; exit } } /pre-resume/ { told = 1 }' "$BATS_TEST_TMPDIR/trace")
        LINES=$(wc -l <"$OUT")
        traced -e "inject=getdents64:signal=SIGKILL:when=$n" "$1" || status=$?
        [ "$status" = 137 ]
        grep -q pre-resume "$BATS_TEST_TMPDIR/trace"
        sleep 2
}

@test "rights that nobody has looked at yet: husk-oci is killed while it looks" {
        begin_full . 'while :; do echo .; sleep 0.1; done'
        taken
        killed_looking "$HUSK_OCI"
        echo "it is $(status_of "$WORD")"
        [ -n "$(cgroup_file cgroup.procs | xargs cat)" ]
        run ! oci resume "$WORD"
        run ! oci start "$WORD"
        run ! oci exec "$WORD" true
        sleep 1
        run ! has_grown
        oci delete --force "$WORD"
        [ -z "$(cgroup_file cgroup.procs)" ]
        # the control
        mkdir -p "$BATS_TEST_TMPDIR/weak"
        cp "$WEAK" "$BATS_TEST_TMPDIR/weak/husk-oci"
        HUSK_WEAK=hold_cgroup killed_looking "$BATS_TEST_TMPDIR/weak/husk-oci"
        has_grown
        oci delete --force "$WORD"
}

has_zombie() { oci exec "$WORD" sh -c 'grep -q "^State:.Z" /proc/[0-9]*/status'; }
has_grown() { [ "$(wc -l <"$OUT")" -gt "$LINES" ]; }
