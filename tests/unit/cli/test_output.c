/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, templates, and the lines of the log. */
#include "cli/report.h"
#include "cli/table.h"
#include "tap.h"

struct pet {
        const char *id;
        const char *name;
        const char *words;
        int64_t legs;
        uint64_t born_ns;
        char kind;
};

#define SECOND 1000000000ull

static const struct pet pets[] = {
        { "0123456789abcdef", "Rex", "sit down and give me your paw", 4, 1700000000 * SECOND, 'd' },
        { "fedcba9876543210", "a\033[31mb", NULL, 2, 1699999990 * SECOND, 'b' },
};

static const struct column columns[] = {
        { "ID", "ID", COLUMN_ID, offsetof(struct pet, id), false },
        { "NAME", "Name", COLUMN_TEXT, offsetof(struct pet, name), false },
        { "WORDS", "Words", COLUMN_QUOTED, offsetof(struct pet, words), true },
        { "BORN", "Age", COLUMN_AGO, offsetof(struct pet, born_ns), false },
        { "", "Legs", COLUMN_I64, offsetof(struct pet, legs), false },
        { "", "Kind", COLUMN_CHAR, offsetof(struct pet, kind), false },
        { "", "Born", COLUMN_TIME, offsetof(struct pet, born_ns), false },
};

static struct arena arena;

static struct table pet_table(const char *format)
{
        return (struct table){
                .columns = columns,
                .n_columns = ARRAY_SIZE(columns),
                .rows = pets,
                .n_rows = ARRAY_SIZE(pets),
                .row_size = sizeof *pets,
                .format = format,
                .now_ns = 1700000001 * SECOND,
        };
}

static const char *put(struct table table)
{
        struct text out = { .arena = &arena };

        trail_reset();
        if (cli_table_put(&out, &table) < 0)
                return trail_text();
        return text_string(&out);
}

TEST(columns_are_as_wide_as_their_content)
{
        CHECK_STR(
                put(pet_table(NULL)),
                "ID             NAME         WORDS                    BORN\n"
                "0123456789ab   Rex          \"sit down and give m\xe2\x80\xa6\"   1 second ago\n"
                "fedcba987654   a\\x1b[31mb   \"\"                       11 seconds ago\n");
}

TEST(columns_give_way_on_a_terminal)
{
        struct table table = pet_table("table");

        table.width = 58;
        CHECK_STR(
                put(table), "ID             NAME         WORDS           BORN\n"
                            "0123456789ab   Rex          \"sit down an\xe2\x80\xa6   1 second ago\n"
                            "fedcba987654   a\\x1b[31mb   \"\"              11 seconds ago\n");
        table.no_trunc = true;
        table.width = 0;
        CHECK(strstr(put(table), "0123456789abcdef   Rex "));
        CHECK(strstr(put(table), "\"sit down and give me your paw\""));
}

TEST(quiet_is_ids_and_empty_is_titles)
{
        struct table table = pet_table(NULL);

        table.quiet = true;
        CHECK_STR(put(table), "0123456789ab\nfedcba987654\n");
        table.quiet = false;
        table.n_rows = 0;
        CHECK_STR(put(table), "ID   NAME   WORDS   BORN\n");
        table.no_titles = true;
        CHECK_STR(put(table), "");
}

TEST(json_is_a_line_a_row_or_one_array)
{
        struct table table = pet_table("json");

        table.n_rows = 1;
        CHECK_STR(
                put(table),
                "{\"ID\":\"0123456789abcdef\",\"Name\":\"Rex\",\"Words\":\"sit down and give me "
                "your paw\",\"Age\":\"1 second ago\",\"Legs\":4,\"Kind\":\"d\",\"Born\":"
                "\"2023-11-14 22:13:20 +0000 UTC\"}\n");
        table.n_columns = 1;
        table.n_rows = 2;
        CHECK_STR(put(table), "{\"ID\":\"0123456789abcdef\"}\n{\"ID\":\"fedcba9876543210\"}\n");
        table.json_array = true;
        CHECK_STR(put(table), "[{\"ID\":\"0123456789abcdef\"},{\"ID\":\"fedcba9876543210\"}]\n");
        table.n_rows = 0;
        CHECK_STR(put(table), "[]\n");
}

TEST(templates_name_fields)
{
        CHECK_STR(
                put(pet_table("{{.Kind}}:{{ .Name }}\\t{{.Legs}}")),
                "d:Rex\t4\nb:a\\x1b[31mb\t2\n");
        CHECK_STR(put(pet_table("{{json .Kind}} {{json .Legs}}")), "\"d\" 4\n\"b\" 2\n");
        CHECK_STR(
                put(pet_table("table {{.Name}}\\t{{.Legs}}")),
                "NAME         Legs\nRex          4\na\\x1b[31mb   2\n");
        CHECK(strstr(put(pet_table("{{json .}}")), "{\"ID\":\"0123456789abcdef\",\"Name\":"));
}

TEST(wrong_formats_are_refused_without_rows_too)
{
        struct table table = pet_table("{{.Nmae}}");

        table.n_rows = 0;
        CHECK_STR(put(table), "--format: there is no field '.Nmae'");
        CHECK_STR(trail_hint_text(), "fields are: .ID .Name .Words .Age .Legs .Kind .Born");
        CHECK_STR(put(pet_table("x {{.Name")), "--format: '{{' without '}}' in 'x {{.Name'");
        CHECK_STR(
                put(pet_table("yaml")),
                "--format 'yaml': expected table, json or a template with {{.ID}}");
}

static const char *ago(uint64_t seconds)
{
        struct table table = pet_table("{{.Age}}");

        table.n_rows = 1;
        table.now_ns = (1700000000 + seconds) * SECOND;
        return put(table);
}

TEST(ages_are_in_the_largest_unit_that_counts_two)
{
        CHECK_STR(ago(0), "0 seconds ago\n");
        CHECK_STR(ago(90), "90 seconds ago\n");
        CHECK_STR(ago(120), "2 minutes ago\n");
        CHECK_STR(ago(3 * 3600), "3 hours ago\n");
        CHECK_STR(ago(20 * 86400), "2 weeks ago\n");
        CHECK_STR(ago(3 * 365 * 86400), "3 years ago\n");
}

TEST(log_lines_are_as_callers_parse_them)
{
        struct text json = { .arena = &arena }, text = { .arena = &arena };

        cli_report_line(&json, true, "error", "no \"x\"\n", 1700000000);
        CHECK_STR(
                text_string(&json), "{\"level\":\"error\",\"msg\":\"no \\\"x\\\"\\n\","
                                    "\"time\":\"2023-11-14T22:13:20Z\"}");
        cli_report_line(&text, false, "error", "no x", 1700000000);
        CHECK_STR(text_string(&text), "time=\"2023-11-14T22:13:20Z\" level=error msg=\"no x\"");
}

TEST(output_bytes_have_three_digits)
{
        static const struct {
                uint64_t bytes;
                const char *words;
        } rows[] = { { 0, "0B" },           { 999, "999B" },          { 1000, "1.00kB" },
                     { 7381999, "7.38MB" }, { 12345678, "12.3MB" },   { 394000000, "394MB" },
                     { 999999, "999kB" },   { UINT64_MAX, "18446PB" } };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct text text = { .arena = &arena };

                cli_put_bytes(&text, rows[i].bytes);
                CHECK_STR(text_string(&text), rows[i].words);
        }
}
