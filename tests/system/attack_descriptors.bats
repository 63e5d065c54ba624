#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Class C of docs/security.md: descriptors, directories and rights of husk's own processes.
load ../attacks/attack

setup() { begin_attack; }
teardown() { finish; }

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}

# -- CVE-2016-9962: who enters a container ----------------------------------------------------------

# Who lurks, and whom he waits for, are to run although the machine is busy: else he has no turn.
BEFORE_OTHERS='.process.scheduler = {policy: "SCHED_OTHER", nice: -19}'

# lurk FILTER WANTED [MORE]: someone in the container looks into every process of `exec` that he can get
# hold of. Success is a line of what he found that matches WANTED; MORE goes to the document.
lurk() {
        local found=$BUNDLE/rootfs/tmp/found i meeting=seen
        # Without more rights than the default ones who lurks may look at nothing: that he was there at the time is all.
        [ "$1" != . ] || meeting=met
        cp "$PROBES/probe_lurk" "$BUNDLE/rootfs/bin/lurk"
        config --arg victim "$VICTIM/file" '.process.args = ["/bin/lurk", $victim, "/tmp/found"]
                | .root.readonly = false
                | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
        config "$BEFORE_OTHERS"
        config "$1"
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || return 2
        eventually 20 grep -qs lurking "$found" || return 3
        # Who lurks must have had a turn; on a busy machine that takes more than the usual number.
        for ((i = 0; i < 1000; i++)); do
                oci exec "$WORD" /bin/true || return 4
                ! grep -Eqx "$2" "$found" || break
                [ "$i" -lt "$(sample 60)" ] || [ -n "${HUSK_WEAK:-}" ] || ! grep -q "$meeting" "$found" || break
        done
        ! grep -q broken "$found" || return 5
        grep -q "$meeting" "$found" || return 6
        echo "# $(sort "$found" | tr '\n' ' ') after $i of exec" >&3
        grep -Eqx "$2" "$found"
}

TRACES='(.process.capabilities | .bounding, .effective, .permitted) += ["CAP_SYS_PTRACE"]'

@test "CVE-2016-9962: nothing of the host is found in a process that enters the container" {
        immune lurk . 'root|cwd|fd .*|exe|rights .*'
        weak dumpable,close_others lurk . 'fd .*'
}

@test "CVE-2016-9962: nor by who has CAP_SYS_PTRACE" {
        immune lurk "$TRACES" 'root|cwd|fd .*|exe|rights .*'
        weak close_others lurk "$TRACES" 'fd .*'
        weak set_caps,keep_caps lurk "$TRACES" 'rights .*'
}

# A filter without no_new_privs is loaded while CAP_SYS_ADMIN is there. So what comes behind it, the birth in the pid
# namespace among it, the filter has to allow.
FILTERED="$TRACES"' | .process.noNewPrivileges = false
        | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
                syscalls: [{names: ["getcwd"], action: "SCMP_ACT_ERRNO"}]}'

@test "CVE-2016-9962: nor with a filter, with and without no_new_privs" {
        immune lurk "$FILTERED" 'root|cwd|fd .*|exe|rights .*'
        weak close_others lurk "$FILTERED" 'fd .*'
        weak set_caps,keep_caps lurk "$FILTERED" 'rights .*'
        immune lurk "$FILTERED | .process.noNewPrivileges = true" 'root|cwd|fd .*|exe|rights .*'
        weak set_caps,keep_caps lurk "$FILTERED | .process.noNewPrivileges = true" 'rights .*'
}

# What husk does behind the filter it could be forbidden, all but the birth itself.
@test "CVE-2016-9962: nor with a filter that forbids whatever can be forbidden, nor with a limit of processes" {
        local strict=${FILTERED/'"getcwd"'/'"setsid", "getsid", "pidfd_open", "sendmsg", "recvmsg"'}
        immune lurk "$strict" 'root|cwd|fd .*|exe|rights .*'
        weak set_caps,keep_caps lurk "$strict" 'rights .*'
        immune lurk "$FILTERED | .process.rlimits = [{type: \"RLIMIT_NPROC\", soft: 50, hard: 60}]" \
                'root|cwd|fd .*|exe|rights .*'
}

