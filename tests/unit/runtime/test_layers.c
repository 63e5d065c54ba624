/* SPDX-License-Identifier: Apache-2.0 */
/* How many layers a root may have, by the kernel's version and whether owners are mapped. */
#include "runtime/runtime.h"
#include "tap.h"

#include <errno.h>
#include <string.h>

static const char *layer = "/layers/x/fs", *mount_program;

/* What runtime_compile() says to a root of `n` layers on Linux `major`.`minor`. */
static int compile(size_t n, unsigned major, unsigned minor, bool map)
{
        static const char plain[] = "{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"args\":"
                                    "[\"x\"]},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
                          mapped[] =
                                  "{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"args\":"
                                  "[\"x\"]},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},"
                                  "{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,"
                                  "\"hostID\":1000,\"size\":9}],\"gidMappings\":[{\"containerID\":"
                                  "0,\"hostID\":1000,\"size\":9}]}}";
        const char *document = map ? mapped : plain;
        auto_arena arena = { 0 };
        const char **layers = arena_array(&arena, n + 1, sizeof *layers);
        struct runtime_overlay overlay = { "", { layers, n }, "/upper", "/work" };
        struct runtime_options options = { .id = "x",
                                           .bundle = "/",
                                           .attach_point = "/x",
                                           .overlays = &overlay,
                                           .n_overlays = 1,
                                           .mount_program = mount_program,
                                           .map_root = map };
        struct facts facts = { .kernel_major = major,
                               .kernel_minor = minor,
                               .has_mount_api = true,
                               .has_mount_setattr = true,
                               .caps = ~0ull };
        const struct spec *spec;
        struct plan *plan;
        int r;

        for (size_t i = 0; i < n; i++)
                layers[i] = layer;
        trail_reset();
        CHECK_INT(spec_parse(&arena, "test", document, strlen(document), &spec), 0);
        r = runtime_compile(&arena, spec, &options, &facts, &plan);
        return r == 0 ? plan_verify(plan) : r;
}

TEST(as_many_layers_as_the_kernel_takes)
{
        CHECK_INT(compile(500, 6, 18, false), 0);
        CHECK_INT(compile(501, 6, 18, false), -E2BIG);
        CHECK(strstr(trail_text(), "has 501 layers, and there can be 500 at most on this kernel"));
        CHECK(strstr(trail_hint_text(), "husk import"));
        CHECK_INT(compile(500, 6, 18, true), 0);
        CHECK_INT(compile(501, 6, 18, true), -E2BIG);
        CHECK_INT(compile(63, 6, 1, false), 0);
        CHECK_INT(compile(64, 6, 1, false), -E2BIG);
        CHECK(strstr(trail_hint_text(), "Linux 6.7"));
        CHECK_INT(compile(64, 6, 7, false), 0);
}

TEST(a_program_takes_its_layers_as_one_argument)
{
        mount_program = "/usr/bin/fuse-overlayfs";
        CHECK_INT(compile(5000, 5, 6, true), 0);
        CHECK_INT(compile(20000, 6, 18, true), -E2BIG);
        CHECK(strstr(trail_text(), "longer than an argument of fuse-overlayfs may be"));
        layer = "/layers/x:y/fs";
        CHECK_INT(compile(1, 6, 18, true), -EINVAL);
        CHECK(strstr(trail_text(), "cannot be told of the layer /layers/x:y/fs"));
        layer = "/layers/x/fs.erofs";
        CHECK_INT(compile(1, 6, 18, true), -EOPNOTSUPP);
        CHECK(strstr(trail_hint_text(), "pull the image again"));
}

TEST(images_are_for_root_and_new_kernels)
{
        layer = "/layers/x/fs.erofs";
        CHECK_INT(compile(500, 6, 15, false), 0);
        CHECK_INT(compile(500, 6, 15, true), 0);
        CHECK_INT(compile(501, 6, 15, true), -E2BIG);
        CHECK_INT(compile(1, 6, 14, false), -EOPNOTSUPP);
        CHECK(strstr(trail_text(), "/layers/x/fs.erofs: only root mounts layers"));
        CHECK(strstr(trail_hint_text(), "pull the image again"));
}
