#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL at any moment of start, exec and kill of a container that is there, and of its first process: the
# container is what its state says, and the next command does what it should.

load crash_helper

@test "the first process killed in its set-up: an error, and nothing left" {
        for call in sethostname fsopen:when=2 fsmount:when=2 move_mount:when=3 symlinkat open_tree:when=3 \
                pivot_root umount2 setgroups setresuid capset; do
                echo "at $call"
                inject=${call%%:*}:signal=KILL
                [ "$call" = "${call%:*}" ] || inject+=:${call#*:}
                run --separate-stderr timeout 60 strace -qq -f -o "$BUNDLE/calls" -e trace="${call%%:*}" \
                        -e inject="$inject" "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD"
                echo "$stderr"
                grep -q "killed by SIGKILL" "$BUNDLE/calls"
                [ "$status" = 1 ]
                [[ $stderr == *"killed during the set-up"* ]]
                eventually 10 only_the_other
        done
}

# Is the program running, as the first process or as its child?
program() {
        local pid line first
        first=$(pid_of "$WORD")
        for pid in "$first" $(cat "/proc/$first/task/$first/children"); do
                line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
                [[ $line != "/bin/sh -c sleep 1000 " && $line != "sleep 1000 " ]] || return 0
        done
        return 1
}

# After a start that was killed: it has to be repeated, or the container runs, and is said to.
can_be_started_or_runs() {
        oci start "$WORD" 2>"$BUNDLE/said" || { program && running "$WORD"; }
}

start_killed() {
        local total n calls
        oci create --bundle "$BUNDLE" "$WORD"
        calls_of start "$WORD"
        calls=$(moments 12 "$total")
        # Whatever is sampled: each call between the word to start and the journal's note of it.
        calls+=" $(awk '/^sendmsg/ { sent = 1 } sent && !noted { print NR } /"started/ { noted = 1 }' "$BUNDLE/calls")"
        grep -q '"started' "$BUNDLE/calls"
        oci delete --force "$WORD"
        for n in $calls; do
                oci create --bundle "$BUNDLE" "$WORD"
                killed_at "$n" start "$WORD"
                eventually 10 can_be_started_or_runs || { cat "$BUNDLE/said"; oci state "$WORD"; return 1; }
                eventually 10 program
                running "$WORD"
                oci delete --force "$WORD"
        done
        eventually 10 only_the_other
}

@test "start killed: the container is started or can be" {
        start_killed
}

@test "start killed, with a first process that only waits for the program" {
        config '.annotations = {"dev.husk.init": "true"}'
        start_killed
}

# No process that was on its way into the container is left half way.
no_half_process() {
        ! "$BATS_TEST_DIRNAME/../leak-meter" "$WORD" | grep '^process [0-9]* husk'
}

exec_killed() {
        local count=$1 total n killed=0 all=0
        shift
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        calls_of exec "$@"
        for n in $(moments "$count" "$total"); do
                # How often it waits differs from run to run, and so which calls there are.
                if killed_at "$n" exec "$@" || killed_at "$n" exec "$@"; then killed=$((killed + 1)); fi
                all=$((all + 1))
                eventually 10 no_half_process
                running "$WORD"
                oci exec "$WORD" /bin/true </dev/null
        done
        [ $((killed * 4)) -ge $((all * 3)) ]
        oci delete --force "$WORD"
        eventually 10 only_the_other
}

@test "exec killed: its process runs or is gone, the container lives on" {
        exec_killed 16 "$WORD" /bin/true
}

@test "exec --detach killed: the same" {
        exec_killed 8 --detach "$WORD" /bin/sleep 1000
}

@test "kill killed: the signal was sent or was not" {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        calls_of kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        oci delete "$WORD"
        for n in $(moments 6 "$total"); do
                oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
                killed_at "$n" kill "$WORD" KILL
                oci kill "$WORD" KILL 2>"$BUNDLE/said" || grep 'not running' "$BUNDLE/said"
                eventually 10 stopped "$WORD"
                oci delete "$WORD"
                eventually 10 only_the_other
        done
}
