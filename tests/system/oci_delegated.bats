#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk-oci and husk for an ordinary user who was given a subtree of cgroup v2: by chown here, as systemd
# does it with Delegate=. On a host of both versions that tree has no controllers, but cgroups.

load helper

NAME=hkdel$$

setup_file() {
        [ "$(id -u)" = 0 ] || skip "needs root, to make an ordinary user"
        local tool name
        for tool in useradd userdel setpriv; do
                command -v $tool >/dev/null || skip "needs $tool"
        done
        export TREE=/sys/fs/cgroup
        is_v2 || TREE=/sys/fs/cgroup/unified
        [ -e $TREE/cgroup.controllers ] || skip "this host has no cgroup v2"
        export RUSER=$NAME RUID RGID
        useradd --no-create-home --shell /bin/sh "$RUSER"
        RUID=$(id -u "$RUSER") RGID=$(id -g "$RUSER")
        open_way "$BATS_FILE_TMPDIR"
        cp "$HUSK_OCI" "$BATS_FILE_TMPDIR/husk-oci"
        cp "$HUSK" "$BATS_FILE_TMPDIR/husk"
        local bundle=$BATS_FILE_TMPDIR/bundle
        mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/tmp"
        cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
        for name in sh cat echo id ls sleep true kill stat mkdir tail; do
                ln -s busybox "$bundle/rootfs/bin/$name"
        done
        chown -R "$RUID:$RGID" "$bundle"
        (cd "$bundle" && setpriv --reuid "$RUID" --regid "$RGID" --clear-groups \
                "$BATS_FILE_TMPDIR/husk-oci" spec --rootless)
        jq '.process.terminal = false' "$bundle/config.json" >"$bundle/new"
        mv "$bundle/new" "$bundle/config.json"
}

teardown_file() {
        # By force: a process that another test left under this uid would keep the name.
        [ -z "${RUSER:-}" ] || userdel --force "$RUSER" 2>/dev/null || true
}

# On a host of both versions v1 may have them.
has_controllers() { grep -qw memory "$TREE/cgroup.controllers"; }

# given DIRECTORY...: the user's to manage
given() {
        local dir
        for dir; do
                chown "$RUID" "$dir" "$dir"/cgroup.{procs,threads,subtree_control}
        done
}

# user COMMAND...: as that user, in the cgroup $HERE
user() {
        sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$HERE" \
                setpriv --reuid "$RUID" --regid "$RGID" --clear-groups env -i PATH=/usr/bin:/bin \
                HOME=/ XDG_DATA_HOME="$BATS_TEST_TMPDIR/$WORD/data" "$@"
}

oci() {
        user timeout -k 5 60 "$BATS_FILE_TMPDIR/husk-oci" --root "$ROOT" "$@"
}

setup() {
        WORD=${HUSK_TEST_WORD:-hk$$}x$BATS_TEST_NUMBER
        ROOT=$BATS_TEST_TMPDIR/$WORD/state
        BUNDLE=$BATS_TEST_TMPDIR/$WORD/bundle
        TOP=$TREE/top.$WORD HERE=$TREE/top.$WORD/me
        mkdir -p "$BATS_TEST_TMPDIR/$WORD"
        chmod a+x "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/$WORD"
        cp -a "$BATS_FILE_TMPDIR/bundle" "$BUNDLE"
        mkdir "$ROOT" "$BATS_TEST_TMPDIR/$WORD/data"
        chown "$RUID:$RGID" "$ROOT" "$BATS_TEST_TMPDIR/$WORD/data"
        ! has_controllers || echo "+memory +pids +cpu" >"$TREE/cgroup.subtree_control"
        mkdir "$TOP" "$HERE"
        given "$TOP" "$HERE"
}

teardown() {
        local id
        for id in "$ROOT"/*; do
                [ -d "$id" ] || continue
                # By whose it is: another's container is changed by nobody.
                if [ -O "$id" ]; then as_root delete --force "${id##*/}"; else oci delete --force "${id##*/}"; fi
        done
        rmdir "$HERE"
        remove_cgroups "*/top.$WORD"
        finish
}

detached() {
        script "$1"
        oci run --detach -b "$BUNDLE" "$WORD"
}

@test "the cgroup is made beside the user's own, and the process is born in it" {
        local pid
        detached 'exec sleep 300'
        pid=$(pid_of "$WORD")
        [ "$(cat "$TOP/$WORD/cgroup.procs")" = "$pid" ]
        grep -qx "0::/top.$WORD/$WORD" "/proc/$pid/cgroup"
        oci exec -d "$WORD" sleep 301
        [ "$(wc -l <"$TOP/$WORD/cgroup.procs")" = 2 ]
        oci delete --force "$WORD"
        [ ! -e "$TOP/$WORD" ]
        gone "$pid"
}

