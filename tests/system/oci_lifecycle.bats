#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The operations of the runtime spec, one after the other and in the wrong order.

load helper
setup() { begin; }
teardown() { finish; }

@test "create, start, state, kill, delete" {
        script 'trap "exit 3" TERM; while :; do sleep 0.1; done'
        oci create --bundle "$BUNDLE" "$WORD"
        [ "$(status_of "$WORD")" = created ]
        pid=$(pid_of "$WORD")
        [ -d "/proc/$pid" ]
        oci start "$WORD"
        [ "$(status_of "$WORD")" = running ]
        [ "$(pid_of "$WORD")" = "$pid" ]
        oci kill "$WORD" TERM
        eventually 20 stopped "$WORD"
        oci delete "$WORD"
        run ! oci state "$WORD"
        [ ! -e "$ROOT/$WORD" ]
}

@test "the program does not run before start" {
        script 'echo done >/tmp/ran'
        config '.root.readonly = false'
        oci create --bundle "$BUNDLE" "$WORD"
        [ ! -e "$BUNDLE/rootfs/tmp/ran" ]
        oci start "$WORD"
        eventually 20 test -s "$BUNDLE/rootfs/tmp/ran"
        eventually 20 stopped "$WORD"
}

@test "state has the fields of the spec" {
        config '.annotations = {"org.example.key": "value"}'
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD"
        oci state "$WORD" | jq -e --arg id "$WORD" --arg bundle "$BUNDLE" '
                (.ociVersion | startswith("1.")) and .id == $id and .status == "created" and
                .bundle == $bundle and (.pid | type) == "number" and
                .annotations["org.example.key"] == "value"'
        kill -KILL "$(pid_of "$WORD")"
        eventually 20 stopped "$WORD"
        [ "$(pid_of "$WORD")" = 0 ]
}

@test "run gives the program's exit code" {
        script 'exit 0'
        oci run --bundle "$BUNDLE" "$WORD"
        script 'exit 7'
        run -7 oci run --bundle "$BUNDLE" "$WORD"
        script 'exit 255'
        run -255 oci run --bundle "$BUNDLE" "$WORD"
        [ ! -e "$ROOT/$WORD" ]
}

@test "run gives 128 + n for signal n" {
        script 'sleep 100'
        oci run --bundle "$BUNDLE" "$WORD" &
        eventually 20 running "$WORD"
        oci kill "$WORD" KILL
        wait $! || code=$?
        [ "$code" = 137 ]
}

@test "run hands on stdin, stdout and stderr" {
        script 'cat; echo to stderr >&2'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD" <<<"hello in there"
        [ "$status" = 0 ]
        [ "$output" = "hello in there" ]
        [ "$stderr" = "to stderr" ]
}

@test "run --detach returns while it runs; the pid file names its process" {
        script 'sleep 100'
        oci run --detach --pid-file "$BUNDLE/pid" --bundle "$BUNDLE" "$WORD" >"$BUNDLE/out" 2>&1
        [ "$(status_of "$WORD")" = running ]
        [ "$(cat "$BUNDLE/pid")" = "$(pid_of "$WORD")" ]
        run ! oci delete "$WORD"
        [ "$(status_of "$WORD")" = running ]
        oci delete --force "$WORD"
        gone "$(cat "$BUNDLE/pid")"
}

@test "create writes the pid file, too" {
        script 'sleep 100'
        oci create --pid-file "$BUNDLE/pid" --bundle "$BUNDLE" "$WORD"
        [ "$(cat "$BUNDLE/pid")" = "$(pid_of "$WORD")" ]
}

@test "an id is given once; the first is untouched" {
        script 'sleep 100'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        pid=$(pid_of "$WORD")
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"'$WORD' already exists"* ]]
        run ! oci run --bundle "$BUNDLE" "$WORD"
        [ "$(status_of "$WORD")" = running ]
        [ "$(pid_of "$WORD")" = "$pid" ]
        oci exec "$WORD" /bin/true
}

@test "a stopped container keeps its id until it is deleted" {
        script 'exit 0'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        eventually 20 stopped "$WORD"
        run ! oci create --bundle "$BUNDLE" "$WORD"
        oci delete "$WORD"
        oci create --bundle "$BUNDLE" "$WORD"
}

@test "an id is letters, digits and a few signs" {
        for id in '' . .. a/b ../x 'a b' $'a\nb' "$(printf 'x%.0s' {1..300})" 'ü'; do
                run --separate-stderr oci create --bundle "$BUNDLE" "$id"
                refused
        done
        script 'exit 0'
        oci run --bundle "$BUNDLE" "$WORD.a_B+c-9"
}

@test "start: only what is created, only once" {
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD"
        oci start "$WORD"
        run --separate-stderr oci start "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"is running"* ]]
        [ "$(status_of "$WORD")" = running ]
        run ! oci start "$WORD.none"
}

@test "delete: a created one needs force" {
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD"
        pid=$(pid_of "$WORD")
        run --separate-stderr oci delete "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"is created"* ]]
        [ -d "/proc/$pid" ]
        oci delete --force "$WORD"
        gone "$pid"
}

@test "delete: what is missing is an error, with force it is not" {
        run --separate-stderr oci delete "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"container '$WORD' does not exist"* ]]
        oci delete --force "$WORD"
}

