#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that cannot be executed: what is said about each names the guilty file and the reason,
# whichever command met it, and the status is 127 for what is missing and 126 for all else.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load helper

HUSK=${HUSK:-$PWD/build/husk}

setup() {
        begin
        bin=$BUNDLE/rootfs/bin
        cd "$BUNDLE" || return
}
teardown() { finish; }

# dies STATUS PROGRAM WORDS...: husk-oci run, its status, and words of its one error line
dies() {
        local code=$1 word
        config --arg program "$2" '.process.args = [$program]'
        shift 2
        run --separate-stderr "-$code" oci run "$WORD"
        echo "# $stderr"
        [ "$(grep -c '^husk-oci: ' <<<"$stderr")" = 1 ]
        for word; do
                [[ $stderr == *"$word"* ]] || {
                        echo "not said: $word"
                        return 1
                }
        done
}

# patch FILE OFFSET BYTES: change a copy of busybox, which is a static ELF program
patch() {
        cp "$bin/busybox" "$bin/$1"
        printf "$3" | dd of="$bin/$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "1: not found: by a path, and in PATH" {
        dies 127 /bin/nothing '/bin/nothing does not exist' 'hint: '
        dies 127 nothing 'nothing: executable file not found in $PATH' 'hint: '
        dies 127 /opt/tool/bin/x '/opt/tool/bin/x: there is no directory /opt'
}

@test "2: not executable" {
        cp "$bin/busybox" "$bin/plain"
        chmod 644 "$bin/plain"
        dies 126 /bin/plain '/bin/plain is not executable' 'mode 0644' 'hint: `chmod +x`'
        dies 126 plain '/bin/plain is not executable'
        chmod 700 "$bin/plain"
        config '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}'
        dies 126 /bin/plain 'not executable for uid 1000 (mode 0700, owner 0:0)' '--user'
}

@test "3: a missing ELF interpreter" {
        cp /bin/ls "$bin/dynamic"
        dies 127 /bin/dynamic '/bin/dynamic asks for the interpreter /lib64/ld-linux-x86-64.so.2' \
                'there is no directory /lib64' 'hint: '
        mkdir "$BUNDLE/rootfs/lib64"
        dies 127 /bin/dynamic '/lib64/ld-linux-x86-64.so.2 does not exist'
}

@test "4: a missing interpreter of a script" {
        printf '#! /usr/bin/perl6 -w\n' >"$bin/script"
        chmod 755 "$bin/script"
        dies 127 /bin/script '/bin/script asks for the interpreter /usr/bin/perl6' \
                'there is no directory /usr'
        printf '#!/bin/nosh' >"$bin/script"
        dies 127 script '/bin/nosh does not exist'
}

@test "5: CR LF behind the interpreter of a script" {
        printf '#!/bin/sh\r\necho hello\r\n' >"$bin/script"
        chmod 755 "$bin/script"
        dies 127 /bin/script '/bin/script has line ends of Windows (CR LF)' "'/bin/sh'" 'hint: '
}

@test "6: a program for another machine" {
        patch arm64 18 '\267\000'
        dies 126 /bin/arm64 '/bin/arm64 is a program for aarch64' 'hint: this machine is x86-64'
        patch mips 18 '\000\010'
        dies 126 /bin/mips 'unknown machine'
        patch s390 5 '\002\001\000\000\000\000\000\000\000\000\000\000\003\000\026'
        dies 126 /bin/s390 '/bin/s390 is a program for a big-endian machine'
        patch object 16 '\001\000'
        dies 126 /bin/object 'is an object file'
}

@test "7: a program that is cut off" {
        head -c 100 "$bin/busybox" >"$bin/short"
        chmod 755 "$bin/short"
        dies 126 /bin/short '/bin/short is cut off' '100 bytes' 'hint: '
        head -c 20 "$bin/busybox" >"$bin/short"
        dies 126 /bin/short '/bin/short is cut off'
        : >"$bin/short"
        dies 126 /bin/short '/bin/short is empty'
}

