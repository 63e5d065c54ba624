/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: work on files that belong to the ids of a user namespace: done there by a process of its own,
 * which hands over its result, its trail and its warnings in memory that both share. */
#include "image.h"

#include <string.h>

#include <sys/mman.h>

struct shared {
        char trail[1024], hint[512], warnings[2048];
        _Alignas(16) char result[256];
};

struct inside {
        inside_work *work;
        void *context;
        struct shared *shared;
};

static int run(void *context)
{
        const struct inside *inside = context;
        struct shared *shared = inside->shared;
        int r = inside->work(inside->context, shared->result);

        text_format(shared->trail, sizeof shared->trail, "%s", trail_text());
        text_format(shared->hint, sizeof shared->hint, "%s", trail_hint_text());
        text_format(shared->warnings, sizeof shared->warnings, "%s", trail_warnings());
        return r;
}

static void take_words(const struct shared *shared)
{
        const char *line = shared->warnings, *end;

        for (; (end = strchr(line, '\n')); line = end + 1)
                trail_warn("%.*s", (int)(end - line), line);
        if (*shared->hint)
                trail_hint("%s", shared->hint);
        if (*shared->trail)
                trail(0, "%s", shared->trail);
}

int inside_run(
        const struct idmap *map, inside_work *work, void *context, void *ret_result, size_t size)
{
        struct inside inside = { .work = work, .context = context };
        int r;

        if (!map)
                return work(context, ret_result);
        if (size > sizeof inside.shared->result)
                return -E2BIG;
        inside.shared =
                mmap(NULL, sizeof *inside.shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (inside.shared == MAP_FAILED)
                return trail(-errno, "cannot share memory: %m");
        r = idmap_run(map, run, &inside);
        take_words(inside.shared);
        if (r < 0 && !*trail_text())
                trail(r, "cannot work in a user namespace: %s", text_errno(r));
        if (size)
                memcpy(ret_result, inside.shared->result, size);
        munmap(inside.shared, sizeof *inside.shared);
        return r;
}
