#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts: what config.json asks for, as /proc/self/mountinfo and the kernel show it inside.

load helper
setup() { begin; }
teardown() {
        local at
        # what a test mounted on the host's side, the innermost first
        while read -r at; do umount -l "$at"; done < <(
                awk -v word="/$WORD/" 'index($5, word) { print $5 }' /proc/self/mountinfo | tac)
        finish
}

# inside TEXT: the output of a shell in there
inside() {
        script "$1"
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ -z "$stderr" ] || echo "stderr: $stderr"
}

# mounts FILTER: jq on the list of mounts
mounts() {
        config ".mounts |= ($1)"
}

# notes: what explain says could not be granted
notes() {
        run --separate-stderr oci explain --bundle "$BUNDLE"
        echo "$output" | grep '^note:'
}

# line TARGET: its mount point options, propagation fields, type, source and superblock options
line() {
        awk -v at="$1" '$5 == at {
                fields = ""
                for (i = 7; $i != "-"; i++) fields = fields " " $i
                found = $6 fields " - " $(i + 1) " " $(i + 2) " " $(i + 3) } END { print found }' \
                <<<"$output"
}

@test "attributes of a new mount: every word" {
        while read -r options want; do
                config --arg options "$options" '.mounts |= map(select(.destination != "/t")) + [
                        {destination: "/t", type: "tmpfs", source: "t", options: ($options / ",")}]'
                inside 'cat /proc/self/mountinfo'
                echo "$options: $(line /t), not $want"
                [[ "$(line /t)" == "$want - tmpfs t rw"* ]]
        done <<'ROWS'
rw rw,relatime
ro ro,relatime
ro,rw rw,relatime
rro ro,relatime
nosuid,nodev,noexec rw,nosuid,nodev,noexec,relatime
nosuid,suid,nodev,dev,noexec,exec rw,relatime
rnosuid,rnodev,rnoexec rw,nosuid,nodev,noexec,relatime
noatime rw,noatime
noatime,atime rw,relatime
noatime,strictatime rw
strictatime rw
strictatime,nostrictatime rw,relatime
rnoatime rw,noatime
rstrictatime rw
strictatime,norelatime rw
nodiratime rw,nodiratime,relatime
nodiratime,diratime rw,relatime
nosymfollow rw,relatime,nosymfollow
rnosymfollow rw,relatime,nosymfollow
defaults,async,loud,nomand,noiversion,nolazytime,auto,_netdev,x-gvfs-hide rw,relatime
ROWS
}

@test "attributes of a bind: every word, against a source that has the opposite" {
        mkdir -p "$BUNDLE/plain" "$BUNDLE/locked"
        mount -t tmpfs "$WORD" "$BUNDLE/plain"
        mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime "$WORD" "$BUNDLE/locked"
        while read -r source options want; do
                config --arg options "$options" --arg source "$source" \
                        '.mounts |= map(select(.destination != "/t")) + [{destination: "/t",
                        source: $source, options: (["bind"] + ($options / ","))}]'
                inside 'cat /proc/self/mountinfo'
                echo "$options: $(line /t), not $want"
                [[ "$(line /t)" =~ ^$want( master:[0-9]+)?\ -\ tmpfs ]]
        done <<'ROWS'
plain rw rw,relatime
plain ro ro,relatime
plain nosuid,nodev,noexec,noatime,nodiratime rw,nosuid,nodev,noexec,noatime,nodiratime
plain strictatime rw
plain nosymfollow rw,relatime,nosymfollow
locked defaults ro,nosuid,nodev,noexec,noatime,nodiratime
locked rw rw,nosuid,nodev,noexec,noatime,nodiratime
locked rw,suid,dev,exec rw,noatime,nodiratime
locked relatime,diratime ro,nosuid,nodev,noexec,relatime
locked atime ro,nosuid,nodev,noexec,nodiratime,relatime
locked rrw,rsuid,rdev,rexec,ratime,rdiratime rw,relatime
ROWS
}

