/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

#include <stddef.h>

#include <sys/types.h>

/* Units of a systemd manager, org.freedesktop.systemd1(5): by its private socket (a path that ends in
 * "/systemd/private") or a bus. Each call is a connection of its own and waits for at most 30 s, until
 * the manager's job is done. -ECONNREFUSED, -ENOENT: there is no manager; -ETIMEDOUT; -EACCES: it does
 * not let us; -EIO: it refused, as the trail says. All are child-safe. */

/* A transient scope around the process; properties, NULL at the end, are "Name=variant" in GVariant's
 * text. -EEXIST: there is a unit of that name. */
COLD int systemd_start_unit(
        const char *socket, const char *unit, const char *const *properties, pid_t pid);
/* One more process for it. -ENOENT: there is no such unit. */
COLD int systemd_attach(const char *socket, const char *unit, pid_t pid);
/* Other values, until the unit ends. */
COLD int systemd_set_unit(const char *socket, const char *unit, const char *const *properties);
/* Stop it, and forget that it failed. What is not there is no error. */
COLD int systemd_stop_unit(const char *socket, const char *unit);
/* A property of the manager's, a string: "ControlGroup". */
COLD int systemd_manager_property(const char *socket, const char *name, char *buffer, size_t size);
