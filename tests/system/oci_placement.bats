#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where a container's cgroups are, whose they may be, and that they go without taking others along.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load helper
setup() { begin; }
teardown() { finish; }

# The hierarchies of this machine, by their mount points.
hierarchies() {
        awk '$9 == "cgroup" || $9 == "cgroup2" || $8 == "cgroup" || $8 == "cgroup2" { print $5 }' \
                /proc/self/mountinfo
}

# stranger PATH: a process of ours in that cgroup of every hierarchy; its pid is $stranger
stranger() {
        local mount at part
        sleep 1000 3>&- &
        stranger=$!
        for mount in $(hierarchies); do
                at=$mount
                for part in ${1//\// }; do
                        at=$at/$part
                        mkdir -p "$at"
                        if [ -e "$at/cpuset.mems" ] && [ -e "$at/tasks" ]; then
                                cat "$mount/cpuset.cpus" >"$at/cpuset.cpus"
                                cat "$mount/cpuset.mems" >"$at/cpuset.mems"
                        fi
                done
                echo "$stranger" >"$mount/$1/cgroup.procs"
        done
}

stranger_goes() {
        local mount
        kill "$stranger"
        wait "$stranger" || :
        for mount in $(hierarchies); do
                eventually 5 rmdir "$mount/$1"
        done
}

@test "a cgroup that others are in is refused, and they live on" {
        stranger "$WORD.theirs"
        config --arg path "/$WORD.theirs" '.linux.cgroupsPath = $path'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        kill -0 "$stranger"
        stranger_goes "$WORD.theirs"
        refused
        [[ $stderr == *"has processes in it"* ]]
}

@test "a cgroup that others are below of is refused, and they live on" {
        stranger "$WORD.theirs/deeper/sub"
        config --arg path "/$WORD.theirs" '.linux.cgroupsPath = $path'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        kill -0 "$stranger"
        stranger_goes "$WORD.theirs/deeper/sub"
        remove_cgroups "*/$WORD.theirs*"
        refused
        [[ $stderr == *"has processes in it"* ]]
}

@test "a start that was killed at once is cleaned up without those who were there first" {
        stranger "$WORD.theirs"
        config --arg path "/$WORD.theirs" '.linux.cgroupsPath = $path'
        # The journal as the maker leaves it when it is killed before its first operation.
        mkdir -p "$ROOT/$WORD"
        {
                echo '{"version":1,"ociVersion":"1.2.0","id":"'"$WORD"'","mode":"create"}'
                echo '{}'
                for mount in $(hierarchies); do
                        echo '{"undo":"remove_cgroup","path":"'"$mount/$WORD.theirs"'"}'
                done
        } >"$ROOT/$WORD/journal"
        oci delete --force "$WORD"
        kill -0 "$stranger"
        stranger_goes "$WORD.theirs"
        [ ! -e "$ROOT/$WORD" ]
}

# As it is in pods of an engine that leaves their cgroup to a library of its own.
@test "a device that a cgroup above denies: an error that says where to look" {
        is_v2 || skip "needs cgroup v2"
        local above=/sys/fs/cgroup/$WORD.above
        mkdir "$above"
        python3 "$BATS_TEST_DIRNAME/../probes/deny-devices" "$above"
        config --arg path "/$WORD.above/below" '.linux.cgroupsPath = $path'
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        rmdir "$above"
        echo "$stderr"
        refused
        [[ $stderr == *"(make_node)"* ]]
        [[ $stderr == *"no cgroup above may deny the device"* ]]
}
