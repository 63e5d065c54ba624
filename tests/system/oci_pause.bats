#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pause and resume: what stands still, what goes on, and what may be done to it meanwhile. On cgroup v1
# (the freezer) and v2.

# shellcheck disable=SC2154,SC2016 # set by bats; the container's own variables
load helper
STUCK=${STUCK:-$BATS_TEST_DIRNAME/../../build/dev/tests/probe_stuck}
setup() {
        begin
        config '.root.readonly = false'
}
teardown() { finish; }

# A program that writes a number, one more each time, into rootfs/tmp/n. Never into the file itself: to
# empty that takes a disk so long that it is hardly ever seen full.
numbers='n=0; while :; do n=$((n + 1)); echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n; done'
counts() {
        script "$1"
        [ -e "$BUNDLE/rootfs/bin/mv" ] || ln -s busybox "$BUNDLE/rootfs/bin/mv"
}

counting() {
        counts "$numbers"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        eventually 20 moved 0
}

count() { cat "$BUNDLE/rootfs/tmp/n" 2>/dev/null || echo 0; }
moved() { [ "$(count)" -gt "$1" ]; }

# All threads of the process sleep in the kernel and have used no more time since: the ticks of its stat.
ticks() { awk '{ print $14 + $15 }' "/proc/$(pid_of "$WORD")/stat"; }

paused() { [ "$(status_of "$WORD")" = paused ]; }

@test "nothing moves while it is paused, and all goes on" {
        counting
        oci pause "$WORD"
        paused
        oci list -f json | jq -e '.[0].status == "paused" and .[0].pid > 0'
        # Once it is paused it has stopped: two looks are the same, however far apart.
        local before used
        before=$(count)
        used=$(ticks)
        for _ in {1..20}; do
                [ "$(count)" = "$before" ]
        done
        [ "$(ticks)" = "$used" ]
        oci resume "$WORD"
        running "$WORD"
        eventually 20 moved "$before"
}

@test "a created one, too; start waits for resume" {
        script 'echo 1 >/tmp/n; sleep 1000'
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        oci pause "$WORD"
        paused
        run --separate-stderr oci start "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"'$WORD' is paused"* ]]
        oci resume "$WORD"
        [ "$(status_of "$WORD")" = created ]
        oci start "$WORD"
        eventually 20 moved 0
}

@test "only what runs is paused, only what is paused is resumed" {
        script 'exit 0'
        run --separate-stderr oci pause "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"container '$WORD' does not exist"* ]]
        run ! oci resume "$WORD"
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        run --separate-stderr oci resume "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"is not paused: it is created"* ]]
        oci pause "$WORD"
        run --separate-stderr oci pause "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"is paused"* ]]
        paused
        oci resume "$WORD"
        oci start "$WORD"
        eventually 20 stopped "$WORD"
        run --separate-stderr oci pause "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"is stopped"* ]]
        run ! oci resume "$WORD"
}

@test "exec is refused, unless it is to wait for resume" {
        counting
        local file before
        file=$(find /sys/fs/cgroup -path "*$WORD*" -name cgroup.procs | grep freezer || cgroup_file cgroup.procs)
        oci pause "$WORD"
        before=$(wc -l <"$file")
        run --separate-stderr oci exec "$WORD" /bin/true
        [ "$status" = 255 ]
        [[ $stderr == *"'$WORD' is paused"* ]]
        oci exec --ignore-paused "$WORD" /bin/echo later </dev/null >"$BUNDLE/out" 2>&1 3>&- &
        # it has joined the cgroup, and stands there
        one_more() { [ "$(wc -l <"$file")" = $((before + 1)) ]; }
        eventually 20 one_more
        [ ! -s "$BUNDLE/out" ]
        oci resume "$WORD"
        wait $!
        [ "$(cat "$BUNDLE/out")" = later ]
}

