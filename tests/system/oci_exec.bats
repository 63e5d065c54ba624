#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One more process in a running container: as confined as the first, field by field.

load helper
setup() {
        begin
        script 'sleep 1000'
}
teardown() { finish; }

up() {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
}

# What confines a process, as /proc shows it for it.
confinement() {
        grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Umask):' "$1"
}

@test "the second process is as confined as the first" {
        config '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 23} |
                .process.capabilities |= {"bounding": ["CAP_KILL", "CAP_CHOWN"],
                        "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"],
                        "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]} |
                .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}]'
        for nnp in true false; do
                for seccomp in null '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'; do
                        config --argjson nnp "$nnp" --argjson seccomp "$seccomp" \
                                '.process.noNewPrivileges = $nnp | if $seccomp then .linux.seccomp = $seccomp else del(.linux.seccomp) end'
                        up
                        oci exec "$WORD" cat /proc/self/status >"$BUNDLE/status"
                        diff <(confinement "/proc/$(pid_of "$WORD")/status") <(confinement "$BUNDLE/status")
                        oci exec "$WORD" cat /proc/self/limits >"$BUNDLE/limits"
                        diff "/proc/$(pid_of "$WORD")/limits" "$BUNDLE/limits"
                        oci delete --force "$WORD"
                done
        done
}

@test "it is in the same namespaces and cgroups" {
        up
        pid=$(pid_of "$WORD")
        oci exec "$WORD" sh -c 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done' >"$BUNDLE/out"
        diff <(for n in cgroup ipc mnt net pid user uts; do readlink "/proc/$pid/ns/$n"; done) "$BUNDLE/out"
        oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" sleep 1000 >/dev/null 2>&1
        other=$(cat "$BUNDLE/pid")
        diff "/proc/$pid/cgroup" "/proc/$other/cgroup"
}

@test "the cgroup is the container's, wherever exec is called from" {
        up
        pid=$(pid_of "$WORD")
        # another cgroup in every hierarchy, so that "here" means something else
        for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
                [ -e "$root/cgroup.procs" ] || continue
                mkdir -p "$root/$WORD.caller" 2>/dev/null || continue
                case $root in
                */cpuset) cat "$root/cpuset.cpus" >"$root/$WORD.caller/cpuset.cpus"
                        cat "$root/cpuset.mems" >"$root/$WORD.caller/cpuset.mems" ;;
                esac
        done
        (
                for at in /sys/fs/cgroup/"$WORD.caller" /sys/fs/cgroup/*/"$WORD.caller"; do
                        [ ! -d "$at" ] || echo "$BASHPID" >"$at/cgroup.procs"
                done
                oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" sleep 1000 >/dev/null 2>&1
        ) || echo "exec failed" >"$BUNDLE/failed"
        for at in /sys/fs/cgroup/"$WORD.caller" /sys/fs/cgroup/*/"$WORD.caller"; do
                [ ! -d "$at" ] || eventually 10 rmdir "$at"
        done
        [ ! -e "$BUNDLE/failed" ]
        diff "/proc/$pid/cgroup" "/proc/$(cat "$BUNDLE/pid")/cgroup"
}

@test "exit codes" {
        up
        oci exec "$WORD" true
        run -1 oci exec "$WORD" false
        run -42 oci exec "$WORD" sh -c 'exit 42'
        run -137 oci exec "$WORD" sh -c 'kill -KILL $$'
        run -127 oci exec "$WORD" /not/there
        run -127 oci exec "$WORD" not-in-path
        run -126 oci exec "$WORD" /etc
        [ "$(status_of "$WORD")" = running ]
}

@test "stdin, stdout, stderr" {
        up
        run --separate-stderr oci exec "$WORD" sh -c 'cat; echo err >&2' <<<"words"
        [ "$status" = 0 ]
        [ "$output" = words ]
        [ "$stderr" = err ]
}

