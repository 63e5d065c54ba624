#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk cp`: docker's rules of names, owners and links; containers that run, that have ended and that have not begun;
# and containers that change their files meanwhile.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper
load image_helper

setup() {
        engine_setup
        open_way "$box"
        layer=$(image_layer)
        image_busybox "$layer"
        mkdir -p "$layer/data" "$layer/srv"
        echo image >"$layer/data/file"
        image_make docker.io/library/t:latest '{"Cmd":["sleep","1000"]}' "$layer" >/dev/null
        image_make docker.io/library/v:latest '{"Cmd":["sleep","1000"],"Volumes":{"/data":{}}}' "$layer" >/dev/null
        mkdir "$box/here"
        cd "$box/here" || return 1
        mkdir -p d/sub
        echo one >f
        echo two >d/sub/g
        ln -s sub d/link
}

# without PROTECTION: from now on it is husk without it (tests/attacks/weak.c)
without() {
        mkdir "$box/weak"
        cp "${WEAK:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak}" "$box/weak/husk"
        husk=$box/weak/husk
        export HUSK_WEAK=$1
}

cp_to() { husk cp -q "$1" "one:$2"; }
inside() { husk exec one "$@"; }

@test 'what the copy is called: docker'\''s table' {
        husk run -d --name one t
        cp_to f /srv                 # into a directory
        cp_to f /srv/                # likewise
        cp_to f /srv/new             # by a new name
        cp_to f srv/relative         # from the root on
        echo other >f
        cp_to f /srv/new             # over a file
        cp_to d /srv                 # a directory into a directory
        cp_to d /srv/made            # by a new name
        cp_to d/. /srv/made          # its contents into one that is there
        cp_to d/. /srv/also
        (cd d && cp_to . /srv/dot)
        run -0 inside sh -c 'cd /srv && find . | sort; cat f new relative'
        same "$output" '.
./also
./also/link
./also/sub
./also/sub/g
./d
./d/link
./d/sub
./d/sub/g
./dot
./dot/link
./dot/sub
./dot/sub/g
./f
./made
./made/link
./made/sub
./made/sub/g
./new
./relative
one
other
one'
        # What docker refuses.
        run -1 cp_to f /none/
        has "$output" 'does not exist'
        run -1 cp_to f /none/file
        run -1 cp_to d /srv/f
        has "$output" 'one:/srv/f is a file, and d a directory'
        run -1 cp_to f /srv/f/
        run -1 cp_to f/ /srv
        run -1 cp_to none /srv
        has "$output" 'none does not exist'
        mkdir f2 && mv f2 x && mkdir -p y/d && rmdir y/d && echo file >y/d
        run -1 cp_to y/. /srv
        has "$output" 'a directory has its name'
        husk cp -q --overwrite y/. one:/srv
        same "$(inside cat /srv/d)" file
        run -1 husk cp one:/a one:/b
        has "$output" 'husk cp one:/a - | husk cp - one:/b'
        run -1 husk cp f g
        has "$output" CONTAINER:PATH
        run -1 husk cp f none:/
        has "$output" "container 'none' does not exist"
}

@test '--overwrite empties no volume, however deep it is mounted, and removes no mount' {
        mkdir -p "$host/a/x" "$host/b" up/x up2
        echo precious >"$host/b/file"
        echo mine >"$host/a/x/other"
        echo single >"$host/single"
        rmdir up/x
        echo file >up/x        # in the place of a directory with a volume in it
        mkdir up2/single       # in the place of a file that is mounted
        husk create --name one -v "$host/a:/srv/a" -v "$host/b:/srv/a/x/b" t
        run -1 husk cp -q --overwrite up/. one:/srv/a
        has "$output" 'something is mounted there'
        same "$(cat "$host/b/file" "$host/a/x/other")" $'precious\nmine'
        husk rm one
        # In one that runs the writer is in another mount namespace: there rmdir(2) of a mount's place is not EBUSY.
        husk run -d --name one -v "$host/b:/data/x/deep/b" -v "$host/single:/data/single" t
        run -1 husk cp -q --overwrite up/. one:/data
        has "$output" 'something is mounted there'
        run -1 husk cp -q --overwrite up2/. one:/data
        has "$output" 'something is mounted there'
        same "$(inside cat /data/x/deep/b/file /data/single)" $'precious\nsingle'
        same "$(inside grep -c ' /data/' /proc/self/mountinfo)" 2
        same "$(cat "$host/b/file" "$host/single")" $'precious\nsingle'
        # Without a mount it is done.
        mkdir -p "$host/b/x/y"
        husk cp -q --overwrite up/. one:/data/x/deep/b
        same "$(cat "$host/b/x")" file
        # The control: who removes a tree across mounts.
        rm "$host/b/x"
        without one_mount
        husk cp -q --overwrite up/. one:/data || :
        [ ! -e "$host/b/file" ]
}

