/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tests/faults: what both sweeps use. */
#pragma once

#include <stddef.h>

/* The number of an errno's name; 0 for "KILL", which stands for SIGKILL; -1: there is none. */
int error_named(const char *name);
/* How many files and directories there are from `path` down, on its own file system. */
size_t files_count(const char *path);
