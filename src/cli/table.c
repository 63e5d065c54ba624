/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: rows are any array of structs, columns say where the fields are and how
 * they look. A table is measured first, then written: columns are as wide as their content, and
 * on a terminal those that may give do so, the widest first. What rows hold (names, commands,
 * paths) was written by others, hence visible text. Templates are the part of Go's that people
 * type: {{.Field}}, {{json .Field}}, {{json .}}, \t and \n; no conditions, no functions. */
#include "table.h"

#include <string.h>
#include <time.h>

#include <sys/types.h>

enum {
        ID_SHOWN = 12,
        QUOTED_SHOWN = 20,
        GIVES_DOWN_TO = 8,
        GAP = 3,
        COLUMNS_MAX = 16
};

static const char *field_string(const struct column *column, const void *row)
{
        const char *string = *(const char *const *)((const char *)row + column->at);

        return string ? string : "";
}

static void put_text(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        (void)t;
        text_add_visible(out, field_string(c, row));
}

static void put_id(struct text *out, const struct column *c, const void *row, const struct table *t)
{
        const char *id = field_string(c, row);
        size_t len = t->no_trunc ? strlen(id) : strnlen(id, ID_SHOWN);

        text_add_visible(out, arena_copy(out->arena, id, len));
}

/* Bytes of the first `cells` code points. */
static size_t prefix_bytes(const char *string, size_t cells)
{
        size_t at = 0;

        for (; string[at]; at++)
                if (((unsigned char)string[at] & 0xc0) != 0x80 && !cells--)
                        break;
        return at;
}

static size_t cells_of(const char *string)
{
        size_t n = 0;

        for (; *string; string++)
                n += ((unsigned char)*string & 0xc0) != 0x80;
        return n;
}

/* At most `cells` wide, the last being an ellipsis if something was cut off. */
static const char *shorten(struct arena *arena, const char *string, size_t cells)
{
        if (cells_of(string) <= cells)
                return string;
        return arena_format(
                arena, "%.*s\xe2\x80\xa6", (int)prefix_bytes(string, cells - 1), string);
}

static void put_quoted(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        struct text visible = { .arena = out->arena };

        text_add_visible(&visible, field_string(c, row));
        text_addf(
                out, "\"%s\"",
                t->no_trunc ? text_string(&visible)
                            : shorten(out->arena, text_string(&visible), QUOTED_SHOWN));
}

static void put_char(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        (void)t;
        text_add_char(out, ((const char *)row)[c->at]);
}

static int64_t field_number(const struct column *column, const void *row)
{
        const char *at = (const char *)row + column->at;

        return column->kind == COLUMN_INT ? *(const int *)at : *(const int64_t *)at;
}

static void put_number(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        (void)t;
        text_addf(out, "%lld", (long long)field_number(c, row));
}

static void put_time(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        time_t when = (time_t)((uint64_t)field_number(c, row) / 1000000000);
        char buffer[40] = "";
        struct tm tm;

        (void)t;
        if (gmtime_r(&when, &tm))
                strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
        text_add(out, buffer);
}

static void put_ago(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        static const struct {
                uint64_t seconds;
                const char *name;
        } units[] = { { 365 * 86400, "year" }, { 30 * 86400, "month" }, { 7 * 86400, "week" },
                      { 86400, "day" },        { 3600, "hour" },        { 60, "minute" },
                      { 1, "second" } };

        uint64_t then = (uint64_t)field_number(c, row);
        uint64_t age = then < t->now_ns ? (t->now_ns - then) / 1000000000 : 0;
        size_t u = 0;

        /* Two of a unit at least: "90 seconds ago" tells more than "1 minute ago". */
        while (u + 1 < ARRAY_SIZE(units) && age < 2 * units[u].seconds)
                u++;
        age /= units[u].seconds;
        text_addf(
                out, "%llu %s%s ago", (unsigned long long)age, units[u].name, age == 1 ? "" : "s");
}

void cli_put_bytes(struct text *out, uint64_t bytes)
{
        static const char units[][3] = { "B", "kB", "MB", "GB", "TB", "PB" };
        uint64_t whole = bytes, unit = 1; /* unit: of the fraction, in bytes */
        size_t u = 0;

        for (; whole >= 1000 && u + 1 < ARRAY_SIZE(units); u++, whole /= 1000)
                unit *= 1000;
        if (u == 0 || whole >= 100)
                text_addf(out, "%llu%s", (unsigned long long)whole, units[u]);
        else if (whole >= 10)
                text_addf(
                        out, "%llu.%llu%s", (unsigned long long)whole,
                        (unsigned long long)(bytes % unit / (unit / 10)), units[u]);
        else
                text_addf(
                        out, "%llu.%02llu%s", (unsigned long long)whole,
                        (unsigned long long)(bytes % unit / (unit / 100)), units[u]);
}

static void put_bytes(
        struct text *out, const struct column *c, const void *row, const struct table *t)
{
        (void)t;
        cli_put_bytes(out, (uint64_t)field_number(c, row));
}

typedef void put_field(
        struct text *out, const struct column *column, const void *row, const struct table *table);

