/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Network interfaces, rtnetlink(7). */

/* May it be the name of an interface? `template`: one "%d" in it is for the kernel to fill in. */
bool netlink_name_is_valid(const char *name, bool template);

/* Move the interface `name` from our network namespace to that of `netns`, as `new_name`, with its
 * permanent addresses of global scope, and bring it up there. Our namespace is left for an instant,
 * so the caller has one thread. -ENODEV: there is no such interface; -EEXIST: new_name is taken
 * over there; with a trail. */
int netlink_move_link(int netns, const char *name, const char *new_name);
