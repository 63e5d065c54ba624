/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: containers as directories.
 *
 * A directory of the state root is a container; mkdir reserves its id, flock on its journal says who
 * changes it. What state it is in is read from the journal and the kernel, never from a field that
 * could be stale: a process counts as the container's only while pid and start time agree and the
 * machine has not been rebooted since. How one comes to be is in create.c. */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

int container_check_id(const char *id)
{
        size_t size = strlen(id);

        /* Names that begin with a dot are the directory's own: what is being removed, the trial of overlays. */
        if (size == 0 || size > 255 || id[0] == '.')
                return trail(
                        -EINVAL,
                        "'%.64s' is no container id: 1 to 255 letters, digits, '_', '+', "
                        "'-' or '.', not first",
                        id);
        for (size_t i = 0; i < size; i++) {
                char ch = id[i];

                if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || strchr("_+-.", ch))
                        continue;
                trail_hint("allowed are letters, digits, '_', '+', '-' and '.'");
                return trail(
                        -EINVAL, "invalid container id: byte %zu is 0x%02x", i + 1,
                        (unsigned)(unsigned char)ch);
        }
        return 0;
}

const char *container_status_word(enum container_status status)
{
        switch (status) {
        case CONTAINER_CREATING:
                return "creating";
        case CONTAINER_CREATED:
                return "created";
        case CONTAINER_RUNNING:
                return "running";
        case CONTAINER_PAUSED:
                return "paused";
        case CONTAINER_STOPPED:
                return "stopped";
        }
        return "unknown";
}

int container_boot_id(const char **ret_id)
{
        static const char file[] = "/proc/sys/kernel/random/boot_id";
        static char id[64]; /* it is one for all that a process may ask for */
        ssize_t n = *id ? 1 : file_get_once(AT_FDCWD, file, id, sizeof id);
        int r;

        if (n <= 0) {
                *id = '\0';
                r = n < 0 ? (int)n : -EIO;
                return trail(r, "cannot read %s: %s", file, text_errno(r));
        }
        id[strcspn(id, "\n")] = '\0';
        *ret_id = id;
        return 0;
}

/* A pidfd of the process of the journal, if that still runs; -ESRCH: it does not. Other errors are none of
 * these: who cannot find out must not take it for dead. */
static int open_process(const struct container *container)
{
        int fd = container->pid > 0 ? process_open(container->pid) : -ESRCH, r;
        const char *boot;

        if (fd < 0)
                return fd == -ESRCH ? fd
                                    : trail(fd, "cannot open process %d: %s", (int)container->pid,
                                            text_errno(fd));
        /* Asked after the pidfd pins the number. */
        r = process_is(container->pid, fd, &container->process);
        if (r < 0)
                trail(r, "cannot look at process %d: %s", (int)container->pid, text_errno(r));
        if (r > 0) {
                r = container_boot_id(&boot);
                r = r < 0 ? r : text_equal(container->boot, boot);
        }
        if (r > 0)
                return fd;
        close(fd);
        return r < 0 ? r : -ESRCH;
}

/* 1, 0, or -errno. */
static int is_alive(const struct container *container)
{
        auto_close fd = open_process(container);

        return fd >= 0 ? 1 : fd == -ESRCH ? 0 : fd;
}

/* It was started once more: what was said of its process is about another one. */
static void read_start(struct container *container, const struct json *line)
{
        container->pid = 0;
        container->process = (struct process_id){ 0 };
        container->boot = json_string(json_member(line, "boot"));
        container->by = json_string(json_member(line, "by"));
        container->complete = container->has_exit = container->oom_killed = false;
        container->exit_code = 0;
        container->ended_s = 0;
        container->update_before = NULL;
        if (json_i64(json_member(line, "at"), &container->began_s) < 0)
                container->began_s = 0;
}

/* One line behind the header: process or status. */
static void read_event(struct container *container, const struct json *line, bool *started)
{
        const struct json *process = json_member(line, "process");
        const struct json *update = json_member(line, "update");
        const char *status = json_string(json_member(line, "status"));
        struct process_id id = { 0 };
        int64_t number;

        if (json_i64(json_member(process, "pid"), &number) == 0 && number > 0 &&
            number <= INT32_MAX &&
            (json_u64(json_member(process, "inode"), &id.inode) == 0 ||
             json_u64(json_member(process, "start"), &id.start) == 0)) {
                container->pid = (pid_t)number;
                container->process = id;
                container->begun = true;
        }
        if (update) {
                const struct json *resources = json_member(update, "resources");

                container->update_before = json_member(update, "before");
                if (resources)
                        container->resources = resources;
        }
        if (text_equal(status, "prepared"))
                container->prepared = true;
        if (text_equal(status, "renamed"))
                container->name = json_string(json_member(line, "name"));
        if (text_equal(status, "filled"))
                container->filled = true;
        if (text_equal(status, "created")) {
                container->status = CONTAINER_CREATED;
                container->complete = true;
        }
        if (text_equal(status, "started"))
                *started = container->complete = true;
        if (text_equal(status, "stopped")) {
                container->has_exit = json_i64(json_member(line, "code"), &number) == 0;
                container->exit_code = container->has_exit ? (int)number : 0;
                container->oom_killed = json_member(line, "oomKilled") != NULL;
                if (json_i64(json_member(line, "at"), &number) == 0)
                        container->ended_s = number;
        }
}

