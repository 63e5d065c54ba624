#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `explain` says what is done: the shell form of a plan, run as a script, makes a container that
# looks from inside like the one that `husk-oci run` makes of the same bundle; and the other two
# forms name the same operations. What a shell cannot do (seccomp, the device program of cgroup v2,
# a session keyring, closing what its caller left open) the script says itself, and is not compared;
# nor are the first argument, which capsh makes the program's path, and the environment's order.

setup() {
        oci=${HUSK_OCI:-$BATS_TEST_DIRNAME/../../build/husk-oci}
        box=$(mktemp -d "${TMPDIR:-/tmp}/husk-explain.XXXXXX")
        chmod 755 "$box"
        mkdir -p "$box/rootfs/bin" "$box/rootfs/home" "$box/shared"
        cp "$(command -v busybox)" "$box/rootfs/bin/busybox"
        for tool in sh cat cut ls sed sort hostname readlink tr grep; do
                ln -s busybox "$box/rootfs/bin/$tool"
        done
        look >"$box/rootfs/look"
        echo text >"$box/shared/file"
        "$oci" spec --bundle "$box"
        edit '.process.terminal = false | .process.args = ["sh", "/look"]
                | .linux.cgroupsPath = "'"/husk-explain-$$"'"'
}

teardown() {
        [ -z "${host:-}" ] || rm -rf --one-file-system "$host"
        "$oci" --root "$box/state" delete --force one >/dev/null 2>&1 || :
        rm -rf --one-file-system "$box"
}

need_root() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        command -v capsh >/dev/null || skip 'needs capsh (libcap2-bin)'
}

# Some hundred tools are started for each script, which a machine that is emulated takes its time
# for: there only what may differ there.
need_speed() {
        [ -z "${HUSK_VM:-}" ] || skip 'slow in an emulated machine, and the same as elsewhere'
}

edit() {
        jq "$1" "$box/config.json" >"$box/new"
        mv "$box/new" "$box/config.json"
}

# The program in the container: all that a process can tell of where it is.
look() {
        cat <<'LOOK'
part() { echo "== $1"; }
part namespaces
for ns in cgroup ipc mnt net pid time user uts; do echo "$ns $(readlink /proc/1/ns/$ns)"; done
part status
grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Umask|NSpid|NSsid):' /proc/1/status
part session
cut -d ' ' -f 4-7 /proc/1/stat
part mounts
cat /proc/1/mountinfo
part cgroup
cat /proc/1/cgroup
for file in memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares \
        cpuset/cpuset.cpus memory.max memory.low pids.max cpu.max cpu.weight; do
        [ ! -e "/sys/fs/cgroup/$file" ] || echo "$file $(cat "/sys/fs/cgroup/$file")"
done
part ids
cat /proc/1/uid_map /proc/1/gid_map
part limits
cat /proc/1/limits /proc/1/oom_score_adj
part names
hostname
cat /proc/sys/kernel/domainname
part environment
tr '\0' '\n' </proc/1/environ | sort
tr '\0' '\n' </proc/1/cmdline | sed 1d
readlink /proc/1/cwd
part devices
ls -l /dev /dev/pts | sed -E 's/ [A-Z][a-z]{2} +[0-9]+ +[0-9:]+ / /; /^total/d'
part network
ls /sys/class/net
cat /sys/class/net/lo/flags
part end
LOOK
}

# What is chance goes: inodes of new namespaces, ids of mounts and peer groups, device numbers of
# file systems without a device. So does the source of cgroup2: mount(2), but not move_mount(2),
# refuses a file system on top of itself, and a script binds the host's there, by its name.
without_chance() {
        local ns own
        sed -E 's/^[0-9]+ [0-9]+ 0:[0-9]+ /anonymous /; s/^[0-9]+ [0-9]+ ([0-9]+:)/\1/
                s/ (shared|master|propagate_from):[0-9]+/ \1/g
                s/ - cgroup2 [^ ]+ / - cgroup2 cgroup /' "$1" | while IFS= read -r line; do
                case $line in
                *:\[*\])
                        ns=${line%% *} own=$(readlink "/proc/self/ns/${line%% *}") || :
                        if [ "${line#* }" = "$own" ]; then line="$ns host"; else line="$ns new"; fi
                        ;;
                esac
                printf '%s\n' "$line"
        done
}

# Both ways ("same COMMAND...": below that command), and the looks compared.
same() {
        timeout 60 "$@" "$oci" --root "$box/state" run --bundle "$box" one </dev/null >"$box/run.raw"
        "$@" "$oci" explain --bundle "$box" --format shell >"$box/script"
        timeout 120 "$@" sh "$box/script" </dev/null >"$box/script.raw"
        equal
        no_cgroup_stays
}

# Equal, and not for being empty.
equal() {
        without_chance "$box/run.raw" >"$box/run.out"
        without_chance "$box/script.raw" >"$box/script.out"
        diff -u "$box/run.out" "$box/script.out"
        grep -q '^== end' "$box/run.out"
        [ "$(grep -c ' / ' "$box/run.out")" -ge 6 ]
        for ns in ipc mnt pid uts; do grep -qx "$ns new" "$box/run.out"; done
}

