#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Class A of docs/security.md: names in the root that lead mounts, devices and consoles elsewhere.
load ../attacks/attack

setup() { begin_attack; }

teardown() {
        [ -z "$RACER" ] || kill "$RACER" || true
        finish
}

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}
RACER=

# Every start tells what is mounted on files of the victim, as seen by the container before it is confined.
watch_mounts() {
        config --arg to "$BUNDLE/mounts" --arg victim "$VICTIM" '.hooks.createContainer = [{"path": "/bin/sh",
                "args": ["sh", "-c", "cut -d \" \" -f 5 /proc/self/mountinfo | grep \"^$0\" >>$1; :", $victim, $to],
                "env": ["PATH=/usr/bin:/bin"]}]'
}

victim_is_hit() {
        ! victim_is_whole 2>/dev/null || [ -s "$BUNDLE/mounts" ]
}

# link_to KIND NAME: NAME in the root becomes a link to VICTIM, the file in it if NAME is a file; chained: by
# two more links, relative ones, so that the way is the same for the host and in the container
link_to() {
        local root=$BUNDLE/rootfs name=$2 target=$VICTIM/directory
        [ ! -f "$root$name" ] && [ "$name" != /dev/console ] || target=$VICTIM/file
        rm -rf "${root:?}$name"
        mkdir -p "$root$(dirname "$name")"
        case $1 in
        absolute) ln -s "$target" "$root$name" ;;
        relative) ln -s "../../../../../../../../../../../../../../../../../..$target" "$root$name" ;;
        chained)
                ln -s "$target" "$root/tmp/hop"
                ln -s tmp/hop "$root/hop"
                ln -s "$(realpath -ms --relative-to="$(dirname "$root$name")" "$root/hop")" "$root$name"
                ;;
        esac
}

# -- every destination of a document ----------------------------------------------------------------

# linked KIND LEAST: each destination in turn is a link out of the root, and mounted alone. Success: at
# least so many of them hit the victim.
linked() {
        local hits=0 destination
        cp "$BUNDLE/config.json" "$BUNDLE/all.json"
        for destination in /proc /sys /dev /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup /data /etc/hosts /run; do
                fresh
                [ "$destination" != /etc/hosts ] || touch "$BUNDLE/rootfs/etc/hosts"
                link_to "$1" "$destination"
                mkdir "$BUNDLE/source"
                touch "$BUNDLE/hosts"
                config --arg at "$destination" --arg source "$BUNDLE/source" --arg hosts "$BUNDLE/hosts" '
                        .mounts += [{destination: "/data", type: "bind", source: $source, options: ["bind"]},
                                {destination: "/etc/hosts", type: "bind", source: $hosts, options: ["bind"]},
                                {destination: "/run", type: "tmpfs", source: "tmpfs"}]
                        | .mounts |= map(select(.destination == $at))
                        | .linux.maskedPaths = [] | .linux.readonlyPaths = []
                        | .root.readonly = false | .process.args = ["/bin/true"]'
                watch_mounts
                oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || grep -q 'husk-oci:' "$BUNDLE/output" ||
                        return 2
                ! victim_is_hit || hits=$((hits + 1))
        done
        echo "# $1: $hits of 10 ${HUSK_WEAK:-}" >&3
        [ "$hits" -ge "$2" ]
}

@test "CVE-2015-3629: every destination an absolute link" {
        immune linked absolute 1
        weak in_root,strict linked absolute 10
}

@test "CVE-2015-3629: every destination a relative link" {
        immune linked relative 1
        weak in_root,strict linked relative 10
}

@test "CVE-2015-3629: every destination a chain of links" {
        immune linked chained 1
        weak in_root,strict linked chained 10
}

# -- raced -------------------------------------------------------------------------------------------

