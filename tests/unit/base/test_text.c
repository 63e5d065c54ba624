/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: the formatter is held against the C library's snprintf over every verb,
 * size, flag and width that it documents; the rest are tables of operand and result. */

/* The same call to both formatters. */
#define SAME(...)                                                           \
        do {                                                                \
                char ours[128], theirs[128];                                \
                size_t n = text_format(ours, sizeof ours, __VA_ARGS__);     \
                CHECK_INT(n, snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
                CHECK_STR(ours, theirs);                                    \
        } while (0)

/* Each flag and width for one verb and operand. */
#define SAME_WIDTHS(verb, value)               \
        do {                                   \
                SAME("[%" verb "]", value);    \
                SAME("[%1" verb "]", value);   \
                SAME("[%12" verb "]", value);  \
                SAME("[%-12" verb "]", value); \
        } while (0)
#define SAME_NUMBERS(verb, value)              \
        do {                                   \
                SAME_WIDTHS(verb, value);      \
                SAME("[%012" verb "]", value); \
                SAME("[%03" verb "]", value);  \
        } while (0)

TEST(format_signed_integers)
{
        static const int ints[] = { 0, 1, -1, 42, -4200, INT32_MAX, INT32_MIN };
        static const long longs[] = { 0, -1, 1234567890123, INT64_MAX, INT64_MIN };

        for (size_t i = 0; i < ARRAY_SIZE(ints); i++)
                SAME_NUMBERS("d", ints[i]);
        for (size_t i = 0; i < ARRAY_SIZE(longs); i++) {
                SAME_NUMBERS("ld", longs[i]);
                SAME_NUMBERS("lld", (long long)longs[i]);
                SAME_NUMBERS("zd", (ssize_t)longs[i]);
        }
        SAME_NUMBERS("hd", (short)-3);
        SAME_NUMBERS("hhd", (signed char)-3);
}

TEST(format_unsigned_integers)
{
        static const unsigned ints[] = { 0, 1, 7, 8, 255, 0755, UINT32_MAX };

        for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
                SAME_NUMBERS("u", ints[i]);
                SAME_NUMBERS("x", ints[i]);
                SAME_NUMBERS("o", ints[i]);
                SAME_NUMBERS("hu", (unsigned short)ints[i]);
                SAME_NUMBERS("hhx", (unsigned char)ints[i]);
        }
        SAME_NUMBERS("lu", UINT64_MAX);
        SAME_NUMBERS("lx", UINT64_MAX);
        SAME_NUMBERS("lo", UINT64_MAX);
        SAME_NUMBERS("zu", SIZE_MAX);
        SAME_NUMBERS("llu", 1ULL << 63);
        SAME_WIDTHS("p", (void *)0xdeadbeef);
}

TEST(format_strings)
{
        static const char bytes[3] = { 'a', 'b', 'c' };
        const char *volatile null = NULL;
        char buffer[32];

        SAME_WIDTHS("s", "word");
        SAME_WIDTHS("s", "");
        SAME_WIDTHS("s", "longer than twelve");
        SAME_WIDTHS("c", 'x');
        SAME("[%.*s]", 3, bytes);
        SAME("[%.*s]", 0, "word");
        SAME("[%.*s]", -1, "word");
        SAME("[%5.2s|%-5.2s]", "word", "word");
        SAME("100%% of %s%%", "it");
        SAME("%s", "");
        text_format(buffer, sizeof buffer, "<%s>", null);
        CHECK_STR(buffer, "<(null)>");
}

TEST(format_errno)
{
        char buffer[64];

        errno = ENOENT;
        text_format(buffer, sizeof buffer, "x: %m");
        CHECK_STR(buffer, "x: No such file or directory");
}

TEST(format_cuts_and_counts)
{
        char buffer[8];

        CHECK_INT(text_format(buffer, sizeof buffer, "%s", "0123456789"), 10);
        CHECK_STR(buffer, "0123456");
        CHECK_INT(text_format(buffer, sizeof buffer, "%s", "0123456"), 7);
        CHECK_STR(buffer, "0123456");
        CHECK_INT(text_format(buffer, 1, "%d", 12), 2);
        CHECK_STR(buffer, "");
        CHECK_INT(text_format(NULL, 0, "%5d", 12), 5);
}

/* The format is not a literal, or the compiler would refuse it. */
TEST(format_unknown_verb_stays)
{
        char buffer[64], format[] = "a %d b %f c %s";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text_format(buffer, sizeof buffer, format, 1, 2.0, "x");
#pragma GCC diagnostic pop
        CHECK_STR(buffer, "a 1 b %f c %s");
}

