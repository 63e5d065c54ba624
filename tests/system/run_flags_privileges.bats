#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: --privileged, --security-opt, and `husk exec --privileged`, seen from inside.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

status() { sed -n "s/^$1:\t0*//p" /proc/self/status; }

@test '--privileged: capabilities, no filter, devices, nothing masked, sysfs to be written' {
        run -0 husk run --rm --privileged host grep -E '^(CapEff|Seccomp):' /proc/self/status
        same "$output" "CapEff:	$(awk '/^CapEff/ { print $2 }' /proc/self/status)
Seccomp:	0"
        run -0 husk run --rm --privileged host sh -c 'ls /dev/full /dev/loop-control /dev/tty1 2>&1; grep -c . /proc/timer_list >/dev/null && echo open'
        for device in /dev/full /dev/loop-control; do
                [ ! -e "$device" ] || has "$output" "$device"
        done
        run -0 husk run --rm --privileged host cat /proc/self/mountinfo
        not grep -E ' /proc/(sys|keys|bus) ' <<<"$output"
        has "$(awk '$5 == "/sys" { print $6 }' <<<"$output")" rw
        run -0 husk run --rm host cat /proc/self/mountinfo
        grep -qE ' /proc/sys ' <<<"$output"
        has "$(awk '$5 == "/sys" { print $6 }' <<<"$output")" ro
}

@test '--privileged is a default: what is said beside it counts' {
        run -0 husk run --rm --privileged --security-opt seccomp=default --cap-drop ALL host grep -E '^(CapEff|Seccomp):' /proc/self/status
        same "$output" $'CapEff:\t0000000000000000\nSeccomp:\t2'
}

@test '--security-opt: profiles by name, systempaths, unmask, mask' {
        same "$(husk run --rm --security-opt seccomp=nesting host sed -n 's/^Seccomp:\t//p' /proc/self/status)" 2
        run -0 husk run --rm --security-opt systempaths=unconfined host cat /proc/self/mountinfo
        not grep -E ' /proc/(sys|keys|bus) ' <<<"$output"
        run -0 husk run --rm --security-opt unmask=/proc/sys host cat /proc/self/mountinfo
        not grep -E ' /proc/sys ' <<<"$output"
        grep -qE ' /proc/keys ' <<<"$output"
        mkdir "$host/secret"
        touch "$host/secret/file"
        same "$(husk run --rm host ls "$host/secret")" file
        same "$(husk run --rm --security-opt "mask=$host/secret" host ls "$host/secret")" ''
        run -125 husk run --rm --security-opt shiny=1 host true
        has "$output" "'shiny=1' is not a value for --security-opt"
}

@test '--security-opt writable-cgroups' {
        run -0 husk run --rm --security-opt writable-cgroups host grep ' /sys/fs/cgroup' /proc/self/mountinfo
        not grep -qE ' /sys/fs/cgroup/[a-z]+ ro,' <<<"$output"
        run -0 husk run --rm host grep ' /sys/fs/cgroup' /proc/self/mountinfo
        grep -qE ' /sys/fs/cgroup[a-z/,_]* ro,' <<<"$output"
}

@test 'writable-cgroups: where root can lift its limits a warning says so, in a user namespace it cannot' {
        needs_controllers pids
        local lift='cd /sys/fs/cgroup; [ ! -d pids ] || cd pids; echo max >pids.max; cat pids.max'
        open_way "$box"
        local writable=(husk run --rm --security-opt writable-cgroups)
        run -0 --separate-stderr "${writable[@]}" --pids-limit 10 host sh -c "$lift"
        if [ -e /sys/fs/cgroup/cgroup.controllers ] && grep -q ' - cgroup2 .*nsdelegate' /proc/self/mountinfo; then
                same "$output" 10
                not grep -q lift <<<"$stderr"
        else
                same "$output" max
                has "$stderr" 'warning: /linux/resources: root in the container can lift the limits'
        fi
        run -0 --separate-stderr "${writable[@]}" --pids-limit 10 --uidmap 0:100000:65536 host sh -c "$lift"
        same "$output" 10
        not grep -q lift <<<"$stderr"
        run -0 "${writable[@]}" host true
        same "$output" ''
        run -0 "${writable[@]}" --privileged --pids-limit 10 host true
        same "$output" ''
}

@test 'exec --privileged, and without' {
        id=$(husk run -d host sleep 1000)
        run -0 husk exec --privileged "$id" grep -E '^(CapEff|Seccomp):' /proc/self/status
        same "$output" "CapEff:	$(awk '/^CapEff/ { print $2 }' /proc/self/status)
Seccomp:	0"
        run -0 husk exec "$id" grep -E '^(CapEff|Seccomp):' /proc/self/status
        same "$output" $'CapEff:\t00000000800405fb\nSeccomp:\t2'
}

@test '--landlock: what a rule does not allow is denied, for exec too' {
        run husk run --rm --landlock exec:/ host true
        [ "$status" = 0 ] || skip "this kernel's Landlock: $output"
        run -1 husk run --rm --landlock exec:/ --landlock rw:/tmp host sh -c 'touch /tmp/x && touch /etc/x'
        has "$output" "cannot touch '/etc/x': Permission denied"
        id=$(husk run -d --landlock exec:/ --landlock rw:/tmp host sleep 1000)
        run -1 husk exec "$id" touch /etc/x
        run -125 husk run --rm --landlock flop:/ host true
        has "$output" 'the kinds are'
        run -125 husk run --rm --landlock usr host true
        has "$output" "'usr' is not a value for --landlock"
}
