/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of cgroups only. */
#pragma once

#include "linux.h"

/* 0 when it is on a cgroupfs, -ENOTTY when not. */
int cgroup_check(int fd);
/* Where the kernel is late and there is nothing to be told by. */
void cgroup_nap(long ms);
