/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the bytes of D-Bus.
 *
 * A value begins at a multiple of its alignment, counted from the message's first byte; a string is
 * its length, its bytes and a NUL; an array is its length in bytes and its elements; a variant is a
 * signature and a value of that. We write in this machine's byte order and read both. All of it works
 * on a buffer of the caller's, since it runs between clone and exec: what does not fit is not
 * written, and said at the end; what is read is checked against the message's borders.
 *
 * The text form of variants is in dbus_variant.c. */
#include "dbus_private.h"

#include <errno.h>

static const uint16_t one = 1;
#define NATIVE (*(const uint8_t *)&one ? 'l' : 'B')

/* -- writing ------------------------------------------------------------------------------------- */

void dbus_put_bytes(struct dbus_writer *w, const void *bytes, size_t size)
{
        if (w->failed || size > w->room - w->size) {
                w->failed = true;
                return;
        }
        memcpy(w->data + w->size, bytes, size);
        w->size += size;
}

void dbus_align(struct dbus_writer *w, size_t align)
{
        static const uint8_t zeros[8];

        dbus_put_bytes(w, zeros, (align - w->size % align) % align);
}

void dbus_put_number(struct dbus_writer *w, const void *value, size_t size)
{
        dbus_align(w, size);
        dbus_put_bytes(w, value, size);
}

void dbus_put_u32(struct dbus_writer *w, uint32_t value)
{
        dbus_put_number(w, &value, sizeof value);
}

void dbus_put_string(struct dbus_writer *w, const char *value)
{
        size_t size = strlen(value);

        dbus_put_u32(w, (uint32_t)size);
        dbus_put_bytes(w, value, size + 1);
}

void dbus_put_signature(struct dbus_writer *w, const char *value)
{
        uint8_t size = (uint8_t)strlen(value);

        dbus_put_bytes(w, &size, 1);
        dbus_put_bytes(w, value, (size_t)size + 1);
}

/* Over what was put before. */
static void patch(struct dbus_writer *w, size_t at, uint32_t value)
{
        if (!w->failed)
                memcpy(w->data + at, &value, sizeof value);
}

size_t dbus_open_array(struct dbus_writer *w, size_t align)
{
        size_t mark;

        dbus_put_u32(w, 0);
        mark = w->size - sizeof(uint32_t);
        dbus_align(w, align);
        return mark;
}

/* The length leaves the padding before the first element out. */
void dbus_close_array(struct dbus_writer *w, size_t mark, size_t align)
{
        size_t first = mark + sizeof(uint32_t);

        first += (align - first % align) % align;
        patch(w, mark, (uint32_t)(w->size - first));
}

void dbus_put_struct(struct dbus_writer *w)
{
        dbus_align(w, 8);
}

enum field {
        PATH = 1,
        INTERFACE,
        MEMBER,
        ERROR,
        REPLY_SERIAL,
        DESTINATION,
        SENDER,
        SIGNATURE,
};

static void put_field(struct dbus_writer *w, enum field field, const char *value)
{
        uint8_t code = (uint8_t)field;

        if (!value || !*value)
                return;
        dbus_put_struct(w);
        dbus_put_bytes(w, &code, 1);
        dbus_put_signature(w, field == PATH ? "o" : field == SIGNATURE ? "g" : "s");
        if (field == SIGNATURE)
                dbus_put_signature(w, value);
        else
                dbus_put_string(w, value);
}

void dbus_open(struct dbus_writer *w, const struct dbus_call *call)
{
        const uint8_t head[] = { (uint8_t)NATIVE, DBUS_CALL, 0, 1 };
        size_t fields;

        w->size = 0;
        w->failed = false;
        dbus_put_bytes(w, head, sizeof head);
        dbus_put_u32(w, 0); /* the body's size */
        dbus_put_u32(w, call->serial);
        fields = dbus_open_array(w, 8);
        put_field(w, PATH, call->path);
        put_field(w, INTERFACE, call->interface);
        put_field(w, MEMBER, call->member);
        put_field(w, DESTINATION, call->destination);
        put_field(w, SIGNATURE, call->signature);
        dbus_close_array(w, fields, 8);
        dbus_align(w, 8);
        w->body = w->size;
}

int dbus_close(struct dbus_writer *w)
{
        patch(w, 4, (uint32_t)(w->size - w->body));
        return w->failed ? -E2BIG : (int)w->size;
}

/* -- reading ------------------------------------------------------------------------------------- */

struct reader {
        const uint8_t *bytes;
        size_t size, at;
        bool swap;
};

