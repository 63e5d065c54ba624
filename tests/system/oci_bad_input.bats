#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Wrong input: one line that says what and where, an exit code, and nothing left on the host.

load helper
setup() {
        [ -z "${HUSK_VM:-}" ] || skip "no matter of the kernel: not worth a guest's time"
        begin
}
teardown() {
        [ -n "${HUSK_VM:-}" ] || finish
}

# rejected WORDS...: create of the bundle fails with all WORDS in its message
rejected() {
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        echo "$stderr"
        refused
        [ "$status" = 1 ]
        for word in "$@"; do
                [[ $stderr == *"$word"* ]]
        done
}

@test "no bundle, no config.json" {
        rm "$BUNDLE/config.json"
        rejected "$BUNDLE/config.json" "No such file"
        run --separate-stderr oci create --bundle "$BUNDLE/none" "$WORD"
        refused
        [[ $stderr == *"$BUNDLE/none"* ]]
}

@test "not JSON: file, line and column" {
        for text in '' 'hello' '{' '{"a":}' "{'a': 1}" '{"a": 1,}' '[]' 'null' '{"a": 01}' $'{\n  "a" 1}' \
                $'\xff\xfe' '{"a": "\x01"}' '{} {}' '{"a": 1e999}' '{"a": nan}'; do
                printf '%s' "$text" >"$BUNDLE/config.json"
                rejected config.json:
        done
        printf '{\n  "ociVersion": "1.0.0",\n  "process": }\n' >"$BUNDLE/config.json"
        rejected config.json:3:14
}

@test "a zero byte" {
        printf '{"a": "x\0y"}' >"$BUNDLE/config.json"
        rejected config.json:1
}

@test "the wrong type: JSON pointer and place" {
        config '.process.args = "sh"'
        rejected /process/args config.json:
        (cd "$BUNDLE" && rm config.json && "$HUSK_OCI" spec)
        config '.process.terminal = false | .mounts[2].options = [1]'
        rejected /mounts/2/options/0
        (cd "$BUNDLE" && rm config.json && "$HUSK_OCI" spec)
        config '.process.terminal = false | .process.user.uid = -1'
        rejected /process/user/uid
        config '.process.user.uid = 4294967296'
        rejected /process/user/uid
        config '.process.user.uid = 1.5'
        rejected /process/user/uid
        config '.process.user.uid = 0 | .root = "rootfs"'
        rejected /root
}

@test "an unknown word where there is a list of them" {
        config '.linux.namespaces += [{"type": "netwerk"}]'
        rejected /linux/namespaces/6/type netwerk
        config '.linux.namespaces |= .[:-1] | .process.rlimits = [{"type": "RLIMIT_FUN", "soft": 1, "hard": 1}]'
        rejected /process/rlimits/0/type RLIMIT_FUN
        config '.process.rlimits = [] | .linux.seccomp = {"defaultAction": "SCMP_ACT_MAYBE"}'
        rejected /linux/seccomp/defaultAction SCMP_ACT_MAYBE
}

@test "the same key twice" {
        printf '{"ociVersion": "1.0.0", "root": {"path": "a"}, "root": {"path": "b"}}' >"$BUNDLE/config.json"
        rejected config.json:1 root
}

@test "a document of 100 MB, and one nested 10,000 deep" {
        # spaces are legal JSON: it is the size that is refused
        { printf '{"ociVersion": "1.0.0",'; head -c 100000000 /dev/zero | tr '\0' ' '; printf '"a": 1}'; } \
                >"$BUNDLE/config.json"
        rejected config.json larger
        { printf '{"a":'; head -c 10000 /dev/zero | tr '\0' '['; head -c 10000 /dev/zero | tr '\0' ']'; printf '}'; } \
                >"$BUNDLE/config.json"
        rejected config.json:1 deep
}

@test "no root file system" {
        config '.root.path = "elsewhere"'
        rejected /root/path "No such file"
        config '.root.path = "config.json"'
        rejected /root/path "not a directory"
        config 'del(.root)'
        rejected /root
}

