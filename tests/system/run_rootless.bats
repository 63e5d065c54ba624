#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run` for an ordinary user, who is made for this file: with ids of /etc/subuid and without; the
# image `host` and a directory; what is left behind: nothing.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and setup_file; other shells' words
bats_require_minimum_version 1.5.0

load user

setup_file() { make_user "hkrun$$" 2000100000; }
teardown_file() { remove_user; }
teardown() { remove_containers; }

@test '--userns and --ipc of another container: its /dev/shm' {
        husk run -d --name other host sh -c 'echo theirs >/dev/shm/word; exec sleep 1000'
        husk exec other sh -c 'until test -s /dev/shm/word; do sleep 0.1; done'
        run -0 --separate-stderr husk run --rm --userns container:other --ipc container:other host sh -c \
                'cat /dev/shm/word; echo ours >/dev/shm/word'
        same "$output" theirs
        same "$(husk exec other cat /dev/shm/word)" ours
        husk rm -f other
        nothing_left
}

# The kernel moves pages of it at the moment: F_ADD_SEALS of fcntl(2) says EBUSY.
@test 'the sealed copy of husk: one that cannot be sealed at once' {
        command -v strace >/dev/null || skip 'strace is not there'
        local n
        run -0 as_user strace -o "$RHOME/calls" -e trace=fcntl ./husk run --rm host true
        n=$(grep -n F_ADD_SEALS "$RHOME/calls" | head -n 1 | cut -d: -f1)
        run -0 as_user strace -o "$RHOME/calls" -e trace=fcntl -e "inject=fcntl:error=EBUSY:when=$n..$((n + 1))" \
                ./husk run --rm host true
        same "$(grep -c F_ADD_SEALS "$RHOME/calls")" 3
}

@test 'the image host: ids by ranges, changes of its own, all removed' {
        run -0 --separate-stderr husk run --rm host sh -c '
                id -u; tr -s " " </proc/self/uid_map
                touch /etc/made /made && mkdir /tmp/d && chown 33:33 /made /tmp/d && chmod 700 /tmp/d
                stat -c %u /made; stat -c %a /tmp; test -x /usr/bin/env && echo usr'
        same "$output" $'0\n 0 '"$RUID"$' 1\n 1 2000100000 65536\n33\n1777\nusr'
        [ ! -e /etc/made ] && [ ! -e /made ]
        nothing_left
}

@test 'a directory as the root' {
        same "$(husk run --rm --rootfs "$RHOME/root" sh -c 'echo $(busybox id -u) >/made; busybox cat /made')" 0
        same "$(stat -c %u "$RHOME/root/made")" "$RUID"
        rm "$RHOME/root/made"
        nothing_left
}

@test 'ps, exec, diff, stop, kill, inspect and rm of its own containers' {
        husk run -d --name one host sh -c 'touch /made; chown 33 /made; touch /etc/made; exec sleep 300'
        has "$(husk ps)" one
        same "$(husk exec one id -u)" 0
        same "$(husk exec one sh -c 'until [ -e /etc/made ]; do :; done; stat -c %u /made' 2>&1)" 33
        has "$(husk diff one)" 'A /made'
        has "$(husk diff one)" 'A /etc/made'
        same "$(husk inspect one | jq -r '.[0].State.Status')" running
        run ! husk rm one
        has "$output" "is running"
        husk stop -t 0 one
        same "$(husk wait one)" 137
        husk rm one
        husk run -d --name two host sleep 300
        husk kill two
        same "$(husk wait two)" 137
        husk rm two
        nothing_left
}

@test 'limits are not granted in silence' {
        run -0 --separate-stderr husk run --rm --memory 64m host true
        has "$stderr" 'no limits: an ordinary user has no cgroup of its own here'
}

@test 'one id alone, where there are no ranges' {
        sed -i "/^$RUSER:/d" /etc/subuid /etc/subgid
        run -0 --separate-stderr husk run --rm host sh -c 'tr -s " " </proc/self/uid_map; touch /etc/made && stat -c %u /etc/made'
        usermod --add-subuids 2000100000-2000165535 --add-subgids 2000100000-2000165535 "$RUSER"
        same "$output" " 0 $RUID 1"$'\n0'
        nothing_left
}

@test 'the keeper gives up its rights with --rm, too, and removes what belongs to others' {
        husk run -d --rm --name one host sh -c '
                mkdir -p /srv/a/b && touch /srv/a/b/c && chown -R 33:33 /srv/a && chmod 0 /srv/a/b /srv/a
                touch /tmp/made; exec sleep 1000'
        husk exec one sh -c 'until test -e /tmp/made; do sleep 0.1; done'
        pid=$(husk inspect one | jq -r '.[0].State.Pid')
        keeper=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
        status=$(cat "/proc/$keeper/status")
        has "$status" $'NoNewPrivs:\t1'
        has "$status" $'Seccomp:\t2'
        has "$status" $'CapPrm:\t0000000000000000'
        # Not dumpable: its files in /proc are root's.
        same "$(stat -c %u "/proc/$keeper/fd")" 0
        husk kill one
        timeout 30 tail --pid="$keeper" -f /dev/null
        nothing_left
}

@test 'directories in directories, of an id of subuid: removed' {
        run -0 husk run --rm host sh -c 'chown 1234:1234 /srv && exec setpriv --reuid 1234 --regid 1234 --clear-groups sh -c "
                cd /srv; i=0; while [ \$i -lt 1100 ]; do mkdir -m 700 a && cd a && : >file || exit; i=\$((i + 1)); done"'
        nothing_left
}

@test 'import, commit and export: files of the ids of subuid' {
        tar -C "$RHOME/root" --owner 0 --group 0 --numeric-owner -cf "$RHOME/root.tar" .
        chown "$RUID" "$RHOME/root.tar"
        husk import "$RHOME/root.tar" base
        husk run --name work base sh -c 'echo new >/new; busybox chown 5:6 /new; busybox ln /new /twin'
        husk commit -c 'CMD ["busybox", "stat", "-c", "%u:%g %h", "/new"]' work made
        run -0 husk run --rm made
        same "$output" '5:6 2'
        husk export work >"$BATS_TEST_TMPDIR/work.tar"
        run -0 tar --numeric-owner -tvf "$BATS_TEST_TMPDIR/work.tar" new
        has "$output" ' 5/6 '
        husk rm work
        husk rmi made base
        nothing_left
}
