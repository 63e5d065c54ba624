/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a terminal for a container.
 *
 * Master and slave come from one devpts mount that we made and still hold by descriptor. The slave
 * is opened through the master, so that no name under /dev/pts, which the container could have
 * replaced, is ever resolved. */
#include "linux.h"

#include <fcntl.h>
#include <unistd.h>

#include <sys/ioctl.h>

#ifndef TIOCGPTPEER
#        define TIOCGPTPEER 0x5441
#endif

int pty_open(int devpts, int *ret_master, int *ret_slave)
{
        auto_close master = NO_FD;
        int unlock = 0, slave;

        if (file_magic(devpts) != MAGIC_DEVPTS)
                return -ENOTTY;
        master = file_open(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
        if (master < 0)
                return master;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return -errno;
        *ret_master = master;
        *ret_slave = slave;
        master = NO_FD;
        return 0;
}

int pty_set_size(int fd, unsigned rows, unsigned columns)
{
        struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

        return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int pty_get_size(int fd, unsigned *ret_rows, unsigned *ret_columns)
{
        struct winsize size;

        if (ioctl(fd, TIOCGWINSZ, &size) < 0)
                return -errno;
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
        return 0;
}

int pty_use(int slave)
{
        if (setsid() < 0 && getsid(0) != getpid()) /* it may lead one already */
                return -errno;
        if (ioctl(slave, TIOCSCTTY, 0) < 0)
                return -errno;
        for (int fd = 0; fd < 3; fd++)
                if (dup2(slave, fd) < 0)
                        return -errno;
        return 0;
}
