#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts for a container that runs: added, seen inside, taken away; and what a container can do about it.

load helper
setup() {
        begin
        [ "$(id -u)" = 0 ] || skip "entering a container's namespaces needs root"
        mkdir "$BATS_TEST_TMPDIR/$WORD/source"
        SOURCE=$BATS_TEST_TMPDIR/$WORD/source
        echo "from the host" >"$SOURCE/file"
        config '.root.readonly = false'
}
teardown() { finish; }

# start TEXT: a container in which the shell runs it
start() {
        script "$1"
        oci run -d --bundle "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 || {
                cat "$BATS_TEST_TMPDIR/out"
                return 1
        }
}

# asks JQ: the document of the mounts; $source is the directory of the host
asks() {
        MOUNTS=$BATS_TEST_TMPDIR/$WORD/mounts.json
        jq -n --arg source "$SOURCE" "$1" >"$MOUNTS"
}

bind='{destination: "/mnt/bind", type: "bind", source: $source, options: ["rbind", "ro"]}'
tmpfs='{destination: "/mnt/tmp", type: "tmpfs", source: "t", options: ["nosuid", "size=64k"]}'

# inside COMMAND...: its output, in the container
inside() {
        run -0 oci exec "$WORD" "$@"
}

# What is mounted in there, a mount point a line.
table() {
        awk '{ print $5 }' "/proc/$(pid_of "$WORD")/mountinfo" | sort
}

# The host's own mounts, without those that come and go by other tests.
host_table() {
        grep -c "$WORD" /proc/self/mountinfo || true
}

@test "mounts add: an array, an object with mounts, and a single mount; remove takes them away" {
        start 'sleep 1000'
        local before form
        before=$(table)
        for form in "[$bind, $tmpfs]" "{mounts: [$bind, $tmpfs]}" "$bind"; do
                asks "$form"
                run -0 oci mounts add "$WORD" "$MOUNTS"
                [ -z "$output" ]
                inside cat /mnt/bind/file
                [ "$output" = "from the host" ]
                run -1 oci exec "$WORD" touch /mnt/bind/new
                [[ "$output" == *"Read-only file system"* ]]
                run -0 oci mounts remove "$WORD" "$MOUNTS"
                [ "$(table)" = "$before" ]
        done
        [ "$(host_table)" = 0 ]
}

