/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: which systemd makes our units.
 *
 * Root of the host has the system's manager, everybody else a manager of their own, which systemd runs
 * while they are logged in or linger. The private socket is tried first, since it needs no bus; in a
 * container there may be a bus alone. Where the manager's own cgroup is it says itself. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PRIVATE "systemd/private"

static bool is_there(const char *path)
{
        return path && file_access(path, F_OK) == 0;
}

/* The first place that is there; else the first place. */
static const char *find_socket(
        struct arena *arena, const struct systemd_places *places, bool user, uint32_t uid)
{
        const char *own = places->runtime_dir ? places->runtime_dir
                                              : arena_format(arena, "/run/user/%u", uid);
        const char *const system[] = { "/run/" PRIVATE, "/run/dbus/system_bus_socket", NULL };
        const char *const session[] = { arena_format(arena, "%s/" PRIVATE, own),
                                        places->session_bus, arena_format(arena, "%s/bus", own) };
        const char *const *all = user ? session : system;

        for (size_t i = 0; i < ARRAY_SIZE(session); i++)
                if (is_there(all[i]))
                        return all[i];
        return all[0];
}

/* What its units can have: the manager's cgroup gives on what it has. */
static void read_controllers(struct arena *arena, struct facts *facts)
{
        char list[256];
        ssize_t n;

        if (!facts->v2.mount)
                return;
        n = file_get(
                AT_FDCWD,
                arena_format(
                        arena, "%s%s/cgroup.controllers", facts->v2.mount, facts->systemd.cgroup),
                list, sizeof list);
        if (n <= 0)
                return;
        list[strcspn(list, "\n")] = '\0';
        facts->v2.names = arena_string(arena, list);
}

static int refuse(int error, bool user)
{
        char words[1024];

        text_format(words, sizeof words, "%s", trail_text());
        trail_reset();
        if (error == -ENOENT || error == -ECONNREFUSED)
                trail_hint(
                        "%s",
                        user ? "has this user a systemd? `loginctl enable-linger` keeps one running; "
                               "XDG_RUNTIME_DIR says where it is"
                             : "is systemd this host's init? --cgroup-manager=cgroupfs does without");
        return trail(error, "the systemd cgroup driver: %s: %s", words, text_errno(error));
}

int facts_gather_systemd(
        struct arena *arena, const struct systemd_places *places, bool guess, struct facts *facts)
{
        bool user = facts->uid != 0 || facts->in_user_namespace;
        char cgroup[1024];
        int r;

        /* Our own cgroup may be nobody's to change; the unit's will be ours. */
        if (user && facts->v2.mount && facts->n_v1 == 0)
                facts->cgroup_mode = CGROUP_V2;
        if (facts->cgroup_mode == CGROUP_NONE || (user && facts->cgroup_mode != CGROUP_V2)) {
                trail_hint("leave --systemd-cgroup out");
                return trail(
                        -EOPNOTSUPP, user ? "an ordinary user's systemd gives out cgroups of v2 "
                                            "only, and this host runs v1"
                                          : "this host has no cgroups");
        }
        facts->systemd = (struct systemd_facts){
                .socket = find_socket(arena, places, user, facts->uid),
                .cgroup = "",
                .user = user,
        };
        r = systemd_manager_property(facts->systemd.socket, "ControlGroup", cgroup, sizeof cgroup);
        if (r < 0 && guess) {
                trail_reset();
                return 0;
        }
        if (r < 0)
                return refuse(r, user);
        if (!text_equal(cgroup, "/"))
                facts->systemd.cgroup = arena_string(arena, cgroup);
        read_controllers(arena, facts);
        return 0;
}
