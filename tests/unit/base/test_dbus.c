/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: bytes that busctl(1) and systemd sent and took, and variants by the tables of
 * the D-Bus specification. Both are little-endian recordings. */

static const char *hex(const uint8_t *bytes, size_t size)
{
        static char text[8192];

        text[0] = '\0';
        for (size_t i = 0; i < size && i < 2048; i++)
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        return text;
}

static const char *variant(const char *text)
{
        uint8_t bytes[256];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };

        if (dbus_put_variant(&w, text) < 0) {
                CHECK_INT(w.size, 0);
                return "none";
        }
        CHECK(!w.failed);
        return hex(bytes, w.size);
}

TEST(variants_of_basic_types)
{
        CHECK_STR(variant("true"), "0162000001000000");
        CHECK_STR(variant("false"), "0162000000000000");
        CHECK_STR(variant("boolean true"), "0162000001000000");
        CHECK_STR(variant("5"), "0169000005000000");
        CHECK_STR(variant("-5"), "01690000fbffffff");
        CHECK_STR(variant(" uint64  0x10 "), "01740000000000001000000000000000");
        CHECK_STR(variant("@t 18446744073709551615"), "0174000000000000ffffffffffffffff");
        CHECK_STR(variant("int16 -32768"), "016e00000080");
        CHECK_STR(variant("byte 255"), "017900ff");
        CHECK_STR(variant("'ab'"), "0173000002000000616200");
        CHECK_STR(variant("\"a'b\""), "017300000300000061276200");
        CHECK_STR(variant("'a\\'b'"), "017300000300000061276200");
        CHECK_STR(variant("objectpath '/a'"), "016f0000020000002f6100");
        CHECK_STR(variant("signature 'as'"), "01670002617300");
}

TEST(variants_of_containers)
{
        CHECK_STR(variant("@ay []"), "0261790000000000");
        CHECK_STR(variant("@ay [1, 2]"), "02617900020000000102");
        CHECK_STR(variant("[byte 1, 2]"), "02617900020000000102");
        CHECK_STR(
                variant("['a', 'b']"), "026173000e000000"
                                       "010000006100"
                                       "0000"
                                       "010000006200");
        CHECK_STR(
                variant("@au [7]"), "02617500"
                                    "04000000"
                                    "07000000");
        CHECK_STR(
                variant("[('a', 'b')]"), "0561287373290000"
                                         "0e00000000000000"
                                         "0100000061000000"
                                         "010000006200");
        CHECK_STR(
                variant("@a(ss) []"), "056128737329000000000000"
                                      "00000000");
        CHECK_STR(
                variant("('a', 5)"), "0428736929000000"
                                     "010000006100"
                                     "0000"
                                     "05000000");
        CHECK_STR(
                variant("(['a'], true)"), "05286173622900"
                                          "00"
                                          "0600000001000000"
                                          "61000000"
                                          "01000000");
}

TEST(what_is_no_variant)
{
        static const char *const texts[] = {
                "",
                "'",
                "'a",
                "a",
                "[",
                "[]",
                "[1",
                "[1,",
                "['a', 1]",
                "(",
                "()",
                "(1",
                "('a',)x",
                "true true",
                "5 5",
                "uint64 -1",
                "byte 256",
                "int16 32768",
                "@",
                "@v 5",
                "@a{ss} {}",
                "@(ss) ('a')",
                "1.5",
                "nothing",
                "@ay 'x'",
                "@s 5",
                "uint32 'a'",
                "[[[[[[1]]]]]]",
                "'\xff'",
                "@ay [1 2]",
                "uint32 99999999999",
                "<5>",
                "@as ['a'",
                "boolean 1",
                "int32 true",
                "((\xff",
                "((",
                "--5",
                "0x",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                if (!text_equal(variant(texts[i]), "none"))
                        printf("# taken: %s\n", texts[i]);
                CHECK_STR(variant(texts[i]), "none");
        }
}

static size_t call(uint8_t *bytes, size_t room)
{
        struct dbus_writer w = { .data = bytes, .room = room };
        int r;

        dbus_open(
                &w, &(struct dbus_call){ .serial = 7,
                                         .path = "/org/freedesktop/systemd1",
                                         .interface = "org.freedesktop.systemd1.Manager",
                                         .member = "StopUnit",
                                         .signature = "ss" });
        dbus_put_string(&w, "a.scope");
        dbus_put_string(&w, "replace");
        r = dbus_close(&w);
        return r < 0 ? 0 : (size_t)r;
}

TEST(a_call_reads_back)
{
        uint8_t bytes[512];
        size_t size = call(bytes, sizeof bytes);
        struct dbus_message m;
        const char *unit, *mode;

        CHECK(size > 0);
        CHECK_INT(dbus_size(bytes), size);
        CHECK_INT(dbus_parse(bytes, size, &m), 0);
        CHECK_INT(m.type, DBUS_CALL);
        CHECK_INT(m.serial, 7);
        CHECK_STR(m.path, "/org/freedesktop/systemd1");
        CHECK_STR(m.interface, "org.freedesktop.systemd1.Manager");
        CHECK_STR(m.member, "StopUnit");
        CHECK_STR(m.signature, "ss");
        CHECK_INT(dbus_get_string(&m, &unit), 0);
        CHECK_INT(dbus_get_string(&m, &mode), 0);
        CHECK_STR(unit, "a.scope");
        CHECK_STR(mode, "replace");
        CHECK_INT(dbus_get_string(&m, &mode), -EPROTO);
}

TEST(too_little_room_is_said)
{
        uint8_t bytes[512];
        size_t size = call(bytes, sizeof bytes);

        for (size_t room = 0; room < size; room++)
                CHECK_INT(call(bytes, room), 0);
        CHECK_INT(call(bytes, size), size);
}

/* As the other byte order writes it: one method return with a string. */
TEST(the_other_byte_order)
{
        static const uint8_t big[] = {
                'B', 2, 1,   1, 0, 0, 0, 6, 0, 0, 0,   9, 0, 0,   0, 15, /* 15 bytes of fields */
                5,   1, 'u', 0, 0, 0, 0, 7, 8, 1, 'g', 0, 1, 's', 0, 0,  0, 0, 0, 1, 'x', 0,
        };
        struct dbus_message m;
        const char *text;

        CHECK_INT(dbus_size(big), sizeof big);
        CHECK_INT(dbus_parse(big, sizeof big, &m), 0);
        CHECK_INT(m.reply_serial, 7);
        CHECK_STR(m.signature, "s");
        CHECK_INT(dbus_get_string(&m, &text), 0);
        CHECK_STR(text, "x");
}

/* Whatever byte is wrong: an error, or a message whose strings end. */
TEST(every_byte_changed)
{
        uint8_t good[512], bad[512];
        size_t size = call(good, sizeof good);

        for (size_t i = 0; i < size; i++)
                for (unsigned value = 0; value < 256; value += 17) {
                        struct dbus_message m;
                        const char *text;

                        memcpy(bad, good, size);
                        bad[i] = (uint8_t)value;
                        if (dbus_size(bad) != (int64_t)size || dbus_parse(bad, size, &m) < 0)
                                continue;
                        CHECK(strlen(m.member) < size && strlen(m.signature) < size);
                        while (dbus_get_string(&m, &text) == 0)
                                CHECK(strlen(text) < size);
                }
        CHECK_INT(dbus_parse(good, size - 1, &(struct dbus_message){ 0 }), -EPROTO);
}