# raced STARTS: a volume, shared with somebody who exchanges a directory in it with a link to the victim
# while mounts are made below it, and paths masked and locked
raced() {
        local volume=$BUNDLE/volume i n=$1
        mkdir -p "$volume/d" "$BUNDLE/source"
        ln -s "$VICTIM" "$volume/link"
        config --arg volume "$volume" --arg source "$BUNDLE/source" '
                .mounts += [{destination: "/vol", type: "bind", source: $volume, options: ["bind"]},
                        {destination: "/vol/d/x", type: "tmpfs", source: "tmpfs"},
                        {destination: "/vol/d/y/z", type: "bind", source: $source, options: ["bind"]}]
                | .linux.maskedPaths += ["/proc/../vol/d/directory", "/proc/../vol/d/file"]
                | .linux.readonlyPaths += ["/proc/../vol/d/directory/deeper"]
                | .root.readonly = false | .process.args = ["/bin/true"]'
        watch_mounts
        "$PROBES/probe_racer" "$volume/d" "$volume/link" &
        RACER=$!
        for ((i = 0; i < n; i++)); do
                oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || echo "$?" >>"$BUNDLE/failed"
                if [ $((i % 25)) = 24 ] || [ -n "${HUSK_WEAK:-}" ]; then
                        ! victim_is_hit || break
                fi
        done
        kill "$RACER" || return 2
        wait "$RACER" || true
        RACER=
        echo "# $i of $n starts ${HUSK_WEAK:-}, of which $(grep -c . "$BUNDLE/failed" || true) refused" >&3
        victim_is_hit
}

@test "CVE-2021-30465, CVE-2024-45310: a mount's target exchanged while it is mounted" {
        if [ -n "${HUSK_LOAD:-}" ]; then immune raced 10000; else immune raced "$(sample 150)"; fi
        weak in_root raced 150
}

# raced_source STARTS: the source of a mount, read-only, lies in a volume of somebody who exchanges it with a link to
# another tree. A link of a source is followed: the document names it. But what is mounted is what the name led to at
# one moment, with all that the document says of it. Success: something of both trees, or one that can be written to
raced_source() {
        local volume=$BUNDLE/volume tree i n=$1 got=1 refused=0
        local -A seen=([first]=0 [other]=0)
        for tree in first other; do
                mkdir -p "$volume/$tree/below"
                echo "$tree" | tee "$volume/$tree/which" >"$volume/$tree/below/which"
        done
        mv "$volume/first" "$volume/d"
        ln -s other "$volume/link"
        config --arg source "$volume/d" '
                .mounts += [{destination: "/mnt", type: "bind", source: $source, options: ["rbind", "ro"]}]
                | .root.readonly = false'
        script 'echo $(cat /mnt/which /mnt/below/which); for f in /mnt/made /mnt/below/made; do
                (: >$f) 2>/dev/null && echo made; done; echo tried'
        "$PROBES/probe_racer" "$volume/d" "$volume/link" &
        RACER=$!
        for ((i = 0; i < n; i++)); do
                oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || true
                case $(tr '\n' ' ' <"$BUNDLE/output") in
                "first first tried ") seen[first]=$((seen[first] + 1)) ;;
                "other other tried ") seen[other]=$((seen[other] + 1)) ;;
                *husk-oci:*) refused=$((refused + 1)) ;;
                *) sed 's/^/# /' "$BUNDLE/output" >&3 && got=0 && break ;;
                esac
        done
        kill "$RACER" || return 2
        wait "$RACER" || true
        RACER=
        echo "# ${seen[first]} starts with the one tree, ${seen[other]} with the other, $refused refused" >&3
        [ $got = 0 ] || [ "${seen[first]}${seen[other]}" != 00 ] || return 3
        return $got
}

@test "CVE-2023-27561: a mount's source exchanged with a link while it is mounted" {
        immune raced_source "$(sample 60)"
        weak set_mount raced_source 60
}

# raced_root STARTS: the root's own name is exchanged with a link to another root while containers are
# made. Success: a start has something of both: a place for a mount made in the one that the program is not
# in, or a mount or a mask that it goes without
raced_root() {
        local root=$BUNDLE/rootfs other=$BUNDLE/other i n=$1 source got=1
        local -A seen=([first]=0 [other]=0)
        echo secret >"$root/secret"
        cp -a "$root" "$other"
        echo first >"$root/which"
        echo other >"$other/which"
        ln -s other "$BUNDLE/link"
        mkdir -p "$BUNDLE/source"
        source=$(stat -c %i "$BUNDLE/source")
        config --arg source "$BUNDLE/source" '
                .mounts += [{destination: "/made", type: "bind", source: $source, options: ["bind"]}]
                | .linux.maskedPaths += ["/secret"] | .root.readonly = false'
        script 'echo $(cat /which /secret) $(stat -c %i /made) $(stat -f -c %T /proc)'
        # Whatever their names are: the one and the other.
        exec 8<"$root" 9<"$other"
        "$PROBES/probe_racer" "$root" "$BUNDLE/link" 8<&- 9<&- &
        RACER=$!
        for ((i = 0; i < n; i++)); do
                oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 8<&- 9<&- || true
                case "$(cat "$BUNDLE/output")$(printf " %s" /proc/self/fd/[89]/made)" in
                "first $source proc /proc/self/fd/8/made") seen[first]=$((seen[first] + 1)) ;;
                "other $source proc /proc/self/fd/9/made") seen[other]=$((seen[other] + 1)) ;;
                *) cat "$BUNDLE/output" >&3 && got=0 && break ;;
                esac
                rmdir /proc/self/fd/[89]/made
        done
        exec 8<&- 9<&-
        kill "$RACER" || return 2
        wait "$RACER" || true
        RACER=
        echo "# ${seen[first]} starts in the one root, ${seen[other]} in the other" >&3
        return $got
}

