#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk mount`, `umount` and those of images, by root.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load images_helper
load image_helper

setup() {
        engine_setup
        open_way "$box"
}

teardown() {
        [ -z "${box:-}" ] || husk umount -af >/dev/null 2>&1 || :
        [ -z "${box:-}" ] || husk image umount -af >/dev/null 2>&1 || :
        images_teardown
}

imported() {
        image_busybox "$box/root"
        mkdir -p "$box/root/data"
        echo old >"$box/root/data/old"
        tar -C "$box/root" --numeric-owner -cf "$box/root.tar" .
        husk import -q "$box/root.tar" base:1
}

# What overlays there are with that upper layer, in our mount namespace and in the container's: their devices.
overlays() {
        local id pid files=(/proc/self/mountinfo)
        id=$(husk inspect -f '{{.Id}}' "$1")
        pid=$(pid_of "$1")
        [ "$pid" = 0 ] || files+=("/proc/$pid/mountinfo")
        cat "${files[@]}" | grep -F "upperdir=$store/containers/$id/" | cut -d' ' -f3 | sort -u
}

mounted() { grep -cF " $1 " /proc/self/mountinfo || :; }

@test 'mount: one that does not run: its path, its files, and what is written there' {
        imported
        husk create --name one base:1 cat /data/new
        husk create --name two base:1 true
        run -0 husk mount one
        place=$output
        same "$(cat "$place/data/old")" old
        echo new >"$place/data/new"
        run -0 husk mount one # once more is the same
        same "$output" "$place"
        same "$(mounted "$place")" 1
        run -0 husk mount
        has "$output" "$place"
        same "$(wc -l <<<"$output")" 1
        run -0 husk mount --format json
        same "$(jq -r '.[0].mountpoint' <<<"$output")" "$place"
        same "$(jq -r '.[0].id' <<<"$output")" "$(husk inspect -f '{{.Id}}' one)"
        run -0 husk mount one two
        same "$(wc -l <<<"$output")" 2
        run -0 husk umount one two
        same "$output" $'one\ntwo'
        [ ! -e "$place" ]
        run -0 husk mount
        same "$output" ''
        run -0 husk unmount one # not mounted is no error
        same "$(husk start -a one)" new
        has "$(husk diff one)" 'A /data/new'
}

@test 'mount: a kernel whose statx(2) knows no root of a mount (before 5.8)' {
        refuse=$BATS_TEST_DIRNAME/../../build/dev/tests/probe_refuse
        [ -x "$refuse" ] || skip "there is no probe $refuse (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip 'the number is that of x86-64'
        old() { "$refuse" 38 332 -- "$HUSK" "${flags[@]}" "$@"; }
        imported
        husk create --name one base:1 true
        run -0 old mount one
        place=$output
        same "$(cat "$place/data/old")" old
        run -0 old mount one
        same "$output" "$place"
        same "$(mounted "$place")" 1
        run -0 old mount
        has "$output" "$place"
        run -0 old umount one
        [ ! -e "$place" ]
        run -0 old mount
        same "$output" ''
        husk mount one
        run -0 old rm -f one
        [ ! -e "$place" ]
        same "$(mounted "$place")" 0
}

@test 'mount: one overlay, whoever looks at it and in whatever order' {
        imported
        husk create --name one base:1 sleep 1000
        place=$(husk mount one)
        echo 1 >"$place/data/1"
        husk start one
        same "$(overlays one | wc -l)" 1
        same "$(husk exec one cat /data/1)" 1
        husk exec one sh -c 'echo 2 >/data/2'
        same "$(cat "$place/data/2")" 2
        husk umount one
        place=$(husk mount one) # of one that runs
        same "$(overlays one | wc -l)" 1
        husk stop -t 0 one
        same "$(cat "$place/data/2")" 2
        # cp to one that is mounted and does not run goes through the same mount; commit and export read it.
        echo 3 >"$box/3"
        husk cp -q "$box/3" one:/data/3
        same "$(cat "$place/data/3")" 3
        echo 4 >"$place/data/4"
        same "$(husk cp one:/data/4 - | tar xO)" 4
        has "$(husk export one | tar t)" data/4
        husk commit -q one made:1
        same "$(husk run --rm made:1 cat /data/2 /data/4)" $'2\n4'
        has "$(husk diff one)" 'A /data/4'
        husk start one
        same "$(overlays one | wc -l)" 1
        same "$(husk exec one cat /data/4)" 4
        # Neither its set-id programs nor its devices, but its own to it as before.
        same "$(findmnt -no OPTIONS "$place" | tr ',' '\n' | grep -cE '^(nosuid|nodev)$')" 2
        same "$(husk exec one grep -c '/ / [^ ]*nosuid' /proc/self/mountinfo || :)" 0
}

