/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what to do about a failed operation.
 *
 * One table, keyed by operation and errno; the first row that fits is told. A row is here because
 * somebody met that error and the errno alone did not say what to do. Rows for ordinary users only
 * or for root only say so. */
#include "runtime.h"

#include <unistd.h>

enum who {
        ANYBODY,
        ROOT,
        USER
};

static const struct {
        int op; /* enum op_code; -1: any */
        int error;
        enum who who;
        const char *hint;
} rows[] = {
        { OP_spawn, EPERM, USER,
          "this host may not let ordinary users make user namespaces: see the sysctls "
          "kernel.unprivileged_userns_clone and user.max_user_namespaces" },
        { OP_spawn, EPERM, ANYBODY,
          "making namespaces needs CAP_SYS_ADMIN; is this a container "
          "without it?" },
        { OP_spawn, ENOSPC, ANYBODY,
          "a limit on namespaces is reached: see the sysctls "
          "user.max_*_namespaces" },
        { OP_spawn, EAGAIN, ANYBODY,
          "a limit on processes is reached: ulimit -u, the cgroup's "
          "pids.max, or the sysctl kernel.pid_max" },
        { OP_spawn, EINVAL, ANYBODY, "this kernel lacks one of the namespaces asked for" },
        { OP_spawn, EBUSY, ANYBODY,
          "the cgroup gives controllers to its children, so it cannot hold "
          "processes itself: choose another cgroupsPath" },
        { OP_set_cgroup, EBUSY, ANYBODY,
          "it uses more than that at present, and the kernel could not take it back" },
        { OP_set_cgroup_pair, EBUSY, ANYBODY,
          "it uses more than that at present, and the kernel could not take it back" },
        { OP_map_ids, EPERM, USER,
          "see /etc/subuid and /etc/subgid; the helpers must be setuid root, and not on a file "
          "system that is mounted nosuid" },
        { OP_map_ids, EPERM, ROOT,
          "what is mapped must be mapped in our own user namespace too: see "
          "/proc/self/uid_map" },
        { OP_open_namespace, ENOENT, ANYBODY,
          "the process that it is named after may have ended, or the kernel lacks that kind of "
          "namespace" },
        { OP_open_namespace, EACCES, ANYBODY,
          "whose process it is named after, that user or CAP_SYS_PTRACE may open it" },
        { OP_join_namespace, EPERM, ANYBODY,
          "joining needs CAP_SYS_ADMIN in the user namespace that it belongs to: join that one "
          "too" },
        { OP_fork_init, EPERM, ANYBODY,
          "making namespaces needs CAP_SYS_ADMIN; is this a container "
          "without it?" },
        { OP_fork_init, ENOSPC, ANYBODY,
          "a limit on namespaces is reached: see the sysctls "
          "user.max_*_namespaces" },
        { OP_fork_init, EAGAIN, ANYBODY,
          "a limit on processes is reached: the document's RLIMIT_NPROC, for all processes of its "
          "user, the cgroup's pids.max, or the sysctl kernel.pid_max" },
        { OP_fork_init, ENOMEM, ANYBODY,
          "the first process of the pid namespace that is joined has ended" },
        { OP_spawn, ENOMEM, ANYBODY,
          "the host is out of memory, or the first process of a pid namespace that is joined has "
          "ended" },
        { OP_become_root, EINVAL, ANYBODY,
          "the user namespace that is joined does not map uid 0 and gid 0" },
        { OP_make_cgroup, EROFS, ANYBODY,
          "the cgroup file system is mounted read-only here; if this is a container, make it with "
          "--security-opt writable-cgroups=true" },
        { OP_make_cgroup, EBUSY, ANYBODY,
          "another container uses it: choose another cgroupsPath or "
          "remove that one" },
        { OP_make_cgroup, EDEADLK, ANYBODY,
          "thaw it or remove it: what is started in it would never run" },
        { OP_make_group, EBUSY, ANYBODY,
          "another container's of this id, or an administrator's: name it by closID to share it" },
        { OP_make_group, ENOSPC, ANYBODY,
          "the hardware has no more classes or monitors: remove one" },
        { OP_make_group, ENOENT, ANYBODY, "this hardware has no monitoring" },
        { OP_share_group, ENOSPC, ANYBODY,
          "the hardware has no more classes: share or remove one" },
        { OP_share_group, EEXIST, ANYBODY,
          "who shares a group takes it as it is: leave out the schemata, or choose another closID" },
        { OP_share_group, ENOENT, ANYBODY,
          "a closID without schemata is one that exists: make it, or say what it should have" },
        { OP_set_cgroup, ENOSYS, ANYBODY,
          "the kernel lacks it, or its controller is not given to this cgroup: then its parent has "
          "processes of its own, or does not have the controller either (cgroup.subtree_control)" },
        { OP_set_cgroup, EACCES, ANYBODY,
          "a cgroup can have only what its parent has: fewer CPUs, memory nodes or devices" },
        { OP_set_cgroup, EPERM, ANYBODY,
          "a cgroup can have only what its parent has: fewer CPUs, memory nodes or devices" },
        { OP_set_cgroup, EOPNOTSUPP, ANYBODY,
          "the kernel does not do this here: the device may have another I/O scheduler" },
        { OP_set_cgroup, ENODEV, ANYBODY, "this host has no such device" },
        { OP_set_cgroup_pair, EINVAL, ANYBODY, "the kernel does not take these values" },
        { OP_set_cgroup_pair, EBUSY, ANYBODY, "the value is below what is in use already" },
        { OP_set_cgroup_pair, ENOENT, ANYBODY,
          "this kernel was started without one of the two: swapaccount=1 may help" },
        { OP_spawn, EOPNOTSUPP, ANYBODY,
          "the cgroup is in a threaded subtree, in which no container can be: choose another "
          "cgroupsPath" },
        { OP_set_cgroup, ERANGE, ANYBODY,
          "the number is more than this host has (CPUs, memory nodes) or the kernel takes" },
        { OP_set_cgroup, EINVAL, ANYBODY, "the kernel does not take this value" },
        { OP_set_cgroup, EBUSY, ANYBODY, "the value is below what is in use already" },
        { OP_open_fs, ENODEV, ANYBODY,
          "the kernel module of that file system may have to be loaded "
          "with modprobe(8)" },
        { OP_serve_overlay, ENOENT, ANYBODY,
          "the container's root was made with this program: install it again (the package fuse-overlayfs)" },
        { OP_open_fuse, ENOENT, ANYBODY,
          "fuse-overlayfs needs /dev/fuse: the kernel module fuse may have to be loaded with modprobe(8)" },
        { OP_open_fuse, EACCES, ANYBODY,
          "fuse-overlayfs needs /dev/fuse, which is usually open to all" },
        { OP_make_mount, EINVAL, ANYBODY,
          "for an overlay this often means that the file system of the store cannot hold an upper "
          "layer: give --root on another one; or that what lies below is two overlays already, on "
          "which the kernel puts no third" },
        { OP_make_layered, EINVAL, ANYBODY,
          "often the file system of the store cannot hold an upper layer: give --root on another "
          "one" },
        { OP_make_mount, EPERM, USER,
          "ordinary users can mount only some file systems, and only in a "
          "user namespace" },
        { OP_clone_tree, ENOENT, ANYBODY, "the source of a bind mount must exist on the host" },
        { OP_clone_tree, EINVAL, ANYBODY,
          "what is mounted below the source is locked in this user namespace, or it is unbindable: "
          "use rbind for the former" },
        { OP_borrow_mount, EMEDIUMTYPE, ANYBODY,
          "there is no memory to share then: mount something of this container's own there" },
        { OP_borrow_mount, ENOENT, ANYBODY,
          "there is no memory to share then: mount something of this container's own there" },
        { OP_borrow_mount, EPERM, ANYBODY,
          "taking another process's mount needs CAP_SYS_ADMIN in the user namespace that owns it" },
        { OP_set_mount, EPERM, ANYBODY,
          "the mount came from another user namespace, which locked a flag: leave out the word "
          "that takes it away" },
        { OP_map_mount, EPERM, ANYBODY,
          "mapping the ids of a mount needs CAP_SYS_ADMIN over its file system" },
        { OP_make_idmap, EPERM, USER, "an ordinary user may map only its own uid and gid" },
        { OP_make_node, EPERM, ROOT,
          "making a device needs CAP_MKNOD, and on cgroup v2 no cgroup above may deny the device "
          "either: who made those may have closed it" },
        { OP_attach, ENOTCONN, ANYBODY,
          "the program that serves the root has ended: started by hand it says why" },
        { OP_attach, ECONNABORTED, ANYBODY,
          "the program that serves the root has ended: started by hand it says why" },
        { OP_attach, ENOENT, ANYBODY, "the mount point does not exist and could not be made" },
        { OP_attach, EROFS, ANYBODY,
          "the mount point does not exist, and the root it would be made "
          "in is read-only" },
        { OP_attach, ELOOP, ANYBODY,
          "replace the symbolic link in the root file system by a real "
          "directory" },
        { OP_attach, ENOSPC, ANYBODY,
          "the mount namespace would hold more mounts than the sysctl fs.mount-max allows: is the "
          "source of a recursive bind mount above the root file system?" },
        { OP_set_fs, EACCES, USER,
          "in a user namespace the mapped ids must get to the layers: map your own, too, which "
          "--uidmap 0:UID:1 does" },
        { OP_open_path, EACCES, ANYBODY,
          "in a user namespace the mapped ids must get there: each directory above needs the "
          "right to search (x) for them" },
        { OP_open_path, ENOENT, ANYBODY, "the directory must exist before the container is made" },
        { OP_set_rlimit, EPERM, ANYBODY,
          "raising a hard limit needs CAP_SYS_RESOURCE on the host" },
        { OP_set_self, EACCES, ANYBODY,
          "an oom_score_adj below that of the caller needs CAP_SYS_RESOURCE on the host" },
        { OP_move_link, EPERM, ANYBODY,
          "moving a network interface needs CAP_NET_ADMIN on the host" },
        { OP_move_link, EINVAL, ANYBODY,
          "some interfaces are bound to their namespace: see netns-local in ethtool -k" },
        { OP_set_label, ENOENT, ANYBODY,
          "apparmor_parser -r FILE loads a profile; aa-status lists those that are there" },
        { OP_set_label, EINVAL, ANYBODY, "the policy that is loaded does not know this label" },
        { OP_set_label, EACCES, ANYBODY,
          "the policy does not allow husk to give this label to another program" },
        { OP_allow_path, ENOENT, ANYBODY,
          "a rule for a path that may be missing has a '?' behind its kind, like ro?:/opt" },
        { OP_set_scheduler, EPERM, ANYBODY,
          "real-time and deadline scheduling and a lower nice value need CAP_SYS_NICE on the host; "
          "on cgroup v1 real time also needs cpu.rt_runtime_us for the cgroup" },
        { OP_set_scheduler, EBUSY, ANYBODY,
          "the deadlines of this host's processes leave no room for this one" },
        { OP_set_io_priority, EPERM, ANYBODY,
          "the real-time class needs CAP_SYS_ADMIN or CAP_SYS_NICE on the host" },
        { OP_set_affinity, EINVAL, ANYBODY,
          "none of these CPUs is there, or none is in the container's cpuset" },
        { OP_set_memory_policy, EINVAL, ANYBODY,
          "none of these nodes is in the container's cpuset, or this kernel does not know the mode "
          "or a flag" },
        { OP_set_groups, EPERM, ANYBODY,
          "in a user namespace groups can be set only when a range of "
          "gids is mapped" },
        { OP_set_ids, EINVAL, ANYBODY,
          "the uid or gid is not mapped into the container's user "
          "namespace" },
        { OP_set_proc, ENOENT, ANYBODY,
          "this kernel has no such parameter in a namespace of its own, or the module that has it is "
          "not loaded" },
        { OP_set_proc, EACCES, ANYBODY,
          "the sysctl belongs to a namespace that the container does "
          "not own" },
        { OP_load_seccomp, EACCES, ANYBODY,
          "without CAP_SYS_ADMIN a filter needs noNewPrivileges" },
        { OP_load_seccomp, EINVAL, ANYBODY,
          "this kernel does not know an action or a flag of the "
          "profile" },
        { OP_find_program, ENOENT, ANYBODY,
          "names without a slash are looked up in PATH of the "
          "container's environment" },
        { OP_await_criu, ECONNRESET, ANYBODY,
          "it does so when an image is missing or damaged, or when somebody killed it" },
        { -1, ECONNRESET, ANYBODY,
          "somebody killed it, or the kernel did for want of memory: a memory limit of 512k is "
          "enough for the set-up" },
        { -1, EMFILE, ANYBODY, "the limit of open files is reached: ulimit -n" },
        { -1, ENFILE, ANYBODY, "the host's limit of open files is reached: sysctl fs.file-max" },
        { -1, ENOSPC, ANYBODY, "a file system is full" },
        { -1, ENOMEM, ANYBODY, "the host or our cgroup is out of memory" },
        { -1, EPERM, USER, "this operation needs root" },
};

void runtime_hint(const struct op *op, int error)
{
        enum who we = geteuid() == 0 ? ROOT : USER;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[i].op != -1 && (!op || rows[i].op != op->code))
                        continue;
                if (rows[i].error != -error || (rows[i].who != ANYBODY && rows[i].who != we))
                        continue;
                trail_hint("%s", rows[i].hint);
                return;
        }
}
