#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: what the profiles `default` and `nesting` and docker's form of a profile let through, by
# calls from inside (tests/probes/calls.c).

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}

setup() {
        engine_setup
        [ -x "$PROBES/probe_calls" ] || skip "there are no probes in $PROBES (make dev)"
        [ "$(uname -m)" = x86_64 ] || skip 'the numbers of the calls are those of x86-64'
        cp "$PROBES/probe_calls" "$host/calls"
}

# Numbers: 41 socket, 135 personality, 155 pivot_root, 165 mount, 248 add_key, 250 keyctl,
# 272 unshare, 308 setns, 321 bpf, 323 userfaultfd, 425 io_uring_setup, 430 fsopen, 435 clone3.
@test 'default: dangers are EPERM, what is newer than the table ENOSYS' {
        run -0 husk run --rm host "$host/calls" 41,38,5,0 41,40,1,0 0x29,0x100000026,5,0 155 165 248 \
                250 272,0x10000000 272,0x80 308 321 323 425 430 135,0x40000
        for line in "${lines[@]}"; do has "$line" ': -1'; done
        run -0 husk run --rm host "$host/calls" 435 480 999
        same "${lines[*]}" '435: -38 480: -38 999: -38'
        run -0 husk run --rm host "$host/calls" 272,0 135,0 135,0xffffffff 41,2,1 41,16,3,0
        same "${lines[*]}" '272,0: 0 135,0: 0 135,0xffffffff: 0 41,2,1: 3 41,16,3,0: 4'
        nothing_left
}

@test 'default: neither i386 nor x32 calls' {
        run -159 husk run --rm host "$host/calls" i386:20
        same "$output" ''
        run -159 husk run --rm host "$host/calls" x32:39
        same "$output" ''
        nothing_left
}

@test 'default: classes follow the capabilities' {
        run -0 husk run --rm --cap-add SYS_ADMIN host "$host/calls" 321,999 250,999 425,1
        same "${lines[*]}" '321,999: -22 250,999: -1 425,1: -1'
        run -0 husk run --rm --cap-drop ALL host "$host/calls" 161,0
        same "$output" '161,0: -1'
        nothing_left
}

@test 'nesting: namespaces and mounts of its own, and no more dangers' {
        run -0 husk run --rm --security-opt seccomp=nesting host "$host/calls" 250,999 321 323 425 \
                41,38,5,0 41,40,1,0
        same "${lines[*]}" '250,999: -95 321: -1 323: -1 425: -1 41,38,5,0: -1 41,40,1,0: -1'
        run -0 husk run --rm --security-opt seccomp=nesting host unshare -Urmpf \
                sh -c 'mount -t tmpfs none /mnt && touch /mnt/x && echo $(id -u) $$ $(ls /mnt)'
        same "$output" '0 1 x'
        id=$(husk run -d --security-opt seccomp=nesting host sleep 1000)
        run -0 husk exec "$id" unshare -Ur id -u
        same "$output" 0
        husk rm -f "$id"
        nothing_left
}

@test "docker's form of a profile: conditions are resolved for the container" {
        cat >"$box/profile" <<'P'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [ { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [ "SCMP_ARCH_X86" ] } ],
  "syscalls": [
    { "names": [ "getppid" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 11, "comment": "",
      "excludes": { "caps": [ "CAP_SYS_PTRACE" ] } },
    { "names": [ "getpgrp" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 12,
      "includes": { "caps": [ "CAP_SYS_PTRACE" ], "arches": [ "amd64" ], "minKernel": "4.8" } } ] }
P
        run -0 husk run --rm --security-opt seccomp="$box/profile" host "$host/calls" 110 i386:64
        same "${lines[*]}" '110: -11 i386:64: -11'
        run -0 husk run --rm --security-opt seccomp="$box/profile" --cap-add SYS_PTRACE host \
                "$host/calls" 111 i386:65
        same "${lines[*]}" '111: -12 i386:65: -12'
        id=$(husk run -d --security-opt seccomp="$box/profile" host sleep 1000)
        run -0 husk exec "$id" "$host/calls" 110
        same "$output" '110: -11'
        husk rm -f "$id"
        nothing_left
}
