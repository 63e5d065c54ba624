#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts with mapped ids: who owns a file, seen from inside and from the disk.

load helper
setup() {
        begin
        [ "$(id -u)" = 0 ] || skip "only root can map the ids of a mount"
        DATA=$BATS_TEST_TMPDIR/$WORD/data
        mkdir -p "$DATA"
        data_mount "$DATA"
        mkdir "$DATA/sub"
        data_mount "$DATA/sub"
        touch "$DATA/zero" "$DATA/seven" "$DATA/far" "$DATA/sub/zero"
        chown 7:8 "$DATA/seven"
        chown 70000:70000 "$DATA/far"
        chmod 777 "$DATA" "$DATA/sub"
        config --arg data "$DATA" '.mounts += [{destination: "/data", source: $data}]'
}

# The file system of the tests may be one whose ids cannot be mapped, and a tmpfs is one on old kernels.
data_mount() {
        if kernel_since 6.3; then
                mount -t tmpfs "$WORD" "$1"
                return
        fi
        case $(stat -f -c %T "$1") in
        ext2/ext3 | xfs | btrfs) mount --bind "$1" "$1" ;;
        *) skip "ids of a tmpfs can be mapped since Linux 6.3, and the tests' own files are on $(stat -f -c %T "$1")" ;;
        esac
}

teardown() {
        umount -l "$DATA/sub" "$DATA"
        finish
}

inside() {
        script "$1"
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ -z "$stderr" ] || echo "stderr: $stderr"
}

# data MAPPING OPTIONS: the mount of the data; MAPPING "container host size", "" for none
data() {
        config --arg map "$1" --arg options "$2" '.mounts[-1] |= (.options = ($options / ",") |
                del(.uidMappings, .gidMappings) | if $map == "" then . else
                ($map / " " | map(tonumber)) as [$inside, $host, $size] |
                [{containerID: $inside, hostID: $host, size: $size}] as $list |
                .uidMappings = $list | .gidMappings = $list end)'
}

# A user namespace for the container: root is 100000.
user_namespace() {
        chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.."
        chown -R 100000:100000 "$BUNDLE/rootfs"
        config '.linux.namespaces += [{"type": "user"}] |
                .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
                .linux.gidMappings = .linux.uidMappings'
}

owners='cd /data; stat -c "%n %u %g" zero seven far sub/zero'

@test "the mount's own mapping, without a user namespace" {
        data '0 1000 100' bind,idmap
        inside "$owners; touch /data/new 2>/dev/null || echo no"
        [ "$status" = 0 ]
        # on disk 0 is 1000 here; what the mapping lacks belongs to nobody, and cannot be made
        [ "${lines[0]}" = "zero 1000 1000" ]
        [ "${lines[1]}" = "seven 1007 1008" ]
        [ "${lines[2]}" = "far 65534 65534" ]
        [ "${lines[-1]}" = no ]
        config '.process.user = {uid: 1005, gid: 1006}'
        inside 'touch /data/mine && stat -c "%u %g" /data/mine'
        [ "$output" = "1005 1006" ]
        [ "$(stat -c '%u %g' "$DATA/mine")" = "5 6" ]
}

@test "idmap is for the top, ridmap for what is mounted below, too" {
        data '0 1000 100' rbind,idmap
        inside "$owners"
        [ "${lines[0]}" = "zero 1000 1000" ]
        [ "${lines[3]}" = "sub/zero 0 0" ]
        data '0 1000 100' rbind,ridmap
        inside "$owners"
        [ "${lines[0]}" = "zero 1000 1000" ]
        [ "${lines[3]}" = "sub/zero 1000 1000" ]
        # a mapping without the word is one for the top
        data '0 1000 100' rbind
        inside "$owners"
        [ "${lines[0]}" = "zero 1000 1000" ]
        [ "${lines[3]}" = "sub/zero 0 0" ]
}

@test "the container's own mapping: root's files are the container's root's" {
        user_namespace
        data '' rbind,ridmap,rro
        inside "$owners; touch /data/x 2>/dev/null || echo ro"
        [ "$status" = 0 ]
        [ "${lines[0]}" = "zero 0 0" ]
        [ "${lines[1]}" = "seven 7 8" ]
        [ "${lines[2]}" = "far 65534 65534" ]
        [ "${lines[3]}" = "sub/zero 0 0" ]
        [ "${lines[-1]}" = ro ]
        data '' rbind,ridmap
        inside 'touch /data/mine && stat -c "%u %g" /data/mine'
        [ "$output" = "0 0" ]
        [ "$(stat -c '%u %g' "$DATA/mine")" = "0 0" ]
        # and without mapped ids they are nobody's
        data '' rbind
        inside "$owners"
        [ "${lines[0]}" = "zero 65534 65534" ]
}

@test "a mapping of its own inside a user namespace; two mounts, one mapping" {
        user_namespace
        data '7 100000 1' bind,idmap
        config '.mounts += [.mounts[-1] | .destination = "/again"]'
        inside 'cd /data; stat -c "%n %u" seven zero /again/seven'
        [ "$output" = $'seven 0\nzero 65534\n/again/seven 0' ]
        run --separate-stderr oci explain --bundle "$BUNDLE"
        [ "$(grep -c make_idmap <<<"$output")" = 1 ]
        [ "$(grep -c map_mount <<<"$output")" = 2 ]
}

@test "a file system of its own can be mapped as well" {
        config '.mounts[-1] |= {destination: "/data", type: "tmpfs", source: "tmpfs",
                options: ["idmap"], uidMappings: [{containerID: 0, hostID: 1000, size: 10}],
                gidMappings: [{containerID: 0, hostID: 2000, size: 10}]}'
        inside 'stat -c "%u %g" /data'
        if kernel_since 6.3; then
                [ "$output" = "1000 2000" ]
        else
                [ "$status" != 0 ]
                [[ $stderr == *"does not let its ids be mapped"*"tmpfs only since Linux 6.3"* ]]
        fi
}

@test "what cannot be mapped is refused by name" {
        config '.mounts[-1] |= {destination: "/data", source: "/proc/sys", options: ["bind", "idmap"],
                uidMappings: [{containerID: 0, hostID: 1000, size: 10}],
                gidMappings: [{containerID: 0, hostID: 2000, size: 10}]}'
        inside true
        [ "$status" != 0 ]
        [[ $stderr == *"/mounts/"*"the file system does not let its ids be mapped"* ]]
        config '.mounts[-1] |= {destination: "/data", source: "/tmp", options: ["bind", "idmap"]}'
        inside true
        [ "$status" != 0 ]
        [[ $stderr == *"which mapping?"* ]]
}
