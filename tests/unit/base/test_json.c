/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: documents and what the reader must make of them: written again compactly,
 * or the exact message with its place. */

static const char *rewritten(struct arena *arena, const char *document)
{
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };
        const struct json *root;

        trail_reset();
        if (json_parse(arena, "t", document, strlen(document), &root) < 0)
                return trail_text();
        json_put_value(&w, NULL, root);
        return text_string(&out);
}

struct json_case {
        const char *document, *expected;
};

static void check_cases(const struct json_case *cases, size_t n)
{
        auto_arena arena = { 0 };

        for (size_t i = 0; i < n; i++) {
                const char *actual = rewritten(&arena, cases[i].document);

                if (strcmp(actual, cases[i].expected))
                        printf("# of %s\n", cases[i].document);
                CHECK_STR(actual, cases[i].expected);
        }
}

TEST(json_accepts)
{
        static const struct json_case cases[] = {
                { "null", "null" },
                { " \t\r\n true ", "true" },
                { "false", "false" },
                { "0", "0" },
                { "-0", "-0" },
                { "-12.50e+03", "-12.50e+03" },
                { "1E-2", "1E-2" },
                { "123456789012345678901234567890", "123456789012345678901234567890" },
                { "\"\"", "\"\"" },
                { "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\tz\"" },
                { "\"\\u0041\\u00e9\\u20aC\"", "\"A\xc3\xa9\xe2\x82\xac\"" },
                { "\"\\ud83d\\udc33!\"", "\"\xf0\x9f\x90\xb3!\"" },
                { "\"\xf4\x8f\xbf\xbf\x7f\"", "\"\xf4\x8f\xbf\xbf\\u007f\"" },
                { "[]", "[]" },
                { "[ ]", "[]" },
                { "{ }", "{}" },
                { "[1, [2, []], {\"a\": 3}]", "[1,[2,[]],{\"a\":3}]" },
                { "{\"a\" : 1 , \"\" : {\"a\": null}}", "{\"a\":1,\"\":{\"a\":null}}" },
        };

        check_cases(cases, ARRAY_SIZE(cases));
}

