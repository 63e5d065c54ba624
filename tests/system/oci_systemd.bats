#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd cgroup driver: with systemd as pid 1 (tests/vm/systemd.t), as root and as an ordinary user
# with a manager of their own. Without it: what husk-oci says.

load helper

setup_file() {
        [ "$(id -u)" = 0 ] || skip "needs root"
        local name bundle=$BATS_FILE_TMPDIR/bundle
        mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/tmp"
        cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
        for name in sh cat echo id ls sleep true tail head; do
                ln -s busybox "$bundle/rootfs/bin/$name"
        done
        (cd "$bundle" && "$HUSK_OCI" spec && jq '.process.terminal = false |
                .linux.namespaces |= map(select(.type != "cgroup"))' config.json >new && mv new config.json)
}

setup() {
        begin
        UNIT=husk-$WORD.scope
}

teardown() {
        finish
}

oci() {
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" --systemd-cgroup "$@"
}

needs_systemd() {
        [ -S /run/systemd/private ] || skip "systemd is not pid 1 here"
}

# shown PROPERTY [UNIT]: as systemctl says it
shown() {
        systemctl show --property "$1" --value "${2:-$UNIT}"
}

detached() {
        script "$1"
        oci run --detach -b "$BUNDLE" "$WORD"
}

# The unit's directory of v2, or of v1's memory controller.
directory() {
        local mount=/sys/fs/cgroup
        is_v2 || mount=/sys/fs/cgroup/memory
        echo "$mount$(shown ControlGroup "${1:-$UNIT}")"
}

gone_unit() {
        [ "$(shown LoadState "${1:-$UNIT}")" = not-found ]
}

@test "without systemd: one error that says so" {
        [ ! -S /run/systemd/private ] || skip "systemd is pid 1 here"
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"systemd cgroup driver: cannot reach systemd at /run/"* ]]
        [[ $stderr == *"--cgroup-manager=cgroupfs does without"* ]]
        oci explain -b "$BUNDLE" | grep -q 'start_unit .*unit=husk-husk.scope'
}

@test "--cgroup-manager: both words, and none" {
        needs_controllers pids
        script 'cat /proc/self/cgroup'
        config '.linux.resources = {pids: {limit: 20}}'
        run --separate-stderr timeout 60 "$HUSK_OCI" --root "$ROOT" --cgroup-manager=disabled run \
                -b "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        [[ $output != *"$WORD"* ]]
        [[ $stderr == *"/linux/resources: no limits: --cgroup-manager=disabled"* ]]
        run --separate-stderr oci --cgroup-manager=cgroupfs run -b "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"--systemd-cgroup and --cgroup-manager=cgroupfs: which one is it?"* ]]
        run --separate-stderr timeout 60 "$HUSK_OCI" --root "$ROOT" --cgroup-manager=cgroupfs run \
                -b "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        [[ $output == *"$WORD"* ]]
}

