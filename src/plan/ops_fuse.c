/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an overlay that a program serves (docs/adr/0026).
 *
 * INIT mounts it, since a /dev/fuse serves only mounts of the user namespace in which it was opened; HOST starts the
 * program, since nobody in the container is to see it. The descriptor goes over the gate. INIT's first look into the
 * mount waits until the program answers, or fails when it is dead, so there is no gate of its own for that. */
#include "ops.h"

#include <fcntl.h>

int do_open_fuse(struct machine *m, const struct op_open_fuse *o)
{
        int fuse = file_open(AT_FDCWD, "/dev/fuse", O_RDWR, 0), r;
        char number[16];

        if (fuse < 0)
                return trail(fuse, "cannot open /dev/fuse");
        m->fd[o->fuse] = fuse;
        text_format(number, sizeof number, "%d", fuse);
        r = mount_set_fs(slot(m, o->fs), "fd", number);
        return r < 0 ? trail(r, "/dev/fuse") : 0;
}

int do_serve_overlay(struct machine *m, const struct op_serve_overlay *o)
{
        struct serve_job job = {
                .program = o->program,
                .lower = o->lower.items,
                .n_lower = o->lower.n,
                .upper = o->upper,
                .work = o->work,
                .ns = slot(m, o->ns),
        };
        char bytes[2];
        ssize_t n = gate_receive(m, bytes, sizeof bytes, &job.fuse);
        int r;

        if (n < 0)
                return (int)n;
        if (job.fuse < 0)
                return -ECONNRESET;
        r = serve_overlay(&job);
        file_close(&job.fuse);
        return r < 0 ? trail(r, "cannot start %s", o->program) : 0;
}