static put_field *const writers[COLUMN_KINDS] = {
        [COLUMN_TEXT] = put_text,   [COLUMN_ID] = put_id,      [COLUMN_QUOTED] = put_quoted,
        [COLUMN_CHAR] = put_char,   [COLUMN_INT] = put_number, [COLUMN_I64] = put_number,
        [COLUMN_TIME] = put_time,   [COLUMN_AGO] = put_ago,    [COLUMN_JSON] = put_text,
        [COLUMN_BYTES] = put_bytes,
};

static const void *row_at(const struct table *table, size_t i)
{
        return (const char *)table->rows + i * table->row_size;
}

static const char *field_text(
        struct arena *arena, const struct table *table, const struct column *column, size_t row)
{
        struct text text = { .arena = arena };

        writers[column->kind](&text, column, row_at(table, row), table);
        return text_string(&text);
}

static void put_json_value(struct json_writer *w, const struct column *c, const char *json)
{
        if (*json)
                json_put_raw(w, c->field, json, strlen(json));
}

static void put_json_field(
        struct json_writer *w, const struct table *table, const struct column *c, size_t row)
{
        if (c->kind == COLUMN_INT || c->kind == COLUMN_I64)
                json_put_i64(w, c->field, field_number(c, row_at(table, row)));
        else if (c->kind == COLUMN_JSON)
                put_json_value(w, c, field_string(c, row_at(table, row)));
        else if (c->kind == COLUMN_TEXT || c->kind == COLUMN_ID || c->kind == COLUMN_QUOTED)
                json_put_string(w, c->field, field_string(c, row_at(table, row)));
        else
                json_put_string(w, c->field, field_text(w->out->arena, table, c, row));
}

static void put_json_row(struct json_writer *w, const struct table *table, size_t row)
{
        json_open_object(w, NULL);
        for (size_t i = 0; i < table->n_columns; i++)
                put_json_field(w, table, &table->columns[i], row);
        json_close_object(w);
}

static int put_json(struct text *out, const struct table *table)
{
        struct json_writer array = { .out = out };

        if (table->json_array)
                json_open_array(&array, NULL);
        for (size_t i = 0; i < table->n_rows; i++) {
                struct json_writer line = { .out = out };

                put_json_row(table->json_array ? &array : &line, table, i);
                if (!table->json_array)
                        text_add_char(out, '\n');
        }
        if (table->json_array) {
                json_close_array(&array);
                text_add_char(out, '\n');
        }
        return 0;
}

/* A grid of finished cells. */
struct grid {
        const char **cells;
        size_t n_columns, n_rows;
        size_t widths[COLUMNS_MAX];
        bool gives[COLUMNS_MAX];
};

static void grid_measure(struct grid *grid)
{
        for (size_t i = 0; i < grid->n_rows * grid->n_columns; i++) {
                size_t width = cells_of(grid->cells[i]),
                       *widest = &grid->widths[i % grid->n_columns];

                *widest = width > *widest ? width : *widest;
        }
}

static void grid_fit(struct grid *grid, size_t width)
{
        size_t total = 0;

        for (size_t c = 0; c < grid->n_columns; c++)
                total += grid->widths[c] + (c ? GAP : 0);
        while (width && total > width) {
                size_t widest = grid->n_columns;

                for (size_t c = 0; c < grid->n_columns; c++)
                        if (grid->gives[c] && grid->widths[c] > GIVES_DOWN_TO &&
                            (widest == grid->n_columns || grid->widths[c] > grid->widths[widest]))
                                widest = c;
                if (widest == grid->n_columns)
                        return;
                grid->widths[widest]--;
                total--;
        }
}

static void grid_put(struct text *out, struct grid *grid)
{
        for (size_t i = 0; i < grid->n_rows * grid->n_columns; i++) {
                size_t c = i % grid->n_columns;
                const char *cell = shorten(out->arena, grid->cells[i], grid->widths[c]);
                bool last = c + 1 == grid->n_columns;

                text_add(out, cell);
                for (size_t n = cells_of(cell); !last && n < grid->widths[c] + GAP; n++)
                        text_add_char(out, ' ');
                if (last)
                        text_add_char(out, '\n');
        }
}

static int put_grid(struct text *out, const struct table *table)
{
        struct grid grid = { .n_rows = table->n_rows + !table->no_titles };
        const struct column *shown[COLUMNS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < table->n_columns && n < COLUMNS_MAX; i++)
                if (*table->columns[i].title) {
                        grid.gives[n] = table->columns[i].gives;
                        shown[n++] = &table->columns[i];
                }
        grid.n_columns = n;
        grid.cells = arena_array(out->arena, grid.n_rows * n + 1, sizeof *grid.cells);
        n = 0;
        for (size_t c = 0; !table->no_titles && c < grid.n_columns; c++)
                grid.cells[n++] = shown[c]->title;
        for (size_t row = 0; row < table->n_rows; row++)
                for (size_t c = 0; c < grid.n_columns; c++)
                        grid.cells[n++] = field_text(out->arena, table, shown[c], row);
        grid_measure(&grid);
        grid_fit(&grid, table->width);
        grid_put(out, &grid);
        return 0;
}

