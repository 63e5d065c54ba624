#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# seccomp on this kernel: every action, condition, entry and flag does what the profile says, in a
# live container; NOTIFY reaches an agent. The calls are made by a probe (tests/probes/calls.c).

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load helper

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}

setup() {
        [ -x "$PROBES/probe_calls" ] || skip "there are no probes in $PROBES (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip 'the numbers of the calls are those of x86-64'
        begin
        cp "$PROBES/probe_calls" "$BUNDLE/rootfs/bin/calls"
        cd "$BUNDLE" || return
        agent=
}
teardown() {
        [ -z "${agent:-}" ] || kill "$agent"
        [ -z "${WORD:-}" ] || finish
}

# profile JSON: rules for linux.seccomp, allowing all else
profile() {
        config '.process.noNewPrivileges = true |
                .linux.seccomp = ({"defaultAction": "SCMP_ACT_ALLOW"} + '"$1"')'
}

# calls WORDS: run the probe in the container
calls() {
        config --arg words "$*" '.process.args = ["/bin/calls"] + ($words | split(" "))'
        run oci run "$WORD"
        echo "# $status: $output"
}

# rule NAME ACTION [MORE]: one rule as JSON
rule() {
        printf '{"names": ["%s"], "action": "SCMP_ACT_%s"%s}' "$1" "$2" "${3:+, $3}"
}

@test "ERRNO, ALLOW, TRACE, LOG and TRAP let the program live" {
        profile '{"syscalls": ['"$(rule getpid ERRNO '"errnoRet": 42'), $(rule getppid ERRNO),
                $(rule getuid TRACE '"errnoRet": 7'), $(rule getgid LOG), $(rule geteuid TRAP),
                $(rule getegid ERRNO '"errnoRet": 0')"']}'
        calls 39 110 102 104 107 108
        [ "$status" = 0 ]
        [ "${lines[0]}" = '39: -42' ]
        [ "${lines[1]}" = '110: -1' ]
        [ "${lines[2]}" = '102: -38' ] # nobody traces
        [ "${lines[3]}" = '104: 0' ]
        [ "${lines[4]}" = '107: SIGSYS 107 errno 0 arch c000003e' ]
        [ "${lines[5]}" = '108: 0' ]
        profile '{"defaultAction": "SCMP_ACT_LOG"}'
        calls 39
        [ "$output" = '39: 1' ]
}

@test "KILL, KILL_THREAD and KILL_PROCESS end it with SIGSYS" {
        for action in KILL KILL_THREAD KILL_PROCESS; do
                profile '{"syscalls": ['"$(rule getpid $action)"']}'
                calls 110 39 110
                [ "$status" = 159 ]
                [ "$output" = '110: 0' ]
        done
}

@test "conditions: all of a rule, any of the rules, one argument twice, masks" {
        profile '{"syscalls": [
                {"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 11, "args": [
                        {"index": 0, "op": "SCMP_CMP_EQ", "value": 5},
                        {"index": 1, "op": "SCMP_CMP_GT", "value": 4294967296}]},
                {"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 11, "args": [
                        {"index": 2, "op": "SCMP_CMP_MASKED_EQ", "value": 240, "valueTwo": 80}]},
                {"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 12, "args": [
                        {"index": 0, "op": "SCMP_CMP_EQ", "value": 1},
                        {"index": 0, "op": "SCMP_CMP_EQ", "value": 2}]}]}'
        calls 39,5,4294967297 39,5,4294967296 39,4,4294967297 39,0,0,0x1255 39,0,0,0x1265 \
                110,1 110,2 110,3
        [ "$status" = 0 ]
        [ "${lines[*]}" = '39,5,4294967297: -11 39,5,4294967296: 1 39,4,4294967297: 1 39,0,0,0x1255: -11 39,0,0,0x1265: 1 110,1: -12 110,2: -12 110,3: 0' ]
}