static void read_annotations(struct arena *arena, struct container *container)
{
        const struct json *map = json_member(container->header, "annotations");

        if (!map || map->kind != JSON_OBJECT)
                return;
        container->annotations.items =
                arena_array(arena, map->n + 1, sizeof *container->annotations.items);
        for (size_t i = 0; i < map->n; i++)
                container->annotations.items[container->annotations.n++] =
                        (struct spec_pair){ map->members[i].name,
                                            json_string(&map->members[i].value) };
}

/* Was the first process let go, whatever the journal knows of it? */
static bool has_begun(pid_t pid)
{
        return process_has_executed(pid) || reaper_is_running(pid);
}

static int read_journal(struct arena *arena, struct container *container)
{
        bool started = false, run = false;
        const char *mode = NULL;
        size_t number = 0;
        int alive;

        for (struct journal_lines at = journal_lines(container->text, container->size);
             journal_next(&at);) {
                const struct json *value;

                number++;
                if (number == 2) {
                        container->config = at.line;
                        container->config_size = at.size;
                        container->lines = (size_t)(at.rest - container->text);
                        container->events = container->lines;
                        continue;
                }
                if (number > 2 && text_starts(at.line, "{\"undo\""))
                        continue;
                if (json_parse(arena, "journal", at.line, at.size, &value) < 0) {
                        trail_reset();
                        container->torn = true;
                        continue;
                }
                if (number == 1)
                        container->header = value;
                else if (text_starts(at.line, JOURNAL_START_LINE)) {
                        read_start(container, value);
                        container->events = (size_t)(at.rest - container->text);
                        mode = json_string(json_member(value, "mode"));
                        started = false;
                } else {
                        read_event(container, value, &started);
                }
        }
        if (container->header) {
                const struct json *h = container->header;

                container->bundle = json_string(json_member(h, "bundle"));
                container->rootfs = json_string(json_member(h, "rootfs"));
                container->created = json_string(json_member(h, "created"));
                container->owner = json_string(json_member(h, "owner"));
                container->oci_version = json_string(json_member(h, "ociVersion"));
                run = text_equal(mode ? mode : json_string(json_member(h, "mode")), "run");
                if (!container->boot)
                        container->boot = json_string(json_member(h, "boot"));
                container->restored = json_member(h, "restored") != NULL;
                read_annotations(arena, container);
        }
        if (run && container->pid)
                container->complete = true;
        alive = is_alive(container);
        if (alive < 0)
                return alive;
        if (!alive)
                container->status = CONTAINER_STOPPED;
        else if (run || started || (container->complete && has_begun(container->pid)))
                container->status = CONTAINER_RUNNING; /* a `start` may have died before its note */
        if ((container->status == CONTAINER_CREATED || container->status == CONTAINER_RUNNING) &&
            container_find_freezer(arena, container))
                container->status = CONTAINER_PAUSED;
        return 0;
}

/* Nothing in it is believed: the container is damaged, and can only be deleted by force. */
static int damaged(const char *id, const char *how)
{
        trail_hint("nothing in it is believed; delete --force (husk: rm -f) removes the container");
        return trail(-EUCLEAN, "the journal of container '%s' %s", id, how);
}

int container_check_own(const struct container *container, const char *doing)
{
        if (!container->foreign)
                return 0;
        trail_hint(
                "be that user: `setpriv --reuid %u --clear-groups ...`", (unsigned)container->user);
        return trail(
                -EPERM, "container '%s' is that of user %u, who alone can %s", container->id,
                (unsigned)container->user, doing);
}

/* Names and processes in a journal are acted upon, so it has to be a plain file that nobody else can write.
 * Another user's container, whole, may be looked at: container_process() checks whose its process is. To change
 * or to enter it would be to do what that user wrote. */
