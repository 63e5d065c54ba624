#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Namespaces, made and joined in every combination; user namespaces and clocks. What is joined is
# another container's: "$WORD.pod".

load helper

setup() {
        [ "$(id -u)" = 0 ] || skip "needs root"
        begin
}

teardown() {
        finish
}

KINDS="user pid network ipc uts cgroup time"

maps='.linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] |
        .linux.gidMappings = .linux.uidMappings'

# everybody: the image is the host's root's, as with an idmapped mount
# Mapped ids must get to the root file system, and own it.
open_rootfs() {
        local dir=$BUNDLE/rootfs
        while [ "$dir" != / ] && [ "$dir" != /tmp ]; do
                chmod a+x "$dir"
                dir=$(dirname "$dir")
        done
        chown -R 300000:300000 "$BUNDLE/rootfs"
}

# A container with all eight namespaces of its own, which stays; POD is its pid.
make_pod() {
        open_rootfs
        cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
        config "$maps"' | .linux.namespaces = [("mount '"$KINDS"'" | split(" "))[] | {type: .}] |
                .linux.timeOffsets.monotonic.secs = 7000'
        script 'exec sleep 300'
        oci run --detach -b "$BUNDLE" "$WORD.pod"
        POD=$(pid_of "$WORD.pod")
        cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
}

# jq: spaces(USER; [KIND...]): joins the pod's KINDs and makes all others; USER is none, new or join
SPACES='def spaces($user; $joined):
        .linux.namespaces = [("mount '"$KINDS"'" | split(" "))[] | . as $kind |
                select($kind != "user" or $user != "none") |
                if any($joined[]; . == $kind) or ($kind == "user" and $user == "join")
                then {type: $kind,
                        path: "/proc/\($pod)/ns/\(if $kind == "network" then "net" else $kind end)"}
                else {type: $kind} end] |
        if $user == "new" then '"$maps"' else . end;'

# spaces USER KIND...: the bundle's config.json, so
spaces() {
        local user=$1
        shift
        config --arg user "$user" --arg pod "$POD" "$SPACES"' spaces($user; $ARGS.positional)' \
                --args "$@"
}

# where PID: its namespaces, one a word
where() {
        echo $(readlink "/proc/$1/ns/user" /proc/"$1"/ns/{pid,net,ipc,uts,cgroup,time,mnt})
}

# check PID USER KINDS: is the process where it should be?
check() {
        local kind expect i=0 theirs host pod
        read -ra theirs <<<"$(where "$1")"
        read -ra pod <<<"$(where "$POD")"
        read -ra host <<<"$(where self)"
        for kind in $KINDS mount; do
                expect=new
                case " $3 " in *" $kind "*) expect=pod ;; esac
                [ "$kind" != user ] || case $2 in join) expect=pod ;; none) expect=host ;; esac
                case $expect in
                pod) [ "${theirs[i]}" = "${pod[i]}" ] ;;
                host) [ "${theirs[i]}" = "${host[i]}" ] ;;
                new) [ "${theirs[i]}" != "${pod[i]}" ] && [ "${theirs[i]}" != "${host[i]}" ] ;;
                esac || {
                        echo "$kind: ${theirs[i]}, the pod's ${pod[i]}; user $2, joined $3"
                        return 1
                }
                i=$((i + 1))
        done
}

# Every subset of the six, for one way of the user namespace. No mounts and no host name: those of a
# joined namespace are not always ours to change.
combine_all() {
        local line kinds pid
        jq -c --arg user "$1" --arg pod "$POD" "$SPACES"'
                def subsets: if length == 0 then [] else .[0] as $k |
                        (.[1:] | subsets) | ., [$k] + . end;
                .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.hostname) |
                . as $doc | ["pid", "network", "ipc", "uts", "cgroup", "time"] | subsets |
                . as $joined | ($joined | join(" ")), ($doc | spaces($user; $joined))' \
                "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/all"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" = 128 ]
        while read -r kinds && read -r line; do
                kinds=${kinds//\"/}
                echo "$line" >"$BUNDLE/config.json"
                oci create --pid-file "$BATS_TEST_TMPDIR/pid" -b "$BUNDLE" "$WORD" </dev/null || {
                        echo "user $1, joined $kinds"
                        return 1
                }
                check "$(cat "$BATS_TEST_TMPDIR/pid")" "$1" "$kinds"
                oci delete --force "$WORD"
        done <"$BATS_TEST_TMPDIR/all"
}

@test "every combination of joined and new, in the host's user namespace" {
        make_pod
        combine_all none
}

@test "every combination of joined and new, in a joined user namespace" {
        make_pod
        combine_all join
}

@test "every combination of joined and new, in a new user namespace" {
        make_pod
        combine_all new
}
