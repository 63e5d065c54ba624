/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a part of the host that nobody else is in.
 *
 * What is left behind is hard to tell on a host where others make containers, too. So the sweep is
 * in a pid, a mount, a network and an IPC namespace of its own, with empty file systems for /tmp, /run
 * and /dev/shm: each process, mount, socket, lock, link and file that is there is husk's, whatever its name
 * is, and counting them is quick. Namespaces are not looked for: one lives by a process, a descriptor
 * or a mount. Cgroups are the host's, and found by the word in their names.
 *
 * When the sweep dies the kernel kills all that is in its pid namespace. */
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static const char *const empty[] = { "/tmp", "/run", "/dev/shm" };

static size_t counted;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)ftw;
        if (type == FTW_DP)
                rmdir(path);
        return 0;
}

/* -- cgroups --------------------------------------------------------------------------------------------- */

static int count_directory(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)path;
        (void)st;
        (void)ftw;
        counted += type == FTW_D;
        return 0;
}

/* Not the files in them: every cgroup gets more of those when somebody enables a controller above it. */
static void count_all(const char *path)
{
        nftw(path, count_directory, 16, FTW_PHYS);
}

static void remove_all(const char *path)
{
        nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

/* Every cgroup of ours right below a hierarchy. */
static void each_cgroup(const char *word, void (*visit)(const char *path))
{
        FILE *mounts = fopen("/proc/self/mountinfo", "re");
        char line[4096], point[1024], path[1400];

        while (mounts && fgets(line, sizeof line, mounts)) {
                DIR *dir;

                if (!strstr(line, " - cgroup") ||
                    sscanf(line, "%*s %*s %*s %*s %1023s", point) != 1)
                        continue;
                dir = opendir(point);
                for (struct dirent *entry; dir && (entry = readdir(dir));)
                        if (entry->d_type == DT_DIR && strstr(entry->d_name, word)) {
                                snprintf(path, sizeof path, "%s/%s", point, entry->d_name);
                                visit(path);
                        }
                if (dir)
                        closedir(dir);
        }
        if (mounts)
                fclose(mounts);
}

static size_t count_cgroups(const char *word)
{
        counted = 0;
        each_cgroup(word, count_all);
        return counted;
}

void place_clean(const struct place *place)
{
        each_cgroup(place->word, remove_all);
}

/* -- the rest -------------------------------------------------------------------------------------------- */

/* Zombies of ours are reaped on the way. */
static size_t count_processes(void)
{
        DIR *dir = opendir("/proc");
        size_t n = 0;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                n += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
        if (dir)
                closedir(dir);
        return n;
}

static size_t count_lines(const char *path, const char *with)
{
        FILE *file = fopen(path, "re");
        char line[4096];
        size_t n = 0;

        while (file && fgets(line, sizeof line, file))
                n += strstr(line, with) != NULL;
        if (file)
                fclose(file);
        return n;
}

static size_t count_locks(void)
{
        struct stat st;
        char device[32];

        if (stat("/run", &st) < 0)
                return 0;
        snprintf(device, sizeof device, " %02x:%02x:", major(st.st_dev), minor(st.st_dev));
        return count_lines("/proc/locks", device);
}

static size_t count_files(void)
{
        size_t n = 0;

        /* The program of a container (tests/probe.c) makes it for a moment, and may be killed then. */
        rmdir(HOME "/rootfs/tmp/x");
        for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
                n += files_count(empty[i]);
        return n + files_count(HOME "/store"); /* which may be a disk's */
}

/* A line each, behind an empty one. */
static const char *read_mounts(struct arena *arena)
{
        struct text text;

        return file_read(arena, AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &text) < 0
                     ? "\n"
                     : arena_format(arena, "\n%s", text_string(&text));
}

static struct text *names; /* that are being read */

static int add_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        text_addf(names, "%s\n", path);
        return 0;
}

static const char *read_names(struct arena *arena)
{
        struct text text = { .arena = arena };
        struct stat run, store;

        text_add(&text, "\n");
        names = &text;
        for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
                nftw(empty[i], add_name, 16, FTW_PHYS | FTW_MOUNT);
        if (stat("/run", &run) == 0 && stat(HOME "/store", &store) == 0 &&
            run.st_dev != store.st_dev)
                nftw(HOME "/store", add_name, 16, FTW_PHYS | FTW_MOUNT);
        return text_string(&text);
}

static void take(struct place *place)
{
        place->sockets = count_lines("/proc/net/unix", "");
        place->links = count_lines("/proc/net/dev", ":");
        place->locks = count_locks();
        place->files = count_files();
        place->cgroups = count_cgroups(place->word);
}

