/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the end of a container: its first process is put down, the journal's inverses are
 * run, and its directory goes, the journal last: who is killed meanwhile leaves what the next one needs. */
#include "runtime.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        AT_ONCE_MS = 200, /* what a kill takes, as a rule much less */
        SOON_MS = 1000,   /* then who asked for it looks for a reason */
        PATIENCE_MS = 10000
};

/* The end of a pid namespace waits for all of it to be reaped, by whoever entered it, too: a client of exec that was
 * stopped (SIGSTOP) does not. `stopped`: tell of such a one alone, which there is no use in waiting for. */
static bool tell_unreaped(const struct container *container, bool stopped)
{
        struct task_unreaped unreaped;

        if (tasks_find_unreaped(container->pid, &unreaped) <= 0 || (stopped && !unreaped.stopped))
                return false;
        trail_hint("let process %d go on (kill -CONT), or end it", (int)unreaped.parent);
        trail(-EBUSY,
              "process %d (%s) in it has ended, but its parent %d (%s) has not waited for it",
              (int)unreaped.pid, unreaped.name, (int)unreaped.parent, unreaped.parent_name);
        return true;
}

/* A container that may write to its cgroup of v1 can freeze a process faster than we thaw it: when the first process,
 * which waits for all others of its pid namespace, is not gone soon, all are held, killed and let go together.
 * What was frozen while it was made has perhaps not been looked at (hold_cgroup): none of it runs again. */
static int end_in(struct arena *arena, struct container *container, int process, int patience_ms)
{
        int r = process_signal(process, 9), ended;

        if (r < 0)
                return r == -ESRCH ? 1 : r;
        if (container->status == CONTAINER_CREATING && container_find_freezer(arena, container))
                (void)cgroup_kill(container->freezer); /* what is left the wait tells */
        container_thaw_killed(container);
        ended = process_poll(process, AT_ONCE_MS);
        if (ended == 0 && container->freezer)
                (void)cgroup_kill(container->freezer);
        return ended == 0 ? process_poll(process, patience_ms) : ended;
}

static int end(struct arena *arena, struct container *container, int process)
{
        return end_in(arena, container, process, PATIENCE_MS);
}

int container_end(struct arena *arena, struct container *container, int process)
{
        int ended = end_in(arena, container, process, SOON_MS);

        if (ended != 0 || tell_unreaped(container, true))
                return ended;
        ended = process_poll(process, PATIENCE_MS);
        if (ended == 0)
                tell_unreaped(container, false);
        return ended;
}

/* Kill the first process and wait until it is gone; the rest of its pid namespace goes with it. */
static int put_down(
        struct arena *arena, struct container *container,
        int (*end_it)(struct arena *, struct container *, int))
{
        auto_close fd =
                container->status == CONTAINER_STOPPED ? -ESRCH : container_process(container);
        int r = fd;

        if (fd >= 0) {
                r = end_it(arena, container, fd);
                r = r < 0 ? r : r == 1 ? 0 : -EBUSY;
        }
        if (r == 0 || r == -ESRCH)
                return 0;
        return trail(
                r, "the process %d of '%s' %s: %s", (int)container->pid, container->id,
                r == -EBUSY ? "does not die" : "cannot be killed", text_errno(r));
}

int container_put_down(struct arena *arena, struct container *container)
{
        int r = container_check_own(container, "change it");

        return r < 0 ? r : put_down(arena, container, container_end);
}

static bool is_free(const struct container *container)
{
        return lock_take(container->journal, LOCK_FOR_CHANGE, false) != -EAGAIN;
}

bool container_hasten(const char *root, const char *id)
{
        enum {
                PATIENCE = 50, /* rounds of 20 ms */
                ROUNDS = 11 * PATIENCE,
        };

        const struct timespec moment = { .tv_nsec = 20000000 };
        struct container container;
        bool is_done = false, killed = false;

        for (int round = 0; round < ROUNDS && !is_done; round++) {
                auto_arena arena = { 0 };

                if (container_open(&arena, root, id, false, &container) < 0)
                        break;
                is_done = container.foreign || is_free(&container);
                if (!is_done && round >= PATIENCE)
                        killed |= container_signal(&container, 9) == 0;
                container_close(&container); /* and the lock goes */
                if (!is_done)
                        nanosleep(&moment, NULL);
        }
        trail_reset();
        return killed;
}

