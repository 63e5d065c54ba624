#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Hooks: when each kind runs, where, with what; what a failing one does; what a crash leaves.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load helper

setup() {
        begin
        out=$BUNDLE/out
        mkdir "$out"
        # What a hook of the host's does: its name, what it reads and where it is.
        cat >"$BUNDLE/note" <<END
#!/bin/sh
cat >"$out/\$1.state"
{
        echo "args \$*"
        echo "cwd \$(pwd)"
        for fd in /proc/\$\$/fd/*; do echo "fd \$(readlink "\$fd")"; done
        grep -E '^(Sig(Blk|Ign)|Umask)' /proc/self/status
        readlink /proc/self/ns/pid /proc/self/ns/mnt /proc/self/ns/net
} >"$out/\$1"
tr '\0' '\n' </proc/\$\$/environ >"$out/\$1.env"
echo "\$1" >>"$out/order"
$HUSK_OCI --root $ROOT state $WORD 2>/dev/null | jq -r .status >"$out/\$1.status"
exit 0
END
        chmod +x "$BUNDLE/note"
        script 'sleep 1000'
        config '.root.readonly = false'
}

teardown() { finish; }

# hook KIND NAME [MEMBERS]: add one that runs $BUNDLE/note NAME
hook() {
        config --arg kind "$1" --arg path "$BUNDLE/note" --arg name "$2" \
                '.hooks[$kind] += [{path: $path, args: ["note", $name]} + '"${3:-{\}}"']'
}

# shell_hook KIND TEXT [MEMBERS]: add one that runs TEXT in a shell
shell_hook() {
        config --arg kind "$1" --arg text "$2" \
                '.hooks[$kind] += [{path: "/bin/sh", args: ["sh", "-c", $text]} + '"${3:-{\}}"']'
}

same() {
        [ "$1" = "$2" ] || {
                printf 'is       %s\nexpected %s\n' "$1" "$2"
                return 1
        }
}

of_state() { jq -r ".$2" "$out/$1.state"; }
space() { readlink "/proc/$1/ns/$2"; }

all_kinds() {
        hook prestart prestart
        hook createRuntime first
        hook createRuntime second
        hook createContainer container
        hook poststart poststart
        hook poststop poststop
        config '.hooks.startContainer = [{path: "/bin/sh",
                args: ["sh", "-c", "cat >/tmp/state; id -u >/tmp/id; pwd >/tmp/cwd"]}]
                | .annotations = {"a\"b": "c\nd"}'
        mkdir -p "$BUNDLE/rootfs/tmp"
}

@test "all six kinds, in their order, with the state of their moment" {
        all_kinds
        oci create --bundle "$BUNDLE" "$WORD"
        same "$(tr '\n' ' ' <"$out/order")" 'prestart first second container '
        [ ! -e "$BUNDLE/rootfs/tmp/state" ]
        pid=$(pid_of "$WORD")
        for name in prestart first second; do
                same "$(of_state $name pid)" "$pid"
                same "$(of_state $name status)" creating
                same "$(cat "$out/$name.status")" creating
        done
        same "$(of_state container pid)" 1
        same "$(of_state container status)" creating
        same "$(of_state first id)" "$WORD"
        same "$(of_state first bundle)" "$BUNDLE"
        same "$(of_state first ociVersion)" "$(jq -r .ociVersion "$BUNDLE/config.json")"
        same "$(jq -c .annotations "$out/first.state")" '{"a\"b":"c\nd"}'
        oci start "$WORD"
        same "$(tail -n 1 "$out/order")" poststart
        same "$(jq -r .status "$BUNDLE/rootfs/tmp/state")" created
        same "$(jq -r .pid "$BUNDLE/rootfs/tmp/state")" 1
        same "$(cat "$BUNDLE/rootfs/tmp/cwd")" /
        same "$(of_state poststart status)" running
        same "$(cat "$out/poststart.status")" running
        same "$(of_state poststart pid)" "$pid"
        [ "$(status_of "$WORD")" = running ]
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        [ ! -e "$out/poststop" ]
        oci delete "$WORD"
        same "$(tail -n 1 "$out/order")" poststop
        same "$(of_state poststop status)" stopped
        same "$(of_state poststop pid)" null
}

@test "run runs all of them, too" {
        all_kinds
        script 'exit 3'
        run -3 oci run --bundle "$BUNDLE" "$WORD"
        same "$(tr '\n' ' ' <"$out/order")" 'prestart first second container poststart poststop '
        same "$(jq -r .status "$BUNDLE/rootfs/tmp/state")" created
        same "$(cat "$out/first.status")" creating
        same "$(of_state poststart status)" running
}

@test "the runtime's namespaces, or the container's; the bundle as directory; nothing inherited" {
        hook createRuntime runtime
        hook createContainer container
        hook poststart poststart '{env: ["A=b", "C=d e"]}'
        (
                trap '' USR1
                exec 9</dev/null
                umask 077
                exec timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD"
        )
        pid=$(pid_of "$WORD")
        oci start "$WORD"
        for name in runtime poststart; do
                same "$(tail -n 3 "$out/$name")" "$(space $$ pid; space $$ mnt; space $$ net)"
        done
        same "$(tail -n 3 "$out/container")" "$(space "$pid" pid; space "$pid" mnt; space "$pid" net)"
        for name in runtime container poststart; do
                grep -qx "args $name" "$out/$name"
                grep -qx "cwd $BUNDLE" "$out/$name"
                # the memory, the pipe, and what the shell itself has opened
                same "$(grep '^fd ' "$out/$name" | grep -vE '^fd ($|/memfd:input|pipe:|'"$out|$BUNDLE/note"')')" ''
                grep -qxP 'SigBlk:\t0+' "$out/$name"
                grep -qxP 'SigIgn:\t0+' "$out/$name"
                grep -qxP 'Umask:\t0022' "$out/$name"
        done
        grep -vE '^(PWD|SHLVL|_|OLDPWD)=' "$out/runtime.env" >"$out/env" || :
        same "$(cat "$out/env")" ''
        same "$(grep -E '^[AC]=' "$out/poststart.env")" $'A=b\nC=d e'
}

@test "prestart can set up the network that the container finds" {
        config '.hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c",
                "pid=$(jq .pid); exec nsenter -t $pid -n ip addr add 10.9.8.7/32 dev lo"]
                , env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]'
        script 'cat /proc/net/fib_trie'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [[ $output == *10.9.8.7* ]]
}

@test "createContainer sees the mounts at their places, and may add one" {
        config --arg root "$BUNDLE/rootfs" '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
                "mount -t tmpfs hooked \($root)/tmp && echo words >\($root)/tmp/file"]
                , env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]'
        script 'cat /tmp/file; grep -c hooked /proc/mounts'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        same "$output" $'words\n1'
        [ ! -e "$BUNDLE/rootfs/tmp/file" ]
}

@test "startContainer has no more privileges than the program" {
        config '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = true
                | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
                        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}
                | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c",
                        "cat >/dev/null; grep -E \"^(Uid|Cap|NoNew|Seccomp:)\" /proc/self/status >/tmp/hook
                         mkdir /tmp/made 2>/dev/null || echo refused >>/tmp/hook"]}]'
        script 'grep -E "^(Uid|Cap|NoNew|Seccomp:)" /proc/self/status; echo refused'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        same "$(cat "$BUNDLE/rootfs/tmp/hook")" "$output"
}

@test "a create-time hook that fails: an error that names it, and nothing is left" {
        for kind in prestart createRuntime createContainer; do
                config 'del(.hooks)'
                shell_hook $kind 'exit 0'
                shell_hook $kind 'echo first >&2; echo "it is broken"; exit 7'
                hook $kind never
                hook poststop "after-$kind"
                run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
                refused
                [[ $stderr == *"/hooks/$kind/1: the hook /bin/sh exited with status 7; it said: first|it is broken"* ]]
                [ ! -e "$out/never" ]
                # the lifecycle goes on with its last step
                [ -e "$out/after-$kind" ]
        done
}

@test "startContainer fails: start fails and the container is gone" {
        shell_hook startContainer 'echo sorry; exit 9'
        hook poststop after
        oci create --bundle "$BUNDLE" "$WORD"
        run --separate-stderr oci start "$WORD"
        refused
        [[ $stderr == *"/hooks/startContainer/0: the hook /bin/sh exited with status 9; it said: sorry"* ]]
        [ -e "$out/after" ]
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/hooks/startContainer/0: "*"status 9"* ]]
}

@test "poststart fails: an error, and the container is stopped and gone" {
        shell_hook poststart 'jq .pid >'"$out/pid"'; kill -9 $$' '{env: ["PATH=/usr/bin:/bin"]}'
        hook poststart never
        hook poststop after
        oci create --bundle "$BUNDLE" "$WORD"
        run --separate-stderr oci start "$WORD"
        refused
        [[ $stderr == *"/hooks/poststart/0: the hook /bin/sh was killed by signal 9"* ]]
        gone "$(cat "$out/pid")"
        [ ! -e "$out/never" ]
        [ -e "$out/after" ]
        rm "$out/after" "$out/pid"
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/hooks/poststart/0: "* ]]
        gone "$(cat "$out/pid")"
        [ -e "$out/after" ]
}

@test "poststop fails: a warning, and the others run" {
        shell_hook poststop 'echo cannot; exit 1'
        hook poststop after
        oci create --bundle "$BUNDLE" "$WORD"
        run -0 --separate-stderr oci --log "$BUNDLE/log" delete --force "$WORD"
        same "$stderr" ''
        grep -q 'level=warning msg="/hooks/poststop/0: the hook /bin/sh exited with status 1; it said: cannot"' "$BUNDLE/log"
        [ -e "$out/after" ]
        [ -z "$(ls "$ROOT")" ]
}

@test "a hook that takes too long is killed, with its whole process group" {
        for kind in createRuntime createContainer; do
                config 'del(.hooks)'
                shell_hook $kind 'echo waiting; sleep 1000 & echo $! >'"$out/child"'; wait' '{timeout: 1}'
                run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
                refused
                [[ $stderr == *"/hooks/$kind/0: the hook /bin/sh did not end within 1 s and was killed; it said: waiting"* ]]
                # createContainer's child is told by its pid inside: its namespace is gone with it
                [ $kind = createContainer ] || eventually 10 gone "$(cat "$out/child")"
        done
}

@test "what a hook writes has no end: its last words count, the rest costs nothing" {
        shell_hook createRuntime 'yes | head -c 100000000; echo last; exit 1'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *'it said: y|y|last' ]]
}

@test "a daemon that a hook leaves behind holds nobody up" {
        shell_hook createRuntime 'setsid sleep 1000 & echo $! >'"$out/daemon"
        shell_hook createContainer 'true & (sleep 1000 &) ; exec sleep 0.2' # who does not wait for the first
        script 'ps -o stat | grep -c Z; true'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        same "$output" 0
        kill "$(cat "$out/daemon")"
}

@test "a hook that cannot be executed, is no path, or has no time" {
        config --arg path "$BUNDLE/none" '.hooks.createRuntime = [{path: $path}]'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/hooks/createRuntime/0: cannot execute the hook $BUNDLE/none: "* ]]
        config '.hooks = {startContainer: [{path: "bin/sh"}]}'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/hooks/startContainer/0/path: 'bin/sh' is not an absolute path"* ]]
        config '.hooks = {poststop: [{path: "/bin/sh", timeout: 0}]}'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/hooks/poststop/0/timeout: 0 is not a time-out"* ]]
}

@test "without args a hook is called by its path; a large state arrives whole" {
        printf '#!/bin/sh\njq -r ".annotations.big | length" >%s\n' "$out/length" >"$BUNDLE/plain"
        chmod +x "$BUNDLE/plain"
        head -c 300000 /dev/zero | tr '\0' x >"$BUNDLE/big"
        config --arg path "$BUNDLE/plain" --rawfile big "$BUNDLE/big" '.annotations.big = $big
                | .hooks.createRuntime = [{path: $path, env: ["PATH=/usr/bin:/bin"]}]'
        oci create --bundle "$BUNDLE" "$WORD"
        same "$(cat "$out/length")" 300000
}

@test "husk-oci killed during a hook: the hook ends, too, and the next command repairs it" {
        for kind in createRuntime createContainer startContainer poststart poststop; do
                echo "kind $kind"
                config 'del(.hooks)'
                rm -f "$out"/*
                if [ $kind = startContainer ]; then
                        config '.hooks.startContainer = [{path: "/bin/sh",
                                args: ["sh", "-c", "echo $$ >/tmp/hook; exec sleep 1000"]}]'
                        at=$BUNDLE/rootfs/tmp/hook
                else
                        shell_hook $kind "[ ! -e $out/again ] || exit 0; echo \$\$ >$out/hook; exec sleep 1000"
                        at=$out/hook
                fi
                case $kind in create*) first=create ;; start*|poststart) first=start ;; *) first=delete ;; esac
                [ $first = create ] || oci create --bundle "$BUNDLE" "$WORD"
                [ $first != delete ] || { oci kill "$WORD" KILL && eventually 10 stopped "$WORD"; }
                case $first in
                        create) "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 3>&- & ;;
                        *) "$HUSK_OCI" --root "$ROOT" $first "$WORD" >/dev/null 2>&1 3>&- & ;;
                esac
                maker=$!
                eventually 20 test -s "$at"
                hook=$(cat "$at")
                kill -KILL $maker
                wait $maker || :
                case $kind in createRuntime|poststart|poststop) eventually 10 gone "$hook" ;; esac
                touch "$out/again"
                oci delete --force "$WORD"
                [ -z "$(ls "$ROOT")" ]
        done
}

@test "explain shows them; exec runs none" {
        all_kinds
        run -0 oci explain --bundle "$BUNDLE"
        for kind in prestart/0 createRuntime/1 createContainer/0 startContainer/0 poststart/0; do
                [[ $output == *"/hooks/$kind"* ]]
        done
        [[ $output == */hooks/poststop* ]]
        run -0 oci explain --bundle "$BUNDLE" --format shell
        [[ $output == *"$BUNDLE/note container"* ]]
        printf '%s\n' "$output" >"$BUNDLE/script"
        sh -n "$BUNDLE/script"
        oci create --bundle "$BUNDLE" "$WORD"
        oci start "$WORD"
        rm "$BUNDLE/rootfs/tmp/state"
        oci exec "$WORD" true
        [ ! -e "$BUNDLE/rootfs/tmp/state" ]
}