# No control: the root is opened once, and by its name nothing else is found.
@test "the root's own name exchanged with a link to another root" {
        if [ -n "${HUSK_LOAD:-}" ]; then immune raced_root 1000; else immune raced_root "$(sample 60)"; fi
}

# -- /dev --------------------------------------------------------------------------------------------

# no_dev KIND NAME FILTER: without a mount on /dev, and with NAME a link out
no_dev() {
        link_to "$1" "$2"
        [ "$2" = /dev ] || mkdir -p "$BUNDLE/rootfs/dev"
        config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false
                | .process.args = ["/bin/true"]'
        config "$3"
        watch_mounts
        on_terminal "run --bundle $BUNDLE $WORD" >"$BUNDLE/output" 2>&1 || grep -q 'husk-oci:' "$BUNDLE/output" ||
                return 2
        victim_is_hit
}

DEVPTS='.mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"]}]'

@test "CVE-2026-41579, CVE-2026-47766: /dev is a link, and nothing is mounted there" {
        local kind
        for kind in absolute relative chained; do
                immune no_dev "$kind" /dev .
        done
        weak in_root,strict no_dev absolute /dev .
        weak in_root,strict no_dev relative /dev .
        weak in_root,strict no_dev chained /dev .
}

@test "CVE-2026-41579: /dev/pts is a link" {
        local kind
        for kind in absolute relative chained; do
                immune no_dev "$kind" /dev/pts "$DEVPTS"
        done
        weak in_root,strict no_dev absolute /dev/pts "$DEVPTS"
        weak in_root,strict no_dev relative /dev/pts "$DEVPTS"
        weak in_root,strict no_dev chained /dev/pts "$DEVPTS"
}

@test "CVE-2026-88264: /dev/console is a link, and there is a terminal" {
        local kind
        for kind in absolute relative chained; do
                immune no_dev "$kind" /dev/console "$DEVPTS | .process.terminal = true"
        done
        weak in_root,strict no_dev absolute /dev/console "$DEVPTS | .process.terminal = true"
        weak in_root,strict no_dev relative /dev/console "$DEVPTS | .process.terminal = true"
        weak in_root,strict no_dev chained /dev/console "$DEVPTS | .process.terminal = true"
}

# null_file: the image's /dev/null is a plain file. Success: it has what the container wrote to its own
# stdout, which is the host's /dev/null
null_file() {
        mkdir -p "$BUNDLE/rootfs/dev"
        : >"$BUNDLE/rootfs/dev/null"
        config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false'
        script "echo captured; echo captured >&2"
        oci run --bundle "$BUNDLE" "$WORD" </dev/null >/dev/null 2>/dev/null
        oci run --bundle "$BUNDLE" "$WORD" </dev/null 2>&1 | grep -q . || true
        grep -q captured "$BUNDLE/rootfs/dev/null"
}

# No control in husk: it opens no /dev/null but the host's, and opens none anew for who has one.
@test "CVE-2026-88265: /dev/null is a plain file: it captures nothing" {
        immune null_file
        peer null_file
}

