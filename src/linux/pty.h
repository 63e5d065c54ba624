/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct winsize;

/* Pseudo-terminals, pty(7). */

/* A new pty of the devpts instance whose mount is `devpts`, checked by magic: its master, and the
 * slave opened through the master (TIOCGPTPEER), never by path (CVE-2025-52565). */
int pty_open(int devpts, int *ret_master, int *ret_slave);
int pty_set_size(int fd, unsigned rows, unsigned columns);
int pty_get_size(int fd, unsigned *ret_rows, unsigned *ret_columns);
/* setsid, controlling terminal, and descriptors 0, 1 and 2. Does not close `slave`. */
int pty_use(int slave);
