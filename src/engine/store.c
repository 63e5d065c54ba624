/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the engine's containers on disk.
 *
 * One directory a container, ROOT/containers/ID: the runtime's journal and the writable layers. A
 * name is a member of the journal's header; looking one up reads the headers, which for the number
 * of containers on one machine costs less than an index that can be wrong. */
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/random.h>

const char *store_absolute(struct arena *arena, const char *path)
{
        char where[4096];

        if (path[0] == '/' || !getcwd(where, sizeof where) || where[0] != '/')
                return path;
        return arena_format(arena, "%s/%s", text_equal(where, "/") ? "" : where, path);
}

bool engine_uses_runroot(struct arena *arena, const struct engine_options *options)
{
        char *path = arena_string(arena, store_absolute(arena, options->root));
        int64_t magic = file_magic_at(path);

        while (magic == -ENOENT && strrchr(path, '/') > path) {
                *strrchr(path, '/') = '\0';
                magic = file_magic_at(path);
        }
        if (magic == -ENOENT)
                magic = file_magic_at("/");
        return magic == MAGIC_OVERLAY;
}

const char *store_containers(struct arena *arena, const struct engine_options *options)
{
        return arena_format(
                arena, "%s/containers",
                store_absolute(
                        arena,
                        engine_uses_runroot(arena, options) ? options->runroot : options->root));
}

WORDS store_words(struct arena *arena, const char *word)
{
        const char **items = arena_array(arena, 2, sizeof *items);

        items[0] = word;
        items[1] = NULL;
        return (WORDS){ items, 1 };
}

int64_t store_parse_time(const char *text)
{
        struct tm tm = { 0 };
        time_t when = text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;

        return when > 0 ? when : 0;
}

const char *store_format_time(struct arena *arena, int64_t seconds)
{
        time_t when = (time_t)seconds;
        char words[32] = "";
        struct tm tm;

        if (gmtime_r(&when, &tm))
                strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%SZ", &tm);
        return arena_string(arena, words);
}

struct spec_pair store_split_label(struct arena *arena, const char *label)
{
        size_t size = strcspn(label, "=");

        return (struct spec_pair){ arena_copy(arena, label, size),
                                   label[size] ? label + size + 1 : "" };
}

struct runtime_options record_options(
        struct arena *arena, const struct record *record, const char *id, const char *state)
{
        return (struct runtime_options){
                .id = id,
                .bundle = state,
                .attach_point = state,
                .overlays = record->overlays,
                .n_overlays = record->n_overlays,
                .links = record->links,
                .n_links = record->n_links,
                .own = record->own,
                .n_own = record->n_own,
                .own_dir = record->n_own ? arena_format(arena, "%s/own", state) : NULL,
                .mount_program = record->mount_program,
                .map_root = record->map_root,
        };
}

