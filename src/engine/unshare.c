/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk unshare`: a program in the user namespace in which all ids of an ordinary user are his
 * own, those of /etc/subuid as well, with mounts of its own. Our process becomes that program: there is none between
 * it and its caller, so signals, terminal and exit status are its own. */
#include "image.h"
#include "oci.h"
#include "runtime/runtime.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

/* As execvp(3), with the caller's words for where to look. */
static int execute(struct arena *arena, const struct unshare_request *request)
{
        const char *name = request->argv.items[0], *at = request->search ? request->search : "";
        int result = -ENOENT;

        if (strchr(name, '/'))
                return process_execute(name, request->argv.items, request->env);
        for (;;) {
                size_t size = strcspn(at, ":");
                int r = process_execute(
                        arena_format(arena, "%.*s%s%s", (int)size, at, size ? "/" : "./", name),
                        request->argv.items, request->env);

                if (r != -ENOENT && r != -ENOTDIR && result != -EACCES)
                        result = r;
                if (result != -ENOENT && result != -EACCES)
                        return result;
                if (!at[size])
                        return result;
                at += size + 1;
        }
}

int engine_unshare(const struct unshare_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct idmap map;
        int r;

        if (geteuid() == 0)
                return trail(
                        -EINVAL,
                        request->engine.unshared
                                ? "this is such a shell already: all ids of the user are yours here"
                                : "it is for ordinary users: root can do all that without");
        map = subids_all(&arena);
        r = idmap_enter(&map, CLONE_NEWNS);
        if (r < 0) {
                trail_hint("user namespaces may be forbidden: sysctl user.max_user_namespaces, "
                           "kernel.apparmor_restrict_unprivileged_userns");
                return *trail_text() ? trail(r, "cannot make a user namespace")
                                     : trail(r, "cannot make a user namespace: %s", text_errno(r));
        }
        if (!map.uid_helper)
                trail_warn(
                        "no other ids than your own: newuidmap, newgidmap and lines in /etc/subuid "
                        "and /etc/subgid would give them");
        if (request->tell)
                request->tell(request->context);
        r = execute(&arena, request);
        trail(r, "cannot execute '%s': %s", request->argv.items[0], text_errno(r));
        return oci_no_command(r, ret_exit);
}
