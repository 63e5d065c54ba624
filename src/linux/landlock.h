/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Landlock, landlock(7): a process gives up rights on files and TCP ports, for itself and all that
 * come from it. Since Linux 5.13; what came later is told by the version of its ABI. */

enum landlock_files {
        LANDLOCK_EXECUTE = 1 << 0,
        LANDLOCK_WRITE_FILE = 1 << 1,
        LANDLOCK_READ_FILE = 1 << 2,
        LANDLOCK_READ_DIR = 1 << 3,
        LANDLOCK_REMOVE_DIR = 1 << 4,
        LANDLOCK_CHANGE_DIR = 0x1ff0, /* remove and make entries of all kinds: nine bits */
        LANDLOCK_REFER = 1 << 13,     /* ABI 2: link and rename between directories */
        LANDLOCK_TRUNCATE = 1 << 14,  /* ABI 3 */
        LANDLOCK_IOCTL_DEV = 1 << 15, /* ABI 5 */
        LANDLOCK_FILES_ALL = 0xffff,
};

enum landlock_ports { /* ABI 4 */
        LANDLOCK_BIND = 1 << 0,
        LANDLOCK_CONNECT = 1 << 1,
};

/* The version of the ABI; 0 where there is no Landlock or it is switched off. */
int landlock_abi(void);
/* The rights on files that an ABI knows. */
uint64_t landlock_known(int abi);
/* A set of rules for these rights: what no rule allows of them will be denied. A descriptor. */
int landlock_make(uint64_t files, uint64_t ports);
/* Allow rights below what `fd` (O_PATH) is open on; of a file, those that files have. */
int landlock_allow_path(int ruleset, int fd, uint64_t access);
int landlock_allow_port(int ruleset, uint16_t port, uint64_t access);
/* From here on. Needs no_new_privs or CAP_SYS_ADMIN: -EPERM. -E2BIG after 16 layers. */
int landlock_restrict(int ruleset);