@test 'out of it: the same table' {
        husk run -d --name one t
        cp_to d /srv
        husk cp -q one:/srv/d .
        husk cp -q one:/srv/d copy
        husk cp -q one:/srv/d/. copy
        husk cp -q one:/data/file copy/sub
        husk cp -q one:/data/file ./by:name
        same "$(find copy | sort | tr '\n' ' ')" 'copy copy/link copy/sub copy/sub/file copy/sub/g '
        same "$(cat ./by:name copy/sub/file copy/sub/g)" $'image\nimage\ntwo'
        same "$(readlink copy/link)" sub
        run -1 husk cp one:/srv/d f
        run -1 husk cp one:/none .
        has "$output" 'one:/none does not exist'
        run -0 husk cp one:/data/file told
        has "$output" 'Successfully copied 6B to told'
        run -1 husk cp one:/srv/d none/at/all
}

@test 'archives on standard input and output' {
        husk run -d --name one t
        tar c d | husk cp - one:/srv
        same "$(inside cat /srv/d/sub/g)" two
        run -1 husk cp - one:/srv/none </dev/null
        run -1 husk cp - one:/data/file </dev/null
        has "$output" 'is not a directory'
        same "$(husk cp one:/srv/d - | tar t | sort | tr '\n' ' ')" 'd/ d/link d/sub/ d/sub/g '
        same "$(husk cp one:/srv/d/. - | tar t | sort | tr '\n' ' ')" './ link sub/ sub/g '
        husk cp one:/srv/d - | husk cp - one:/tmp
        same "$(inside cat /tmp/d/sub/g)" two
        tar cz d >d.tgz
        run -1 husk cp - one:/srv <d.tgz
        has "$output" compressed
        python3 - >evil.tar <<'PYTHON'
import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|') as tar:
        entry = tarfile.TarInfo('../../escaped')
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b'x'))
PYTHON
        run -1 husk cp - one:/srv <evil.tar
        husk cp one:/srv/d - >out.tar
        run -1 script -qec "$husk ${flags[*]} cp one:/srv/d -" /dev/null
        has "$output" 'not written to a terminal'
}

@test 'owners and rights: those of the one who gets it, unless --archive' {
        husk run -d --name one t
        chown 1234:1235 f d/sub/g
        chmod 6755 f
        touch -d '2001-02-03 04:05:06.789' f
        python3 -c 'import os; os.setxattr("f", "user.word", b"kept")'
        setcap cap_net_raw+ep d/sub/g
        cp_to f /srv/plain
        cp_to d/sub/g /srv/g
        husk cp -qa f one:/srv/archive
        husk cp -qa d/sub/g one:/srv/ga
        same "$(inside stat -c '%u:%g %a %Y %n' /srv/plain /srv/archive /srv/g /srv/ga | cut -d' ' -f1,2,4)" \
'0:0 755 /srv/plain
1234:1235 6755 /srv/archive
0:0 644 /srv/g
1234:1235 644 /srv/ga'
        same "$(inside stat -c %Y /srv/plain)" "$(stat -c %Y f)"
        husk cp -q one:/srv/archive out
        husk cp -qa one:/srv/archive outa
        husk cp -qa one:/srv/ga .
        husk cp -q one:/srv/ga gplain
        same "$(stat -c '%u:%g %a' out outa)" $'0:0 755\n1234:1235 6755'
        same "$(python3 -c 'import os; print(os.getxattr("out", "user.word").decode())')" kept
        has "$(getcap ga)" cap_net_raw
        same "$(getcap gplain)" ''
}

