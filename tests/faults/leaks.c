/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: is anything left?
 *
 * tests/leak-meter's questions, asked thousands of times a minute: nothing is started for them.
 * Processes are no matter of names: the sweep is the subreaper of all that it starts, so what lives is
 * its child. With the processes go their namespaces and descriptors; a namespace that something else
 * held would be a mount, which is asked for. */
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

/* Children that live; zombies are reaped on the way. */
static size_t live_children(struct arena *arena)
{
        struct text text;
        size_t n = 0;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        if (file_read(
                    arena, AT_FDCWD,
                    arena_format(arena, "/proc/self/task/%d/children", (int)getpid()), 1 << 20,
                    &text) < 0)
                return SIZE_MAX;
        for (const char *at = text_string(&text); *at; at++)
                n += *at == ' ';
        return n;
}

/* A killed process may need a moment for its end. */
static bool children_end(struct arena *arena, size_t wanted)
{
        struct timespec now, until, pause = { .tv_nsec = 200000 };

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 10;
        do {
                if (live_children(arena) == wanted)
                        return true;
                nanosleep(&pause, NULL);
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while (now.tv_sec < until.tv_sec);
        return false;
}

static const char *named_mount(struct arena *arena, const char *word)
{
        struct text text;
        const char *at;

        if (file_read(arena, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text) < 0)
                return "/proc/self/mountinfo cannot be read";
        at = strstr(text_string(&text), word);
        return at ? arena_format(arena, "a mount: %.80s", at) : NULL;
}

/* Below each cgroup mount: WORD, and what is made below our own cgroup. */
static const char *named_cgroup(struct arena *arena, const char *word)
{
        FILE *mounts = fopen("/proc/self/mountinfo", "re");
        char line[4096], point[1024];
        const char *found = NULL;

        while (mounts && !found && fgets(line, sizeof line, mounts)) {
                if (!strstr(line, " - cgroup") ||
                    sscanf(line, "%*s %*s %*s %*s %1023s", point) != 1)
                        continue;
                found = arena_format(arena, "%s/%s", point, word);
                if (access(found, F_OK) < 0)
                        found = NULL;
        }
        if (mounts)
                fclose(mounts);
        return found ? arena_format(arena, "the cgroup %s", found) : NULL;
}

static const char *named_link(struct arena *arena, const char *word)
{
        DIR *links = opendir("/sys/class/net");
        const char *found = NULL;

        for (struct dirent *entry; links && !found && (entry = readdir(links));)
                if (strstr(entry->d_name, word))
                        found = arena_format(arena, "the network link %s", entry->d_name);
        if (links)
                closedir(links);
        return found;
}

const char *leaks_find(struct arena *arena, const struct sweep *sweep, size_t children)
{
        const char *found;

        if (!children_end(arena, children)) {
                struct text text = { .arena = arena };

                file_read(
                        arena, AT_FDCWD,
                        arena_format(arena, "/proc/self/task/%d/children", (int)getpid()), 1 << 20,
                        &text);
                return arena_format(
                        arena, "%zu children and not %zu: %s", live_children(arena), children,
                        text_string(&text));
        }
        if ((found = named_mount(arena, sweep->word)) || (found = named_link(arena, sweep->word)))
                return found;
        if (sweep->document.bundle && files_count(sweep->document.bundle) != sweep->files)
                return arena_format(
                        arena, "files in the bundle: %zu and not %zu",
                        files_count(sweep->document.bundle), sweep->files);
        return sweep->lives ? NULL : named_cgroup(arena, sweep->word);
}
