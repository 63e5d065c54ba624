#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who the program is, what it may do, how it is scheduled: as a probe inside sees it by system calls.
# Each case is asked twice, of the first process and of one that joins.

load helper
PROBE=${PROBE:-$BATS_TEST_DIRNAME/../../build/dev/tests/probe}
setup() {
        begin
        cp "$PROBE" "$BUNDLE/rootfs/bin/probe"
}
teardown() { finish; }

# Standard output of the first process, then of one more, which must be the same.
both() {
        config --arg words "$*" '.process.args = ["/bin/probe"] + ($words / " ")'
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/first"
        joined "$@"
        diff "$BUNDLE/first" "$BUNDLE/second"
        output=$(cat "$BUNDLE/first")
}

joined() {
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD.x" >/dev/null 2>&1
        oci exec "$WORD.x" /bin/probe "$@" >"$BUNDLE/second"
        oci delete --force "$WORD.x"
}

is() {
        [ "$output" = "$1" ] || {
                printf 'is:\n%s\nexpected:\n%s\n' "$output" "$1"
                return 1
        }
}

bits() {
        local sum=0 bit
        for bit in "$@"; do sum=$((sum | 1 << bit)); done
        echo $sum
}

@test "five capability sets of an ordinary user, ambient among them" {
        config '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {
                "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
                "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "effective": ["CAP_CHOWN", "CAP_KILL"],
                "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
        both effective permitted inheritable bounding ambient securebits
        # exec gives an ordinary user what is ambient
        is "effective $(bits 5)
permitted $(bits 5)
inheritable $(bits 5)
bounding $(bits 0 5 7 13)
ambient $(bits 5)
securebits 0"
}

@test "root gets what is bounding and nothing inheritable unasked" {
        config '.process.capabilities = {"bounding": ["CAP_CHOWN", "CAP_KILL"],
                "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]}'
        # with no_new_privs exec gives root no more than it had
        both effective permitted
        is "effective 1
permitted 1"
        config '.process.noNewPrivileges = false'
        both effective permitted inheritable bounding ambient
        is "effective $(bits 0 5)
permitted $(bits 0 5)
inheritable 0
bounding $(bits 0 5)
ambient 0"
        config 'del(.process.capabilities)'
        both effective permitted inheritable bounding ambient
        is $'effective 0\npermitted 0\ninheritable 0\nbounding 0\nambient 0'
}

@test "what cannot be had is left out with a note: unknown, not permitted, not the host's" {
        config '.process.user.uid = 1000 | .process.capabilities = {"bounding": ["CAP_KILL", "CAP_OF_TOMORROW"],
                "permitted": ["CAP_KILL"], "effective": ["CAP_KILL", "CAP_CHOWN"],
                "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL", "CAP_SETUID"]}'
        both effective permitted inheritable ambient
        is "effective $(bits 5)
permitted $(bits 5)
inheritable $(bits 5)
ambient $(bits 5)"
        run oci explain --bundle "$BUNDLE"
        [[ $output == *"bounding/1: unknown capability 'CAP_OF_TOMORROW'"* ]]
        [[ $output == *"/effective: without chown"* ]]
        [[ $output == *"/ambient: without setuid"* ]]
}

