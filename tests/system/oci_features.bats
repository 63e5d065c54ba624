#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk-oci features: its form, and each of its promises that this kernel can show. What only a plan can
# show is in tests/unit/runtime/test_features.c.

load helper

setup() {
        begin
        F=$BATS_TEST_TMPDIR/features.json
        "$HUSK_OCI" features >"$F"
}
teardown() { finish; }

# listed PATH: the words of a list, one a line
listed() {
        jq -r "$1[]" "$F"
}

@test "features has the types that the specification's schema asks for" {
        jq -e '
                def strings: type == "array" and all(.[]; type == "string");
                def flags: type == "object" and all(.[]; type == "boolean");
                [(.ociVersionMin, .ociVersionMax | test("^[0-9]+\\.[0-9]+\\.[0-9]+$")),
                (.hooks, .mountOptions, .potentiallyUnsafeConfigAnnotations | strings),
                (.annotations | type == "object" and all(.[]; type == "string")),
                (.linux | (.namespaces | strings),
                        (.capabilities | strings and all(.[]; test("^CAP_[A-Z_]+$"))),
                        (.cgroup, .apparmor, .selinux, .intelRdt, .netDevices,
                                .mountExtensions.idmap | flags),
                        .seccomp.enabled == true,
                        (.seccomp | .actions, .operators, .archs, .knownFlags, .supportedFlags
                                | strings),
                        (.memoryPolicy.modes, .memoryPolicy.flags | strings))] | all' "$F"
        # nothing that the specification does not define, nothing twice
        [ "$(jq -c 'keys' "$F")" = '["annotations","hooks","linux","mountOptions","ociVersionMax","ociVersionMin","potentiallyUnsafeConfigAnnotations"]' ]
        [ "$(jq -c '.linux | keys' "$F")" = '["apparmor","capabilities","cgroup","intelRdt","memoryPolicy","mountExtensions","namespaces","netDevices","seccomp","selinux"]' ]
        jq -e 'all(.. | arrays; length == (unique | length))' "$F"
        # as runc and crun say it
        [ "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' "$F")" = true ]
        # supported are some of those that are known
        jq -e '.linux.seccomp | .supportedFlags - .knownFlags == []' "$F"
}

@test "features lists all that the specification's schema enumerates" {
        jq -e --argjson want '{
                "hooks": "prestart createRuntime createContainer startContainer poststart poststop",
                "namespaces": "mount pid network uts ipc user cgroup time",
                "actions": "SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD SCMP_ACT_TRAP SCMP_ACT_ERRNO SCMP_ACT_TRACE SCMP_ACT_ALLOW SCMP_ACT_LOG SCMP_ACT_NOTIFY",
                "operators": "SCMP_CMP_NE SCMP_CMP_LT SCMP_CMP_LE SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_MASKED_EQ",
                "flags": "SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
                "options": "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup unbindable idmap ridmap"
        }' '
                def all_of($name; $list): ($want[$name] | split(" ")) - $list == [];
                all_of("hooks"; .hooks) and all_of("options"; .mountOptions) and
                all_of("namespaces"; .linux.namespaces) and
                all_of("actions"; .linux.seccomp.actions) and
                all_of("operators"; .linux.seccomp.operators) and
                all_of("flags"; .linux.seccomp.knownFlags)' "$F"
}

@test "every listed mount option is taken by the kernel, and the attributes show" {
        local word shown
        # each on a tmpfs of its own; what is about a tree that exists binds /tmp
        config --slurpfile f "$F" '
                .mounts += [$f[0].mountOptions[] | select(IN("remount", "idmap", "ridmap") | not) |
                        if IN("bind", "rbind")
                        then {destination: "/m/\(.)", type: "none", source: "/tmp", options: [.]}
                        else {destination: "/m/\(.)", type: "tmpfs", source: "tmpfs", options: [.]} end] +
                [{destination: "/m/again", type: "tmpfs", source: "tmpfs"},
                 {destination: "/m/again", options: ["remount", "ro"]},
                 ("idmap", "ridmap") |
                 if type == "object" then . else {destination: "/m/\(.)", source: "/tmp", options: ["bind", .],
                  uidMappings: [{containerID: 0, hostID: 5, size: 9}],
                  gidMappings: [{containerID: 0, hostID: 5, size: 9}]} end]'
        script 'cat /proc/self/mountinfo'
        oci run --bundle "$BUNDLE" "$WORD" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
        cat "$BATS_TEST_TMPDIR/err"
        for word in $(listed .mountOptions); do
                [ "$word" = remount ] || grep -q " /m/$word " "$BATS_TEST_TMPDIR/out"
        done
        shown=$(awk '$5 ~ "^/m/" {
                n = split($0, side, " - "); split(side[2], super, " ")
                print substr($5, 4) "=" $6 "|" super[3] "|" (index(side[1], "shared:") ? "shared" : "") }' \
                "$BATS_TEST_TMPDIR/out")
        echo "$shown"
        for word in ro nosuid nodev noexec noatime nodiratime nosymfollow relatime; do
                grep -Eq "^$word=([^|]*,)?$word(,[^|]*)?\|" <<<"$shown"
                grep -Eq "^r$word=([^|]*,)?$word(,[^|]*)?\|" <<<"$shown"
        done
        for word in rw suid dev exec atime symfollow diratime; do
                [ -z "$(grep -E "^r?$word=" <<<"$shown" | grep -E "=ro|nosuid|nodev|noexec|noatime|nosymfollow|nodiratime")" ]
        done
        # strictatime is the absence of the two others
        [ -z "$(grep -E '^r?strictatime=' <<<"$shown" | grep -E 'relatime|noatime')" ]
        for word in sync dirsync lazytime; do
                grep -Eq "^$word=[^|]*\|([^|]*,)?$word" <<<"$shown"
        done
        grep -q '^shared=.*|shared$' <<<"$shown"
        grep -q '^rshared=.*|shared$' <<<"$shown"
        [ -z "$(grep '^private=.*|shared$' <<<"$shown")" ]
        grep -q '^again=ro' <<<"$shown"
        # what has no effect is told
        grep -q "warning: /mounts/[0-9]*/options/0: 'silent' has no effect" "$BATS_TEST_TMPDIR/err"
        grep -q "warning: /mounts/[0-9]*/options/0: 'iversion' has no effect" "$BATS_TEST_TMPDIR/err"
}

