#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is left out of a start for its speed, and that nothing else went with it.

load helper
setup() { begin; }
teardown() { finish; }

@test "cgroup v1 mounts are the container's own: rooted, private, read-only" {
        [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || skip "this machine has no cgroup v1"
        script 'while read -r line; do case $line in *" - cgroup "*) echo "$line" ;; esac; done \
                </proc/self/mountinfo'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "${#lines[@]}" -gt 0 ]
        for line in "${lines[@]}"; do
                # id parent device root target options - type source super: no "master:", no "shared:"
                [[ $line =~ ^[0-9]+\ [0-9]+\ [0-9:]+\ /\ /sys/fs/cgroup/[^\ ]+\ ro,nosuid,nodev,noexec,relatime\ -\  ]]
        done
        script 'echo $$ >/sys/fs/cgroup/pids/tasks'
        run ! oci run --bundle "$BUNDLE" "$WORD"
}

@test "a created container has no descriptor of the host's, not even the caller's" {
        local fd one two
        exec {one}</ {two}</etc
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        exec {one}<&- {two}<&-
        pid=$(pid_of "$WORD")
        for fd in "/proc/$pid/fd"/*; do
                case ${fd##*/}:$(readlink "$fd") in
                [012]:/dev/null | *:socket:*) ;;
                *) echo "$(readlink "$fd")"; return 1 ;;
                esac
        done
}

@test "descriptors that are to be preserved are" {
        script 'cat <&3'
        echo kept >"$BATS_TEST_TMPDIR/text"
        run -0 oci run --preserve-fds 1 --bundle "$BUNDLE" "$WORD" 3<"$BATS_TEST_TMPDIR/text"
        [ "$output" = kept ]
}

@test "device nodes have their modes whatever the caller's umask" {
        script 'stat -c %a /dev/null /dev/tty; umask'
        umask 077
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'666\n666\n0022' ]
}

@test "a container whose own processes linger in its cgroups is removed with them" {
        config '.linux.namespaces |= map(select(.type != "pid"))'
        script 'sleep 1000 & exit 0'
        run -0 timeout 30 "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD" </dev/null
        [ ! -e "$ROOT/$WORD" ]
}

# A budget, not a measurement: about 420 for the release on a hybrid machine with nine v1 hierarchies.
@test "run makes no more system calls than it did" {
        command -v strace >/dev/null || skip "strace is not there"
        config '.process.args = ["/bin/true"]'
        strace -f -c -U calls,name -o "$BATS_TEST_TMPDIR/calls" "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD"
        calls=$(awk '$2 == "total" { print $1 }' "$BATS_TEST_TMPDIR/calls")
        echo "calls: $calls"
        [ "$calls" -le 545 ]
}

@test "a mount point that is a symbolic link is refused or resolved inside, never followed out" {
        mkdir "$BATS_TEST_TMPDIR/outside"
        ln -s "$BATS_TEST_TMPDIR/outside" "$BUNDLE/rootfs/proc"
        run ! oci run --bundle "$BUNDLE" "$WORD"
        [[ $output == *"symbolic link"* ]]
        rm "$BUNDLE/rootfs/proc"
        ln -s tmp/inside "$BUNDLE/rootfs/data"
        mkdir "$BUNDLE/rootfs/tmp/inside"
        config '.mounts += [{"destination":"/data","type":"tmpfs","source":"tmpfs"}]'
        script 'grep -c " /tmp/inside " /proc/self/mountinfo'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = 1 ]
        [ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
}

# Mounts in a row below one directory: the second of them opens it, and the kernel looks for one name.
binds() { # WHERE...: a directory with its own name in it to each
        local where
        mkdir -p "$BATS_TEST_TMPDIR/from"
        for where in "$@"; do
                mkdir -p "$BATS_TEST_TMPDIR/from/${where##*/}"
                echo "${where##*/}" >"$BATS_TEST_TMPDIR/from/${where##*/}/name"
                config ".mounts += [{destination: \"$where\", type: \"bind\", options: [\"rbind\", \"ro\"],
                        source: \"$BATS_TEST_TMPDIR/from/${where##*/}\"}]"
        done
}

@test "mounts in one directory lie there, where it was covered meanwhile, too" {
        mkdir -p "$BUNDLE/rootfs/row"/{a,b,c}
        binds /row/a /row/b /row/c /row/made
        config '.mounts += [{destination: "/row", type: "tmpfs", source: "tmpfs"}]'
        binds /row/d /row/e /row/f /row/d/over
        mkdir "$BATS_TEST_TMPDIR/from/d/over"
        script 'cat /row/*/name /row/d/over/name; ls /row | tr "\n" " "; grep -c " /row/[a-z]* " /proc/self/mountinfo'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'d\ne\nf\nover\nd e f 7' ]
        [ -d "$BUNDLE/rootfs/row/made" ]
}

@test "a name in a row of mounts that is a symbolic link is followed inside the root, no other is" {
        mkdir -p "$BUNDLE/rootfs"/{row/a,row/b,row/c,elsewhere}
        touch "$BUNDLE/rootfs/elsewhere.txt"
        ln -s /elsewhere "$BUNDLE/rootfs/row/link"
        ln -s ../elsewhere.txt "$BUNDLE/rootfs/row/file"
        ln -s row "$BUNDLE/rootfs/way"
        echo text >"$BATS_TEST_TMPDIR/text"
        binds /way/a /way/b /way/link
        config ".mounts += [{destination: \"/way/file\", type: \"bind\", options: [\"bind\"],
                source: \"$BATS_TEST_TMPDIR/text\"}]"
        binds /way/c
        script 'cat /row/[abc]/name /elsewhere/name /elsewhere.txt'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'a\nb\nc\nlink\ntext' ]
        mkdir "$BUNDLE/rootfs/row/sys"
        config '.mounts += [{destination: "/way/sys", type: "sysfs", source: "sysfs", options: ["ro"]}]'
        run ! oci run --bundle "$BUNDLE" "$WORD"
        [[ $output == *"/way/sys is a symbolic link"* ]]
}

# A budget as above: 300 when each of them was resolved by itself.
@test "sixty bind mounts cost four system calls each" {
        command -v strace >/dev/null || skip "strace is not there"
        local i count=()
        config '.process.args = ["/bin/true"]'
        for i in {0..59}; do mkdir -p "$BUNDLE/rootfs/row/$i"; done
        for i in 0 60; do
                config "[range($i) | {destination: \"/row/\\(.)\", type: \"bind\", source: \"/etc\",
                        options: [\"rbind\", \"ro\"]}] as \$binds | .mounts += \$binds"
                strace -f -c -U calls,name -o "$BATS_TEST_TMPDIR/calls" "$HUSK_OCI" --root "$ROOT" run --bundle "$BUNDLE" "$WORD"
                count+=("$(awk '$2 == "total" { print $1 }' "$BATS_TEST_TMPDIR/calls")")
        done
        echo "calls: ${count[*]}"
        [ "$((count[1] - count[0]))" -le 260 ]
}

@test "exec makes no more system calls than it did" {
        command -v strace >/dev/null || skip "strace is not there"
        config '.process.args = ["sleep", "1000"]'
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1
        strace -f -c -U calls,name -o "$BATS_TEST_TMPDIR/calls" "$HUSK_OCI" --root "$ROOT" exec "$WORD" /bin/true
        calls=$(awk '$2 == "total" { print $1 }' "$BATS_TEST_TMPDIR/calls")
        echo "calls: $calls"
        [ "$calls" -le 250 ]
}
