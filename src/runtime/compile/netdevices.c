/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/netDevices: interfaces of the host go to the container.
 *
 * Moved by the host's side as soon as the network namespace is there and the journal knows the
 * process. Nothing gives them back: when the namespace ends the kernel returns what is hardware and
 * removes what is not, as the specification wants it. */
#include "compile.h"

#include <sched.h>

int compile_net_devices(struct compile *c)
{
        const struct spec_net_device_table *table = &c->linux_->net_devices;
        bool joined = c->joined_spaces & CLONE_NEWNET;

        if (table->n == 0)
                return 0;
        if (!compile_has_namespace(c, CLONE_NEWNET))
                return spec_error(
                        c->linux_->at, c->document, "/linux/netDevices",
                        "needs a network namespace to move them to");
        if (!joined && !((c->at_spawn | c->at_fork) & CLONE_NEWNET))
                return spec_error(
                        c->linux_->at, c->document, "/linux/netDevices",
                        "the network namespace comes too late for it here: join one, or leave "
                        "out the user namespace that is joined");
        for (size_t i = 0; i < table->n; i++) {
                const char *name = table->items[i].key;
                const char *pointer = why(c, "/linux/netDevices/%s", name);
                const char *as = table->items[i].value.name;

                as = as && *as ? as : name;
                if (!netlink_name_is_valid(name, false) || text_equal(name, "lo"))
                        return spec_error(
                                c->linux_->at, c->document, "/linux/netDevices",
                                "'%s' is no interface that can be moved", name);
                if (!netlink_name_is_valid(as, true))
                        return spec_error(
                                c->linux_->at, c->document, why(c, "%s/name", pointer),
                                "'%s' is no name of an interface: 1 to 15 bytes without space, "
                                "'/' and ':'; one %%d",
                                as);
                plan_add(
                        c->plan, HOST, pointer, move_link, .ns = joined ? c->join[4] : (FD)-1,
                        .name = name, .as = as);
        }
        return 0;
}