@test "root does not enter it by what the user wrote; as the user it is in its cgroup then" {
        detached 'exec sleep 300'
        run -255 --separate-stderr as_root exec -d "$WORD" sleep 301
        [[ $stderr == *"is that of user $RUID, who alone can enter it"*"setpriv --reuid $RUID"* ]]
        [ "$(wc -l <"$TOP/$WORD/cgroup.procs")" = 1 ]
        oci exec -d "$WORD" sleep 301
        [ "$(wc -l <"$TOP/$WORD/cgroup.procs")" = 2 ]
}

@test "limits hold where their controllers are given" {
        has_controllers || skip "this host's v2 tree has no controllers"
        config '.linux.resources = {memory: {limit: 16777216, swap: 16777216},
                pids: {limit: 20}, cpu: {quota: 20000, period: 100000, shares: 512}}'
        detached 'exec sleep 300'
        [ "$(cat "$TOP/$WORD/memory.max")" = 16777216 ]
        [ "$(cat "$TOP/$WORD/pids.max")" = 20 ]
        [ "$(cat "$TOP/$WORD/cpu.max")" = "20000 100000" ]
        run oci exec "$WORD" sh -c 'tail /dev/zero'
        [ "$status" = 137 ]
}

@test "a limit whose controller was not given is refused by name" {
        config '.linux.resources = {cpu: {cpus: "0"}}'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        refused
        [[ $stderr == *"/linux/resources/cpu/cpus"*"no cpuset controller"* ]]
        [ ! -e "$TOP/$WORD" ]
}

@test "a place outside of the subtree: no cgroup, and limits are said to be missing" {
        config '.linux.cgroupsPath = "/elsewhere" | .linux.resources = {pids: {limit: 20}}'
        script 'echo up'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$status" = 0 ]
        [ "$output" = up ]
        [[ $stderr == *"no limits: cgroupsPath /elsewhere is not below /top.$WORD"* ]]
        [ ! -e "$TREE/elsewhere" ]
}

@test "in a cgroup that is the user's, below one that is not: below it" {
        chown root "$TOP" "$TOP"/cgroup.{procs,threads,subtree_control}
        detached 'exec sleep 300'
        [ "$(cat "$HERE/$WORD/cgroup.procs")" = "$(pid_of "$WORD")" ]
}

@test "in a cgroup that is not the user's: none" {
        chown root "$TOP" "$HERE" {"$TOP","$HERE"}/cgroup.{procs,threads,subtree_control}
        config '.linux.resources = {pids: {limit: 20}}'
        script 'echo up'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        [[ $stderr == *"no limits: an ordinary user has no cgroup of its own here"* ]]
}

