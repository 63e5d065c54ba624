#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The files by which the kernel acts for whoever writes them (core_pattern and its kin, release_agent, the
# device rules), by every way to them; the host's files that an engine writes into a container, as links of the
# image's; groups in a user namespace; properties of a unit; the log of a restore.

# shellcheck disable=SC2154,SC2016,SC2086,SC1003 # set by bats; the container's own words; words
load ../attacks/attack

setup() { begin_attack; }
teardown() { finish; }

in_husk() {
        ${WATCH:-} timeout -k 5 60 "$HUSK" --root "$BATS_TEST_TMPDIR/$WORD/store" \
                --runroot "$BATS_TEST_TMPDIR/$WORD/run" "$@" 3>&-
}

# What was read is what is written, so that nothing of this host changes where the attack succeeds.
writes='
f=$0 v=$(cat "$0") || exit 0
put() { (echo "$v" >"$1") 2>/dev/null && echo "wrote $1"; }
put "$f"
put "/proc/1/root$f"
put "/proc/self/root$f"
put "/proc/self/cwd/$f"
exec 3<"$f"
put /proc/self/fd/3
put "/proc/1/task/1/root$f"
mount -o remount,rw,bind "${f%/*}" 2>/dev/null && put "$f"
mount -o remount,rw /proc 2>/dev/null && put "$f"
mkdir -p /tmp/m
mount -o bind "${f%/*}" /tmp/m 2>/dev/null && put "/tmp/m/${f##*/}"
mount -t proc proc /tmp/m 2>/dev/null && put "/tmp/m${f#/proc}"
mount -t sysfs sysfs /tmp/m 2>/dev/null && put "/tmp/m${f#/sys}"
umount -l "${f%/*}" /proc/sys 2>/dev/null && put "$f"
echo tried'

# As root with the capabilities that `husk run` gives.
writes_up_call() {
        local got
        config '.root.readonly = false | .process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE",
                "CAP_CHOWN", "CAP_FOWNER", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID"])'
        config --arg script "$writes" --arg file "$1" '.process.args = ["/bin/sh", "-c", $script, $file]'
        got=$(oci run --bundle "$BUNDLE" "$WORD")
        [[ $got == *tried* ]] || return 2
        [[ $got == *wrote* ]]
}

@test "core_pattern, modprobe, hotplug, poweroff_cmd: by no way" {
        local file tried=0
        for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug \
                /proc/sys/kernel/poweroff_cmd /proc/sys/vm/panic_on_oom /sys/kernel/uevent_helper; do
                [ -e "$file" ] || continue
                tried=$((tried + 1))
                immune writes_up_call "$file"
        done
        [ $tried -ge 3 ]
        weak lock_path writes_up_call /proc/sys/kernel/core_pattern
}

@test "the same from husk run, and what has no value to be written back" {
        local file
        for file in /proc/sys/kernel/core_pattern /proc/sys/vm/panic_on_oom; do
                run in_husk run --rm --rootfs "$BUNDLE/rootfs" sh -c "$writes" "$file"
                [ "${lines[*]}" = tried ]
        done
        # the control
        run in_husk run --rm --security-opt systempaths=unconfined --rootfs "$BUNDLE/rootfs" sh -c "$writes" \
                /proc/sys/kernel/core_pattern
        [[ ${lines[*]} == *"wrote /proc/sys/kernel/core_pattern"* ]]
        # these would act: that they do not open is enough
        run -0 in_husk run --rm --rootfs "$BUNDLE/rootfs" sh -c 'for f in /proc/sysrq-trigger \
                /proc/sys/fs/binfmt_misc/register /proc/dynamic_debug/control /proc/mtrr /proc/scsi/scsi; do
                [ ! -e $f ] || [ -c $f ] || (: >>$f) 2>/dev/null && [ -e $f ] && [ ! -c $f ] && echo $f; done; true'
        [ -z "$output" ]
}

