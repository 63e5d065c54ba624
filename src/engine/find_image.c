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

static int fetch(
        struct arena *arena, const struct run_request *request, struct pull_result *ret_result)
{
        return engine_pull(
                &(struct pull_request){ .engine = request->engine,
                                        .image = request->image,
                                        .platform = request->platform,
                                        .tell = request->tell,
                                        .context = request->context },
                arena, ret_result);
}

/* What is in a file or directory is taken from there each time, whatever is here. */
static int take_local(
        struct arena *arena, const struct run_request *request,
        const struct image_platform *platform, bool may_fetch, struct engine_image *ret_image)
{
        struct pull_result result;
        int r;

        if (!may_fetch || text_equal(request->pull, "never")) {
                trail_hint("husk pull %s first, and then by its name", request->image);
                return trail(
                        -EINVAL, "'%s' is to be read, and nothing may be fetched", request->image);
        }
        r = fetch(arena, request, &result);
        return r < 0 ? r : image_open(arena, &request->engine, result.id, platform, ret_image);
}

/* What is here will do when nothing newer can be had. */
static int refresh(
        struct arena *arena, const struct run_request *request, struct engine_image *image)
{
        struct pull_result result;
        int r = fetch(arena, request, &result);

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
        struct local_place place;
        struct pull_result result;
        int r = image_wanted_platform(arena, request->platform, &platform);

        if (r < 0)
                return request->platform ? trail(r, "--platform") : r;
        if (!text_equal(when, "missing") && !text_equal(when, "newer") &&
            !text_equal(when, "always") && !text_equal(when, "never"))
                return trail(
                        -EINVAL,
                        "'%s' is not a value for --pull: expected always, missing, newer or never",
                        when);
        if (local_place_parse(arena, request->image, &place))
                return take_local(arena, request, &platform, may_fetch, ret_image);
        if (text_equal(when, "always")) {
                r = fetch(arena, request, &result);
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
                r = fetch(arena, request, &result);
                r = r < 0 ? r : 1;
        }
        return r <= 0 ? r
                      : image_open(arena, &request->engine, request->image, &platform, ret_image);
}

struct host_parts image_parts(
        struct arena *arena, const char *state, const struct build_result *built)
{
        const WORDS *lower = &built->lower;
        struct runtime_overlay *overlay = arena_new(arena, struct runtime_overlay);

        *overlay = (struct runtime_overlay){
                .target = "",
                .lower = *lower,
                .upper = arena_format(arena, "%s/upper0", state),
                .work = arena_format(arena, "%s/work0", state),
        };
        overlay->mode = built->root_mode; /* the upper layer shows it */
        if (!lower->n) {
                overlay->lower = store_words(arena, arena_format(arena, "%s/lower0", state));
                overlay->make_lower = true;
        }
        return (struct host_parts){ .overlays = overlay, .n_overlays = 1 };
}