@test "mounts add: each has what config.json would give it" {
        start 'sleep 1000'
        echo old >"$BUNDLE/rootfs/etc/name"
        asks "[$tmpfs,
                {destination: \"/etc/name\", type: \"bind\", source: (\$source + \"/file\"), options: [\"bind\", \"nodev\"]},
                {destination: \"/etc\", type: \"tmpfs\", options: [\"tmpcopyup\"]},
                {destination: \"/mnt/proc\", type: \"proc\", source: \"proc\", options: [\"ro\"]},
                {destination: \"/mnt/sys\", type: \"sysfs\", options: [\"ro\"]},
                {destination: \"/mnt/mq\", type: \"mqueue\"}]"
        run -0 oci mounts add "$WORD" "$MOUNTS"
        inside cat /proc/self/mountinfo
        [[ "$output" == *" / /mnt/tmp rw,nosuid,relatime - tmpfs t rw,size=64k"* ]]
        [[ "$output" == *"/file /etc/name rw,nodev,relatime"* ]]
        [[ "$output" == *" / /mnt/proc ro,relatime - proc proc "* ]]
        # the container's own processes and network, not the host's
        inside sh -c "tr '\\0' ' ' </mnt/proc/1/cmdline"
        [[ "$output" == sleep* ]]
        inside ls /mnt/sys/class/net
        [ "$output" = lo ]
        inside cat /etc/name
        [ "$output" = "from the host" ]
        run -0 oci mounts remove "$WORD" "$MOUNTS"
        inside cat /etc/name
        [ "$output" = old ]
}

@test "mounts add: all or none" {
        start 'sleep 1000'
        local before
        before=$(table)
        touch "$BUNDLE/rootfs/tmp/plain"
        asks "[$bind, $tmpfs, {destination: \"/tmp/plain\", type: \"tmpfs\"}]"
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        echo "$stderr"
        [[ "$stderr" == *"/2 (attach): /tmp/plain is no directory in the container"* ]]
        [ "$(table)" = "$before" ]
        # one that was there before by the same name stays
        asks "[$bind]"
        oci mounts add "$WORD" "$MOUNTS"
        before=$(table)
        asks "[$bind, {destination: \"/tmp/plain\", type: \"tmpfs\"}]"
        run -1 oci mounts add "$WORD" "$MOUNTS"
        [ "$(table)" = "$before" ]
}

@test "mounts add: a command that is killed leaves nothing that mounts remove does not find" {
        command -v strace >/dev/null || skip "no strace"
        start 'sleep 1000'
        local before n
        before=$(table)
        asks "[$bind, $tmpfs]"
        for n in 1 2 3; do
                # the worker dies at its n-th attempt to attach; the one who waits for it is told
                run timeout -k 5 60 strace -f -qq -o /dev/null -e trace=move_mount \
                        -e "inject=move_mount:error=EIO:signal=KILL:when=$n" \
                        "$HUSK_OCI" --root "$ROOT" mounts add "$WORD" "$MOUNTS"
                oci mounts remove "$WORD" "$MOUNTS" 2>/dev/null || true
                [ "$(table)" = "$before" ]
        done
        oci mounts add "$WORD" "$MOUNTS"
        oci mounts remove "$WORD" "$MOUNTS"
}

@test "mounts remove: what the container was made with or has mounted itself stays" {
        config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
        start 'mkdir -p /mnt/bind; mount -t tmpfs own /mnt/bind; sleep 1000'
        eventually 10 grep -q /mnt/bind "/proc/$(pid_of "$WORD")/mountinfo"
        local before
        before=$(table)
        asks "[$bind, {destination: \"/proc\"}]"
        run -1 --separate-stderr oci mounts remove "$WORD" "$MOUNTS"
        [[ "$stderr" == *"nothing was mounted in '$WORD' by \`mounts add\`"* ]]
        # added, and covered by one of the container's own
        asks "$tmpfs"
        oci mounts add "$WORD" "$MOUNTS"
        before=$(table)
        oci exec "$WORD" mount -t tmpfs own /mnt/tmp
        run -1 --separate-stderr oci mounts remove "$WORD" "$MOUNTS"
        [[ "$stderr" == *"[mount] (detach_mount): what is mounted at /mnt/tmp was not added"* ]]
        oci exec "$WORD" umount /mnt/tmp
        [ "$(table)" = "$before" ]
        # others' names for the same
        asks '[{destination: "/mnt/bind"}, {destination: "/proc"}, {destination: "/etc"}]'
        run -1 --separate-stderr oci mounts remove "$WORD" "$MOUNTS"
        [ "$(table)" = "$before" ]
        # the container has taken one of them away: the other goes all the same
        asks "[$tmpfs, {destination: \"/mnt/b\", type: \"tmpfs\"}]"
        oci exec "$WORD" umount /mnt/tmp
        oci mounts add "$WORD" "$MOUNTS"
        oci exec "$WORD" umount /mnt/b
        run -1 --separate-stderr oci mounts remove "$WORD" "$MOUNTS"
        [[ "$stderr" == *"/1 (detach_mount): nothing is mounted at /mnt/b"* ]]
        [[ "$(table)" != */mnt/tmp* ]]
}

@test "mounts add: a target that leads out of the root stays in it" {
        mkdir -p "$BUNDLE/rootfs/mnt"
        ln -s ../../../../../../../../../../../../tmp "$BUNDLE/rootfs/mnt/up"
        ln -s "$SOURCE" "$BUNDLE/rootfs/mnt/away"
        ln -s /proc/1/root "$BUNDLE/rootfs/mnt/magic"
        ln -s /etc "$BUNDLE/rootfs/mnt/link"
        start 'sleep 1000'
        asks "{destination: \"/mnt/up/$WORD\", type: \"tmpfs\"}"
        run -0 oci mounts add "$WORD" "$MOUNTS"
        [[ "$(table)" == *"/tmp/$WORD"* ]]
        [ ! -e "/tmp/$WORD" ]
        asks '{destination: "/mnt/away", type: "tmpfs"}'
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        [[ "$stderr" == *"a symbolic link on the way leads to what the root does not have"* ]]
        asks '{destination: "/mnt/magic/x", type: "tmpfs"}'
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        # procfs is not put where a link points
        asks '{destination: "/mnt/link", type: "proc"}'
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        [[ "$stderr" == *"/mnt/link is a symbolic link in the container's root"* ]]
        [ -e "$SOURCE/file" ]
        [ "$(host_table)" = 0 ]
}

@test "mounts add: a container that swaps the target all the time gets it at a place of its own" {
        mkdir -p "$BUNDLE/rootfs/mnt/a/$WORD" "$BUNDLE/rootfs/mnt/b"
        start 'cd /mnt; while :; do mv a c; ln -s ../../../../../../../tmp a; rm a; mv c a; done'
        asks "{destination: \"/mnt/a/$WORD\", type: \"bind\", source: \$source, options: [\"bind\"]}"
        local i added=0 places
        for i in $(seq "$(sample 40)"); do
                run oci mounts add "$WORD" "$MOUNTS"
                [ "$status" -ne 0 ] || added=$((added + 1))
                [ -e "$SOURCE/file" ]
                [ ! -e "/tmp/$WORD" ]
        done
        echo "$added of $i were added"
        [ "$added" -gt 0 ]
        [ "$(host_table)" = 0 ]
        # all of them lie below the container's root
        places=$(grep -c "/source " "/proc/$(pid_of "$WORD")/mountinfo")
        echo "$places places"
        [ "$places" = "$added" ]
}

@test "mounts add: a container in a user namespace" {
        config '.linux.namespaces += [{type: "user"}]
                | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
                | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
        chown -R 100000:100000 "$BUNDLE/rootfs"
        open_way "$BUNDLE/rootfs"
        start 'sleep 1000'
        # a source that only root can reach
        chmod 700 "$BATS_TEST_TMPDIR/$WORD/source"
        local before
        before=$(table)
        asks "[$bind, $tmpfs, {destination: \"/mnt/proc\", type: \"proc\"}]"
        run -0 oci mounts add "$WORD" "$MOUNTS"
        [[ "$(table)" == */mnt/bind*/mnt/proc*/mnt/tmp* ]]
        # its file systems are owned by its own root
        inside stat -c %u:%g /mnt/tmp
        [ "$output" = 0:0 ]
        inside sh -c "tr '\\0' ' ' </mnt/proc/1/cmdline"
        [[ "$output" == sleep* ]]
        run -0 oci mounts remove "$WORD" "$MOUNTS"
        [ "$(table)" = "$before" ]
        asks "{destination: \"/mnt/mapped\", type: \"bind\", source: \$source, options: [\"idmap\"]}"
        run oci mounts add "$WORD" "$MOUNTS"
        if [ "$status" = 0 ]; then
                inside cat /mnt/mapped/file
                [ "$output" = "from the host" ]
        else
                [[ "$output" == *"does not let its ids be mapped"* ]]
        fi
}

@test "mounts: what cannot be granted is said by its place" {
        start 'sleep 1000'
        local before filter words
        before=$(table)
        while IFS='|' read -r filter words; do
                asks "$filter"
                run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
                echo "$filter: $stderr"
                [ -z "$output" ]
                [[ "$stderr" == "husk-oci: $MOUNTS:"*"$words"* ]]
        done <<'ROWS'
[{destination: "/", type: "tmpfs"}]|/0/destination: the root of a container that runs stays
{mounts: [{destination: "/x", type: "cgroup"}]}|/mounts/0/type: the cgroup tree is mounted when
{destination: "/tmp", options: ["remount", "ro"]}|: /options/0: changes a mount that is there
{destination: "/proc/self", type: "tmpfs"}|: /destination: /proc/self is inside /proc
[{destination: "/sys", type: "tmpfs"}]|/0/destination: a mount at /sys would cover /sys/firmware
[{destination: "/proc", type: "proc"}]|/0/destination: a mount at /proc would cover /proc/
[{type: "tmpfs"}]|/0: missing required member "destination"
[{destination: "/x", type: "bind"}]|/0/source: missing: what is to be bound?
[{destination: "/x", type: 5}]|/0/type: expected a string, found a number
{mounts: {}}|/mounts: expected an array, found an object
5|: /: expected an object, found a number
ROWS
        [ "$(table)" = "$before" ]
        asks '[]'
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        [[ "$stderr" == *"$MOUNTS: no mount in it"* ]]
        run -1 --separate-stderr oci mounts add "$WORD" /nowhere.json
        [[ "$stderr" == *"cannot read /nowhere.json: No such file"* ]]
        asks "$bind"
        run -1 --separate-stderr oci mounts add nobody "$MOUNTS"
        [[ "$stderr" == *"nobody"* ]]
        run ! oci mounts hide "$WORD" "$MOUNTS"
        [[ "$output" == *add*remove* ]]
        oci kill "$WORD" KILL
        eventually 10 stopped "$WORD"
        run -1 --separate-stderr oci mounts add "$WORD" "$MOUNTS"
        [[ "$stderr" == *"container '$WORD' is stopped"* ]]
}

@test "mounts --explain shows the plan and does nothing; a created container can be given mounts" {
        script 'cat /mnt/bind/file'
        oci create --bundle "$BUNDLE" "$WORD" </dev/null >"$BATS_TEST_TMPDIR/out"
        local before
        before=$(table)
        asks "[$bind]"
        run -0 oci mounts --explain add "$WORD" "$MOUNTS"
        [[ "$output" == *"clone_tree"*"path=$SOURCE"*"record_mount"*"attach"*"target=/mnt/bind"*leave* ]]
        [ "$(table)" = "$before" ]
        oci mounts add "$WORD" "$MOUNTS"
        run -0 oci mounts remove --explain "$WORD" "$MOUNTS"
        [[ "$output" == *"detach_mount"*"target=/mnt/bind"* ]]
        oci start "$WORD"
        eventually 10 grep -q "from the host" "$BATS_TEST_TMPDIR/out"
}

@test "mounts add: what is mounted later goes from the host to the container as its document says, never back" {
        config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
        asks "{destination: \"/mnt/bind\", type: \"bind\", source: \$source, options: [\"rbind\"]}"
        mkdir "$SOURCE/down" "$SOURCE/up"
        local propagation
        for propagation in rprivate rslave; do
                config --arg p "$propagation" '.linux.rootfsPropagation = $p'
                start 'sleep 1000'
                # a shared mount, in a mount namespace of the test's own
                # shellcheck disable=SC2016 # for the inner shell
                run unshare -m --propagation private bash -ec '
                        mount --bind "$1" "$1"
                        mount --make-shared "$1"
                        "$2" --root "$3" mounts add "$4" "$5"
                        mount -t tmpfs later "$1/down"
                        "$2" --root "$3" exec "$4" mount -t tmpfs back /mnt/bind/up
                        grep -c "/up " /proc/self/mountinfo' \
                        sh "$SOURCE" "$HUSK_OCI" "$ROOT" "$WORD" "$MOUNTS"
                [ "$output" = 0 ]
                [[ "$(table)" == *"/mnt/bind/up"* ]]
                if [ $propagation = rprivate ]; then
                        [[ "$(table)" != *"/mnt/bind/down"* ]]
                else
                        [[ "$(table)" == *"/mnt/bind/down"* ]]
                fi
                oci delete --force "$WORD"
        done
}
