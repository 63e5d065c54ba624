#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An ordinary user's containers whose root fuse-overlayfs serves: because it is asked for, and because the kernel
# mounts no overlay.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and setup_file; other shells' words
bats_require_minimum_version 1.5.0

load user

setup_file() {
        make_user "hkfuse$$" 2000600000
        install -d -o "$RUID" -g "$RGID" "$RHOME/base" "$RHOME/base/etc" "$RHOME/base/old" "$RHOME/base/bin"
        install -o "$RUID" -g "$RGID" "$(command -v busybox)" "$RHOME/base/bin/busybox"
        ln -s busybox "$RHOME/base/bin/sh"
        echo gone >"$RHOME/base/etc/gone"
        echo changed >"$RHOME/base/etc/changed"
        echo hidden >"$RHOME/base/old/hidden"
        chown -R "$RUID:$RGID" "$RHOME/base"
        tar c -C "$RHOME/base" --owner 0 --group 0 . | husk import -q - base
}
teardown_file() {
        husk rmi -f base >/dev/null 2>&1 || :
        remove_user
}

setup() {
        [ -c /dev/fuse ] || skip 'needs /dev/fuse'
        [ -x /usr/bin/fuse-overlayfs ] || skip 'needs fuse-overlayfs'
        fuse=(--storage-opt overlay.mount_program=/usr/bin/fuse-overlayfs)
}
teardown() {
        remove_containers
        nothing_left
}

# The processes that serve this user's containers.
servers() { pgrep -U "$RUID" -x fuse-overlayfs -r R,S,D || :; }
no_servers() {
        local i
        for ((i = 0; i < 500; i++)); do
                [ -n "$(servers)" ] || return 0
                sleep 0.02
        done
        servers && return 1
}
# What all the kinds of changes are in the end.
changes='cd /; busybox rm etc/gone; echo more >>etc/changed; busybox rm -r old; busybox mkdir old; echo new >old/new
        busybox mv bin/sh bin/hs; busybox chown 33:34 old/new; busybox ln etc/changed etc/linked'
changed=$'C /bin\nA /bin/hs\nD /bin/sh\nC /etc\nC /etc/changed\nD /etc/gone\nA /etc/linked\nC /old\nD /old/hidden\nA /old/new'

@test 'an image and host: made, changed, and gone with all that served it' {
        run -0 --separate-stderr husk run --rm "${fuse[@]}" base busybox sh -c \
                'busybox id -u; busybox grep -c fuse.fuse-overlayfs /proc/mounts; busybox cat /etc/gone; echo x >/w; busybox cat /w'
        same "$output" $'0\n1\ngone\nx'
        run -0 --separate-stderr husk run --rm "${fuse[@]}" host sh -c \
                'stat -f -c %T /usr /etc; touch /usr/made; rm /etc/hostname; ls /usr/made; stat -c %a /tmp'
        same "$output" $'fuseblk\nfuseblk\n/usr/made\n1777'
        [ ! -e /usr/made ] && [ -e /etc/hostname ]
        no_servers
}

@test 'diff, commit, and started again: whiteouts, opaque directories, owners, links' {
        husk run --name one "${fuse[@]}" base sh -c "$changes"
        same "$(husk diff one)" "$changed"
        husk commit one changed:1
        same "$(husk diff changed:1)" "$changed"
        # By the kernel's overlay, and by fuse-overlayfs as layers below.
        local how
        for how in native served; do
                [ $how = native ] && fuse=()
                run -0 --separate-stderr husk run --rm "${fuse[@]}" changed:1 busybox sh -c \
                        'busybox ls -a /old; busybox cat /etc/changed; busybox stat -c %u:%g:%h /old/new /etc/linked; busybox test -e /etc/gone || echo none'
                same "$output" $'.\n..\nnew\nchanged\nmore\n33:34:1\n0:0:2\nnone'
                setup
        done
        husk rmi changed:1
        run -1 husk start one # its shell is away: what it has is what it had
        same "$(husk diff one)" "$changed"
        same "$(husk inspect one | jq -r '.[0].MountProgram')" /usr/bin/fuse-overlayfs
        husk rm one
        no_servers
}

