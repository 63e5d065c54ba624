#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk unshare` and what works in it, by an ordinary user who is made for this file.

# shellcheck disable=SC2154,SC2016 # set by bats and setup_file; other shells' words
bats_require_minimum_version 1.5.0

load user

setup_file() {
        make_user "hkuns$$" 2100300000
        cp "$BATS_TEST_DIRNAME/../../build/husk-registry" "$RHOME/" 2>/dev/null || :
}
teardown_file() { remove_user; }

teardown() {
        remove_containers
        nothing_left
}

# An image of busybox.
imported() {
        local name dir=$RHOME/tree
        mkdir -p "$dir"/{bin,data,tmp,etc}
        cp "$(command -v busybox)" "$dir/bin/busybox"
        for name in sh cat sleep echo stat chown touch; do ln -sf busybox "$dir/bin/$name"; done
        echo old >"$dir/data/old"
        chown 33:34 "$dir/data/old"
        tar -C "$dir" --numeric-owner -cf "$RHOME/root.tar" .
        chmod 644 "$RHOME/root.tar"
        rm -rf "$dir"
        run -0 husk import root.tar base:1
}

@test 'unshare: root, with all ids of the user, and mounts of its own' {
        run -0 husk unshare sh -c 'id -u; id -g; cat /proc/self/uid_map'
        same "$(tr -s ' ' <<<"$output")" "$(printf '0\n0\n 0 %d 1\n 1 2100300000 65536' "$RUID")"
        run -0 husk unshare sh -c 'touch f && chown 33:34 f && stat -c %u:%g f && mount -t tmpfs husk ~ && touch ~/g && echo made'
        same "$output" $'33:34\nmade'
        same "$(stat -c %u:%g "$RHOME/f")" 2100300032:2100300033
        [ ! -e "$RHOME/g" ]
        run -0 husk unshare rm f
        [ ! -e "$RHOME/f" ]
}

@test 'unshare: a store that was named from here is that one from elsewhere, too' {
        run -0 as_user sh -c 'cd && mkdir here && cd here && exec ~/husk --root st --runroot ../rt unshare \
                sh -c "cd / && echo \$HUSK_ROOT \$HUSK_RUNROOT"'
        same "$output" "$RHOME/here/st $RHOME/rt"
        run -0 as_user sh -c 'cd && ~/husk --root /var/st unshare sh -c "echo \$HUSK_ROOT"; rm -r here'
        same "$output" /var/st
}

@test 'unshare: it becomes the command: its exit status, its signals, its shell' {
        run -7 husk unshare sh -c 'exit 7'
        run -143 husk unshare sh -c 'kill -TERM $$'
        run -127 husk unshare no-such-program
        has "$output" "cannot execute 'no-such-program'"
        run -126 husk unshare /etc/passwd
        run -127 husk unshare ./no-such/program
        run -0 as_user env SHELL=/bin/echo "$RHOME/husk" unshare
        same "$output" ''
        run -0 husk unshare echo -n --help
        same "$output" '--help'
        run -0 as_user "$RHOME/husk" unshare sh -c 'cat <&0; grep -c . /proc/$PPID/comm' <<<word
        has "$output" word
}

@test 'unshare: root, and who is there already, are told' {
        run -125 "${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}" unshare true
        has "$output" 'it is for ordinary users'
        run -125 husk unshare ./husk unshare true
        has "$output" 'this is such a shell already'
}

@test 'unshare: without ids in /etc/subuid it is root of one id, which is said; a container there' {
        sed -i "/^$RUSER:/d" /etc/subuid
        run -0 --separate-stderr husk unshare id -u
        local id=$output words=$stderr
        run -0 --separate-stderr husk unshare ./husk run --rm -t --rootfs / sh -c 'id -u; stat -c %g:%u "$(tty)"; cat /proc/self/gid_map'
        usermod --add-subuids 2100300000-2100365535 "$RUSER"
        same "$id" 0
        has "$words" 'no other ids than your own'
        same "$(tr -d '\r' <<<"$output" | head -n 2)" $'0\n0:0' # the terminal is of no group 5, which is not mapped
        has "$stderr" 'this user namespace has no cgroup of its own'
        has "$stderr" 'lets an ordinary user set no groups'
}

@test 'mount: an ordinary user is sent to unshare' {
        imported
        husk create --name one base:1 cat /data/old
        run -1 husk mount one
        has "$output" 'hint: husk unshare'
        run -1 husk umount one
        run -1 husk image mount base:1
        has "$output" 'hint: husk unshare'
}

