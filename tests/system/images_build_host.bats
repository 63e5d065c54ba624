#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk image build-host`: programs of this host as an image, with what they load and nothing else.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load images_helper

setup() {
        engine_setup
        open_way "$box"
        mkdir "$box/here"
        cd "$box/here" || return 1
}

build() { husk image build-host "$@"; }
# names IMAGE: what is in its one layer
names() {
        local id=$1 layer
        layer=$(husk image inspect "$id" | jq -r '.[0].RootFS.Layers[0]')
        tar tf "$store/images/blobs/sha256/${layer#sha256:}" | sort
}
# The libraries that the loader itself says it takes.
loaded() { ldd "$1" | sed -nE 's/.*=> (\/[^ ]*).*|^\s*(\/[^ ]*) \(.*/\1\2/p' | xargs -n1 readlink -f | sort; }

@test 'a program with libraries runs, and the image has those and no others' {
        id=$(build tools ls)
        [[ $id =~ ^sha256:[0-9a-f]{64}$ ]]
        run -0 husk run --rm tools ls -d /etc
        same "$output" /etc
        same "$(names tools | grep -E '\.so' | sed 's,^,/,' | while read -r f; do [ -L "$f" ] || echo "$f"; done)" "$(loaded "$(command -v ls)")"
        run ! grep -q bash <<<"$(names tools)"
        run -0 husk history --format '{{.CreatedBy}}' tools
        same "$output" 'husk image build-host'
        store_is_whole
        run -0 husk run --rm tools ls -l /etc/passwd
        has "$output" 'root root'
}

@test 'several: static, a script with its interpreter, and env' {
        printf '#!/bin/sh\necho script $0 $1\n' >script
        printf '#!/usr/bin/env busybox\n' >by-env
        chmod +x script by-env
        build -t other:1 -l a=b -l c tools busybox "$PWD/script" ./by-env
        run -0 husk run --rm tools "$PWD/script" word
        same "$output" "script $PWD/script word"
        run -0 husk run --rm other:1 busybox echo hello
        same "$output" hello
        names tools | grep -qx usr/bin/env
        same "$(husk image inspect other:1 | jq -r '.[0].Config.Labels | [.a, .c] | join(",")')" b,
}

@test 'the first program, or --entrypoint, is what its containers run' {
        build one busybox
        run -0 husk run --rm one
        has "$output" BusyBox
        build --entrypoint '["busybox","echo","said"]' two busybox
        run -0 husk run --rm two more
        same "$output" 'said more'
        run -1 build --entrypoint '[1]' three busybox
        run -1 build 'Bad Name' busybox
}

@test 'the same files, the same digest' {
        cp /bin/busybox b
        touch -d @1600000000 b
        first=$(build one "$PWD/b")
        husk rmi -f one
        touch -d @1700000000 .
        same "$(build one "$PWD/b")" "$first"
        same "$(husk image inspect one | jq -r '.[0].Created')" 2020-09-13T12:26:40Z
        touch -d @1600000001 b
        [ "$(build two "$PWD/b")" != "$first" ]
        touch -d @1500000000 b
        before=$(SOURCE_DATE_EPOCH=1400000000 build three "$PWD/b")
        touch -d @1550000000 b
        same "$(SOURCE_DATE_EPOCH=1400000000 build four "$PWD/b")" "$before"
        SOURCE_DATE_EPOCH=x run -1 build five "$PWD/b"
}

@test 'runpath, rpath and $ORIGIN' {
        command -v gcc >/dev/null || skip 'needs gcc'
        mkdir -p lib/deep bin
        echo 'int deep(void) { return 42; }' >deep.c
        echo 'int deep(void); int outer(void) { return deep(); }' >outer.c
        echo 'int outer(void); int main(void) { return outer(); }' >main.c
        gcc -shared -fPIC -o lib/deep/libdeep.so deep.c
        gcc -shared -fPIC -o lib/libouter.so outer.c -Llib/deep -ldeep
        # DT_RPATH is for the libraries of libraries, too; DT_RUNPATH is not.
        gcc -o bin/rpath main.c -Llib -louter -Wl,--disable-new-dtags,-rpath,'$ORIGIN/../lib:$ORIGIN/../lib/deep' -Wl,--allow-shlib-undefined
        gcc -o bin/runpath main.c -Llib -louter -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../lib' -Wl,--allow-shlib-undefined
        build one "$PWD/bin/rpath"
        run -42 husk run --rm one "$PWD/bin/rpath"
        run -1 build two "$PWD/bin/runpath"
        has "$output" 'needs the library libdeep.so, which is not there'
        same "$(husk images -q two)" ''
        store_is_whole
}

@test '--add and --with; links are kept; rights are not' {
        mkdir -p data/sub
        echo word >data/sub/file
        ln -s sub/file data/link
        ln -s "$PWD/data" way
        cp /bin/busybox suid
        chmod 4755 suid
        build --add "$PWD/way/link" --add data --with nss one busybox "$PWD/suid"
        run -0 husk run --rm one busybox cat "$PWD/way/link"
        same "$output" word
        same "$(husk run --rm one busybox readlink "$PWD/way")" "$PWD/data"
        same "$(husk run --rm one busybox stat -c '%a %u' "$PWD/suid")" '755 0'
        run -1 build --with nothing two busybox
        has "$output" 'not a value for --with'
        run -1 build --add /dev/null two busybox
        run -1 build two none-such-program
        has "$output" "there is no program 'none-such-program'"
        run -1 build two
        run -125 husk image build-host
        run -0 husk image build-host --help
        has "$output" SOURCE_DATE_EPOCH
}

# What is read of it later is compared with what was found; so the attacker's own directories have no files.
@test 'a directory whose owner exchanges it for a link meanwhile: nothing else comes into the image' {
        local i build
        mkdir -p data/x secret
        (cd data/x && mkdir {1..3000})
        (cd secret && mkdir {1..3000} && for i in {1..3000}; do echo not-public >"$i/f"; done)
        for i in {1..16}; do
                ln -s "$PWD/secret" data/y
                build --add data "t$i" >"$box/said" 2>&1 3>&- &
                build=$!
                sleep "0.0$((i + 9))"
                mv -T data/x z && mv -T data/y data/x
                # What is read is of the directory, or it is an error by name.
                wait "$build" || grep -qE '/data/x.* (was changed while it was read|No such file)' "$box/said"
                rm data/x
                mv z data/x
                rm -f data/y
        done
        run ! grep -rqs not-public "$store"
        store_is_whole
}

@test 'damaged programs: an error that names the file' {
        head -c 100 /bin/busybox >cut
        cp "$(command -v ls)" broken
        printf '\xff\xff\xff\xff\xff\xff\xff\x7f' | dd of=broken bs=1 seek=32 conv=notrunc status=none
        ln -s circle circle
        chmod +x cut broken
        run -1 build one "$PWD/broken"
        has "$output" 'damaged ELF file'
        run -1 build one "$PWD/cut"
        run -1 build one "$PWD/circle"
        same "$(husk images -q)" ''
        [ ! -e "$store/images/index.json" ] || store_is_empty
}
