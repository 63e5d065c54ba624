/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include "base/base.h"

#include <ftw.h>

static size_t counted;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)path;
        (void)st;
        (void)type;
        (void)ftw;
        counted++;
        return 0;
}

size_t files_count(const char *path)
{
        counted = 0;
        nftw(path, count_one, 16, FTW_PHYS | FTW_MOUNT);
        return counted;
}

int error_named(const char *name)
{
        if (text_equal(name, "KILL"))
                return 0;
        for (int error = 1; error < 140; error++)
                if (text_equal(text_errno_name(error), name))
                        return error;
        return -1;
}