static bool has_frozen_below(const char *freezer)
{
        struct stat st;

        return file_stat(AT_FDCWD, freezer, AT_SYMLINK_NOFOLLOW, &st) == 0 && st.st_nlink > 2 &&
               freezer_is_frozen_below(freezer) == 1;
}

/* Others in its cgroups may be frozen although the first process had ended before: none of them runs again, and the
 * cgroup of v2, which goes first, cannot be removed before they have ended. */
static int kill_frozen(struct arena *arena, struct container *container)
{
        int r = container->pid > 0 && !container->freezer ? container_has_cgroups(arena, container)
                                                          : 0;

        if (r > 0 && (container_find_freezer(arena, container) ||
                      (container->freezer && has_frozen_below(container->freezer))))
                (void)cgroup_kill(container->freezer); /* what is left undoing tells */
        return r < 0 ? r : 0;
}

int container_release(struct arena *arena, const struct container *container)
{
        struct text cgroups = { .arena = arena };
        struct container own = *container;
        int rebooted = container_is_rebooted(container);

        if (rebooted < 0)
                return rebooted;
        for (struct journal_lines at = container_events(container); journal_next(&at);)
                if (journal_is_of_cgroups(at.line))
                        text_add_bytes(&cgroups, at.line, at.size + 1);
        if (cgroups.len && kill_frozen(arena, &own) < 0)
                trail_reset(); /* undoing finds the same */
        return journal_undo(arena, container->dir, rebooted, text_string(&cgroups), cgroups.len);
}

struct undoing {
        struct arena *arena;
        const struct container *container;
};

/* The document is another's words, whatever it looks like. */
static int undo_inside(void *context)
{
        const struct undoing *u = context;
        const struct container *container = u->container;
        int rebooted = container_is_rebooted(container);

        return rebooted < 0 ? rebooted
                            : journal_undo(
                                      u->arena, container->dir, rebooted,
                                      container->text + container->lines,
                                      container->size - container->lines);
}

/* The files that an ordinary user's container wrote belong to ids which are the user's only in a user
 * namespace, and the directory that an overlay works in is open to root alone. */
static int undo(struct arena *arena, const struct container *container)
{
        struct undoing undoing = { arena, container };
        struct idmap map;

        if (geteuid() != 0) {
                map = subids_all(arena);
                if (idmap_run(&map, undo_inside, &undoing) == 0)
                        return 0;
                trail_reset(); /* then as ourselves, which says what is wrong */
        }
        return undo_inside(&undoing);
}

/* Without a journal it is nobody's: another maker of the id may have taken it, and has a journal in it. */
static int remove_directory(const struct container *container)
{
        for (int round = 0;; round++) {
                int r = container_dir_remove(container->dir, container->id);

                if (r == 0 || r == -ENOENT)
                        return 0;
                if (r == -ENOTEMPTY && file_stat(
                                               container->dir, "journal", AT_SYMLINK_NOFOLLOW,
                                               &(struct stat){ 0 }) == 0)
                        return 0;
                if (r != -ENOTEMPTY || round == 100)
                        return trail(
                                r, "cannot remove %s/%s: %s", container->root, container->id,
                                text_errno(r));
        }
}

const char *container_merged(struct arena *arena, const char *root, const char *id)
{
        return arena_format(arena, "%s/%s/merged", root, id);
}

/* In other mount namespaces that takes away what is mounted there. */
int container_unplace(struct arena *arena, const struct container *container)
{
        const char *path = container_merged(arena, container->root, container->id);
        int r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);

        if (r == -EBUSY)
                return trail(r, "'%s' is mounted at %s", container->id, path);
        return r < 0 && r != -ENOENT ? trail(r, "cannot remove %s: %s", path, text_errno(r)) : 0;
}

