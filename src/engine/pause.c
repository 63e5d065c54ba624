/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: pause and resume, of both faces; who is refused because of it. */
#include "oci.h"
#include "store.h"

int oci_refuse_paused(const struct container *container, const char *name, bool ignore)
{
        if (ignore || container->status != CONTAINER_PAUSED)
                return 0;
        trail_hint("resume it first");
        return trail(-EBUSY, "container '%s' is paused", name);
}

static int change(
        const struct oci_id_request *request, int (*how)(const struct container *container))
{
        auto_arena arena = { 0 };
        struct container container;
        int r = container_open(&arena, request->oci.root, request->id, true, &container);

        if (r < 0)
                return r;
        r = how(&container);
        container_close(&container);
        return r;
}

int engine_oci_pause(const struct oci_id_request *request)
{
        return change(request, container_pause);
}

int engine_oci_resume(const struct oci_id_request *request)
{
        return change(request, container_resume);
}

static int change_named(
        const struct pause_request *request, int (*how)(const struct container *container))
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        struct container container;
        int r = store_open(&arena, &request->engine, name, true, &container);

        if (r < 0)
                return r;
        container.id = name; /* what messages call it */
        r = how(&container);
        container_close(&container);
        return r;
}

int engine_pause(const struct pause_request *request)
{
        return change_named(request, container_pause);
}

int engine_unpause(const struct pause_request *request)
{
        return change_named(request, container_resume);
}