@test "signals wait until it goes on, but SIGKILL" {
        script 'trap "echo 1 >/tmp/n" USR1; touch /tmp/ready; while :; do sleep 0.1; done'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        eventually 20 test -e "$BUNDLE/rootfs/tmp/ready"
        oci pause "$WORD"
        oci kill "$WORD" USR1
        paused
        [ ! -e "$BUNDLE/rootfs/tmp/n" ]
        oci resume "$WORD"
        eventually 20 moved 0
        oci pause "$WORD"
        oci kill "$WORD" KILL
        eventually 20 stopped "$WORD"
        oci delete "$WORD"
}

@test "delete: not without --force; with it at once" {
        counting
        pid=$(pid_of "$WORD")
        oci pause "$WORD"
        run --separate-stderr oci delete "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"is paused"* ]]
        paused
        oci delete --force "$WORD"
        gone "$pid"
}

@test "delete of one whose first process has ended and whose others are frozen" {
        config 'del(.linux.namespaces[] | select(.type == "pid"))'
        script 'sleep 1000 & sleep 1000 & echo 1 >/tmp/n'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        eventually 20 stopped "$WORD"
        local freezer pids
        freezer=$(cgroup_file freezer.state)
        if [ -n "$freezer" ]; then echo FROZEN >"$freezer"; else echo 1 >"$(cgroup_file cgroup.freeze)"; fi
        pids=$(cat "$(cgroup_file cgroup.procs)")
        [ -n "$pids" ]
        oci delete "$WORD"
        for pid in $pids; do
                gone "$pid"
        done
}

@test "a process that cannot be stopped: an error, and all go on" {
        [ -x "$STUCK" ] || skip "there is no $STUCK"
        cp "$STUCK" "$BUNDLE/rootfs/bin/stuck"
        config '.process.capabilities[] += ["CAP_SYS_PTRACE"]'
        counts "/bin/stuck >/tmp/said & $numbers"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        eventually 20 grep -qs stuck "$BUNDLE/rootfs/tmp/said"
        in_kernel() {
                local procs
                procs=$(sed 's,.*,/proc/&/wchan,' "$(cgroup_file cgroup.procs)")
                # shellcheck disable=SC2086 # a word each
                grep -qs handle_userfault $procs
        }
        eventually 20 in_kernel
        run --separate-stderr oci pause "$WORD"
        [ "$status" = 1 ]
        [[ $stderr == *"could not be stopped"*"all go on"* ]]
        running "$WORD"
        local n
        n=$(count)
        eventually 20 moved "${n:-0}"
}

@test "a container without a cgroup cannot be paused" {
        counting
        # as the journal of an ordinary user's container is
        sed -i '/"remove_cgroup"/d' "$ROOT/$WORD/journal"
        run --separate-stderr oci pause "$WORD"
        # its cgroups are ours to remove now, before anything can fail
        kill -KILL "$(pid_of "$WORD")"
        eventually 20 stopped "$WORD"
        oci delete "$WORD"
        remove_cgroups "*/$WORD*"
        [ "$status" = 1 ]
        [[ $stderr == *"has no cgroup that can be frozen"* ]]
}

@test "one that was frozen while it was made, and whose maker was killed then, can be deleted" {
        local freezer pid hook
        config --arg pid "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: "/bin/sh",
                args: ["sh", "-c", "echo $$ >\($pid); exec sleep 1000"]}]'
        "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        eventually 20 test -s "$BATS_TEST_TMPDIR/hook"
        [ "$(status_of "$WORD")" = creating ]
        freezer=$(cgroup_file freezer.state)
        if [ -n "$freezer" ]; then echo FROZEN >"$freezer"; else echo 1 >"$(cgroup_file cgroup.freeze)"; fi
        kill -KILL "$pid"
        wait "$pid" || :
        hook=$(cat "$BATS_TEST_TMPDIR/hook")
        kill -KILL "$hook"
        oci delete --force "$WORD"
}
