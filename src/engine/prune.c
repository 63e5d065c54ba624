/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk container prune`: containers that do not run, of which those that the filters let pass. Each
 * is looked at without its lock, and again with it, since it may have been started meanwhile. One that is being made is
 * none that has ended. */
#include "image.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct pruning {
        struct arena *arena;
        const struct prune_request *request;
        const char *containers;
        int dir;
        const struct idmap *map; /* of an ordinary user's */
        struct text *out;
        uint64_t bytes;
};

static struct spec_map labels_of(struct arena *arena, const struct record *record)
{
        struct spec_map map = { .items = arena_array(
                                        arena, record->labels.n + 1, sizeof *map.items) };

        for (size_t i = 0; i < record->labels.n; i++)
                map.items[map.n++] = store_split_label(arena, record->labels.items[i]);
        return map;
}

/* 1, 0, or a negative errno. */
static int passes_one(
        struct arena *arena, const char *words, const struct spec_map *labels, int64_t created_s)
{
        uint64_t ns;
        int r;

        if (text_starts(words, "label="))
                return filter_label(labels, words + strlen("label="));
        if (text_starts(words, "label!="))
                return !filter_label(labels, words + strlen("label!="));
        if (text_starts(words, "until=")) {
                r = filter_time(arena, "--filter", words + strlen("until="), &ns);
                return r < 0 ? r : (uint64_t)created_s < ns / 1000000000;
        }
        trail_hint("filters are until=TIME, label=KEY[=VALUE] and label!=KEY[=VALUE]");
        return trail(-EINVAL, "--filter: '%.200s' is none that is known", words);
}

static int passes(const struct pruning *pruning, const struct container *container)
{
        const struct words *filter = &pruning->request->filter;
        struct record record;
        struct spec_map labels;
        int r = 1;

        if (container->status != CONTAINER_STOPPED)
                return 0;
        record_decode(pruning->arena, container, &record);
        labels = labels_of(pruning->arena, &record);
        for (size_t i = 0; r > 0 && i < filter->n; i++)
                r = passes_one(
                        pruning->arena, filter->items[i], &labels,
                        store_parse_time(container->created));
        return r;
}

static int remove_locked(struct pruning *pruning, const char *id)
{
        struct container container;
        uint64_t bytes = 0;
        int r = container_open(pruning->arena, pruning->containers, id, true, &container);

        if (r < 0)
                return r;
        r = passes(pruning, &container);
        if (r > 0) {
                r = container_hide(pruning->arena, &container);
                if (r == 0)
                        r = usage_of(pruning->map, pruning->dir, id, &bytes);
                if (r == 0)
                        r = container_remove(pruning->arena, &container);
                if (r == 0) {
                        pruning->bytes += bytes;
                        text_addf(pruning->out, "%s\n", id);
                }
        }
        container_close(&container);
        return r < 0 ? r : 0;
}

/* What cannot be read, or is gone by now, does not keep the others. */
static void prune_one(struct pruning *pruning, const char *id)
{
        struct container container;
        int r = container_open_listed(
                pruning->arena, pruning->containers, pruning->dir, id, &container);

        if (r == 0) {
                r = passes(pruning, &container);
                container_close(&container);
                if (r > 0)
                        r = remove_locked(pruning, id);
        }
        if (r < 0 && r != -ENOENT)
                trail_warn("%s", trail_text());
        trail_reset();
}

int engine_container_prune(
        const struct prune_request *request, struct text *out, uint64_t *ret_bytes)
{
        struct pruning pruning = { .arena = out->arena, .request = request, .out = out };
        const struct spec_map none = { 0 };
        auto_close dir = NO_FD;
        const char **ids;
        size_t n;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < request->filter.n; i++)
                r = passes_one(out->arena, request->filter.items[i], &none, 0);
        if (r < 0)
                return r;
        pruning.containers = store_containers(out->arena, &request->engine);
        r = container_list(out->arena, pruning.containers, &ids, &n);
        if (r < 0)
                return r;
        pruning.map = image_ids(out->arena);
        dir = file_open(AT_FDCWD, pruning.containers, O_RDONLY | O_DIRECTORY, 0);
        pruning.dir = dir;
        for (size_t i = 0; i < n; i++)
                prune_one(&pruning, ids[i]);
        *ret_bytes = pruning.bytes;
        return 0;
}
