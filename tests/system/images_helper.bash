# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of images share: layouts made by hand, and what a store must be after each of them.

load engine_helper

# archive NAME PYTHON: a tar file that a piece of Python has made; add(name, data=b'', **attributes) adds an entry.
archive() {
        python3 - "$box/$1" "$2" <<'PYTHON'
import io, sys, tarfile

types = {'dir': tarfile.DIRTYPE, 'link': tarfile.LNKTYPE, 'symlink': tarfile.SYMTYPE, 'char': tarfile.CHRTYPE,
         'fifo': tarfile.FIFOTYPE, 'file': tarfile.REGTYPE}
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        def add(name, data=b'', type='file', link='', mode=0o644, **attributes):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname, entry.mode, entry.size, entry.mtime = types[type], link, mode, len(data), 1600000000
                for key, value in attributes.items():
                        setattr(entry, key, value)
                tar.addfile(entry, io.BytesIO(data))
        exec(sys.argv[2])
PYTHON
}

# layout NAME ARGUMENT...: into $box/layout
layout() { python3 "$BATS_TEST_DIRNAME/images_layout.py" "$box/layout" "$@"; }

digest_of() { sha256sum "$1" | cut -d' ' -f1; }
blobs() { find "$store/images/blobs/sha256" -type f -printf '%f\n' | sort; }
layers() { find "$store/layers" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }

# layer_fs HEX: the files of an unpacked layer are in $fs, until the test ends.
layer_fs() {
        fs=$store/layers/$1/fs
        [ -f "$fs.erofs" ] || return 0
        set -- "$fs.erofs"
        fs=$(mktemp -d "$host/layer.XXXXXX")
        mount -t erofs -o ro "$1" "$fs"
}

images_teardown() {
        local dir
        for dir in "${host:-/nonexistent}"/layer.*; do
                [ ! -d "$dir" ] || umount "$dir"
        done
        engine_teardown
}

teardown() { images_teardown; }

# The store is whole: every blob and every layer is one that the index leads to, all that it leads to is there and has
# its digest, and nothing is in the making.
store_is_whole() {
        python3 - "$store" <<'PYTHON'
import hashlib, json, pathlib, sys

root = pathlib.Path(sys.argv[1])
blobs, layers = root / 'images/blobs/sha256', root / 'layers'
wanted, unpacked = set(), set()
for entry in json.loads((root / 'images/index.json').read_text())['manifests']:
        manifest = json.loads((blobs / entry['digest'][7:]).read_text())
        config = json.loads((blobs / manifest['config']['digest'][7:]).read_text())
        wanted |= {item['digest'][7:] for item in [entry, manifest['config'], *manifest['layers']]}
        unpacked |= {diff_id[7:] for diff_id in config['rootfs']['diff_ids']}
assert {path.name for path in blobs.iterdir()} == wanted, 'blobs'
assert {path.name for path in layers.iterdir()} == unpacked, 'layers'
for path in blobs.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, path
for path in layers.iterdir():
        assert (path / 'fs').is_dir() != (path / 'fs.erofs').is_file() and (path / 'layer.json').is_file(), path
assert not list((root / 'tmp').iterdir()), 'in the making'
PYTHON
}

# Nothing of any image.
store_is_empty() {
        same "$(blobs)" ''
        store_is_whole
}
