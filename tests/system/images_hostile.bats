#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images that lie: each is refused with one error that names the layer and the entry, and nothing of it is kept.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load images_helper

setup() {
        engine_setup
        weak=${WEAK:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak}
        echo mine >"$box/victim"
}

# refused WORDS...: a pull of the layout's image fails with all of them, and the store is as it was.
refused() {
        run -1 husk pull -q "oci:$box/layout"
        for words in "$@"; do
                has "$output" "$words"
        done
        same "$(grep -c '^husk:' <<<"$output")" 1
        store_is_empty
        same "$(cat "$box/victim")" mine
        rm -rf "$box/layout"
}

# entry PYTHON WORDS...: a layer with such an entry is refused.
entry() {
        archive bad.tar "$1"
        archive good.tar 'add("a", b"1")'
        layout bad "$box/good.tar" "$box/bad.tar"
        shift
        refused "layer 2 of 2 (sha256:$(digest_of "$box/bad.tar" | cut -c-12))" "$@"
}

@test 'names that lead out' {
        entry 'add("../victim", b"evil")' "'../victim': '..' in a name leads out of the layer"
        entry 'add("a/../../victim", b"evil")' "'..' in a name leads out of the layer"
        entry "add('h', type='link', link='../victim')" "'h': '..' in a name"
        entry "add('h', type='link', link='$box/victim')" "'h': a hard link to what is not in the layer"
        entry 'add("a", b""); add("a/b", b"")' "'a/b': cannot open the directory that it is in"
}

@test 'links first, then what is behind them' {
        archive links.tar "
add('l', type='symlink', link='$box')
add('l/victim', b'evil')
add('m', type='symlink', link='../../../../../../../../$box/victim')
add('m', b'evil')
add('n', type='symlink', link='$box/victim')
add('o', type='link', link='n')"
        layout links "$box/links.tar"
        husk pull -q "oci:$box/layout" || :
        same "$(cat "$box/victim")" mine
}

# Links of 4 KB that lead through a directory and back, each to the next: a way costs 31,000 look-ups, and an entry of some
# bytes has one or two. The version before: as an image 1.5 s for 4000 of them, as a directory 11 s.
WAYS="
add('x', type='dir', mode=0o755)
for i in range(39):
        add('l%d' % i, type='symlink', link='x/../' * 800 + ('l%d' % (i + 1) if i < 38 else '.'))
"

@test 'ways that cost more than all entries' {
        entry "$WAYS
for i in range(100):
        add('l0/a%d' % i); add('x/a%d' % i)" "'l0/a16': the ways to the layer's entries, through links, are too long"
        entry "$WAYS
add('a')
for i in range(100):
        add('l0/b%d' % i, type='link', link='l0/a'); add('x/b%d' % i, type='link', link='a')" "'l0/b8': the ways to"
}

@test 'whiteouts and devices that would be believed' {
        entry 'add(".wh..")' "'.wh..': a whiteout of nothing"
        entry 'add("d/.wh...")' "'d/.wh...': a whiteout of nothing"
        entry 'add("z", type="char", devmajor=0, devminor=0)' "'z': a device 0:0 would hide a file"
}

@test 'archives that are none' {
        head -c 5000 /dev/urandom >"$box/noise.tar"
        layout noise "$box/noise.tar"
        refused 'layer 1 of 1' 'entry 1' 'not a tar archive'
        archive cut.tar 'add("a", b"1" * 5000)'
        truncate -s 3000 "$box/cut.tar"
        layout cut "$box/cut.tar"
        refused 'layer 1 of 1' 'entry 1' 'the archive ends within its data'
}