static int put_quiet(struct text *out, const struct table *table)
{
        for (size_t row = 0; row < table->n_rows; row++) {
                text_add(out, field_text(out->arena, table, &table->columns[0], row));
                text_add_char(out, '\n');
        }
        return 0;
}

static const struct column *find_field(const struct table *table, const char *name)
{
        for (size_t i = 0; i < table->n_columns; i++)
                if (text_equal(table->columns[i].field, name))
                        return &table->columns[i];
        return NULL;
}

static int unknown_field(const struct table *table, struct arena *arena, const char *name)
{
        struct text fields = { .arena = arena };

        for (size_t i = 0; i < table->n_columns; i++)
                text_addf(&fields, " .%s", table->columns[i].field);
        trail_hint("fields are:%s", text_string(&fields));
        return trail(-EINVAL, "--format: there is no field '%s'", name);
}

enum {
        TITLES = -1
};

/* What stands between {{ and }}; `row` may be TITLES. */
static int put_action(struct text *out, const struct table *table, const char *action, ssize_t row)
{
        struct json_writer w = { .out = out };
        bool json = text_starts(action, "json ");
        const struct column *column;

        if (json)
                action += 5 + strspn(action + 5, " ");
        if (json && text_equal(action, ".")) {
                if (row != TITLES)
                        put_json_row(&w, table, (size_t)row);
                return 0;
        }
        column = *action == '.' ? find_field(table, action + 1) : NULL;
        if (!column)
                return unknown_field(table, out->arena, action);
        if (row == TITLES)
                text_add(out, *column->title ? column->title : column->field);
        else if (!json)
                text_add(out, field_text(out->arena, table, column, (size_t)row));
        else if (
                column->kind == COLUMN_INT || column->kind == COLUMN_I64 ||
                column->kind == COLUMN_JSON)
                writers[column->kind](out, column, row_at(table, (size_t)row), table);
        else
                text_add_json(out, field_text(out->arena, table, column, (size_t)row));
        return 0;
}

static const char *trim(struct arena *arena, const char *start, const char *end)
{
        while (start < end && *start == ' ')
                start++;
        while (end > start && end[-1] == ' ')
                end--;
        return arena_copy(arena, start, (size_t)(end - start));
}

static int put_template_row(
        struct text *out, const struct table *table, const char *template, ssize_t row)
{
        for (const char *p = template; *p; p++) {
                bool action = p[0] == '{' && p[1] == '{';
                const char *end = action ? strstr(p, "}}") : NULL;
                int r;

                if (action && !end)
                        return trail(-EINVAL, "--format: '{{' without '}}' in '%s'", template);
                if (end) {
                        r = put_action(out, table, trim(out->arena, p + 2, end), row);
                        if (r < 0)
                                return r;
                        p = end + 1;
                } else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
                        text_add_char(out, *++p == 't' ? '\t' : '\n');
                } else {
                        text_add_char(out, *p);
                }
        }
        return 0;
}

/* Text whose cells are divided by tabs, each line a row, as a grid. */
static void put_tabbed(struct text *out, char *tabbed, size_t n_rows, size_t n_columns)
{
        struct grid grid = { .n_rows = n_rows, .n_columns = n_columns };

        grid.cells = arena_array(out->arena, n_rows * n_columns, sizeof *grid.cells);
        for (size_t i = 0; i < n_rows * n_columns; i++) {
                size_t len = strcspn(tabbed, "\t\n");

                grid.cells[i] = tabbed;
                tabbed += len;
                if (*tabbed)
                        *tabbed++ = 0;
        }
        grid_measure(&grid);
        grid_put(out, &grid);
}

static int put_template(struct text *out, const struct table *table, const char *template)
{
        bool grid = text_starts(template, "table ");
        struct text rows = { .arena = out->arena };
        size_t n_columns = 1;
        int r;

        template += grid ? 6 : 0;
        /* A template that is wrong is wrong without rows too. */
        r = put_template_row(&(struct text){ .arena = out->arena }, table, template, TITLES);
        if (r < 0)
                return r;
        for (ssize_t row = grid ? TITLES : 0; row < (ssize_t)table->n_rows; row++) {
                r = put_template_row(&rows, table, template, row);
                if (r < 0)
                        return r;
                text_add_char(&rows, '\n');
        }
        if (!grid || !rows.len) {
                text_add_bytes(out, text_string(&rows), rows.len);
                return 0;
        }
        for (const char *p = rows.data; *p != '\n'; p++)
                n_columns += *p == '\t';
        put_tabbed(out, rows.data, table->n_rows + 1, n_columns);
        return 0;
}

int cli_table_put(struct text *out, const struct table *table)
{
        const char *format = table->format && *table->format ? table->format : "table";

        if (strstr(format, "{{"))
                return put_template(out, table, format);
        if (text_equal(format, "json"))
                return put_json(out, table);
        if (!text_equal(format, "table"))
                return trail(
                        -EINVAL, "--format '%s': expected table, json or a template with {{.%s}}",
                        format, table->columns[0].field);
        return table->quiet ? put_quiet(out, table) : put_grid(out, table);
}
