#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: capabilities, no-new-privileges, seccomp, cgroup limits, networks.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

caps() { husk run --rm "$@" host sed -n 's/^Cap\(Eff\|Bnd\):\t0*//p' /proc/self/status | uniq; }

@test 'capabilities: the default, added, dropped, all, none' {
        same "$(caps)" 800405fb
        same "$(caps --cap-add NET_ADMIN)" 800415fb
        same "$(caps --cap-add cap_net_admin --cap-add Sys_Time)" 820415fb
        same "$(caps --cap-drop CHOWN --cap-drop cap_kill)" 800405da
        same "$(caps --cap-drop ALL)" ''
        same "$(caps --cap-drop ALL --cap-add CHOWN)" 1
        same "$(caps --cap-add ALL)" "$(sed -n 's/^CapEff:\t0*//p' /proc/self/status)"
        run -125 husk run --rm --cap-add FLY host true
        has "$output" "unknown capability 'FLY'"
}

@test 'a user other than root has no effective capabilities, and no way to more' {
        run -0 husk run --rm --user 1000 --cap-add SYS_ADMIN host grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status
        same "$(awk '{ print $2 }' <<<"$output" | sort -u)" 0000000000000000
}

@test '--security-opt no-new-privileges' {
        run -0 husk run --rm host grep ^NoNewPrivs /proc/self/status
        same "$output" $'NoNewPrivs:\t0'
        run -0 husk run --rm --security-opt no-new-privileges host grep ^NoNewPrivs /proc/self/status
        same "$output" $'NoNewPrivs:\t1'
        run -125 husk run --rm --security-opt no-such-option host true
}

@test 'seccomp: the default profile, none, a file, a bad file' {
        run -0 husk run --rm host grep ^Seccomp: /proc/self/status
        same "$output" $'Seccomp:\t2'
        run -0 husk run --rm --security-opt seccomp=unconfined host grep ^Seccomp: /proc/self/status
        same "$output" $'Seccomp:\t0'
        cat >"$box/profile" <<'P'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [ { "names": [ "mkdir", "mkdirat" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 } ] }
P
        run -1 husk run --rm --security-opt seccomp="$box/profile" host mkdir /there
        has "$output" 'No space left on device'
        id=$(husk run -d --security-opt seccomp="$box/profile" host sleep 1000)
        run -1 husk exec "$id" mkdir /there
        has "$output" 'No space left on device'
        husk rm -f "$id"
        printf '{\n  "defaultAction": oops\n}' >"$box/profile"
        run -125 husk run --rm --security-opt seccomp="$box/profile" host true
        has "$output" "$box/profile"
        has "$output" 2:20
        printf '{ "defaultAction": "SCMP_ACT_NO_SUCH" }' >"$box/profile"
        run -125 husk run --rm --security-opt seccomp="$box/profile" host true
        has "$output" SCMP_ACT_NO_SUCH
        printf '{ "defaultAction": "SCMP_ACT_ALLOW" } }, "x": { "y": 1' >"$box/profile"
        run -125 husk run --rm --security-opt seccomp="$box/profile" host true
        printf 'null' >"$box/profile"
        run -125 husk run --rm --security-opt seccomp="$box/profile" host true
        run -125 husk run --rm --security-opt seccomp="$box/none" host true
        has "$output" "$box/none"
        nothing_left
}

@test '--memory: who wants more is killed' {
        needs_controllers memory
        run -137 husk run --rm --memory 64m host tail /dev/zero
        run -0 husk run --rm --memory 64m host sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes \
                /sys/fs/cgroup/memory.max 2>/dev/null || :'
        same "$output" $((64 << 20))
        run -125 husk run --rm --memory lots host true
        nothing_left
}

@test 'a container that the kernel killed in for want of memory is said to be so' {
        needs_controllers memory
        run -137 husk run --name "oom$$" --memory 64m host tail /dev/zero
        run -0 husk inspect "oom$$"
        same "$(jq -c '.[0].State | [.ExitCode, .OOMKilled]' <<<"$output")" '[137,true]'
        husk rm "oom$$"
        husk run --name "oom$$" --memory 64m host sh -c 'exit 137' || :
        run -0 husk inspect "oom$$"
        same "$(jq -c '.[0].State | [.ExitCode, .OOMKilled]' <<<"$output")" '[137,false]'
        husk rm "oom$$"
}

@test '--memory 512k starts' {
        needs_controllers memory
        run -0 husk run --rm --memory 512k host true
        run -0 husk run --rm --memory 512k host cat /proc/self/cgroup
}

@test '--cpus' {
        needs_controllers cpu
        run -0 husk run --rm --cpus 0.5 host sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us \
                /sys/fs/cgroup/cpu.max 2>/dev/null || :'
        [[ $output =~ ^50000( 100000)?$ ]]
}

@test '--pids-limit' {
        needs_controllers pids
        fork='for $n (1 .. 9) { $p = fork; defined $p or print("$n: $!\n"), exit; $p or sleep(20), exit }'
        run -0 husk run --rm --pids-limit 5 host perl -e "$fork"
        same "$output" '5: Resource temporarily unavailable'
        run -0 husk run --rm --pids-limit -1 host true
        nothing_left
}

@test '--network none, host, unknown' {
        run -0 husk run --rm host cat /proc/net/dev
        same "$(awk -F: 'NR > 2 { print $1 }' <<<"$output" | tr -d ' ' | grep -vxE '(tunl0|sit0|ip6tnl0|gre.*|erspan.*|ip.*vti.*|ip6.*)')" lo
        [ "$(husk run --rm host readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ]
        same "$(husk run --rm --network host host readlink /proc/self/ns/net)" \
                "$(readlink /proc/self/ns/net)"
        run -125 husk run --rm --network no-such host true
        nothing_left
}

@test 'the loopback of --network none works' {
        run -0 husk run --rm host perl -MIO::Socket::INET -e '
                $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die "listen: $!";
                IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport) or die;
                print "connected\n"'
        same "$output" connected
}

@test 'kernel settings and files of the host cannot be changed' {
        run -0 husk run --rm host sh -c '
                (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null && echo changed core_pattern
                (echo b >/proc/sysrq-trigger) 2>/dev/null && echo changed sysrq
                (: >>/sys/kernel/uevent_helper) 2>/dev/null && echo opened uevent_helper
                cat /proc/kcore 2>/dev/null | head -c 1
                cat /proc/keys 2>/dev/null
                echo "at the end"'
        same "$output" 'at the end'
}