@test "recursive words reach what is mounted below, plain ones the top only" {
        mkdir -p "$BUNDLE/data/sub"
        mount -t tmpfs "$WORD" "$BUNDLE/data/sub"
        while read -r options top below; do
                config --arg options "$options" '.mounts |= map(select(.destination != "/t")) + [
                        {destination: "/t", source: "data", options: ($options / ",")}]'
                inside 'cat /proc/self/mountinfo'
                echo "$options: $(line /t) and $(line /t/sub)"
                [[ ",$(line /t | cut -d' ' -f1)," == *",$top,"* ]]
                [[ ",$(line /t/sub | cut -d' ' -f1)," == *",$below,"* ]]
        done <<'ROWS'
rbind,ro ro rw
rbind,rro ro ro
rbind,rro,rw rw ro
rbind,ro,rrw rw rw
rbind,rnosuid nosuid nosuid
rbind,nosuid nosuid rw
rbind,rnoatime noatime noatime
rbind,rnosymfollow nosymfollow nosymfollow
ROWS
        mounts 'map(select(.destination != "/t")) + [{destination: "/t", source: "data",
                options: ["bind"]}]'
        inside 'cat /proc/self/mountinfo'
        [ -n "$(line /t)" ]
        [ -z "$(line /t/sub)" ]
}

@test "flags of the superblock; and words that a bind or the kernel cannot grant are said" {
        mounts '. + [{destination: "/t", type: "tmpfs", source: "t",
                options: ["sync", "dirsync", "lazytime", "mode=700", "size=64k"]}]'
        inside 'cat /proc/self/mountinfo; stat -c %a /t'
        [[ "$(line /t)" == "rw,relatime - tmpfs t rw,sync,dirsync,lazytime,size=64k,mode=700"* ]]
        [ "${lines[-1]}" = 700 ]
        mkdir "$BUNDLE/data"
        mounts '.[:-1] + [{destination: "/t", source: "data", options: ["bind", "sync", "silent"]}]'
        inside 'echo runs'
        [ "$output" = runs ]
        [[ $(notes) == *"/options/1: 'sync' is left out"* ]]
        [[ $(notes) == *"/options/2: 'silent' has no effect"* ]]
        mounts '.[:-1] + [{destination: "/t", source: "data", options: ["bind", "size=1m"]}]'
        inside 'echo runs'
        refused
        [[ $stderr == *"/options/1: 'size=1m' is no option of a bind mount"* ]]
        mounts '.[:-1] + [{destination: "/t", type: "tmpfs", options: ["sizes=1m"]}]'
        inside 'echo runs'
        refused
        [[ $stderr == *"the kernel says: tmpfs: Unknown parameter 'sizes'"* ]]
}

@test "remount: a mount that is there changes" {
        mounts '. + [{destination: "/t", type: "tmpfs", source: "t"},
                {destination: "/t", options: ["remount", "ro", "noexec"]},
                {destination: "/", options: ["remount", "nosuid"]}]'
        inside 'cat /proc/self/mountinfo'
        [[ "$(line /t)" == "ro,noexec,relatime - tmpfs"* ]]
        [[ "$(line / | cut -d' ' -f1)," == *nosuid* ]]
        mounts '. + [{destination: "/none", options: ["remount", "ro"]}]'
        inside 'echo runs'
        refused
        [[ $stderr == *"/none does not exist, so nothing is mounted there"* ]]
}

