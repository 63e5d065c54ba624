/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what is asked of systemd. The words for what it refuses come from it. */
#include "ops.h"

int do_start_unit(struct machine *m, const struct op_start_unit *o)
{
        int r = systemd_start_unit(o->socket, o->unit, o->properties.items, m->pid);

        /* Somebody else's: with EBUSY what bears its name is not taken back. */
        if (r == -EEXIST)
                return trail(-EBUSY, "the unit %s exists", o->unit);
        return r;
}

int do_attach_unit(struct machine *m, const struct op_attach_unit *o)
{
        return systemd_attach(o->socket, o->unit, m->pid);
}

int do_set_unit(struct machine *m, const struct op_set_unit *o)
{
        (void)m;
        return systemd_set_unit(o->socket, o->unit, o->properties.items);
}
