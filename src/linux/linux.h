/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of linux: the only room with raw system calls. One file a kernel door, named as
 * the man page's noun. Every function returns 0 or a value >= 0, or a negative errno; handles
 * EINTR; opens close-on-exec. No policy, no defaults, no printing. All of it is child-safe (usable
 * between clone and exec) unless it says otherwise: no malloc, no stdio, no locks. */
#pragma once

#include "autopsy.h"
#include "base/base.h"
#include "caps.h"
#include "capture.h"
#include "cgroup.h"
#include "child.h"
#include "confine.h"
#include "copy.h"
#include "devices.h"
#include "elffile.h"
#include "file.h"
#include "freezer.h"
#include "holes.h"
#include "idmap.h"
#include "landlock.h"
#include "lock.h"
#include "lsm.h"
#include "members.h"
#include "missing.h"
#include "mount.h"
#include "namespace.h"
#include "netlink.h"
#include "notify.h"
#include "oom.h"
#include "process.h"
#include "pty.h"
#include "reaper.h"
#include "resctrl.h"
#include "rootpath.h"
#include "sched.h"
#include "seccomp.h"
#include "selfproc.h"
#include "serve.h"
#include "socket.h"
#include "systemd.h"
#include "tasks.h"
#include "tree.h"

#include <sys/types.h>
