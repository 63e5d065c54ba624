#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What costs nothing to say and is dear to copy: holes of terabytes, files of many names, in images and in containers;
# and who copies for ever can be ended.

# shellcheck disable=SC2153,SC2154,SC2016,SC2030,SC2031 # set by bats; the container's own words
load ../attacks/attack
load image_helper

setup() {
        begin_attack
        new_store
}
teardown() {
        local pid
        for pid in ${clients:-}; do kill -KILL "$pid" 2>/dev/null || :; done
        rm -rf --one-file-system "$store" "$store.run"
        finish
}

new_store() {
        box=$BATS_TEST_TMPDIR/$WORD
        store=$box/store
        rm -rf --one-file-system "$store" "$store.run"
        layer=$(image_layer)
        image_busybox "$layer"
}

husk() { timeout -k 5 30 "$HUSK" --root "$store" --runroot "$store.run" "$@" 3>&-; }
image() { image_make docker.io/library/evil:latest "$1" "$layer" >/dev/null; }
# KiB on the disk of what the store has of containers.
used() { du -sk "$store/containers" | cut -f1; }

# -- volumes that an image fills ------------------------------------------------------------------------

@test "a volume's holes and hard links are as cheap in the container as in the image" {
        mkdir "$layer/vol"
        head -c 1000000 /dev/urandom >"$layer/vol/a"
        for n in $(seq 50); do ln "$layer/vol/a" "$layer/vol/a$n"; done
        truncate -s 3G "$layer/vol/f"
        printf end | dd of="$layer/vol/f" bs=1 seek=2000000000 conv=notrunc status=none
        image '{"Volumes":{"/vol":{}}}'
        run -0 husk run --name v evil sh -c 'stat -c "%s %h" /vol/f /vol/a; cmp /vol/a /vol/a50 2>&1; ls -a /vol | wc -l'
        [[ $output == *"3221225472 1"* && $output == *"1000000 51"* ]]
        [[ ${lines[-1]} == 54 ]] # and . and ..
        # The version before: 3 GB, and 50 MB.
        [ "$(used)" -lt 5000 ]
}

# The image's layer is a file system of its own, that says of holes what it likes; on Linux 6.18 that they are holes.
@test "a volume of terabytes in a layer that is an image is refused at once, or takes nothing" {
        mkdir -p "$box/tree/vol" "$box/tree/bin"
        cp /bin/busybox "$box/tree/bin/true"
        truncate -s 101G "$box/tree/vol/f"
        tar -S -C "$box/tree" -cf "$box/tree.tar" .
        husk import -q -c 'VOLUME /vol' "$box/tree.tar" big:1
        run husk run --rm --name v big:1 true
        case $status in
        0) ;;
        125) [[ $output == *"/vol has more than"*"GiB of data"*"cannot copy 'f'"* && $(wc -l <<<"$output") == 1 ]] ;;
        *) false ;;
        esac
        run -0 husk ps -aq
        [ -z "$output" ]
        # The same image again, which is compared with the one that is there.
        husk import -q -c 'VOLUME /vol' "$box/tree.tar" big:1
        run -0 husk system check
        run -0 husk system check --repair
}

# -- devices in volumes -----------------------------------------------------------------------------------

# Who may make a device in a volume, which is the host's file system, can open it.
device_in_volume() {
        local status=0
        new_store
        mkdir "$layer/vol"
        image '{"Volumes":{"/vol":{}}}'
        run husk run --rm --cap-add MKNOD evil sh -c 'busybox mknod /vol/n c 1 3 || exit 3; echo >/vol/n && echo open'
        [ "$status" != 3 ] || return 2
        [[ $output == *open* ]]
}

@test "a device in a volume is none" {
        immune device_in_volume
        weak set_mount device_in_volume
}

@test "devices of an image are not copied into its volumes" {
        mkdir "$layer/vol"
        mknod -m 666 "$layer/vol/null" c 1 3
        mknod -m 666 "$layer/vol/disk" b 7 0
        mkfifo "$layer/vol/pipe"
        image '{"Volumes":{"/vol":{}}}'
        run -0 husk run --rm evil ls /vol
        [ "$output" = pipe ]
}

# -- what comes out of a container ------------------------------------------------------------------------

# sparse_out: 1 GB of holes in the container is 1 GB for who copies it out
sparse_out() {
        local size
        new_store
        image '{}'
        husk run --name c evil sh -c 'truncate -s 1G /root/f 2>/dev/null || dd of=/root/f bs=1 seek=1073741823 count=1 if=/dev/zero' >/dev/null 2>&1 || return 2
        size=$(husk cp c:/root/f - | head -c 100000000 | wc -c)
        [ "$size" -gt 0 ] || return 2
        [ "$size" -ge 100000000 ]
}

@test "holes come out of a container as holes" {
        immune sparse_out
        weak holes sparse_out
}

