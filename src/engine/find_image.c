/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the image that a container is to be made from, and its root.
 *
 * A word that names no image is an error before anything is made, and so is an image for another
 * machine: its programs could not be executed, which the kernel would say much later and in fewer
 * words. One that was asked for by --platform is taken as it is: the kernel may have an interpreter.
 * The root is one overlay of the image's layers. */
#include "image.h"
#include "store.h"

#include <string.h>

#include <sys/utsname.h>

static int own_platform(struct image_platform *ret_platform)
{
        struct utsname name;

        if (uname(&name) < 0)
                return -errno;
        *ret_platform = image_platform_of(name.machine);
        return 0;
}

int image_for_run(
        struct arena *arena, const struct run_request *request, struct engine_image *ret_image)
{
        struct image_platform platform;
        int r = request->platform ? image_platform_parse(arena, request->platform, &platform)
                                  : own_platform(&platform);

        if (r < 0)
                return request->platform ? trail(r, "--platform") : r;
        return image_open(arena, &request->engine, request->image, &platform, ret_image);
}

/* The mode of the image's root directory, which the upper layer shows. */
static mode_t root_mode(const char *layer)
{
        struct stat st;

        return file_stat(AT_FDCWD, layer, 0, &st) < 0 ? 0755 : st.st_mode & 07777;
}

struct host_parts image_parts(struct arena *arena, const char *state, const WORDS *lower)
{
        struct runtime_overlay *overlay = arena_new(arena, struct runtime_overlay);

        *overlay = (struct runtime_overlay){
                .target = "",
                .lower = *lower,
                .upper = arena_format(arena, "%s/upper0", state),
                .work = arena_format(arena, "%s/work0", state),
        };
        if (lower->n) {
                overlay->mode = root_mode(lower->items[0]);
        } else {
                overlay->lower = store_words(arena, arena_format(arena, "%s/lower0", state));
                overlay->make_lower = true;
        }
        return (struct host_parts){ .overlays = overlay, .n_overlays = 1 };
}
