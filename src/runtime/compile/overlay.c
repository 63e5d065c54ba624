/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the layers of an overlay.
 *
 * fsconfig(2) takes strings of at most 255 bytes. So several lower layers become an option each
 * (Linux 6.7), and a longer path becomes a descriptor (Linux 6.13). The kernel reads no escapes in
 * either form; what a document has with escapes, or data-only layers, keeps the old form. */
#include "compile.h"

#include <string.h>

enum {
        LONGEST = 255
};

/* A path as a value of this option: lowerdir+ is taken as it is, the others lose backslashes, and at a ':' without one
 * another layer begins. */
static const char *spell(struct compile *c, const char *key, const char *path)
{
        struct text out = { .arena = c->arena };

        if (!strpbrk(path, ":\\") || text_equal(key, "lowerdir+"))
                return path;
        for (; *path; path++) {
                if (*path == ':' || *path == '\\')
                        text_add_char(&out, '\\');
                text_add_char(&out, *path);
        }
        return text_string(&out);
}

void compile_overlay_layer(
        struct compile *c, enum actor actor, const char *reason, const struct overlay_layer *layer)
{
        const char *value = layer->escapes ? layer->path : spell(c, layer->key, layer->path);
        const char *key = text_equal(layer->key, "lowerdir") ? "lowerdir+" : layer->key;
        FD fd;

        if (strlen(value) <= LONGEST || layer->path[0] != '/' || !facts_kernel(c->facts, 6, 13)) {
                plan_add(
                        c->plan, actor, reason, set_fs, .fs = layer->fs, .key = layer->key,
                        .value = value);
                return;
        }
        fd = plan_slot(c->plan);
        plan_add(c->plan, actor, reason, open_path, .path = layer->path, .fd = fd);
        plan_add(c->plan, actor, reason, set_fs_fd, .fs = layer->fs, .key = key, .fd = fd);
        plan_add(c->plan, actor, reason, close_fd, .fd = fd);
}

static bool is_one_each(const struct facts *facts, const char *layers)
{
        bool needed = strchr(layers, ':') || strlen(layers) > LONGEST;

        return needed && facts_kernel(facts, 6, 7) && !strstr(layers, "::") &&
               !strchr(layers, '\\');
}

bool compile_overlay_option(const struct mount_job *job, FD fs, const char *key, const char *value)
{
        struct compile *c = job->c;
        bool layer = text_equal(key, "upperdir") || text_equal(key, "workdir") ||
                     text_equal(key, "lowerdir+") || text_equal(key, "datadir+");

        if (!text_equal(job->mount.type, "overlay"))
                return false;
        if (layer)
                compile_overlay_layer(
                        c, job->actor, job->reason,
                        &(struct overlay_layer){ fs, key, value, true });
        if (!text_equal(key, "lowerdir") || !is_one_each(c->facts, value))
                return layer;
        for (const char *at = value; *at;) {
                size_t size = strcspn(at, ":");
                const char *path = why(c, "%.*s", (int)size, at);

                compile_overlay_layer(
                        c, job->actor, job->reason,
                        &(struct overlay_layer){ fs, "lowerdir+", path, true });
                at += size + (at[size] == ':');
        }
        return true;
}

/* Why an option cannot be given to this kernel; NULL: it can. */
static const char *too_long(const struct mount_job *job, const char *word)
{
        const char *value = strchr(word, '=');
        bool overlay = text_equal(job->mount.type, "overlay");

        if (!value || strlen(++value) <= LONGEST)
                return NULL;
        if (!overlay)
                return "the kernel takes 255 bytes an option";
        if (text_starts(word, "lowerdir=") && !is_one_each(job->c->facts, value))
                return "the kernel takes 255 bytes an option: several layers need Linux 6.7, and "
                       "neither '::' nor a backslash";
        for (const char *at = value; *at;) {
                size_t size = text_starts(word, "lowerdir=") ? strcspn(at, ":") : strlen(at);

                if (size > LONGEST && (*at != '/' || !facts_kernel(job->c->facts, 6, 13)))
                        return "a layer's path of more than 255 bytes must be absolute, and needs "
                               "Linux 6.13: mount it from a shorter one";
                at += size + (at[size] == ':');
        }
        return NULL;
}

int compile_check_lengths(const struct mount_job *job)
{
        const struct spec_mount *mount = &job->mount;

        for (size_t i = 0; i < mount->options.n; i++) {
                const char *fault = too_long(job, mount->options.items[i]);

                if (fault)
                        return spec_error(
                                mount->at, job->c->document,
                                why(job->c, "%s/options/%zu", job->pointer, i), "%s", fault);
        }
        return 0;
}
