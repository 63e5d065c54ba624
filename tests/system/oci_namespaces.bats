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
# open_rootfs [UID]: mapped ids must get to the root file system, and own it.
open_rootfs() {
        open_way "$BUNDLE/rootfs"
        chown -R "${1:-300000}:${1:-300000}" "$BUNDLE/rootfs"
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
                        path: "/proc/\($pod)/ns/\({network: "net", mount: "mnt"}[$kind] // $kind)"}
                else {type: $kind} end] |
        if $user == "new" then '"$maps"' else . end;'

# spaces USER KIND...: the bundle's config.json, so
spaces() {
        local user=$1
        shift
        config --arg user "$user" --arg pod "$POD" --arg joined "$*" \
                "$SPACES"' spaces($user; $joined | split(" "))'
}

# where PID: its namespaces, one a word
where() {
        readlink "/proc/$1/ns/user" "/proc/$1/ns/"{pid,net,ipc,uts,cgroup,time,mnt} | tr '\n' ' '
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

# Every subset of the six, for one way of the user namespace; every ninth in a guest, which leaves the
# first, the last, and each kind in both ways. No mounts and no host name: those of a
# joined namespace are not always ours to change.
combine_all() {
        local line kinds i=0 step=1
        [ -z "${HUSK_VM:-}" ] || step=9
        jq -c --arg user "$1" --arg pod "$POD" "$SPACES"'
                def subsets: if length == 0 then [] else .[0] as $k |
                        (.[1:] | subsets) | ., [$k] + . end;
                .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.hostname) |
                . as $doc | ["pid", "network", "ipc", "uts", "cgroup", "time"] | subsets |
                . as $joined | ($joined | join(" ")), ($doc | spaces($user; $joined))' \
                "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/all"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" = 128 ]
        while read -r kinds && read -r line; do
                [ $((i++ % step)) = 0 ] || continue
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

# A whole container, as a pod's second one is: its own pids, everything else the pod's.
@test "a new pid namespace in a joined user namespace: mounts, exec, delete" {
        local pid
        make_pod
        spaces join network ipc uts cgroup time
        config 'del(.hostname)'
        script 'exec sleep 300'
        oci create -b "$BUNDLE" "$WORD" </dev/null
        oci start "$WORD"
        pid=$(pid_of "$WORD")
        check "$pid" join "network ipc uts cgroup time"
        [ "$(oci exec "$WORD" cat /proc/1/comm)" = sleep ]
        [ "$(oci exec "$WORD" readlink /proc/self/ns/pid)" = "$(readlink "/proc/$pid/ns/pid")" ]
        [ "$(oci exec "$WORD" id -u)" = 0 ]
        [ "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" = 300000 ]
        [ "$(awk '/^PPid:/ {print $2}' "/proc/$pid/status")" != 0 ]
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci delete "$WORD"
        [ ! -d "$ROOT/$WORD" ]
}

@test "its exit status is told by run, and a failing program's reason" {
        make_pod
        spaces join
        script 'exit 43'
        run oci run -b "$BUNDLE" "$WORD"
        [ "$status" = 43 ]
        config '.process.args = ["/no/such/program"]'
        run -127 --separate-stderr oci run -b "$BUNDLE" "$WORD"
        [[ $stderr == *"/no/such/program"* ]]
        [ ! -d "$ROOT/$WORD" ]
}

@test "joining the namespaces that we are in already" {
        config '.linux.namespaces = [{type: "mount"}] + [("user pid network ipc uts cgroup" | split(" "))[] |
                {type: ., path: "/proc/self/ns/\(if . == "network" then "net" else . end)"}] |
                del(.hostname) | .mounts |= map(select(.type != "mqueue"))'
        script 'for i in user pid net ipc uts cgroup; do readlink /proc/self/ns/$i; done'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$status" = 0 ]
        [ "$output" = "$(for i in user pid net ipc uts cgroup; do readlink /proc/self/ns/$i; done)" ]
        script 'exec sleep 300'
        oci run --detach -b "$BUNDLE" "$WORD"
        [ "$(oci exec "$WORD" readlink /proc/self/ns/user)" = "$(readlink /proc/self/ns/user)" ]
        oci delete --force "$WORD"
}

@test "a file that is no such namespace is refused" {
        config '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/self/ns/net" else . end)'
        run --separate-stderr oci create -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$status" != 0 ]
        [[ $stderr == *"/linux/namespaces"*"(open_namespace): /proc/self/ns/net is no pid namespace"* ]]
}

@test "clocks behind the host's, and one that would be before 0" {
        local before after
        config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets.boottime = {secs: -100, nanosecs: 5}'
        script 'cat /proc/uptime; grep boottime /proc/self/timens_offsets'
        before=$(cut -d. -f1 /proc/uptime)
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        after=$(cut -d. -f1 /proc/uptime)
        [ "$status" = 0 ]
        [ "${lines[0]%%.*}" -ge $((before - 101)) ]
        [ "${lines[0]%%.*}" -le $((after - 99)) ]
        [ "$(echo ${lines[1]})" = "boottime -100 5" ]
        config '.linux.timeOffsets.boottime.secs = -4000000000'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/timeOffsets (set_clocks): a clock would show a time before 0"* ]]
}

