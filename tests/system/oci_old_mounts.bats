#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts where the kernel or a sandbox refuses the newer calls (tests/probes/refuse.c is that
# sandbox): the same mounts, or words that say why not.

load helper
setup() {
        begin
        REFUSE=$(dirname "$HUSK_OCI")/tests/probe_refuse
        [ -x "$REFUSE" ] || REFUSE=$BATS_TEST_DIRNAME/../../build/dev/tests/probe_refuse
        [ -x "$REFUSE" ] || skip "there is no probe $REFUSE (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip "the numbers are those of x86-64"
}
teardown() {
        umount -l "$BUNDLE/data" 2>/dev/null || true
        finish
}

# Numbers of system calls.
SETATTR=442 OPEN_TREE=428 MOVE_MOUNT=429 FSOPEN=430 FSCONFIG=431 FSMOUNT=432

# refusing ERRNO CALLS: husk-oci run in that sandbox
refusing() {
        local error=$1
        shift
        run --separate-stderr timeout -k 5 60 "$REFUSE" "$error" "$@" -- "$HUSK_OCI" --root "$ROOT" \
                run --bundle "$BUNDLE" "$WORD"
        [ -z "$stderr" ] || echo "stderr: $stderr"
}

# mountinfo without what differs from run to run: ids, device and peer group numbers
plain() {
        awk '{ at = 0
                printf "%s %s", $5, $6
                for (i = 7; i <= NF; i++) { sub(/:[0-9]+$/, "", $i); printf " %s", $i }
                print "" }'
}

@test "without mount_setattr a container has the same mounts" {
        mkdir "$BUNDLE/data"
        mount -t tmpfs -o nodev,noexec,noatime,nosymfollow "$WORD" "$BUNDLE/data"
        mkdir "$BUNDLE/rootfs/fill"
        touch "$BUNDLE/rootfs/fill/file"
        config '.mounts += [
                {destination: "/a", source: "data", options: ["bind", "ro"]},
                {destination: "/b", source: "data", options: ["rbind", "rprivate", "nosuid", "exec"]},
                {destination: "/c", source: "data", options: ["bind", "strictatime", "symfollow"]},
                {destination: "/d", source: "data", options: ["bind", "relatime", "rslave"]},
                {destination: "/e", source: "data", options: ["bind", "unbindable"]},
                {destination: "/f", type: "tmpfs", source: "t", options: ["ro", "private"]},
                {destination: "/fill", type: "tmpfs", source: "t", options: ["ro", "tmpcopyup"]}]'
        script 'cat /proc/self/mountinfo; ls /fill; touch /a/x /etc/x /proc/sys/x 2>&1'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        want=$(plain <<<"$output")
        [[ $want == *"/e rw,"*unbindable* ]]
        for error in 38 1; do
                refusing "$error" $SETATTR
                diff <(plain <<<"$output") - <<<"$want"
        done
}

@test "without mount_setattr recursive attributes and mapped ids are refused by name" {
        mkdir "$BUNDLE/data"
        config '.mounts += [{destination: "/a", source: "data", options: ["rbind", "rro"]}]'
        refusing 38 $SETATTR
        refused
        [[ $stderr == *"/mounts/7/options: recursive attributes need mount_setattr(2)"* ]]
        config '.mounts[-1] |= {destination: "/a", source: "data", options: ["bind", "idmap"],
                uidMappings: [{containerID: 0, hostID: 1, size: 1}],
                gidMappings: [{containerID: 0, hostID: 1, size: 1}]}'
        refusing 1 $SETATTR
        refused
        [[ $stderr == *"/mounts/7/uidMappings: mapping the ids of a mount needs mount_setattr(2)"* ]]
}

@test "without the mount interface nothing is mounted by a path: refused, and why" {
        for call in $OPEN_TREE $MOVE_MOUNT $FSOPEN $FSCONFIG $FSMOUNT; do
                for error in 38 1; do
                        refusing "$error" "$call"
                        refused
                        [[ $stderr == *"mount interface (since Linux 5.2) is refused here"*"open_tree"* ]]
                done
        done
}