@test "hooks of the host stay there when the container joins a pid namespace" {
        "$HUSK_OCI" --root "$ROOT" run --detach --bundle "$BUNDLE" "$WORD.b" >/dev/null 2>&1 </dev/null
        other=$(pid_of "$WORD.b")
        config --arg path "/proc/$other/ns/pid" \
                '(.linux.namespaces[] | select(.type == "pid")).path = $path'
        hook createRuntime runtime
        hook poststart poststart
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        same "$(sed -n 's/^pid:/pid:/p' "$out/runtime" | head -n 1)" "$(space $$ pid)"
        same "$(sed -n 's/^pid:/pid:/p' "$out/poststart" | head -n 1)" "$(space $$ pid)"
        same "$(of_state poststart pid)" "$(pid_of "$WORD")"
}

@test "startContainer: the process is killed in a hook, and gone when start looks: it says so" {
        command -v strace >/dev/null || skip 'strace is not there'
        mkdir -p "$BUNDLE/rootfs/tmp"
        config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", ": >/tmp/in; sleep 100"]}]'
        hook poststart poststart
        # The first process of this namespace takes in whoever has lost its parent.
        cat >"$BUNDLE/replay" <<'REPLAY'
"$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
pid=$("$HUSK_OCI" --root "$ROOT" state "$WORD" | jq .pid)
strace -qq -o /dev/null -e trace=recvmsg -e inject=recvmsg:delay_exit=1500000 \
        "$HUSK_OCI" --root "$ROOT" start "$WORD" 2>"$BUNDLE/why" &
start=$!
for _ in $(seq 200); do [ -e "$BUNDLE/rootfs/tmp/in" ] || sleep 0.05; done
kill -KILL "$pid"
wait "$start"
echo $?
[ ! -e "/proc/$pid" ] && echo gone
REPLAY
        export HUSK_OCI ROOT BUNDLE WORD
        run --separate-stderr timeout -k 5 60 unshare --pid --fork --kill-child --mount-proc bash "$BUNDLE/replay" 3>&-
        same "$output" $'1\ngone'
        grep -q 'its first process ended before it ran the program' "$BUNDLE/why"
        [ ! -e "$out/poststart" ]
        oci delete --force "$WORD"
}

