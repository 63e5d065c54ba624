/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay of many layers in one option, as kernels before Linux 6.7 have it; and what a plan makes
 * in the engine's store. Real mounts, detached: nothing is left of them. */
#include "plan/plan.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        LAYERS = 40 /* their paths alone are longer than an option may be */
};

/* Directories DIR/0 ... with a file of its number in each, and "top" in all. */
static WORDS make_layers(struct arena *arena, const char *dir)
{
        const char **items = arena_array(arena, LAYERS + 1, sizeof *items);

        for (int i = 0; i < LAYERS; i++) {
                items[i] = arena_format(arena, "%s/%d", dir, i);
                CHECK_INT(mkdir(items[i], 0755), 0);
                CHECK_INT(mkdir(arena_format(arena, "%s/f%d", items[i], i), 0755), 0);
                CHECK_INT(
                        symlink(arena_format(arena, "%d", i),
                                arena_format(arena, "%s/top", items[i])),
                        0);
        }
        return (WORDS){ items, LAYERS };
}

TEST(layers_in_one_option)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        char dir[] = "/tmp/plan-layers-XXXXXX", before[4096], after[4096], top[8] = "";
        int16_t fs = plan_slot(&plan), tree = plan_slot(&plan);
        struct machine machine;
        WORDS lower;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK(mkdtemp(dir));
        lower = make_layers(&arena, dir);
        CHECK(getcwd(before, sizeof before));
        plan_add(&plan, HOST, "/root/path", open_fs, .type = "overlay", .fs = fs);
        plan_add(
                &plan, HOST, "/root/path", make_layered, .fs = fs, .lower = lower,
                .attrs = 0x1 /* ro */, .tree = tree);
        machine_init(&machine, &plan);
        CHECK_INT(plan_apply(&machine, HOST), 0);
        CHECK(getcwd(after, sizeof after));
        CHECK_STR(after, before);
        for (int i = 0; i < LAYERS; i++)
                CHECK_INT(faccessat(machine.fd[tree], arena_format(&arena, "f%d", i), F_OK, 0), 0);
        CHECK_INT(readlinkat(machine.fd[tree], "top", top, sizeof top), 1);
        CHECK_STR(top, "0"); /* the first one is the topmost */
        machine_done(&machine);
        CHECK_INT(system(arena_format(&arena, "rm -rf %s", dir)), 0);
}

TEST(a_layer_that_is_missing)
{
        static const char *const items[] = { "/proc/no/such/layer", "/", NULL };
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        int16_t fs = plan_slot(&plan), tree = plan_slot(&plan);
        struct machine machine;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        plan_add(&plan, HOST, "/root/path", open_fs, .type = "overlay", .fs = fs);
        plan_add(
                &plan, HOST, "/root/path", make_layered, .fs = fs, .lower = { items, 2 },
                .tree = tree);
        machine_init(&machine, &plan);
        CHECK_INT(plan_apply(&machine, HOST), -ENOENT);
        CHECK(strstr(trail_text(), "cannot open the layer /proc/no/such/layer"));
        machine_done(&machine);
}

TEST(a_file_is_made_once)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        char dir[] = "/tmp/plan-layers-XXXXXX", text[32] = "";
        struct machine machine;
        struct stat st;
        const char *path;
        mode_t mask = umask(077);
        FILE *file;

        CHECK(mkdtemp(dir));
        path = arena_format(&arena, "%s/hosts", dir);
        plan_add(&plan, HOST, "[own]", make_file, .path = path, .mode = 0644, .content = "one\n");
        machine_init(&machine, &plan);
        CHECK_INT(plan_apply(&machine, HOST), 0);
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_mode & 07777, 0644);
        file = fopen(path, "r");
        CHECK(file);
        CHECK_INT(fread(text, 1, sizeof text - 1, file), 4);
        CHECK_STR(text, "one\n");
        fclose(file);
        machine_init(&machine, &plan);
        CHECK_INT(plan_apply(&machine, HOST), -EEXIST);
        umask(mask);
        CHECK_INT(system(arena_format(&arena, "rm -rf %s", dir)), 0);
}
