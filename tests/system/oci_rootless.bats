#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk-oci for an ordinary user, who is made for this file: with ids of /etc/subuid and without.

load helper

NAME=hkuser$$

setup_file() {
        [ "$(id -u)" = 0 ] || skip "needs root, to make an ordinary user"
        local tool
        for tool in useradd usermod userdel newuidmap newgidmap setpriv; do
                command -v $tool >/dev/null || skip "needs $tool"
        done
        export RUSER=$NAME
        useradd --no-create-home --shell /bin/sh "$RUSER"
        # Whatever useradd.conf says: exactly these.
        sed -i "/^$RUSER:/d" /etc/subuid /etc/subgid
        usermod --add-subuids 2000000000-2000065535 --add-subgids 2000000000-2000065535 "$RUSER"
        export RUID RGID
        RUID=$(id -u "$RUSER") RGID=$(id -g "$RUSER")
        open_way "$BATS_FILE_TMPDIR"
        # The program where the user can get at it.
        cp "$HUSK_OCI" "$BATS_FILE_TMPDIR/husk-oci"
        local bundle=$BATS_FILE_TMPDIR/bundle name
        mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/tmp"
        cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
        for name in sh cat echo id ls sleep true kill stat ps env grep readlink hostname; do
                ln -s busybox "$bundle/rootfs/bin/$name"
        done
        chown -R "$RUID:$RGID" "$bundle"
        user "$BATS_FILE_TMPDIR/husk-oci" spec --rootless -b "$bundle"
        jq '.process.terminal = false' "$bundle/config.json" >"$bundle/new"
        mv "$bundle/new" "$bundle/config.json"
}

teardown_file() {
        [ -n "${RUSER:-}" ] || return 0
        userdel "$RUSER" 2>/dev/null || true
        sed -i "/^$RUSER:/d" /etc/subuid /etc/subgid
}

# user COMMAND...: as that user, without anything of root's
user() {
        setpriv --reuid "$RUID" --regid "$RGID" --init-groups env -i PATH=/usr/bin:/bin HOME=/ "$@"
}

# husk-oci as that user
oci() {
        user timeout -k 5 60 "$BATS_FILE_TMPDIR/husk-oci" --root "$ROOT" "$@"
}

setup() {
        WORD=${HUSK_TEST_WORD:-hk$$}x$BATS_TEST_NUMBER
        ROOT=$BATS_TEST_TMPDIR/$WORD/state
        BUNDLE=$BATS_TEST_TMPDIR/$WORD/bundle
        mkdir -p "$BATS_TEST_TMPDIR/$WORD"
        chmod a+x "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/$WORD"
        cp -a "$BATS_FILE_TMPDIR/bundle" "$BUNDLE"
        mkdir "$ROOT"
        chown "$RUID:$RGID" "$ROOT"
}

teardown() {
        finish
}

ranges() {
        config --argjson uid "$RUID" --argjson gid "$RGID" '
                .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1},
                        {containerID: 1, hostID: 2000000000, size: 65536}] |
                .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1},
                        {containerID: 1, hostID: 2000000000, size: 65536}]'
}

detached() {
        script "$1"
        oci run --detach -b "$BUNDLE" "$WORD${2:-}"
}

@test "a container of one id: all verbs" {
        local pid
        config '.root.readonly = false'
        script 'echo up >/tmp/up; exec sleep 300'
        oci create -b "$BUNDLE" "$WORD" </dev/null
        [ "$(status_of "$WORD")" = created ]
        [ "$(oci state "$WORD" | jq -r .owner)" = "$RUID" ]
        oci start "$WORD"
        eventually 10 [ -e "$BUNDLE/rootfs/tmp/up" ]
        pid=$(pid_of "$WORD")
        [ "$(awk '{print $1, $2, $3}' "/proc/$pid/uid_map")" = "0 $RUID 1" ]
        [ "$(cat "/proc/$pid/setgroups")" = deny ]
        [ "$(oci exec "$WORD" id -u)" = 0 ]
        [ "$(oci exec "$WORD" cat /proc/1/comm)" = sleep ]
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci delete "$WORD"
        [ -z "$(ls "$ROOT")" ]
}

@test "ranges of subuid and subgid, by the helpers" {
        ranges
        config '.process.user = {uid: 1, gid: 2, additionalGids: [3, 4]}'
        script 'id -u; id -g; echo $(id -G); cat /proc/self/uid_map /proc/self/setgroups'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$output $stderr"
        [ "$status" = 0 ]
        [ "${lines[0]} ${lines[1]} ${lines[2]}" = "1 2 2 3 4" ]
        [ "$(echo ${lines[3]})" = "0 $RUID 1" ]
        [ "$(echo ${lines[4]})" = "1 2000000000 65536" ]
        [ "${lines[5]}" = allow ]
}

@test "what subuid does not give is refused, with the line that is missing" {
        ranges
        config '.linux.uidMappings[1].size = 65537'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/uidMappings/1: maps the host's uids 2000000000 to 2000065536, but /etc/subuid gives $RUSER 2000000000 to 2000065535"* ]]
        [[ $stderr == *"usermod --add-subuids 2000000000-2000065536 $RUSER"* ]]
}

