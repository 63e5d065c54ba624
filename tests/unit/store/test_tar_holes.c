/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse files and files of many names, as somebody makes them who wants an archive to be large, or us to be. */
#include "linux/linux.h"
#include "store/store.h"
#include "store/tar_holes.h"
#include "store/tar_links.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

enum {
        PAGE = 4096,
        MANY = TAR_HOLES_MAX + 2000,
};

/* Pages with room between them. */
static int make_pieces(uint64_t step)
{
        static const char page[PAGE] = "x";
        int fd = file_make_memory("pieces");

        CHECK(fd >= 0);
        for (uint64_t i = 0; i < MANY; i++)
                CHECK_INT(pwrite(fd, page, 1, (off_t)(i * step)), 1);
        CHECK_INT(ftruncate(fd, (off_t)(MANY * step)), 0);
        return fd;
}

TEST(more_pieces_than_an_archive_has_are_put_together)
{
        auto_arena arena = { 0 };
        auto_close fd = make_pieces(2 * PAGE);
        struct tar_pieces list;
        uint64_t end = 0, bytes = 0;

        CHECK_INT(tar_find_pieces(&arena, fd, (uint64_t)MANY * 2 * PAGE, &list), 0);
        CHECK(list.n > 1000 && list.n <= TAR_HOLES_MAX);
        for (size_t i = 0; i < list.n; i++) {
                const struct tar_piece *piece = &list.items[i];

                CHECK(piece->offset >= end);
                /* What is in no piece is a hole. */
                CHECK(piece->offset - end <= PAGE);
                end = piece->offset + piece->size;
                bytes += piece->size;
        }
        CHECK_INT(end, (uint64_t)MANY * 2 * PAGE);
        CHECK(bytes >= (uint64_t)MANY * PAGE && bytes < 2 * (uint64_t)MANY * PAGE);
}

TEST(pieces_that_are_far_from_each_other_are_refused)
{
        auto_arena arena = { 0 };
        auto_close fd = make_pieces(64 << 20);
        struct tar_pieces list;

        CHECK_INT(tar_find_pieces(&arena, fd, (uint64_t)MANY * (64 << 20), &list), -E2BIG);
}

/* Between the two questions it is another file. */
TEST(a_file_that_breathes_has_never_more_data_than_it_had)
{
        static const char page[PAGE] = "x";
        const uint64_t size = (uint64_t)1 << 40;
        int fd = file_make_memory("breathes"), status;
        pid_t pid = fork();

        CHECK(fd >= 0 && pid >= 0);
        if (pid == 0)
                for (;;)
                        if (pwrite(fd, page, sizeof page, 0) < 0 ||
                            ftruncate(fd, (off_t)size) < 0 || ftruncate(fd, 0) < 0)
                                _exit(1);
        for (int i = 0; i < 500000; i++) {
                struct file_data data;

                if (file_next_data(fd, 0, size, &data) > 0)
                        CHECK(data.end - data.begin <= PAGE);
        }
        kill(pid, SIGKILL);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        file_close(&fd);
}

TEST(files_of_many_names_in_a_deep_directory_take_little_memory)
{
        static struct tar_links links;
        char path[TAR_PATH_MAX] = "";
        const char *name;
        size_t length = 0;

        for (unsigned depth = 1; depth <= 200; depth++) {
                length +=
                        text_format(path + length, sizeof path - length, "directory_n%03u/", depth);
                tar_links_enter(&links, depth, length);
        }
        for (ino_t i = 1; i <= 100000; i++) {
                const struct stat st = { .st_ino = i, .st_nlink = 2 };

                text_format(path + length, sizeof path - length, "%x", (unsigned)i);
                CHECK_INT(tar_links_first(&links, path, 200, &st, &name), 0);
                CHECK(!name);
        }
        CHECK(links.bytes < 32 << 20); /* 300 MB of whole paths */
        text_format(path + length, sizeof path - length, "%x", 77777U);
        CHECK_INT(tar_links_first(&links, "other", 0, &(struct stat){ .st_ino = 77777 }, &name), 0);
        CHECK_STR(name, path);
        tar_links_free(&links);
}
