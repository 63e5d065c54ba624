#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers that are made, started again and copied from by an ordinary user, who is made for this file.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and setup_file; other shells' words
bats_require_minimum_version 1.5.0

load user

setup_file() {
        make_user "hkfile$$" 2000300000
        install -d -o "$RUID" -g "$RGID" "$RHOME/root/srv"
}
teardown_file() { remove_user; }

teardown() {
        remove_containers
        nothing_left
}

@test 'create, start, and start again with what it wrote' {
        husk create --name one host sh -c 'echo x >>/tmp/n; chown 33 /tmp/n; cat /tmp/n; stat -c %u /tmp/n'
        run -0 --separate-stderr husk start -a one
        same "$output" $'x\n33'
        run -0 --separate-stderr husk start -a one
        same "$output" $'x\nx\n33'
        husk start one
        same "$(husk wait one)" 0
}

@test 'cp: to one that runs, has ended, and has not begun; owners are those of its ids' {
        as_user sh -c 'rm -rf d && mkdir -p d/sub && echo one >d/sub/f && chmod 700 d/sub'
        husk create --name one host sleep 1000
        husk cp -q d one:/tmp
        husk start one
        husk cp -q d/. one:/tmp/again
        same "$(husk exec one stat -c '%u:%g' /tmp/d/sub/f /tmp/again/sub/f)" $'0:0\n0:0'
        husk exec one sh -c 'mkdir /tmp/theirs && echo word >/tmp/theirs/f && chmod 600 /tmp/theirs/f && chown -R 33:33 /tmp/theirs && chmod 700 /tmp/theirs'
        husk cp -q one:/tmp/theirs out
        same "$(as_user cat out/f)" word
        same "$(stat -c '%u:%g' "$RHOME/out/f")" "$RUID:$RGID"
        husk stop -t 0 one
        husk cp -q one:/tmp/theirs out2
        same "$(as_user cat out2/f)" word
        husk cp one:/tmp/theirs - | tar tvf - | grep -q '33/33.*theirs/f'
        tar c -C "$RHOME/d" --owner 33 --group 34 sub | husk cp - one:/tmp
        husk start one
        same "$(husk exec one stat -c '%u:%g' /tmp/sub/f)" 33:34
}

# waits PID: in a pipe that nobody empties
waits() { [[ $(cat "/proc/$1/wchan") == *pipe* ]]; }
# until_so COMMAND...: it succeeds within 30 seconds.
until_so() {
        local i
        for ((i = 0; i < 600; i++)); do
                ! "$@" 2>/dev/null || return 0
                sleep 0.05
        done
        echo "never came true: $*"
        return 1
}
ended() { [ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"; }

@test 'export: who reads the files in a user namespace dies with its client' {
        husk create --name one --rootfs "$RHOME/root" true
        mkfifo "$BATS_TEST_TMPDIR/full"
        exec 9<>"$BATS_TEST_TMPDIR/full"
        (cd "$RHOME" && exec setpriv --reuid "$RUID" --regid "$RGID" --init-groups \
                env -i PATH=/usr/bin:/bin HOME="$RHOME" "$RHOME/husk" export one 3>&- 9>&-) >&9 &
        client=$!
        child() { child=$(pgrep -P "$client") && waits "$child"; }
        until_so child
        kill -KILL "$client"
        wait "$client" || :
        until_so ended "$child" || { kill -KILL "$child" && return 1; }
        exec 9>&-
}

@test '--uidmap: our own id and those of subuid, and no others' {
        first=$(awk -F: -v u="$RUSER" '$1 == u { print $2 }' /etc/subuid)
        map() { husk run --rm "$@" host cat /proc/self/uid_map | awk '{ print $1, $2, $3 }'; }
        same "$(map --uidmap "0:$RUID:1")" "0 $RUID 1"
        same "$(map --uidmap "0:$RUID:1" --uidmap "1:$first:1000")" "0 $RUID 1"$'\n'"1 $first 1000"
        run husk run --rm --uidmap 0:1:1000 host true
        has "$output" 'maps the host'
        has "$output" '--add-subuids'
        chmod 700 "$RHOME" # remove_user needs no more
        run husk run --rm --uidmap "0:$first:1000" host true
        has "$output" 'the mapped ids must get'
}

@test 'a directory as the root, and a user namespace with one id alone' {
        husk run -d --name one --userns keep-id --rootfs "$RHOME/root" /bin/sh -c 'exec busybox sleep 1000'
        same "$(husk exec one /bin/busybox id -u)" "$RUID"
        as_user sh -c 'echo one >f'
        husk cp -q f one:/srv/f
        same "$(cat "$RHOME/root/srv/f")" one
        same "$(stat -c %u "$RHOME/root/srv/f")" "$RUID"
        husk cp -q one:/srv/f g
        husk kill one
        husk wait one
        husk cp -q f one:/srv/stopped
        same "$(stat -c %u "$RHOME/root/srv/stopped")" "$RUID"
}

# ':' separates layers, '\' escapes; a long path is no option for the kernel.
@test 'a store whose path has what overlayfs reads as something else' {
        local name long
        long=$(printf '%0120d/' 1 2)x
        as_user tar c -C root . >"$RHOME/root.tar"
        for name in 'a:b' 'a\b' 'a\:,b' "$long"; do
                there() { husk --root "$RHOME/odd/$name/store" "$@"; }
                same "$(there run --rm host sh -c 'echo x >/tmp/x; cat /tmp/x')" x
                there import -q - base <"$RHOME/root.tar"
                there create --name one base sh -c 'echo y >>/bin/y; cat /bin/y' >/dev/null
                run -1 grep mountProgram "$RHOME/odd/$name/store/containers/"*/journal
                same "$(there start -a one)" y
                same "$(there start -a one)" $'y\ny'
                husk --root "$RHOME/odd/$name/store" cp one:/bin/y - | tar t | grep -qx y
                same "$(there diff one | grep bin)" $'C /bin\nA /bin/y'
                there rm one
                there image prune --all
                same "$(left "$RHOME/odd/$name/store")" ''
        done
}