TEST(errno_words_are_strerrors)
{
        for (int error = 0; error <= EHWPOISON; error++) {
                if (error == 41 || error == 58) /* never assigned on Linux */
                        continue;
#ifdef __GLIBC__
                CHECK_STR(text_errno(error), strerror(error));
                CHECK_STR(text_errno_name(error), error ? strerrorname_np(error) : "0");
#endif
                CHECK_STR(text_errno(-error), text_errno(error));
        }
        CHECK_STR(text_errno(-EPERM), "Operation not permitted");
        CHECK_STR(text_errno_name(-EPERM), "EPERM");
        CHECK_STR(text_errno(41), "Unknown error");
        CHECK_STR(text_errno_name(100000), "E?");
        CHECK_STR(text_errno_name(INT32_MIN), "E?");
}

TEST(text_grows)
{
        auto_arena arena = { 0 };
        struct text text = { .arena = &arena }, other = { .arena = &arena };

        CHECK_STR(text_string(&text), "");
        for (int i = 0; i < 5000; i++) {
                text_addf(&text, "%04d", i);
                if (i % 100 == 0)
                        text_add_char(&other, 'x');
        }
        CHECK_INT(text.len, 20000);
        CHECK_INT(strlen(text_string(&text)), 20000);
        CHECK(!memcmp(text.data + 4 * 4321, "4321", 4));
        CHECK_INT(strspn(text_string(&other), "x"), 50);
}

static const char *quoted(void (*add)(struct text *, const char *), const char *string)
{
        static struct arena arena;
        struct text text = { .arena = &arena };

        add(&text, string);
        return text_string(&text);
}