@test "no program: 127; one that cannot be executed: 126" {
        config '.process.args = ["/not/there"]'
        run -127 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/not/there"*"No such file"* ]]
        config '.process.args = ["not-in-path"]'
        run -127 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        config '.process.args = ["/etc/plain"]'
        touch "$BUNDLE/rootfs/etc/plain"
        run -126 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/etc/plain"*"Permission denied"* ]]
        config '.process.args = ["/etc"]'
        run -126 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        printf 'no interpreter\n' >"$BUNDLE/rootfs/etc/plain"
        chmod 755 "$BUNDLE/rootfs/etc/plain"
        config '.process.args = ["/etc/plain"]'
        run -126 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        printf '#!/not/there\n' >"$BUNDLE/rootfs/etc/plain"
        run -127 --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
}

@test "create tells of a missing program, not only start" {
        config '.process.args = ["/not/there"]'
        run -127 --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/process/args/0"*"/not/there"* ]]
        config '.process.args = []'
        rejected /process/args
}

@test "mounts that fail: which one, and nothing stays mounted" {
        config '.mounts += [{"destination": "/x", "type": "nosuchfs"}]'
        rejected /mounts/7 nosuchfs
        config '.mounts[7] = {"destination": "/x", "type": "tmpfs", "options": ["size=banana"]}'
        rejected /mounts/7 banana
        config '.mounts[7] = {"destination": "/x", "source": "/not/there", "options": ["bind"]}'
        rejected /mounts/7
        config '.mounts[7] = {"destination": "/proc/self/x", "source": "/tmp", "options": ["bind"]}'
        rejected /mounts/7 /proc
}

@test "a limit that the kernel does not take" {
        config '.linux.resources.cpu = {"cpus": "999"}'
        rejected /linux/resources/cpu/cpus
        config '.linux.resources.cpu = {"quota": 1}'
        rejected /linux/resources/cpu/quota
}

@test "shares of caches on a host without resctrl" {
        [ ! -d /sys/fs/resctrl ] || skip "this host has resctrl"
        config '.linux.intelRdt = {"closID": "x"}'
        rejected "/linux/intelRdt: no resctrl file system" "mount -t resctrl"
}

@test "a hook list that is empty is no hook" {
        config '.hooks = {"prestart": []}'
        script 'exit 0'
        oci run --bundle "$BUNDLE" "$WORD"
}

@test "an unknown flag, command or value offers the nearest" {
        run --separate-stderr oci create --bundel "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"--bundel"*"--bundle"* ]]
        run --separate-stderr oci craete --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"craete"*"create"* ]]
        run --separate-stderr oci create --bundle "$BUNDLE"
        refused
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD" more
        refused
}

@test "a pid file that cannot be written leaves no container" {
        script 'sleep 100'
        run --separate-stderr oci create --pid-file /not/there/pid --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/not/there/pid"* ]]
}

@test "errors go to --log, too, as text and as JSON" {
        config '.process.args = ["/not/there"]'
        run -127 oci --log "$BUNDLE/log" create --bundle "$BUNDLE" "$WORD"
        grep -q /not/there "$BUNDLE/log"
        run -127 oci --log "$BUNDLE/log.json" --log-format json create --bundle "$BUNDLE" "$WORD"
        jq -e '.level == "error" and (.msg | contains("/not/there"))' "$BUNDLE/log.json"
}

@test "--log in a directory of somebody else: nobody is waited for, and links of theirs are not followed" {
        mkdir "$BUNDLE/theirs"
        mkfifo "$BUNDLE/theirs/pipe"
        ln -s "$BUNDLE/victim" "$BUNDLE/theirs/link"
        ln -s "$BUNDLE/log" "$BUNDLE/theirs/ours"
        chown -h 1234:1234 "$BUNDLE/theirs" "$BUNDLE/theirs/pipe" "$BUNDLE/theirs/link"
        run ! timeout 20 "$HUSK_OCI" --root "$ROOT" --log "$BUNDLE/theirs/pipe" state none
        [[ $output == *"none"* ]]
        run ! oci --log "$BUNDLE/theirs/link" state none
        [[ $output == *"none"* ]]
        [ ! -e "$BUNDLE/victim" ]
        run ! oci --log "$BUNDLE/theirs/ours" state none
        grep -q none "$BUNDLE/log"
        run ! oci --log /dev/stderr state none
        [ -L /dev/stderr ]
}

@test "a umask with more than permissions" {
        config '.process.user.umask = 1023'
        run --separate-stderr oci create --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/process/user/umask: 1777 has more than the nine bits"* ]]
}