TEST(json_refuses)
{
        static const struct json_case cases[] = {
                { "", "t:1:1: unexpected end, expected a value" },
                { "  \n ", "t:2:2: unexpected end, expected a value" },
                { "nul", "t:1:1: unexpected 'n', expected a value" },
                { "True", "t:1:1: unexpected 'T', expected a value" },
                { "'a'", "t:1:1: unexpected ''', expected a value" },
                { "1 2", "t:1:3: unexpected '2', expected the end of the document" },
                { "{}\n}", "t:2:1: unexpected '}', expected the end of the document" },
                { "\xef\xbb\xbf{}", "t:1:1: unexpected byte 0xef, expected a value" },
                { "[1,]", "t:1:4: unexpected ']', expected a value" },
                { "[1 2]", "t:1:4: unexpected '2', expected ',' or ']'" },
                { "[1", "t:1:3: unexpected end, expected ',' or ']'" },
                { "[", "t:1:2: unexpected end, expected a value" },
                { "[1}", "t:1:3: unexpected '}', expected ',' or ']'" },
                { "{1:2}", "t:1:2: unexpected '1', expected '\"' of a member's name" },
                { "{\"a\" 1}", "t:1:6: unexpected '1', expected ':' after a member's name" },
                { "{\"a\":}", "t:1:6: unexpected '}', expected a value" },
                { "{\"a\":1,}", "t:1:8: unexpected '}', expected '\"' of a member's name" },
                { "{\"a\":1]", "t:1:7: unexpected ']', expected ',' or '}'" },
                { "{\n\n \"a\":1 \"b\"}", "t:3:8: unexpected '\"', expected ',' or '}'" },
                { "-", "t:1:2: unexpected end, expected a digit" },
                { "+1", "t:1:1: unexpected '+', expected a value" },
                { "01", "t:1:1: a number with a leading zero" },
                { "-007", "t:1:1: a number with a leading zero" },
                { "1.", "t:1:3: unexpected end, expected a digit" },
                { ".5", "t:1:1: unexpected '.', expected a value" },
                { "1e", "t:1:3: unexpected end, expected a digit" },
                { "0x10", "t:1:2: unexpected 'x', expected the end of the document" },
                { "\"a", "t:1:3: unexpected end, expected '\"' at the end of the string" },
                { "\"a\nb\"",
                  "t:1:3: unexpected byte 0x0a, expected control characters to be escaped" },
                { "\"\\x\"",
                  "t:1:3: unexpected 'x', expected one of \" \\ / b f n r t u after a backslash" },
                { "\"\\",
                  "t:1:3: unexpected end, expected one of \" \\ / b f n r t u after a backslash" },
                { "\"\\u12g4\"", "t:1:6: unexpected 'g', expected a hexadecimal digit" },
                { "\"\\u12\"", "t:1:6: unexpected '\"', expected a hexadecimal digit" },
                { "\"a\\u0000\"", "t:1:3: \\u0000 in a string, which C strings cannot hold" },
                { "\"\\udc33\"", "t:1:2: a low surrogate without the high one before it" },
                { "\"\\ud83d\"", "t:1:2: a high surrogate without the low one" },
                { "\"\\ud83d\\u0041\"", "t:1:2: a high surrogate without the low one" },
                { "\"a\xff\"", "t:1:3: a string that is not valid UTF-8" },
                { "\"\xc3\"", "t:1:2: a string that is not valid UTF-8" },
                { "\"\xed\xa0\x80\"", "t:1:2: a string that is not valid UTF-8" },
                { "\"\\n\xff\"", "t:1:4: a string that is not valid UTF-8" },
                { "{\"a\":1,\n \"b\":2,\n  \"a\":3}",
                  "t:3:3: duplicate member \"a\", given first at 1:2" },
                { "{\"a\":1,\"\\u0061\":2}", "t:1:8: duplicate member \"a\", given first at 1:2" },
                { "{\"\\u001b[\":1,\"\\u001b[\":2}",
                  "t:1:14: duplicate member \"\\x1b[\", given first at 1:2" },
                { "// c\n1", "t:1:1: unexpected '/', expected a value" },
                { "NaN", "t:1:1: unexpected 'N', expected a value" },
        };

        check_cases(cases, ARRAY_SIZE(cases));
}

TEST(json_refuses_a_nul_byte)
{
        auto_arena arena = { 0 };
        const struct json *root;

        CHECK_INT(json_parse(&arena, "t", "1\0", 2, &root), -EBADMSG);
        CHECK_STR(trail_text(), "t:1:2: unexpected byte 0x00, expected the end of the document");
}

TEST(json_bounds_depth)
{
        auto_arena arena = { 0 };
        char document[20001];
        const struct json *root;

        memset(document, '[', 64);
        memset(document + 64, ']', 64);
        CHECK_INT(json_parse(&arena, "t", document, 128, &root), 0);
        memset(document, '[', 10000);
        memset(document + 10000, ']', 10000);
        CHECK_INT(json_parse(&arena, "t", document, 20000, &root), -EBADMSG);
        CHECK_STR(trail_text(), "t:1:65: nested deeper than 64 levels");
}

TEST(json_values_are_bounded)
{
        static const char document[] =
                "{\"a\":[1,2],\"b\":3}"; /* an object, an array, three numbers */
        auto_arena arena = { 0 };
        const struct json *root;

        CHECK_INT(json_parse_bounded(&arena, "t", document, strlen(document), 5, &root), 0);
        CHECK_INT(json_parse_bounded(&arena, "t", document, strlen(document), 4, &root), -EBADMSG);
        CHECK_STR(trail_text(), "t:1:16: more than 4 values");
        CHECK_INT(json_parse_bounded(&arena, "t", "1", 1, 0, &root), -EBADMSG);
}