@test 'mount in unshare: files of a container that does not run, to be read and written' {
        imported
        husk create --name one base:1 sh -c 'cat /data/old /data/new; stat -c %u:%g /data/old /data/new'
        run -0 husk unshare sh -c '
                m=$(./husk mount one) && cat "$m/data/old" && stat -c %u:%g "$m/data/old" && echo new >"$m/data/new" &&
                chown 5:6 "$m/data/new" && ./husk mount --format "{{.mountpoint}}" | grep -c merged'
        same "$output" $'old\n33:34\n1'
        # It went with its mount namespace, and what was written is the container's.
        run -0 husk mount
        same "$output" ''
        run -0 husk start -a one
        same "$output" $'old\nnew\n33:34\n5:6'
        run -0 husk diff one
        has "$output" 'A /data/new'
        run -0 husk unshare sh -c 'm=$(./husk mount one) && rm -r "$m/data" && mkdir "$m/data" && echo again >"$m/data/old" && ./husk umount one && ! ls "$m" 2>&1'
        has "$output" 'No such file'
        run -1 husk start -a one
        has "$output" again
}

@test 'mount in unshare: it is there for nobody else, and in nobody'\''s way: start is refused, rm is not' {
        imported
        husk create --name one base:1 sleep 1000
        as_user sh -c 'exec 3>&-; mkfifo go; ./husk unshare sh -c "./husk mount one >at; cat go; ./husk mount; :" >log 2>&1 &
                while [ ! -s at ]; do sleep 0.05; done'
        run -1 husk start one
        has "$output" 'in the mount namespace of process'
        run -1 husk cp -q one:/data/old out
        has "$output" 'in the mount namespace of process'
        husk rm one
        as_user sh -c 'echo >go'
        rm -f "$RHOME/go" "$RHOME/at"
}

@test 'mount in unshare: one that runs can be read' {
        imported
        husk run -d --name one base:1 sh -c 'echo live >/data/live; sleep 1000'
        for _ in {1..200}; do ! husk exec one cat /data/live >/dev/null 2>&1 || break; done
        run -0 --separate-stderr husk unshare sh -c 'm=$(./husk mount one); cat "$m/data/live"; ! touch "$m/x" 2>/dev/null'
        same "$output" live
        has "$stderr" 'can only be read'
        run -0 husk exec one cat /data/live
}

@test 'run in unshare: the same containers, with the ids that there are' {
        imported
        run -0 --separate-stderr husk unshare ./husk run --name one base:1 sh -c 'cat /data/old; stat -c %u:%g /data/old; echo new >/data/new; chown 5:6 /data/new'
        same "$output" $'old\n33:34'
        # Outside it is one of the user's containers, as if he had made it there.
        run -0 husk ps -a --format '{{.Names}} {{.Image}}'
        same "$output" 'one base:1'
        run -0 husk diff one
        has "$output" 'A /data/new'
        for command in 'start one' 'cp one:/data/new out'; do
                run -1 husk $command
                has "$output" 'it was made in `husk unshare`'
        done
        run -0 --separate-stderr husk unshare ./husk start -a one
        same "$output" $'old\n33:34'
        run -0 husk unshare sh -c './husk cp -q one:/data/new new && stat -c %u:%g new && cat new'
        same "$output" $'0:0\nnew'
        run -0 husk rm one
        run -0 husk unshare sh -c './husk run -d --name two base:1 sleep 1000 && ./husk exec two cat /data/old'
        has "$output" old
        run -125 husk exec two cat /data/old
        has "$output" 'it was made in `husk unshare`'
        run -0 husk unshare ./husk rm -f two
        run -0 husk ps -aq
        same "$output" ''
        run -0 --separate-stderr husk unshare ./husk run --rm --read-only base:1 sh -c 'echo x >/data/old || echo closed'
        has "$output" closed
}

@test 'image mount in unshare' {
        imported
        run -0 husk unshare sh -c 'm=$(./husk image mount base:1) && cat "$m/data/old" && stat -c %u "$m/data/old"; ! touch "$m/x" 2>/dev/null && ./husk image mount --format "{{.Repositories}}" && ./husk image unmount base:1 && ls -A ~/.local/share/husk/mounts'
        same "$output" $'old\n33\n["base:1"]\nbase:1'
        husk rmi base:1
}
