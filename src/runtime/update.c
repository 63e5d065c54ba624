/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: other limits, all of them or none.
 *
 * The kernel takes one file at a time. So what the files hold is read first and goes into the journal;
 * when one write is refused, what was written before it is put back; when we are killed in between, the
 * next update puts it back first. The journal then has all limits that the container has, which
 * container_spec() gives to whoever asks. Putting back may be refused, too (memory that is in use now):
 * that is said. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>

/* A file and what it held. */
struct before {
        const char *file, *value;
};

struct memory_of_files {
        struct before *items;
        size_t n;
};

/* The directory that a slot will hold. */
static const char *slot_path(const struct plan *plan, FD slot)
{
        const struct op_list *list = &plan->list[HOST];

        for (size_t i = 0; i < list->n; i++)
                if (list->ops[i].code == OP_open_path && list->ops[i].as.open_path.fd == slot)
                        return list->ops[i].as.open_path.path;
        return NULL;
}

/* A throttle that is not there yet is put back by lifting it: "8:0 rbps=600" by "8:0 rbps=max". */
static const char *with_lifted(
        struct arena *arena, const char *old, const char *file, const char *line)
{
        size_t device = strcspn(line, " \n");
        const char *key = arena_copy(arena, line, device);
        const char *lift = strstr(file, "/io.max") ? "rbps=max wbps=max riops=max wiops=max"
                         : strstr(file, "/blkio.throttle.") ? "0"
                                                            : NULL;

        if (!lift || strstr(old, key))
                return old;
        return arena_format(arena, "%s%s%s %s", old, *old ? "\n" : "", key, lift);
}

/* What has to be written to the file so that it holds again what it held. */
static const char *plain_value(struct arena *arena, const char *old)
{
        static const char disabled[] = "oom_kill_disable ";
        size_t size = strlen(old);

        if (text_starts(old, disabled)) /* memory.oom_control shows more than it takes */
                return arena_copy(arena, old + strlen(disabled), 1);
        return arena_copy(arena, old, size - (size && old[size - 1] == '\n'));
}

static void remember(
        struct arena *arena, const char *cgroup, const char *name, const char *value,
        struct memory_of_files *before)
{
        const char *file = arena_format(arena, "%s/%s", cgroup ? cgroup : "", name);
        struct text old;

        for (size_t i = 0; i < before->n; i++)
                if (text_equal(before->items[i].file, file)) {
                        before->items[i].value =
                                with_lifted(arena, before->items[i].value, file, value);
                        return;
                }
        /* A file that is missing will be missed by who writes to it. */
        if (!cgroup || file_read(arena, AT_FDCWD, file, 65536, &old) < 0)
                return;
        before->items[before->n++] = (struct before){
                file,
                with_lifted(arena, plain_value(arena, text_string(&old)), file, value),
        };
}

static struct memory_of_files remember_all(struct arena *arena, const struct plan *plan)
{
        const struct op_list *list = &plan->list[HOST];
        struct memory_of_files before = { .items = arena_array(
                                                  arena, 2 * list->n + 1, sizeof *before.items) };

        for (size_t i = 0; i < list->n; i++) {
                if (list->ops[i].code == OP_set_cgroup) {
                        const struct op_set_cgroup *o = &list->ops[i].as.set_cgroup;

                        remember(arena, slot_path(plan, o->cgroup), o->file, o->values, &before);
                } else if (list->ops[i].code == OP_set_cgroup_pair) {
                        const struct op_set_cgroup_pair *o = &list->ops[i].as.set_cgroup_pair;
                        const char *path = slot_path(plan, o->cgroup);

                        remember(arena, path, o->file, o->value, &before);
                        remember(arena, path, o->file2, o->value2, &before);
                }
        }
        return before;
}

/* Two rounds, since limits that bound each other may have to go back in another order. */
static void put_back(const struct memory_of_files *before)
{
        for (int round = 0; round < 2; round++)
                for (size_t i = before->n; i-- > 0;) {
                        const struct before *b = &before->items[i];
                        int r = cgroup_set(AT_FDCWD, b->file, b->value);

                        if (r < 0 && round == 1 && *b->value)
                                trail_warn(
                                        "%s could not be set back to '%s': %s", b->file, b->value,
                                        text_errno(r));
                }
}

