/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container's journal says beside its state, which container.c computes: the document,
 * with what updates made of it, and the cgroups, unit and mounts that it has; and how a journal and another start in
 * it begin. Lines are read as they were
 * when the container was opened; one that cannot be read says nothing. */
#include "runtime.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* What an update left in the journal, in the place of what the document says. */
static int with_resources(
        struct arena *arena, const struct container *container, const struct spec **spec)
{
        struct text text = { .arena = arena };
        struct json_writer w = { .out = &text };
        struct spec *copy = arena_new(arena, struct spec);
        struct spec_linux *linux_ = arena_new(arena, struct spec_linux);
        int r;

        *copy = **spec;
        if (copy->linux_)
                *linux_ = *copy->linux_;
        json_put_value(&w, NULL, container->resources);
        r = spec_parse_resources(
                arena, "journal", text_string(&text), text.len, &linux_->resources);
        if (r < 0)
                return r;
        copy->linux_ = linux_;
        *spec = copy;
        return 0;
}

int container_spec(
        struct arena *arena, const struct container *container, const struct spec **ret_spec)
{
        int r;

        if (!container->config)
                return trail(-EINVAL, "the journal of '%s' holds no document", container->id);
        r = spec_parse(arena, "config.json", container->config, container->config_size, ret_spec);
        return r < 0 || !container->resources ? r : with_resources(arena, container, ret_spec);
}

int container_note(const struct container *container, const char *format, ...)
{
        char line[400];
        va_list values;
        size_t size;

        va_start(values, format);
        size = text_vformat(line, sizeof line, format, values);
        va_end(values);
        return size < sizeof line ? journal_append(container->journal, line, size) : -E2BIG;
}

const char *container_cgroup_line(struct arena *arena, const char *line, size_t size)
{
        const struct json *value;

        if (!text_starts(line, "{\"undo\":\"remove_cgroup\"") ||
            json_parse(arena, "journal", line, size, &value) < 0)
                return NULL;
        return json_string(json_member(value, "path"));
}

struct journal_lines container_events(const struct container *container)
{
        return journal_lines(
                container->text + container->events, container->size - container->events);
}

void container_cgroups(
        struct arena *arena, const struct container *container, const char *const **ret_paths,
        size_t *ret_n)
{
        const char **paths = arena_array(arena, 64, sizeof *paths);
        size_t n = 0;

        for (struct journal_lines at = container_events(container);
             !container->foreign && n < 64 && journal_next(&at);) {
                const char *path = container_cgroup_line(arena, at.line, at.size);

                if (path)
                        paths[n++] = path;
        }
        *ret_paths = paths;
        *ret_n = n;
}

int container_is_rebooted(const struct container *container)
{
        const char *boot;
        int r = container->boot ? container_boot_id(&boot) : 0;

        return r < 0 ? r : container->boot && !text_equal(container->boot, boot);
}

int container_has_cgroups(struct arena *arena, const struct container *container)
{
        int r = container_is_rebooted(container);
        const char *const *paths;
        uint64_t number = 0;
        size_t n;

        container_cgroups(arena, container, &paths, &n);
        if (r != 0 || n == 0)
                return r < 0 ? r : 0;
        for (struct journal_lines at = container_events(container); journal_next(&at);) {
                uint64_t claimed = journal_claimed(arena, at.line, at.size);

                number = claimed ? claimed : number;
        }
        r = number ? cgroup_has_number(paths[0], number) : 1;
        return r < 0 && r != -ENOENT
                     ? trail(r, "cannot look at the cgroup %s: %s", paths[0], text_errno(r))
                     : r != 0;
}

const char *container_added_mounts(
        struct arena *arena, const struct container *container, size_t from)
{
        struct text numbers = { .arena = arena };

        for (struct journal_lines at =
                     journal_lines(container->text + from, container->size - from);
             journal_next(&at);) {
                const struct json *value;
                uint64_t number;

                if (text_starts(at.line, "{\"mount\"") &&
                    json_parse(arena, "journal", at.line, at.size, &value) == 0 &&
                    json_u64(json_member(value, "mount"), &number) == 0)
                        text_addf(
                                &numbers, "%s%llu", numbers.len ? " " : "",
                                (unsigned long long)number);
        }
        return text_string(&numbers);
}