# mask_with WHAT HOW: the container's /dev/null is WHAT, from the beginning (image) or from the moment that
# the mounts are made (hook). Success: a masked file is not the kernel's null device
mask_with() {
        local null=$BUNDLE/rootfs/dev/null
        mkdir -p "$BUNDLE/rootfs/dev"
        echo content >"$BUNDLE/rootfs/tmp/file"
        config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false
                | .linux.maskedPaths = ["/proc/keys", "/proc/timer_list"]'
        case $1 in
        procfs) ln -s /proc/sys/kernel/domainname "$null" ;;
        file) cp "$BUNDLE/rootfs/tmp/file" "$null" ;;
        esac
        if [ "$2" = hook ]; then
                mv "$null" "$null.other"
                config --arg null "$null" '.hooks.createRuntime = [{"path": "/bin/mv",
                        "args": ["mv", "-f", $null + ".other", $null]}]'
        fi
        script 'echo keys: $(cat /proc/keys)'
        HUSK_WEAK_NULL=$null oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || {
                grep -q 'husk-oci:.*make_node' "$BUNDLE/output" && return 1 || return 2
        }
        ! grep -qx 'keys:' "$BUNDLE/output"
}

@test "CVE-2025-31133: the container's /dev/null is a link or a file: masks are of the host's" {
        local what how
        for what in procfs file; do
                for how in image hook; do immune mask_with "$what" "$how"; done
                weak null,make_node mask_with "$what" image
        done
}

# console [hook]: names where the terminal's will be are files, or a hook has exchanged /dev/pts with a directory
# of links, ptmx to the true one and each number to a terminal whose master somebody else reads. Success: the
# program's terminal is not the one of the runtime
console() {
        local dev=$BUNDLE/rootfs/dev said
        mkdir -p "$dev/pts"
        config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false
                | .process.terminal = true'
        config "$DEVPTS"
        if [ "${1:-}" != hook ]; then
                ln -s /proc/sys/kernel/domainname "$dev/pts/0"
                echo file >"$dev/console"
        else
                config --arg code "$exchange_pts" --arg dev "$dev" --arg said "$BUNDLE/rootfs/tmp/said" '
                        .hooks.createContainer = [{"path": "/usr/bin/python3", "args": ["python3", "-c", $code, $dev, $said]}]'
        fi
        script 'echo said by the program; stat -c %t /proc/self/fd/0 -L
                i=0; until [ $i = 50 ] || grep -qs 88 /tmp/said; do sleep 0.1; i=$((i + 1)); done'
        on_terminal "run --bundle $BUNDLE $WORD" >"$BUNDLE/output" 2>&1 || {
                cat "$BUNDLE/output" >&2
                return 2
        }
        said=$(cat "$BUNDLE/rootfs/tmp/said" 2>/dev/null || :)
        [[ $said$(cat "$BUNDLE/output") == *"said by the program"* ]] || {
                ls -l "$BUNDLE/rootfs/tmp" "$dev" >&2
                cat "$BUNDLE/output" >&2
                return 3
        }
        [ "$(cat "$BUNDLE/output")" != $'said by the program\n88' ]
}

# In the container's mount namespace, its root not yet entered. Who reads the other terminal ends with the container.
exchange_pts='
import fcntl, os, signal, struct, subprocess, sys
dev, said = sys.argv[1:]
os.mkdir(dev + "/old")
subprocess.run(["mount", "--move", dev + "/pts", dev + "/old"], check=True)
master = os.open(dev + "/old/ptmx", os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))  # TIOCSPTLCK
number = struct.unpack("I", fcntl.ioctl(master, 0x80045430, b"1234"))[0]  # TIOCGPTN
slave = os.open(dev + "/old/%d" % number, os.O_RDWR | os.O_NOCTTY)
os.symlink("../old/ptmx", dev + "/pts/ptmx")
for n in range(8):
    os.symlink("../old/%d" % number, dev + "/pts/%d" % n)
if os.fork():
    os._exit(0)
os.setsid()
null = os.open("/dev/null", os.O_RDWR)
for fd in range(64):  # runc waits for the end of what it leaks to hooks, too
    if fd not in (master, slave, null):
        os.dup2(null, fd) if fd < 3 else os.closerange(fd, fd + 1)
signal.alarm(20)
with open(said, "wb", buffering=0) as file:
    while True:
        file.write(os.read(master, 4096))
'

# No control in husk: the slave is opened by its master (TIOCGPTPEER), before any hook runs; there is no name.
@test "CVE-2025-52565: files where the terminal's names will be" {
        immune console
}

@test "CVE-2025-52565: /dev/pts exchanged with links to another terminal" {
        immune console hook
        peer console hook
}
