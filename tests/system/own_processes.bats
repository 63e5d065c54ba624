#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk's own long-lived processes and its state, as SECURITY.md promises them: what each still has open, may
# do and may be looked into; who may speak to a start socket; modes whatever the umask.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by bats and the helper; other shells' words
load engine_helper

# open_files PID: what its descriptors are, a kind a line, without numbers
open_files() {
        local fd
        for fd in "/proc/$1/fd"/*; do
                readlink "$fd"
        done | sed -E 's/:\[[0-9]+\]$//' | sort | uniq -c | awk '{ print $1, $2 }'
}

# hidden PID: nobody without CAP_SYS_PTRACE looks into it, were its ids and capabilities his
hidden() {
        run ! setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace readlink "/proc/$1/exe"
}

oci() { timeout -k 5 60 "${HUSK_OCI:-${husk%/*}/husk-oci}" --root "$box/oci" "$@" 3>&-; }
create() {
        mkdir -p "$box/bundle/root/bin"
        cp "$(command -v busybox)" "$box/bundle/root/bin/busybox"
        ln -sf busybox "$box/bundle/root/bin/sh"
        rm -f "$box/bundle/config.json"
        oci spec --bundle "$box/bundle"
        jq '.process.terminal = false | .process.args = ["sh", "-c", "busybox sleep 1000"] | .root.path = "root"' \
                "$box/bundle/config.json" >"$box/edited" && mv "$box/edited" "$box/bundle/config.json"
        oci create --bundle "$box/bundle" "$1" </dev/null >/dev/null 2>&1
}
teardown() {
        local id
        for id in $(oci list -q 2>/dev/null); do oci delete -f "$id" || :; done
        engine_teardown
}

@test 'the keeper keeps no descriptor but the process, the client, /dev/null and what the times of a log take' {
        local id
        id=$(husk run -d --name one host sleep 1000)
        same "$(open_files "$(keeper_of one)" | sed "s,$store/containers/$id,DIR,")" \
                $'3 /dev/null\n1 DIR\n1 DIR/log\n1 DIR/times\n1 anon_inode:[pidfd]\n1 anon_inode:[signalfd]\n1 socket'
        husk run -dt --name two host sleep 1000
        same "$(open_files "$(keeper_of two)")" $'3 /dev/null\n1 /dev/pts/ptmx\n1 anon_inode:[pidfd]\n1 socket'
}

@test 'the client holds nothing of the container but its process and its streams' {
        mkfifo "$box/in" && exec 9<>"$box/in"
        "$husk" "${flags[@]}" run -i --name one host sleep 1000 <&9 >"$box/out" 2>&1 3>&- 4>&- &
        client=$!
        await is_state one running
        await eval 'open_files "$client" | grep -q signalfd'
        open_files "$client"
        run ! grep -vE "^[0-9]+ ($box/(in|out)|pipe|socket|anon_inode:\[(pidfd|signalfd)\]|/dev/null)$" \
                <(open_files "$client")
        husk rm -f one
        wait "$client" || :
}

@test 'a created container: its first process is hidden and holds the start socket alone' {
        create hkown$$
        pid=$(oci state hkown$$ | jq .pid)
        open_files "$pid"
        run ! grep -vE '^[0-9]+ (/dev/null|/null|socket)$' <(open_files "$pid")
        hidden "$pid"
}

@test 'a start socket listens to root and to who made it' {
        umask 0
        create hkown$$
        chmod 755 "$box" "$box/oci" "$box/oci/hkown$$"
        chmod 777 "$box/oci/hkown$$/start"
        # Somebody else, who could get at the socket: connected, and hung up on.
        (cd "$box/oci/hkown$$" && timeout 20 setpriv --reuid 65534 --regid 65534 --clear-groups perl -e '
                use Socket;
                socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
                connect($s, sockaddr_un("start")) or die "connect: $!";
                send($s, "\0" x 8, MSG_NOSIGNAL);
                exit(defined(recv($s, my $answer, 64, 0)) && length($answer) ? 1 : 0);')
        same "$(oci state hkown$$ | jq -r .status)" created
        oci start hkown$$
        same "$(oci state hkown$$ | jq -r .status)" running
}

@test 'state is closed to others, whatever the umask' {
        for mask in 000 077; do
                umask $mask
                husk run -d --name "n$mask" host sleep 1000
                create "hkown$$m$mask"
        done
        for dir in "$store"/containers/* "$box"/oci/*; do
                same "$dir $(stat -c %a "$dir")" "$dir 1700"
                same "$dir $(stat -c %a "$dir/journal")" "$dir 600"
        done
        for log in "$store"/containers/*/log; do
                same "$log $(stat -c %a "$log")" "$log 600"
        done
        same "$(find "$store" "$box/oci" -maxdepth 3 ! -type l -perm /022)" ''
}

@test 'a passwd that never ends, or is a pipe, is no passwd' {
        create hkown$$
        mkdir -p "$box/bundle/root/etc"
        truncate -s 10G "$box/bundle/root/etc/passwd"
        mkfifo "$box/bundle/root/etc/group"
        LIMIT=20 run -125 husk run --rm --rootfs "$box/bundle/root" --user somebody sh
        has "$output" somebody
        LIMIT=20 run -125 husk run --rm --rootfs "$box/bundle/root" --user 0:somegroup sh
        has "$output" somegroup
        run -0 husk run --rm --rootfs "$box/bundle/root" --user 7 busybox grep Uid: /proc/self/status
        has "$output" $'Uid:\t7\t7'
}
