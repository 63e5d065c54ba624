#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Options that callers of runc give: descriptors, sockets of a service manager, a pidfd, labels, cgroups
# below the container's, a root that is moved.

load helper

setup() { begin; }
teardown() { finish; }

# take_pidfd SOCKET COMMAND...: run it, take the descriptor that it sends to the socket; print what came
# with it and whose it is, then send signal 9 through it
take_pidfd() {
        timeout 60 python3 - "$@" <<'EOF'
import array, os, re, signal, socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen()
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
listener.settimeout(30)
peer = listener.accept()[0]
words, ancillary, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2])[0]
child.wait()
print(words.decode(), re.search(r"^Pid:\s*(\d+)", open(f"/proc/self/fdinfo/{fd}").read(), re.M)[1])
signal.pidfd_send_signal(fd, signal.SIGKILL)
EOF
}

# below_root PID: the mounts of its namespace that are left when its root is taken off, in a copy
below_root() {
        timeout 60 python3 - "$1" <<'EOF'
import ctypes, os, sys
NEWNS, DETACH = 0x20000, 2
libc = ctypes.CDLL(None, use_errno=True)
def check(r):
    if r < 0: sys.exit(os.strerror(ctypes.get_errno()))
proc = os.open("/proc", os.O_RDONLY)
check(libc.setns(os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY), NEWNS))
check(libc.unshare(NEWNS))
check(libc.umount2(b"/", DETACH))
check(libc.setns(os.open("self/ns/mnt", os.O_RDONLY, dir_fd=proc), NEWNS))
print(os.read(os.open("self/mountinfo", os.O_RDONLY, dir_fd=proc), 1 << 20).decode(), end="")
EOF
}

@test "create --pidfd-socket and exec --pidfd-socket send a descriptor of the process" {
        local socket=$BATS_TEST_TMPDIR/$WORD/s pid
        config '.process.args = ["sleep", "100"]'
        pid=$(take_pidfd "$socket" "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" \
                --pidfd-socket "$socket" "$WORD")
        # it was killed by that descriptor
        [[ $pid =~ ^standard\ [0-9]+$ ]]
        eventually 10 stopped "$WORD"
        oci delete "$WORD"
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        rm "$socket"
        pid=$(take_pidfd "$socket" "$HUSK_OCI" --root "$ROOT" exec -d --pid-file "$BATS_TEST_TMPDIR/pid" \
                --pidfd-socket "$socket" "$WORD" sleep 100)
        [ "$pid" = "setns $(cat "$BATS_TEST_TMPDIR/pid")" ]
        eventually 10 gone "$(cat "$BATS_TEST_TMPDIR/pid")"
        running "$WORD"
}

@test "a pidfd socket at which nobody listens is an error, and nothing is left" {
        run --separate-stderr oci create --bundle "$BUNDLE" --pidfd-socket /nowhere "$WORD"
        refused
        [[ $stderr == *"pidfd socket /nowhere: No such file or directory"* ]]
}

@test "--preserve-fds passes so many descriptors and no more, in run and in exec" {
        script 'cat <&3; cat <&4; ls /proc/self/fd'
        printf 'three\n' >"$BATS_TEST_TMPDIR/3"
        printf 'four\n' >"$BATS_TEST_TMPDIR/4"
        run oci run --bundle "$BUNDLE" --preserve-fds 2 "$WORD" \
                3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4" 5</dev/null
        # the directory that ls reads is the first free one
        [ "$output" = $'three\nfour\n0\n1\n2\n3\n4\n5' ]
        config '.process.args = ["sleep", "100"]'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        run oci exec --preserve-fds 1 "$WORD" sh -c 'cat <&3; ls /proc/self/fd' \
                3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4"
        [ "$output" = $'three\n0\n1\n2\n3\n4' ]
}

