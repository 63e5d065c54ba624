/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fetch: addresses that nobody but the user may lead us to. */
#pragma once

#include <stdbool.h>

#include <sys/socket.h>

/* Of this link only. */
bool address_is_link_local(const struct sockaddr *address);
/* The same of an address as it stands in a URL, with brackets, or without; false of a name. */
bool address_text_is_link_local(const char *text);