@test "an option that is not listed goes to the file system, which refuses it" {
        [ -z "$(listed .mountOptions | grep -x neverheard)" ]
        config '.mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["neverheard"]}]'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *neverheard* ]]
}

@test "every listed namespace is made" {
        local type name
        config '.linux.namespaces = [$f[0].linux.namespaces[] | {type: .}] |
                .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] |
                .linux.gidMappings = .linux.uidMappings' --slurpfile f "$F"
        config 'del(.linux.resources)'
        script 'for t in mnt pid net uts ipc user cgroup time; do readlink /proc/self/ns/$t; done'
        oci run --bundle "$BUNDLE" "$WORD" >"$BATS_TEST_TMPDIR/out"
        [ "$(listed .linux.namespaces | wc -l)" = 8 ]
        for type in $(listed .linux.namespaces); do
                case $type in mount) name=mnt ;; network) name=net ;; *) name=$type ;; esac
                grep -q "^$name:" "$BATS_TEST_TMPDIR/out"
                [ -z "$(grep -Fx "$(readlink "/proc/self/ns/$name")" "$BATS_TEST_TMPDIR/out")" ]
        done
}

@test "every listed capability that this kernel has is given" {
        local last mask want=0 n=0 name
        last=$(cat /proc/sys/kernel/cap_last_cap)
        config --slurpfile f "$F" '.process.capabilities = ($f[0].linux.capabilities as $all |
                {bounding: $all, permitted: $all, effective: $all})'
        script 'grep CapEff /proc/self/status'
        mask=$(oci run --bundle "$BUNDLE" "$WORD" | awk '{ print $2 }')
        for name in $(listed .linux.capabilities); do
                [ $n -gt "$last" ] || want=$((want | 1 << n))
                n=$((n + 1))
        done
        printf 'mask %s want %x\n' "$mask" "$want"
        [ $((16#$mask)) = $((want & 16#$(grep CapBnd /proc/self/status | cut -f2))) ]
}

@test "every listed hook runs" {
        local log=$BATS_TEST_TMPDIR/$WORD/log name
        mkdir -p "$BUNDLE/rootfs/log"
        # startContainer's path is the container's, the others' the host's
        config --arg log "$log" --slurpfile f "$F" '.hooks = ([$f[0].hooks[] | {key: ., value: [
                if . == "startContainer" then {path: "/bin/sh", args: ["sh", "-c", "echo startContainer >/log/said"]}
                else {path: "/bin/sh", args: ["sh", "-c", "echo \(.) >>\($log)"]} end]}] | from_entries)'
        config '.root.readonly = false'
        script true
        oci run --bundle "$BUNDLE" "$WORD"
        cat "$BUNDLE/rootfs/log/said" >>"$log"
        [ "$(sort "$log")" = "$(listed .hooks | sort)" ]
}

@test "every supported flag of seccomp loads a filter" {
        local flag
        for flag in $(listed .linux.seccomp.supportedFlags); do
                # one that is about a listener, without one, is told and left out
                config --arg flag "$flag" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: [$flag],
                        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
                script 'grep -h ^Seccomp: /proc/self/status; mkdir /tmp/x 2>&1 || true'
                run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
                [ "$status" = 0 ]
                grep -q 'Seccomp:.*2' <<<"$output"
                grep -q 'not supported' <<<"$output"
        done
}

@test "a later change of config.json has no effect: start and exec have the one of create" {
        config '.process.args = ["sh", "-c", "echo $A; sleep 100"] | .process.env += ["A=before"]'
        oci create --bundle "$BUNDLE" "$WORD" <&- >"$BATS_TEST_TMPDIR/out" 2>&1
        config '.process.args = ["false"] | .process.env += ["A=after"] | .hooks = {poststart: [{path: "/bin/false"}]}'
        oci start "$WORD"
        eventually 10 grep -q . "$BATS_TEST_TMPDIR/out"
        [ "$(cat "$BATS_TEST_TMPDIR/out")" = before ]
        # shellcheck disable=SC2016 # the container's shell
        [ "$(oci exec "$WORD" sh -c 'echo $A')" = before ]
}

@test "docs/runtime-spec.md names tests that exist" {
        local doc=$BATS_TEST_DIRNAME/../../docs/runtime-spec.md item file name n=0 missing=
        while read -r item; do
                n=$((n + 1))
                name=${item#*: }
                case $item in
                'plan '*) [ -d "$BATS_TEST_DIRNAME/../plans/${item#plan }" ] ;;
                'unit '*)
                        file=${item%%:*}
                        grep -q "^TEST($name" "$BATS_TEST_DIRNAME/../${file/ //}.c"
                        ;;
                *) grep -qF "@test \"$name" "$BATS_TEST_DIRNAME/${item%%:*}.bats" ;;
                esac || missing+="$item"$'\n'
        done < <(grep '^|' "$doc" | sed 's/.*|\([^|]*\)|$/\1/' | grep -o '`[^`]*`' | tr -d '`')
        echo "missing: $missing"
        [ -z "$missing" ]
        [ $n -gt 100 ]
}
