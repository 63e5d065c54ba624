#!/bin/sh
# Container c1, as husk would make it, in the words of util-linux, coreutils, iproute2 and
# libcap. To be run as root. Lines '# husk:' say what a shell cannot do.
set -eu
umask 022
# note: RLIMIT_RTPRIO was not granted

# /hooks/createRuntime/0
# husk: run_hook: no hook runs beside the first process: /bin/true

init=$(cat <<'INIT'
umask 022
# Refuse what leads out of the root; husk would resolve it inside. Where no step is a link,
# nothing leads out.
inside() {
        at=$root below=${1#"$root"}
        while [ "$below" ]; do
                below=${below#/}
                at=$at/${below%%/*}
                case $at in */..) break ;; esac
                [ ! -L "$at" ] || break
                case $below in */*) below=/${below#*/} ;; *) below= ;; esac
        done
        [ "$below" ] || return 0
        case $(realpath -m -- "$1") in
        "$root" | "${root%/}"/*) ;;
        *) echo "$1 leads out of the root" >&2; exit 125 ;;
        esac
}
make_dir() { inside "$1"; [ -d "$1" ] || mkdir -p -- "$1"; }
make_file() {
        inside "$1"
        [ -e "$1" ] || { mkdir -p -- "${1%/*}"; : >"$1"; }
}
make_like() {
        if [ -d "$1" ]; then make_dir "$2"; else make_file "$2"; fi
}
# Options for a mount and all that is mounted below it, and not below what it covers.
remount_all() {
        path=$(realpath -- "$1")
        table=$(cat /proc/self/mountinfo)
        while read -r id parent device base target rest; do
                case $target in *\\*) target=$(printf %b "$target") ;; esac
                [ "$target" != "$path" ] || tree=" $id "
        done <<TABLE
$table
TABLE
        while read -r id parent device base target rest; do
                case $tree in
                *" $id "*) ;;
                *" $parent "*) tree="$tree$id " ;;
                *) continue ;;
                esac
                case $target in *\\*) target=$(printf %b "$target") ;; esac
                mount -o "remount,bind,$2" -- "$target" || exit 125
        done <<TABLE
$table
TABLE
}
# A tmpfs on a directory, with what it covers copied into it.
fill() {
        whole=$1 at=$2
        shift 2
        exec 9<"$at"
        "$@"
        find /proc/self/fd/9/ -mindepth 1 -maxdepth 1 -exec cp -a -t "$at" {} +
        if [ "$whole" = whole ]; then
                chown --reference=/proc/self/fd/9/. "$at"
                chmod --reference=/proc/self/fd/9/. "$at"
                touch --reference=/proc/self/fd/9/. "$at"
        fi
        exec 9<&-
}
lock() {
        inside "$1"
        [ -e "$1" ] || return 0
        mount --rbind "$1" "$1"
        remount_all "$1" ro
}

# /process/oomScoreAdj
echo 100 >/proc/self/oom_score_adj

# /linux/namespaces/3
ip link set dev lo up

# /hostname
printf %s box >/proc/sys/kernel/hostname

# /linux/rootfsPropagation
mount --make-rslave /

# /root/path
root=$(realpath -- /var/lib/c1/rootfs)
mount --rbind /var/lib/c1/rootfs "$root"
mount --make-rprivate "$root"

# /mounts/0
make_dir "$root"/proc
mount -t proc proc "$root"/proc

# /mounts/1
make_dir "$root"/dev
mount -t tmpfs -o mode=755,size=65536k,nosuid tmpfs "$root"/dev

# /mounts/2
make_dir "$root"/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,nosuid,noexec devpts "$root"/dev/pts

# /mounts/3
make_dir "$root"/dev/shm
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$root"/dev/shm

# /mounts/4
make_dir "$root"/dev/mqueue
mount -t mqueue -o nosuid,nodev,noexec mqueue "$root"/dev/mqueue

# /mounts/6
make_dir "$root"/etc
fill whole "$root"/etc mount -t tmpfs tmpfs "$root"/etc

# /mounts/7
inside "$root"/etc
mount -o remount,bind,noexec "$root"/etc

# /mounts/5
make_dir "$root"/sys
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root"/sys
mount -o remount,bind,ro,nosuid,nodev,noexec "$root"/sys

# [default device]
mknod -m 0666 "$root"/dev/null c 1 3
mknod -m 0666 "$root"/dev/zero c 1 5
mknod -m 0666 "$root"/dev/full c 1 7
mknod -m 0666 "$root"/dev/random c 1 8
mknod -m 0666 "$root"/dev/urandom c 1 9
[ -e "$root"/dev/fd ] || [ -L "$root"/dev/fd ] || ln -s -- /proc/self/fd "$root"/dev/fd
[ -e "$root"/dev/ptmx ] || [ -L "$root"/dev/ptmx ] || ln -s -- pts/ptmx "$root"/dev/ptmx

# /linux/sysctl/kernel.shm_rmid_forced
printf %s 1 >"$root"/proc/sys/kernel/shm_rmid_forced

# /linux/maskedPaths
mask() {
        inside "$1"
        if [ -d "$1" ]; then
                mount -t tmpfs -o nr_inodes=1 tmpfs "$1"
                mount -o remount,bind,ro "$1"
        elif [ -e "$1" ]; then
                mount --bind "$root"/dev/null "$1"
        fi
}
mask "$root"/proc/kcore
mask "$root"/proc/scsi
mask "$root"/sys/firmware
mask "$root"/proc/timer_list
mask "$root"/proc/nothing

# /linux/readonlyPaths
lock "$root"/proc/bus
lock "$root"/proc/sys
lock "$root"/proc/sysrq-trigger

# /hooks/createContainer/0
printf '{"pid":%d,%s' "$$" '"id":"c1"}' | (umask 022 && cd / && exec timeout -s KILL 10 env -i -- PATH=/usr/bin:/bin 'GREETING=it'\''s "me"' /bin/true 'it'\''s up')

# /root/readonly
mount -o remount,bind,ro "$root"

# /process/execCPUAffinity/final
taskset --cpu-list --pid 0 $$ >/dev/null

# /process/scheduler
chrt --batch --pid 0 $$
renice -n 3 -p $$ >/dev/null

# /process/ioPriority
ionice --class 2 --classdata 6 --pid $$

# /linux/memoryPolicy
# husk: set_memory_policy: no tool of util-linux sets a memory policy

# [no descriptor leaks]
# husk: seal_fds: what the caller of this script left open stays open

# the process
capsh=$(command -v capsh)
program=
for dir in /usr/bin /bin; do
        if [ -x "$root$dir/"sh ] || [ -L "$root$dir/"sh ]; then
                program=$dir/sh
                break
        fi
done
[ "$program" ] || { echo "program not found in PATH" >&2; exit 127; }
cd "$root"
mount -n --move . /
umask 0027
exec \
        prlimit --nofile=512:1024 --core=0:unlimited \
        setarch linux32 \
        setpriv --groups 7,1000 \
        env -i -- PATH=/usr/bin:/bin 'GREETING=it'\''s "me"' \
        "$capsh" --quiet --chroot=. --drop=cap_chown,cap_dac_override,cap_dac_read_search,cap_fowner,cap_fsetid,cap_setgid,cap_setuid,cap_setpcap,cap_linux_immutable,cap_net_broadcast,cap_net_admin,cap_net_raw,cap_ipc_lock,cap_ipc_owner,cap_sys_module,cap_sys_rawio,cap_sys_chroot,cap_sys_ptrace,cap_sys_pacct,cap_sys_admin,cap_sys_boot,cap_sys_nice,cap_sys_resource,cap_sys_time,cap_sys_tty_config,cap_mknod,cap_lease,cap_audit_control,cap_setfcap,cap_mac_override,cap_mac_admin,cap_syslog,cap_wake_alarm,cap_block_suspend,cap_audit_read,cap_perfmon,cap_bpf,cap_checkpoint_restore --keep=1 --gid=0 --uid=0 --caps='= cap_kill,cap_net_bind_service,cap_audit_write+p cap_kill+i cap_kill,cap_net_bind_service,cap_audit_write+e' --noamb --addamb=cap_kill --no-new-privs --shell="$program" -- -c 'echo "it'\''s up"'
INIT
)

# In a subshell: this script stays outside of the cgroups.
(
        exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup --propagation unchanged -- sh -euc "$init"
)
