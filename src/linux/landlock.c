/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the three system calls of Landlock and its probe.
 *
 * The structures and bits are written out here: the headers of the oldest system that husk is built
 * on end at ABI 2. A kernel takes a structure that is longer than its own as long as the rest is
 * zero, so one size serves all. */
#include "linux.h"

#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

enum {
        CREATE_RULESET = 444,
        ADD_RULE = 445,
        RESTRICT_SELF = 446,
        ASK_VERSION = 1,
        RULE_PATH = 1,
        RULE_PORT = 2,
};

struct ruleset_attr {
        uint64_t files, ports;
};

struct path_attr {
        uint64_t access;
        int32_t fd;
} __attribute__((packed));

struct port_attr {
        uint64_t access, port;
};

int landlock_abi(void)
{
        long version = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);

        return version < 0 ? 0 : (int)version;
}

uint64_t landlock_known(int abi)
{
        uint64_t known = abi < 1 ? 0 : LANDLOCK_FILES_ALL;

        if (abi < 2)
                known &= ~(uint64_t)LANDLOCK_REFER;
        if (abi < 3)
                known &= ~(uint64_t)LANDLOCK_TRUNCATE;
        if (abi < 5)
                known &= ~(uint64_t)LANDLOCK_IOCTL_DEV;
        return known;
}

int landlock_make(uint64_t files, uint64_t ports)
{
        struct ruleset_attr attr = { files, ports };
        long fd = syscall(CREATE_RULESET, &attr, sizeof attr, 0);

        return fd < 0 ? -errno : (int)fd;
}

static int done(long result)
{
        return result < 0 ? missing_hint(-errno, "landlock(7)", "5.13") : 0;
}

int landlock_allow_path(int ruleset, int fd, uint64_t access)
{
        const uint64_t of_files = LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE |
                                  LANDLOCK_TRUNCATE | LANDLOCK_IOCTL_DEV;
        struct path_attr attr = { .access = access, .fd = fd };
        struct stat st;

        if (syscall(ADD_RULE, ruleset, RULE_PATH, &attr, 0) == 0)
                return 0;
        /* A file takes no rights of a directory; nearly all that comes here is a directory. */
        if (errno != EINVAL || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
                return done(-1);
        attr.access &= of_files;
        return done(syscall(ADD_RULE, ruleset, RULE_PATH, &attr, 0));
}

int landlock_allow_port(int ruleset, uint16_t port, uint64_t access)
{
        struct port_attr attr = { access, port };

        return done(syscall(ADD_RULE, ruleset, RULE_PORT, &attr, 0));
}

int landlock_restrict(int ruleset)
{
        return done(syscall(RESTRICT_SELF, ruleset, 0));
}