@test "8: neither a program nor a script" {
        printf 'echo hello\n' >"$bin/text"
        printf 'MZ\220\000\003' >"$bin/setup.exe"
        printf '\000asm\001\000\000\000' >"$bin/wasm"
        printf '\001\002\003\004\005' >"$bin/noise"
        printf '#!\n' >"$bin/nobody"
        chmod 755 "$bin"/{text,setup.exe,wasm,noise,nobody}
        dies 126 /bin/text '/bin/text is a text without a #! line' 'hint: put #!/bin/sh'
        dies 126 /bin/setup.exe 'a program for Windows'
        dies 126 /bin/wasm WebAssembly
        dies 126 /bin/noise '/bin/noise is no program'
        dies 126 /bin/nobody 'names no interpreter'
}

@test "9: a file system that is mounted noexec" {
        mkdir "$BUNDLE/tools"
        cp "$bin/busybox" "$BUNDLE/tools/sh"
        config '.mounts += [{"destination": "/opt/tools", "source": "tools", "type": "bind",
                "options": ["bind", "noexec"]}]'
        dies 126 /opt/tools/sh '/opt/tools/sh lies on a file system that is mounted noexec' \
                '(/opt/tools)' 'hint: '
}

@test "10: a directory on the way that may not be entered" {
        mkdir -p "$BUNDLE/rootfs/srv/secret/bin"
        cp "$bin/busybox" "$BUNDLE/rootfs/srv/secret/bin/tool"
        chmod 750 "$BUNDLE/rootfs/srv/secret"
        config '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}'
        dies 126 /srv/secret/bin/tool 'uid 1000 may not enter the directory /srv/secret' \
                'mode 0750' 'hint: '
        dies 127 /bin/sh/tool '/bin/busybox is not a directory'
}

@test "11: a directory" {
        dies 126 /bin '/bin is a directory'
}

@test "12: a link to nowhere" {
        ln -s /opt/real "$bin/link"
        ln -s link "$bin/second"
        dies 127 /bin/second '/bin/link is a symbolic link to /opt/real' '/opt does not exist'
        dies 127 second '/bin/link is a symbolic link to /opt/real'
}

@test "13: links in a circle" {
        ln -s two "$bin/one"
        ln -s one "$bin/two"
        dies 126 /bin/one '/bin/one: the symbolic link' 'leads in a circle'
}

@test "a program by a descriptor: the link of procfs is the end of the path" {
        local fd
        printf '#!/not/there\n' >lost
        chmod 755 lost
        exec {fd}<lost
        rm lost
        config '.process.args = ["/proc/self/fd/3"]'
        run --separate-stderr -127 oci run --preserve-fds 1 "$WORD" 3<&"$fd"
        exec {fd}<&-
        echo "# $stderr"
        [[ $stderr == *"/fd/3 asks for the interpreter /not/there"* ]]
}

@test "14: a missing shared library is named by the program's own loader" {
        mkdir "$BUNDLE/rootfs/lib64"
        cp /lib64/ld-linux-x86-64.so.2 "$BUNDLE/rootfs/lib64"
        cp /bin/ls "$bin/dynamic"
        config '.process.args = ["/bin/dynamic"]'
        run -127 oci run "$WORD"
        [[ $output == *'/bin/dynamic: error while loading shared libraries: lib'*'.so'* ]]
}

@test "an interpreter that cannot be executed, and one behind another" {
        printf '#!/bin/second\n' >"$bin/first"
        printf '#!/bin/third\n' >"$bin/second"
        chmod 755 "$bin/first" "$bin/second"
        cp "$bin/busybox" "$bin/third"
        chmod 644 "$bin/third"
        dies 126 /bin/first '/bin/first asks for the interpreter /bin/second' \
                '/bin/second asks for the interpreter /bin/third' '/bin/third is not executable'
        chmod 644 "$bin/second"
        dies 126 /bin/first '/bin/second is not executable'
}

