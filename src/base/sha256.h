/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SHA-256, FIPS 180-4. The name of everything in an image is one. Child-safe. */

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with the NUL */

struct sha256 {
        uint32_t state[8];
        uint64_t bytes;    /* so far */
        uint8_t block[64]; /* the last, unfinished one: bytes % 64 of it */
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t size);
/* The digest of all that was added; `hash` must begin anew afterwards. */
void sha256_end(struct sha256 *hash, uint8_t ret_digest[SHA256_SIZE]);
/* The same as 64 lower-case hexadecimal digits and a NUL. */
void sha256_end_hex(struct sha256 *hash, char ret_hex[SHA256_HEX_SIZE]);
/* Of one piece. */
void sha256_hex(const void *bytes, size_t size, char ret_hex[SHA256_HEX_SIZE]);