int container_hide(struct arena *arena, const struct container *container)
{
        const char *path = container_merged(arena, container->root, container->id);

        if (mount_is_root(AT_FDCWD, path))
                (void)mount_detach(path); /* what fails for it, the next call tells */
        return container_unplace(arena, container);
}

static const char *const files[] = { "start", "log", "times", "journal" }; /* the journal last */

/* Without its journal nobody would know any more whose the rest is. */
static int check_rest(const struct container *container)
{
        DIR *list = file_list_at(container->dir, ".");
        bool others = false;

        if (!list) /* who has no descriptor left leaves its own failed container to rmdir(2) */
                return errno == EMFILE || errno == ENFILE ? 0 : -errno;
        for (struct dirent *entry; !others && (entry = readdir(list));) {
                others = !text_is_dots(entry->d_name);
                for (size_t i = 0; others && i < ARRAY_SIZE(files); i++)
                        others = !text_equal(entry->d_name, files[i]);
                if (others) {
                        trail_hint(
                                "`husk rm -f` or `husk-oci delete --force` removes all that is there");
                        trail(-ENOTEMPTY,
                              "%s/%s: '%.100s' in it is not known to be the container's",
                              container->root, container->id, entry->d_name);
                }
        }
        closedir(list);
        return others ? -ENOTEMPTY : 0;
}

int container_remove(struct arena *arena, struct container *container)
{
        int r = container_check_own(container, "change it");

        if (r < 0)
                return r;
        r = put_down(arena, container, end);
        if (r < 0)
                return r;
        r = container_unplace(arena, container);
        if (r < 0)
                return r;
        r = kill_frozen(arena, container);
        if (r == 0)
                r = undo(arena, container);
        if (r == 0)
                r = check_rest(container);
        if (r < 0)
                return r;
        /* While the journal is still there: should we be killed, the next one runs them. */
        container_poststop(arena, container);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                r = file_remove(container->dir, files[i], 0);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return remove_directory(container);
}

/* What is no plain file, or another user's, says nothing of the directory that it is in; a journal that is whole says
 * that all of it is the container's. */
static int discard_files(struct arena *arena, const char *root, const char *id, bool whole)
{
        auto_close dir = file_open(
                AT_FDCWD, arena_format(arena, "%s/%s", root, id),
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        int r = dir < 0 ? dir : container_dir_check(dir, id, whole);

        if (r == 0)
                r = container_hide(arena, &(struct container){ .root = root, .id = id });
        if (r == -ENOENT)
                return 0;
        if (r < 0) /* what is below is not to be removed with it */
                return *trail_text() ? r : trail(r, "cannot look at the container '%s'", id);
        if (!whole)
                trail_warn(
                        "container '%s': its journal was not believed, so its processes and "
                        "cgroups, if there are any, stay",
                        id);
        r = container_dir_discard(dir, id, whole);
        if (r < 0 && r != -ENOENT && !*trail_text())
                trail(r, "cannot remove %s/%s: %s", root, id, text_errno(r));
        return r == -ENOENT ? 0 : r;
}

int container_discard(struct arena *arena, const char *root, const char *id)
{
        struct container container;
        bool whole = false;
        int r = container_open_any(arena, root, id, true, &container);

        if (r == 0) {
                whole = container.header && !container.torn && !container.beheaded;
                r = container_dir_check(container.dir, id, whole);
                if (r == 0)
                        r = container_hide(arena, &container);
                if (r == 0)
                        r = container_remove(arena, &container);
                if (r == -ENOTEMPTY)
                        container_poststop(arena, &container);
                container_close(&container);
        }
        /* -ENOTEMPTY: it does not tell of all that is there. */
        if (r != -EUCLEAN && r != -ENOTEMPTY)
                return r;
        trail_reset();
        return discard_files(arena, root, id, whole);
}
