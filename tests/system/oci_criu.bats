#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore. Most of it needs a criu that can work on this kernel: tests/vm/criu.t runs
# this file on one.

# shellcheck disable=SC2154,SC2016 # set by bats; the container's own variables
load helper
setup() {
        begin
        IMAGES=$BATS_TEST_TMPDIR/$WORD/images
        OUT=$BATS_TEST_TMPDIR/$WORD/out
        config '.root.readonly = false'
}
teardown() { finish; }

works() {
        [ "$(id -u)" = 0 ] || skip "criu needs root"
        command -v criu >/dev/null || skip "criu is not installed"
        criu check >/dev/null 2>&1 || skip "\`criu check\` fails on this kernel"
}

# A container that counts in its memory, and writes each number to descriptor 1
counter='i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'

# start [ID]: it runs with its output in a file
start() {
        script "$counter"
        oci run --detach --bundle "$BUNDLE" "${1:-$WORD}" </dev/null >>"$OUT" 2>&1
        eventually 60 above 2
}

# checkpoint WORDS..., restore WORDS...: with the images' directory
checkpoint() { oci checkpoint --image-path "$IMAGES" "$@"; }
restore() { oci restore --image-path "$IMAGES" --bundle "$BUNDLE" "$@"; }

# In a slow guest a dump takes a while.
oci() { timeout -k 5 200 "$HUSK_OCI" --root "$ROOT" "$@"; }

# restore_fails: with the output that was dumped, since criu looks what descriptor 1 is; its words in $stderr
restore_fails() {
        local status=0
        restore --detach "$WORD" </dev/null >>"$OUT" 2>"$BATS_TEST_TMPDIR/why" || status=$?
        [ "$status" = 1 ]
        stderr=$(cat "$BATS_TEST_TMPDIR/why")
        echo "$stderr"
}

last() { tail -n 1 "$OUT" 2>/dev/null; }
above() { [ "$(last)" -gt "$1" ] 2>/dev/null; }

# in_turn: each number is the one before and one more: nothing was lost or began again
in_turn() {
        awk '/^husk-oci: warning: / { next } # in the same file
                before && $1 != before + 1 { print "after " before " comes " $1; bad = 1 }
                { before = $1 } END { exit bad }' "$OUT"
}

@test "a counter in memory goes on where it was; its container is one again" {
        works
        config --arg dir "$BATS_TEST_TMPDIR/$WORD" '.mounts += [{destination: "/src", type: "bind", source: $dir,
                        options: ["rbind", "ro"]}] |
                .linux.resources.pids.limit = 20 | .annotations.word = "kept" |
                .hostname = "counts"'
        start
        checkpoint "$WORD"
        local count
        count=$(last)
        [ "$count" -gt 2 ]
        [ ! -e "$ROOT/$WORD" ] # it is gone, as with runc
        [ -z "$(cgroup_file cgroup.procs)" ]
        restore --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
        # state, annotations, cgroup, exec, pause, kill, delete
        [ "$(pid_of "$WORD")" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
        [ "$(oci state "$WORD" | jq -r '.status + " " + .annotations.word')" = "running kept" ]
        [ "$(cat "$(cgroup_file pids.max)")" = 20 ]
        grep -qx "$(pid_of "$WORD")" "$(cgroup_file cgroup.procs)"
        run -0 oci exec "$WORD" sh -c 'hostname; ls /src | head -n 1; cat /proc/self/cgroup; readlink /proc/self/ns/time'
        [ "${lines[0]}" = counts ]
        [ "${lines[1]}" = bundle ]
        [ "${lines[2]}" = 0::/ ] || ! is_v2
        [ "${lines[-1]}" = "$(readlink "/proc/$(pid_of "$WORD")/ns/time")" ]
        oci pause "$WORD"
        oci resume "$WORD"
        oci kill "$WORD" KILL
        eventually 20 stopped "$WORD"
        oci delete "$WORD"
        [ -z "$(cgroup_file cgroup.procs)" ]
}

@test "--leave-running: it goes on; and a second one is restored under another id" {
        works
        start
        checkpoint --leave-running --work-path "$BATS_TEST_TMPDIR/work" "$WORD"
        [ -s "$BATS_TEST_TMPDIR/work/dump.log" ]
        running "$WORD"
        local count
        count=$(last)
        eventually 60 above $((count + 2))
        in_turn
        # once more, from a container that was dumped before
        checkpoint "$WORD"
        count=$(last)
        config --arg path "/$WORD.other" '.linux.cgroupsPath = $path'
        restore --detach "$WORD.other" </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
        [ "$(oci list -q)" = "$WORD.other" ]
        if is_v2; then
                [ "$(cat "/proc/$(pid_of "$WORD.other")/cgroup")" = "0::/$WORD.other" ]
        fi
}