@test 'mount: volumes are not in it, and a read-only root can be written to' {
        imported
        mkdir "$box/vol"
        echo v >"$box/vol/v"
        husk run -d --name one --read-only -v "$box/vol:/data" base:1 sleep 1000
        place=$(husk mount one)
        same "$(cat "$place/data/old")" old
        [ ! -e "$place/data/v" ]
        [ ! -e "$place/proc/self" ]
        echo x >"$place/x"
        same "$(husk exec one cat /x)" x
        run husk exec one touch /y
        [ "$status" != 0 ]
}

@test 'mount: a directory as the root lies there already' {
        image_busybox "$box/plain"
        husk create --name one --rootfs "$box/plain" true
        same "$(husk mount one)" "$box/plain"
        same "$(husk mount)" ''
        husk umount one
        husk rm one
        [ -e "$box/plain/bin/sh" ]
}

@test 'mount: in a user namespace; owners are those of its range' {
        imported
        husk create --name one --uidmap 0:100000:65536 --gidmap 0:200000:65536 base:1 sleep 1000
        place=$(husk mount one)
        same "$(stat -c %u:%g "$place/data/old")" 100000:200000
        husk start one
        same "$(overlays one | wc -l)" 1
        husk exec one sh -c 'echo x >/x'
        same "$(stat -c %u:%g "$place/x")" 100000:200000
        husk umount one
        place=$(husk mount one)
        same "$(stat -c %u:%g "$place/x" "$place/data/old")" $'100000:200000\n100000:200000'
        same "$(husk exec one stat -c %u:%g /x /data/old)" $'0:0\n0:0'
}

@test 'mount: a hostile root: links lead nowhere else, and what a container mounts stays in it' {
        imported
        husk run -d --name one --privileged base:1 sh -c 'ln -s / /data/up; mount -t tmpfs none /tmp && echo in >/tmp/in; echo >/ready; sleep 1000'
        await husk exec one cat /ready
        place=$(husk mount one)
        [ ! -e "$place/tmp/in" ]
        same "$(readlink "$place/data/up")" /
        # What it mounts now does not come here, and what is mounted here does not go there.
        husk exec one mount -t tmpfs none /data
        same "$(cat "$place/data/old")" old
        mount -t tmpfs none "$place/root"
        same "$(husk exec one grep -c ' /root ' /proc/self/mountinfo || :)" 0
        umount "$place/root"
}

@test 'rm, rm -f and the end of --rm, while it is mounted' {
        imported
        husk create --name one base:1 true
        place=$(husk mount one)
        exec {there}<"$place/data" # somebody uses it
        run -0 husk rm one
        exec {there}<&-
        same "$(mounted "$place")" 0
        husk run -d --name two base:1 sleep 1000
        place=$(husk mount two)
        run -0 husk rm -f two
        same "$(mounted "$place")" 0
        # The keeper has given up the right to unmount: the container stays until that was done.
        husk run -d --rm --name three base:1 sleep 1000
        place=$(husk mount three)
        husk kill three
        await is_state three exited
        same "$(cat "$place/data/old")" old
        husk umount three
        same "$(husk ps -aq)" ''
        nothing_left
        # A journal that is not believed.
        husk run --name four base:1 true
        place=$(husk mount four)
        echo keep >"$place/data/old"
        id=$(husk inspect -f '{{.Id}}' four)
        echo '{"version":99}' >"$store/containers/$id/journal"
        run -0 husk rm -f "$id"
        same "$(mounted "$place")" 0
        nothing_left
}

@test 'umount: somebody is there: refused, but for --force' {
        imported
        husk create --name one base:1 true
        place=$(husk mount one)
        exec {there}<"$place/data"
        run -1 husk umount one
        has "$output" 'Device or resource busy'
        has "$output" 'hint: leave it'
        same "$(mounted "$place")" 1
        run -0 husk umount -f one
        same "$(mounted "$place")" 0
        exec {there}<&-
        run -1 husk umount
        has "$output" 'a name is missing'
        run -1 husk mount no-such
        has "$output" "'no-such' does not exist"
        run -1 husk mount -a one
        has "$output" '--all needs no names'
}

@test 'mount: killed at any moment, the next command goes on' {
        imported
        husk create --name one base:1 cat /data/old
        local i
        for i in 1 2 3 4 5 6 8 10 13 16 20 25 30 40; do
                "$husk" "${flags[@]}" mount one >/dev/null 2>&1 3>&- &
                client=$!
                sleep "0.0$((i / 10))$((i % 10))"
                kill -KILL "$client" 2>/dev/null || :
                wait "$client" 2>/dev/null || :
                [ $((i % 2)) = 0 ] || husk umount one
        done
        same "$(husk start -a one)" old
        place=$(husk mount one)
        same "$(mounted "$place")" 1
        same "$(cat "$place/data/old")" old
        husk rm one
        nothing_left
}