static bool is_same(const struct place *a, const struct place *b)
{
        return a->processes == b->processes && a->sockets == b->sockets && a->locks == b->locks &&
               a->files == b->files && a->links == b->links && a->cgroups == b->cgroups;
}

/* Until it is twice the same: what ends meanwhile, a connection of a command that has ended, is nothing to stay. */
void place_take(struct place *place)
{
        static struct arena arena;
        const struct timespec pause = { .tv_nsec = 50000000 };
        struct place last;

        do {
                last = *place;
                place->processes = count_processes();
                take(place);
                nanosleep(&pause, NULL);
        } while (!is_same(place, &last));
        place->mountinfo = read_mounts(&arena);
        place->names = read_names(&arena);
}

static const char *differs(struct arena *arena, const char *what, size_t is, size_t should)
{
        return is == should ? NULL : arena_format(arena, "%zu %s and not %zu", is, what, should);
}

/* Of one process: a line of its own below /proc. */
static void add_about(struct text *text, const char *pid, const char *file)
{
        char path[300], line[400] = "";

        snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
        file_get_once(AT_FDCWD, path, line, sizeof line);
        for (char *at = line; *at; at++)
                if (*at == '\n')
                        *at = ' ';
        text_addf(text, " %.60s", line);
}

const char *place_processes(struct arena *arena)
{
        static const char *const files[] = { "stat", "wchan", "syscall" };
        struct text text = { .arena = arena };
        DIR *dir = opendir("/proc");

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                if (entry->d_name[0] < '2' || entry->d_name[0] > '9')
                        continue;
                text_addf(&text, " [%s", entry->d_name);
                for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                        add_about(&text, entry->d_name, files[i]);
                text_add(&text, "]");
        }
        if (dir)
                closedir(dir);
        return text_string(&text);
}

/* The first few lines of one that the other one has not. */
static void add_others(
        struct arena *arena, struct text *text, const char *sign, const char *of, const char *in)
{
        int n = 0;

        for (const char *at = of + 1; *at && n < 8; at += strcspn(at, "\n") + 1) {
                const char *line = arena_copy(arena, at - 1, strcspn(at, "\n") + 2);

                if (strstr(in, line))
                        continue;
                n++;
                text_addf(text, " %s%.*s", sign, (int)strcspn(at, "\n"), at);
        }
}

static const char *name_others(struct arena *arena, const char *is, const char *was)
{
        struct text text = { .arena = arena };

        if (!was)
                return ""; /* nothing was taken yet */
        add_others(arena, &text, "+", is, was);
        add_others(arena, &text, "-", was, is);
        return text_string(&text);
}

const char *place_changed(struct arena *arena, const struct place *place)
{
        struct timespec now, until, pause = { .tv_nsec = 100000 };
        struct place is = *place;
        const char *what, *mounts;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += HANG_S;
        while ((is.processes = count_processes()) != place->processes) {
                clock_gettime(CLOCK_MONOTONIC, &now);
                if (now.tv_sec >= until.tv_sec)
                        return arena_format(
                                arena, "%zu processes and not %zu:%s", is.processes,
                                place->processes, place_processes(arena));
                nanosleep(&pause, NULL);
        }
        take(&is);
        (void)((what = differs(arena, "cgroups", is.cgroups, place->cgroups)) ||
               (what = differs(arena, "files", is.files, place->files)) ||
               (what = differs(arena, "sockets", is.sockets, place->sockets)) ||
               (what = differs(arena, "locks", is.locks, place->locks)) ||
               (what = differs(arena, "links", is.links, place->links)));
        if (is.files != place->files)
                what = arena_format(
                        arena, "%s:%s", what, name_others(arena, read_names(arena), place->names));
        /* Those of the host are among them: who removes a directory there takes what is mounted on it. */
        mounts = read_mounts(arena);
        if (!what && !text_equal(mounts, place->mountinfo))
                what = arena_format(
                        arena, "other mounts than before:%s",
                        name_others(arena, mounts, place->mountinfo));
        return what;
}

/* -- in and out ------------------------------------------------------------------------------------------- */

static int furnish(void)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
                if (mount("husk-calls", empty[i], "tmpfs", 0, "mode=755") < 0)
                        return -errno;
        return 0;
}

int place_enter(struct place *place)
{
        int pidfd, status = 0;
        pid_t pid;

        /* Of one length, so that none is the beginning of another's. */
        snprintf(place->word, sizeof place->word, "hkc%07d", (int)getpid());
        pid = namespace_spawn(
                CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC, NO_FD, &pidfd);
        if (pid == 0)
                return furnish();
        if (pid < 0)
                return pid;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        each_cgroup(place->word, remove_all);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