# The operations' names in the text form: each on a line that begins with its number.
operations() {
        awk '$1 ~ /^[0-9]+$/ { print $2 }' "$1"
}

no_cgroup_stays() {
        [ -z "$(find /sys/fs/cgroup -xdev -maxdepth 4 -name "husk-explain-$$" 2>/dev/null)" ]
}

@test "the script makes the container of the default config.json" {
        need_root
        need_speed
        same
        grep -qx 'hostname: husk\|husk' "$box/run.out"
}

@test "the script makes the same limits; seccomp is named as what it cannot do" {
        need_root
        edit '.linux.resources += {
                        memory: { limit: 67108864 }, pids: { limit: 64 },
                        cpu: { shares: 512, quota: 50000, period: 100000 } }
                | .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [
                        { names: ["swapon"], action: "SCMP_ACT_ERRNO" } ] }
                | .process.rlimits += [{ type: "RLIMIT_CORE", soft: 0, hard: 4096 }]
                | .process.oomScoreAdj = 123'
        same
        grep -q '^# husk: load_seccomp: ' "$box/script"
        grep -Eq '^pids(/pids)?.max 64$' "$box/run.out"
        grep -Eq '^memory(/memory.limit_in_bytes|.max) 67108864$' "$box/run.out"
        grep -Eq '^cpu(/cpu.cfs_quota_us 50000|.max 50000 100000)$' "$box/run.out"
        grep -qx 123 "$box/run.out"
}

@test "the script makes the same process of another user elsewhere" {
        need_root
        need_speed
        edit '.process.user = { uid: 1000, gid: 1001, additionalGids: [7, 1002], umask: 23 }
                | .process.cwd = "/home" | .process.env += ["GREETING=it'"'"'s \"me\" $HOME"]
                | .process.capabilities.inheritable = ["CAP_KILL"]
                | .process.capabilities.ambient = ["CAP_KILL"]'
        same
        grep -qx "Uid:$(printf '\t1000\t1000\t1000\t1000')" "$box/run.out"
        grep -Eq '^Groups:.7 1002 ?$' "$box/run.out"
        grep -q '^CapAmb:.0*20$' "$box/run.out"
        grep -qx "GREETING=it's \"me\" \$HOME" "$box/run.out"
}

@test "the script makes the same read-only binds and a writable root" {
        need_root
        need_speed
        edit '.root.readonly = false | .mounts += [
                { destination: "/data", type: "bind", source: "'"$box"'/shared",
                  options: ["bind", "ro", "nosuid", "nodev"] },
                { destination: "/one", type: "bind", source: "'"$box"'/shared/file",
                  options: ["bind", "ro"] },
                { destination: "/all", type: "bind", source: "'"$box"'/shared",
                  options: ["rbind", "rro"] }]'
        same
        grep -q ' /data ro,nosuid,nodev' "$box/run.out"
        grep -q ' /one ro' "$box/run.out"
}

@test "the script makes the same filled, layered, changed and propagated mounts" {
        need_root
        need_speed
        mkdir -p "$box/rootfs/fill/sub" "$box/rootfs/tmp" "$box/l1" "$box/l2"
        echo content >"$box/rootfs/fill/sub/file"
        chown 3:4 "$box/rootfs/fill/sub/file"
        chmod 1755 "$box/rootfs/fill"
        edit '.root.readonly = false | .linux.rootfsPropagation = "rshared" | .mounts += [
                { destination: "/fill", type: "tmpfs", source: "t",
                  options: ["tmpcopyup", "ro", "lazytime"] },
                { destination: "/fill", options: ["remount", "noexec"] },
                { destination: "/layers", type: "overlay", source: "o",
                  options: ["lowerdir='"$box/l1:$box/l2"'"] },
                { destination: "/data", source: "'"$box"'/shared",
                  options: ["rbind", "rprivate", "noatime"] }]'
        edit '.process.args = ["sh", "-c",
                "sh /look; ls -ldn /fill /fill/sub/file; cat /fill/sub/file"]'
        same
        grep -q ' /fill ro,noexec' "$box/run.out"
        grep -q ' 3 .* 4 .*/fill/sub/file' "$box/run.out"
        grep -q '^content' "$box/run.out"
}

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --)

@test "the script of an ordinary user makes the same container of that user" {
        need_root
        "${nobody[@]}" unshare -Ur true || skip 'needs user namespaces for ordinary users'
        rm "$box/config.json"
        chown -Rh 65534:65534 "$box"
        "${nobody[@]}" "$oci" spec --rootless --bundle "$box"
        edit '.process.terminal = false | .process.args = ["sh", "/look"]'
        same "${nobody[@]}"
        grep -qx 'user new' "$box/run.out"
        grep -qx 'net host' "$box/run.out"
        grep -qx "$(printf '%10d %10d %10d' 0 65534 1)" "$box/run.out"
}

