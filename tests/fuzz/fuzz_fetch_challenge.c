/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate from anybody: what is taken apart stays within the line. */
#include "fetch/challenge.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct challenge challenges[CHALLENGES_MAX];
        const char *line = arena_copy(&arena, (const char *)bytes, size);
        size_t n = 0;

        if (challenge_parse(&arena, line, challenges, &n) == 0) {
                if (n > CHALLENGES_MAX)
                        abort();
                for (size_t i = 0; i < n; i++)
                        if (challenges[i].realm && strlen(challenges[i].realm) > size)
                                abort();
        }
        return 0;
}