static int note(struct arena *arena, const struct container *container, const struct text *line)
{
        struct text whole = { .arena = arena };
        int r;

        text_addf(&whole, "%s\n", text_string(line));
        r = file_write(container->journal, whole.data, whole.len);
        return r < 0 ? trail(r, "cannot write to the journal of '%s'", container->id) : 0;
}

static int note_before(
        struct arena *arena, const struct container *container,
        const struct memory_of_files *before)
{
        struct text line = { .arena = arena };
        struct json_writer w = { .out = &line };

        json_open_object(&w, NULL);
        json_open_object(&w, "update");
        json_open_object(&w, "before");
        for (size_t i = 0; i < before->n; i++)
                json_put_string(&w, before->items[i].file, before->items[i].value);
        json_close_object(&w);
        json_close_object(&w);
        json_close_object(&w);
        return note(arena, container, &line);
}

/* `all` NULL: the update was taken back. */
static int note_after(
        struct arena *arena, const struct container *container, const struct spec_resources *all)
{
        struct text line = { .arena = arena };

        text_add(&line, "{\"update\":{");
        if (all) {
                text_add(&line, "\"resources\":");
                spec_encode_resources(all, &line);
        }
        text_add(&line, "}}");
        return note(arena, container, &line);
}

/* Files of the container's own cgroups alone: what else a line may say is not believed. */
static bool is_ours(const struct container *container, struct arena *arena, const char *file)
{
        const char *const *paths;
        size_t n;

        container_cgroups(arena, container, &paths, &n);
        for (size_t i = 0; i < n; i++) {
                size_t size = strlen(paths[i]);

                if (strncmp(file, paths[i], size) == 0 && file[size] == '/' &&
                    !strchr(file + size + 1, '/'))
                        return true;
        }
        return false;
}

static bool is_cgroup(const char *file)
{
        int64_t magic = file_magic_at(file);

        return magic == MAGIC_CGROUP1 || magic == MAGIC_CGROUP2;
}

int container_update_repair(struct arena *arena, struct container *container)
{
        const struct json *from = container->update_before;
        struct memory_of_files before = { 0 };

        if (!from || from->kind != JSON_OBJECT)
                return 0;
        before.items = arena_array(arena, from->n + 1, sizeof *before.items);
        for (size_t i = 0; i < from->n; i++) {
                const char *value = json_string(&from->members[i].value);

                if (value && is_ours(container, arena, from->members[i].name) &&
                    is_cgroup(from->members[i].name))
                        before.items[before.n++] = (struct before){ from->members[i].name, value };
        }
        put_back(&before);
        container->update_before = NULL;
        return note_after(arena, container, NULL);
}

int container_update(
        struct arena *arena, const struct container *container, const struct plan *plan,
        const struct spec_resources *all)
{
        struct memory_of_files before = remember_all(arena, plan);
        struct machine machine;
        bool command;
        int r = plan_verify(plan);

        if (r == 0)
                r = note_before(arena, container, &before);
        if (r < 0)
                return r;
        machine_init(&machine, plan);
        r = plan_apply(&machine, HOST);
        if (r < 0) {
                r = container_explain_failure(&machine, r, &command);
                put_back(&before);
        }
        machine_done(&machine);
        if (r < 0) {
                note_after(arena, container, NULL);
                return r;
        }
        return note_after(arena, container, all);
}

int container_check_memory(
        struct arena *arena, const struct container *container, const struct spec_memory *memory)
{
        const char *const *paths;
        int64_t limit = memory && memory->limit.set ? memory->limit.value : 0;
        size_t n;

        if (limit <= 0 || !memory->check_before_update.value)
                return 0;
        container_cgroups(arena, container, &paths, &n);
        for (size_t i = 0; i < n; i++) {
                char text[32];
                uint64_t used;
                const char *file = arena_format(arena, "%s/memory.current", paths[i]);

                if (file_get(AT_FDCWD, file, text, sizeof text) <= 0)
                        continue; /* v1 refuses by itself what is in use already */
                text[strcspn(text, "\n")] = '\0';
                if (text_u64(text, &used) == 0 && used >= (uint64_t)limit)
                        return trail(
                                -EBUSY,
                                "/linux/resources/memory/limit: %lld bytes are less than the "
                                "container uses now, %llu",
                                (long long)limit, (unsigned long long)used);
        }
        return 0;
}