/* What only a later start needs. */
static void encode_roots(const struct record *record, struct json_writer *w)
{
        if (record->map_root)
                json_put_bool(w, "mapRoot", true);
        if (record->mount_program)
                json_put_string(w, "mountProgram", record->mount_program);
        if (record->n_links) {
                json_open_array(w, "links");
                for (size_t i = 0; i < record->n_links; i++) {
                        json_open_object(w, NULL);
                        json_put_string(w, "path", record->links[i].path);
                        json_put_string(w, "target", record->links[i].target);
                        json_close_object(w);
                }
                json_close_array(w);
        }
        if (record->joined.n) {
                json_open_array(w, "joined");
                for (size_t i = 0; i < record->joined.n; i++) {
                        json_open_object(w, NULL);
                        json_put_string(w, "id", record->joined.items[i].id);
                        json_put_i64(w, "pid", record->joined.items[i].pid);
                        json_close_object(w);
                }
                json_close_array(w);
        }
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
                const struct runtime_overlay *overlay = &record->overlays[i];

                json_open_object(&w, NULL);
                json_put_string(&w, "target", overlay->target);
                if (overlay->read_only)
                        json_put_bool(&w, "readOnly", true);
                if (overlay->make_lower)
                        json_put_bool(&w, "makeLower", true);
                if (overlay->mode)
                        json_put_i64(&w, "mode", overlay->mode);
                if (overlay->work)
                        json_put_string(&w, "work", overlay->work);
                json_open_array(&w, "lower");
                for (size_t k = 0; k < overlay->lower.n; k++)
                        json_put_string(&w, NULL, overlay->lower.items[k]);
                json_close_array(&w);
                if (overlay->upper)
                        json_put_string(&w, "upper", overlay->upper);
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
        encode_roots(record, &w);
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

static bool decode_flag(const struct json *from, const char *name)
{
        const struct json *flag = json_member(from, name);

        return flag && flag->boolean;
}

static void decode_overlays(struct arena *arena, const struct json *list, struct record *record)
{
        if (!list || list->kind != JSON_ARRAY)
                return;
        record->overlays = arena_array(arena, list->n + 1, sizeof *record->overlays);
        for (; record->n_overlays < list->n; record->n_overlays++) {
                const struct json *from = &list->items[record->n_overlays];
                uint64_t mode;

                record->overlays[record->n_overlays] = (struct runtime_overlay){
                        .target = or_empty(json_string(json_member(from, "target"))),
                        .lower = decode_paths(arena, json_member(from, "lower")),
                        .upper = or_empty(json_string(json_member(from, "upper"))),
                        .work = or_empty(json_string(json_member(from, "work"))),
                        .read_only = decode_flag(from, "readOnly"),
                        .make_lower = decode_flag(from, "makeLower"),
                        .mode = json_u64(json_member(from, "mode"), &mode) == 0 ? mode & 07777 : 0,
                };
        }
}

static void decode_roots(struct arena *arena, const struct json *engine, struct record *record)
{
        const struct json *links = json_member(engine, "links");
        const struct json *joined = json_member(engine, "joined");

        record->map_root = decode_flag(engine, "mapRoot");
        record->mount_program = json_string(json_member(engine, "mountProgram"));
        if (links && links->kind == JSON_ARRAY) {
                record->links = arena_array(arena, links->n + 1, sizeof *record->links);
                for (; record->n_links < links->n; record->n_links++) {
                        const struct json *from = &links->items[record->n_links];

                        record->links[record->n_links] = (struct runtime_link){
                                or_empty(json_string(json_member(from, "path"))),
                                or_empty(json_string(json_member(from, "target"))),
                        };
                }
        }
        if (joined && joined->kind == JSON_ARRAY) {
                struct joined_list *list = &record->joined;

                list->items = arena_array(arena, joined->n + 1, sizeof *list->items);
                for (; list->n < joined->n; list->n++) {
                        const struct json *from = &joined->items[list->n];
                        struct joined *to = &list->items[list->n];

                        to->id = or_empty(json_string(json_member(from, "id")));
                        if (json_i64(json_member(from, "pid"), &to->pid) < 0)
                                to->pid = 0;
                }
        }
}

void record_decode(struct arena *arena, const struct container *container, struct record *ret)
{
        const struct json *engine = json_member(container->header, "engine");
        const struct json *labels = json_member(engine, "labels");
        int64_t stop_signal;
        struct record record = {
                .name = or_empty(json_string(json_member(engine, "name"))),
                .image = or_empty(json_string(json_member(engine, "image"))),
                .image_id = json_string(json_member(engine, "imageId")),
                .seccomp = json_string(json_member(engine, "seccomp")),
                .remove = decode_flag(engine, "remove"),
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
        decode_overlays(arena, json_member(engine, "overlays"), &record);
        if (container->name)
                record.name = container->name;
        decode_own(arena, json_member(engine, "own"), &record);
        decode_roots(arena, engine, &record);
        *ret = record;
}

static bool is_hex(const char *name)
{
        return *name && name[strspn(name, "0123456789abcdef")] == '\0';
}

/* Among the ids, the one whose container has that name, or NULL. One that cannot be read has none; where the kernel lacks
 * the call that tells whether they run it is not known what has: an error. */
static int find_name(
        struct arena *arena, const char *containers, const char **ids, size_t n, const char *name,
        const char **ret_id)
{
        for (size_t i = 0; i < n; i++) {
                struct container container;
                struct record record;
                int r = container_open(arena, containers, ids[i], false, &container);

                if (r == -ENOSYS)
                        return r;
                if (r < 0) {
                        trail_reset();
                        continue;
                }
                record_decode(arena, &container, &record);
                container_close(&container);
                if (text_equal(record.name, name)) {
                        *ret_id = ids[i];
                        return 0;
                }
        }
        *ret_id = NULL;
        return 0;
}

int store_find_name(
        struct arena *arena, const char *containers, const char *name, const char **ret_id)
{
        const char **ids;
        size_t n;

        if (container_list(arena, containers, &ids, &n) < 0) {
                trail_reset();
                *ret_id = NULL;
                return 0;
        }
        return find_name(arena, containers, ids, n, name, ret_id);
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
        r = find_name(arena, containers, ids, n, name, &named);
        if (r < 0)
                return r;
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
