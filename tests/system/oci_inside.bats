#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container sees of itself, held against its config.json.

load helper
setup() { begin; }
teardown() { finish; }

# inside TEXT: the output of a shell in there
inside() {
        script "$1"
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ -z "$stderr" ] || echo "stderr: $stderr"
}

namespaces='for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done'

@test "namespaces: new where asked for, the host's where not" {
        inside "$namespaces"
        host=$(sh -c "$namespaces")
        [ "$(wc -l <<<"$output")" = 8 ]
        for n in cgroup ipc mnt net pid uts; do
                [ "$(grep "^$n:" <<<"$output")" != "$(grep "^$n:" <<<"$host")" ]
        done
        for n in time user; do
                [ "$(grep "^$n:" <<<"$output")" = "$(grep "^$n:" <<<"$host")" ]
        done
        config 'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "ipc"}]'
        inside "$namespaces"
        for n in mnt ipc; do
                [ "$(grep "^$n:" <<<"$output")" != "$(grep "^$n:" <<<"$host")" ]
        done
        for n in cgroup net pid time user uts; do
                [ "$(grep "^$n:" <<<"$output")" = "$(grep "^$n:" <<<"$host")" ]
        done
}

@test "namespaces: joined by path" {
        script 'sleep 100'
        oci run --detach --bundle "$BUNDLE" "$WORD.a" >/dev/null 2>&1
        pid=$(pid_of "$WORD.a")
        config --arg ns "/proc/$pid/ns" '.linux.namespaces = [{"type": "mount"},
                {"type": "ipc", "path": ($ns + "/ipc")}, {"type": "uts", "path": ($ns + "/uts")},
                {"type": "network", "path": ($ns + "/net")}, {"type": "pid", "path": ($ns + "/pid")}]'
        inside "$namespaces"
        for n in ipc uts net pid; do
                [ "$(grep "^$n:" <<<"$output")" = "$(readlink "/proc/$pid/ns/$n")" ]
        done
        [ "$(grep "^mnt:" <<<"$output")" != "$(readlink "/proc/$pid/ns/mnt")" ]
        # the wrong kind is refused
        config --arg ns "/proc/$pid/ns" '.linux.namespaces[1].path = ($ns + "/net")'
        inside true
        [ "$status" != 0 ]
        [[ $stderr == *"/linux/namespaces/1"*"is no ipc namespace"* ]]
}