@test 'sizes and digests that are others' {
        archive good.tar 'add("a", b"1")'
        blob=$box/layout/blobs/sha256/$(digest_of "$box/good.tar")
        layout bad "$box/good.tar"
        printf x >>"$blob"
        refused 'is no file of 10240 bytes'
        layout bad "$box/good.tar"
        printf y | dd of="$blob" bs=1 seek=512 conv=notrunc status=none
        refused 'layer 1 of 1' 'its content has the digest'
        layout bad --diff-id sha256:0000000000000000000000000000000000000000000000000000000000000000 "$box/good.tar"
        refused 'layer 1 of 1' 'but the configuration says sha256:000000'
        layout bad --config '{"rootfs": {"type": "layers", "diff_ids": []}}' "$box/good.tar"
        refused '/rootfs/diff_ids' 'there are 0 of them for 1 layers'
        layout bad --manifest '{"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}' "$box/good.tar"
        refused 'cannot open blobs/sha256/44136fa3'
        printf '{}' >"$box/empty.json"
        layout bad "$box/good.tar"
        entry=$(jq -r '.manifests[0].digest' "$box/layout/index.json")
        sed -i 's/schemaVersion": 2/schemaVersion": 3/' "$box/layout/blobs/sha256/${entry#sha256:}"
        refused 'has the digest sha256:'
}

@test 'documents that are something else' {
        archive good.tar 'add("a", b"1")'
        layout both --manifest '{"manifests": []}' "$box/good.tar"
        refused 'is both, an image index and a manifest'
        layout foreign --type application/vnd.oci.image.layer.nondistributable.v1.tar "$box/good.tar"
        refused 'layer 1 of 1' 'a foreign one'
        layout unknown --type application/x-evil "$box/good.tar"
        refused 'layer 1 of 1' "of type 'application/x-evil', which is not known"
        layout chart --manifest '{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "size": 2,
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}}' "$box/good.tar"
        refused 'is no image: its configuration is of type'
        layout good "$box/good.tar"
        jq '.manifests[0].digest = "sha256:../../../../victim"' "$box/layout/index.json" >"$box/index"
        cp "$box/index" "$box/layout/index.json"
        refused '/manifests/0/digest' 'is no digest'
        for digest in a:b "sha512:$(head -c 128 /dev/zero | tr '\0' a)"; do
                layout good "$box/good.tar"
                jq --arg digest "$digest" '.manifests[0].digest = $digest' "$box/layout/index.json" >"$box/index"
                cp "$box/index" "$box/layout/index.json"
                refused "'${digest:0:100}" 'is no sha256 digest'
        done
}

@test 'files of a layout that are no files' {
        archive good.tar 'add("a", b"1")'
        layout bad "$box/good.tar"
        blob=$box/layout/blobs/sha256/$(digest_of "$box/good.tar")
        mv "$blob" "$box/elsewhere"
        ln -s "$box/elsewhere" "$blob"
        refused 'cannot open blobs/sha256/'
        layout bad "$box/good.tar"
        rm "$blob"
        mkfifo "$blob"
        refused 'is no file of 10240 bytes'
        layout bad "$box/good.tar"
        rm "$box/layout/index.json"
        mkfifo "$box/layout/index.json"
        refused 'cannot read'
}

@test "a layer that is another image's" {
        archive secret.tar 'add("secret", b"theirs")'
        archive mine.tar 'add("mine", b"")'
        layout theirs "$box/secret.tar"
        husk pull -q "oci:$box/layout"
        rm -rf "$box/layout"
        layout mine "$box/mine.tar"
        husk pull -q "oci:$box/layout" # its blob is there, and so is the layer that is claimed next
        rm -rf "$box/layout"
        layout liar --config '{"rootfs": {"type": "layers", "diff_ids": ["sha256:'"$(digest_of "$box/secret.tar")"'"]}}' \
                "$box/mine.tar"
        run -1 husk pull -q "oci:$box/layout"
        has "$output" "what is in it has the digest sha256:$(digest_of "$box/mine.tar")"
        store_is_whole
        # the control: who does not ask in which blob the layer was found
        local husk=$box/weak/husk
        mkdir "$box/weak"
        cp "$weak" "$husk"
        HUSK_WEAK=note husk pull -q "oci:$box/layout" >"$box/id"
        husk create --name liar "$(cat "$box/id")" /none
        run -0 husk cp liar:/secret -
        has "$output" theirs
}

# CVE-2021-41091: set-id programs of a layer whose digest one knows.
@test 'nobody else gets into the store' {
        store=$host/store
        flags=(--root "$store" --runroot "$box/run")
        archive setuid.tar 'add("tool", b"#!", mode=0o4755)'
        layout setuid "$box/setuid.tar"
        husk pull -q "oci:$box/layout"
        layer=$store/layers/$(digest_of "$box/setuid.tar")
        # An image of 0600 is closed by itself.
        [ ! -f "$layer/fs.erofs" ] || { same "$(stat -c '%a %u' "$layer/fs.erofs")" '600 0' && layer=$layer/layer.json; }
        [ -f "$layer" ] || layer=$layer/fs/tool
        reaches() { setpriv --reuid 65534 --clear-groups stat "$layer"; }
        run -1 reaches
        chmod 711 "$store/layers" # the control
        run -0 reaches
}