@test "--preserve-fds of a descriptor that is not open is an error" {
        # bats has some open itself
        run --separate-stderr oci run --bundle "$BUNDLE" --preserve-fds 900 "$WORD"
        refused
        [[ $stderr =~ descriptor\ [0-9]+\ is\ not\ open ]]
        run --separate-stderr oci exec --preserve-fds 900 "$WORD" true
        [ "$status" = 255 ]
        [[ $stderr =~ descriptor\ [0-9]+\ is\ not\ open ]]
}

@test "sockets of a service manager go on to the program, before those of --preserve-fds" {
        config '.process.env += ["LISTEN_FDS=7", "LISTEN_PID=9"]'
        # shellcheck disable=SC2016 # the container's shell
        script 'echo $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; env | grep -c ^LISTEN_FDS; cat <&3; cat <&4; cat <&5; ls /proc/self/fd'
        for n in 3 4 5; do echo $n >"$BATS_TEST_TMPDIR/$n"; done
        # shellcheck disable=SC2016
        run timeout 60 sh -c 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin exec "$@"' - \
                "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" --preserve-fds 1 "$WORD" \
                3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4" 5<"$BATS_TEST_TMPDIR/5"
        [ "$output" = $'1 1 2 web:admin\n1\n3\n4\n5\n0\n1\n2\n3\n4\n5\n6' ]
        # those of another process are not ours
        script 'env | grep -c ^LISTEN_FDS=7; ls /proc/self/fd'
        run env LISTEN_PID=1 LISTEN_FDS=2 timeout 60 "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD" \
                3<"$BATS_TEST_TMPDIR/3"
        [ "$output" = $'1\n0\n1\n2\n3' ]
}