static int take(struct reader *in, size_t align, size_t size, const void **ret)
{
        size_t at = in->at + (align - in->at % align) % align;

        if (at > in->size || size > in->size - at)
                return -EPROTO;
        *ret = in->bytes + at;
        in->at = at + size;
        return 0;
}

static uint32_t number(const void *bytes, bool swap)
{
        uint32_t value;

        memcpy(&value, bytes, sizeof value);
        return swap ? __builtin_bswap32(value) : value;
}

static int take_u32(struct reader *in, uint32_t *ret)
{
        const void *bytes;
        int r = take(in, 4, 4, &bytes);

        if (r == 0)
                *ret = number(bytes, in->swap);
        return r;
}

/* Bytes and a NUL, and no other NUL. */
static int take_text(struct reader *in, size_t size, const char **ret)
{
        const void *bytes;

        if (size >= in->size || take(in, 1, size + 1, &bytes) < 0)
                return -EPROTO;
        *ret = bytes;
        return memchr(bytes, '\0', size + 1) == (const char *)bytes + size ? 0 : -EPROTO;
}

static int take_string(struct reader *in, const char **ret)
{
        uint32_t size;
        int r = take_u32(in, &size);

        return r < 0 ? r : take_text(in, size, ret);
}

static int take_signature(struct reader *in, const char **ret)
{
        const void *size;
        int r = take(in, 1, 1, &size);

        return r < 0 ? r : take_text(in, *(const uint8_t *)size, ret);
}

int64_t dbus_size(const uint8_t head[DBUS_HEAD])
{
        bool swap = head[0] != NATIVE;
        uint64_t size;

        if ((head[0] != 'l' && head[0] != 'B') || head[3] != 1)
                return -EPROTO;
        size = number(head + 12, swap);
        size = DBUS_HEAD + (size + 7) / 8 * 8 + number(head + 4, swap);
        return size > DBUS_SIZE_MAX ? -EPROTO : (int64_t)size;
}

static int take_field(struct reader *in, struct dbus_message *m)
{
        const char *signature, *text = "", *ignored;
        const void *code;
        uint32_t value = 0;
        int r = take(in, 8, 1, &code);

        if (r == 0)
                r = take_signature(in, &signature);
        if (r < 0)
                return r;
        if (!strcmp(signature, "s") || !strcmp(signature, "o"))
                r = take_string(in, &text);
        else if (!strcmp(signature, "g"))
                r = take_signature(in, &text);
        else if (!strcmp(signature, "u"))
                r = take_u32(in, &value);
        else
                r = -EPROTO; /* the specification has no other field */
        switch (*(const uint8_t *)code) {
        case PATH:
                m->path = text;
                break;
        case INTERFACE:
                m->interface = text;
                break;
        case MEMBER:
                m->member = text;
                break;
        case ERROR:
                m->error = text;
                break;
        case REPLY_SERIAL:
                m->reply_serial = value;
                break;
        case SIGNATURE:
                m->signature = text;
                break;
        default:
                ignored = text;
                (void)ignored;
        }
        return r;
}

int dbus_parse(const uint8_t *bytes, size_t size, struct dbus_message *ret_message)
{
        struct dbus_message m = {
                .path = "", .interface = "", .member = "", .error = "", .signature = ""
        };
        struct reader in = { .bytes = bytes, .size = size, .at = 12 };
        uint32_t fields;

        if (size < DBUS_HEAD || dbus_size(bytes) != (int64_t)size)
                return -EPROTO;
        in.swap = m.swap = bytes[0] != NATIVE;
        m.type = bytes[1];
        m.serial = number(bytes + 8, m.swap);
        m.size = number(bytes + 4, m.swap);
        m.body = bytes + size - m.size;
        take_u32(&in, &fields);
        in.size = DBUS_HEAD + fields;
        while (in.at < in.size) {
                int r = take_field(&in, &m);

                if (r < 0)
                        return r;
        }
        *ret_message = m;
        return 0;
}

static struct reader body(const struct dbus_message *m)
{
        return (struct reader){ m->body, m->size, m->at, m->swap };
}

int dbus_get_u32(struct dbus_message *message, uint32_t *ret_value)
{
        struct reader in = body(message);
        int r = take_u32(&in, ret_value);

        message->at = in.at;
        return r;
}

int dbus_get_string(struct dbus_message *message, const char **ret_value)
{
        struct reader in = body(message);
        int r = take_string(&in, ret_value);

        message->at = in.at;
        return r;
}

int dbus_get_variant(struct dbus_message *message, const char **ret_signature)
{
        struct reader in = body(message);
        int r = take_signature(&in, ret_signature);

        message->at = in.at;
        return r;
}
