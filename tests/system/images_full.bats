#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A store on a disk that has no byte left: what takes room away from it can be removed, by root and by an ordinary user.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317 # other shells' words; set by bats and the helpers
load images_helper
load user

setup_file() { make_user "hkfull$$" 2100500000; }
teardown_file() { remove_user; }
setup() {
        engine_setup
        as_root() { timeout -k 5 60 "$husk" --root "$place" --runroot "$place.run" "$@" 3>&-; }
        archive one.tar 'add("one", bytes(range(256)) * 4096)'
        archive two.tar 'add("two", bytes(range(255)) * 4096)'
        chmod 755 "$box"
        chmod 644 "$box/one.tar" "$box/two.tar"
        cp "$box/one.tar" "$box/two.tar" "$RHOME"
        export husk box RUSER RUID RGID RHOME
        export -f as_root as_user full same whole scene
}

# Nothing can be written any more.
full() {
        head -c 100M /dev/zero 2>/dev/null >>"$place/fill" || :
        same "$(df --output=avail "$place" | tail -n 1 | tr -d ' ')" 0
        ! echo more 2>/dev/null >"$place/more"
}

# No image, no blob, no layer, nothing in the making; `spare` is what the next full disk is for.
whole() {
        same "$(cd "$place" && find . -type f ! -name fill ! -name more | LC_ALL=C sort | tr '\n' ' ')" \
                './images/index.json ./images/oci-layout ./spare '
        same "$(jq -c .manifests "$place/images/index.json")" '[]'
}

# scene DIRECTORY FUNCTION WHERE: husk is that function, and its store that directory, in a mount namespace of its own.
scene() {
        set -eu
        place=$1
        mkdir -p "$place"
        mount -t tmpfs -o size=6m,mode=700,uid="${4:-0}" none "$place"
        "$2" import -q "$3/one.tar" one:1
        "$2" import -q "$3/two.tar" two:1
        for name in a b c d; do "$2" tag one:1 $name:1; done
        # Names alone: there is nothing to be gained, again and again.
        for name in a b c d; do
                full
                "$2" rmi $name:1
        done
        full
        "$2" rmi two:1
        same "$("$2" images -q two:1)" ''
        full
        "$2" image prune -af
        whole
        # Other words for it, and what is left works.
        rm "$place/fill" "$place/more"
        "$2" import -q "$3/two.tar" two:1
        "$2" system check
        full
        "$2" rmi -f two:1
        whole
        # A spare that somebody who was killed has cut off, or that was taken away.
        for spare in 'truncate -s 0' 'rm -f'; do
                rm -f "$place/fill" "$place/more"
                $spare "$place/spare"
                "$2" import -q "$3/two.tar" two:1
                full
                "$2" rmi two:1
                whole
        done
        umount "$place"
}

@test 'a full disk is emptied by rmi and prune' {
        timeout 120 unshare -m bash -c 'scene "$box/small" as_root "$box"'
}

@test 'and by an ordinary user' {
        cp "$husk" "$RHOME/husk"
        as_them() { as_user "$RHOME/husk" "$@"; }
        export -f as_them
        mkdir -p "$RHOME/.local/share/husk"
        chown -R "$RUID:$RGID" "$RHOME/.local"
        timeout 120 unshare -m bash -c 'scene "$RHOME/.local/share/husk" as_them "$RHOME" "$RUID"'
}
