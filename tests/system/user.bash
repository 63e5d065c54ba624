# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # set by bats
# An ordinary user who uses husk, made for a file of tests: with a home on the disk, where a store can hold the upper
# layer of an overlay, husk in it, and a root file system of busybox in ~/root.

# make_user NAME FIRST: with 65536 ids of /etc/subuid from FIRST on, and no others. $RUSER, $RUID, $RGID, $RHOME
make_user() {
        [ "$(id -u)" = 0 ] || skip 'needs root, to make an ordinary user'
        local tool
        for tool in useradd usermod userdel newuidmap newgidmap setpriv busybox; do
                command -v $tool >/dev/null || skip "needs $tool"
        done
        export RUSER=$1 RUID RGID RHOME
        RHOME=$(mktemp -d /var/tmp/husk-home.XXXXXX)
        useradd --no-create-home --home-dir "$RHOME" --shell /bin/sh "$RUSER"
        # Whatever useradd.conf says: exactly these.
        sed -i "/^$RUSER:/d" /etc/subuid /etc/subgid
        usermod --add-subuids "$2-$(($2 + 65535))" --add-subgids "$2-$(($2 + 65535))" "$RUSER"
        RUID=$(id -u "$RUSER") RGID=$(id -g "$RUSER")
        cp "${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}" "$RHOME/husk"
        mkdir -p "$RHOME/root/bin"
        cp "$(command -v busybox)" "$RHOME/root/bin/busybox"
        ln -s busybox "$RHOME/root/bin/sh"
        chown -R "$RUID:$RGID" "$RHOME"
        chmod 755 "$RHOME"
}

remove_user() {
        [ -n "${RUSER:-}" ] || return 0
        userdel "$RUSER" 2>/dev/null || true
        sed -i "/^$RUSER:/d" /etc/subuid /etc/subgid
        rm -rf --one-file-system "$RHOME"
}

# The user, at home, without anything of root's.
as_user() {
        (cd "$RHOME" && exec setpriv --reuid "$RUID" --regid "$RGID" --init-groups \
                env -i PATH=/usr/bin:/bin HOME="$RHOME" timeout -k 5 60 "$@" 3>&-)
}
husk() { as_user "$RHOME/husk" "$@"; }

remove_containers() {
        local id
        for id in $(husk ps -aq --no-trunc 2>/dev/null); do
                husk rm -f "$id" >/dev/null 2>&1 || :
        done
}

same() { [ "$1" = "$2" ] || { printf 'is       %q\nexpected %q\n' "$1" "$2" && return 1; }; }
has() { [[ $1 == *"$2"* ]] || { printf 'in  %s\nnot %s\n' "$1" "$2" && return 1; }; }
# left STORE: what is in the directory of its containers, but for that in which overlays are tried
left() { find "$1/containers" -mindepth 1 ! -path '*/.trial*'; }
nothing_left() { same "$(left "$RHOME/.local/share/husk")" ''; }