bool container_unit(
        struct arena *arena, const struct container *container, const char **ret_socket,
        const char **ret_unit)
{
        for (struct journal_lines at = container_events(container); journal_next(&at);) {
                const struct json *value;

                if (!text_starts(at.line, "{\"undo\":\"stop_unit\"") ||
                    json_parse(arena, "journal", at.line, at.size, &value) < 0)
                        continue;
                *ret_socket = json_string(json_member(value, "path"));
                *ret_unit = json_string(json_member(value, "unit"));
                return *ret_socket && *ret_unit;
        }
        return false;
}

bool container_is_oom_killed(struct arena *arena, const struct container *container)
{
        const char *const *paths;
        size_t n;

        container_cgroups(arena, container, &paths, &n);
        /* One hierarchy alone has the memory controller: of v1's, as a rule, the one of that name. */
        for (int hinted = 1; hinted >= 0; hinted--)
                for (size_t i = 0; i < n; i++) {
                        bool named = strstr(paths[i], "memory") != NULL;
                        int64_t kills = named == (hinted == 1) ? cgroup_oom_kills(paths[i]) : -1;

                        if (kills >= 0)
                                return kills > 0;
                }
        return false;
}

/* -- what is written ------------------------------------------------------------------------------- */

static const char *now_text(struct arena *arena)
{
        struct timespec now;
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        return arena_format(
                arena, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
                tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec);
}

/* Whether its first process is also its program's, or is told to become that. */
static const char *mode_of(const struct container_request *request)
{
        const struct runtime_options *options = request->options;

        return options->await_start || options->restored || runtime_has_hooks(request->spec)
                     ? "create"
                     : "run";
}

int container_write_first(
        struct arena *arena, const struct container_request *request, const struct plan *plan,
        int journal)
{
        const struct spec *spec = request->spec;
        const struct runtime_options *options = request->options;
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };
        const char *boot;
        size_t config;
        int r = container_boot_id(&boot);

        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        json_put_u64(&w, "version", JOURNAL_VERSION);
        json_put_string(&w, "ociVersion", spec->oci_version);
        json_put_string(&w, "id", options->id);
        json_put_string(&w, "bundle", options->bundle ? options->bundle : "");
        json_put_string(
                &w, "rootfs",
                !spec->root ? ""
                : spec->root->path[0] == '/'
                        ? spec->root->path
                        : arena_format(arena, "%s/%s", options->bundle, spec->root->path));
        json_put_string(&w, "created", now_text(arena));
        json_put_string(
                &w, "owner", geteuid() == 0 ? "root" : arena_format(arena, "%u", geteuid()));
        json_put_string(&w, "boot", boot);
        json_put_string(&w, "mode", mode_of(request));
        if (options->restored)
                json_put_bool(&w, "restored", true);
        if (spec->annotations.n) {
                json_open_object(&w, "annotations");
                for (size_t i = 0; i < spec->annotations.n; i++)
                        json_put_string(
                                &w, spec->annotations.items[i].key,
                                spec->annotations.items[i].value);
                json_close_object(&w);
        }
        if (request->extra)
                json_put_raw(&w, "engine", request->extra, strlen(request->extra));
        json_close_object(&w);
        text_add_char(&out, '\n');
        config = out.len;
        text_add_bytes(&out, request->config, request->config_size);
        /* In JSON a line break is never inside a word. */
        for (const char *breaks = "\n\r"; *breaks; breaks++)
                for (char *at = out.data + config, *end = out.data + out.len;
                     (at = memchr(at, *breaks, (size_t)(end - at)));)
                        *at = ' ';
        text_add_char(&out, '\n');
        journal_undo_lines(plan, &out);
        return file_write(journal, out.data, out.len);
}

/* A line that is cut off would take ours along. */
static int cut_torn(struct container *container)
{
        const char *end = memrchr(container->text, '\n', container->size);
        size_t whole = end ? (size_t)(end - container->text) + 1 : 0;

        if (whole == container->size)
                return 0;
        container->size = whole;
        return ftruncate(container->journal, (off_t)whole) < 0 ? -errno : 0;
}

int container_write_start(
        struct arena *arena, const struct container_request *request, struct container *container)
{
        struct text out = { .arena = arena };
        const char *boot;
        int r = container_boot_id(&boot);

        if (r < 0)
                return r;
        text_addf(
                &out,
                JOURNAL_START_LINE ",\"boot\":\"%s\",\"mode\":\"%s\",\"at\":%lld,\"by\":\"%s\"}\n",
                boot, mode_of(request), (long long)time(NULL), request->by);
        journal_undo_lines(request->plan, &out);
        r = cut_torn(container);
        if (r == 0)
                r = file_write(container->journal, out.data, out.len);
        if (r == 0) /* what is made from now on is of this boot */
                container->boot = boot;
        return r;
}
