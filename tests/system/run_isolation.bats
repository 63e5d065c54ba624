#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run host`: the host's files are seen and never changed; what is not files of the host's disks
# (its /run, /proc, devices, sockets, tmpfs, the engine's own store) cannot be reached; what was
# changed is told by diff.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

# The lines of diff below the test's own directory.
changes() { husk diff "$1" | sed -n "s|^\(.\) $host/|\1 |p"; }

@test 'the files of the host are seen, and never changed' {
        mkdir "$host/dir" "$host/moved"
        echo old | tee "$host/dir/file" "$host/dir/gone" "$host/moved/inner" >"$host/written"
        before=$(find "$host" -printf '%p %m %U %s %T@ %y\n' | sort; cat "$host/written")
        run -0 husk run --rm -w "$host" host sh -ec '
                cat dir/file
                echo new >written
                rm dir/gone
                chmod 700 dir/file
                chown 7:7 dir
                mv moved elsewhere
                cat elsewhere/inner
                rm -r dir
                mkdir dir
                echo new >dir/fresh
                ls dir'
        same "$output" $'old\nold\nfresh'
        same "$(find "$host" -printf '%p %m %U %s %T@ %y\n' | sort; cat "$host/written")" "$before"
        nothing_left
}

@test 'diff: added, changed, deleted; opaque and renamed directories' {
        mkdir -p "$host/opaque/sub" "$host/moved/deep" "$host/kept"
        echo old | tee "$host/changed" "$host/gone" "$host/opaque/old" "$host/opaque/sub/old" \
                "$host/moved/deep/file" >"$host/kept/same"
        id=$(husk run -d -w "$host" host sh -ec '
                echo new >added
                echo new >>changed
                rm gone
                rm -r opaque
                mkdir opaque
                echo new >opaque/new
                mv moved renamed
                mkdir -p made/in
                mknod fifo p
                ln -s /nowhere link
                exec sleep 1000')
        await eval 'husk diff "$id" | grep -q link'
        same "$(changes "$id")" "$(printf '%s\n' 'A added' 'C changed' 'A fifo' 'D gone' 'A link' \
                'A made' 'A made/in' 'D moved' 'C opaque' 'A opaque/new' 'D opaque/old' 'D opaque/sub' \
                'A renamed' 'A renamed/deep' 'A renamed/deep/file')"
        husk diff "$id" | grep -qx "C $host"
        same "$(husk diff --format '{{.Path}}' "$id" | grep added)" "$host/added"
        husk diff --format json "$id" | jq -es 'flatten | length > 10'
        [ -e "$host/gone" ]
        husk rm -f "$id"
        nothing_left "$id"
}

@test 'diff of a container that changed nothing, and of one on a directory' {
        id=$(husk run -d -w / host sleep 1000)
        same "$(husk diff "$id" | grep -vE '^[CA] /(dev|proc|sys|run)$')" ''
        husk rm -f "$id"
}

@test '/run, /proc and devices of the host are not there' {
        mark=/run/husk-test-$$
        : >"$mark"
        run -0 husk run --rm host sh -c 'ls -A /run; ls -d /proc/[0-9]* | wc -l; ls /dev'
        rm "$mark"
        [[ $output != *husk-test* ]]
        [[ $output != *[hsv]d[a-z]* ]]
        [[ $output != *loop* ]]
        run ! husk run --rm host sh -c "test -e /proc/$$/exe"
}

@test 'a socket on a disk of the host has nobody behind it' {
        perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
                print "ready\n"; close STDOUT; sleep 60' "$host/socket" >"$box/ready" 3>&- &
        listener=$!
        await filled "$box/ready"
        connect='IO::Socket::UNIX->new(Peer => $ARGV[0]) ? print "connected\n" : print "refused: $!\n"'
        run -0 perl -MIO::Socket::UNIX -e "$connect" "$host/socket"
        same "$output" connected
        run -0 husk run --rm host perl -MIO::Socket::UNIX -e "$connect" "$host/socket"
        kill "$listener"
        same "$output" 'refused: Connection refused'
}

@test 'abstract sockets of the host are not there' {
        perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("\0".$ARGV[0]))
                and listen(S, 5) or die; print "ready\n"; close STDOUT; sleep 60' "husk-$$" \
                >"$box/ready" 3>&- &
        listener=$!
        await filled "$box/ready"
        connect='socket(S, PF_UNIX, SOCK_STREAM, 0);
                print connect(S, pack_sockaddr_un("\0".$ARGV[0])) ? "connected\n" : "refused\n"'
        run -0 perl -MSocket -e "$connect" "husk-$$"
        same "$output" connected
        run -0 husk run --rm host perl -MSocket -e "$connect" "husk-$$"
        kill "$listener"
        same "$output" refused
}

