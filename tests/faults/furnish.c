/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what the scenes need, once: bundles, a root, an image, the store, and the container that
 * nobody touches. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/stat.h>

static int put(const char *path, const char *bytes, size_t size, mode_t mode)
{
        auto_close fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        int r = fd < 0 ? -errno : file_write(fd, bytes, size);

        return r < 0 ? r : fchmod(fd, mode) < 0 ? -errno : 0;
}

/* The document, with WORD and ARGS in it replaced. */
static int put_bundle(
        struct arena *arena, const struct source *source, const char *word, const char *kind,
        const char *args)
{
        struct text text = { .arena = arena };
        const char *dir = arena_format(arena, HOME "/%s.%s", source->name, kind);

        for (const char *at = source->text; *at;) {
                if (text_starts(at, "@WORD@"))
                        text_add(&text, word);
                else if (text_starts(at, "@ARGS@"))
                        text_add(&text, args);
                else {
                        text_add_char(&text, *at++);
                        continue;
                }
                at += 6;
        }
        if (mkdir(dir, 0755) < 0 || symlink(HOME "/rootfs", arena_format(arena, "%s/rootfs", dir)))
                return -errno;
        return put(arena_format(arena, "%s/config.json", dir), text.data, text.len, 0644);
}

static int put_rootfs(struct arena *arena, const struct stage *stage)
{
        static const char *const directories[] = { "",     "/bin", "/proc", "/sys",
                                                   "/dev", "/tmp", "/etc" };

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
                if (mkdir(arena_format(arena, HOME "/rootfs%s", directories[i]), 0755) < 0)
                        return -errno;
        return put(HOME "/rootfs/bin/probe", stage->probe.data, stage->probe.len, 0755);
}

/* An ordinary user's store has an image, and what the first commands make. */
static int set_user(struct arena *arena, struct stage *stage)
{
        if (mkdir(USER_HOME, 0700) < 0 || chown(USER_HOME, COMMAND_USER, COMMAND_USER) < 0)
                return -errno;
        for (int engine = 0; engine < 2; engine++) {
                static const char *const first[] = {
                        "run --bundle BRIEF ID",
                        SCENE_PULL ";run --rm " SCENE_RUN_USER " uid;ps -a",
                };

                for (size_t i = 0; i < scenes_n; i++)
                        if (scenes[i].user && scenes[i].engine == engine)
                                stage->scene = &scenes[i];
                if (command_each(arena, stage, first[engine]))
                        return trail(-EIO, "%s", command_file(arena, HOME "/err2"));
        }
        return 0;
}

int stage_set(struct arena *arena, struct stage *stage)
{
        const char *word = stage->place.word;
        int r;

        if (mkdir(HOME, 0755) < 0 || mkdir(HOME "/state", 0700) < 0 ||
            mkdir(HOME "/store", 0700) < 0 ||
            (stage->disk && mount(stage->disk, HOME "/store", NULL, MS_BIND, NULL) < 0))
                return -errno;
        if ((r = put(HOME "/husk", stage->husk.data, stage->husk.len, 0755)) < 0 ||
            link(HOME "/husk", HOME "/husk-oci") < 0 || (r = put_rootfs(arena, stage)) < 0)
                return r < 0 ? r : -errno;
        for (size_t i = 0; i < DOCUMENTS && r == 0; i++) {
                const struct source *source = &stage->source[i];

                r = put_bundle(arena, source, word, "BUNDLE", ", \"stay\"");
                if (r == 0)
                        r = put_bundle(arena, source, word, "BRIEF", "");
                if (r == 0 && i == 0)
                        r = put_bundle(
                                arena, source, arena_format(arena, "%s.other", word), "BESIDE",
                                ", \"stay\"");
        }
        if (r < 0)
                return r;
        for (int i = 0; i < 3; i++) { /* so that the files are there when they are counted */
                static const char *const outs[] = { HOME "/out2", HOME "/out", COMMAND_NOISE };
                int streams[3];

                r = command_streams(streams, outs[i], i ? HOME "/err" : HOME "/err2");
                if (r < 0)
                        return r;
                command_streams_close(streams);
        }
        stage->out = COMMAND_NOISE;
        if (command_each(arena, stage, "run --detach --bundle BESIDE OTHER"))
                return trail(-EIO, "%s", command_file(arena, HOME "/err2"));
        stage->out = NULL;
        stage->other = stage_pid_of(arena, stage, "OTHER");
        /* The first commands of husk make the directories of its store. */
        for (size_t i = 0; i < scenes_n && !(stage->scene && stage->scene->engine); i++)
                stage->scene = &scenes[i];
        r = layout_put(arena, HOME "/layout");
        if (r < 0)
                return r;
        if (command_each(
                    arena, stage,
                    "run --rm " SCENE_RUN " uid;ps -a;" SCENE_PULL
                    ";save -o ARCHIVE localhost/layout;prune --all"))
                return trail(-EIO, "%s", command_file(arena, HOME "/err2"));
        r = set_user(arena, stage);
        if (r < 0)
                return r;
        stage->scene = NULL;
        stage->place.processes = 2; /* we and that container */
        place_changed(arena, &stage->place);
        place_take(&stage->place);
        stage->alone = stage->place;
        return 0;
}

void stage_end(struct arena *arena, struct stage *stage)
{
        stage->scene = NULL;
        command_run(arena, stage, "delete --force OTHER");
}
