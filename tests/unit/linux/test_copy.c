/* SPDX-License-Identifier: Apache-2.0 */
/* A tree is copied with all that a file can be; what is there already is neither followed nor opened up. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

static char base[] = "/tmp/husk-copy-XXXXXX";
static int from, to;

static void begin(void)
{
        CHECK(mkdtemp(base) != NULL);
        CHECK_INT(chdir(base), 0);
        CHECK_INT(mkdir("from", 0755), 0);
        CHECK_INT(mkdir("to", 0755), 0);
        from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(from >= 0 && to >= 0);
        umask(077);
}

static void end(void)
{
        CHECK_INT(file_remove_tree(AT_FDCWD, base), 0);
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        CHECK_INT(lstat(path, &st), 0);
        return st.st_mode;
}

TEST(a_pipe_and_a_link_are_copied_whatever_the_umask)
{
        begin();
        CHECK_INT(mkfifo("from/pipe", 0), 0);
        CHECK_INT(chmod("from/pipe", 0664), 0);
        CHECK_INT(symlink("/no/such", "from/link"), 0);
        CHECK_INT(copy_tree(from, to, false), 0);
        CHECK_INT(mode_of("to/pipe"), S_IFIFO | 0664);
        CHECK_INT(mode_of("to/link"), S_IFLNK | 0777);
        CHECK_INT(umask(0), 077);
        end();
}

TEST(a_link_in_the_place_of_a_pipe_leads_nowhere)
{
        begin();
        CHECK_INT(mkfifo("from/x", 0), 0);
        CHECK_INT(chmod("from/x", 04777), 0);
        CHECK_INT(close(open("victim", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
        CHECK_INT(symlink("../victim", "to/x"), 0);
        CHECK_INT(copy_tree(from, to, false), 0);
        CHECK_INT(mode_of("victim"), S_IFREG | 0600);
        end();
}