@test "--user, --additional-gids, --cwd, --env, --cap, --no-new-privs" {
        config '.process.noNewPrivileges = false'
        up
        [ "$(oci exec --user 12:34 "$WORD" sh -c 'id -u; id -g' | xargs)" = "12 34" ]
        [ "$(oci exec --user 12 "$WORD" id -u)" = 12 ]
        [ "$(oci exec -g 7 -g 8 "$WORD" grep Groups: /proc/self/status | xargs)" = "Groups: 7 8" ]
        [ "$(oci exec --cwd /etc "$WORD" pwd)" = /etc ]
        [ "$(oci exec --env A=1 -e "B=x y" "$WORD" sh -c 'echo "$A $B $PATH"')" = \
                "1 x y /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ]
        [ "$(oci exec --cap CAP_CHOWN "$WORD" grep CapEff /proc/self/status | xargs)" = "CapEff: 0000000020000421" ]
        [ "$(oci exec --no-new-privs "$WORD" grep NoNew /proc/self/status | xargs)" = "NoNewPrivs: 1" ]
        [ "$(oci exec "$WORD" grep NoNew /proc/self/status | xargs)" = "NoNewPrivs: 0" ]
        for user in nobody -1 1:x 4294967295 ''; do
                run ! oci exec --user "$user" "$WORD" id
        done
}

@test "--process FILE" {
        up
        cat >"$BUNDLE/process.json" <<'END'
{"args": ["/bin/sh", "-c", "id -u; pwd; env"], "cwd": "/etc", "env": ["ONLY=this"],
 "user": {"uid": 5, "gid": 6}}
END
        run oci exec --process "$BUNDLE/process.json" "$WORD"
        [ "$status" = 0 ]
        [ "${lines[0]}" = 5 ]
        [ "${lines[1]}" = /etc ]
        [[ $output == *ONLY=this* ]]
        [[ $output != *TERM=* ]]
        echo '{"args": []}' >"$BUNDLE/process.json"
        run ! oci exec --process "$BUNDLE/process.json" "$WORD"
        echo '{"args": ["true"], "cwd": 5}' >"$BUNDLE/process.json"
        run --separate-stderr oci exec --process "$BUNDLE/process.json" "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"/cwd"* ]]
}

@test "--detach and --pid-file" {
        up
        oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" sleep 1000 >/dev/null 2>&1
        pid=$(cat "$BUNDLE/pid")
        [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 1000 " ]
        oci delete --force "$WORD"
        gone "$pid"
}

@test "only descriptors 0, 1, 2 go in" {
        up
        [ "$(oci exec "$WORD" sh -c 'ls /proc/self/fd | wc -l' 7</etc/hostname 9</ </dev/null)" = 4 ]
}

@test "oom_score_adj is the container's" {
        config '.process.oomScoreAdj = 444'
        up
        [ "$(oci exec "$WORD" cat /proc/self/oom_score_adj)" = 444 ]
}

@test "--tty gives it a terminal" {
        up
        run on_terminal "exec --tty $WORD sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; exit 5'"
        [ "$status" = 5 ]
        [[ ${lines[0]} == /dev/pts/[0-9]* ]]
        [ "${lines[1]}" = all ]
        [ "$(on_terminal "exec --tty $WORD true; stty rows 44 cols 102; $HUSK_OCI --root $ROOT exec --tty $WORD stty size")" = "44 102" ]
}

@test "not in a stopped container, nor in none" {
        script 'exit 0'
        up
        eventually 20 stopped "$WORD"
        run --separate-stderr oci exec "$WORD" true
        [ "$status" != 0 ]
        [[ $stderr == *"not running"* ]]
        run ! oci exec "$WORD.none" true
}

@test "in a created container, too" {
        oci create --bundle "$BUNDLE" "$WORD"
        oci exec "$WORD" true
        [ "$(status_of "$WORD")" = created ]
}

@test "a limit of processes counts them, and nobody of husk's" {
        local none='del(.linux.seccomp) | .process.noNewPrivileges = false' uid=54321
        local filter='.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
        for how in "$none" "$none | .process.noNewPrivileges = true" "$filter"; do
                uid=$((uid + 1)) # nobody else's on this host, nor a zombie's
                config --argjson uid "$uid" '.process.user = {"uid": $uid, "gid": $uid} | .process.args = ["sleep", "1000"]
                        | .process.rlimits = [{"type": "RLIMIT_NPROC", "soft": 3, "hard": 4}]'
                config "$how"
                up
                oci exec --detach "$WORD" sleep 1000 >/dev/null 2>&1
                run -0 oci exec "$WORD" sh -c 'ulimit -u; ulimit -Hu'
                [ "${lines[*]}" = '3 4' ]
                oci exec --detach "$WORD" sleep 1000 >/dev/null 2>&1
                run -255 oci exec "$WORD" true
                [[ $output == *"RLIMIT_NPROC"* ]]
                oci delete --force "$WORD"
        done
}

# What the process that is born last says and does is little: a filter may forbid all else.
@test "behind a filter that forbids setsid, sendmsg and pidfd_open" {
        config '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["setsid", "getsid", "sendmsg", "pidfd_open"], "action": "SCMP_ACT_ERRNO"}]}'
        up
        run -7 oci exec "$WORD" sh -c 'exit 7'
        [ -z "$output" ]
        run -127 oci exec "$WORD" /none
        [[ $output == *'/none'*'No such file or directory'* ]]
        # A session of its own, or of husk's that has ended, never the caller's.
        run -0 oci exec "$WORD" sh -c 'set -- $(cat /proc/self/stat); echo $6'
        [ "$output" = 0 ]
        oci exec --detach --pid-file "$BUNDLE/pid" "$WORD" sleep 1000 >/dev/null 2>&1
        [ "$(cut -d' ' -f6 "/proc/$(cat "$BUNDLE/pid")/stat")" != "$(cut -d' ' -f6 /proc/self/stat)" ]
}