@test 'symbolic links: as links, and with -L what they lead to, in the root of the container' {
        husk run -d --name one t sh -c 'ln -s /data/file /srv/l && ln -s /data /srv/ld && ln -s /none /srv/dangling && exec sleep 1000'
        await inside test -L /srv/dangling
        ln -s f l
        cp_to l /srv/copied
        same "$(inside readlink /srv/copied)" f
        husk cp -qL l one:/srv
        same "$(inside cat /srv/l)" one
        same "$(inside readlink /srv/l || :)" ''
        husk cp -q one:/srv/ld .
        same "$(readlink ld)" /data
        husk cp -qL one:/srv/ld .  2>&1 | grep 'no directory'
        husk cp -qL one:/srv/ld followed
        same "$(cat followed/file)" image
        # A destination that is a link is what it leads to: in the container.
        cp_to f /srv/ld
        same "$(inside cat /data/f)" one
        cp_to f /srv/dangling
        same "$(inside cat /none)" one
        inside ln -s "$host/escaped" /srv/out
        run -1 cp_to f /srv/out
        same "$(ls -A "$host")" ''
}

@test 'stopped, and not begun: its volumes are there, and what was copied is kept' {
        id=$(husk create --name one -v "$host:/mnt" v)
        cp_to f /data
        cp_to f /mnt/seen
        same "$(cat "$host/seen")" one
        husk cp -q one:/data - | tar t | grep -qx data/file
        echo mine >file
        cp_to file /data
        is_state one created
        same "$(our_processes || :)" ''
        husk start one
        same "$(inside cat /data/file /data/f)" $'mine\none'
        inside rm /data/file
        husk stop -t 0 one
        cp_to f /srv/after
        cp_to f /etc/hosts
        run -1 husk cp one:/data/file .
        husk start one
        same "$(inside cat /srv/after /etc/hosts)" $'one\none'
        husk rm -f one
        nothing_left "$id"
}

@test 'a volume and a file system in memory of one that runs' {
        husk run -d --name one --tmpfs /mem -v "$host:/mnt" t
        cp_to d /mem
        same "$(inside cat /mem/d/sub/g)" two
        husk cp -q one:/mem/d/sub/g .
        same "$(cat g)" two
        cp_to f /mnt
        same "$(cat "$host/f")" one
        husk cp -q one:/dev/null x/ 2>/dev/null || :
        [ ! -c x/null ]
}

@test 'read-only: refused, whether it runs or not' {
        husk run -d --name one --read-only --tmpfs /mem -v "$host:/mnt:ro" t
        run -1 cp_to f /srv
        has "$output" 'Read-only file system'
        run -1 cp_to f /mnt
        has "$output" 'Read-only file system'
        cp_to f /mem
        same "$(ls -A "$host")" ''
        husk kill one
        await is_state one exited
        run -1 cp_to f /srv
        has "$output" 'Read-only file system'
        run -1 cp_to f /mnt
        husk cp -q one:/data/file .
        same "$(cat file)" image
        husk pause one 2>/dev/null || :
}

@test 'a user namespace: its root gets them, and we have what it has' {
        husk run -d --name one --uidmap 0:100000:65536 t
        chown 33:34 d/sub/g
        cp_to d /srv
        husk cp -qa d one:/tmp
        same "$(inside stat -c '%u:%g' /srv/d/sub/g /tmp/d/sub/g)" $'0:0\n33:34'
        inside chmod 600 /tmp/d/sub/g
        husk cp -qa one:/tmp/d out
        same "$(stat -c '%u:%g' out/sub/g)" 33:34
        husk stop -t 0 one
        husk cp -qa d one:/root
        husk start one
        same "$(inside stat -c '%u:%g' /root/d/sub/g)" 33:34
}