@test "the script of husk run host makes the same container of this system" {
        need_root
        husk=${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}
        [ -x "$husk" ] || skip "there is no $husk"
        # on the root file system, which is what the container sees
        host=$(mktemp -d /var/tmp/husk-explain.XXXXXX)
        chmod 755 "$host"
        look >"$host/look"
        cd "$host"
        engine=("$husk" --root "$box/store" --runroot "$box/runroot")
        words=(--rm --hostname box --memory 64m --pids-limit 50 --user 1000:1001 --env A=b
                host sh "$host/look")
        timeout 60 "${engine[@]}" run "${words[@]}" </dev/null >"$box/run.raw"
        "${engine[@]}" explain run --format shell "${words[@]}" >"$box/script"
        [ ! -e "$box/store" ] || [ -z "$(ls -A "$box/store/containers")" ]
        timeout 120 sh "$box/script" </dev/null >"$box/script.raw"
        # each container has layers of its own
        sed -Ei 's#containers(/[0-9a-f]{64}|-explained)/#containers/ID/#g' "$box"/*.raw
        equal
        grep -q ' / / .* - overlay husk ' "$box/run.out"
        grep -q "^Uid:.1000" "$box/run.out"
        grep -qx 'A=b' "$box/run.out"
        grep -q "$host\$" "$box/run.out"
}

@test "that script has what else is mounted on this system, too" {
        need_root
        host=$(mktemp -d /var/tmp/husk-explain.XXXXXX)
        chmod 755 "$host"
        mkdir "$host/part" "$host/place"
        echo words >"$host/part/file"
        engine=("${HUSK:-$BATS_TEST_DIRNAME/../../build/husk}" --root "$box/store" --runroot "$box/runroot")
        # shellcheck disable=SC2016 # the other shell expands it
        run unshare --mount --propagation private bash -ec 'mount --bind "$0/part" "$0/place"
                "$@" explain run --format shell --rm host cat "$0/place/file" >"$0/script"
                timeout 120 sh "$0/script"' "$host" "${engine[@]}" </dev/null
        [ "$status" = 0 ]
        [ "$output" = words ]
        grep -q "lowerdir=$host/place" "$host/script"
}

@test "explain needs no root and does nothing" {
        need_root
        chmod 777 "$box"
        before=$(find "$box" | sort; cat /proc/self/mountinfo)
        explain_as_nobody
        grep -q '^# husk: ' "$BATS_TEST_TMPDIR/shell"
        [ "$(find "$box" | sort; cat /proc/self/mountinfo)" = "$before" ]
        rm "$box/config.json"
        "${nobody[@]}" "$oci" spec --rootless --bundle "$box"
        explain_as_nobody
        grep -q 'unshare --fork .* --user' "$BATS_TEST_TMPDIR/shell"
        grep -q '^ *[0-9]* *map_ids ' "$BATS_TEST_TMPDIR/text"
        jq -e '.host | any(.op == "map_ids")' "$BATS_TEST_TMPDIR/json"
        [ "$(find "$box" | sort; cat /proc/self/mountinfo)" = "$before" ]
        no_cgroup_stays
}

@test "spec and explain make no state root" {
        need_root
        chmod 777 "$box"
        rm "$box/config.json"
        # Of an id that is nobody's, without a directory of its own: it would be below /tmp.
        local id=$((2000000000 + $$))
        nobody=(setpriv --reuid $id --regid $id --clear-groups env -i PATH=/usr/bin:/bin)
        "${nobody[@]}" "$oci" spec --rootless --bundle "$box"
        explain_as_nobody
        [ ! -e "/tmp/husk-oci-$id" ]
        "${nobody[@]}" "$oci" list
        rmdir "/tmp/husk-oci-$id"
}

explain_as_nobody() {
        for format in text json shell; do
                "${nobody[@]}" "$oci" explain --bundle "$box" --format "$format" \
                        >"$BATS_TEST_TMPDIR/$format"
        done
}

@test "text and JSON name the same operations in the same order" {
        "$oci" explain --bundle "$box" --format json >"$box/plan.json"
        "$oci" explain --bundle "$box" --format text >"$box/plan.text"
        "$oci" explain --bundle "$box" >"$box/plan.default"
        cmp "$box/plan.text" "$box/plan.default"
        jq -e '[.host[], .init[]] | all(.op != "" and .why != "" and (.manual | contains("(")))' \
                "$box/plan.json"
        jq -r '.host[], .init[] | .op' "$box/plan.json" >"$box/ops.json"
        [ "$(jq -r '.init[-1].op' "$box/plan.json")" = exec ]
        [ "$(wc -l <"$box/ops.json")" -gt 60 ]
        operations "$box/plan.text" >"$box/ops.text"
        diff "$box/ops.json" "$box/ops.text"
}

@test "a bundle that is wrong is refused in all forms, and said where" {
        edit '.process.cwd = "home"'
        for format in text json shell; do
                run "$oci" explain --bundle "$box" --format "$format"
                [ "$status" -ne 0 ]
                [[ $output == *process/cwd* ]]
        done
}