@test "calls newer than the profile's newest are ENOSYS, when its default refuses" {
        profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ['"$(rule openat2 ERRNO)"']}'
        calls 437 998
        [ "${lines[0]}" = '437: -1' ]
        [ "${lines[1]}" = '998: -38' ] # the kernel itself has none
        config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 99, "syscalls": [{"action":
                "SCMP_ACT_ALLOW", "names": ["execve", "brk", "arch_prctl", "set_tid_address", "read",
                "set_robust_list", "rseq", "prlimit64", "readlinkat", "readlink", "getrandom", "fstat",
                "mprotect", "rt_sigaction", "mmap", "write", "newfstatat", "exit_group", "uname", "openat2"]}]}'
        calls 39 436 438 998
        [ "$status" = 0 ]
        [ "${lines[*]}" = '39: -99 436: -99 438: -38 998: -38' ]
}

@test "i386 and x32 entry: killed when not listed, ruled when listed" {
        profile '{"syscalls": ['"$(rule getpid ERRNO '"errnoRet": 42')"']}'
        calls 39 i386:64
        [ "$status" = 159 ]
        calls 39 x32:110
        [ "$status" = 159 ]
        [ "$output" = '39: -42' ]
        profile '{"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": ['"$(
                rule getpid ERRNO '"errnoRet": 42'), $(rule socket ERRNO '"errnoRet": 43')"']}'
        calls 39 i386:20 x32:39 i386:64 i386:359,2,1 i386:102,1,@2 41,2,1 i386:102,13,@9999
        [ "$status" = 0 ]
        [ "${lines[*]}" = '39: -42 i386:20: -42 x32:39: -42 i386:64: 0 i386:359,2,1: -43 i386:102,1,@2: -43 41,2,1: -43 i386:102,13,@9999: -9' ]
}

@test "flags: all that the specification has; others are refused" {
        profile '{"flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
                "syscalls": ['"$(rule getpid ERRNO '"errnoRet": 42')"']}'
        calls 39
        [ "${lines[0]}" = '39: -42' ]
        [[ ${lines[1]} == 'husk-oci: warning: /linux/seccomp/flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for'* ]]
        run -0 "$HUSK_OCI" explain
        [[ $output == *'load_seccomp'*'flags=0x6'* ]]
        [[ $output == *'/linux/seccomp/flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for'* ]]
        profile '{"flags": ["SECCOMP_FILTER_FLAG_FAST"]}'
        run --separate-stderr oci run "$WORD"
        refused
        [[ $stderr == */linux/seccomp/flags*SECCOMP_FILTER_FLAG_FAST* ]]
}