@test "a user namespace with its mapping" {
        chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.."
        chown -R 100000:200000 "$BUNDLE/rootfs"
        config '.linux.namespaces += [{"type": "user"}] |
                .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] |
                .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 1000}] |
                .mounts |= map(select(.destination | startswith("/sys") | not) |
                        .options |= (. // [] | map(select(. != "gid=5"))))'
        inside 'cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c "%t %T %F" /dev/null; echo x >/dev/null'
        [ "$status" = 0 ]
        read -r -a uid <<<"${lines[0]}"
        read -r -a gid <<<"${lines[1]}"
        [ "${uid[*]}" = "0 100000 1000" ]
        [ "${gid[*]}" = "0 200000 1000" ]
        [ "${lines[2]}" = 0 ]
        [ "${lines[3]}" = "1 3 character special file" ]
}

@test "a time namespace with its offset" {
        [ -e /proc/self/ns/time ] || skip "the kernel has no time namespaces"
        config '.linux.namespaces += [{"type": "time"}] |
                .linux.timeOffsets = {"boottime": {"secs": 1000000}}'
        inside 'cat /proc/uptime'
        [ "$status" = 0 ]
        [ "${output%%.*}" -gt 1000000 ]
}

@test "the process is pid 1 of its own and sees no other" {
        inside 'echo $$; ls -d /proc/[0-9]*'
        [ "${lines[0]}" = 1 ]
        [ "${lines[1]}" = /proc/1 ]
}

@test "hostname and domainname" {
        host=$(hostname)
        config '.hostname = "box" | .domainname = "example.org"'
        inside 'hostname; cat /proc/sys/kernel/domainname'
        [ "$output" = $'box\nexample.org' ]
        [ "$(hostname)" = "$host" ]
}

@test "the network has a loopback that is up, and nothing else" {
        inside 'ls /sys/class/net; cat /sys/class/net/lo/flags; cat /proc/net/route | wc -l'
        [ "${lines[0]}" = lo ]
        [ $((lines[1] & 1)) = 1 ]
        [ "${lines[2]}" -le 1 ]
}

@test "the root is the bundle's, and nothing of the host's tree is left" {
        config '.root.readonly = false'
        inside 'cat /proc/self/mountinfo'
        # every mount lies below the container's own root, which is the first
        [ "$(awk '$5 == "/"' <<<"$output" | wc -l)" = 1 ]
        [ "$(awk '$5 !~ "^/(proc|dev|sys|$)"' <<<"$output" | wc -l)" = 0 ]
        inside 'ls -d /../../.. /..; ls /'
        [ "$(grep -c bin <<<"$output")" = 1 ]
}

@test "a read-only root is one; a writable one writes to the bundle" {
        inside 'touch /etc/new 2>/dev/null; echo $?; mount -o remount,rw / 2>/dev/null; touch /tmp/x 2>/dev/null; echo $?'
        [ "$output" = $'1\n1' ]
        [ ! -e "$BUNDLE/rootfs/etc/new" ]
        config '.root.readonly = false'
        inside 'touch /etc/new; echo $?'
        [ "$output" = 0 ]
        [ -e "$BUNDLE/rootfs/etc/new" ]
        # the host's mount did not turn read-only with it
        touch "$BUNDLE/rootfs/etc/host"
}

@test "the default mounts, each with its options" {
        inside 'cat /proc/self/mountinfo'
        has() { awk -v at="$1" -v options="$2" -v type="$3" '
                $5 == at { for (i = 7; i <= NF; i++) if ($i == "-") { t = $(i + 1); break }
                        split(options, want, ","); ok = t == type
                        for (w in want) ok = ok && index("," $6 ",", "," want[w] ",") }
                END { exit !ok }' <<<"$output"; }
        has /proc rw proc
        has /dev rw,nosuid tmpfs
        has /dev/pts rw,nosuid,noexec devpts
        has /dev/shm rw,nosuid,nodev,noexec tmpfs
        has /dev/mqueue rw,nosuid,nodev,noexec mqueue
        has /sys ro,nosuid,nodev,noexec sysfs
        has /proc/sys ro proc
        has /sys/fs/cgroup ro,nosuid,nodev,noexec "$(is_v2 && echo cgroup2 || echo tmpfs)"
}

@test "binds: read-only, recursive, of a file, and made where nothing was" {
        mkdir -p "$BUNDLE/data/sub"
        echo one >"$BUNDLE/data/file"
        mount -t tmpfs "$WORD" "$BUNDLE/data/sub"
        touch "$BUNDLE/data/sub/below"
        config '.root.readonly = false | .mounts += [
                {"destination": "/ro", "source": "data", "options": ["bind", "ro"]},
                {"destination": "/rro", "source": "data", "options": ["rbind", "rro"]},
                {"destination": "/rw", "source": "data", "options": ["rbind", "nosuid", "nodev"]},
                {"destination": "/new/deep/file", "source": "data/file", "options": ["bind"]}]'
        inside 'cat /ro/file /new/deep/file; ls /ro/sub /rw/sub
                for at in /ro /rro /rro/sub /rw /rw/sub; do touch $at/x 2>/dev/null; echo $at $?; done'
        umount "$BUNDLE/data/sub"
        [ "$status" = 0 ]
        [ "$output" = "$(printf '%s\n' one one /ro/sub: '' /rw/sub: below '/ro 1' '/rro 1' \
                '/rro/sub 1' '/rw 0' '/rw/sub 0')" ]
}

@test "a mount's target does not follow the image's links out of the root" {
        ln -s "$BUNDLE/outside" "$BUNDLE/rootfs/absolute"
        ln -s ../../../../../../../../../../tmp "$BUNDLE/rootfs/climbing"
        mkdir "$BUNDLE/outside" "$BUNDLE/data"
        touch "$BUNDLE/data/file"
        config '.root.readonly = false | .mounts += [
                {"destination": "/climbing", "source": "data", "options": ["bind"]}]'
        inside 'ls /tmp'
        [ "$output" = file ]
        config '.mounts[-1].destination = "/absolute/new"'
        inside 'true'
        [ -z "$(ls "$BUNDLE/outside")" ]
}

