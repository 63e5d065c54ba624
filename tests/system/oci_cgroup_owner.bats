#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two containers of one cgroupsPath, one behind the other, and strangers in a cgroup: what is undone is the container's
# own, whoever was killed when, and what cannot be found out is left for the next try.

# shellcheck disable=SC2154 # set by bats
load helper

setup() {
        begin
        script 'sleep 1000'
        top="/top.$WORD"
        config --arg top "$top" '.linux.cgroupsPath = $top'
}
teardown() {
        [ -z "${stranger:-}" ] || kill "$stranger" 2>/dev/null || :
        finish
}

detached() { oci run --detach --bundle "$BUNDLE" "$1" >/dev/null 2>&1; }

# The first of its cgroups.
first_of() { jq -Rr 'fromjson? | select(.undo? == "remove_cgroup").path' "$ROOT/$1/journal" | head -n 1; }

# a has ended, b runs in cgroups of the same names.
a_then_b() {
        detached "$WORD.a"
        oci kill "$WORD.a" KILL
        eventually 10 stopped "$WORD.a"
        detached "$WORD.b"
        pid=$(pid_of "$WORD.b")
        cgroup=$(first_of "$WORD.b")
}

b_lives() { [ "$(pid_of "$WORD.b")" = "$pid" ] && ! gone "$pid"; }

nothing_left() {
        oci delete --force "$WORD.b"
        [ -z "$(find /sys/fs/cgroup -maxdepth 6 -name "*$top*" 2>/dev/null)" ]
        [ ! -e "$cgroup" ]
}

# injected WHAT ARGUMENTS...: husk-oci, to which the kernel does that
injected() {
        local what=$1
        shift
        timeout 60 strace -qq -o "$BUNDLE/calls" -P "$cgroup" -e trace="${what%%:*}" -e inject="$what" \
                "$HUSK_OCI" --root "$ROOT" "$@" </dev/null
}

@test "a document that looks like a line of the journal: the one in its cgroup lives" {
        local first
        detached "$WORD.b"
        pid=$(pid_of "$WORD.b")
        cgroup=$(first_of "$WORD.b")
        for first in 'process: .process' 'parents: 1, of: 0' 'claimed: 1' \
                'undo: "remove_cgroup", path: "/sys/fs/cgroup"'; do
                jq -c "{$first} + ." "$BUNDLE/config.json" >"$BUNDLE/new"
                cp "$BUNDLE/config.json" "$BUNDLE/old"
                mv "$BUNDLE/new" "$BUNDLE/config.json"
                injected mkdir:signal=KILL create --bundle "$BUNDLE" "$WORD.a" || :
                mv "$BUNDLE/old" "$BUNDLE/config.json"
                [ -e "$ROOT/$WORD.a/journal" ]
                oci delete --force "$WORD.a"
                [ ! -e "$ROOT/$WORD.a" ]
                b_lives
        done
        nothing_left
}

@test "a stranger in a cgroup in which nothing was made: it lives, and the container goes when it has gone" {
        detached "$WORD.b"
        cgroup=$(first_of "$WORD.b")
        oci delete --force "$WORD.b"
        mkdir "$cgroup"
        timeout 60 strace -qq -o "$BUNDLE/calls" -e trace=clone3,clone -e inject=clone3,clone:signal=KILL \
                "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD.a" </dev/null || :
        grep -q '^{"claimed"' "$ROOT/$WORD.a/journal"
        run ! grep -q '^{"process"' "$ROOT/$WORD.a/journal"
        sleep 1000 3>&- &
        stranger=$!
        echo "$stranger" >"$cgroup/cgroup.procs"
        run -1 oci delete --force "$WORD.a"
        [[ $output == *"cannot remove the cgroup $cgroup"* ]]
        ! gone "$stranger"
        kill "$stranger"
        wait "$stranger" || :
        oci delete --force "$WORD.a"
        nothing_left
}

@test "who cannot look at the cgroup leaves it, and the next delete does not" {
        a_then_b
        run -1 injected lstat,newfstatat:error=ENOMEM:when=1 delete "$WORD.a"
        [[ $output == *"$cgroup"* ]]
        b_lives
        run -1 injected lstat,newfstatat:error=ENOMEM:when=1 kill --all "$WORD.a" KILL
        b_lives
        oci delete "$WORD.a"
        b_lives
        nothing_left
}

@test "the delete of one that has ended does not let another go on" {
        a_then_b
        oci pause "$WORD.b"
        oci delete "$WORD.a"
        b_lives
        [ "$(status_of "$WORD.b")" = paused ]
        nothing_left
}

@test "after a boot nothing of it is there: a cgroup of the name of one that it has made is another's" {
        config --arg top "$top/sub" '.linux.cgroupsPath = $top'
        detached "$WORD.b"
        cgroup=$(first_of "$WORD.b")
        oci kill "$WORD.b" KILL
        eventually 10 stopped "$WORD.b"
        sed -i 's/"boot":"[^"]*"/"boot":"another"/' "$ROOT/$WORD.b/journal"
        find /sys/fs/cgroup -depth -path "*$top*" -type d -exec rmdir {} +
        mkdir "${cgroup%/sub}"
        oci delete "$WORD.b"
        [ ! -e "$ROOT/$WORD.b" ]
        rmdir "${cgroup%/sub}"
}

@test "an old cgroup of a container's with cgroups below it is made anew, one of the administrator's keeps its limits" {
        detached "$WORD.b"
        cgroup=$(first_of "$WORD.b")
        mkdir "$cgroup/below"
        oci kill "$WORD.b" KILL
        eventually 10 stopped "$WORD.b"
        detached "$WORD.a"
        [ "$(status_of "$WORD.a")" = running ]
        oci delete "$WORD.b"
        [ "$(status_of "$WORD.a")" = running ]
        oci delete --force "$WORD.a"
        # In it a process has run that was none of a container's.
        mkdir "$cgroup"
        sh -c "echo 0 >$cgroup/cgroup.procs"
        limit=$cgroup/cgroup.max.descendants
        if [ ! -e "$limit" ]; then
                limit=/sys/fs/cgroup/pids$top/pids.max
                mkdir "${limit%/*}"
        fi
        echo 77 >"$limit"
        config 'del(.linux.resources.pids)'
        detached "$WORD.b"
        [ "$(cat "$limit")" = 77 ]
        nothing_left
}
