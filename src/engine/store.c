/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the engine's containers on disk.
 *
 * One directory a container, ROOT/containers/ID: the runtime's journal and the writable layers. A
 * name is a member of the journal's header; looking one up reads the headers, which for the number
 * of containers on one machine costs less than an index that can be wrong. */
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>

const char *store_absolute(struct arena *arena, const char *path)
{
        char where[4096];

        if (path[0] == '/' || !getcwd(where, sizeof where) || where[0] != '/')
                return path;
        return arena_format(arena, "%s/%s", text_equal(where, "/") ? "" : where, path);
}

const char *store_containers(struct arena *arena, const struct engine_options *options)
{
        const char *root = store_absolute(arena, options->root);
        char *path = arena_string(arena, root);
        int64_t magic = file_magic_at(path);

        while (magic == -ENOENT && strrchr(path, '/') > path) {
                *strrchr(path, '/') = '\0';
                magic = file_magic_at(path);
        }
        if (magic == -ENOENT)
                magic = file_magic_at("/");
        return arena_format(
                arena, "%s/containers",
                magic == MAGIC_OVERLAY ? store_absolute(arena, options->runroot) : root);
}

WORDS store_words(struct arena *arena, const char *word)
{
        const char **items = arena_array(arena, 2, sizeof *items);

        items[0] = word;
        items[1] = NULL;
        return (WORDS){ items, 1 };
}

void record_encode(const struct record *record, struct text *out)
{
        struct json_writer w = { .out = out };

        json_open_object(&w, NULL);
        json_put_string(&w, "name", record->name);
        json_put_string(&w, "image", record->image);
        if (record->image_id)
                json_put_string(&w, "imageId", record->image_id);
        if (record->seccomp)
                json_put_string(&w, "seccomp", record->seccomp);
        json_put_bool(&w, "remove", record->remove);
        if (record->stop_signal)
                json_put_i64(&w, "stopSignal", record->stop_signal);
        if (record->stop_timeout_s != STOP_TIMEOUT_UNSET)
                json_put_i64(&w, "stopTimeout", record->stop_timeout_s);
        json_open_array(&w, "labels");
        for (size_t i = 0; i < record->labels.n; i++)
                json_put_string(&w, NULL, record->labels.items[i]);
        json_close_array(&w);
        json_open_array(&w, "overlays");
        for (size_t i = 0; i < record->n_overlays; i++) {
                if (record->overlays[i].read_only)
                        continue; /* nothing is written there */
                json_open_object(&w, NULL);
                json_put_string(&w, "target", record->overlays[i].target);
                json_open_array(&w, "lower");
                for (size_t k = 0; k < record->overlays[i].lower.n; k++)
                        json_put_string(&w, NULL, record->overlays[i].lower.items[k]);
                json_close_array(&w);
                json_put_string(&w, "upper", record->overlays[i].upper);
                json_close_object(&w);
        }
        json_close_array(&w);
        json_open_array(&w, "own");
        for (size_t i = 0; i < record->n_own; i++) {
                json_open_object(&w, NULL);
                json_put_string(&w, "target", record->own[i].target);
                json_put_string(&w, "path", record->own[i].path);
                json_put_bool(&w, "file", record->own[i].content != NULL);
                json_close_object(&w);
        }
        json_close_array(&w);
        json_close_object(&w);
}

static const char *or_empty(const char *string)
{
        return string ? string : "";
}

/* An array of paths, or a path alone. */
static WORDS decode_paths(struct arena *arena, const struct json *from)
{
        bool list = from && from->kind == JSON_ARRAY;
        size_t n = list ? from->n : 1;
        const char **items = arena_array(arena, n + 1, sizeof *items);

        for (size_t i = 0; i < n; i++)
                items[i] = or_empty(json_string(list ? &from->items[i] : from));
        return (WORDS){ items, n };
}

static void decode_own(struct arena *arena, const struct json *list, struct record *record)
{
        if (!list || list->kind != JSON_ARRAY)
                return;
        record->own = arena_array(arena, list->n + 1, sizeof *record->own);
        for (; record->n_own < list->n; record->n_own++) {
                const struct json *from = &list->items[record->n_own];
                const struct json *file = json_member(from, "file");

                record->own[record->n_own] = (struct runtime_own){
                        .target = or_empty(json_string(json_member(from, "target"))),
                        .path = or_empty(json_string(json_member(from, "path"))),
                        .content = file && file->boolean ? "" : NULL,
                };
        }
}