# cgroup v1's own files: release_agent runs a program of the host, devices.allow opens every device.
writes_cgroup_files() {
        local got
        config --arg type "$1" '.linux.namespaces |= map(select(.type != $type)) |
                .process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE"])'
        script 'for f in /sys/fs/cgroup/*/notify_on_release /sys/fs/cgroup/*/release_agent \
                /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
                [ -e "$f" ] && seen=1 && (: >>"$f") 2>/dev/null && echo "wrote $f"; done
                (echo "c 1:3 rwm" >/sys/fs/cgroup/devices/devices.allow) 2>/dev/null && echo wrote; echo tried$seen'
        got=$(oci run --bundle "$BUNDLE" "$WORD")
        [[ $got == *tried1* ]] || return 2
        [[ $got == *wrote* ]]
}

@test "release_agent, notify_on_release, devices.allow, cgroup.procs: not to be written" {
        immune writes_cgroup_files none
        immune writes_cgroup_files cgroup
        weak set_mount,read_only writes_cgroup_files none # v2's is a mount of its own
        weak set_mount writes_cgroup_files cgroup
}

# own_cgroups SCRIPT: a container that may write to its cgroups, at /$WORD; it has run SCRIPT in one of them
own_cgroups() {
        TREE=freezer/
        ! is_v2 || TREE=
        config --arg path "/$WORD" '.linux.cgroupsPath = $path | (.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
        script "cd /sys/fs/cgroup/$TREE && $1 && exec /bin/busybox sleep 1000"
        oci run --detach --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>&1 || return 2
        OWN=/sys/fs/cgroup/$TREE$WORD
        PID=$(pid_of "$WORD")
}

# v1: no signal gets to what is frozen, and a pid namespace ends with the last of its processes.
survives_kill() {
        own_cgroups '/bin/busybox mkdir .a .a/b && echo 1 >.a/b/cgroup.procs && echo FROZEN >.a/b/freezer.state' ||
                return 2
        eventually 20 grep -qs FROZEN "$OWN/.a/b/freezer.state" || return 2
        oci kill "$WORD" KILL || return 2
        ! eventually 2 gone "$PID"
}

@test "a container freezes itself below its cgroup: kill ends it" {
        ! is_v2 || skip 'v2 has no such freezer'
        immune survives_kill
        weak below survives_kill
}

# As fast as it can, by a process that is not frozen itself: `delete` holds them all.
survives_delete() {
        own_cgroups '/bin/busybox mkdir a && (while :; do echo FROZEN >a/freezer.state; done &) &&
                echo 1 >a/cgroup.procs' || return 2
        eventually 20 grep -qs FROZEN "$OWN/a/freezer.state" || return 2
        oci delete --force "$WORD" || return 0
        ! eventually 2 gone "$PID" || [ -e "$OWN" ]
}

@test "a container freezes itself again and again: delete --force ends it" {
        ! is_v2 || skip 'v2 has no such freezer'
        immune survives_delete
}

# A hundred cgroups below each other, names with a dot in front, a process in the last one.
keeps_cgroups() {
        own_cgroups 'i=0; while [ $i -lt 100 ]; do /bin/busybox mkdir .a .a/b c || exit; cd .a; i=$((i + 1)); done;
                echo 1 >cgroup.procs' || return 2
        eventually 20 grep -qs "/$WORD/.*/.a\$" "/proc/$PID/cgroup" || return 2
        [ "$(oci ps -f json "$WORD")" = "[$PID]" ] || return 0
        oci delete --force "$WORD" || return 0
        [ -e "$OWN" ]
}

@test "a container makes cgroups deep below its own: its process is found, and all of them go" {
        immune keeps_cgroups
}

# CVE-2024-5154, CVE-2024-9341, CVE-2025-9566: files that an engine puts into a container, which the image has
# as links to the host's. husk puts none by itself; those that are asked for are mounted in the root. Success is a
# changed file, or a mount upon one.
reaches_host_file() {
        local file=$1 form=$2 target
        rm -rf "$BUNDLE/rootfs${file:?}"
        mkdir -p "$BUNDLE/rootfs${file%/*}"
        target=$VICTIM/null
        [ "$form" = absolute ] || target=../../../../../../../../../../..$target
        ln -s "$target" "$BUNDLE/rootfs$file"
        in_husk run --rm --rootfs "$BUNDLE/rootfs" true || return 2
        WATCH=watched in_husk run --rm -v /etc/hostname:"$file" --rootfs "$BUNDLE/rootfs" true >/dev/null 2>&1 || :
        ! mounted_on_victim || return 0
        in_husk run --rm --rootfs "$BUNDLE/rootfs" sh -c 'echo changed >"$0"' "$file" >/dev/null 2>&1 || :
        ! victim_is_whole 2>/dev/null
}