# docs/security.md says it, and so does husk.
@test "CVE-2016-9962: what stays: the filter forbids clone(2): rights, and nothing else, without no_new_privs" {
        local strict=${FILTERED/'"getcwd"'/'"clone", "clone3", "fork", "vfork"'}
        immune lurk "$strict" 'root|cwd|fd .*|exe'
        weak close_others lurk "$strict" 'fd .*'
        attacked 0 lurk "$strict" 'rights .*'
        run oci exec "$WORD" /bin/true
        [[ $output == *'who has CAP_SYS_PTRACE there can take its rights'* ]]
}

# -- CVE-2019-5736: the runtime's executable ---------------------------------------------------------

# overwritten: programs that are the runtime's own executable, by /proc/self/exe, are run in a container in
# which somebody waits to write to it. Success: it has changed
overwritten() {
        local own=$BATS_TEST_TMPDIR/$WORD/copy/husk-oci found=$BUNDLE/rootfs/tmp/found before i
        mkdir -p "${own%/*}"
        rm -f "$own"
        cp "$HUSK_OCI" "$own"
        local HUSK_OCI=$own
        before=$(sha256sum <"$own")
        cp "$PROBES/probe_overwrite" "$BUNDLE/rootfs/bin/overwrite"
        # A build that is not static can be executed in there, too.
        ldd "$own" 2>/dev/null | grep -o '/[^ ]*' | xargs -r -I{} cp -L --parents {} "$BUNDLE/rootfs"
        printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/evil"
        chmod +x "$BUNDLE/rootfs/bin/evil"
        config '.process.args = ["/bin/overwrite", "/tmp/found"] | .root.readonly = false
                | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
        config "$BEFORE_OTHERS"
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || return 2
        eventually 20 grep -qs lurking "$found" || return 3
        # A second container, whose first process is in the pid namespace of the first.
        config --arg pid "/proc/$(pid_of "$WORD")/ns/pid" '.process.args = ["/bin/evil"]
                | .linux.namespaces |= map(if .type == "pid" then .path = $pid else . end)'
        for ((i = 0; i < 1000; i++)); do
                case $((i % 3)) in
                0) ! oci exec "$WORD" /bin/evil >/dev/null 2>&1 || return 4 ;;
                1) ! oci exec "$WORD" /proc/self/exe >/dev/null 2>&1 || return 5 ;;
                2)
                        ! oci run --bundle "$BUNDLE" "$WORD.b" >/dev/null 2>&1 || return 6
                        ! [ -e "$ROOT/$WORD.b" ] || oci delete --force "$WORD.b"
                        ;;
                esac
                ! grep -q written "$found" || break
                # Somebody was seen, and could not be written to; without the protection one will be.
                [ "$i" -lt 60 ] || [ -n "${HUSK_WEAK:-}" ] || ! grep -q seen "$found" || break
        done
        grep -q seen "$found" || return 7
        echo "# $(sort "$found" | uniq -c | tr '\n' ' ') after $i" >&3
        [ "$(sha256sum <"$own")" != "$before" ]
}

@test "CVE-2019-5736: husk's executable is run in a container by its own name" {
        immune overwritten
        weak seal_executable overwritten
}

# -- CVE-2024-21626: descriptors that are left open --------------------------------------------------

# Without a pid namespace, so that /proc/self is there for who enters, too.
NO_PIDS='.linux.namespaces |= map(select(.type != "pid"))'

# by_directory VERB: the caller has directories of the host open, and the working directory is one of
# /proc/self/fd. Success: the host's file is read from there
by_directory() {
        local n path output
        for n in {3..24} link9 link12; do
                path=/proc/self/fd/$n
                if [[ $n == link* ]]; then
                        ln -sfn "/proc/self/fd/${n#link}" "$BUNDLE/rootfs/way"
                        path=/way
                fi
                if [ "$1" = run ] || [ "$n" = 3 ]; then
                        config --arg cwd "$path" --arg verb "$1" --arg file "../../../../../../../../../../..$VICTIM/file" '
                                if $verb == "run" then .process.cwd = $cwd | .process.args = ["/bin/cat", "file", $file]
                                else .process.args = ["/bin/sleep", "1000"] end'
                fi
                if [ "$1" = run ]; then
                        output=$(oci run --bundle "$BUNDLE" "$WORD" 2>&1 9<"$VICTIM" 12</ 15<.) || true
                else
                        config "$NO_PIDS"
                        [ "$n" != 3 ] || oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null ||
                                return 2
                        output=$(oci exec --cwd "$path" "$WORD" /bin/cat file \
                                "../../../../../../../../../../..$VICTIM/file" 2>&1 9<"$VICTIM" 12</ 15<.) || true
                fi
                ! [ -e "$ROOT/$WORD" ] || [ "$1" = exec ] || oci delete --force "$WORD"
                [[ $output != *"$CANARY"* ]] || return 0
                [[ $output == *husk-oci:* || $output == *cat:* ]] || { echo "$output" >&2 && return 3; }
        done
        return 1
}

