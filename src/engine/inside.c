/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: work on files that belong to the ids of a user namespace: done there by a process of its own,
 * which hands over its result in memory that both share. */
#include "image.h"

#include <string.h>

#include <sys/mman.h>

enum {
        RESULT_MAX = 256
};

struct inside {
        inside_work *work;
        void *context, *result;
};

static int run(void *context)
{
        const struct inside *inside = context;

        return inside->work(inside->context, inside->result);
}

int inside_run(
        const struct idmap *map, inside_work *work, void *context, void *ret_result, size_t size)
{
        struct inside inside = { .work = work, .context = context };
        int r;

        if (!map)
                return work(context, ret_result);
        if (size > RESULT_MAX)
                return -E2BIG;
        inside.result =
                mmap(NULL, RESULT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (inside.result == MAP_FAILED)
                return trail(-errno, "cannot share memory: %m");
        r = idmap_run(map, run, &inside);
        if (r < 0 && !*trail_text())
                trail(r, "cannot work in a user namespace: %s", text_errno(r));
        if (size)
                memcpy(ret_result, inside.result, size);
        munmap(inside.result, RESULT_MAX);
        return r;
}
