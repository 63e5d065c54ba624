#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How layers are kept: as EROFS images where the kernel mounts such, as directories elsewhere; what they show is the same.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

# What a container needs, and some of everything.
make_image() {
        archive base.tar '
add("bin/", type="dir", mode=0o755)
add("bin/busybox", open("/bin/busybox", "rb").read(), mode=0o755)
for name in "sh", "sleep", "find", "cat", "stat": add("bin/" + name, type="symlink", link="busybox")
add("etc/", type="dir", mode=0o755)
for i in range(300): add(f"etc/many/{i}", b"x" * (i * 40), mtime=1500000000 + i)
add("etc/gone", b"1"); add("etc/again", type="link", link="etc/many/7")
add("own", b"", uid=12, gid=34, mode=0o4711); add("pipe", type="fifo")'
        archive top.tar 'add("etc/.wh.gone"); add("etc/new", b"2"); add("opt/.wh..wh..opq"); add("opt/x", b"3", pax_headers={"mtime": "1600000000.25"})'
        layout tool "$box/base.tar" "$box/top.tar"
}

needs_images() { ls "$store"/layers/*/fs.erofs >/dev/null 2>&1 || skip 'this kernel mounts no images from files here'; }

# The file systems of images that the processes of this test have open.
mounted() {
        local pid fd
        awk -v dev="$(stat -c '%Hd %Ld' "$store" | awk '{ printf "%02x:%02x", $1, $2 }')" '$2 == "POSIX" { split($6, at, ":"); if (at[1] ":" at[2] == dev) print $5, $7, at[3] }' /proc/locks |
                while read -r pid fd inode; do
                        [ -z "$(find "$store/layers" -inum "$inode" 2>/dev/null)" ] || stat -L -c %d "/proc/$pid/fd/$fd"
                done
}

@test 'containers of one image have its layers mounted once' {
        make_image >/dev/null
        husk pull -q "oci:$box/layout:tool"
        needs_images
        for name in a b c; do husk run -d --name "$name" localhost/layout:tool sleep 1000 >/dev/null; done
        same "$(mounted | wc -l)" 6
        same "$(mounted | sort -u | wc -l)" 2
        husk rm -f a # the first, from which the others have it
        husk run -d --name d localhost/layout:tool sleep 1000 >/dev/null
        same "$(mounted | sort -u | wc -l)" 2
        same "$(husk exec d cat /etc/new)" 2
        husk rm -f b c d
        same "$(mounted)" ''
}

@test 'an image and a directory show the same' {
        make_image >/dev/null
        open_way "$box"
        look() {
                husk run --rm "$@" localhost/layout:tool sh -c 'for f in /bin /etc/many /etc/again /etc/new /opt /own /pipe; do
                        find $f -exec stat -c "%n %f %u %g %h %s %Y" {} +; done; cat /etc/many/*; cat /opt/x; [ ! -e /etc/gone ]' |
                        sed '/^[a-z/]* 41/s/ [0-9]* [0-9]*$//' | LC_ALL=C sort # of directories neither size nor time, where they are implied
        }
        husk pull -q "oci:$box/layout:tool"
        needs_images
        look >"$box/as-image"
        look --userns private --uidmap 0:100000:65536 >"$box/as-image-mapped"
        store=$(mktemp -d "/dev/shm/husk-test.${HUSK_TEST_WORD:-}.XXXXXX") # of which the kernel reads no image
        flags=(--root "$store" --runroot "$box/run")
        husk pull -q "oci:$box/layout:tool"
        same "$(find "$store/layers" -name 'fs*' -type d | wc -l)" 2
        look >"$box/as-directory"
        rm -rf "$store"
        [ "$(wc -l <"$box/as-image")" -gt 300 ]
        diff "$box/as-image" "$box/as-directory"
        diff "$box/as-image" "$box/as-image-mapped"
}

@test 'a store that came to where its images are not mounted' {
        make_image >/dev/null
        husk pull -q "oci:$box/layout:tool"
        needs_images
        there=$(mktemp -d "/dev/shm/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        cp -a "$store/." "$there"
        store=$there flags=(--root "$there" --runroot "$box/run")
        run -125 husk run --rm localhost/layout:tool true
        has "$output" 'cannot mount the layer'
        has "$output" 'pull the image again'
        husk pull -q "oci:$box/layout:tool"
        same "$(husk run --rm localhost/layout:tool cat /etc/new)" 2
        store_is_whole
        rm -rf "$there"
}

@test 'an image that has one layer twice' {
        make_image >/dev/null
        archive more.tar 'add("etc/gone", b"back")'
        layout twice "$box/base.tar" "$box/more.tar" "$box/top.tar" "$box/more.tar"
        husk pull -q "oci:$box/layout:twice"
        same "$(husk run --rm localhost/layout:twice cat /etc/gone)" back
}

# A container holds its layers, however its image went.
@test 'an image that is removed under a container' {
        make_image >/dev/null
        husk pull -q "oci:$box/layout:tool"
        husk run --name stopped localhost/layout:tool cat /etc/new
        husk rmi -f localhost/layout:tool
        same "$(layers | wc -l)" 2
        run -0 husk diff stopped
        husk rm stopped
        husk image prune -f >/dev/null
        store_is_empty
}

@test 'an image that is removed under a container, by another name of the store' {
        local root
        make_image >/dev/null
        ln -s store "$box/link"
        cd "$box"
        for root in "$store/" "$box//store" store ./store/. "$box/link"; do
                flags[1]=$root
                husk pull -q "oci:$box/layout:tool"
                husk create --name stopped localhost/layout:tool cat /etc/new
                flags[1]=$store
                husk rmi -f localhost/layout:tool
                same "$(layers | wc -l)" 2
                run -0 husk system check --quick --repair
                run -0 husk start -a stopped
                husk rm stopped
                husk image prune
                same "$(layers | wc -l)" 0
        done
        # The layers of another store are not this one's.
        husk pull -q "oci:$box/layout:tool"
        cp -a "$store" "$box/other"
        flags[1]=$box/other
        husk create --name others localhost/layout:tool true
        cp -a "$box/other/containers/." "$store/containers"
        flags[1]=$store
        husk rmi -f localhost/layout:tool
        same "$(layers | wc -l)" 0
        rm -r "$store/containers"
        flags[1]=$box/other
        husk rm others
}

@test 'a store whose path has what overlayfs reads as something else' {
        local name
        make_image >/dev/null
        for name in 'a:b' 'a\b' 'a\:,b'; do
                flags[1]=$box/$name/store
                husk pull -q "oci:$box/layout:tool"
                same "$(husk run --rm --network none localhost/layout:tool cat /etc/new)" \
                        "$(husk run --rm --network none --userns private --uidmap 0:100000:65536 localhost/layout:tool cat /etc/new)"
                husk create --name one --network none localhost/layout:tool true
                place=$(husk mount one)
                [ -f "$place/etc/new" ]
                husk umount one
                husk rm one
                place=$(husk image mount localhost/layout:tool)
                [ -f "$place/etc/new" ]
                husk image unmount localhost/layout:tool
        done
}

# Layers of one with more than 140 are directories, but for those that were there before: here all were.
@test 'an image of as many layers as overlayfs takes, all of which are images' {
        open_way "$box"
        python3 - "$box" <<'PYTHON'
import io, sys, tarfile

for i in range(501):
        with tarfile.open(f'{sys.argv[1]}/l{i:03}.tar', 'w') as tar:
                names = {f'f{i}': b'x'} | ({'bin/sh': open('/bin/busybox', 'rb').read()} if i == 0 else {})
                for name, data in names.items():
                        entry = tarfile.TarInfo(name)
                        entry.size, entry.mode = len(data), 0o755
                        tar.addfile(entry, io.BytesIO(data))
PYTHON
        for part in 0 1 2 3 4; do
                layout "part$part" "$box/l$part"??.tar >/dev/null
                husk pull -q "oci:$box/layout:part$part"
                [ -n "$(find "$store/layers" -name fs.erofs)" ] || skip 'layers are directories here'
        done
        layout all "$box"/l[0-4]??.tar >/dev/null
        husk pull -q "oci:$box/layout:all"
        same "$(find "$store/layers" -name fs.erofs | wc -l)" 500
        limited() { bash -c 'ulimit -n "$0" || exit 77; [ -z "$1" ] || ulimit -S -n "$1"; exec "${@:2}"' "$1" "$2" "$husk" "${flags[@]}" "${@:3}"; }
        for options in '' '--userns private --uidmap 0:100000:65536'; do
                # shellcheck disable=SC2086
                run -0 limited 4096 1000 run --rm --network none $options localhost/layout:all /bin/sh -c 'set -- /f*; ulimit -S -n; ulimit -H -n; echo $#'
                same "$output" $'1000\n4096\n500'
        done
        run -125 limited 400 '' run --rm --network none localhost/layout:all /bin/sh
        has "$output" 'the image has 500 layers, which are more files than we may have open'
        has "$output" 'ulimit -Hn'
        run -125 limited 600 '' run --rm --network none localhost/layout:all /bin/sh
        has "$output" 'descriptors, more than we may have open'
        has "$output" 'ulimit -Hn'
        place=$(limited 4096 1000 image mount localhost/layout:all)
        same "$(find "$place" -maxdepth 1 -name "f*" | wc -l)" 500
        husk image unmount localhost/layout:all
        layout more "$box"/l*.tar >/dev/null
        husk pull -q "oci:$box/layout:more"
        run -125 husk run --rm --network none localhost/layout:more /bin/sh
        has "$output" 'the root has 501 layers, and there can be 500 at most'
        has "$output" 'husk import'
}

# published FILE: each rename of it into the store comes after what brought the content to the disk.
published() {
        python3 - "$1" <<'PYTHON'
import re, sys

synced, everything, seen = set(), False, 0
for line in open(sys.argv[1]):
        if call := re.search(r'\bf(?:data)?sync\(\d+<([^>]*)>\) += 0', line):
                synced.add(call[1])
        elif re.search(r'\bsyncfs\(\d+<[^>]*>\) += 0', line):
                everything = True
        elif call := re.search(r'\brename\w*\(\d+<([^>]*)>, "([^"]*)", \d+<([^>]*)>, "([^"]*)".*= 0', line):
                source, to = f'{call[1]}/{call[2]}', call[3]
                if to.endswith('/layers'):
                        assert everything or f'{source}/fs.erofs' in synced, line
                        assert f'{source}/layer.json' in synced, line
                elif not to.endswith('/tmp'):
                        assert source in synced, line
                seen += 1
                synced.discard(source) # the next one of that name is another file
assert seen >= 7, seen # two layers, their blobs, two documents, the index
PYTHON
}

@test 'power loss: what is published is on the disk before' {
        make_image >/dev/null
        # A file for each process, else calls are cut in two where another process is faster.
        traced() { timeout -k 5 60 strace -ff -y -e trace=fsync,fdatasync,syncfs,rename,renameat,renameat2 -o "$1" "$husk" "${@:2}" 3>&-; }
        traced "$box/image" "${flags[@]}" pull -q "oci:$box/layout:tool"
        published "$(grep -l "rename.*/layers" "$box"/image.*)"
        there=$(mktemp -d "/dev/shm/husk-test.${HUSK_TEST_WORD:-}.XXXXXX")
        traced "$box/directory" --root "$there" --runroot "$box/run" pull -q "oci:$box/layout:tool"
        rm -rf "$there"
        published "$(grep -l "rename.*/layers" "$box"/directory.*)"
}