@test "kill: names, numbers, 0, and what is no signal" {
        script 'trap "echo usr1 >>/tmp/got" USR1; trap "echo hup >>/tmp/got" HUP
                touch /tmp/ready; while :; do sleep 0.1; done'
        config '.root.readonly = false'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        eventually 20 test -e "$BUNDLE/rootfs/tmp/ready"
        oci kill "$WORD" 0
        for signal in USR1 SIGUSR1 10 usr1; do
                rm -f "$BUNDLE/rootfs/tmp/got"
                oci kill "$WORD" "$signal"
                eventually 20 grep -qs usr1 "$BUNDLE/rootfs/tmp/got"
        done
        oci kill "$WORD" HUP
        eventually 20 grep -qs hup "$BUNDLE/rootfs/tmp/got"
        for signal in BANANA SIG -1 65 999 ''; do
                run ! oci kill "$WORD" "$signal"
        done
        running "$WORD"
        run ! oci kill "$WORD.none" TERM
}

@test "kill without a signal is TERM; a stopped one cannot be killed" {
        script 'trap "exit 3" TERM; touch /tmp/ready; while :; do sleep 0.1; done'
        config '.root.readonly = false'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        eventually 20 test -e "$BUNDLE/rootfs/tmp/ready"
        oci kill "$WORD"
        eventually 20 stopped "$WORD"
        run --separate-stderr oci kill "$WORD" TERM
        [ "$status" != 0 ]
        [[ $stderr == *"not running"* ]]
}

@test "a created container takes KILL" {
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD"
        oci kill "$WORD" KILL
        eventually 20 stopped "$WORD"
        oci delete "$WORD"
}

@test "delete ends all processes when the pid namespace is the host's" {
        config 'del(.linux.namespaces[] | select(.type == "pid"))'
        script 'sleep 1000 & sleep 1000 & wait'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        file=$(cgroup_file cgroup.procs)
        three() { [ "$(wc -l <"$file")" = 3 ]; }
        eventually 20 three
        pids=$(cat "$file")
        oci delete --force "$WORD"
        for pid in $pids; do
                gone "$pid"
        done
}

@test "list shows them with their status" {
        [ "$(oci list -f json)" = "[]" ]
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD.b"
        oci run --detach --bundle "$BUNDLE" "$WORD.a" >/dev/null 2>&1
        [ "$(oci list -q | tr '\n' ' ')" = "$WORD.a $WORD.b " ]
        oci list -f json | jq -e '[.[].status] == ["running", "created"]'
        oci list | grep -q "^$WORD.a .* running "
}

@test "two containers at once do not meet" {
        script 'sleep 100'
        oci create --bundle "$BUNDLE" "$WORD.a"
        oci create --bundle "$BUNDLE" "$WORD.b"
        oci start "$WORD.b"
        [ "$(status_of "$WORD.a")" = created ]
        oci delete --force "$WORD.b"
        [ "$(status_of "$WORD.a")" = created ]
        oci start "$WORD.a"
        [ "$(status_of "$WORD.a")" = running ]
}

@test "of many creates of one id at once, one wins" {
        script 'sleep 100'
        for i in 1 2 3 4 5 6; do
                oci create --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 && echo won >>"$BUNDLE/won" &
        done
        wait
        [ "$(wc -l <"$BUNDLE/won")" = 1 ]
        [ "$(status_of "$WORD")" = created ]
}

@test "looking while others create disturbs nobody" {
        script 'exit 0'
        (while [ ! -e "$BUNDLE/end" ]; do oci list -q >/dev/null; done) &
        for i in $(seq "$(sample 20)"); do
                oci run --bundle "$BUNDLE" "$WORD" || break
                echo ran >>"$BUNDLE/ran"
        done
        touch "$BUNDLE/end"
        wait
        [ "$(wc -l <"$BUNDLE/ran")" = "$(sample 20)" ]
        oci run --bundle "$BUNDLE" "$WORD"
}

@test "a bundle without a mount on /dev runs twice" {
        script 'test -c /dev/null && echo fine >/dev/null'
        config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .root.readonly = false'
        oci run --bundle "$BUNDLE" "$WORD"
        oci run --bundle "$BUNDLE" "$WORD"
}

@test "in a chroot, whose root is no mount" {
        local root=$BATS_TEST_TMPDIR/chroot library
        config '.process.args = ["/bin/echo", "in a chroot"] | .root.path = "/bundle/rootfs"'
        mkdir -p "$root"/{proc,sys,dev,st,bundle,tmp,bin}
        cp -r "$BUNDLE/rootfs" "$BUNDLE/config.json" "$root/bundle/"
        cp "$HUSK_OCI" "$root/bin/husk-oci"
        # What a build that is not static loads.
        for library in $(ldd "$HUSK_OCI" 2>/dev/null | grep -o '/[^ ]*'); do cp --parents "$library" "$root"; done
        run unshare -m --propagation private sh -c "mount -t proc proc $root/proc
                mount --rbind /sys $root/sys; mount --rbind /dev $root/dev
                exec timeout 60 chroot $root /bin/husk-oci --root /st run -b /bundle $WORD"
        echo "$output"
        [ "$status" = 0 ]
        [ "$output" = "in a chroot" ]
}

@test "a process that only has the pid is not the container's" {
        local line
        config '.process.args = ["sleep", "1000"]'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        [ "$(status_of "$WORD")" = running ]
        line=$(grep '^{"process":' "$ROOT/$WORD/journal")
        # As if another had got the pid: one number more is another process.
        jq -c '.process |= with_entries(if .key == "pid" then . else .value += 1 end)' <<<"$line" \
                >>"$ROOT/$WORD/journal"
        [ "$(status_of "$WORD")" = stopped ]
        run ! oci kill "$WORD" KILL
        echo "$line" >>"$ROOT/$WORD/journal"
        [ "$(status_of "$WORD")" = running ]
        oci kill "$WORD" KILL
}