@test "/etc/hosts and its kin as links to the host" {
        command -v strace >/dev/null || skip 'strace is not there'
        local file form
        for file in /etc/hosts /etc/hostname /etc/resolv.conf /etc/mtab /run/secrets /etc/system-fips; do
                for form in absolute relative; do
                        immune reaches_host_file $file $form
                done
        done
        for file in /etc/hosts /run/secrets; do
                for form in absolute relative; do
                        weak in_root,strict reaches_host_file $file $form
                done
        done
}

# CVE-2014-8989, CVE-2018-7169: who drops a group gets at what is denied to it.
@test "an ordinary user's one id: groups cannot be dropped, what is denied to one stays denied" {
        local user=2000300000
        echo "$CANARY" >"$BUNDLE/rootfs/tmp/secret"
        chmod 707 "$BUNDLE/rootfs/tmp/secret"
        mkdir -p "$BUNDLE/state"
        cp "$HUSK_OCI" "$BUNDLE/husk-oci"
        chown -R $user:$user "$BUNDLE"
        chown 0:$user "$BUNDLE/rootfs/tmp/secret"
        local directory=$BUNDLE
        while [ "$directory" != / ] && [ "$directory" != /tmp ]; do
                chmod a+x "$directory"
                directory=${directory%/*}
        done
        as() {
                setpriv --reuid $user --regid $user --clear-groups env -i PATH=/usr/bin:/bin HOME=/ \
                        timeout -k 5 60 "$@"
        }
        rm "$BUNDLE/config.json"
        as "$BUNDLE/husk-oci" --root "$BUNDLE/state" spec --rootless --bundle "$BUNDLE"
        config '.process.terminal = false'
        script 'cat /proc/self/setgroups; cat /tmp/secret 2>/dev/null || echo denied'
        run -0 as "$BUNDLE/husk-oci" --root "$BUNDLE/state" run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'deny\ndenied' ]
        # the control: with ids of root's, groups may be set, and who has none of them may read
        rm "$BUNDLE/config.json"
        oci spec --bundle "$BUNDLE"
        config '.process.terminal = false | .linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [{containerID: 0, hostID: 2000300001, size: 10}] |
                .linux.gidMappings = .linux.uidMappings'
        script 'cat /proc/self/setgroups; cat /tmp/secret 2>/dev/null || echo denied'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'allow\n'"$CANARY" ]
}

# CVE-2024-3154: an annotation becomes a property by which systemd runs a program.
@test "properties of a unit: a list, and nothing else" {
        local name
        for name in ExecStart ExecStop ExecStartPre OnFailure Slice User RootDirectory DelegateSubgroup PIDs \
                $'A\n' '' 'A,B'; do
                config --arg name "$name" '.linux.cgroupsPath = "system.slice:husk:attack" |
                        .annotations = {("org.systemd.property." + $name): "'"'/bin/true'"'"}'
                cd "$BUNDLE"
                run ! --separate-stderr oci --systemd-cgroup explain
                [[ $stderr == *"is no property that a container may set"* ]]
        done
        # the control: one of the list goes through
        config '.annotations = {"org.systemd.property.Description": "'"'words'"'"}'
        run -0 --separate-stderr oci --systemd-cgroup explain
        [[ $output == *"Description"* ]]
}

# CVE-2026-50195 and kin: a checkpoint with a link in the place of the log that a restore writes.
@test "images of a restore: their log is a link to the host" {
        command -v criu >/dev/null || skip 'criu is not installed'
        mkdir "$BUNDLE/images"
        ln -s "$VICTIM/file" "$BUNDLE/images/restore.log"
        ln -s "$VICTIM/directory" "$BUNDLE/images/stats-restore"
        run ! oci restore --bundle "$BUNDLE" --image-path "$BUNDLE/images" "$WORD"
        victim_is_whole
        # the control: criu by itself writes through the link
        ln -sf "$VICTIM/file" "$BUNDLE/images/restore.log"
        timeout 20 criu restore -D "$BUNDLE/images" -o restore.log >/dev/null 2>&1 || :
        run ! victim_is_whole
}