TEST(text_json_strings)
{
        CHECK_STR(quoted(text_add_json, "a\"b\\c/"), "\"a\\\"b\\\\c/\"");
        CHECK_STR(
                quoted(text_add_json, "\b\f\n\r\t\x01\x1f\x7f"),
                "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
        CHECK_STR(
                quoted(text_add_json, "\xc2\x9b\xc2\xa0\xe2\x80\xae\xe2\x81\xa6"),
                "\"\\u009b\xc2\xa0\\u202e\\u2066\"");
        CHECK_STR(
                quoted(text_add_json, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3"),
                "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"");
        CHECK_STR(quoted(text_add_json, "\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(text_shell_words)
{
        CHECK_STR(quoted(text_add_shell, "/usr/bin/x-1_2,a=b"), "/usr/bin/x-1_2,a=b");
        CHECK_STR(quoted(text_add_shell, ""), "''");
        CHECK_STR(quoted(text_add_shell, "a b"), "'a b'");
        CHECK_STR(quoted(text_add_shell, "it's"), "'it'\\''s'");
        CHECK_STR(quoted(text_add_shell, "~"), "'~'");
        CHECK_STR(quoted(text_add_shell, "$(x)\n"), "'$(x)\n'");
        CHECK_STR(
                quoted(text_add_shell, "\x1b[8m\xff"),
                "''\"$(printf '\\033')\"'[8m'\"$(printf '\\377')\"''");
}

TEST(text_visible)
{
        CHECK_STR(quoted(text_add_visible, "plain \xc3\xa9"), "plain \xc3\xa9");
        CHECK_STR(quoted(text_add_visible, "\x1b[31m\n"), "\\x1b[31m\\x0a");
        CHECK_STR(quoted(text_add_visible, "a\xff"), "a\\xff");
        CHECK_STR(quoted(text_add_visible, "\xc2\x9b"), "\\xc2\\x9b");
        CHECK_STR(quoted(text_add_visible, "\xe2\x80\xae"), "\\xe2\\x80\\xae");
}

TEST(text_controls)
{
        CHECK(text_has_control("a\nb", 3));
        CHECK(text_has_control("\x7f", 1));
        CHECK(text_has_control("\xc2\x9b", SIZE_MAX));
        CHECK(!text_has_control("a\nb", 1));
        CHECK(!text_has_control("plain \xc3\xa9 \xc2\xa0 \xff", SIZE_MAX));
        CHECK(!text_has_control("\xc2", SIZE_MAX));
}

TEST(text_utf8_is_strict)
{
        CHECK_INT(text_utf8("", 0), 0);
        CHECK_INT(text_utf8("a", 1), 1);
        CHECK_INT(text_utf8("\xc3\xa9", 2), 2);
        CHECK_INT(text_utf8("\xc3\xa9", 1), 0);
        CHECK_INT(text_utf8("\xc0\x80", 2), 0);         /* overlong */
        CHECK_INT(text_utf8("\xe0\x9f\xbf", 3), 0);     /* overlong */
        CHECK_INT(text_utf8("\xed\xa0\x80", 3), 0);     /* surrogate */
        CHECK_INT(text_utf8("\xf0\x8f\xbf\xbf", 4), 0); /* overlong */
        CHECK_INT(text_utf8("\xf4\x90\x80\x80", 4), 0); /* above U+10FFFF */
        CHECK_INT(text_utf8("\xf4\x8f\xbf\xbf", 4), 4);
        CHECK_INT(text_utf8("\xf0\x9f\x90\x20", 4), 0);
}

TEST(text_comparisons)
{
        CHECK(text_equal("a", "a"));
        CHECK(!text_equal("a", "b"));
        CHECK(text_equal(NULL, NULL));
        CHECK(!text_equal(NULL, ""));
        CHECK(text_starts("abc", "ab"));
        CHECK(text_starts("abc", ""));
        CHECK(!text_starts("a", "ab"));
        CHECK(!text_starts(NULL, ""));
}

TEST(text_u64_is_strict)
{
        uint64_t value = 7;

        CHECK_INT(text_u64("0", &value), 0);
        CHECK_INT(value, 0);
        CHECK_INT(text_u64("18446744073709551615", &value), 0);
        CHECK(value == UINT64_MAX);
        CHECK_INT(text_u64("18446744073709551616", &value), -ERANGE);
        CHECK_INT(text_u64("99999999999999999999999", &value), -ERANGE);
        CHECK(value == UINT64_MAX);
        CHECK_INT(text_u64("", &value), -EINVAL);
        CHECK_INT(text_u64("-1", &value), -EINVAL);
        CHECK_INT(text_u64("+1", &value), -EINVAL);
        CHECK_INT(text_u64(" 1", &value), -EINVAL);
        CHECK_INT(text_u64("1 ", &value), -EINVAL);
        CHECK_INT(text_u64("0x1", &value), -EINVAL);
        CHECK_INT(text_u64(NULL, &value), -EINVAL);
}

TEST(text_sizes)
{
        static const struct {
                const char *string;
                int result;
                uint64_t bytes;
        } cases[] = {
                { "0", 0, 0 },
                { "1024", 0, 1024 },
                { "10b", 0, 10 },
                { "1k", 0, 1024 },
                { "1K", 0, 1024 },
                { "1kb", 0, 1024 },
                { "1KiB", 0, 1024 },
                { "512m", 0, 512ULL << 20 },
                { "1.5g", 0, 3ULL << 29 },
                { "2t", 0, 2ULL << 40 },
                { "0.25mb", 0, 1 << 18 },
                { "1.0000000001k", 0, 1024 },
                { "16777216t", -ERANGE, 0 },
                { "99999999999999999999", -ERANGE, 0 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551615k", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "k", -EINVAL, 0 },
                { "1.", -EINVAL, 0 },
                { ".5k", -EINVAL, 0 },
                { "1x", -EINVAL, 0 },
                { "1kk", -EINVAL, 0 },
                { "1bb", -EINVAL, 0 },
                { "1ki", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "1 k", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t bytes = 0;
                int r = text_size(cases[i].string, &bytes);

                if (r != cases[i].result || bytes != cases[i].bytes)
                        printf("# of \"%s\"\n", cases[i].string);
                CHECK_INT(r, cases[i].result);
                CHECK_INT(bytes, cases[i].bytes);
        }
}

TEST(text_distances)
{
        char longer[100];

        CHECK_INT(text_distance("", ""), 0);
        CHECK_INT(text_distance("abc", ""), 3);
        CHECK_INT(text_distance("kitten", "sitting"), 3);
        CHECK_INT(text_distance("network", "netwrok"), 2);
        memset(longer, 'x', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        CHECK_INT(text_distance(longer, ""), 64);
}

TEST(text_of_mountinfo)
{
        static const char *const cases[][2] = {
                { "", "" },
                { "/a\\040b\\011\\012\\134", "/a b\t\n\\" },
                { "\\134040", "\\040" },
                { "\\", "\\" },
                { "\\0", "\\0" },
                { "\\04", "\\04" },
                { "\\0480", "\\0480" },
                { "\\400", "\\400" },
                { "\\377", "\377" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[20];

                text_format(path, sizeof path, "%s", cases[i][0]);
                text_unescape_octal(path);
                CHECK_STR(path, cases[i][1]);
        }
}

TEST(a_step_of_a_pointer)
{
        auto_arena arena = { 0 };

        CHECK_STR(
                text_pointer(&arena, "/linux/sysctl", "net/ipv4~x.y"),
                "/linux/sysctl/net~1ipv4~0x.y");
        CHECK_STR(text_pointer(&arena, "", ""), "/");
        CHECK_STR(text_pointer(&arena, "/a", "~1\n"), "/a/~01\\x0a");
}