@test "proc and sysfs are not mounted over a link" {
        mkdir "$BUNDLE/rootfs/real"
        ln -s real "$BUNDLE/rootfs/proc"
        inside true
        [ "$status" != 0 ]
        [[ $stderr == *"/mounts/0"*"symbolic link"* ]]
        rm "$BUNDLE/rootfs/proc"
}

@test "masked paths are empty, read-only paths do not change" {
        mkdir "$BUNDLE/rootfs/secrets"
        echo secret >"$BUNDLE/rootfs/secrets/file"
        echo secret >"$BUNDLE/rootfs/etc/secret"
        config '.root.readonly = false | .linux.maskedPaths += ["/secrets", "/etc/secret", "/not/there"] |
                .linux.readonlyPaths += ["/tmp", "/not/there"]'
        inside 'ls /secrets; cat /etc/secret /proc/kcore /proc/keys /proc/timer_list 2>/dev/null; ls -A /sys/firmware
                touch /secrets/x 2>/dev/null; echo $?
                touch /tmp/x 2>/dev/null; echo $?
                echo 1 2>/dev/null >/proc/sys/kernel/panic; echo $?
                touch /etc/other; echo $?
                umount /proc/keys 2>/dev/null; echo $?'
        [ "$output" = $'1\n1\n1\n0\n1' ]
        [ "$(cat "$BUNDLE/rootfs/etc/secret")" = secret ]
}

@test "devices: exactly these, with these numbers and modes" {
        inside 'cd /dev; stat -c "%n %F %t:%T %a %u:%g" * | sort'
        [ "$output" = "$(sort <<'END'
core symbolic link 0:0 777 0:0
fd symbolic link 0:0 777 0:0
full character special file 1:7 666 0:0
mqueue directory 0:0 1777 0:0
null character special file 1:3 666 0:0
ptmx symbolic link 0:0 777 0:0
pts directory 0:0 755 0:0
random character special file 1:8 666 0:0
shm directory 0:0 1777 0:0
stderr symbolic link 0:0 777 0:0
stdin symbolic link 0:0 777 0:0
stdout symbolic link 0:0 777 0:0
tty character special file 5:0 666 0:0
urandom character special file 1:9 666 0:0
zero character special file 1:5 666 0:0
END
        )" ]
}

@test "devices: one more, with mode and owner, whatever the umask" {
        config '.linux.devices = [{"path": "/dev/extra", "type": "c", "major": 1, "minor": 3,
                "fileMode": 438, "uid": 7, "gid": 8}, {"path": "/dev/fifo", "type": "p", "fileMode": 384}]'
        umask 077
        inside 'stat -c "%n %F %t:%T %a %u:%g" /dev/extra /dev/fifo; echo x >/dev/extra && echo written'
        [ "$output" = $'/dev/extra character special file 1:3 666 7:8\n/dev/fifo fifo 0:0 600 0:0\nwritten' ]
}