# heavy N NAME...: a docker archive of one image with these names, whose configuration has a member of N numbers.
heavy() {
        python3 - "$box/heavy.tar" "$@" <<'PYTHON'
import io, json, platform, sys, tarfile

architecture = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine())
config = json.dumps({'architecture': architecture, 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': []},
                     'created': 'x' * (1 << 20), 'config': {'Labels': {'l': 'y' * (1 << 20)}},
                     'x': [0] * int(sys.argv[2])}).encode()
names = json.dumps([{'Config': 'c.json', 'RepoTags': sys.argv[3:], 'Layers': []}]).encode()
with tarfile.open(sys.argv[1], 'w') as tar:
        for name, data in ('c.json', config), ('manifest.json', names):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
PYTHON
}

# In so little memory that the documents of a few images do not fit into it.
husk_small() { (ulimit -v 120000 && husk "$@"); }

@test 'an archive of many values, with many names, takes no memory to speak of' {
        local command
        heavy 500000 a:1
        run -1 husk load -i "$box/heavy.tar"
        has "$output" 'more than 65536 values'
        same "$(husk images -q)" ''
        heavy 65000 a:{1..40}
        run -0 husk_small load -i "$box/heavy.tar"
        same "$(grep -c '^Loaded image: ' <<<"$output")" 40
        for command in images 'images --filter label=l' 'images --filter before=a:1' 'system df' 'system check' \
                'image inspect a:1' 'image prune' 'rmi a:1'; do
                # shellcheck disable=SC2086
                run -0 husk_small $command
        done
        same "$(husk_small images -q | sort -u | wc -l)" 1
        same "$(husk_small images -q --filter label=l | wc -l)" 39
        run -0 husk_small save -o "$box/saved.tar" a:{2..40}
        run -0 husk_small pull -q "docker-archive:$box/heavy.tar"
        run -0 husk_small rmi -f "$(husk images -q | head -n 1)"
        same "$(husk images -q)" ''
        same "$(blobs)" ''
}

# strip_helper MEMBER: in $box/libexec a helper that does what the true one does, and leaves MEMBER out of its answers.
strip_helper() {
        mkdir -p "$box/libexec"
        cat >"$box/libexec/husk-registry" <<PYTHON
#!/usr/bin/python3
import json, os, select, socket, subprocess
ours, inner = socket.socket(fileno=3), socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
subprocess.Popen(['${husk%/*}/husk-registry'], preexec_fn=lambda: os.dup2(inner[1].fileno(), 3), close_fds=False)
inner[1].close()
while True:
        for side in select.select([ours, inner[0]], [], [])[0]:
                packet, fds, _, _ = socket.recv_fds(side, 1 << 20, 8)
                if not packet:
                        os._exit(0)
                if side is ours:
                        socket.send_fds(inner[0], [packet], fds)
                else:
                        answer = json.loads(packet)
                        answer.get('done', {}).pop('$1', None)
                        ours.send(json.dumps(answer).encode())
                for fd in fds:
                        os.close(fd)
PYTHON
        chmod 755 "$box/libexec/husk-registry"
}

@test 'a helper that does not say what it has read' {
        local member
        [ -x "${husk%/*}/husk-registry" ] || skip "there is no ${husk%/*}/husk-registry"
        archive one.tar 'add("a", b"1")'
        gzip "$box/one.tar"
        for member in diffId digest; do
                strip_helper "$member"
                run -1 env HUSK_LIBEXEC="$box/libexec" "$husk" "${flags[@]}" import "$box/one.tar.gz" one
                has "$output" 'who has read it does not say what is in it'
                store_is_empty
        done
        strip_helper nothing
        run -0 env HUSK_LIBEXEC="$box/libexec" "$husk" "${flags[@]}" import "$box/one.tar.gz" one
        store_is_whole
}
