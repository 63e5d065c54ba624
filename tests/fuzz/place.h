/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the fuzzer's own, for readers that want a file. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static char place[64];

/* Best effort: a directory that stays would be found by the next run of the fuzzer only. */
static void place_remove(void)
{
        char command[96];

        snprintf(command, sizeof command, "rm -rf %s", place);
        if (system(command) != 0)
                place[0] = '\0';
}

/* The directory, made at the first call; with one directory `below` it. */
static inline const char *place_get(const char *below)
{
        char path[128];

        if (place[0])
                return place;
        snprintf(place, sizeof place, "/tmp/husk-fuzz-XXXXXX");
        if (!mkdtemp(place))
                abort();
        snprintf(path, sizeof path, "%s/%s", place, below);
        mkdir(path, 0700);
        atexit(place_remove);
        return place;
}

static inline void place_write(const char *name, const void *bytes, size_t size)
{
        char path[128];
        int fd;

        snprintf(path, sizeof path, "%s/%s", place, name);
        /* What was looked at may have taken the directory away, as that of a container never begun. */
        *strrchr(path, '/') = '\0';
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/%s", place, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
        if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
                abort();
        close(fd);
}
