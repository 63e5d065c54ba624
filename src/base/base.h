/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of base: memory, text, errors, JSON. Pure C: no room file opens a file,
 * reads a clock or the environment. Other rooms include this header only. */
#pragma once

/* Of a function that a command which goes well does not call. The compiler lays it, who calls nothing else, and
 * the branches that end in it apart from the rest: what is read of the program at a start is less. */
#define COLD __attribute__((cold))

#include "arena.h"
#include "dbus.h"
#include "json.h"
#include "sha256.h"
#include "text.h"
#include "trail.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(x) (sizeof(x) / sizeof *(x))

/* No descriptor. Never 0, so that a forgotten initialisation does not close stdin. */
#define NO_FD (-EBADF)