# What an image of some KiB can claim; whether its layer is an image or a directory.
@test "terabytes of holes in an image are holes for export, cp, commit and diff" {
        local n
        mkdir -p "$box/tree/big" "$box/tree/bin"
        cp /bin/busybox "$box/tree/bin/sh"
        # In the one data to compare, zeros, where the other has a hole up to its end.
        head -c 16M /dev/zero >"$box/tree/big/f"
        truncate -s 1T "$box/tree/big/f"
        printf end | dd of="$box/tree/big/f" bs=1 seek=1099511627773 conv=notrunc status=none
        tar -S --hole-detection=seek --mtime=@1700000000 -C "$box/tree" -cf "$box/one.tar" .
        fallocate -p -o 0 -l 16M "$box/tree/big/f"
        echo other >"$box/tree/other"
        tar -S --hole-detection=seek --mtime=@1700000000 -C "$box/tree" -cf "$box/two.tar" .
        husk() { timeout -k 2 10 "$HUSK" --root "$store" --runroot "$store.run" "$@" 3>&-; }
        for n in one two; do husk import -q "$box/$n.tar" "$n"; done
        # The table of a TiB is 4 MiB.
        [ "$(du -sk "$store/layers" | cut -f1)" -lt 40000 ]
        run -0 husk diff two one
        [ "$output" = 'A /other' ]
        husk create --name c two sh
        husk cp c:/big/f "$box/out"
        [ "$(stat -c %s "$box/out")" = 1099511627776 ]
        [ "$(tail -c 4 "$box/out" | od -An -c | tr -d ' ')" = '\0end' ]
        [ "$(du -k "$box/out" | cut -f1)" -lt 3000 ]
        husk export -o "$box/out.tar" c
        [ "$(stat -c %s "$box/out.tar")" -lt 10000000 ]
        tar -tvf "$box/out.tar" | grep -q ' 1099511627776 .*big/f$'
        # A container that changes the file has a copy of it.
        husk run --name d two sh -c 'echo more >>/big/f; echo new >/new'
        husk commit -q d three
        run -0 husk diff three
        [[ $output == *$'C /big\nC /big/f\n'*'A /new'* ]]
        husk export -o "$box/out.tar" d
        [ "$(stat -c %s "$box/out.tar")" -lt 10000000 ]
        [ "$(used)" -lt 10000 ]
}

@test "a file that shrinks and grows all the time is never taken for what it never was" {
        local i
        image '{}'
        cp "$BATS_TEST_DIRNAME/../../build/dev/tests/probe_breathe" "$layer/bin/breathe"
        husk run -d --name c evil breathe /root/f 3>&-
        for ((i = 0; i < 15; i++)); do
                # 4 KB of data at the most; whatever it is at that moment, it is no terabytes.
                [ "$(husk cp c:/root/f - 2>/dev/null | head -c 10000000 | wc -c)" -lt 1000000 ]
        done
        husk rm -f c
}

# -- who copies for ever is ended ----------------------------------------------------------------------------

# stalled ARGS...: a client of the weak control, whose volumes are never full; its pid is $client. Its container is there
# when this returns.
stalled() {
        mkdir -p "$BATS_FILE_TMPDIR/weak"
        cp "$WEAK" "$BATS_FILE_TMPDIR/weak/husk"
        HUSK_WEAK=stalled "$BATS_FILE_TMPDIR/weak/husk" --root "$store" --runroot "$store.run" "$@" 3>&- >"$box/said" 2>&1 &
        client=$!
        clients+=" $client"
        for _ in $(seq 500); do
                ! grep -qs '"process"' "$store"/containers/*/journal || return 0
                sleep 0.01
        done
        return 1
}

# ended: the client is gone, and nothing of the container is there
ended() {
        local status=0
        wait "$client" || status=$?
        [ "$status" = "$1" ]
        run -0 husk ps -aq
        [ -z "$output" ]
}

@test "a start that does not end is ended by a signal to its client" {
        mkdir "$layer/vol"
        image '{"Volumes":{"/vol":{}}}'
        stalled run --name c evil true
        kill -TERM "$client"
        ended 143
        stalled run -d evil true
        kill -HUP "$client"
        ended 129
        husk create --name c evil true
        stalled start -a c
        kill -TERM "$client"
        wait "$client" || [ "$?" = 143 ]
        run -0 husk ps -a
        [[ $output == *Created* ]]
        # What was not filled is filled now.
        run -0 timeout 20 "$HUSK" --root "$store" --runroot "$store.run" start -a c
}

@test "a start that does not end is ended by rm -f and by stop" {
        mkdir "$layer/vol"
        image '{"Volumes":{"/vol":{}}}'
        stalled run --name c evil true
        run -0 husk rm -f c
        ended 125
        grep -q 'killed during the set-up' "$box/said"
        stalled run --name c evil true
        run -0 husk stop -t 1 c
        ended 125
}

@test "a copy out of a container whose volumes are not full ends with its client" {
        mkdir "$layer/vol"
        image '{"Volumes":{"/vol":{}}}'
        husk create --name c evil true
        HUSK_WEAK=stalled "$WEAK" --root "$store" --runroot "$store.run" cp c:/etc/passwd "$box/out" 3>&- >/dev/null 2>&1 &
        client=$!
        clients+=" $client"
        sleep 0.3
        kill -TERM "$client"
        wait "$client" || [ "$?" = 143 ]
        run -0 husk rm -f c
        [ ! -e "$box/out" ]
}