@test "a path that names no unit is refused with its place" {
        local path
        for path in /a/b a:b a:b:c:d 'a/b.slice:x:y' 'a:x:y' '-a.slice:x:y' 'a--b.slice:x:y' \
                '.slice:x:y' ':x:' ':x:y.slice'; do
                config --arg path "$path" '.linux.cgroupsPath = $path'
                run --separate-stderr oci explain -b "$BUNDLE"
                echo "$path: $stderr"
                [ "$status" != 0 ]
                [[ $stderr == *"/linux/cgroupsPath: "* ]]
                [[ $stderr == *SLICE:PREFIX:NAME* ]]
        done
        for path in a-b-c.slice:p:n=/a.slice/a-b.slice/a-b-c.slice/p-n.scope \
                '-:p:n=/p-n.scope' '::n=/system.slice/n.scope' '::memory=/system.slice/_memory.scope' \
                '_a.slice:p:a+b=/__a.slice/p-a\x2bb.scope'; do
                config --arg path "${path%%=*}" '.linux.cgroupsPath = $path'
                [ "$(oci explain --format json -b "$BUNDLE" | jq -r '
                        [.host[] | select(.op == "make_cgroup")][0].path' | sed 's|^/sys/fs/cgroup\(/[a-z,_=]*[a-z]\)\?/\(.*\)|/\2|')" \
                        = "${path#*=}" ] || { echo "$path"; return 1; }
        done
}

@test "annotations: what leads out of the unit, and what is no value" {
        local name
        for name in SuccessAction OnFailure DeviceAllow Delegate PIDs Slice ExecStopPost; do
                config --arg name "org.systemd.property.$name" '.annotations = {($name): "\u0027x\u0027"}'
                run --separate-stderr oci explain -b "$BUNDLE"
                [ "$status" != 0 ]
                [[ $stderr == *"/annotations/org.systemd.property.$name: is no property that"* ]]
        done
        config '.annotations = {"org.systemd.property.KillSignal": "[1, "}'
        run --separate-stderr oci explain -b "$BUNDLE"
        [[ $stderr == *"is no value in GVariant's text format"* ]]
        config '.annotations = {"org.systemd.property.TimeoutStopSec": "soon"}'
        run --separate-stderr oci explain -b "$BUNDLE"
        [[ $stderr == *"is no whole number of seconds"* ]]
}

@test "a scope with its limits, kept over daemon-reload, gone in the end" {
        needs_systemd
        local dir pid
        config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 20},
                cpu: {quota: 50000, period: 100000}} |
                .annotations = {"org.systemd.property.TimeoutStopSec": "7"}'
        detached 'exec sleep 300'
        pid=$(pid_of "$WORD")
        dir=$(directory)
        [[ $dir == */system.slice/$UNIT ]]
        grep -qx "$pid" "$dir/cgroup.procs"
        [ "$(shown ActiveState)" = active ]
        [ "$(shown Delegate)" = yes ]
        [ "$(shown Slice)" = system.slice ]
        [ "$(shown Description)" = "container $WORD" ]
        [ "$(shown TasksMax)" = 20 ]
        [ "$(shown CPUQuotaPerSecUSec)" = 500ms ]
        [ "$(shown TimeoutStopUSec)" = 7s ]
        if is_v2; then
                [ "$(shown MemoryMax)" = 67108864 ]
                [ "$(cat "$dir/cpu.max")" = "50000 100000" ]
        else
                [ "$(shown MemoryLimit)" = 67108864 ]
        fi
        systemctl daemon-reload
        [ "$(cat "$dir"/memory.{max,limit_in_bytes} 2>/dev/null)" = 67108864 ]
        run oci exec "$WORD" sh -c 'cat /proc/self/cgroup; head -c1 /dev/full >/dev/null && echo read'
        [[ $output == */system.slice/$UNIT* ]]
        oci delete --force "$WORD"
        gone "$pid"
        gone_unit
        [ ! -e "$dir" ]
}

@test "update: systemd has the new limits too" {
        needs_systemd
        local dir
        config '.linux.resources += {pids: {limit: 20}, cpu: {quota: 50000, period: 100000}}'
        detached 'exec sleep 300'
        dir=$(directory)
        timeout 60 "$HUSK_OCI" --root "$ROOT" update --pids-limit 30 --cpu-quota 12345 --memory 64m "$WORD"
        systemctl daemon-reload
        [ "$(shown TasksMax)" = 30 ]
        [ "$(shown CPUQuotaPerSecUSec)" = 130ms ]
        [ "$(cat "$dir"/memory.{max,limit_in_bytes} 2>/dev/null)" = 67108864 ]
        ! is_v2 || [ "$(cat "$dir/pids.max")" = 30 ]
}

@test "rules of devices hold after daemon-reload" {
        needs_systemd
        config '.linux.resources.devices = [{allow: false, access: "rwm"}] |
                .linux.devices = [] | .process.capabilities.bounding += ["CAP_MKNOD"] |
                .process.capabilities.effective += ["CAP_MKNOD"] |
                .process.capabilities.permitted += ["CAP_MKNOD"]'
        ln -s busybox "$BUNDLE/rootfs/bin/mknod"
        config '.root.readonly = false | .mounts |= map(select(.destination != "/dev"))' || true
        detached 'exec sleep 300'
        systemctl daemon-reload
        run oci exec "$WORD" sh -c 'mknod /tmp/kmsg c 1 11; cat /tmp/kmsg'
        echo "$output"
        [ "$status" != 0 ]
        [[ $output == *"not permitted"* ]]
        run oci exec "$WORD" sh -c 'mknod /tmp/zero c 1 5; head -c 3 /tmp/zero | tail -c 1 >/dev/null && echo fine'
        echo "$output"
        [[ $output == *fine* ]]
}