@test "a program that somebody writes to" {
        cp "$bin/busybox" "$bin/busy"
        exec 8>>"$bin/busy"
        dies 126 /bin/busy '/bin/busy is open for writing' 'hint: '
        exec 8>&-
}

@test "too many arguments" {
        head -c 200000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/long"
        config --rawfile long "$BATS_TEST_TMPDIR/long" '.process.args = ["/bin/true", $long]'
        run --separate-stderr oci run "$WORD"
        [ "$status" = 126 ]
        [[ $stderr == *'an argument or variable has 200001 bytes; the kernel takes at most 131072'* ]]
        config '.process.args = ["/bin/true", (range(5000) | "0123456789012345678901234567890")]
                | .process.rlimits = [{"type": "RLIMIT_STACK", "soft": 262144, "hard": 262144}]'
        run --separate-stderr oci run "$WORD"
        echo "# ${stderr:0:300}"
        [ "$status" = 126 ]
        [[ $stderr == *'arguments and environment have 2'*' the kernel takes 131072: '* ]]
}

@test "a seccomp profile that forbids it; and one that kills for looking" {
        config '.process.noNewPrivileges = true | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}'
        dies 126 /bin/true '/bin/true: the file is in order: the seccomp profile or'
        config '.linux.seccomp.syscalls = [{"names": ["openat", "newfstatat", "lstat", "readlink",
                "readlinkat", "statx", "faccessat2"], "action": "SCMP_ACT_KILL_PROCESS"}]'
        printf 'echo hello\n' >"$bin/text"
        chmod 755 "$bin/text"
        dies 126 /bin/text /bin/text 'Exec format error'
}

@test "all commands that execute something say it" {
        printf '#!/bin/nosh\n' >"$bin/script"
        chmod 755 "$bin/script"
        config '.process.args = ["/bin/script"]'
        oci create "$WORD" </dev/null >/dev/null 2>&1 3>&-
        run ! oci start "$WORD"
        [[ $output == *'/bin/script asks for the interpreter /bin/nosh: /bin/nosh does not exist'* ]]
        oci delete --force "$WORD"
        config '.process.args = ["/bin/missing"]'
        run ! oci create "$WORD"
        [[ $output == *'/bin/missing does not exist'* ]]
        script 'sleep 1000'
        oci run -d "$WORD" </dev/null >/dev/null 2>&1 3>&-
        run -127 oci exec "$WORD" /bin/script
        [[ $output == *'/bin/script asks for the interpreter /bin/nosh: /bin/nosh does not exist'* ]]
        run -127 oci exec "$WORD" /bin/missing
        [[ $output == *'/bin/missing does not exist'* ]]
        oci delete --force "$WORD"
}

@test "husk run and husk exec say it, too" {
        local flags=(--root "$BATS_TEST_TMPDIR/store" --runroot "$BATS_TEST_TMPDIR/run") id
        printf '#!/bin/nosh\n' >"$bin/script"
        chmod 755 "$bin/script"
        run -127 timeout 60 "$HUSK" "${flags[@]}" run --rm --rootfs "$BUNDLE/rootfs" /bin/script
        [[ $output == *'/bin/script asks for the interpreter /bin/nosh: /bin/nosh does not exist'* ]]
        run -126 timeout 60 "$HUSK" "${flags[@]}" run --rm --rootfs "$BUNDLE/rootfs" /etc
        [[ $output == *'/etc is a directory'* ]]
        id=$(timeout 60 "$HUSK" "${flags[@]}" run -d --rm --rootfs "$BUNDLE/rootfs" sleep 1000 3>&-)
        run -127 timeout 60 "$HUSK" "${flags[@]}" exec "$id" script
        timeout 60 "$HUSK" "${flags[@]}" rm -f "$id"
        [[ $output == *'/bin/script asks for the interpreter /bin/nosh: /bin/nosh does not exist'* ]]
}