@test "securebits of the caller stay with the caller, and capabilities survive them" {
        command -v capsh >/dev/null || skip "no capsh"
        config '.process.user = {"uid": 1000, "gid": 1000} | .process.args = ["/bin/probe", "effective", "ambient", "securebits"] |
                .process.capabilities = {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"],
                "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
        # no fix-up of ids, no raising of ambient capabilities
        run timeout 60 capsh --secbits=0x44 --shell=/bin/sh -- -c "'$HUSK_OCI' --root '$ROOT' run --bundle '$BUNDLE' '$WORD'"
        [ "$status" = 0 ]
        is "effective $(bits 5)
ambient $(bits 5)
securebits 0"
        # what is locked is the host's decision
        run timeout 60 capsh --secbits=0xc0 --shell=/bin/sh -- -c "'$HUSK_OCI' --root '$ROOT' run --bundle '$BUNDLE' '$WORD'"
        [ "$status" != 0 ]
        [[ $output == *set_ambient* ]]
        config '.process.capabilities.ambient = []'
        run timeout 60 capsh --secbits=0xc0 --shell=/bin/sh -- -c "'$HUSK_OCI' --root '$ROOT' run --bundle '$BUNDLE' '$WORD'"
        [ "$status" = 0 ]
        is "effective 0
ambient 0
securebits $((0xc0))"
}

@test "groups exactly: none but those given; umask; keyring" {
        both uid gid groups umask
        is $'uid 0\ngid 0\ngroups\numask 0022'
        config '.process.user = {"uid": 12, "gid": 34, "additionalGids": [5, 4294967294, 34], "umask": 55}'
        config '.process.args = ["/bin/probe", "uid", "gid", "groups", "umask", "keyring"]'
        run oci run --bundle "$BUNDLE" "$WORD"
        is "uid 12
gid 34
groups 5 34 4294967294
keyring _ses.$WORD
umask 0067"
}

@test "no_new_privs and seccomp, each without the other and together" {
        local nnp seccomp
        for nnp in 0 1; do
                for seccomp in 0 2; do
                        config --argjson nnp $nnp --argjson seccomp $seccomp '.process.noNewPrivileges = ($nnp == 1) |
                                .process.user = {"uid": 1000, "gid": 1000} |
                                if $seccomp == 2 then .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                                        [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]} else del(.linux.seccomp) end'
                        both no_new_privs seccomp
                        is "no_new_privs $nnp
seccomp $seccomp"
                done
        done
}

@test "the program is traceable by its own, though husk was not" {
        both dumpable
        is 'dumpable 1'
}

@test "scheduler: every policy with its own values" {
        config '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 7}'
        # on v1 a cgroup has no real-time budget unless it is given one
        is_v2 || config '.linux.resources.cpu = {"realtimeRuntime": 100000, "realtimePeriod": 1000000}'
        both policy nice priority
        is $'policy 3\nnice 7\npriority 0'
        config '.process.scheduler = {"policy": "SCHED_IDLE"}'
        both policy
        is 'policy 5'
        config '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
        both policy priority sched_flags
        is $'policy 1\nsched_flags 1\npriority 3'
        config '.process.scheduler = {"policy": "SCHED_RR", "priority": 2}'
        both policy priority
        is $'policy 2\npriority 2'
        config '.process.scheduler = {"policy": "SCHED_OTHER", "nice": -5}'
        both policy nice
        is $'policy 0\nnice -5'
}

@test "scheduler: a deadline" {
        config '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000,
                "period": 30000000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
        both policy runtime deadline period
        is $'policy 6\nruntime 1000000\ndeadline 20000000\nperiod 30000000'
}

@test "I/O priority" {
        config '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
        both io
        is "io $((2 << 13 | 6))"
        config '.process.ioPriority = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}'
        both io
        is "io $((3 << 13))"
        config '.process.ioPriority = {"class": "IOPRIO_CLASS_RT", "priority": 1}'
        both io
        is "io $((1 << 13 | 1))"
}

@test "memory policy" {
        config '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
        both memory nodes
        is "memory $((2 | 1 << 15))
nodes 1"
        config '.linux.memoryPolicy = {"mode": "MPOL_LOCAL"}'
        both memory
        is 'memory 4'
        config '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "1000"}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/memoryPolicy"*"cpuset"* ]]
}

@test "personality: a 32-bit machine" {
        [ "$(uname -m)" = x86_64 ] || skip "the names are those of x86-64"
        config '.linux.personality = {"domain": "LINUX32"}'
        both personality machine
        is $'personality 8\nmachine i686'
        config '.linux.personality = {"domain": "LINUX"}'
        both personality machine
        is $'personality 0\nmachine x86_64'
}

@test "execCPUAffinity is for those who join" {
        [ "$(nproc)" -ge 2 ] || skip "one CPU"
        config '.process.execCPUAffinity = {"initial": "0", "final": "1"}'
        joined cpus
        [ "$(cat "$BUNDLE/second")" = 'cpus 2' ]
        config '.process.args = ["/bin/probe", "cpus"]'
        run oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = "$("$PROBE" cpus)" ]
        # another one for this process only
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD.x" >/dev/null 2>&1
        jq '.process | .args = ["/bin/probe", "cpus"] | .execCPUAffinity = {"final": "0"}' "$BUNDLE/config.json" >"$BUNDLE/process"
        run oci exec --process "$BUNDLE/process" "$WORD.x"
        is 'cpus 1'
        jq '.execCPUAffinity = {"final": "8000"}' "$BUNDLE/process" >"$BUNDLE/none"
        run oci exec --process "$BUNDLE/none" "$WORD.x"
        [ "$status" != 0 ]
        [[ $output == *"/process/execCPUAffinity/final"*"none of these CPUs"* ]]
}