@test "start is killed while a startContainer hook runs: the container runs all the same" {
        local start
        shell_hook startContainer ': >/tmp/in; while [ ! -e /tmp/go ]; do :; done'
        script 'exec sleep 1000'
        oci create --bundle "$BUNDLE" "$WORD"
        "$HUSK_OCI" --root "$ROOT" start "$WORD" 3>&- &
        start=$!
        eventually 10 test -e "$BUNDLE/rootfs/tmp/in"
        kill -KILL "$start"
        wait "$start" || :
        : >"$BUNDLE/rootfs/tmp/go"
        eventually 10 eval '[ "$(tr "\0" " " <"/proc/$(pid_of "$WORD")/cmdline")" = "sleep 1000 " ]'
        [ "$(status_of "$WORD")" = running ]
        oci delete --force "$WORD"
}

@test "a file in its directory that nobody knows: delete says so before the poststop hooks, which run once" {
        shell_hook poststop 'echo once >>'"$out/times"
        oci create --bundle "$BUNDLE" "$WORD"
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        : >"$ROOT/$WORD/stray"
        run -1 oci delete "$WORD"
        [[ $output == *"'stray' in it is not known to be the container's"*'husk-oci delete --force'* ]]
        [ ! -e "$out/times" ]
        oci delete --force "$WORD"
        [ ! -e "$ROOT/$WORD" ]
        same "$(cat "$out/times")" once
}