@test "devices: what no rule allows is denied by the cgroup" {
        # Character device 60:7 has no driver: who may open it is told ENXIO, who may not EPERM.
        config '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
        command='cd /dev/shm/..; busybox mknod none c 60 7; busybox mknod null2 c 1 3
                (: <none) 2>&1; (: >none) 2>&1; echo fine >null2; echo $?'
        inside "$command"
        [[ ${lines[0]} == *"Operation not permitted"* ]]
        [[ ${lines[1]} == *"Operation not permitted"* ]]
        [ "${lines[2]}" = 0 ]
        config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 60, "minor": 7, "access": "r"}]'
        inside "$command"
        [[ ${lines[0]} == *"No such device or address"* ]]
        [[ ${lines[1]} == *"Operation not permitted"* ]]
        [ "${lines[2]}" = 0 ]
}

field() {
        awk -v name="$1:" '$1 == name { $1 = ""; sub(/^ /, ""); print }' <<<"$output"
}

@test "capabilities: five sets as asked for" {
        config '.process.capabilities = {
                "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
                "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
                "effective": ["CAP_CHOWN", "CAP_KILL"],
                "inheritable": ["CAP_CHOWN", "CAP_KILL"], "ambient": ["CAP_KILL"]} |
                .process.user = {"uid": 1000, "gid": 1000}'
        inside 'cat /proc/self/status'
        # what exec leaves to an ordinary user: permitted and effective are the ambient ones
        [ "$(field CapBnd)" = 00000000000020a1 ]
        [ "$(field CapInh)" = 0000000000000021 ]
        [ "$(field CapAmb)" = 0000000000000020 ]
        [ "$(field CapPrm)" = 0000000000000020 ]
        [ "$(field CapEff)" = 0000000000000020 ]
        config 'del(.process.capabilities)'
        inside 'cat /proc/self/status'
        for set in CapBnd CapInh CapAmb CapPrm CapEff; do
                [ "$(field $set)" = 0000000000000000 ]
        done
}

@test "capabilities: root has its bounding set, no more" {
        inside 'cat /proc/self/status; chmod 777 /etc; mount -t tmpfs x /tmp 2>/dev/null; echo mount: $?'
        [ "$(field CapEff)" = 0000000020000420 ]
        [ "$(field CapBnd)" = 0000000020000420 ]
        [ "$(field mount)" != 0 ]
}

@test "no_new_privs as asked for" {
        inside 'cat /proc/self/status'
        [ "$(field NoNewPrivs)" = 1 ]
        config '.process.noNewPrivileges = false'
        inside 'cat /proc/self/status'
        [ "$(field NoNewPrivs)" = 0 ]
}

@test "seccomp: loaded, with and without no_new_privs, as root and as a user" {
        config '.root.readonly = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
        for nnp in true false; do
                for uid in 0 1000; do
                        config --argjson nnp $nnp --argjson uid $uid \
                                '.process.noNewPrivileges = $nnp | .process.user.uid = $uid'
                        inside 'cat /proc/self/status; mkdir /tmp/d 2>&1; echo "mkdir: $?"; touch /tmp/f && rm /tmp/f && echo touched'
                        [ "$(field Seccomp)" = 2 ]
                        [[ $output == *"No space left"* ]]
                        [[ $output == *"mkdir: 1"* ]]
                        [[ $output == *touched* ]]
                done
        done
        [ ! -e "$BUNDLE/rootfs/tmp/d" ]
        config 'del(.linux.seccomp)'
        inside 'cat /proc/self/status'
        [ "$(field Seccomp)" = "$(awk '$1 == "Seccomp:" { print $2 }' /proc/self/status)" ]
}

@test "seccomp: KILL ends the process with SIGSYS" {
        config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]} |
                .process.args = ["/bin/mkdir", "/tmp/d"]'
        run -159 oci run --bundle "$BUNDLE" "$WORD"
}

@test "rlimits" {
        config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_CPU", "soft": 60, "hard": 61}]'
        inside 'grep -E "open files|core file|cpu time" /proc/self/limits'
        rows=$(awk '{ print $(NF - 2), $(NF - 1) }' <<<"$output" | sort)
        [ "$rows" = $'0 0\n100 200\n60 61' ]
}

