/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Capabilities, capabilities(7), as bit sets: bit n is capability n. */

/* "CAP_CHOWN", "chown" or "cap_chown" -> its number, or -EINVAL. */
int caps_number(const char *name);
/* "chown"; NULL for a number that this version does not know. */
const char *caps_name(unsigned number);
/* Every capability that this version knows. */
uint64_t caps_all(void);

int caps_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable);
/* Is this one in our effective set? */
bool caps_have(unsigned number);
/* capset(2), and read back: -EPERM when the kernel gave something else. */
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable);
/* Drop from the bounding set all that is not in `keep`, up to what the kernel knows. */
int caps_bound(uint64_t keep);
/* Exactly this ambient set. -ENOSYS never: since Linux 4.3. */
int caps_set_ambient(uint64_t ambient);
/* The permitted set survives the next change from uid 0, SECBIT_KEEP_CAPS (which exec clears), and
 * none of the caller's other securebits goes on but those that are locked. -EPERM when they are
 * locked so that the set would be lost. */
int caps_keep(void);
