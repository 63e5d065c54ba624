/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: labels for the next exec.
 *
 * Both modules take them from /proc/self/attr. AppArmor has a directory of its own there since Linux
 * 5.8; before that, attr/exec is the one's that is there. */
#include "linux.h"

#include <fcntl.h>
#include <string.h>

enum {
        MAGIC_SELINUX = 0xf97cff8c
};

bool lsm_has_apparmor(void)
{
        char answer[8];
        ssize_t n = file_get(
                AT_FDCWD, "/sys/module/apparmor/parameters/enabled", answer, sizeof answer);

        return n > 0 && answer[0] == 'Y';
}

bool lsm_has_selinux(void)
{
        return file_magic_at("/sys/fs/selinux") == (int64_t)MAGIC_SELINUX;
}

int lsm_label_apparmor(const char *profile)
{
        char words[1024];
        int r;

        if (text_format(words, sizeof words, "exec %s", profile) >= sizeof words)
                return -ENAMETOOLONG;
        r = selfproc_put("attr/apparmor/exec", words);
        return r == -ENOENT ? selfproc_put("attr/exec", words) : r;
}

int lsm_label_selinux(const char *context)
{
        return selfproc_put("attr/exec", context);
}