@test "clocks of a new user namespace, which belong to it" {
        open_rootfs
        config "$maps"' | .linux.namespaces += [{type: "user"}, {type: "time"}] |
                .linux.timeOffsets.monotonic.secs = 50'
        script 'grep monotonic /proc/self/timens_offsets; cat /proc/self/uid_map; echo $$'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$status" = 0 ]
        [ "$(echo ${lines[0]})" = "monotonic 50 0" ]
        [ "$(echo ${lines[1]})" = "0 300000 65536" ]
        [ "${lines[2]}" = 1 ]
}

@test "a map of many lines, and one without the id 0" {
        open_rootfs 3000
        config '.linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [range(340) | {containerID: ., hostID: (3000 + .), size: 1}] |
                .linux.gidMappings = .linux.uidMappings'
        script 'grep -c . /proc/self/uid_map; grep -c . /proc/self/gid_map'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$output" = "340
340" ]
        config '.linux.uidMappings = [{containerID: 500, hostID: 3000, size: 10}] |
                .linux.gidMappings = .linux.uidMappings | .process.user = {uid: 501, gid: 502} |
                .mounts |= map(select(.type != "devpts"))'
        script 'echo $(id -u) $(id -g)'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$output" = "501 502" ]
}

# The kernel forgets PR_SET_PDEATHSIG when the first process becomes root of its user namespace, and
# fork(2) hands it to nobody.
dies_with_its_maker() {
        local maker init
        config --arg file "$BATS_TEST_TMPDIR/$WORD/in-hook" '.hooks.createContainer = [{path: "/bin/sh",
                args: ["sh", "-c", "echo $PPID >\($file); exec sleep 60"]}]'
        chmod a+rwx "$BATS_TEST_TMPDIR/$WORD"
        "$HUSK_OCI" --root "$ROOT" create -b "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1 3>&- &
        maker=$!
        eventually 10 [ -s "$BATS_TEST_TMPDIR/$WORD/in-hook" ]
        # PPID is the container's word for it where it has pids of its own: the maker's child is it
        init=$(pgrep -P "$maker")
        [ -n "$init" ]
        kill -9 "$maker"
        wait "$maker" || true
        eventually 10 gone "$init"
        rm "$BATS_TEST_TMPDIR/$WORD/in-hook"
        oci delete --force "$WORD"
}

@test "killed with its maker: in a new user namespace" {
        open_rootfs
        config "$maps"' | .linux.namespaces += [{type: "user"}]'
        dies_with_its_maker
}

@test "killed with its maker: in a joined user namespace, with pids of its own" {
        make_pod
        spaces join
        dies_with_its_maker
}

@test "a container of a container, each with a user namespace" {
        local inner=$BUNDLE/rootfs/inner
        mkdir -p "$inner/rootfs/bin"
        cp -a "$BUNDLE/rootfs/bin/." "$inner/rootfs/bin"
        ldd "$HUSK_OCI" 2>&1 | grep -q "statically linked\|not a dynamic" || skip "needs the static husk-oci"
        cp "$HUSK_OCI" "$BUNDLE/rootfs/bin/husk-oci"
        jq '.process.terminal = false | .root.readonly = false | .mounts |= map(select(.type | IN("proc", "tmpfs"))) |
                .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.linux.resources) |
                .linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 100}] |
                .linux.gidMappings = .linux.uidMappings |
                .process.args = ["/bin/sh", "-c", "cat /proc/self/uid_map; id -u; echo $$"]' \
                "$BUNDLE/config.json" >"$inner/config.json"
        open_rootfs
        chown -R 301000:301000 "$inner"
        config "$maps"' | .linux.namespaces += [{type: "user"}] | .root.readonly = false |
                .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
                .mounts |= map(select(.type != "cgroup" and .type != "sysfs")) | (.process.capabilities[]) =
                ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETFCAP", "CAP_SYS_CHROOT", "CAP_MKNOD",
                "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_NET_ADMIN", "CAP_SETPCAP", "CAP_KILL"]'
        script 'exec husk-oci --root /tmp/state run -b /inner inner'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$output $stderr"
        [ "$status" = 0 ]
        [ "$(echo ${lines[0]})" = "0 1000 100" ]
        [ "${lines[1]} ${lines[2]}" = "0 1" ]
}

@test "a container in another one's mount namespace has its root, and leaves it as it is" {
        local before
        make_pod
        before=$(cat "/proc/$POD/mountinfo")
        spaces join mount pid ipc network uts cgroup time
        config 'del(.root, .mounts, .hostname, .linux.maskedPaths, .linux.readonlyPaths)'
        script 'readlink /proc/self/ns/mnt; cat /proc/1/comm; pwd; ls /proc/self/fd'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$output $stderr"
        [ "$status" = 0 ]
        [ "${lines[0]}" = "$(readlink "/proc/$POD/ns/mnt")" ]
        [ "${lines[1]}" = sleep ]
        [ "${lines[2]}" = / ]
        [ "${#lines[@]}" = 7 ] # 0, 1, 2 and the directory that ls reads
        [ "$(cat "/proc/$POD/mountinfo")" = "$before" ]
        spaces none mount pid
        config '.root.path = "/" | .root.readonly = false'
        script 'readlink /proc/self/ns/mnt; id -u; exec sleep 300'
        oci run --detach -b "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/out"
        eventually 10 grep -qx 0 "$BATS_TEST_TMPDIR/out"
        check "$(pid_of "$WORD")" none "mount pid"
        [ "$(oci exec "$WORD" readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$POD/ns/mnt")" ]
        oci delete --force "$WORD"
}
