# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What the suites of the engines share. They run inside tests/conformance/run, which makes the private
# mount and network namespaces that this counts on.
#
#   RUNTIME   what the engine is given: husk-oci (from $HUSK_OCI), runc, crun
#   BINARY    its path
#   WORD      in every name, directory and cgroup that a suite makes; the leak meter looks for it
#   BOX       the engine's directories: data, state, sockets
#   STATE     where the runtime keeps its containers
#   IMAGE     an image of busybox alone, made here, as the engine names it

bats_require_minimum_version 1.5.0
load ../system/controllers
PATH=/usr/sbin:/usr/bin:/sbin:/bin

suite_begin() {
        [ -n "${CONFORMANCE_INSIDE:-}" ] || { echo "start it by tests/conformance/run" && return 1; }
        RUNTIME=${RUNTIME:-husk-oci}
        case $RUNTIME in
        husk-oci) BINARY=$HUSK_OCI ;;
        *) BINARY=$(command -v "$RUNTIME") || skip "there is no $RUNTIME" ;;
        esac
        WORD=hkpeer$$
        # Not below bats's directory: that is closed to the users of user namespaces.
        BOX=/tmp/$WORD
        export RUNTIME BINARY WORD BOX
        mkdir -m 711 "$BOX"
        # Engines ask for more open files than some machines grant, and runc gives up then.
        ulimit -n 4096
}

# An archive as `docker save` makes it, of busybox and a user named alice: $BOX/image.tar
make_image() {
        local tree=$BOX/image/tree sum
        mkdir -p "$tree"/{bin,dev,etc,proc,root,sys,tmp,var}
        chmod 1777 "$tree/tmp"
        cp "$(command -v busybox)" "$tree/bin/busybox"
        # Links by one program: 300 are five minutes of a guest.
        # shellcheck disable=SC2016,SC2046 # the other shell expands it; words
        busybox sh -c 'cd "$0" && for name; do [ "$name" = busybox ] || ln -s busybox "$name"; done' \
                "$tree/bin" $(busybox --list)
        printf 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\n' >"$tree/etc/passwd"
        printf 'root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n' >"$tree/etc/group"
        tar -C "$tree" --owner 0 --group 0 -cf "$BOX/image/layer.tar" .
        sum=$(sha256sum <"$BOX/image/layer.tar")
        cat >"$BOX/image/config.json" <<JSON
{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:${sum%% *}"]},"history":[{"created_by":"hand"}]}
JSON
        echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$1\"],\"Layers\":[\"layer.tar\"]}]" \
                >"$BOX/image/manifest.json"
        tar -C "$BOX/image" -cf "$BOX/image.tar" manifest.json config.json layer.tar
        rm -rf "$BOX/image"
}

# The cgroups that the engine itself leaves behind when it goes, and then nothing.
suite_end() {
        [ -n "${BOX:-}" ] || return 0
        local left
        left=$(find "$STATE" -mindepth 1 -not -name default 2>/dev/null)
        rm -rf --one-file-system "$BOX"
        [ "$RUNTIME" != crun ] || find /sys/fs/cgroup/unified -name cgroup.procs -fstype tmpfs -delete 2>/dev/null || :
        find /sys/fs/cgroup -depth -type d -path "*/$WORD*" -exec rmdir {} + 2>/dev/null || :
        left+=$("$BATS_TEST_DIRNAME/../leak-meter" "$WORD"; ls -d "$BOX" 2>/dev/null)
        [ -z "$left" ] || { echo "left behind:" && echo "$left" && return 1; } >&3
}

# start_daemon NAME PROGRAM...: in the background, its output in $BOX/NAME.log
start_daemon() {
        local name=$1
        shift
        "$@" >"$BOX/$name.log" 2>&1 3>&- &
        echo $! >"$BOX/$name.process"
        disown
}

# stop_daemon NAME: politely, then not
stop_daemon() {
        local pid
        pid=$(cat "$BOX/$1.process" 2>/dev/null) || return 0
        kill "$pid" 2>/dev/null
        await 30 dead "$pid" || kill -KILL "$pid"
}

dead() { [ ! -e "/proc/$1" ] || grep -q '^State:.*[ZX] ' "/proc/$1/status"; }

# await SECONDS COMMAND...: true as soon as the command is; a guest is given ten times as long
await() {
        local until=$((SECONDS + $1)) pause=0.05
        # A guest is slow, and slower the more often it is asked.
        [ -z "${HUSK_VM:-}" ] || until=$((SECONDS + $1 * 10)) pause=1
        shift
        until "$@" >/dev/null 2>&1; do
                [ "$SECONDS" -lt "$until" ] || { echo "never came true: $*" && return 1; }
                sleep "$pause"
        done
}

same() { [ "$1" = "$2" ] || { printf 'is       %q\nexpected %q\n' "$1" "$2" && return 1; }; }
has() { [[ $1 == *"$2"* ]] || { printf 'in  %s\nnot %s\n' "$1" "$2" && return 1; }; }

is_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# How long a command may take; a guest is slow.
limit_s() { if [ -z "${HUSK_VM:-}" ]; then echo 60; else echo 300; fi; }

# bounded COMMAND...: a hang is a failure, not the end of the suite
bounded() { timeout -k 5 "$(limit_s)" "$@" 3>&-; }

# on_terminal COMMAND...: on a terminal of script(1) of 30 rows and 100 columns; stdin is what it types
on_terminal() {
        local line
        line=$(printf '%q ' "$@")
        SHELL=/bin/bash bounded script -qec "stty rows 30 cols 100; exec $line" /dev/null 3>&- | tr -d '\r'
        return "${PIPESTATUS[0]}"
}

# A script for the container that prints its terminal's size, which an engine sets when the program runs.
sized() {
        echo 'n=0; until [ "$(stty size)" = "30 100" ] || [ $((n += 1)) -gt 300 ]; do sleep 0.1; done 2>/dev/null'
        echo 'stty size'
}

# limit_of V1FILE V2FILE: a script for the container that prints one of its limits
limit_of() {
        echo "cat /sys/fs/cgroup/$1 /sys/fs/cgroup/$2 2>/dev/null | head -n 1"
}