@test "a slice of its own, and a name that needs escaping" {
        needs_systemd
        config --arg path "hk-$$.slice:pre:$WORD+1" '.linux.cgroupsPath = $path'
        UNIT="pre-$WORD\\x2b1.scope"
        detached 'exec sleep 300'
        [ "$(shown ActiveState)" = active ]
        [[ "$(directory)" == */hk.slice/hk-$$.slice/pre-"$WORD"* ]]
        oci delete --force "$WORD"
        gone_unit
}

@test "one that ends by itself leaves no unit" {
        needs_systemd
        script 'cat /proc/self/cgroup; exit 7'
        run oci run -b "$BUNDLE" "$WORD"
        [ "$status" = 7 ]
        [[ $output == */system.slice/$UNIT* ]]
        gone_unit
}

@test "killed for want of memory: the name is free again" {
        needs_systemd
        config '.linux.resources += {memory: {limit: 16777216, swap: 16777216}}'
        script 'exec tail /dev/zero'
        run oci run -b "$BUNDLE" "$WORD"
        [ "$status" = 137 ]
        script 'echo again'
        run oci run -b "$BUNDLE" "$WORD"
        [ "$status" = 0 ]
        gone_unit
}

@test "a unit of that name: refused, and it lives on" {
        needs_systemd
        systemd-run --quiet --unit "$UNIT" --scope sleep 300 &
        eventually 20 [ "$(shown ActiveState)" = active ] || true
        eventually 20 systemctl is-active --quiet "$UNIT"
        script true
        run --separate-stderr oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        refused
        [[ $stderr == *"the unit $UNIT exists"* ]]
        systemctl is-active --quiet "$UNIT"
        systemctl stop "$UNIT"
        wait
}

@test "SIGKILL of the maker: the next command stops the unit" {
        needs_systemd
        config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "kill -9 $PPID"]}]}'
        script true
        run oci create -b "$BUNDLE" "$WORD"
        [ "$status" != 0 ]
        timeout 60 "$HUSK_OCI" --root "$ROOT" delete --force "$WORD"
        gone_unit
        script 'echo again'
        config 'del(.hooks)'
        oci run -b "$BUNDLE" "$WORD"
}

@test "the same document is the same unit to runc and crun" {
        needs_systemd
        local runtime property ours theirs
        config --arg path "system.slice:hk:$WORD" '.linux.cgroupsPath = $path |
                .linux.resources += {memory: {limit: 67108864}, pids: {limit: 20},
                cpu: {quota: 50000, period: 100000, shares: 1024}} | .process.noNewPrivileges = true'
        UNIT=hk-$WORD.scope
        detached 'exec sleep 300'
        declare -A shown
        local properties="Slice Delegate DefaultDependencies MemoryMax MemoryLimit TasksMax
                CPUQuotaPerSecUSec CPUAccounting MemoryAccounting TasksAccounting ControlGroup"
        for property in $properties; do shown[$property]=$(shown "$property"); done
        oci delete --force "$WORD"
        for runtime in runc crun; do
                command -v $runtime >/dev/null || continue
                timeout 60 $runtime --root "$BATS_TEST_TMPDIR/$WORD/$runtime" --systemd-cgroup run -d \
                        -b "$BUNDLE" "$WORD" >/dev/null 2>"$BATS_TEST_TMPDIR/words" || {
                        echo "# $runtime: $(cat "$BATS_TEST_TMPDIR/words")"
                        continue
                }
                for property in $properties; do
                        theirs=$(shown "$property")
                        [ "${shown[$property]}" = "$theirs" ] ||
                                echo "$runtime: $property: $theirs, ours: ${shown[$property]}" | tee -a "$BATS_TEST_TMPDIR/differences"
                done
                timeout 60 $runtime --root "$BATS_TEST_TMPDIR/$WORD/$runtime" --systemd-cgroup \
                        delete --force "$WORD"
        done
        [ ! -s "$BATS_TEST_TMPDIR/differences" ]
}

# -- an ordinary user's manager ----------------------------------------------------------------------

# A user with a manager that runs; in the guest only, since it stays.
needs_user() {
        needs_systemd
        is_v2 || skip "a user's manager gives out cgroups of v2 only"
        [ -n "${HUSK_VM:-}" ] || skip "makes a user with a manager: in a virtual machine only"
        id hkuser >/dev/null 2>&1 || useradd --create-home --shell /bin/sh hkuser
        RUID=$(id -u hkuser)
        systemctl start "user@$RUID.service"
        open_way "$BATS_TEST_TMPDIR/$WORD"
        cp "$HUSK_OCI" "$BATS_TEST_TMPDIR/$WORD/husk-oci"
        rm "$BUNDLE/config.json"
        mkdir -p "$ROOT"
        chown -R hkuser "$BUNDLE" "$ROOT"
        user "$BATS_TEST_TMPDIR/$WORD/husk-oci" spec --rootless -b "$BUNDLE"
        config '.process.terminal = false'
        chown hkuser "$BUNDLE/config.json"
}