@test 'create, start, exec, cp, stop, start again' {
        husk create --name one "${fuse[@]}" base busybox sleep 1000
        same "$(servers)" ''
        as_user sh -c 'echo word >f'
        husk cp -q f one:/etc/before
        no_servers
        husk start one
        same "$(servers | wc -l)" 1
        husk exec one busybox sh -c 'busybox cat /etc/before; busybox rm /etc/gone; echo x >/etc/theirs; busybox chown 33 /etc/theirs'
        husk cp -q f one:/etc/during
        same "$(husk exec one busybox cat /etc/during)" word
        husk stop -t 0 one
        no_servers
        husk cp one:/etc/theirs - | tar tvf - | grep -q '33/0.*theirs'
        husk start one
        same "$(husk exec one busybox ls /etc)" $'before\nchanged\nduring\nhostname\nhosts\nresolv.conf\ntheirs'
        husk rm -f one
        no_servers
}

@test 'who serves: no descriptor, no rights on other files, not seen by the container, nor in its reach' {
        husk run -d --name one "${fuse[@]}" base busybox sleep 1000
        local pid init
        pid=$(servers)
        init=$(husk inspect one | jq .[0].State.Pid)
        [ "$(readlink /proc/"$pid"/fd/{0,1,2} | sort -u)" = /dev/null ]
        same "$(readlink /proc/"$pid"/fd/3)" /dev/fuse
        # Of all else that is open, layers and /dev/null are the files.
        run -1 grep -vE "^(/dev/(null|fuse)|$RHOME/.local/share/husk/.*|pipe:.*)$" <(readlink /proc/"$pid"/fd/*)
        grep -q '^NoNewPrivs:.1$' /proc/"$pid"/status
        # The same ids, another namespace: no right in the container is one over it.
        same "$(tr -s ' ' </proc/"$pid"/uid_map)" "$(tr -s ' ' </proc/"$init"/uid_map)"
        [ "$(readlink /proc/"$pid"/ns/user)" != "$(readlink /proc/"$init"/ns/user)" ]
        same "$(readlink /proc/"$pid"/ns/pid)" "$(readlink /proc/self/ns/pid)"
        # Who has all rights there and sees the host's processes could look into the one, and not into the other.
        as_user nsenter -U -t "$init" readlink /proc/"$init"/root /proc/"$init"/fd/0
        run ! as_user nsenter -U -t "$init" readlink /proc/"$pid"/root
        run ! as_user nsenter -U -t "$init" readlink /proc/"$pid"/fd/3
        run -0 husk exec one busybox ps -o args
        [[ $output == *sleep* && $output != *fuse* ]]
        husk rm -f one
        no_servers
}

@test 'it dies: the container gets errors, ends, and goes; a keeper or client that dies takes nothing with it' {
        husk run -d --name one "${fuse[@]}" base busybox sleep 1000
        kill -9 "$(servers)"
        no_servers
        run ! husk exec one busybox true
        husk rm -f one
        nothing_left
        husk run -d --name two "${fuse[@]}" base busybox sleep 1000
        local pid keeper
        pid=$(husk inspect two | jq .[0].State.Pid)
        keeper=$(awk '/^PPid/ { print $2 }' /proc/"$pid"/status)
        kill -9 "$keeper"
        husk exec two busybox sh -c 'echo x >/w'
        husk rm -f two
        no_servers
}

@test 'killed at any moment of its making: the next command removes what there is' {
        local i
        for i in 1 2 3 4 5 6 7 8; do
                as_user timeout -s KILL "0.0$((i * 7 % 10))" ./husk run --name "k$i" "${fuse[@]}" base busybox true || :
        done
        # Who made them notices only at its next step that its client is dead.
        for ((i = 0; i < 50; i++)); do
                remove_containers
                nothing_left >/dev/null && break
                husk run --rm "${fuse[@]}" base busybox true
        done
        nothing_left
        no_servers
}

@test 'the kernel refuses: it is tried, and fuse-overlayfs is found; its forms where there are no devices 0:0' {
        # A store on an overlay, as of an engine in a container: no upper layer of another overlay can be there.
        install -d "$RHOME/ov" "$RHOME"/.ov/{lower,upper,work}
        chown "$RUID:$RGID" "$RHOME"/.ov/{lower,upper}
        mount -t overlay -o "lowerdir=$RHOME/.ov/lower,upperdir=$RHOME/.ov/upper,workdir=$RHOME/.ov/work" husk "$RHOME/ov"
        there() { husk --root ov/s --runroot ov/r "$@"; }
        local r=0
        refused || r=1
        for id in $(there ps -aq --no-trunc); do there rm -f "$id"; done
        same "$(left "$RHOME/ov/r")" '' || r=1
        no_servers || r=1
        umount "$RHOME/ov"
        return $r
}
refused() {
        tar c -C "$RHOME/base" --owner 0 --group 0 . | there import -q - base &&
                there create --name one base sh -c "$changes" && there start -a one &&
                same "$(there inspect one | jq -r '.[0].MountProgram')" /usr/bin/fuse-overlayfs &&
                [ -n "$(find "$RHOME/ov/r" -name '.wh.gone')" ] &&
                same "$(there diff one)" "$changed" &&
                run -1 there start one && # its shell is away: what it has is what it had
                same "$(there diff one)" "$changed" &&
                # Without it there is one error, which says what to install.
                run ! unshare -m sh -c 'mount --bind /dev/null /usr/bin/fuse-overlayfs && exec "$@"' sh \
                        setpriv --reuid "$RUID" --regid "$RGID" --init-groups env -i -C "$RHOME" PATH=/usr/bin:/bin HOME="$RHOME" \
                        ./husk --root ov/s --runroot ov/r run --rm base busybox true &&
                has "$output" 'the kernel mounts no overlay for an ordinary user here (Invalid argument), and there is no /usr/bin/fuse-overlayfs' &&
                has "$output" 'hint: install fuse-overlayfs' &&
                # An answer of another time: it is tried again at once, and the one that was made is not remembered as working.
                wrong_answer && run -0 there run --rm base busybox echo ran && same "$output" ran &&
                wrong_answer && there create --name two base busybox true &&
                same "$(there inspect two | jq -r '.[0].MountProgram // ""')" '' &&
                run -1 there start two && has "$output" overlay &&
                there create --name three base busybox true && there start three &&
                same "$(there inspect three | jq -r '.[0].MountProgram')" /usr/bin/fuse-overlayfs
}
wrong_answer() {
        printf '%s %x\n' "$(cat /proc/sys/kernel/random/boot_id)" "$(stat -c %d "$RHOME/ov/r/containers/.trial")" \
                >"$RHOME/ov/r/containers/.trial/works" && chown "$RUID" "$RHOME/ov/r/containers/.trial/works"
}

@test 'that the kernel does it is asked once a boot and file system' {
        local answer=$RHOME/.local/share/husk/containers/.trial/works was
        husk run --rm base busybox true
        was=$(cat "$answer")
        same "$was" "$(printf '%s %x' "$(cat /proc/sys/kernel/random/boot_id)" "$(stat -c %d "$RHOME")")"
        run -0 as_user strace -f -e trace=fsopen,fsconfig -o "$RHOME/asked" ./husk create --name one base busybox true
        same "$(grep -c overlay "$RHOME/asked")" 0
        echo 'of another boot 0' >"$answer"
        run -0 as_user strace -f -e trace=fsopen,fsconfig -o "$RHOME/asked" ./husk create --name two base busybox true
        same "$(grep -c '"overlay"' "$RHOME/asked")" 1
        same "$(cat "$answer")" "$was"
        # An error of its own says nothing about it.
        run ! husk run --rm base /no/such
        same "$(cat "$answer")" "$was"
}

@test 'what does not go is refused' {
        run -125 husk run --rm --storage-opt size=1g base busybox true
        has "$output" '--storage-opt size=1g: there is no such option'
        run -125 husk run --rm --storage-opt mount_program=fuse-overlayfs base busybox true
        has "$output" 'not an absolute path'
        run -125 husk run --rm --storage-opt overlay.mount_program=/no/such base busybox true
        has "$output" 'there is no such program'
        run -125 husk --root 'a,b' --runroot 'a,b/r' run --rm "${fuse[@]}" host true
        has "$output" 'fuse-overlayfs cannot be told of the layer'
        run -125 "$RHOME/husk" --root "$BATS_TEST_TMPDIR/s" run --rm "${fuse[@]}" host true
        has "$output" 'is for ordinary users'
        husk create --name one "${fuse[@]}" base busybox true
        run ! husk export one
        has "$output" "is served by /usr/bin/fuse-overlayfs"
        run ! husk unshare "$RHOME/husk" mount one
        has "$output" 'it cannot be shown at a path'
        rm -rf "$RHOME/a,b"
}

@test 'explain says it, as a shell script, too' {
        run -0 husk explain run "${fuse[@]}" host true
        has "$output" 'serve_overlay'
        has "$output" 'program=/usr/bin/fuse-overlayfs'
        has "$output" 'open_fuse'
        run -0 husk explain run --format shell "${fuse[@]}" host true
        has "$output" $'\n/usr/bin/fuse-overlayfs -o lowerdir=/,upperdir='
}
