/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

/* When `error` is -ENOSYS: a hint that names the call, which this kernel is too old for or a filter around
 * us takes away. Returns `error`. Child-safe. */
COLD int missing_hint(int error, const char *call, const char *since);