@test 'who unpacks what never ends dies with its client, in a user namespace, too' {
        mkfifo never
        tar c d >d.tar
        exec 9<>never
        for words in '' '--uidmap 0:100000:65536'; do
                # shellcheck disable=SC2086 # words
                husk run -d --name one $words t
                head -c 1024 d.tar >&9
                "$husk" "${flags[@]}" cp - one:/tmp <never 3>&- 9>&- &
                client=$!
                await confined 2 "$client"
                takes_along "$client"
                husk rm -f one
        done
        exec 9>&-
}

# exchanged N: of N rounds of copies out of and into the container that exchanges names, until one reached the host
exchanged() {
        local i
        for ((i = 0; i < $1; i++)); do
                husk cp -q f one:/srv/turn/in/ 2>/dev/null || :
                husk cp -q f one:/srv/turn/secret 2>/dev/null || :
                rm -rf got got2
                husk cp -qL one:/srv/turn/secret got 2>/dev/null || :
                husk cp -qL one:/srv/f got2 2>/dev/null || :
                if [ -L got ] || [ -L got2 ] || grep -qs secret got got2; then return 0; fi
                if [ "$(cat "$host/secret")" != secret ] || [ -n "$(ls -A "$host/in")" ]; then return 0; fi
        done
        return 1
}

@test 'a container that changes its files meanwhile: never a file of the host' {
        echo secret >"$host/secret"
        mkdir "$host/in"
        husk run -d --name one t sh -c "cd /srv; mkdir real; echo mine >real/secret; ln -s real turn
                while :; do ln -s $host turn.new; mv -fT turn.new turn; ln -s /srv/real turn.new; mv -fT turn.new turn
                ln -s $host/secret f.new; mv -fT f.new f; echo mine >f.new; mv -fT f.new f; done"
        await inside test -e /srv/f
        run -1 exchanged 40
        # Its magic links are none.
        run -1 husk cp one:/proc/1/root/etc/passwd got
        run -1 husk cp f one:/proc/self/cwd/x
        # The control: who joins the root and the name.
        without in_root
        run -0 exchanged 400
}

@test 'paused, and with names that are odd' {
        husk run -d --name one t
        odd=$'a \n\e[1m"\\'
        cp f "$odd"
        printf %0200d 0 | xargs touch
        husk pause one
        cp_to "$odd" /srv
        husk cp -q "one:/srv/$odd" back
        husk cp -q . one:/tmp
        husk unpause one
        same "$(cat back)" one
        same "$(inside ls /tmp | wc -l)" "$(find . -mindepth 1 -maxdepth 1 | grep -c ^./)"
}

# fcntl(2) F_SETLEASE: whoever opens the file waits until it is given back, or 45 seconds. Here each is, half a second
# after the kernel has asked for it by SIGIO.
@test 'files that the container has leases on: waited for' {
        husk run -d --name one --network none host python3 -c '
import fcntl, os, signal, time
os.mkdir("/srv/leased")
files = []
def give(*_):
        time.sleep(0.5)
        for fd in files:
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
signal.signal(signal.SIGIO, give)
for name in "ab":
        files.append(os.open("/srv/leased/" + name, os.O_RDWR | os.O_CREAT))
        os.write(files[-1], b"all of it")
        fcntl.fcntl(files[-1], fcntl.F_SETLEASE, fcntl.F_WRLCK)
os.mkdir("/srv/there")
while True:
        time.sleep(1000)'
        await inside test -d /srv/there
        LIMIT=20 husk cp -q one:/srv/leased .
        same "$(cat leased/a leased/b)" 'all of itall of it'
        husk rm -f one
}

@test 'many and large: holes, hard links, a deep tree' {
        husk run -d --name one t
        mkdir big
        truncate -s 1G big/hole
        echo end >>big/hole
        dd if=/dev/urandom of=big/random bs=1M count=8 status=none
        ln big/random big/twin
        (cd big && for i in $(seq 60); do mkdir -p deep && cd deep; done && touch bottom)
        husk cp -q big one:/srv
        husk cp -q one:/srv/big back
        cmp big/random back/random
        same "$(stat -c %i back/twin)" "$(stat -c %i back/random)"
        cmp big/hole back/hole
        [ "$(du -k back/hole | cut -f1)" -lt 1024 ]
        same "$(find back -name bottom | wc -l)" 1
}