@test "oom_score_adj, also without a proc mount" {
        config '.process.oomScoreAdj = 321'
        both oom
        is 'oom 321'
        config '.mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        [ "$(cat "/proc/$(pid_of "$WORD")/oom_score_adj")" = 321 ]
        oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" /bin/sleep 1000 >/dev/null 2>&1
        [ "$(cat "/proc/$(cat "$BUNDLE/pid")/oom_score_adj")" = 321 ]
}

@test "oom_score_adj below our own, without CAP_SYS_RESOURCE: as low as the kernel lets us go" {
        config '.process.oomScoreAdj = 5'
        script 'cat /proc/self/oom_score_adj'
        # Raised by somebody without the right, as containerd's shim does, and so not for good.
        as_shim() {
                setpriv --inh-caps=-sys_resource --bounding-set=-sys_resource sh -c '
                        echo 7 >/proc/self/oom_score_adj; exec "$@"' sh "$HUSK_OCI" --root "$ROOT" "$@"
        }
        run -0 --separate-stderr as_shim run --bundle "$BUNDLE" "$WORD"
        [ "$output" = 5 ]
        [ -z "$stderr" ]
        lowest=$(choom -p $$ | awk '/adjust/ { print $NF }')
        config --argjson score $((lowest - 1)) '.process.oomScoreAdj = $score'
        run -0 --separate-stderr as_shim --log "$BUNDLE/log" run --bundle "$BUNDLE" "$WORD"
        [ "$output" = 7 ]
        [ -z "$stderr" ]
        grep -q "level=warning msg=\"/process/oomScoreAdj: $((lowest - 1)) raised to 7" "$BUNDLE/log"
}

@test "in a user namespace: oom_score_adj, ids and groups, each mapped" {
        [ "$(id -u)" = 0 ] || skip "needs root, for a mapping of many ids"
        open_way "$BUNDLE"
        chown -R 100000:100000 "$BUNDLE/rootfs"
        config '.linux.namespaces += [{"type": "user"}] |
                .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
                .linux.gidMappings = .linux.uidMappings |
                .process.oomScoreAdj = 321 | .process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}'
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" /bin/sleep 1000 >/dev/null 2>&1
        local pid
        for pid in "$(pid_of "$WORD")" "$(cat "$BUNDLE/pid")"; do
                [ "$(cat "/proc/$pid/oom_score_adj")" = 321 ]
                # As the host sees it.
                grep -qP '^Uid:\t100007\t100007\t100007\t100007$' "/proc/$pid/status"
                grep -qP '^Gid:\t100008\t100008\t100008\t100008$' "/proc/$pid/status"
                grep -qP '^Groups:\t100009 ?$' "/proc/$pid/status"
                [ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]
        done
        [ "$(oci exec "$WORD" /bin/id -u)" = 7 ]
        [ "$(oci exec --user 0 "$WORD" /bin/sh -c 'cat /proc/self/uid_map')" = \
                "$(printf '%10u %10u %10u' 0 100000 65536)" ]
}

@test "oom_score_adj below the caller's is raised to it where the right is missing" {
        [ $((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1)) = 0 ] || skip "CAP_SYS_RESOURCE is there"
        config '.process.oomScoreAdj = -500'
        both oom
        is "oom $(cat /proc/self/oom_score_adj)"
        run oci explain --bundle "$BUNDLE"
        [[ $output == *"/process/oomScoreAdj: -500 raised to"* ]]
}

@test "rlimits: all sixteen; one above the host's is lowered" {
        config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99},
                {"type": "RLIMIT_CORE", "soft": 0, "hard": 4096}, {"type": "RLIMIT_RTTIME", "soft": 1000000, "hard": 2000000}]'
        both rlimit7 rlimit4 rlimit15
        is $'rlimit4 0 4096\nrlimit7 77 99\nrlimit15 1000000 2000000'
        [ $((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1)) = 0 ] || return 0
        config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99999999}]'
        both rlimit7
        is "rlimit7 77 $(ulimit -Hn)"
}