@test "uid, gid and exactly these groups" {
        config '.process.user = {"uid": 1234, "gid": 2345, "additionalGids": [10, 20, 30]}'
        inside 'cat /proc/self/status'
        [ "$(field Uid)" = "1234 1234 1234 1234" ]
        [ "$(field Gid)" = "2345 2345 2345 2345" ]
        [ "$(field Groups | xargs)" = "10 20 30" ]
        config '.process.user = {"uid": 0, "gid": 0}'
        inside 'cat /proc/self/status'
        [ "$(field Groups | xargs)" = "" ]
}

@test "umask: 0022, or as asked for" {
        (umask 077 && inside umask && [ "$output" = 0022 ])
        config '.process.user.umask = 39'
        inside umask
        [ "$output" = 0047 ]
}

@test "the working directory is made when it is missing" {
        config '.root.readonly = false | .process.cwd = "/made/just/now"'
        inside pwd
        [ "$output" = /made/just/now ]
        [ -d "$BUNDLE/rootfs/made/just/now" ]
}

@test "the environment is exactly that of config.json" {
        config '.process.env = ["PATH=/bin", "A=1", "B=two words", "EMPTY="] | .process.args = ["/bin/env"]'
        FROM_HOST=1 run oci run --bundle "$BUNDLE" "$WORD"
        [ "$(sort <<<"$output")" = $'A=1\nB=two words\nEMPTY=\nPATH=/bin' ]
}

@test "args arrive as they are" {
        config '.process.args = ["/bin/sh", "-c", "printf \"<%s>\" \"$@\"", "zero", "", "a b", "*", "ü\n"]'
        run oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'<><a b><*><ü\n>' ]
}

@test "descriptors: 0, 1 and 2 only; more by --preserve-fds" {
        # 9 is the one with which ls reads
        script 'ls /proc/self/fd | wc -l; ls -l /proc/self/fd 2>/dev/null | grep -c -e "/state" -e socket -e cgroup'
        run oci run --bundle "$BUNDLE" "$WORD" 7</etc/hostname 9</ </dev/null
        [ "${lines[0]}" = 4 ]
        [ "${lines[1]}" = 0 ]
        echo third >"$BUNDLE/third"
        script 'cat <&3; ls /proc/self/fd | wc -l'
        run oci run --preserve-fds 1 --bundle "$BUNDLE" "$WORD" 3<"$BUNDLE/third" 9</ </dev/null
        [ "${lines[0]}" = third ]
        [ "${lines[1]}" = 5 ]
        # and after create and start
        oci create --preserve-fds 1 --bundle "$BUNDLE" "$WORD" 3<"$BUNDLE/third" 9</ </dev/null >"$BUNDLE/out"
        oci start "$WORD"
        eventually 20 stopped "$WORD"
        [ "$(cat "$BUNDLE/out")" = $'third\n5' ]
}

@test "signals: none blocked, none ignored, whatever the caller does" {
        config '.process.args = ["/bin/cat", "/proc/self/status"]'
        output=$(trap '' HUP USR1 && oci run --bundle "$BUNDLE" "$WORD")
        [ "$(field SigBlk)" = 0000000000000000 ]
        [ "$(field SigIgn)" = 0000000000000000 ]
        (trap '' HUP USR1 && oci create --bundle "$BUNDLE" "$WORD" >"$BUNDLE/out")
        oci start "$WORD"
        eventually 20 stopped "$WORD"
        output=$(cat "$BUNDLE/out")
        [ "$(field SigBlk)" = 0000000000000000 ]
        [ "$(field SigIgn)" = 0000000000000000 ]
}

@test "oom_score_adj" {
        config '.process.oomScoreAdj = 321'
        inside 'cat /proc/self/oom_score_adj'
        [ "$output" = 321 ]
}