@test "CVE-2024-21626: the working directory is one of husk's or its caller's descriptors" {
        immune by_directory run
        still_immune close_range by_directory run
        still_immune inside by_directory run
        weak close_range,inside by_directory run
}

@test "CVE-2024-21626: the same for exec" {
        immune by_directory exec
        weak inside by_directory exec
}

# has_more VERB: the caller leaks descriptors. Success: the program has one that it should not have
has_more() {
        local output
        config '.process.args = ["/bin/sleep", "1000"]'
        if [ "$1" = run ]; then
                config '.process.args = ["/bin/ls", "/proc/self/fd"]'
                output=$(oci run --bundle "$BUNDLE" "$WORD" 5<"$VICTIM" 6</ 7<"$VICTIM/file" 40</dev/null) || return 2
        else
                oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null || return 2
                output=$(oci exec "$WORD" /bin/ls /proc/self/fd 5<"$VICTIM" 6</ 7<"$VICTIM/file" 40</dev/null) || return 2
        fi
        # The fourth is the directory that ls reads.
        [ "$output" != $'0\n1\n2\n3' ]
}

@test "a caller's and husk's own descriptors do not reach the program" {
        immune has_more run
        immune has_more exec
        weak close_range has_more run
        weak close_range has_more exec
}

# -- CVE-2019-14271, CVE-2022-1227: programs and libraries of the container --------------------------

# No weak control: nothing of husk executes or loads by name what could be a container's. That the files tell is
# shown by `careless`, in the place of a command of husk.

# hostile_root COMMAND...: the root is full of programs, libraries and settings that a careless runtime loads.
# Success: husk-oci COMMAND executed one, or read a file of the container that is neither passwd nor group
hostile_root() {
        local root=$BUNDLE/rootfs program
        make_hostile "$root"
        config '.process.args = ["/bin/sleep", "1000"] | .root.readonly = false'
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null || return 2
        traced "$root" "$HUSK_OCI" --root "$ROOT" "$@"
}

# The same for husk, in a container of that root named WORD.
hostile_engine() {
        local root=$BUNDLE/rootfs flags=(--root "$BATS_TEST_TMPDIR/$WORD/store" --runroot "$BATS_TEST_TMPDIR/$WORD/run") got=0
        make_hostile "$root"
        timeout -k 5 60 "$HUSK" "${flags[@]}" run --detach --name "$WORD" --rootfs "$root" /bin/sleep 1000 \
                >"$BUNDLE/output" 2>&1 </dev/null || return 2
        traced "$root" "$HUSK" "${flags[@]}" "$@" || got=$?
        timeout -k 5 60 "$HUSK" "${flags[@]}" rm -f "$WORD" >"$BUNDLE/output" 2>&1 || return 4
        return $got
}

is_ready() {
        [ "$(find "$BATS_TEST_TMPDIR/$WORD" -name ready)" ]
}

# `diff` of a container that has hostile files of its own above the image.
hostile_diff() {
        local store=$BATS_TEST_TMPDIR/$WORD/store got=0 upper
        local flags=(--root "$store" --runroot "$BATS_TEST_TMPDIR/$WORD/run")
        timeout -k 5 60 "$HUSK" "${flags[@]}" run --detach --name "$WORD" host /bin/sh -c '
                echo /lib/evil.so | tee /etc/ld.so.preload >/lib/evil.so
                printf "#!/bin/sh\necho ps >>/tmp/marker\n" >/usr/local/bin/diff
                chmod +x /usr/local/bin/diff
                : >/ready
                exec sleep 1000' >"$BUNDLE/output" 2>&1 </dev/null || return 2
        eventually 20 is_ready || return 3
        upper=$(dirname "$(find "$store" "$BATS_TEST_TMPDIR/$WORD/run" -name ready)")
        find "$upper" -type f -exec touch -h -a -d 1999-01-01 {} +
        traced "$upper" \
                "$HUSK" "${flags[@]}" diff "$WORD" || got=$?
        grep -q ld.so.preload "$BUNDLE/output" || got=4
        timeout -k 5 60 "$HUSK" "${flags[@]}" rm -f "$WORD" >"$BUNDLE/output" 2>&1 || return 5
        return $got
}

