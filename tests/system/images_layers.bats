#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container needs to know of an image's layers before it has them: read from the images, without a mount.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

# user_of CREATE_ARGUMENT...: uid, gid and HOME of a container made so.
user_of() {
        husk create --name who "$@" true >/dev/null
        sed -n 2p "$store"/containers/*/journal |
                jq -r '[.process.user.uid, .process.user.gid, (.process.env[] | select(startswith("HOME=")))] | join(" ")'
        husk rm who >/dev/null
}

people() { printf '%s:x:%d:%d::/home/%s:/bin/sh\\n' "$1" "$2" "$2" "$1"; }

# /etc is a link, in the lowest layer, to a directory of several blocks.
make_layers() {
        archive one.tar "add('usr/etc/', type='dir', mode=0o755); add('usr/etc/passwd', b'$(people low 11)')
add('usr/etc/group', b'staff:x:40:low\n'); add('etc', type='symlink', link='usr/etc'); add('bin/true', b'', mode=0o755)
for i in range(400): add(f'usr/etc/{\"ap\"[i % 2]}{i}', b'')"
        archive two.tar "add('usr/etc/passwd', b'$(people mid 22)')"
        archive three.tar "add('usr/etc/.wh.passwd'); add('./', type='dir', mode=0o711)"
        archive four.tar "add('usr/etc/.wh..wh..opq'); add('usr/etc/passwd', b'$(people top 44)')"
}

@test 'create: no layer is mounted to find a user' {
        make_layers
        layout two "$box/one.tar" "$box/two.tar"
        husk pull -q "oci:$box/layout:two"
        [ -f "$store/layers/$(digest_of "$box/one.tar")/fs.erofs" ] || skip 'layers are directories here'
        strace -f -e trace=fsopen,fsmount,mount -o "$box/calls" "$husk" "${flags[@]}" create localhost/layout:two true
        run -1 grep -E 'erofs|^[0-9]+ +mount\(' "$box/calls"
}

@test 'create: the user is whom overlayfs would show' {
        make_layers
        layout one "$box/one.tar"
        layout two "$box/one.tar" "$box/two.tar"
        layout three "$box/one.tar" "$box/two.tar" "$box/three.tar"
        layout four "$box/one.tar" "$box/two.tar" "$box/four.tar"
        for tag in one two three four; do husk pull -q "oci:$box/layout:$tag"; done
        same "$(user_of -u low:staff localhost/layout:one)" '11 40 HOME=/home/low'
        same "$(user_of -u mid:staff localhost/layout:two)" '22 40 HOME=/home/mid'
        run -125 husk create -u low localhost/layout:two true
        has "$output" "there is no user 'low' in the container's /etc/passwd"
        run -125 husk create -u mid localhost/layout:three true
        has "$output" "there is no user 'mid'"
        same "$(user_of -u 22 localhost/layout:three)" '22 0 HOME=/'
        same "$(user_of -u top localhost/layout:four)" '44 44 HOME=/home/top'
        run -125 husk create -u top:staff localhost/layout:four true
        has "$output" "there is no group 'staff'"
}

@test 'create: an image of a layer that is damaged is an error' {
        make_layers
        layout one "$box/one.tar"
        husk pull -q "oci:$box/layout:one"
        image=$store/layers/$(digest_of "$box/one.tar")/fs.erofs
        [ -f "$image" ] || skip 'layers are directories here'
        truncate -s 1000 "$image"
        run -125 husk create localhost/layout:one true
        has "$output" "cannot open the layer $image"
        has "$output" 'husk rmi'
}

# Overlayfs joins the roots of all layers, so what is below such a one is left out.
@test 'a layer whose root is opaque starts anew' {
        busybox="add('bin/', type='dir', mode=0o755); add('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)"
        archive one.tar "$busybox; add('etc/', type='dir', mode=0o755); add('etc/low', b'l'); add('lowest', b'l')
add('etc/passwd', b'$(people low 11)')"
        archive two.tar "add('.wh..wh..opq'); $busybox; add('etc/', type='dir', mode=0o755); add('etc/new', b'n')"
        archive three.tar "add('etc/', type='dir', mode=0o755); add('etc/top', b't')"
        layout one "$box/one.tar" >/dev/null
        layout two "$box/one.tar" "$box/two.tar" >/dev/null
        layout three "$box/one.tar" "$box/two.tar" "$box/three.tar" >/dev/null
        for tag in one two three; do
                husk pull -q "oci:$box/layout:$tag"
                husk tag "localhost/layout:$tag" "$tag"
        done
        same "$(husk run --rm --network none two /bin/busybox ls /etc)" $'hostname\nhosts\nnew\nresolv.conf'
        run -1 husk run --rm --network none two /bin/busybox ls /lowest
        same "$(husk run --rm --network none three /bin/busybox sh -c 'cd /etc && /bin/busybox cat new top')" nt
        run -125 husk create -u low three true
        has "$output" "there is no user 'low'"
        same "$(husk diff two one)" $'C /etc\nD /etc/low\nA /etc/new\nD /etc/passwd\nD /lowest'
        same "$(husk diff two)" $'A /bin\nA /bin/busybox\nA /etc\nA /etc/new\nD /lowest'
        same "$(husk diff three)" $'C /etc\nA /etc/top'
        place=$(husk image mount two)
        same "$(ls "$place" "$place/etc")" "$(printf '%s:\n' "$place"; echo bin; echo etc; echo; printf '%s:\n' "$place/etc"; echo new)"
        husk image unmount two
        husk run --name work --network none three /bin/busybox touch /lowest
        same "$(husk diff work)" 'A /lowest'
        husk export work | tar -t >"$box/names"
        not has "$(cat "$box/names")" etc/low
        # What is built upon it begins there, too.
        husk commit work four
        same "$(husk run --rm --network none four /bin/busybox ls / /etc | grep -c low)" 1
}
