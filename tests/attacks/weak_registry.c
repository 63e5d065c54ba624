/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: husk-registry without one of its protections, as weak.c is husk. HUSK_WEAK is one of
 *
 *   origin   wherever a redirect leads is the registry itself, and so is who has its tokens
 *   link     no address is one of this link
 *   digest   a digest is another one's equal
 *
 * husk starts its helper without an environment: a script says the word (tests/system/registry_helper.bash). */
#include "fetch/address.h"
#include "fetch/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool __real_http_same_origin(const char *a, const char *b);
bool __wrap_http_same_origin(const char *a, const char *b);
bool __real_http_same_host(const char *a, const char *b);
bool __wrap_http_same_host(const char *a, const char *b);
bool __real_address_is_link_local(const struct sockaddr *address);
bool __wrap_address_is_link_local(const struct sockaddr *address);
bool __real_address_text_is_link_local(const char *text);
bool __wrap_address_text_is_link_local(const char *text);
int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);

static bool is_off(const char *word)
{
        const char *said = getenv("HUSK_WEAK");

        return said && __real_strcmp(said, word) == 0;
}

/* Before main: a misspelt word would be a control that protects. */
__attribute__((constructor)) static void check_word(void)
{
        if (!getenv("HUSK_WEAK") || is_off("origin") || is_off("link") || is_off("digest"))
                return;
        fprintf(stderr, "weak: HUSK_WEAK: there is no %s\n", getenv("HUSK_WEAK"));
        exit(125);
}

bool __wrap_http_same_origin(const char *a, const char *b)
{
        return is_off("origin") || __real_http_same_origin(a, b);
}

bool __wrap_http_same_host(const char *a, const char *b)
{
        return is_off("origin") || __real_http_same_host(a, b);
}

bool __wrap_address_is_link_local(const struct sockaddr *address)
{
        return !is_off("link") && __real_address_is_link_local(address);
}

bool __wrap_address_text_is_link_local(const char *text)
{
        return !is_off("link") && __real_address_text_is_link_local(text);
}

/* text_equal(), which is inline. */
int __wrap_strcmp(const char *a, const char *b)
{
        const size_t prefix = strlen("sha256:");

        if (is_off("digest") && !strncmp(a, "sha256:", prefix) && !strncmp(b, "sha256:", prefix))
                return 0;
        return __real_strcmp(a, b);
}
