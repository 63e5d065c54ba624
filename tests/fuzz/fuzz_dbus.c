/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what comes from systemd's socket, and the text of variants, which annotations
 * of a document are. The first byte says which. A variant that is taken is read back as a message. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_message(const uint8_t *bytes, size_t size)
{
        struct dbus_message m;
        const char *text;
        uint32_t number;

        if (size >= DBUS_HEAD && dbus_size(bytes) < 0)
                return;
        if (dbus_parse(bytes, size, &m) < 0)
                return;
        if (strlen(m.path) + strlen(m.interface) + strlen(m.member) + strlen(m.error) > 4 * size)
                __builtin_trap();
        if (dbus_get_u32(&m, &number) == 0 && dbus_get_variant(&m, &text) == 0 &&
            dbus_get_string(&m, &text) == 0 && strlen(text) > size)
                __builtin_trap();
}

static void write_variant(const uint8_t *bytes, size_t size)
{
        uint8_t buffer[512];
        struct dbus_writer w = { .data = buffer, .room = sizeof buffer };
        struct dbus_message m;
        const char *signature;
        char *text = malloc(size + 1);
        int n;

        memcpy(text, bytes, size);
        text[size] = '\0';
        dbus_open(&w, &(struct dbus_call){ .serial = 1, .path = "/", .signature = "v" });
        if (dbus_put_variant(&w, text) == 0 && (n = dbus_close(&w)) > 0 &&
            (dbus_parse(buffer, (size_t)n, &m) < 0 || dbus_get_variant(&m, &signature) < 0))
                __builtin_trap();
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (size == 0)
                return 0;
        if (bytes[0] & 1)
                read_message(bytes + 1, size - 1);
        else
                write_variant(bytes + 1, size - 1);
        return 0;
}