@test "sysctls: both spellings, and only what is the container's own" {
        config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/conf/lo/forwarding": "0",
                "kernel.shmmni": "77", "fs.mqueue.msg_max": "20", "kernel.domainname": "a.b"}'
        script 'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/shmmni fs/mqueue/msg_max kernel/domainname'
        run oci run --bundle "$BUNDLE" "$WORD"
        is $'1\n0\n77\n20\na.b'
        config '.linux.sysctl = {"kernel.domainname": "a.b"} | .linux.namespaces |= map(select(.type != "uts")) | del(.hostname)'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/sysctl/kernel.domainname"*"uts namespace"* ]]
}

has_landlock() {
        run oci explain --bundle "$BUNDLE" --format json
        [ "$status" = 0 ]
}

# landlock RULES
landlock() {
        config --arg rules "$1" '.annotations = {"dev.husk.landlock": $rules} | .root.readonly = false'
        has_landlock || skip "this kernel's Landlock has not all of: $1"
}

@test "Landlock: files; the rest of the tree is as if it were not there" {
        local nnp
        mkdir -p "$BUNDLE/rootfs/data" "$BUNDLE/rootfs/secret"
        echo open >"$BUNDLE/rootfs/data/file"
        echo closed >"$BUNDLE/rootfs/secret/file"
        chmod 777 "$BUNDLE/rootfs/secret"
        ln -s /data "$BUNDLE/rootfs/link"
        landlock $'exec:/bin; rw:/tmp\nro:/link; rw:/dev/null; ro?:/nowhere'
        for nnp in true false; do
                config --argjson nnp $nnp '.process.noNewPrivileges = $nnp | .process.user = {"uid": 1000, "gid": 1000}'
                script 'cat /data/file; cat /secret/file; echo x >/tmp/new && cat /tmp/new
                        echo x >/data/new; cp /bin/busybox /tmp/sh; /tmp/sh true; ls /; : >/dev/null && echo end'
                run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
                is $'open\nx\nend'
                rm -f "$BUNDLE/rootfs/tmp/"*
        done
        # who joins is as restricted
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        run --separate-stderr oci exec "$WORD" sh -c 'cat /data/file; cat /secret/file; echo x >/data/new'
        is open
        [ ! -e "$BUNDLE/rootfs/data/new" ]
}

@test "Landlock: a path leads nowhere but into the container's root" {
        mkdir -p "$BUNDLE/rootfs/inner"
        echo in >"$BUNDLE/rootfs/inner/file"
        ln -s ../../../../../../../../../inner "$BUNDLE/rootfs/up"
        landlock 'exec:/bin;ro:/up'
        script 'cat /inner/file'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        is in
        landlock 'exec:/bin;ro:/not/there'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/annotations/dev.husk.landlock"*"/not/there"*"'?'"* ]]
}

@test "Landlock: TCP ports" {
        ln -sf busybox "$BUNDLE/rootfs/bin/nc"
        landlock 'bind:8080;connect:8081'
        # allowed: the listener waits; refused: it ends at once. Connecting: nobody listens, or denied
        script 'timeout 1 nc -l -p 8080 </dev/null >/dev/null 2>&1; echo $?
                nc -l -p 8082 2>&1 </dev/null | grep -o "Permission denied"
                nc -w 1 127.0.0.1 8081 2>&1 </dev/null | grep -o "refused"
                nc -w 1 127.0.0.1 8080 2>&1 </dev/null | grep -o "Permission denied"'
        ln -sf busybox "$BUNDLE/rootfs/bin/timeout"
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        is $'143\nPermission denied\nrefused\nPermission denied'
        # files are free as long as no rule is about them
        landlock 'connect:none'
        script 'echo x >/tmp/new; nc -w 1 127.0.0.1 8081 2>&1 </dev/null | grep -o "Permission denied"; nc -l -p 8082 -w 1 2>&1 </dev/null | grep -o denied; cat /tmp/new'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        is $'Permission denied\nx'
}

@test "labels: refused where no security module gives them" {
        [ ! -e /sys/module/apparmor/parameters/enabled ] || skip "AppArmor is here: oci_apparmor.bats"
        config '.process.apparmorProfile = "docker-default"'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/process/apparmorProfile"*"not enabled"* ]]
        config '.process.apparmorProfile = "unconfined" | .process.selinuxLabel = "u:r:t:s0"'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/process/selinuxLabel"*"not enabled"* ]]
        config 'del(.process.selinuxLabel)'
        script 'echo runs'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        is runs
}
