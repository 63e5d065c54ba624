/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Security modules that give processes a label: AppArmor and SELinux. */

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);
/* The label that the next exec of the calling process gets: a profile of AppArmor, a context of
 * SELinux. Written to /proc/self/attr, see selfproc.h. -ENOENT: no such profile is loaded;
 * -EINVAL: the policy does not know the context. */
int lsm_label_apparmor(const char *profile);
int lsm_label_selinux(const char *context);