@test 'device nodes on a disk of the host, and new ones, cannot be opened' {
        mknod "$host/null" c 1 3
        mknod "$host/block" b 7 0
        : <"$host/null"
        run -0 husk run --rm --cap-add MKNOD -w "$host" host sh -c '
                (: <null) 2>/dev/null && echo opened null
                (: <block) 2>/dev/null && echo opened block
                mknod here c 1 3 && (: <here) 2>/dev/null && echo opened here
                mknod kmsg c 1 11 && (: <kmsg) 2>/dev/null && echo opened kmsg
                (: </dev/null) && echo only that of /dev'
        same "$(grep -v mknod <<<"$output")" 'only that of /dev'
}

@test 'the store cannot be seen from inside, nor written to' {
        store=$host/store
        flags=(--root "$store" --runroot "$box/run")
        id=$(husk run -d host sleep 1000)
        if [ -d "$store/containers/$id" ]; then
                run -0 husk run --rm host sh -c "ls -A $store/containers; echo >$store/containers/x || :"
                has "$output" 'Read-only file system'
                [[ $output != *"$id"* ]]
        else
                [ -d "$box/run/containers/$id" ]
        fi
        husk rm -f "$id"
        nothing_left "$id"
}

make_disk() {
        truncate -s 16M "$box/disk"
        mkfs.ext4 -q "$box/disk" || skip 'needs mkfs.ext4'
        mkdir "$host/second disk"
        unshare -m --propagation private mount -o loop "$box/disk" "$host/second disk" ||
                skip 'needs loop devices'
}

# The script in a mount namespace of its own, in the disk's root; $2 is where it is mounted.
with_disk() {
        unshare -m --propagation private bash -ec '
                mount -o loop "$1" "$2"
                cd "$2"
                eval "$3"' bash "$box/disk" "$host/second disk" "$1" 3>&-
}

@test 'another disk of the host: seen, changed in an overlay of its own, told by diff' {
        export husk words="${flags[*]}"
        make_disk
        run -0 with_disk '
                mkdir dir
                echo old | tee file >dir/gone
                husk="$husk $words"
                id=$($husk run -d -w "$PWD" host sh -ec "
                        cat file
                        echo new >file
                        rm dir/gone
                        echo new >dir/made
                        echo on \$(stat -f -c %T .) >type
                        exec sleep 1000")
                for i in $(seq 300); do
                        ! $husk diff $id | grep -q type || break
                        sleep 0.05
                done
                $husk diff $id | grep second
                $husk inspect $id | jq -r ".[0].Layers[].Target" | grep second
                cat file dir/gone
                ls dir
                $husk rm -f $id >/dev/null
                cd /
                umount "$2"
                echo unmounted'
        same "$output" "$(printf '%s\n' "C $host/second disk" "C $host/second disk/dir" \
                "D $host/second disk/dir/gone" "A $host/second disk/dir/made" \
                "C $host/second disk/file" "A $host/second disk/type" "${host#/}/second disk" \
                old old gone unmounted)"
        nothing_left
}

@test 'a tmpfs of the host is an empty directory' {
        mkdir "$host/memory"
        export husk words="${flags[*]}" host
        run -0 unshare -m --propagation private bash -ec '
                mount -t tmpfs tmpfs "$host/memory"
                echo secret >"$host/memory/file"
                $husk $words run --rm host ls -A "$host/memory"
                cd "$host/memory"
                $husk $words run --rm host pwd
                $husk $words run --rm -w "$host/memory" host sh -c "echo mine >file; cat file"
                cat file' 3>&-
        same "$output" $'/\nmine\nsecret'
        nothing_left
}

@test 'a mount inside a container does not get out' {
        run -0 husk run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined -w "$host" host \
                sh -c 'mount -t tmpfs tmpfs . && : >"$PWD/inside" && echo mounted'
        same "$output" mounted
        same "$(ls -A "$host")" ''
        nothing_left
}
