#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`, typed as for another engine, or wrongly: what is said, and with which exit status.

# shellcheck disable=SC2154 # set by the helper
load engine_helper

@test 'a word of other engines is refused with what to do instead' {
        run -125 husk run --rm -p 80:80 host true
        has "$output" 'there is no option -p here'
        has "$output" '--network host'
        run -125 husk explain run --dns 1.1.1.1 host true
        has "$output" '/etc/resolv.conf'
        run -125 husk attach x
        has "$output" "there is no command 'attach' here"
}

@test '--net is --network' {
        run -0 husk run --rm --net host host readlink /proc/self/ns/net
        same "$output" "$(readlink /proc/self/ns/net)"
}

@test 'a limit of memory that the set-up does not fit into is named as the suspect' {
        run -125 husk run --rm --memory 4k host true
        has "$output" 'memory'
        has "$output" 'hint:'
        same "$(husk ps -aq)" ''
}

# RLIMIT_FSIZE is a signal by default, which says nothing; what was written is ours to undo.
@test 'a limit of the size of files: an error with words, and nothing stays' {
        for limit in 0 1; do
                run -125 bash -c 'ulimit -f "$1"; exec timeout -k 5 60 "${@:2}"' . "$limit" \
                        "$husk" "${flags[@]}" run --rm host true
                has "$output" 'File too large'
        done
        run -0 husk run --rm host bash -c 'trap -p XFSZ; grep ^SigIgn: /proc/self/status'
        same "$output" $'SigIgn:\t0000000000000000'
        nothing_left
}

@test 'the umask of the caller is for the files of the caller' {
        same "$(umask 077; husk run --rm --user 1000:1000 host stat -c %a / /root)" $'755\n'"$(stat -c %a /root)"
        (umask 0777; husk run --name one host true; husk run --rm host true)
        husk rm one
        nothing_left
}

@test 'a hint says what the kernel does not: sysctl, CPUs' {
        run -125 husk run --rm --sysctl net.nosuch=1 host true
        has "$output" 'this kernel has no such parameter'
        run -125 husk run --rm --cpuset-cpus 8000-8001 host true
        has "$output" 'hint:'
}

@test 'a program that no rule of Landlock lets be executed' {
        run husk run --rm --landlock exec:/ host true
        [ "$status" = 0 ] || skip "this kernel's Landlock: $output"
        run -126 husk run --rm --landlock ro:/ host true
        has "$output" 'Landlock needs a rule exec:'
}

@test 'a user namespace without the group tty has terminals all the same' {
        mkdir -p "$host/root/bin" "$host/root/proc" "$host/root/dev" "$host/root/sys"
        chmod 755 "$host" "$host/root"
        cp "$(command -v busybox)" "$host/root/bin/busybox"
        rootfs=(--rootfs "$host/root")
        run -0 husk run --rm --uidmap 0:100000:5 "${rootfs[@]}" /bin/busybox stat -c %g /dev/pts
        same "$output" 0
        run -0 husk run --rm --uidmap 0:100000:6 "${rootfs[@]}" /bin/busybox grep -c 'devpts.*gid=100005' /proc/self/mountinfo
        same "$output" 1
}