@test "bad profiles: where and why" {
        local bad
        while IFS='|' read -r bad words; do
                profile "$bad"
                run --separate-stderr oci run "$WORD"
                echo "# $stderr"
                refused
                [[ $stderr == *"$words"* ]]
        done <<'END'
{"syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "errnoRet": 5}]}|/linux/seccomp/syscalls/0/errnoRet: 5 does not go with SCMP_ACT_ALLOW
{"syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}]}|/linux/seccomp/syscalls/0/errnoRet: 4096 does not go with SCMP_ACT_ERRNO
{"defaultErrnoRet": 5}|/linux/seccomp/defaultErrnoRet: 5 does not go with SCMP_ACT_ALLOW
{"syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}|/linux/seccomp/syscalls/0/names
{"syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "op": "SCMP_CMP_EQ", "value": 1}]}]}|/linux/seccomp/syscalls/0/args/0/index: 6
{"syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_NOTIFY"}]}|/linux/seccomp/listenerPath: missing
{"listenerMetadata": "x"}|/linux/seccomp/listenerMetadata: must not be set without listenerPath
{"architectures": ["SCMP_ARCH_Z80"]}|/linux/seccomp/architectures
END
}

# ---- NOTIFY ----

# start_agent ERRNO: in the background; its notes are in $BUNDLE/notes
start_agent() {
        "$PROBES/probe_seccomp_agent" "$BUNDLE/agent" "$BUNDLE/notes" "$1" 3>&- &
        agent=$!
        eventually 20 test -S "$BUNDLE/agent"
}

notify() {
        profile '{"listenerPath": "'"$BUNDLE"'/agent", "listenerMetadata": "MKDIR=@\"no\"",
                "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "syscalls": ['"$(rule "${1:-mkdir}" NOTIFY)"']}'
        config '.annotations = {"org.example.a": "\"@"} | .root.readonly = false'
}

@test "NOTIFY: run: the agent gets the listener and the state, and answers" {
        start_agent 77
        notify
        calls 83,@,0 39
        [ "${lines[*]}" = '83,@,0: -77 39: 1' ]
        [ "$(jq -c '[.ociVersion, .fds, .metadata, .state.id, .state.status, .state.bundle, .state.annotations, .pid == .state.pid, .pid > 1]' notes)" = \
                "$(jq -nc --arg id "$WORD" --arg b "$BUNDLE" --slurpfile c config.json '[$c[0].ociVersion, ["seccompFd"], "MKDIR=@\"no\"", $id, "creating", $b, {"org.example.a": "\"@"}, true, true]')" ]
}

@test "NOTIFY: create and start, exec; nobody in the container has the listener" {
        local pid
        for nnp in true false; do
                [ -z "$agent" ] || kill "$agent"
                rm -f agent notes
                start_agent 77
                notify
                config --argjson nnp $nnp '.process.noNewPrivileges = $nnp'
                script 'sleep 1000'
                oci create "$WORD" </dev/null >/dev/null 2>&1 3>&-
                pid=$(pid_of "$WORD")
                [[ $(ls -l "/proc/$pid/fd") != *seccomp* ]]
                [ "$(jq .pid notes)" = "$pid" ]
                oci start "$WORD"
                eventually 20 running "$WORD"
                run -0 oci exec "$WORD" /bin/calls 83,@,0 39
                [[ ${lines[0]} == '83,@,0: -77' ]]
                run -0 oci exec "$WORD" sh -c 'ls -l /proc/self/fd/ /proc/1/fd/'
                [[ $output != *seccomp* ]]
                [ "$(jq -sc 'map([.state.status, .state.pid])' notes)" = \
                        "[[\"creating\",$pid],[\"running\",$pid],[\"running\",$pid]]" ]
                [ "$(jq -s 'map(.pid) | unique | length' notes)" = 3 ]
                oci delete --force "$WORD"
        done
}

@test "NOTIFY: whatever is asked about, the set-up gets through" {
        start_agent 0
        for name in sendmsg recvmsg close execve accept4; do
                notify $name
                calls 39
                [ "$output" = '39: 1' ]
        done
        profile '{"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "agent"}'
        calls 39
        [ "$output" = '39: 1' ]
        config '.process.noNewPrivileges = false | .process.user = {"uid": 1000, "gid": 1000}'
        calls 39 102
        [ "${lines[*]}" = '39: 1 102: 1000' ]
}

@test "NOTIFY: nobody listens: one clear error, nothing left; a path as long as they come" {
        local long
        notify
        run --separate-stderr oci run "$WORD"
        refused
        [[ $stderr == *"/linux/seccomp/listenerPath (send_listener): cannot connect to the seccomp agent at $BUNDLE/agent: No such file"* ]]
        [[ $stderr == *'hint: the seccomp agent has to listen'* ]]
        start_agent 77
        long=$BUNDLE/$(printf 'a%.0s' {1..200})
        mkdir "$long"
        ln "$BUNDLE/agent" "$long/agent"
        config --arg path "$long/agent" '.linux.seccomp.listenerPath = $path'
        calls 83,@,0
        [ "$output" = '83,@,0: -77' ]
        profile '{"listenerPath": "/nobody", "syscalls": ['"$(rule mkdir ERRNO)"']}'
        calls 83,@,0
        [ "${lines[0]}" = '83,@,0: -1' ]
        [[ ${lines[1]} == 'husk-oci: warning: /linux/seccomp/listenerPath: nobody is told'* ]]
}