@test "tmpcopyup: content, owners, modes, times, links; read-only after" {
        fill=$BUNDLE/rootfs/fill
        mkdir -p "$fill/sub/deep"
        echo one >"$fill/sub/file"
        chown 7:8 "$fill/sub/file"
        chmod 4755 "$fill/sub/file"
        touch -d '2001-02-03 04:05:06' "$fill/sub/file" "$fill/sub/deep"
        ln -s /etc/passwd "$fill/link"
        mkfifo -m 640 "$fill/fifo"
        head -c 3000000 /dev/urandom >"$fill/big"
        chown 9:10 "$fill"
        chmod 1755 "$fill"
        mounts '. + [{destination: "/fill", type: "tmpfs", source: "t",
                options: ["tmpcopyup", "ro"]}]'
        look='cd /fill; stat -c "%n %a %u %g %F" . sub sub/file sub/deep fifo link; cat sub/file
                stat -c "%n %Y" sub/file sub/deep; readlink link; md5sum big'
        ln -s busybox "$BUNDLE/rootfs/bin/md5sum"
        inside "$look; touch x 2>/dev/null || echo ro; cat /proc/self/mountinfo"
        want=$(cd "$fill" && stat -c "%n %a %u %g %F" . sub sub/file sub/deep fifo link &&
                cat sub/file && stat -c "%n %Y" sub/file sub/deep && readlink link && md5sum big)
        diff <(head -n "$(wc -l <<<"$want")" <<<"$output") - <<<"$want"
        [[ $output == *$'\nro\n'* ]]
        [[ "$(line /fill)" == "ro,relatime - tmpfs t rw"* ]]
        # the image's own directory is as it was, and writes go to the tmpfs
        mounts '.[:-1] + [{destination: "/fill", type: "tmpfs", options: ["tmpcopyup", "mode=700"]}]'
        inside 'echo two >/fill/sub/file; touch /fill/new; stat -c %a /fill'
        [ "$output" = 700 ]
        [ "$(cat "$fill/sub/file")" = one ]
        [ ! -e "$fill/new" ]
}

@test "tmpcopyup: extended attributes are kept, and too much is refused" {
        mkdir "$BUNDLE/rootfs/fill"
        cp "$(command -v busybox)" "$BUNDLE/rootfs/fill/tool"
        setcap cap_net_raw+ep "$BUNDLE/rootfs/fill/tool" || skip "no extended attributes here"
        mounts '. + [{destination: "/fill", type: "tmpfs", options: ["tmpcopyup"]}]'
        script 'read x'
        mkfifo "$BATS_TEST_TMPDIR/$WORD/hold"
        exec 7<>"$BATS_TEST_TMPDIR/$WORD/hold"
        oci create --bundle "$BUNDLE" "$WORD" <&7 >/dev/null 2>&1
        run getcap "/proc/$(pid_of "$WORD")/root/fill/tool"
        [[ $output == *cap_net_raw* ]]
        oci delete --force "$WORD"
        mounts '.[:-1] + [{destination: "/fill", type: "tmpfs", options: ["tmpcopyup", "size=16k"]}]'
        inside 'echo runs'
        refused
        [[ $stderr == *"cannot copy 'tool'"*"give it a larger size="* ]]
}

@test "destinations: relative, with slashes at the end, the root itself" {
        mkdir -p "$BUNDLE/data/in"
        mounts '. + [{destination: "relative/path", source: "data", options: ["bind"]},
                {destination: "/slashes///", source: "data", options: ["bind"]}]'
        config '.root.readonly = false'
        inside 'ls -d /relative/path/in /slashes/in'
        [ "$output" = $'/relative/path/in\n/slashes/in' ]
        [[ $(notes) == *"'relative/path' is taken as /relative/path: relative ones are deprecated"* ]]
        cp -a "$BUNDLE/rootfs" "$BUNDLE/other"
        echo other >"$BUNDLE/other/name"
        config '.root.readonly = true | .mounts |= [{destination: "/", source: "other",
                options: ["bind"]}] + .[:-2]'
        inside 'cat /name; ls -d /proc/self/fd /dev/null; touch /x 2>/dev/null || echo ro
                awk "{ print \$5 }" /proc/self/mountinfo 2>/dev/null | grep -cx / ||
                        grep -c " / / " /proc/self/mountinfo'
        [ "${lines[0]}" = other ]
        [ "${lines[1]}" = /dev/null ]
        [ "${lines[2]}" = /proc/self/fd ]
        [ "${lines[3]}" = ro ]
        [ ! -e "$BUNDLE/rootfs/x" ]
}