@test "sysctl, of the container only" {
        host=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni)
        config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "1234",
                "net/ipv4/conf/lo/rp_filter": "2"}'
        inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni /proc/sys/net/ipv4/conf/lo/rp_filter'
        [ "$output" = $'1\n1234\n2' ]
        [ "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni)" = "$host" ]
}

@test "cgroups: the process is in its own, in every hierarchy" {
        config --arg path "/$WORD/deep/er" '.linux.cgroupsPath = $path'
        script 'sleep 100'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        pid=$(pid_of "$WORD")
        while IFS=: read -r number _ path; do
                [ "$path" = "/$WORD/deep/er" ] || { is_v2 && [ "$number" != 0 ]; }
        done <"/proc/$pid/cgroup"
        # a cgroup namespace hides where that is
        [ -z "$(oci exec "$WORD" grep -v ':/$' /proc/1/cgroup)" ]
        oci delete --force "$WORD"
        [ -z "$(find /sys/fs/cgroup -path "*/$WORD/deep/er")" ]
        remove_cgroups "*/$WORD*"
}

@test "pids.limit holds" {
        needs_controllers pids
        config '.linux.resources.pids.limit = 5'
        inside 'i=0; while [ $i -lt 20 ]; do sleep 100 & i=$((i + 1)); done; wait'
        [ "$status" != 0 ]
        [[ $stderr == *"can't fork"* ]]
        config '.linux.resources.pids.limit = 40'
        inside 'i=0; while [ $i -lt 20 ]; do sleep 0 & i=$((i + 1)); done; wait; echo fine'
        [ "$output" = fine ]
}

@test "memory.limit holds: who asks for more is killed" {
        needs_controllers memory
        config '.linux.resources.memory.limit = 16777216 | .process.args = ["/bin/tail", "/dev/zero"]'
        run -137 oci run --bundle "$BUNDLE" "$WORD"
        script 'sleep 100'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        [ "$(cat "$(cgroup_file "$(is_v2 && echo memory.max || echo memory.limit_in_bytes)")")" = 16777216 ]
}

@test "cpu limits are in the kernel's files" {
        needs_controllers cpu
        config '.linux.resources.cpu = {"shares": 512, "quota": 20000, "period": 50000}'
        script 'sleep 100'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        if is_v2; then
                [ "$(cat "$(cgroup_file cpu.max)")" = "20000 50000" ]
                [ "$(cat "$(cgroup_file cpu.weight)")" = 59 ]
        else
                [ "$(cat "$(cgroup_file cpu.shares)")" = 512 ]
                [ "$(cat "$(cgroup_file cpu.cfs_quota_us)")" = 20000 ]
                [ "$(cat "$(cgroup_file cpu.cfs_period_us)")" = 50000 ]
        fi
}

@test "rootless: an ordinary user's container" {
        id nobody >/dev/null 2>&1 || skip "there is no user nobody"
        [ "$(cat /proc/sys/user/max_user_namespaces)" -gt 0 ] || skip "no user namespaces"
        chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.."
        rm "$BUNDLE/config.json"
        cp "$HUSK_OCI" "$BATS_TEST_TMPDIR/$WORD/husk-oci"
        uid=$(id -u nobody)
        chown -R nobody "$BATS_TEST_TMPDIR/$WORD"
        as_nobody() { timeout -k 5 60 setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"; }
        as_nobody "$BATS_TEST_TMPDIR/$WORD/husk-oci" spec --rootless -b "$BUNDLE"
        config '.process.terminal = false'
        script 'id -u; cat /proc/self/uid_map; hostname'
        run --separate-stderr as_nobody "$BATS_TEST_TMPDIR/$WORD/husk-oci" --root "$ROOT" \
                run --bundle "$BUNDLE" "$WORD"
        echo "$stderr"
        [ "$status" = 0 ]
        [ "${lines[0]}" = 0 ]
        [ "$(xargs <<<"${lines[1]}")" = "0 $uid 1" ]
        [ "${lines[2]}" = husk ]
}
