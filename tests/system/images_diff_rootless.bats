#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff of images and container prune by an ordinary user: layers and containers have files of other ids, closed to him.

# shellcheck disable=SC2154,SC2030,SC2031 # set by bats and setup_file
bats_require_minimum_version 1.5.0

load user

setup_file() { make_user "hkdiff$$" 2000500000; }
teardown_file() { remove_user; }

teardown() {
        remove_containers
        nothing_left
}

@test 'diff: a directory of another id, which is closed' {
        python3 - "$RHOME" <<'PYTHON'
import io, sys, tarfile
for name, data in ('one', b'1'), ('two', b'2'):
        with tarfile.open(f'{sys.argv[1]}/{name}.tar', 'w') as tar:
                entry = tarfile.TarInfo('closed')
                entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, 0o700, 33
                tar.addfile(entry)
                entry = tarfile.TarInfo('closed/f')
                entry.size, entry.uid, entry.mode = 1, 33, 0o600
                tar.addfile(entry, io.BytesIO(data))
PYTHON
        husk import -q "$RHOME/one.tar" one
        husk import -q "$RHOME/two.tar" two
        same "$(husk diff one)" $'A /closed\nA /closed/f'
        same "$(husk diff two one)" $'C /closed\nC /closed/f'
        husk rmi one two
}

@test 'container prune: what the container wrote as another id goes, too' {
        husk run --name one host sh -c 'mkdir /tmp/d && echo x >/tmp/d/f && chmod 700 /tmp/d && chown -R 33 /tmp/d'
        run -0 --separate-stderr husk container prune
        [[ $output == *'Total reclaimed space: '[1-9]* ]]
        same "$(husk ps -aq)" ''
}