@test "exec --cgroup runs it in a cgroup below the container's, and nowhere else" {
        local dir
        config '.process.args = ["sleep", "100"]'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        if is_v2; then
                dir=$(cgroup_file cgroup.procs) where=/inner
        else
                dir=$(cgroup_file pids.max) where=pids:/inner
        fi
        dir=${dir%/*}
        mkdir "$dir/inner"
        oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" --cgroup "$where" "$WORD" sleep 100 <&- >/dev/null 2>&1
        grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$dir/inner/cgroup.procs"
        # the others are the container's own
        is_v2 || [ "$(grep memory "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")" = \
                "$(grep memory "/proc/$(pid_of "$WORD")/cgroup")" ]
        oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" --cgroup / "$WORD" sleep 100 <&- >/dev/null 2>&1
        grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$dir/cgroup.procs"
        run --separate-stderr oci exec --cgroup "${where%/*}/../.." "$WORD" true
        [ "$status" = 255 ]
        [[ $stderr == *"'..' leads out"* ]]
        run --separate-stderr oci exec --cgroup "${where}less" "$WORD" true
        [ "$status" = 255 ]
        [[ $stderr == *"No such file or directory"* ]]
        run --separate-stderr oci exec --cgroup nosuch:/inner "$WORD" true
        [ "$status" = 255 ]
        [[ $stderr == *"--cgroup nosuch:/inner: the container has no such cgroup controller"* ]]
}

@test "exec into a container that manages cgroups of its own: beside its first process" {
        local dir controller
        if is_v2; then
                controller=pids
                config '.linux.resources.pids = {limit: 50}'
        else
                controller=hugetlb
                config '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 2097152}]'
        fi
        config --arg path "/$WORD" '.process.args = ["sleep", "100"] | .linux.cgroupsPath = $path'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1 || skip "no $controller on cgroup v2"
        dir=$(awk '$9 == "cgroup2" || $(NF - 2) == "cgroup2" { print $5; exit }' /proc/self/mountinfo)/$WORD
        grep -qw $controller "$dir/cgroup.controllers" || skip "no $controller on cgroup v2"
        # as systemd does it in a container
        mkdir "$dir/init.scope"
        pid_of "$WORD" >"$dir/init.scope/cgroup.procs"
        echo +$controller >"$dir/cgroup.subtree_control"
        oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$WORD" sleep 100 <&- >/dev/null 2>&1
        grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$dir/init.scope/cgroup.procs"
        # not when the place was named
        run --separate-stderr oci exec --cgroup / "$WORD" true
        [ "$status" = 255 ]
        [[ $stderr == *"Device or resource busy"* ]]
}

@test "exec --apparmor and --process-label are given, or refused where the host has neither" {
        config '.process.args = ["sleep", "100"]'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        if [ -d /sys/kernel/security/apparmor ]; then
                run --separate-stderr oci exec --apparmor unconfined "$WORD" cat /proc/self/attr/current
                [ "$status" = 0 ]
        else
                run --separate-stderr oci exec --apparmor husk "$WORD" true
                [ "$status" = 255 ]
                [[ $stderr == *"/process/apparmorProfile: AppArmor is not enabled"* ]]
        fi
        if [ ! -d /sys/fs/selinux ]; then
                run --separate-stderr oci exec --process-label a:b:c:d "$WORD" true
                [ "$status" = 255 ]
                [[ $stderr == *"/process/selinuxLabel: SELinux is not enabled"* ]]
        fi
}

@test "exec: --env, --cwd, --user, --additional-gids, --cap, --no-new-privs" {
        config '.process.args = ["sleep", "100"] | .process.noNewPrivileges = false'
        oci run -d --bundle "$BUNDLE" "$WORD" <&- >/dev/null 2>&1
        # shellcheck disable=SC2016 # the container's shell
        run oci exec -e A=b --env C=d --cwd /tmp -u 7:8 -g 9 --additional-gids 10 -c CAP_NET_RAW --no-new-privs \
                "$WORD" sh -c 'echo $A$C; pwd; id -u; id -g; id -G; grep -E "NoNewPrivs|CapBnd" /proc/self/status'
        [ "$status" = 0 ]
        [ "${lines[0]}" = bd ]
        [ "${lines[1]}" = /tmp ]
        [ "${lines[2]} ${lines[3]}" = '7 8' ]
        [ "${lines[4]}" = '8 9 10' ]
        [[ $output == *NoNewPrivs:$'\t'1* ]]
        # kill, net_bind_service, audit_write of the document, and net_raw (13)
        [[ $output == *CapBnd:$'\t'0000000020002420* ]]
}

@test "run --no-pivot: the container sees its own root, and of the host no mount" {
        script 'ls /; ls /sys/kernel | head -n 1; cut -d" " -f5 /proc/self/mountinfo | sort | uniq -d; cut -d" " -f5 /proc/self/mountinfo | grep -cx /; ls /proc/1/root/; cat /proc/1/cmdline | head -c 7; cd ../../..; pwd; ls bin/busybox'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        local with=$output
        run --separate-stderr oci run --no-pivot --no-subreaper --bundle "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        [ "$output" = "$with" ]
}

@test "run --no-pivot: all mounts of the host are gone from the namespace, a nested one and a strange name too" {
        local host=$BATS_TEST_TMPDIR/$WORD
        config '.process.capabilities = {bounding: ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"],
                        effective: ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"], permitted: ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]} |
                .process.args = ["sleep", "100"]'
        mkdir -p "$host/a b/\\c"
        unshare -m --propagation slave sh -c 'mount -t tmpfs one "$1/a b"; mkdir "$1/a b/\\c"
                mount -t tmpfs two "$1/a b/\\c"; shift; exec "$@"' - "$host" \
                timeout 60 "$HUSK_OCI" --root "$ROOT" run -d --no-pivot --bundle "$BUNDLE" "$WORD" \
                <&- >/dev/null 2>"$BATS_TEST_TMPDIR/err"
        grep -q 'warning: --no-pivot: the host.s root stays below' "$BATS_TEST_TMPDIR/err"
        below_root "$(pid_of "$WORD")" >"$BATS_TEST_TMPDIR/below"
        cat "$BATS_TEST_TMPDIR/below"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/below")" = 1 ]
        grep -q '^[0-9]* [0-9]* [0-9:]* [^ ]* / ' "$BATS_TEST_TMPDIR/below"
}