void record_decode(struct arena *arena, const struct container *container, struct record *ret)
{
        const struct json *engine = json_member(container->header, "engine");
        const struct json *labels = json_member(engine, "labels");
        const struct json *overlays = json_member(engine, "overlays");
        int64_t stop_signal;
        struct record record = {
                .name = or_empty(json_string(json_member(engine, "name"))),
                .image = or_empty(json_string(json_member(engine, "image"))),
                .image_id = json_string(json_member(engine, "imageId")),
                .seccomp = json_string(json_member(engine, "seccomp")),
                .remove = json_member(engine, "remove") && json_member(engine, "remove")->boolean,
                .stop_timeout_s = STOP_TIMEOUT_UNSET,
        };

        if (json_i64(json_member(engine, "stopSignal"), &stop_signal) == 0 && stop_signal > 0 &&
            stop_signal <= 64)
                record.stop_signal = (int)stop_signal;
        if (json_i64(json_member(engine, "stopTimeout"), &record.stop_timeout_s) < 0)
                record.stop_timeout_s = STOP_TIMEOUT_UNSET;

        if (labels && labels->kind == JSON_ARRAY) {
                record.labels.items = arena_array(arena, labels->n + 1, sizeof(char *));
                for (; record.labels.n < labels->n; record.labels.n++)
                        record.labels.items[record.labels.n] =
                                or_empty(json_string(&labels->items[record.labels.n]));
        }
        if (overlays && overlays->kind == JSON_ARRAY) {
                record.overlays = arena_array(arena, overlays->n + 1, sizeof *record.overlays);
                for (; record.n_overlays < overlays->n; record.n_overlays++) {
                        const struct json *from = &overlays->items[record.n_overlays];

                        record.overlays[record.n_overlays] = (struct runtime_overlay){
                                .target = or_empty(json_string(json_member(from, "target"))),
                                .lower = decode_paths(arena, json_member(from, "lower")),
                                .upper = or_empty(json_string(json_member(from, "upper"))),
                        };
                }
        }
        decode_own(arena, json_member(engine, "own"), &record);
        *ret = record;
}

static bool is_hex(const char *name)
{
        return *name && name[strspn(name, "0123456789abcdef")] == '\0';
}

/* Among the ids, the one whose container has that name; NULL: none. */
static const char *find_name(
        struct arena *arena, const char *containers, const char **ids, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++) {
                struct container container;
                struct record record;

                if (container_open(arena, containers, ids[i], false, &container) < 0) {
                        trail_reset();
                        continue;
                }
                record_decode(arena, &container, &record);
                container_close(&container);
                if (text_equal(record.name, name))
                        return ids[i];
        }
        return NULL;
}

const char *store_find_name(struct arena *arena, const char *containers, const char *name)
{
        const char **ids;
        size_t n;

        if (container_list(arena, containers, &ids, &n) < 0) {
                trail_reset();
                return NULL;
        }
        return find_name(arena, containers, ids, n, name);
}

int store_find(struct arena *arena, const char *containers, const char *name, const char **ret_id)
{
        const char *named;
        const char **ids, *prefix = NULL;
        size_t n, matches = 0;
        int r = container_list(arena, containers, &ids, &n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (text_equal(ids[i], name)) {
                        *ret_id = ids[i];
                        return 0;
                }
                if (is_hex(name) && text_starts(ids[i], name)) {
                        prefix = ids[i];
                        matches++;
                }
        }
        named = find_name(arena, containers, ids, n, name);
        if (named) {
                *ret_id = named;
                return 0;
        }
        if (matches > 1)
                return trail(-EEXIST, "'%s' is the beginning of %zu container ids", name, matches);
        if (matches == 0) {
                trail_hint("`husk ps -a` lists them");
                return trail(-ENOENT, "container '%s' does not exist", name);
        }
        *ret_id = prefix;
        return 0;
}

int store_open(
        struct arena *arena, const struct engine_options *options, const char *name, bool lock,
        struct container *ret_container)
{
        const char *containers = store_containers(arena, options);
        const char *id;
        int r = store_find(arena, containers, name, &id);

        return r < 0 ? r : container_open(arena, containers, id, lock, ret_container);
}

const char *store_new_id(struct arena *arena)
{
        unsigned char bytes[32];
        struct text id = { .arena = arena };

        if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
                memset(bytes, 0, sizeof bytes); /* an id that is taken is refused later */
        for (size_t i = 0; i < sizeof bytes; i++)
                text_addf(&id, "%02x", bytes[i]);
        return text_string(&id);
}

const char *store_default_name(struct arena *arena, const char *id)
{
        static const char *const how[] = { "amber", "brisk", "calm",  "dusty", "eager", "fair",
                                           "green", "hazel", "ivory", "jolly", "keen",  "lunar",
                                           "mild",  "noble", "olive", "plain" };
        static const char *const what[] = { "acorn", "barley", "cedar", "daisy",   "elm",  "fern",
                                            "grain", "hemp",   "iris",  "juniper", "kelp", "linden",
                                            "maize", "nettle", "oat",   "pine" };
        unsigned bits[2] = { 0, 0 };

        for (int i = 0; i < 2; i++)
                bits[i] = (unsigned)(id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10) & 15U;
        return arena_format(arena, "%s_%s_%.4s", how[bits[0]], what[bits[1]], id + 2);
}