make_hostile() {
        local name
        mkdir -p "$1/lib" "$1/usr/bin" "$1/lib64" "$1/usr/lib" "$1/proc" "$1/dev"
        for name in ps top nsenter tar xz newuidmap getent; do
                printf '#!/bin/sh\necho %s >>/tmp/marker\n' "$name" >"$1/usr/bin/$name"
                chmod +x "$1/usr/bin/$name"
        done
        ln -sf ../usr/bin/ps "$1/bin/ps"
        for name in lib/libnss_files.so.2 lib/libnss_evil.so.2 lib64/libc.so.6 usr/lib/locale lib/evil.so; do
                echo evil >"$1/$name"
        done
        echo /lib/evil.so >"$1/etc/ld.so.preload"
        echo 'passwd: evil files' >"$1/etc/nsswitch.conf"
        echo 'root:x:0:0::/:/bin/sh' >"$1/etc/passwd"
        echo 'root:x:0:' >"$1/etc/group"
        find "$1" -type f -exec touch -h -a -d 1999-01-01 {} +
}

# read_in ROOT: which files of the root were read since make_hostile: it made them older than the year 2000,
# and the kernel notes the first access after that
read_in() {
        find "$1" -type f -newerat 2000-01-01 ! -name busybox ! -path '*/etc/passwd' ! -path '*/etc/group'
}

# traced ROOT COMMAND...: 0 when the command executed or read a file of the container that it should not
traced() {
        local root=$1
        shift
        timeout -k 5 60 "$@" >"$BUNDLE/output" 2>&1 </dev/null || return 3
        [ ! -e "$root/tmp/marker" ] || return 0
        read_in "$root" | grep . >&2
}

# What a careless command does: it looks at the container with the container's own program.
careless() {
        make_hostile "$BUNDLE/rootfs"
        [ -z "$(read_in "$BUNDLE/rootfs")" ] || return 2
        traced "$BUNDLE/rootfs" chroot "$BUNDLE/rootfs" /bin/ps
}

@test "CVE-2022-1227, CVE-2019-14271: nothing of a hostile root is loaded or executed" {
        attacked 0 careless
        immune hostile_root ps "$WORD"
        immune hostile_root state "$WORD"
        immune hostile_root events --stats "$WORD"
        immune hostile_root kill "$WORD" 0
        immune hostile_root update --pids-limit 100 "$WORD"
        immune hostile_root exec --user 0 "$WORD" /bin/true
}

@test "CVE-2022-1227, CVE-2019-14271: nor by top, diff, inspect and a user by name" {
        immune hostile_engine top "$WORD"
        immune hostile_diff
        immune hostile_engine inspect "$WORD"
        immune hostile_engine exec -u root "$WORD" /bin/true
}

# -- CVE-2021-43784: more than a message can hold ----------------------------------------------------

too_many() {
        config "$1"
        oci run --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 </dev/null && return 0
        grep -q '^husk-oci: ' "$BUNDLE/output" || return 2
        return 1
}

# No control: there is no message to run over, and the kernel itself refuses more than 340 lines of a map, and a write(2)
# to it of a page or more.
@test "CVE-2021-43784: 70 KiB of id mappings, and of a namespace's path" {
        immune too_many '.linux.namespaces += [{"type": "user"}]
                | .linux.uidMappings = [range(4000) | {"containerID": ., "hostID": (. * 2 + 100000), "size": 1}]
                | .linux.gidMappings = .linux.uidMappings'
        immune too_many '.linux.namespaces += [{"type": "user", "path": ("/" + "x" * 70000)}]'
        immune too_many '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/../" * 5000 else . end)'
}
