/* SPDX-License-Identifier: Apache-2.0 */
/* One mount of an image for all who need it, also while one of its holders ends. */
#include "linux/linux.h"
#include "store/store.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <sys/prctl.h>

static char path[] = "/var/tmp/husk-lent.XXXXXX";

static void make_image(void)
{
        auto_close file = mkostemp(path, O_CLOEXEC);
        const struct layer_options options = { .image = true };
        struct layer_writer layer;

        CHECK(file >= 0);
        layer_begin(&layer, file, &options);
        CHECK_INT(layer_end(&layer), 0);
        layer_abort(&layer);
}

/* A process that has the image mounted and says as what; or, not `whole`, only the lock of one whose descriptors have
 * gone already. */
static pid_t hold(bool whole, dev_t *ret_device)
{
        struct stat st = { 0 };
        int told[2];
        pid_t pid;

        CHECK_INT(pipe2(told, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none of them */
                const struct flock lock = {
                        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 900, .l_len = 1
                };
                int held,
                        image = whole ? mount_image(path, &held) : open(path, O_RDONLY | O_CLOEXEC);

                if (image < 0 || (!whole && fcntl(image, F_SETLK, &lock) < 0) ||
                    fstat(image, &st) < 0 || write(told[1], &st.st_dev, sizeof st.st_dev) < 0)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(told[1]);
        if (read(told[0], ret_device, sizeof *ret_device) != sizeof *ret_device)
                *ret_device = 0;
        close(told[0]);
        return pid;
}

static void stop(pid_t pid)
{
        int status;

        kill(pid, SIGKILL);
        CHECK_INT(process_wait(pid, &status), 0);
}

TEST(a_holder_that_is_ending_is_waited_for)
{
        auto_close tree = NO_FD, lock = NO_FD;
        dev_t device, other;
        pid_t ending, holder, killer;
        struct stat st;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        make_image();
        ending = hold(false, &other);
        CHECK(other);
        holder = hold(true, &device);
        if (device) {
                killer = fork();
                if (killer == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        usleep(20000);
                        kill(ending, SIGKILL);
                        pause();
                }
                tree = mount_image(path, &lock);
                CHECK(tree >= 0);
                CHECK_INT(fstat(tree, &st), 0);
                CHECK(st.st_dev == device);
                stop(killer);
        }
        stop(ending);
        stop(holder);
        unlink(path);
        SKIP_UNLESS(device, "this kernel mounts no images");
}
