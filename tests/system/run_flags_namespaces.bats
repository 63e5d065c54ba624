#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: --pid, --ipc, --uts, --network, --cgroupns, --userns, --time-offset, --sysctl: the
# namespaces that the program is in, compared with the host's and with other containers'.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

ns() { husk run --rm "${@:2}" host readlink "/proc/self/ns/$1"; }
differ() { [ "$1" != "$2" ] || { echo "both are $1" && return 1; }; }

@test 'private by default, the host'\''s with host' {
        for kind in pid ipc uts cgroup; do
                option=$kind
                [ $kind != cgroup ] || option=cgroupns
                differ "$(ns $kind)" "$(readlink /proc/self/ns/$kind)"
                same "$(ns $kind "--$option" host)" "$(readlink /proc/self/ns/$kind)"
        done
        differ "$(ns net)" "$(readlink /proc/self/ns/net)"
        same "$(ns net --network host)" "$(readlink /proc/self/ns/net)"
        same "$(ns user)" "$(readlink /proc/self/ns/user)"
        same "$(husk run --rm --uts host host hostname)" "$(hostname)"
        same "$(husk run --rm --pid host host cat "/proc/$$/comm")" "$(cat "/proc/$$/comm")"
}

@test 'container:NAME joins those of a running container' {
        husk run -d --name other host sleep 1000
        pid=$(pid_of other)
        for kind in pid ipc uts; do
                same "$(ns $kind "--$kind" container:other)" "$(readlink "/proc/$pid/ns/$kind")"
        done
        same "$(ns net --network container:other)" "$(readlink "/proc/$pid/ns/net")"
        same "$(ns cgroup --cgroupns container:other)" "$(readlink "/proc/$pid/ns/cgroup")"
        same "$(husk run --rm --pid container:other host cat /proc/1/comm)" sleep
        run -125 husk run --rm --uts container:other -h mine host true
        has "$output" '--hostname would change the name of others'
        husk kill other
        husk wait other
        run -125 husk run --rm --pid container:other host true
        has "$output" '--pid container:other: it is not running'
        run -125 husk run --rm --ipc container:nobody host true
        has "$output" "container 'nobody' does not exist"
}

@test '--ipc container:NAME: its /dev/shm, whatever it has put there' {
        husk run -d --name other host sh -c 'echo theirs >/dev/shm/word; exec sleep 1000'
        await husk exec other test -s /dev/shm/word
        run -0 --separate-stderr husk run --rm --ipc container:other host sh -c \
                'cat /dev/shm/word; echo ours >/dev/shm/word; awk '\''$5 == "/dev/shm" { print $6 }'\'' /proc/self/mountinfo'
        same "$output" $'theirs\nrw,nosuid,nodev,noexec,relatime'
        same "$stderr" ''
        same "$(husk exec other cat /dev/shm/word)" ours
        # One that shares it passes it on, and what is asked for by name comes first.
        husk run -d --name third --ipc container:other host sleep 1000
        same "$(husk run --rm --ipc container:third host cat /dev/shm/word)" ours
        run -1 husk run --rm --ipc container:other --tmpfs /dev/shm host test -e /dev/shm/word
        run -0 --separate-stderr husk run --rm --ipc container:other --shm-size 1m host true
        has "$stderr" '--shm-size has no effect'
        # The script that explains it has memory of its own, and says so.
        run -0 husk explain run --format shell --ipc container:other host true
        has "$output" '# husk: borrow_mount: '

        # Nothing there, and what only looks like it: a link to a file system of the host's, a directory
        # of a tmpfs, a file system that is none.
        for name in none link directory other-type; do
                case $name in
                none) words=(--ipc none host sleep 1000) ;;
                link) words=(--ipc none host sh -c 'ln -s /etc /dev/shm; exec sleep 1000') ;;
                directory) words=(--ipc none host sh -c 'mkdir /dev/shm; exec sleep 1000') ;;
                other-type) words=(-v "$host:/dev/shm" host sleep 1000) ;;
                esac
                husk run -d --name "$name" "${words[@]}"
                case $name in
                link) await husk exec "$name" test -L /dev/shm ;;
                directory) await husk exec "$name" test -d /dev/shm ;;
                esac
                run -125 husk run --rm --ipc "container:$name" host true
                has "$output" '(borrow_mount)'
        done
        has "$output" 'that process has no tmpfs mounted on /dev/shm'
}