@test "husk run: the same, and --rm takes it away" {
        run user timeout -k 5 60 "$BATS_FILE_TMPDIR/husk" run --rm --name "$WORD" \
                --rootfs "$BUNDLE/rootfs" cat /proc/self/cgroup
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == *0::/* ]]
        user "$BATS_FILE_TMPDIR/husk" run -d --name "$WORD" --rootfs "$BUNDLE/rootfs" sleep 300
        [ "$(find "$TOP" -name 'husk-*' | wc -l)" = 1 ]
        user "$BATS_FILE_TMPDIR/husk" rm -f "$WORD"
        [ "$(find "$TOP" -name 'husk-*' | wc -l)" = 0 ]
}

@test "two of one cgroupsPath, one after the other: who deletes the first does not kill the second" {
        local pid
        [ "$(printf '5.7\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 5.7 ] || skip "needs Linux 5.7"
        config --arg top "/top.$WORD/same" '.linux.cgroupsPath = $top'
        detached 'exec sleep 300'
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci run --detach -b "$BUNDLE" "$WORD.b"
        pid=$(pid_of "$WORD.b")
        oci delete "$WORD"
        [ "$(status_of "$WORD.b")" = running ]
        ! gone "$pid"
        oci delete --force "$WORD.b"
        [ ! -e "$TOP/same" ]
        # the control: who knows it by its path
        local weak=${WEAK:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak}
        install -D -m 755 "$weak" "$BATS_FILE_TMPDIR/weak/husk-oci"
        detached 'exec sleep 300'
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci run --detach -b "$BUNDLE" "$WORD.b"
        pid=$(pid_of "$WORD.b")
        user env HUSK_WEAK=number timeout -k 5 60 "$BATS_FILE_TMPDIR/weak/husk-oci" --root "$ROOT" delete "$WORD"
        eventually 10 gone "$pid"
}

# As its owner, and so the program in it, could.
marked_by_user() {
        user python3 -c 'import os, sys
for name in sys.argv[2:]: os.setxattr(sys.argv[1], name, b"1:1")' "$1" user.husk.owner user.husk.used
}

@test "the program marks its cgroup: it goes all the same, with what is left in it" {
        local pid
        command -v python3 >/dev/null || skip "needs python3"
        [ "$(printf '5.7\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 5.7 ] || skip "needs Linux 5.7"
        config --arg top "/top.$WORD/marked" '.linux.cgroupsPath = $top |
                .linux.namespaces |= map(select(.type != "pid"))'
        config '.mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
        detached 'sleep 300 & exec sleep 300'
        eventually 10 eval '[ "$(wc -l <"$TOP/marked/cgroup.procs")" = 2 ]'
        pid=$(grep -vx "$(pid_of "$WORD")" "$TOP/marked/cgroup.procs")
        marked_by_user "$TOP/marked"
        oci kill "$WORD" TERM
        eventually 10 stopped "$WORD"
        ! gone "$pid"
        oci delete "$WORD"
        eventually 10 gone "$pid"
        [ ! -e "$TOP/marked" ]
}

@test "the program takes the mark away: the next one of its path is not its own" {
        local pid
        command -v python3 >/dev/null || skip "needs python3"
        config --arg top "/top.$WORD/same" '.linux.cgroupsPath = $top'
        detached 'exec sleep 300'
        user python3 -c 'import os, sys
for name in os.listxattr(sys.argv[1]): os.removexattr(sys.argv[1], name)' "$TOP/same"
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci run --detach -b "$BUNDLE" "$WORD.b"
        pid=$(pid_of "$WORD.b")
        oci delete "$WORD"
        ! gone "$pid"
        oci delete --force "$WORD.b"
        [ ! -e "$TOP/same" ]
}

@test "a cgroup with another container's below it is refused, and that one lives on" {
        config --arg top "/top.$WORD/x/sub" '.linux.cgroupsPath = $top'
        detached 'exec sleep 300'
        config --arg top "/top.$WORD/x" '.linux.cgroupsPath = $top'
        run -1 --separate-stderr oci run --detach -b "$BUNDLE" "$WORD.b"
        [[ $stderr == *"has processes in it"* ]]
        running "$WORD"
        oci delete --force "$WORD.b" || :
        running "$WORD"
        oci delete --force "$WORD"
        [ ! -e "$TOP/x" ]
}

@test "SIGKILL of the maker: the next command takes the cgroup back" {
        local pid
        config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "kill -9 $PPID"]}]}'
        script true
        run oci create -b "$BUNDLE" "$WORD"
        [ "$status" != 0 ]
        oci delete --force "$WORD"
        [ ! -e "$TOP/$WORD" ]
}

as_root() {
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" "$@"
}

# As root, in a user namespace: the cgroup file system that is writable inside.
writable() {
        chown -R 200000:200000 "$BUNDLE/rootfs"
        config --argjson first "$1" '.linux.uidMappings = [{containerID: 0, hostID: 200000, size: 65536}] |
                .linux.gidMappings = .linux.uidMappings | .process.user = {uid: $first, gid: $first} |
                .linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}] |
                .mounts |= map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup",
                        type: "cgroup2", source: "cgroup", options: ["nosuid", "noexec", "nodev"]}] |
                .linux.cgroupsPath = $top' --arg top "/top.$WORD/$WORD"
}

@test "a writable cgroup file system: the cgroup is the program's, its limits are not" {
        local file dir=$TOP/$WORD
        writable 7
        script 'mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs &&
                echo made && sleep 300'
        as_root run -d -b "$BUNDLE" "$WORD"
        eventually 10 grep -q . "$dir/mine/cgroup.procs"
        [ "$(stat -c %u "$dir")" = 200007 ]
        while read -r file; do
                [ ! -e "$dir/$file" ] || [ "$(stat -c %u "$dir/$file")" = 200007 ]
        done </sys/kernel/cgroup/delegate
        for file in "$dir"/*.max "$dir"/cgroup.{freeze,max.depth}; do
                [ ! -e "$file" ] || grep -qx "${file##*/}" /sys/kernel/cgroup/delegate ||
                        [ "$(stat -c %u "$file")" = 0 ]
        done
        as_root delete --force "$WORD"
        [ ! -e "$dir" ]
}

@test "a read-only one: it stays root's" {
        writable 0
        config '.mounts[-1].options += ["ro"]'
        script 'exec sleep 300'
        as_root run -d -b "$BUNDLE" "$WORD"
        [ "$(stat -c %u "$TOP/$WORD")" = 0 ]
}