@test "binds of a file, a socket, a device, a link of the host's; modes of what is made" {
        mkdir "$BUNDLE/dir"
        echo content >"$BUNDLE/file"
        ln -s file "$BUNDLE/link"
        (cd "$BUNDLE" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')
        config '.root.readonly = false'
        mounts '. + [{destination: "/new/file", source: "file", options: ["bind"]},
                {destination: "/new/socket", source: "socket", options: ["bind"]},
                {destination: "/new/zero", source: "/dev/zero", options: ["bind"]},
                {destination: "/new/dir/below", source: "dir", options: ["bind"]},
                {destination: "/new/link", source: "link", options: ["bind"]}]'
        inside 'cat /new/file /new/link; stat -c "%n %F" /new/socket /new/zero /new/dir/below /new/link
                head -c 2 /new/zero | wc -c'
        [ "$output" = "content
content
/new/socket socket
/new/zero character special file
/new/dir/below directory
/new/link regular file
2" ]
        [ "$(cd "$BUNDLE/rootfs/new" && stat -c '%n %a %F' . file dir dir/below)" = ". 755 directory
file 644 regular empty file
dir 755 directory
dir/below 755 directory" ]
}

@test "targets stay inside: absolute, dangling and climbing links" {
        mkdir -p "$BUNDLE/data" "$BATS_TEST_TMPDIR/$WORD/out"
        echo data >"$BUNDLE/data/file"
        out=$BATS_TEST_TMPDIR/$WORD/out
        config '.root.readonly = false'
        mkdir -p "$BUNDLE/rootfs/real" "$BUNDLE/rootfs$out"
        ln -s "$out" "$BUNDLE/rootfs/absolute"
        ln -s "../../../../../../../../..$out" "$BUNDLE/rootfs/climbing"
        mounts '. + [{destination: "/absolute", source: "data", options: ["bind"]}]'
        inside "cat $out/file"
        [ "$output" = data ]
        mounts '.[:-1] + [{destination: "/climbing/made", source: "data", options: ["bind"]}]'
        inside "cat $out/made/file"
        [ "$output" = data ]
        [ -z "$(ls "$out")" ]
        ln -s "$out/nothing" "$BUNDLE/rootfs/dangling"
        mounts '.[:-1] + [{destination: "/dangling", source: "data", options: ["bind"]}]'
        inside 'cat /dangling/file'
        [ -z "$(ls "$out")" ]
        refused
        [[ $stderr == *"/dangling: a symbolic link on the way leads to what the root does not have"* ]]
        [ ! -e "$BUNDLE/rootfs$out/nothing" ]
}

@test "proc, sysfs, devpts, mqueue with their options" {
        mounts 'map(if .destination == "/proc" then .options = ["hidepid=invisible", "subset=pid", "ro"]
                elif .destination == "/dev/pts" then .options = ["newinstance", "ptmxmode=0666",
                        "mode=0600", "gid=5", "max=7", "noexec"]
                else . end)'
        inside 'cat /proc/self/mountinfo; ls /proc/cpuinfo 2>/dev/null || echo subset'
        [[ "$(line /proc)" == "ro,relatime - proc proc rw,hidepid=invisible,subset=pid" ]]
        [[ "$(line /dev/pts)" == "rw,noexec,relatime - devpts devpts rw,gid=5,mode=600,ptmxmode=666,max=7" ]]
        [[ "$(line /dev/mqueue)" == "rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw" ]]
        [[ "$(line /sys)" == "ro,nosuid,nodev,noexec,relatime - sysfs sysfs r"* ]]
        [[ $output == *subset ]]
}

@test "an overlay with many lower layers" {
        layers=
        for i in 1 2 3 4 5 6 7 8; do
                dir=$BUNDLE/a-rather-long-name-of-a-layer-as-engines-have-them-$i
                mkdir "$dir"
                echo "$i" >"$dir/all"
                echo "$i" >"$dir/file$i"
                layers=$layers${layers:+:}$dir
        done
        [ ${#layers} -gt 255 ]
        mkdir "$BUNDLE/upper" "$BUNDLE/work"
        mount -t tmpfs "$WORD" "$BUNDLE/upper" # an overlay cannot hold an upper layer
        mkdir "$BUNDLE/upper/u" "$BUNDLE/upper/w"
        config --arg layers "$layers" --arg at "$BUNDLE/upper" '.mounts += [{destination: "/o",
                type: "overlay", source: "overlay", options: ["lowerdir=" + $layers,
                "upperdir=" + $at + "/u", "workdir=" + $at + "/w", "nosuid"]}]'
        if ! kernel_since 6.7; then
                run ! oci run --bundle "$BUNDLE" "$WORD"
                [[ $output == *"/mounts/"*"/options/0: "*"several layers need Linux 6.7"* ]]
                return
        fi
        inside 'cat /o/all /o/file8; echo up >/o/new; cat /o/new'
        [ "$output" = $'1\n8\nup' ]
        [ "$(cat "$BUNDLE/upper/u/new")" = up ]
}

@test "an overlay's paths may be longer than an option" {
        local name at word
        kernel_since 6.13 || skip "needs Linux 6.13"
        name=$(printf 'n%.0s' {1..200})
        at=$BUNDLE/$name/$name
        mkdir -p "$BUNDLE/$name"
        mount -t tmpfs "$WORD" "$BUNDLE/$name" # an overlay cannot hold an upper layer
        mkdir -p "$at/l" "$at/m" "$at/u" "$at/w"
        [ ${#at} -gt 255 ]
        echo low >"$at/l/low"
        config --arg at "$at" '.mounts += [{destination: "/o", type: "overlay", source: "overlay",
                options: ["lowerdir=" + $at + "/m:" + $at + "/l", "upperdir=" + $at + "/u",
                "workdir=" + $at + "/w"]},
                {destination: "/p", type: "overlay", source: "overlay", options: ["lowerdir=" + $at + "/l:/usr"]}]'
        inside 'cat /o/low /p/low; echo up >/o/new'
        [ "$output" = $'low\nlow' ]
        [ "$(cat "$at/u/new")" = up ]
        word=$(printf 'x%.0s' {1..256})
        mounts "[{destination: \"/t\", type: \"tmpfs\", options: [\"size=$word\"]}]"
        run ! oci run --bundle "$BUNDLE" "$WORD"
        [[ $output == *"/mounts/0/options/0"*"255 bytes"* ]]
}

@test "what the host locked stays locked: a read-only mount in a user namespace" {
        mkdir -p "$BUNDLE/locked"
        mount -t tmpfs -o ro,nosuid "$WORD" "$BUNDLE/locked"
        config --arg at "$BUNDLE/locked" '.linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
                .linux.gidMappings = .linux.uidMappings |
                .mounts += [{destination: "/l", source: $at, options: ["bind"]}]'
        open_way "$BUNDLE"
        chown -R 100000:100000 "$BUNDLE/rootfs"
        inside 'cat /proc/self/mountinfo'
        [[ $(line /l) == ro,nosuid,* ]]
        mounts 'map(if .destination == "/l" then .options = ["bind", "rw"] else . end)'
        run ! oci run --bundle "$BUNDLE" "$WORD"
        [[ $output == *"/mounts/"*"not permitted"* || $output == *EPERM* ]]
}

# On the host a mount that shares: DIR.
shared_dir() {
        mkdir -p "$1"
        mount -t tmpfs "$WORD" "$1"
        mount --make-shared "$1"
        mkdir "$1/point"
}

# start: the container, running; PID and look PATH: what it sees there
start() {
        script 'mkdir -p /s/mine; mount -t tmpfs mine /s/mine; echo ready; read x'
        mkfifo "$BATS_TEST_TMPDIR/$WORD/hold" 2>/dev/null || true
        exec 7<>"$BATS_TEST_TMPDIR/$WORD/hold"
        config '.process.capabilities.bounding += ["CAP_SYS_ADMIN"] |
                .process.capabilities.effective += ["CAP_SYS_ADMIN"] |
                .process.capabilities.permitted += ["CAP_SYS_ADMIN"]'
        oci run --detach --bundle "$BUNDLE" "$WORD" <&7 >"$BATS_TEST_TMPDIR/$WORD/log" 2>&1
        PID=$(pid_of "$WORD")
        eventually 10 grep -q ready "$BATS_TEST_TMPDIR/$WORD/log"
}

# sees PATH: is there a mount for the container
sees() {
        awk -v at="$1" '$5 == at { found = 1 } END { exit !found }' "/proc/$PID/mountinfo"
}

host_sees() {
        awk -v at="$1" '$5 == at { found = 1 } END { exit !found }' /proc/self/mountinfo
}

@test "propagation of a bind: shared both ways, slave one way, private none" {
        dir=$BATS_TEST_TMPDIR/$WORD/shared
        shared_dir "$dir"
        for word in rshared rslave rprivate; do
                config --arg dir "$dir" --arg word "$word" '.mounts |= map(
                        select(.destination != "/s")) + [{destination: "/s", source: $dir,
                        options: ["rbind", $word]}]'
                for root in null private shared; do
                        config --arg root "$root" '.linux.rootfsPropagation =
                                (if $root == "null" then null else $root end)'
                        start
                        mount -t tmpfs theirs "$dir/point"
                        case $word in
                        rshared) sees /s/point; host_sees "$dir/mine" ;;
                        rslave) sees /s/point; run ! host_sees "$dir/mine" ;;
                        rprivate) run ! sees /s/point; run ! host_sees "$dir/mine" ;;
                        esac
                        umount "$dir/point"
                        oci delete --force "$WORD"
                        umount "$dir/mine" 2>/dev/null || true
                done
        done
}