@test "a network that it joined, and a cgroup that it made below its own, are what they were" {
        works
        local net=$BATS_TEST_TMPDIR/net below
        touch "$net"
        unshare --net="$net" true
        config --arg path "$net" '.linux.namespaces |= map(if .type == "network" then .path = $path else . end)'
        start
        below=$(cgroup_file cgroup.procs)
        below=${below%/*}/below
        mkdir "$below"
        pid_of "$WORD" >"$below/cgroup.procs"
        checkpoint "$WORD"
        local count
        count=$(last)
        restore --detach "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
        [ "$(stat -Lc %i "/proc/$(pid_of "$WORD")/ns/net")" = "$(stat -Lc %i "$net")" ]
        grep -qx "$(pid_of "$WORD")" "$below/cgroup.procs"
        oci delete --force "$WORD"
        umount "$net"
}

@test "without cgroups: it stays where husk-oci is, and makes none" {
        works
        start
        checkpoint "$WORD"
        local count
        count=$(last)
        oci --cgroup-manager=disabled restore --image-path "$IMAGES" --bundle "$BUNDLE" --detach "$WORD" </dev/null >>"$OUT" 2>&1
        grep -q 'warning: no cgroups of its own: the container sees' "$OUT"
        eventually 60 above $((count + 2))
        in_turn
        [ "$(cat "/proc/$(pid_of "$WORD")/cgroup")" = "$(cat /proc/self/cgroup)" ]
        [ -z "$(cgroup_file cgroup.procs)" ]
        oci delete --force "$WORD"
}

@test "in front: output through a pipe, and the exit status" {
        works
        script 'i=0; while [ ! -e /tmp/end ]; do i=$((i + 1)); echo $i; sleep 0.1; done; echo over; exit 7'
        (oci run --bundle "$BUNDLE" "$WORD" </dev/null 2>&1 || echo "run: $?") | cat >>"$OUT" &
        eventually 60 above 2
        checkpoint "$WORD"
        wait $!
        grep -q '^run: 137' "$OUT" # it was killed, for those who wait for it
        sed -i '/^run/d' "$OUT"
        jq -e '.[1] | startswith("pipe:[")' "$IMAGES/descriptors.json"
        local count
        count=$(last)
        (restore "$WORD" </dev/null 2>&1 || echo "restore: $?") | cat >>"$OUT" &
        eventually 60 above $((count + 2))
        touch "$BUNDLE/rootfs/tmp/end"
        wait $!
        [ "$(last)" = "restore: 7" ]
        [ ! -e "$ROOT/$WORD" ] # as run does
        grep -qx over "$OUT"
}

@test "a terminal: its master goes to the console socket again" {
        works
        config '.process.terminal = true'
        script 'stty -echo; while read line; do echo "got $line"; done'
        python3 "$BATS_TEST_DIRNAME/../probes/console" "$BATS_TEST_TMPDIR/socket" "$OUT" 'first' &
        local reader=$!
        eventually 20 test -S "$BATS_TEST_TMPDIR/socket"
        oci run --detach --console-socket "$BATS_TEST_TMPDIR/socket" --bundle "$BUNDLE" "$WORD"
        eventually 60 grep -q 'got first' "$OUT"
        checkpoint "$WORD"
        kill $reader
        wait $reader || true
        rm -f "$BATS_TEST_TMPDIR/socket"
        python3 "$BATS_TEST_DIRNAME/../probes/console" "$BATS_TEST_TMPDIR/socket" "$OUT" 'second' &
        reader=$!
        eventually 20 test -S "$BATS_TEST_TMPDIR/socket"
        restore --detach --console-socket "$BATS_TEST_TMPDIR/socket" "$WORD"
        eventually 60 grep -q 'got second' "$OUT"
        kill $reader
        wait $reader || true
}

@test "a restore that fails leaves nothing, and says why" {
        works
        start
        checkpoint "$WORD"
        rm "$BUNDLE/rootfs/bin/busybox"
        restore_fails
        [[ "$stderr" == "husk-oci: cannot restore '$WORD': "*"criu says: "*busybox* ]]
        [[ "$stderr" == *"hint: the whole log of criu is $IMAGES/restore.log" ]]
        [ -z "$(ls "$ROOT")" ]
        [ -z "$(cgroup_file cgroup.procs)" ]
        # an image is missing
        cp "$(command -v busybox)" "$BUNDLE/rootfs/bin/busybox"
        rm "$IMAGES/pstree.img"
        restore_fails
        [[ "$stderr" == *"criu says: "* || "$stderr" == *"criu ended without an answer"*"an image is missing"* ]]
        [ -z "$(ls "$ROOT")" ]
}

@test "a dump that fails leaves the container running" {
        works
        # an open file that lost its name and has another, without --link-remap
        script "exec 3>/tmp/a; ln /tmp/a /tmp/b; rm /tmp/a; $counter"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 above 2
        run -1 --separate-stderr checkpoint "$WORD"
        echo "$stderr"
        [[ "$stderr" == *"cannot checkpoint '$WORD': "*"criu says: "*link* ]]
        local count
        count=$(last)
        eventually 60 above $((count + 2))
        running "$WORD"
        checkpoint --link-remap "$WORD"
        count=$(last)
        restore --detach "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
}

@test "hooks: createRuntime with the process's number, poststart, and poststop of the delete" {
        works
        local log=$BATS_TEST_TMPDIR/hooks
        config --arg log "$log" '.hooks = (["createRuntime", "poststart", "poststop"] |
                map({(.): [{path: "/bin/sh",
                        args: ["sh", "-c", "echo \(.) $(jq -c \"[.status, .pid]\") >>\($log)"]}]}) | add)'
        start
        checkpoint "$WORD"
        grep -q '^poststop' "$log"
        rm "$log"
        restore --detach "$WORD" </dev/null >>"$OUT" 2>&1
        local pid
        pid=$(pid_of "$WORD")
        [ "$(cat "$log")" = "createRuntime [\"creating\",$pid]
poststart [\"running\",$pid]" ]
        oci delete --force "$WORD"
        grep -q '^poststop' "$log"
}

@test "a pre-dump while it runs, and a checkpoint on top of it" {
        works
        criu check --feature mem_dirty_track >/dev/null 2>&1 || skip "no dirty page tracking"
        start
        oci checkpoint --pre-dump --image-path "$IMAGES/first" "$WORD"
        running "$WORD"
        local count
        count=$(last)
        eventually 60 above $((count + 2))
        oci checkpoint --parent-path ../first --image-path "$IMAGES/second" "$WORD"
        count=$(last)
        oci restore --detach --image-path "$IMAGES/second" --bundle "$BUNDLE" "$WORD" \
                </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
}

# free_port: one of TCP that nobody has at the moment
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# listens PORT: /proc/net/tcp has it in hexadecimal; 0A is the state
listens() { grep -q "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") [0-9A-F:]* 0A" /proc/net/tcp; }

@test "--page-server: the memory goes over the network, and is in another directory" {
        works
        start
        local port pages count server
        port=$(free_port)
        pages=$BATS_TEST_TMPDIR/$WORD/pages
        mkdir "$pages"
        criu page-server --images-dir "$pages" --address 127.0.0.1 --port "$port" </dev/null >/dev/null 2>&1 3>&- &
        server=$!
        eventually 60 listens "$port"
        checkpoint --page-server "127.0.0.1:$port" "$WORD"
        wait "$server"
        count=$(last)
        [ -n "$(find "$pages" -name 'pages-*.img' -size +0)" ]
        [ -z "$(find "$IMAGES" -name 'pages-*.img')" ]
        cp "$pages"/page* "$IMAGES"
        restore --detach "$WORD" </dev/null >>"$OUT" 2>&1
        eventually 60 above $((count + 2))
        in_turn
}

@test "--lazy-pages: it goes on at once, and its memory comes when it is used" {
        works
        criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "no userfaultfd of other processes"
        start
        local port count pages source=0
        port=$(free_port)
        mkfifo "$BATS_TEST_TMPDIR/ready"
        checkpoint --lazy-pages --page-server "127.0.0.1:$port" --status-fd 5 "$WORD" \
                5>"$BATS_TEST_TMPDIR/ready" </dev/null >"$BATS_TEST_TMPDIR/source" 2>&1 3>&- &
        source=$!
        # The zero byte, or the end of who would have written it.
        [ "$(timeout 200 head -c 1 "$BATS_TEST_TMPDIR/ready" | od -An -tx1)" = ' 00' ] ||
                { cat "$BATS_TEST_TMPDIR/source" && return 1; }
        count=$(last)
        config --arg path "/$WORD.other" '.linux.cgroupsPath = $path'
        run -1 --separate-stderr restore --lazy-pages --detach "$WORD.other" </dev/null
        [[ "$stderr" == *"--lazy-pages: "*"not at work in $IMAGES"*"criu lazy-pages --page-server"* ]]
        criu lazy-pages --page-server --address 127.0.0.1 --port "$port" --images-dir "$IMAGES" --work-dir "$IMAGES" \
                </dev/null >"$BATS_TEST_TMPDIR/lazy" 2>&1 3>&- &
        pages=$!
        eventually 60 test -S "$IMAGES/lazy-pages.socket"
        restore --lazy-pages --detach "$WORD.other" </dev/null >>"$OUT" 2>&1
        wait "$pages" # it has brought all
        wait "$source"
        eventually 60 above $((count + 2))
        in_turn
        [ "$(oci list -q)" = "$WORD.other" ]
}

@test "what cannot be: words, and nothing is done" {
        [ "$(id -u)" = 0 ] || skip "criu needs root"
        command -v criu >/dev/null || skip "criu is not installed"
        run -1 --separate-stderr checkpoint nobody
        [[ "$stderr" == *nobody* ]]
        script 'sleep 1000'
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        run -1 --separate-stderr checkpoint "$WORD"
        [[ "$stderr" == *"container '$WORD' is created, not running"* ]]
        oci start "$WORD"
        run -1 --separate-stderr checkpoint --parent-path /first "$WORD"
        [[ "$stderr" == *"--parent-path: '/first' must be relative"* ]]
        local server
        for server in 127.0.0.1 :27 127.0.0.1:0 127.0.0.1:65536 127.0.0.1:http; do
                run -1 --separate-stderr checkpoint --page-server "$server" "$WORD"
                [[ "$stderr" == *"--page-server: '$server': must be ADDRESS:PORT"* ]]
        done
        run -1 --separate-stderr checkpoint --lazy-pages "$WORD"
        [[ "$stderr" == *"--lazy-pages: needs --page-server"*"hint: "* ]]
        run -1 --separate-stderr checkpoint --lazy-pages --page-server 127.0.0.1:9 --status-fd 77 "$WORD"
        [[ "$stderr" == *"--status-fd: 77: no open descriptor"* ]]
        run -1 --separate-stderr checkpoint --lazy-pages --page-server 127.0.0.1:9 --status-fd 0 "$WORD" </dev/null
        [[ "$stderr" == *"--status-fd: 0: not open for writing"* ]]
        run -1 --separate-stderr checkpoint --empty-ns pid "$WORD"
        [[ "$stderr" == *"--empty-ns: 'pid'"* ]]
        run ! checkpoint --manage-cgroups-mode hard "$WORD"
        [[ "$output" == *"soft"*"full"*"strict"*"ignore"* ]]
        run -1 --separate-stderr restore --image-path /nowhere "$WORD.b" </dev/null
        [[ "$stderr" == *"--image-path: /nowhere: No such file or directory"* ]]
        running "$WORD"
        mkdir -p "$IMAGES"
        run -1 --separate-stderr restore --detach "$WORD" </dev/null
        [[ "$stderr" == *"exists"* ]]
        running "$WORD"
}

@test "a kernel that this criu cannot work on: that is said, and the container runs on" {
        [ "$(id -u)" = 0 ] || skip "criu needs root"
        command -v criu >/dev/null || skip "criu is not installed"
        criu check >/dev/null 2>&1 && skip "it can work here"
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        run -1 --separate-stderr checkpoint "$WORD"
        echo "$stderr"
        [[ "$stderr" == "husk-oci: cannot checkpoint '$WORD': criu cannot work on this host: \`criu check\` says: "* ]]
        running "$WORD"
        run -1 --separate-stderr restore --detach "$WORD.b" </dev/null
        [[ "$stderr" == "husk-oci: cannot restore '$WORD.b': criu cannot work on this host: "* ]]
        [ "$(oci list -q)" = "$WORD" ]
}

@test "without criu: that is said" {
        [ "$(id -u)" = 0 ] || skip "criu needs root"
        # hidden in a mount namespace of the test's own
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        local path
        path=$(command -v criu || echo /usr/sbin/criu)
        [ -e "$path" ] || path=
        run -1 --separate-stderr unshare -m bash -c '
                [ -z "$1" ] || mount --bind /dev/null "$1"
                "$2" --root "$3" checkpoint --image-path "$4" "$5"' \
                sh "$path" "$HUSK_OCI" "$ROOT" "$IMAGES" "$WORD"
        [[ "$stderr" == *"cannot checkpoint '$WORD': criu is not installed"*"hint: install the package criu"* ]]
}
