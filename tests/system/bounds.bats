#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is read has an end: documents, files of options and what a hook says, each above its bound, answered by one
# line that names it; docs/security.md lists the bounds and the tests of the others.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

oci() { timeout -k 5 60 "${HUSK_OCI:-${husk%/*}/husk-oci}" --root "$box/oci" "$@" 3>&-; }

setup() {
        engine_setup
        bundle=$box/bundle word=hkbound$$
        mkdir -p "$bundle/root/bin"
        cp "$(command -v busybox)" "$bundle/root/bin/busybox"
        ln -s busybox "$bundle/root/bin/sh"
        oci spec --bundle "$bundle"
        edit '.process.terminal = false | .process.args = ["sh", "-c", "busybox sleep 1000"] | .root.path = "root"'
        truncate -s 17M "$box/big"
}

teardown() {
        oci delete -f "$word" 2>/dev/null || :
        engine_teardown
}

edit() { jq "$1" "$bundle/config.json" >"$box/edited" && mv "$box/edited" "$bundle/config.json"; }

# refused STATUS WORDS COMMAND...: in one short line
refused() {
        local expected=$1 words=$2
        shift 2
        run "$@"
        same "$status" "$expected"
        has "$output" "$words"
        [ "${#lines[@]}" = 1 ] && [ "${#output}" -lt 2048 ]
}

@test 'files of options' {
        refused 125 "seccomp=$box/big: File too large" husk run --rm --security-opt "seccomp=$box/big" host true
        refused 125 "$box/big: File too large" husk run --rm --env-file "$box/big" host true
        refused 125 "$box/big: File too large" husk run --rm --label-file "$box/big" host true
}

@test 'documents of a container that runs' {
        oci create --bundle "$bundle" "$word" </dev/null >/dev/null 2>&1
        oci start "$word"
        refused 1 "$box/big: File too large" oci update --resources "$box/big" "$word"
        refused 1 'standard input: File too large' oci update --resources - "$word" <"$box/big"
        refused 255 "$box/big: File too large" oci exec --process "$box/big" "$word"
        same "$(oci state "$word" | jq -r .status)" running
}

@test 'config.json' {
        cp "$box/big" "$bundle/config.json"
        refused 1 'config.json: larger than 16 MiB' oci create --bundle "$bundle" "$word"
}

@test 'mounts of config.json' {
        edit '.mounts += [range(2000) | {destination: "/run/m\(.)", type: "tmpfs", source: "tmpfs"}]'
        refused 1 'more than 1600 mounts and descriptors are too many for a container' \
                oci create --bundle "$bundle" "$word"
}

@test 'what a hook says' {
        edit '.hooks.prestart = [{ path: "/bin/sh", args: ["sh", "-c",
                "head -c 50000000 /dev/zero | tr \\\\0 x >&2; exit 3"] }]'
        refused 1 'exited with status 3; it said: xxx' oci create --bundle "$bundle" "$word"
}

@test 'what ps says' {
        oci create --bundle "$bundle" "$word" </dev/null >/dev/null 2>&1
        mkdir "$box/path"
        # What it says of others is as long as they like, and nothing to us: they have chosen their arguments.
        local pid
        pid=$(oci state "$word" | jq .pid)
        printf '#!/bin/sh\necho PID\necho %s\nprintf "%s "\nhead -c 130000000 /dev/zero | tr "\\0" x\n' "$pid" 1 >"$box/path/ps"
        chmod +x "$box/path/ps"
        PATH=$box/path:$PATH run -0 oci ps "$word"
        same "$output" $'PID\n'"$pid"
        sed -i "s/printf \"1 \"/printf \"$pid \"/" "$box/path/ps"
        PATH=$box/path:$PATH refused 1 'File too large' oci ps "$word"
}

# many_mounts NUMBER COMMAND...: where so many mounts are, each with some 30 kB in /proc/self/mountinfo
many_mounts() {
        mkdir -p "$host/many"
        unshare --mount --propagation private python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path = os.fsencode(sys.argv[1])
name = b" " * 250 # \040 each
os.chdir(path)
while len(path) + 251 < 4000:
        os.makedirs(name, exist_ok=True)
        os.chdir(name)
        path += b"/" + name
for _ in range(int(sys.argv[2])):
        if libc.mount(path, path, None, 4096, None):
                sys.exit(os.strerror(ctypes.get_errno()))
os.chdir("/")
os.execvp(sys.argv[3], sys.argv[3:])' "$host/many" "$@"
}

@test 'mounts of the host' {
        [ -z "${HUSK_VM:-}" ] || skip 'slow in an emulated machine, and the same as elsewhere'
        refused 125 'cannot read /proc/self/mountinfo: File too large' \
                many_mounts 580 "$husk" "${flags[@]}" run --rm host true
        many_mounts 500 "$husk" "${flags[@]}" run --rm host true
}

# given BYTES: what an ordinary user is told of ids that /etc/subuid and /etc/subgid give, behind so many bytes
given() {
        local way=(setpriv --reuid 54321 --regid 54321 --clear-groups)
        { echo 54321:100000:65536 && head -c "$1" /dev/zero | tr '\0' '#'; } >"$box/subids"
        unshare --mount --propagation private sh -c 'for file in /etc/subuid /etc/subgid; do
                mount --bind "$0" "$file" || exit 77; done; exec "$@"' "$box/subids" \
                "${way[@]}" "${HUSK_OCI:-${husk%/*}/husk-oci}" explain --bundle "$bundle"
}

@test 'subuid and subgid' {
        [ -f /etc/subuid ] && [ -f /etc/subgid ] || skip 'needs /etc/subuid and /etc/subgid'
        command -v newuidmap >/dev/null || skip 'needs newuidmap'
        open_way "$box"
        edit '.linux.namespaces += [{type: "user"}] | del(.linux.resources, .linux.cgroupsPath) |
                .linux.uidMappings = [{containerID: 0, hostID: 54321, size: 1},
                        {containerID: 1, hostID: 100000, size: 65536}] |
                .linux.gidMappings = .linux.uidMappings'
        run given $((4 << 20))
        same "$status" 1
        has "${lines[0]}" '/etc/subuid gives 54321 nothing'
        run given $((3 << 20))
        same "$status" 0
        has "$output" 'map_ids'
}

@test 'id mappings' {
        edit '.linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [range(341) | {containerID: ., hostID: (3000 + .), size: 1}] |
                .linux.gidMappings = .linux.uidMappings'
        refused 1 'is one more than the 340 lines that the kernel takes' oci explain --bundle "$bundle"
        edit '.linux.uidMappings |= (.[:300] | map(.containerID += 1000000000 | .hostID += 1000000000))'
        refused 1 'is longer than the 4095 bytes that the kernel takes' oci explain --bundle "$bundle"
}

@test 'files of an image that is built from the host' {
        local dir=$box/deep i
        ln -s two "$box/one"
        ln -s one "$box/two"
        refused 1 'Too many levels of symbolic links' husk image build-host --add "$box/one" x busybox
        for ((i = 0; i < 63; i++)); do dir+=/x; done
        mkdir -p "$dir"
        husk image build-host --add "$box/deep" x busybox
        mkdir "$dir/x"
        refused 1 'Too many levels of symbolic links' husk image build-host --add "$box/deep" x busybox
}