@test "rootfsPropagation: what flows into the root, and that nothing flows back" {
        dir=$BUNDLE/rootfs/s
        mkdir -p "$dir"
        mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
        mount --make-shared "$BUNDLE/rootfs"
        mkdir -p "$dir/point"
        config '.root.readonly = false'
        for word in shared rshared slave rslave private rprivate unbindable runbindable; do
                config --arg word "$word" '.linux.rootfsPropagation = $word |
                        .linux.readonlyPaths += ["/etc"]'
                start
                mount -t tmpfs theirs "$dir/point"
                flags=$(awk '$5 == "/" { for (i = 7; $i != "-"; i++) printf "%s ", $i }' \
                        "/proc/$PID/mountinfo")
                echo "$word: $flags"
                run ! host_sees "$dir/mine"
                sees /s/mine
                case $word in
                shared | rshared) [[ $flags == *shared:*master:* ]]; sees /s/point ;;
                slave | rslave) [[ $flags == master:* ]]; sees /s/point ;;
                private | rprivate) [ -z "$flags" ]; run ! sees /s/point ;;
                *) [[ $flags == unbindable* ]]; run ! sees /s/point ;;
                esac
                umount "$dir/point"
                oci delete --force "$WORD"
        done
}

@test "cgroup mount: each hierarchy is the container's own, with and without a namespace" {
        for namespaces in '.' 'map(select(.type != "cgroup"))'; do
                config ".linux.namespaces |= ($namespaces) | .process.args = [\"/bin/sh\", \"-c\", \"
                        cat /proc/self/mountinfo; echo; cat /proc/self/cgroup; echo
                        cd /sys/fs/cgroup; grep -xc 1 \$(find . -name cgroup.procs)\"]"
                ln -sf busybox "$BUNDLE/rootfs/bin/find"
                run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
                echo "$output" "$stderr"
                [ "$status" = 0 ]
                # in each directory with processes ours is there: nothing but our own is seen
                counts=$(tail -n +1 <<<"${output##*$'\n\n'}")
                [ "$(grep -c cgroup.procs <<<"$counts")" -ge 1 ] || is_v2
                [ -z "$(grep ':0$' <<<"$counts")" ]
                is_v2 && continue
                while IFS=: read -r number names path; do
                        [ -n "$names" ] || names=unified
                        [ -n "$(line "/sys/fs/cgroup/${names#name=}")" ]
                        [[ "$(line "/sys/fs/cgroup/${names#name=}")" == ro,* ]]
                done < <(grep -E '^[0-9]+:.*:/' <<<"$output")
        done
}

@test "cgroup mount: rw is honoured; names of hierarchies that share one are links" {
        mounts 'map(if .type == "cgroup" then .options = ["rw", "nosuid"] else . end)'
        at=/sys/fs/cgroup$(is_v2 || echo /pids)
        inside "mkdir $at/below && ls -d $at/below && ls -l /sys/fs/cgroup; rmdir $at/below || echo"
        [[ $output == *"$at/below"* ]]
        is_v2 && return
        while IFS=: read -r number names path; do
                [[ $names == *,* ]] || continue
                for name in ${names//,/ }; do [[ $output == *"$name -> $names"* ]]; done
        done </proc/self/cgroup
}