@test 'ns:PATH joins what a file says, and nothing else than a namespace' {
        same "$(ns net --network ns:/proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
        run -125 husk run --rm --network ns:/etc/passwd host true
        has "$output" /etc/passwd
}

@test '--ipc host has the host'\''s /dev/shm, none has no /dev/shm' {
        echo word >"/dev/shm/husk-test-$$"
        same "$(husk run --rm --ipc host host cat "/dev/shm/husk-test-$$")" word
        run -1 husk run --rm host cat "/dev/shm/husk-test-$$"
        rm "/dev/shm/husk-test-$$"
        run -1 husk run --rm --ipc none host grep -c ' /dev/shm ' /proc/self/mountinfo
}

@test '--hostname, --domainname' {
        same "$(husk run --rm -h box --domainname home host sh -c 'hostname; domainname 2>/dev/null || cat /proc/sys/kernel/domainname')" $'box\nhome'
}

@test '--uidmap, --gidmap, --userns' {
        # Where ids can be mapped, which an overlay is not; and the mapped root must get there.
        mkdir -p "$box/root/bin" "$box/root/proc"
        for dir in "$box/root" "$box" "${box%/*}" "${box%/*/*}"; do
                chmod a+x "$dir"
        done
        cp "$(command -v busybox)" "$box/root/bin/busybox"
        rootfs=(--rootfs "$box/root")
        run -0 husk run --rm "${rootfs[@]}" --uidmap 0:100000:1000 --gidmap 0:200000:500 /bin/busybox cat /proc/self/uid_map /proc/self/gid_map
        same "$(tr -s ' ' <<<"$output")" $' 0 100000 1000\n 0 200000 500'
        run -0 husk run --rm "${rootfs[@]}" --uidmap 0:100000:1000 /bin/busybox cat /proc/self/gid_map
        same "$(tr -s ' ' <<<"$output")" ' 0 100000 1000'
        run -0 husk run --rm "${rootfs[@]}" --userns keep-id /bin/busybox cat /proc/self/uid_map
        same "$(tr -s ' ' <<<"$output")" ' 0 0 4294967295'
        differ "$(husk run --rm "${rootfs[@]}" --userns keep-id /bin/busybox readlink /proc/self/ns/user)" \
                "$(readlink /proc/self/ns/user)"
        run -125 husk run --rm --userns auto host true
        has "$output" "'auto' is not a value for --userns"
        run -125 husk run --rm --userns private host true
        has "$output" '--uidmap'
}

@test '--time-offset' {
        [ -e /proc/self/ns/time ] || skip 'this kernel has no time namespaces'
        differ "$(ns time --time-offset boottime=1)" "$(readlink /proc/self/ns/time)"
        run -0 husk run --rm --time-offset boottime=864000000 host cat /proc/uptime
        [ "${output%%.*}" -ge 864000000 ]
        run -125 husk run --rm --time-offset realtime=1 host true
        has "$output" 'monotonic=SECONDS'
}

@test '--sysctl: its own namespaces only' {
        same "$(husk run --rm --sysctl net.core.somaxconn=77 host cat /proc/sys/net/core/somaxconn)" 77
        same "$(husk run --rm --sysctl kernel.shm_rmid_forced=1 host cat /proc/sys/kernel/shm_rmid_forced)" 1
        run -125 husk run --rm --sysctl kernel.panic=1 host true
        run -125 husk run --rm --network host --sysctl net.core.somaxconn=77 host true
        run -125 husk run --rm --sysctl kernel host true
        has "$output" 'expected NAME=VALUE'
}