/* 100,000 members take the hash table; quadratic comparing would outlast the alarm. */
TEST(json_large_objects)
{
        auto_arena arena = { 0 };
        struct text text = { .arena = &arena };
        const struct json *root;

        text_add(&text, "{\n");
        for (int i = 0; i < 100000; i++)
                text_addf(&text, "\"m%d\":%d,\n", i, i);
        text_add(&text, "\"last\":1}");
        CHECK_INT(json_parse(&arena, "t", text.data, text.len, &root), 0);
        CHECK_INT(root->n, 100001);
        CHECK_INT(json_member(root, "m99999")->line, 100001);
        text.data[text.len - 1] = ',';
        text_add(&text, "\"m7\":1}");
        CHECK_INT(json_parse(&arena, "t", text.data, text.len, &root), -EBADMSG);
        CHECK_STR(trail_text(), "t:100002:10: duplicate member \"m7\", given first at 9:1");
}

TEST(json_knows_places)
{
        auto_arena arena = { 0 };
        static const char document[] = "{\n  \"a\": [1,\n   \"two\" ],\"b\":{}}";
        const struct json *root, *two;

        CHECK_INT(json_parse(&arena, "t", document, strlen(document), &root), 0);
        CHECK_INT(root->line, 1);
        CHECK_INT(root->column, 1);
        CHECK_INT(root->members[1].line, 3);
        CHECK_INT(root->members[1].column, 12);
        two = &json_member(root, "a")->items[1];
        CHECK_INT(two->line, 3);
        CHECK_INT(two->column, 4);
        CHECK(!strncmp(document + two->start, "\"two\"", two->size));
        CHECK_INT(two->size, 5);
        CHECK_INT(root->size, strlen(document));
}

TEST(json_readers)
{
        auto_arena arena = { 0 };
        static const char document[] =
                "[9223372036854775807,-9223372036854775808,18446744073709551615,-1,1.0,1e3,"
                "18446744073709551616,-9223372036854775809,\"1\",-0]";

        static const struct {
                int i64, u64;
        } results[] = {
                { 0, 0 },
                { 0, -ERANGE },
                { -ERANGE, 0 },
                { 0, -ERANGE },
                { -EINVAL, -EINVAL },
                { -EINVAL, -EINVAL },
                { -ERANGE, -ERANGE },
                { -ERANGE, -ERANGE },
                { -EINVAL, -EINVAL },
                { 0, 0 },
        };
        const struct json *root;
        uint64_t u64;
        int64_t i64;

        CHECK_INT(json_parse(&arena, "t", document, strlen(document), &root), 0);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                CHECK_INT(json_i64(&root->items[i], &i64), results[i].i64);
                CHECK_INT(json_u64(&root->items[i], &u64), results[i].u64);
        }
        CHECK_INT(json_i64(&root->items[1], &i64), 0);
        CHECK(i64 == INT64_MIN);
        CHECK_INT(json_u64(&root->items[2], &u64), 0);
        CHECK(u64 == UINT64_MAX);
        CHECK_INT(json_i64(NULL, &i64), -EINVAL);
        CHECK(!json_string(&root->items[0]));
        CHECK(!json_string(NULL));
        CHECK_STR(json_string(&root->items[8]), "1");
        CHECK(!json_member(root, "a"));
        CHECK(!json_member(NULL, "a"));
}

TEST(json_writer_indents)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out, .indent = 2 };

        json_open_object(&w, NULL);
        json_put_string(&w, "s", "x\n");
        json_open_array(&w, "a");
        json_put_i64(&w, NULL, INT64_MIN);
        json_put_u64(&w, NULL, UINT64_MAX);
        json_open_object(&w, NULL);
        json_close_object(&w);
        json_close_array(&w);
        json_open_array(&w, "e");
        json_close_array(&w);
        json_put_bool(&w, "b", true);
        json_put_null(&w, "n");
        json_put_raw(&w, "r", "[1]", 3);
        json_close_object(&w);
        CHECK_STR(
                text_string(&out), "{\n"
                                   "  \"s\": \"x\\n\",\n"
                                   "  \"a\": [\n"
                                   "    -9223372036854775808,\n"
                                   "    18446744073709551615,\n"
                                   "    {}\n"
                                   "  ],\n"
                                   "  \"e\": [],\n"
                                   "  \"b\": true,\n"
                                   "  \"n\": null,\n"
                                   "  \"r\": [1]\n"
                                   "}");
}
