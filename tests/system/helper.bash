# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What the system tests of husk-oci share. load helper; setup() calls begin, teardown() calls finish.
#
#   HUSK, HUSK_OCI  the programs
#   WORD     in every name that the test makes; leak-meter looks for it afterwards
#   ROOT     the state root        BUNDLE   a bundle with busybox in it, config.json by `config`
#   oci ...  husk-oci on that root with a time limit
# Containers are named "$WORD", "$WORD.b" and so on.

bats_require_minimum_version 1.5.0
load way
load controllers

HUSK_OCI=${HUSK_OCI:-$PWD/build/husk-oci}
HUSK=${HUSK:-$PWD/build/husk}

begin() {
        WORD=${HUSK_TEST_WORD:-hk$$}x$BATS_TEST_NUMBER
        ROOT=$BATS_TEST_TMPDIR/$WORD/state
        BUNDLE=$BATS_TEST_TMPDIR/$WORD/bundle
        mkdir -p "$BATS_TEST_TMPDIR/$WORD"
        cp -a "$BATS_FILE_TMPDIR/bundle" "$BUNDLE"
}

# Nothing may be left, but for containers that the test left alive on purpose or by failing.
finish() {
        local id left
        for id in "$ROOT"/*; do
                [ -d "$id" ] || continue
                id=${id##*/}
                oci delete --force "$id" || echo "# delete --force $id: $?"
        done
        left=$("$BATS_TEST_DIRNAME/../leak-meter" "$WORD"; find "$ROOT" -mindepth 1 2>/dev/null)
        if [ -n "$left" ]; then
                echo "left behind:"
                echo "$left"
                return 1
        fi
}

# One bundle a file, copied for each test: in a slow guest every process counts.
setup_file() {
        local bundle=$BATS_FILE_TMPDIR/bundle
        mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/etc" "$bundle/rootfs/tmp"
        chmod 1777 "$bundle/rootfs/tmp"
        cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
        # Links by one program: each that is started costs a tenth of a second in a guest.
        busybox sh -c 'cd "$0" && for name; do ln -s busybox "$name"; done' "$bundle/rootfs/bin" \
                sh cat echo id ls mkdir mount sleep true false kill stat tail head ps env pwd hostname \
                grep touch test trap wait dd umount chmod rm tty stty readlink sysctl
        (cd "$bundle" && "$HUSK_OCI" spec && jq '.process.terminal = false' config.json >new &&
                mv new config.json)
}

# config FILTER: jq over the bundle's config.json
config() {
        jq "$@" "$BUNDLE/config.json" >"$BUNDLE/config.new" &&
                mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# script TEXT: what the container's shell runs
script() {
        config --arg text "$1" '.process.args = ["/bin/sh", "-c", $text]'
}

oci() {
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" "$@"
}

# on_terminal WORDS: husk-oci WORDS on a terminal of script(1), whose input never ends by itself
on_terminal() {
        [ -p "$BATS_TEST_TMPDIR/$WORD/input" ] || mkfifo "$BATS_TEST_TMPDIR/$WORD/input"
        timeout --foreground -k 5 60 script -qec "$HUSK_OCI --root $ROOT $1" /dev/null \
                <>"$BATS_TEST_TMPDIR/$WORD/input" | tr -d '\r'
        return "${PIPESTATUS[0]}"
}

status_of() {
        oci state "$1" | jq -r .status
}

pid_of() {
        oci state "$1" | jq -r .pid
}

# sample N: how many of N rounds to make; a third in a guest, where all is emulated
sample() {
        if [ -n "${HUSK_VM:-}" ]; then echo $((($1 + 2) / 3)); else echo "$1"; fi
}

# eventually SECONDS COMMAND...: true as soon as the command is
eventually() {
        local until=$((SECONDS + $1))
        shift
        until "$@"; do
                [ $SECONDS -lt $until ] || return 1
                sleep 0.05
        done
}

stopped() {
        [ "$(status_of "$1")" = stopped ]
}

running() {
        [ "$(status_of "$1")" = running ]
}

# gone PID: it is dead; its zombie may still wait for its parent
gone() {
        [ ! -d "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"
}

# The container's cgroup directory in which the file of a controller is: v2's own, or v1's.
cgroup_file() {
        find /sys/fs/cgroup -path "*$WORD*" -name "$1" 2>/dev/null | head -n 1
}

# remove_cgroups GLOB: every cgroup with such a path. What others remove meanwhile is an error of find; what
# stays is seen by the leak meter.
remove_cgroups() {
        find /sys/fs/cgroup -depth -type d -path "$1" -exec rmdir {} + 2>/dev/null || :
}

# kernel_since 6.3
kernel_since() {
        [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

is_v2() {
        [ -e /sys/fs/cgroup/cgroup.controllers ]
}

# One error line on stderr, nothing on stdout, nothing in the state root. `run --separate-stderr`.
refused() {
        [ "$status" -ne 0 ]
        [ -z "$output" ]
        # an indented second line is a hint
        [ "$(grep -c '^husk-oci: ' <<<"$stderr")" = 1 ]
        [ -z "$(ls "$ROOT" 2>/dev/null)" ]
}
