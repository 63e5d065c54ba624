#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff of images: of the topmost layer, and of two images; layers as EROFS images and as directories.

# shellcheck disable=SC2154 # set by bats and the helper
load images_helper

# `one` has one layer; `two` has one more, `three` another one instead.
three_images() {
        archive base.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1"); add("etc/b", b"22"); add("etc/same", b"s")
add("opt/", type="dir", mode=0o755); add("opt/x", b"x"); add("link", type="symlink", link="etc/a")
add("var/", type="dir", mode=0o755); add("var/lib/", type="dir", mode=0o755); add("var/lib/f", b"f")'
        archive two.tar 'add("etc/", type="dir", mode=0o755); add("etc/.wh.a"); add("etc/new/", type="dir", mode=0o755)
add("etc/new/n", b"n"); add(".wh.opt"); add("etc/b", b"23")'
        archive three.tar 'add("etc/", type="dir", mode=0o755); add("etc/c", b"c"); add("var/.wh..wh..opq")
add("link", type="symlink", link="etc/b"); add("var/", type="dir", mode=0o700)'
        layout one "gzip:$box/base.tar" >/dev/null
        layout two "gzip:$box/base.tar" "$box/two.tar" >/dev/null
        layout three "gzip:$box/base.tar" "$box/three.tar" >/dev/null
        for name in one two three; do
                husk pull -q "oci:$box/layout:$name"
                husk tag "localhost/layout:$name" "$name"
        done
}

lines() { printf '%s\n' "$@"; }

# Whether the layers are images or directories, the answers are these.
answers() {
        same "$(husk diff two)" "$(lines 'C /etc' 'D /etc/a' 'C /etc/b' 'A /etc/new' 'A /etc/new/n' 'D /opt')"
        same "$(husk diff two one)" "$(husk diff two)"
        same "$(husk diff one two)" "$(lines 'C /etc' 'A /etc/a' 'C /etc/b' 'D /etc/new' 'A /opt' 'A /opt/x')"
        same "$(husk diff three)" "$(lines 'C /etc' 'A /etc/c' 'C /link' 'C /var' 'D /var/lib')"
        same "$(husk diff three one)" "$(husk diff three)"
        same "$(husk diff one one)" ''
        # A layer that has none below is all new.
        same "$(husk diff one | head -n 3)" "$(lines 'A /etc' 'A /etc/a' 'A /etc/b')"
        same "$(husk diff --format '{{.Path}}' two three | grep -c /etc/c)" 1
        same "$(husk diff --format json two | jq -s 'length')" "$(husk diff --format json two | jq -s '[.[]|select(.Path)]|length')"
}

@test 'diff: images, whose layers are EROFS images' {
        three_images
        answers
        run -1 husk diff absent
        has "$output" "absent"
        run -1 husk diff two absent
        has "$output" "there is no image 'absent' here"
        run -1 husk diff absent two
        has "$output" "there is no image 'absent' here"
}

@test 'diff: a container comes first, by its name' {
        three_images
        archive root.tar "add('etc/', type='dir', mode=0o755); add('bin/', type='dir', mode=0o755); add('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)"
        layout root "$box/root.tar" >/dev/null
        husk pull -q "oci:$box/layout:root"
        husk run --name two localhost/layout:root /bin/busybox touch /bin/mine
        same "$(husk diff two)" "$(lines 'C /bin' 'A /bin/mine')"
        # With another one it is about images.
        same "$(husk diff two one | head -n 1)" 'C /etc'
}

@test 'diff: equal sizes and times, another content' {
        archive x.tar 'add("f", b"one"); add("g", b"same")'
        archive y.tar 'add("f", b"two"); add("g", b"same")'
        layout x "$box/x.tar" >/dev/null
        layout y "$box/y.tar" >/dev/null
        husk pull -q "oci:$box/layout:x"
        husk pull -q "oci:$box/layout:y"
        same "$(husk diff localhost/layout:x localhost/layout:y)" 'C /f'
}

@test 'diff: images whose layers are directories' {
        load image_helper
        base=$(image_layer)
        mkdir -p "$base"/{etc,opt,var/lib}
        echo 1 | tee "$base"/{etc/a,etc/b,etc/same,opt/x,var/lib/f} >/dev/null
        ln -s etc/a "$base/link"
        top=$(image_layer)
        mkdir -p "$top"/{etc/new,var}
        echo 2 | tee "$top"/{etc/b,etc/new/n} >/dev/null
        mknod "$top/etc/a" c 0 0
        mknod "$top/opt" c 0 0
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")' "$top/var"
        image_make docker.io/library/one:latest '{}' "$base"
        image_make docker.io/library/two:latest '{}' "$base" "$top"
        want=$(lines 'C /etc' 'D /etc/a' 'C /etc/b' 'A /etc/new' 'A /etc/new/n' 'D /opt' 'C /var' 'D /var/lib')
        same "$(husk diff two)" "$want"
        same "$(husk diff two one)" "$want"
        same "$(husk diff one two | tr '\n' ' ')" 'C /etc A /etc/a C /etc/b D /etc/new A /opt A /opt/x C /var A /var/lib A /var/lib/f '
        # An attribute alone, and a link alone.
        third=$(image_layer)
        cp -a "$base/." "$third/"
        chmod 600 "$third/etc/same"
        ln -sfn etc/b "$third/link"
        touch -h -r "$base/link" "$third/link"
        setcap cap_net_raw+ep "$third/opt/x"
        image_make docker.io/library/three:latest '{}' "$third"
        same "$(husk diff three one | tr '\n' ' ')" 'C /etc C /etc/same C /link C /opt C /opt/x '
}