@test 'mount: in another mount namespace: start and cp are refused, and rm takes it away there' {
        imported
        husk create --name one base:1 sleep 1000
        mkfifo "$box/go"
        unshare -m sh -c 'at=$("$@" mount one) && echo "$at" >"$0/at" && cat "$0/go" && ls -A "$at" >"$0/seen"; :' \
                "$box" "$husk" "${flags[@]}" 3>&- &
        other=$!
        await filled "$box/at"
        run -1 husk start one
        has "$output" "it is mounted at $(<"$box/at") in the mount namespace of process"
        run -1 husk cp one:/data/old -
        has "$output" 'in the mount namespace of process'
        husk rm one
        echo >"$box/go"
        wait "$other" || :
        [ ! -s "$box/seen" ]
        nothing_left
}

@test 'image mount: its files to be read, as long as it is mounted it stays' {
        imported
        run -0 husk image mount base:1
        place=$output
        same "$(cat "$place/data/old")" old
        run touch "$place/x"
        has "$output" 'Read-only file system'
        same "$(findmnt -no OPTIONS "$place" | tr ',' '\n' | grep -cE '^(nosuid|nodev|ro)$')" 3
        same "$(husk image mount base:1)" "$place"
        run -0 husk image mount --format json
        same "$(jq -c '.[0] | [.id, .Repositories, .mountpoint]' <<<"$output")" \
                "[\"$(husk inspect -f '{{.Id}}' base:1 | cut -d: -f2)\",[\"base:1\"],\"$place\"]"
        run -1 husk rmi base:1
        has "$output" 'is mounted'
        husk prune -af
        same "$(husk images -q | wc -l)" 1
        # By a second name it can be removed; the files stay those of the image.
        husk tag base:1 other:1
        husk rmi base:1
        run -0 husk image unmount other:1
        [ ! -e "$place" ]
        run -0 husk image mount -a
        has "$output" "$place"
        husk rmi -f other:1
        same "$(mounted "$place")" 0
        store_is_empty
}

@test 'image mount: layers lie on top of each other, whiteouts and all; hostile ones change nothing of the host' {
        local one two
        one=$(image_layer)
        mkdir -p "$one/a" "$one/gone"
        echo low >"$one/a/f"
        echo low >"$one/a/g"
        ln -s /etc/passwd "$one/link"
        two=$(image_layer)
        mkdir -p "$two/a"
        echo high >"$two/a/f"
        mknod "$two/gone" c 0 0
        image_make docker.io/library/both:latest '{}' "$one" "$two"
        place=$(husk image mount both)
        same "$(cat "$place/a/f" "$place/a/g")" $'high\nlow'
        [ ! -e "$place/gone" ]
        same "$(readlink "$place/link")" /etc/passwd
        husk image unmount both
}

@test 'one unpacked copy serves every user namespace: nothing is copied, nothing changes its owner' {
        imported
        dd if=/dev/zero of="$box/root/data/big" bs=1M count=24 status=none
        chown 7:8 "$box/root/data/big"
        tar -C "$box/root" --numeric-owner -cf "$box/root.tar" .
        husk import -q "$box/root.tar" big:1
        layers=$(find "$store/layers" -printf '%p %i %U:%G %C@ %b\n' | sort)
        before=$(du -sk "$store" | cut -f1)
        local i ids=()
        for i in 1 2 3; do
                ids+=("$(husk run -d --name "c$i" --uidmap "0:$((i * 100000)):65536" --gidmap "0:$((i * 200000)):65536" big:1 sleep 1000)")
        done
        for i in 1 2 3; do
                # The owners are right inside, and no file that was only read is in an upper layer.
                same "$(husk exec "c$i" stat -c %u:%g /data/old /data/big)" $'0:0\n7:8'
                same "$(stat -c %u:%g "$(husk mount "c$i")/data/big")" "$((i * 100000 + 7)):$((i * 200000 + 8))"
                same "$(find "$store/containers/${ids[i - 1]}/upper0" -type f -size +0)" ''
        done
        # The layers are what they were, to the time of their last change; and they are the containers' own.
        same "$(find "$store/layers" -printf '%p %i %U:%G %C@ %b\n' | sort)" "$layers"
        run -0 eval "husk inspect c1 c2 c3 | jq -r '.[].Layers[0].LowerDirs[]' | sort | uniq -c"
        [[ $output =~ ^\ *3\ $store/layers/[0-9a-f]{64}/fs(\.erofs)?$ ]]
        ((($(du -skx "$store" | cut -f1) - before) < 2048))
        # A program that changes the owner of one file copies that one alone, into its own layer.
        husk exec c1 touch /data/old
        same "$(find "$store/containers/${ids[0]}/upper0" -type f -size +0)" "$store/containers/${ids[0]}/upper0/data/old"
        same "$(husk exec c2 stat -c %u:%g /data/old)" 0:0
}