static int check_owner(struct container *container, const struct stat *own, bool lock)
{
        struct stat above;

        if (!S_ISREG(own->st_mode))
                return damaged(container->id, "is no plain file");
        if (own->st_mode & 022)
                return damaged(container->id, "can be written by others");
        if (own->st_uid == geteuid())
                return 0;
        if (fstat(container->dir, &above) < 0)
                return -errno;
        if (above.st_uid != own->st_uid)
                return damaged(container->id, "belongs to another user");
        container->foreign = true;
        container->user = own->st_uid;
        return lock ? container_check_own(container, "change it") : 0;
}

/* Lines that the version which wrote them would not have written. */
static int check_lines(const struct container *container)
{
        const struct json *version = json_member(container->header, "version");
        int64_t number;

        if (container->beheaded)
                return damaged(container->id, "has lost its first line");
        if (container->torn)
                return damaged(container->id, "has a line that is no JSON");
        /* No header and nothing bad: its maker was killed while it wrote the first line. */
        if (container->header && (json_i64(version, &number) < 0 || number != JOURNAL_VERSION))
                return damaged(container->id, "is of another version of husk");
        return 0;
}

static int missing(const char *id)
{
        return trail(-ENOENT, "container '%s' does not exist", id);
}

/* Are there files, and no journal that would tell of them? Makers and removers may be at work: a journal is the first
 * file to be made and the last to go, so files behind a look that found none were not there for its maker. */
static bool has_lost_journal(int dir)
{
        return container_dir_has_files(dir) &&
               file_stat(dir, "journal", AT_SYMLINK_NOFOLLOW, &(struct stat){ 0 }) == -ENOENT &&
               container_dir_has_files(dir);
}

/* Its maker was killed before the journal's first line was whole, so nothing was made; unless a loss of power took
 * the line, and left what was made after it. The maker of a living one has the lock by then, or finds out that the file
 * is gone. True: there is no container; what is in a directory of others is not looked at. */
static bool remove_unborn(struct container *container)
{
        struct stat st;

        if (container->size && memchr(container->text, '\n', container->size))
                return false;
        if (!container_dir_is_ours(container->dir))
                return true;
        if (flock(container->journal, LOCK_EX | LOCK_NB) < 0 ||
            fstat(container->journal, &st) < 0 || (size_t)st.st_size != container->size)
                return false;
        if (container_dir_has_files(container->dir)) {
                container->beheaded = true; /* the journal stays, to tell that there is something */
                return false;
        }
        return file_remove(container->dir, "journal", 0) == 0 &&
               container_dir_remove(container->dir, container->id) == 0;
}

static int open_journal(struct container *container)
{
        int removed;
        /* What is no plain file any more must not keep us waiting. */
        int r = container->journal = file_open(
                container->dir, "journal", O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                0);

        if (r >= 0)
                return 0;
        if ((r == -ENOENT || r == -ELOOP || r == -EISDIR || r == -ENXIO) &&
            !container_dir_is_ours(container->dir))
                return missing(container->id); /* another program's, who knows what for */
        if (r == -ENOENT) {
                if (has_lost_journal(container->dir))
                        return damaged(container->id, "is missing");
                removed = container_dir_remove(container->dir, container->id);
                if (removed == 0 || removed == -ENOENT)
                        return missing(
                                container->id); /* killed between mkdir and the first write */
        }
        if (r == -ELOOP || r == -EISDIR || r == -ENXIO)
                return damaged(container->id, "is no plain file");
        return trail(
                r, "cannot open the journal of container '%s': %s", container->id, text_errno(r));
}

/* Directory and journal, each by its own name, and whose they are; *ret_st is that of the journal. */
static int open_both(const char *path, bool lock, struct container *container, struct stat *ret_st)
{
        int r;

        container->dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (container->dir < 0)
                return container->dir == -ENOENT
                             ? missing(container->id)
                             : trail(container->dir, "cannot open the container '%s': %s",
                                     container->id, text_errno(container->dir));
        r = open_journal(container);
        if (r == 0 && fstat(container->journal, ret_st) < 0)
                r = -errno;
        if (r == 0)
                r = check_owner(container, ret_st, lock);
        if (r == 0 && lock && flock(container->journal, LOCK_EX) < 0)
                r = trail(-errno, "cannot lock the journal of container '%s'", container->id);
        if (r == 0 && lock && fstat(container->journal, ret_st) == 0 && ret_st->st_nlink == 0)
                r = missing(container->id); /* removed while we waited */
        return r;
}

static int read_text(struct arena *arena, struct container *container, const struct stat *st)
{
        struct text text;
        int r = file_read_known(arena, container->journal, st->st_size, JOURNAL_MAX, &text);

        if (r == -EFBIG)
                return damaged(container->id, "is larger than any is");
        if (r < 0)
                return trail(r, "cannot read the journal of container '%s'", container->id);
        container->text = text_string(&text);
        container->size = text.len;
        return 0;
}

