/* SPDX-License-Identifier: Apache-2.0 */
/* The header WWW-Authenticate. */
#pragma once

#include "base/base.h"

enum challenge_scheme {
        CHALLENGE_OTHER, /* one that we do not know */
        CHALLENGE_BASIC,
        CHALLENGE_BEARER,
};

struct challenge {
        enum challenge_scheme scheme;
        const char *realm, *service, *scope, *error; /* NULL: not said */
};

#define CHALLENGES_MAX 8

/* The challenges of one header line, in their order; beyond CHALLENGES_MAX they are passed over. 0, or
 * -EBADMSG when it does not follow the grammar. Source: RFC 9110, 11.6.1 and 11.2; RFC 6750, 3. */
int challenge_parse(
        struct arena *arena, const char *line, struct challenge ret_challenges[CHALLENGES_MAX],
        size_t *ret_n);
