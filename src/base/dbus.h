/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages of the D-Bus wire protocol, D-Bus specification 0.41: what a client of systemd needs. No
 * input or output; everything is child-safe. */

/* A message on its way into a buffer. What does not fit sets `failed` and is left out. */
struct dbus_writer {
        uint8_t *data;
        size_t size, room;
        size_t body; /* where the body begins */
        bool failed;
};

/* A method call; destination NULL: a connection without a bus. signature "": no arguments. */
struct dbus_call {
        uint32_t serial;
        const char *destination, *path, *interface, *member, *signature;
};

/* The header; arguments are put behind it, then the message is closed: its size, or -E2BIG. */
void dbus_open(struct dbus_writer *w, const struct dbus_call *call);
int dbus_close(struct dbus_writer *w);

void dbus_put_u32(struct dbus_writer *w, uint32_t value); /* bool, too */
void dbus_put_string(struct dbus_writer *w, const char *value);
/* An array whose elements begin at multiples of `align` (8 for structs): what dbus_open_array returns
 * goes into dbus_close_array. */
size_t dbus_open_array(struct dbus_writer *w, size_t align);
void dbus_close_array(struct dbus_writer *w, size_t mark, size_t align);
/* The next struct of an array. */
void dbus_put_struct(struct dbus_writer *w);
/* A variant from GVariant's text: 'words', true, 5, uint64 5, @ay [1, 2], [('a', 'b')]; without
 * dictionaries, maybes and nested variants. -EINVAL: it is none, and nothing was put. */
int dbus_put_variant(struct dbus_writer *w, const char *text);

enum dbus_type {
        DBUS_CALL = 1,
        DBUS_RETURN,
        DBUS_ERROR,
        DBUS_SIGNAL,
};

/* A received message; strings point into it, and are "" where it has none. */
struct dbus_message {
        uint8_t type; /* enum dbus_type, or one that is not known */
        uint32_t serial, reply_serial;
        const char *path, *interface, *member, *error, *signature;
        const uint8_t *body;
        size_t size, at; /* of the body; what was read of it */
        bool swap;       /* it is in the other byte order */
};

enum {
        DBUS_HEAD = 16,         /* bytes from which dbus_size tells the rest */
        DBUS_SIZE_MAX = 1 << 27 /* of the specification */
};

/* The size of the whole message; -EPROTO: this is none. */
int64_t dbus_size(const uint8_t head[DBUS_HEAD]);
/* -EPROTO: it breaks the protocol. */
int dbus_parse(const uint8_t *bytes, size_t size, struct dbus_message *ret_message);
/* The next argument of the body, of that type; -EPROTO when it is not there. A string that
 * dbus_get_string gives is of type s or o. */
int dbus_get_u32(struct dbus_message *message, uint32_t *ret_value);
int dbus_get_string(struct dbus_message *message, const char **ret_value);
/* The signature of a variant, whose value comes next. */
int dbus_get_variant(struct dbus_message *message, const char **ret_signature);