int container_open_any(
        struct arena *arena, const char *root, const char *id, bool lock,
        struct container *ret_container)
{
        struct container container = { .root = root, .dir = NO_FD, .journal = NO_FD };
        const char *path = arena_format(arena, "%s/%s", root, id);
        struct stat st;
        int r = container_check_id(id);

        if (r < 0)
                return r;
        container.id = arena_string(arena, id);
        r = open_both(path, lock, &container, &st);
        if (r == 0)
                r = read_text(arena, &container, &st);
        if (r == 0)
                r = remove_unborn(&container) ? missing(id) : read_journal(arena, &container);
        if (r == 0)
                *ret_container = container;
        else
                container_close(&container);
        return r;
}

int container_open(
        struct arena *arena, const char *root, const char *id, bool lock,
        struct container *ret_container)
{
        struct container container;
        int r = container_open_any(arena, root, id, lock, &container);

        if (r < 0)
                return r;
        r = check_lines(&container);
        if (r < 0) {
                container_close(&container);
                return r;
        }
        *ret_container = container;
        return 0;
}

void container_close(struct container *container)
{
        file_close(&container->journal);
        file_close(&container->dir);
}

/* The journal of one of many, below a descriptor of their root, in one step. False: it is not plainly one of
 * ours, and container_open() says what it is. */
static bool open_one_of_many(int root, struct container *container, struct stat *ret_st)
{
        char path[300];

        text_format(path, sizeof path, "%s/journal", container->id);
        container->journal = rootpath_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, true);
        if (container->journal >= 0 && fstat(container->journal, ret_st) == 0 &&
            S_ISREG(ret_st->st_mode) && !(ret_st->st_mode & 022) && ret_st->st_uid == geteuid())
                return true;
        container_close(container);
        return false;
}

bool container_may_be_passed_over(int error)
{
        return error != -EMFILE && error != -ENFILE && error != -ENOMEM;
}

int container_open_listed(
        struct arena *arena, const char *root, int root_fd, const char *id,
        struct container *ret_container)
{
        struct container container = {
                .root = root, .id = arena_string(arena, id), .dir = NO_FD, .journal = NO_FD
        };
        struct stat st;
        int r = container_check_id(id);

        if (r < 0)
                return r;
        if (!open_one_of_many(root_fd, &container, &st))
                return container_open(arena, root, id, false, ret_container);
        if (read_text(arena, &container, &st) == 0 && read_journal(arena, &container) == 0 &&
            container.header && check_lines(&container) == 0) {
                *ret_container = container;
                return 0;
        }
        trail_reset();
        container_close(&container);
        return container_open(arena, root, id, false, ret_container);
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int container_list(struct arena *arena, const char *root, const char ***ret_ids, size_t *ret_n)
{
        DIR *dir = file_list(root);
        size_t n = 0, room = 64;
        const char **ids = arena_array(arena, room, sizeof *ids);

        if (!dir && errno != ENOENT)
                return trail(-errno, "cannot read %s: %s", root, text_errno(-errno));
        errno = 0;
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                if (n == room) {
                        const char **more = arena_array(arena, 2 * room, sizeof *more);

                        memcpy(more, ids, n * sizeof *ids);
                        ids = more;
                        room *= 2;
                }
                ids[n++] = arena_string(arena, entry->d_name);
        }
        if (dir && errno) {
                int r = -errno;

                closedir(dir);
                return trail(r, "cannot read %s: %s", root, text_errno(r));
        }
        if (dir)
                closedir(dir);
        qsort(ids, n, sizeof *ids, compare);
        *ret_ids = ids;
        *ret_n = n;
        return 0;
}

int container_process(const struct container *container)
{
        int fd = open_process(container);

        if (fd < 0)
                return fd;
        if (container->foreign && !namespace_is_of_user(container->pid, container->user)) {
                close(fd);
                return trail(
                        -EPERM, "container '%s' is that of user %u, and process %d is not",
                        container->id, (unsigned)container->user, (int)container->pid);
        }
        return fd;
}

int container_signal(const struct container *container, int signal)
{
        auto_close fd = container_process(container);

        int r;

        r = fd < 0 ? fd : signal ? process_signal(fd, signal) : 0;
        if (r < 0 && r != -ESRCH && !*trail_text())
                trail(r, "cannot send a signal to container '%s': %s", container->id,
                      text_errno(r));
        if (r == 0 && signal == 9)
                container_thaw_killed(container);
        return r;
}