@test "exec enters all that the container has" {
        local pid name ours
        ranges
        config '.linux.namespaces += [{type: "network"}, {type: "time"}]'
        detached 'exec sleep 300'
        pid=$(pid_of "$WORD")
        for name in user mnt pid uts ipc net cgroup time; do
                ours=$(readlink "/proc/$pid/ns/$name")
                [ "$(oci exec "$WORD" readlink "/proc/self/ns/$name")" = "$ours" ] || {
                        echo "$name"
                        return 1
                }
        done
        [ "$(oci exec "$WORD" sh -c 'echo $(id -u) $(id -G)')" = "0 0" ]
        [ "$(oci exec --user 7:8 "$WORD" sh -c 'echo $(id -u) $(id -G)')" = "7 8" ]
        run oci exec "$WORD" sh -c 'exit 41'
        [ "$status" = 41 ]
        # nothing of root's is left in what exec gives
        run oci exec "$WORD" grep -c NoNewPrivs:.1 /proc/self/status
        [ "$output" = 1 ]
        oci delete --force "$WORD"
        gone "$pid"
}

@test "root looks at it, but does not enter it by what the user wrote" {
        detached 'exec sleep 300'
        [ "$(timeout 60 "$HUSK_OCI" --root "$ROOT" state "$WORD" | jq -r .status)" = running ]
        run -255 --separate-stderr timeout 60 "$HUSK_OCI" --root "$ROOT" exec "$WORD" true
        [[ $stderr == *"is that of user $RUID, who alone can enter it"*"setpriv --reuid $RUID"* ]]
}

@test "the container's clocks" {
        local before after
        config '.linux.namespaces += [{type: "time"}] |
                .linux.timeOffsets = {boottime: {secs: 864000}, monotonic: {secs: 86400}}'
        script 'cat /proc/uptime /proc/self/timens_offsets'
        before=$(cut -d. -f1 /proc/uptime)
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        after=$(cut -d. -f1 /proc/uptime)
        [ "$status" = 0 ]
        [ "${lines[0]%%.*}" -ge $((before + 864000)) ]
        [ "${lines[0]%%.*}" -le $((after + 864000)) ]
        [ "$(echo ${lines[1]})" = "monotonic 86400 0" ]
        [ "$(echo ${lines[2]})" = "boottime 864000 0" ]
}

@test "a second container in the first one's user, pid and ipc namespaces" {
        local pod
        ranges
        detached 'exec sleep 300' .pod
        pod=$(pid_of "$WORD.pod")
        config --arg pod "$pod" '
                del(.linux.uidMappings, .linux.gidMappings) |
                .linux.namespaces |= map(if .type | IN("user", "pid", "ipc")
                        then .path = "/proc/\($pod)/ns/\(.type)" else . end)'
        script 'cat /proc/1/comm; for i in user pid ipc; do readlink /proc/self/ns/$i; done'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$output $stderr"
        [ "$status" = 0 ]
        [ "$output" = "sleep
$(readlink "/proc/$pod/ns/user" "/proc/$pod/ns/pid" "/proc/$pod/ns/ipc")" ]
}

@test "a second container in the first one's user namespace, with pids and clocks of its own" {
        ranges
        detached 'exec sleep 300' .pod
        config --arg pod "$(pid_of "$WORD.pod")" '
                del(.linux.uidMappings, .linux.gidMappings) |
                .linux.namespaces += [{type: "time"}] |
                .linux.timeOffsets.boottime.secs = 777 |
                .linux.namespaces |= map(if .type == "user"
                        then .path = "/proc/\($pod)/ns/user" else . end)'
        script 'echo $$; grep boottime /proc/self/timens_offsets; id -u'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$output $stderr"
        [ "$status" = 0 ]
        [ "${lines[0]}" = 1 ]
        [ "$(echo ${lines[1]})" = "boottime 777 0" ]
        [ "${lines[2]}" = 0 ]
}

@test "mounts for a container that runs, and away again: of what its user may read" {
        local mounts=$BATS_TEST_TMPDIR/$WORD/mounts.json
        config '.root.readonly = false'
        detached 'exec sleep 300'
        mkdir "$BATS_TEST_TMPDIR/$WORD/source"
        echo here >"$BATS_TEST_TMPDIR/$WORD/source/file"
        jq -n --arg dir "$BATS_TEST_TMPDIR/$WORD/source" '[
                {destination: "/mnt/a", type: "bind", source: $dir, options: ["rbind", "ro"]},
                {destination: "/mnt/t", type: "tmpfs"}]' >"$mounts"
        run oci mounts add "$WORD" "$mounts"
        echo "$output"
        [ "$status" = 0 ]
        run oci exec "$WORD" cat /mnt/a/file
        [ "$output" = here ]
        run oci exec "$WORD" stat -c %u /mnt/t
        [ "$output" = 0 ]
        run oci mounts remove "$WORD" "$mounts"
        echo "$output"
        [ "$status" = 0 ]
        run oci exec "$WORD" ls /mnt/a
        [ -z "$output" ]
}

@test "root of an ordinary user's namespace keeps its containers below XDG_RUNTIME_DIR" {
        config '.process.args = ["true"] | .linux.namespaces |= map(select(.type != "user"))
                | del(.linux.uidMappings, .linux.gidMappings, .linux.resources)'
        mapped() { user XDG_RUNTIME_DIR="$ROOT" timeout 60 unshare --user --map-root-user "$@"; }
        mapped "$BATS_FILE_TMPDIR/husk-oci" create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        [ -e "$ROOT/husk-oci/$WORD/journal" ]
        mapped "$BATS_FILE_TMPDIR/husk-oci" delete --force "$WORD"
        # root by name is whoever a machine's /run belongs to
        run mapped env USER=root "$BATS_FILE_TMPDIR/husk-oci" create --bundle "$BUNDLE" "$WORD"
        [ "$status" -ne 0 ]
        [[ $output == *" /run/husk-oci"* ]]
        rmdir "$ROOT/husk-oci"
}
