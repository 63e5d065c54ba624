/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the image that a container is to be made from, and its root.
 *
 * A word that names no image is an error before anything is made, and so is an image for another
 * machine: its programs could not be executed, which the kernel would say much later and in fewer
 * words. One that was asked for by --platform is taken as it is: the kernel may have an interpreter.
 * What is missing is fetched first, unless --pull says otherwise. The root is one overlay of the image's
 * layers. */
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

static int fetch(struct arena *arena, const struct run_request *request)
{
        struct pull_result result;

        return engine_pull(
                &(struct pull_request){ .engine = request->engine,
                                        .image = request->image,
                                        .platform = request->platform,
                                        .tell = request->tell,
                                        .context = request->context },
                arena, &result);
}

/* What is here will do when nothing newer can be had. */
static int refresh(
        struct arena *arena, const struct run_request *request, struct engine_image *image)
{
        int r = fetch(arena, request);

        if (r == 0) {
                file_close(&image->hold);
                return 1;
        }
        trail_warn("the image that is here is used: %s", trail_text());
        trail_reset();
        return 0;
}

int image_for_run(
        struct arena *arena, const struct run_request *request, bool may_fetch,
        struct engine_image *ret_image)
{
        const char *when = request->pull && may_fetch ? request->pull : "missing";
        struct image_platform platform;
        int r = request->platform ? image_platform_parse(arena, request->platform, &platform)
                                  : own_platform(&platform);

        if (r < 0)
                return request->platform ? trail(r, "--platform") : r;
        if (!text_equal(when, "missing") && !text_equal(when, "newer") &&
            !text_equal(when, "always") && !text_equal(when, "never"))
                return trail(
                        -EINVAL,
                        "'%s' is not a value for --pull: expected always, missing, newer or never",
                        when);
        if (text_equal(when, "always")) {
                r = fetch(arena, request);
                return r < 0 ? r
                             : image_open(
                                       arena, &request->engine, request->image, &platform,
                                       ret_image);
        }
        r = image_open(arena, &request->engine, request->image, &platform, ret_image);
        if (r == 0 && text_equal(when, "newer"))
                r = refresh(arena, request, ret_image);
        else if (r == -ENOENT && may_fetch && !text_equal(when, "never")) {
                trail_reset();
                r = fetch(arena, request);
                r = r < 0 ? r : 1;
        }
        return r <= 0 ? r
                      : image_open(arena, &request->engine, request->image, &platform, ret_image);
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
