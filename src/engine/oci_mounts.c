/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci mounts`: mounts added to a container that runs, and taken away.
 *
 * All or nothing: when one of several cannot be attached, those before it are taken away again. A
 * command that is killed in between leaves mounts that the journal knows, for `mounts remove`. */
#include "oci.h"

#include <fcntl.h>

struct job {
        struct arena *arena;
        const struct oci_mounts_request *request;
        struct container container;
        const struct spec *spec;
        struct spec_mounts mounts;
        struct facts facts;
        struct runtime_options options;
};

static int read_mounts(struct job *job)
{
        const char *path = job->request->file;
        struct text text;
        int r = file_read(job->arena, AT_FDCWD, path, SPEC_SIZE_MAX, &text);

        if (r < 0)
                return trail(r, "cannot read %s: %s", path, text_errno(r));
        return spec_parse_mounts(job->arena, path, text_string(&text), text.len, &job->mounts);
}

static int show(const struct plan *plan, struct text *out)
{
        int r = plan_verify(plan);

        if (r == 0)
                plan_print_text(plan, out);
        return r;
}

/* One of them away. `added`: the numbers of what may go. */
static int remove_one(struct job *job, size_t i, const char *added, struct text *out)
{
        struct runtime_unmount unmount = { .mount = &job->mounts.list.items[i], .added = added };
        struct plan *plan;
        int r;

        unmount.reason = job->mounts.pointer
                               ? arena_format(job->arena, "%s/%zu", job->mounts.pointer, i)
                               : "[mount]";
        r = runtime_compile_unmount(
                job->arena, job->spec, &unmount, &job->options, &job->facts, &plan);
        if (r < 0)
                return r;
        return out ? show(plan, out) : container_visit(&job->container, plan);
}

/* The last first, since it may lie on those before. The container may have taken one of them away by
 * itself: that keeps none of the others. */
static int remove_all(struct job *job, struct text *out)
{
        const char *added = container_added_mounts(job->arena, &job->container, 0);
        const char *words = NULL;
        int result = 0;

        if (!*added)
                return trail(
                        -ENOENT, "nothing was mounted in '%s' by `mounts add`", job->container.id);
        for (size_t i = job->mounts.list.n; i-- > 0;) {
                int r = remove_one(job, i, added, out);

                if (r < 0 && result == 0) {
                        result = r;
                        words = arena_string(job->arena, trail_text());
                }
                trail_reset();
        }
        return result < 0 ? trail(result, "%s", words) : 0;
}

/* Those that the failed command had attached, the last first. What went wrong with it is said, not what
 * goes wrong here: the ones that it did not come to are not there. */
static void take_back(struct job *job)
{
        const char *words = arena_string(job->arena, trail_text());
        const char *hint = arena_string(job->arena, trail_hint_text());
        struct container now;

        trail_reset();
        if (container_open(job->arena, job->container.root, job->container.id, false, &now) == 0) {
                const char *added = container_added_mounts(job->arena, &now, job->container.size);

                for (size_t i = job->mounts.list.n; *added && i-- > 0;)
                        remove_one(job, i, added, NULL);
                container_close(&now);
        }
        trail_reset();
        trail(0, "%s", words);
        if (*hint)
                trail_hint("%s", hint);
}

static int add_all(struct job *job, struct text *out)
{
        struct plan *plan;
        int r = runtime_compile_mounts(
                job->arena, job->spec, &job->mounts, &job->options, &job->facts, &plan);

        if (r < 0)
                return r;
        if (out)
                return show(plan, out);
        plan_warn(plan);
        r = container_visit(&job->container, plan);
        if (r < 0)
                take_back(job);
        return r;
}

static int work(struct job *job, struct text *out)
{
        int r;

        if (job->container.status != CONTAINER_RUNNING &&
            job->container.status != CONTAINER_CREATED)
                return trail(
                        -ESRCH, "container '%s' is %s", job->container.id,
                        container_status_word(job->container.status));
        job->options = (struct runtime_options){ .id = job->container.id,
                                                 .bundle = job->container.bundle,
                                                 .pid = job->container.pid,
                                                 .process = job->container.process,
                                                 .document = job->request->file };
        if ((r = container_spec(job->arena, &job->container, &job->spec)) < 0 ||
            (r = read_mounts(job)) < 0 || (r = facts_gather(job->arena, &job->facts)) < 0)
                return r;
        return job->request->remove ? remove_all(job, out) : add_all(job, out);
}

int engine_oci_mounts(const struct oci_mounts_request *request, struct text *out)
{
        auto_arena arena = { 0 };
        struct job job = { .arena = &arena, .request = request };
        int r = container_open(&arena, request->oci.root, request->id, true, &job.container);

        if (r < 0)
                return r;
        r = work(&job, request->explain ? out : NULL);
        container_close(&job.container);
        return r;
}
