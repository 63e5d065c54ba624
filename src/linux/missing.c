/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: calls for which there is no second way that is as safe. Whoever lacks one is told
 * its name; "Function not implemented" alone says nothing. */
#include "linux.h"

#include <errno.h>

int missing_hint(int error, const char *call, const char *since)
{
        if (error == -ENOSYS)
                trail_hint(
                        "there is no safe way without %s, since Linux %s: this kernel is older, or "
                        "the seccomp profile around us must allow it",
                        call, since);
        return error;
}