user() {
        setpriv --reuid hkuser --regid hkuser --init-groups env -i PATH=/usr/bin:/bin HOME=/home/hkuser \
                ${PLACES-XDG_RUNTIME_DIR=/run/user/$RUID} "$@"
}

user_oci() {
        user timeout -k 5 60 "$BATS_TEST_TMPDIR/$WORD/husk-oci" --root "$ROOT" --systemd-cgroup "$@"
}

user_shown() {
        user systemctl --user show --property "$1" --value "$UNIT"
}

@test "an ordinary user: a scope of the user's own manager, with limits" {
        needs_user
        local dir
        config '.linux.resources = {memory: {limit: 16777216, swap: 16777216}, pids: {limit: 20}}'
        script 'exec sleep 300'
        user_oci run --detach -b "$BUNDLE" "$WORD"
        [ "$(user_shown ActiveState)" = active ]
        dir=/sys/fs/cgroup$(user_shown ControlGroup)
        [[ $dir == */user@$RUID.service/user.slice/$UNIT ]]
        [ "$(cat "$dir/memory.max")" = 16777216 ]
        [ "$(cat "$dir/pids.max")" = 20 ]
        [ "$(user_shown MemoryMax)" = 16777216 ]
        # from outside of what is the user's: the manager moves the process
        run user_oci exec "$WORD" cat /proc/self/cgroup
        echo "$output"
        [[ $output == "0::/../"* || $output == 0::/ || $output == *"$UNIT" ]]
        user_oci exec -d "$WORD" sleep 301
        [ "$(wc -l <"$dir/cgroup.procs")" = 2 ]
        run user_oci exec "$WORD" sh -c 'tail /dev/zero'
        [ "$status" = 137 ]
        user_oci delete --force "$WORD"
        [ "$(user_shown LoadState)" = not-found ]
        [ ! -e "$dir" ]
}

# As Podman calls a runtime.
@test "root of a user namespace: a scope of the user's manager" {
        needs_user
        config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.resources = {pids: {limit: 20}} |
                .linux.namespaces |= map(select(.type != "user" and .type != "cgroup"))'
        script 'cat /proc/self/cgroup'
        run user timeout 60 unshare --user --map-root-user \
                "$BATS_TEST_TMPDIR/$WORD/husk-oci" --root "$ROOT" --systemd-cgroup run -b "$BUNDLE" "$WORD"
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == */user@$RUID.service/user.slice/$UNIT* ]]
        [ "$(user_shown LoadState)" = not-found ]
}

@test "an ordinary user, by the bus alone" {
        needs_user
        PLACES="XDG_RUNTIME_DIR=/nonexistent DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$RUID/bus"
        script 'echo up'
        run user_oci run -b "$BUNDLE" "$WORD"
        echo "$output"
        [ "$status" = 0 ]
        [ "$output" = up ]
        PLACES="XDG_RUNTIME_DIR=/nonexistent"
        run --separate-stderr user_oci run -b "$BUNDLE" "$WORD"
        [ "$status" != 0 ]
        [[ $stderr == *"loginctl enable-linger"* ]]
}

@test "an ordinary user without subuids, a limit that is not delegated" {
        needs_user
        config '.linux.resources = {cpu: {cpus: "0"}}'
        run --separate-stderr user_oci run -b "$BUNDLE" "$WORD"
        echo "$stderr"
        refused
        [[ $stderr == *"no cpuset controller"* ]]
}

@test "as root by the system's bus alone" {
        needs_systemd
        [ -n "${HUSK_VM:-}" ] || skip "hides systemd's socket"
        script 'cat /proc/self/cgroup'
        mv /run/systemd/private /run/systemd/hidden
        run oci run -b "$BUNDLE" "$WORD"
        mv /run/systemd/hidden /run/systemd/private
        echo "$output"
        [ "$status" = 0 ]
        [[ $output == */system.slice/$UNIT* ]]
        gone_unit
}
