/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of things: one column table a noun gives the table, the JSON and the templates. */
#pragma once

#include "base/base.h"

enum column_kind {
        COLUMN_TEXT,   /* const char * */
        COLUMN_ID,     /* const char *: twelve bytes of it unless no_trunc */
        COLUMN_QUOTED, /* const char *: in quotes, shortened to 20 unless no_trunc */
        COLUMN_CHAR,   /* char */
        COLUMN_INT,    /* int */
        COLUMN_I64,    /* int64_t */
        COLUMN_TIME,   /* uint64_t, ns since 1970: "2024-05-01 09:30:00 +0000 UTC" */
        COLUMN_BYTES,  /* uint64_t: "7.38MB" */
        COLUMN_JSON,   /* const char *: a JSON value; NULL: left out, of JSON too */
        COLUMN_AGO,    /* uint64_t, ns since 1970: "3 minutes ago" */
        COLUMN_KINDS,
};

struct column {
        char title[16]; /* "": not in the table, only in JSON and templates */
        char field[24]; /* the name in JSON and templates */
        enum column_kind kind;
        size_t at;  /* offset in a row */
        bool gives; /* may be shortened to fit a terminal */
};

struct table {
        const struct column *columns;
        size_t n_columns;
        const void *rows;
        size_t n_rows, row_size;
        const char *format; /* NULL or "table"; "json"; "{{.Field}} ..."; "table {{.Field}}" */
        size_t width;       /* of the terminal; 0: as wide as it gets */
        uint64_t now_ns;    /* since 1970, for COLUMN_AGO */
        bool quiet;         /* the first column only, without title, unless a template is given */
        bool no_trunc;
        bool no_titles;
        bool json_array; /* "json" is one array, not a line a row */
};

/* "512B", "7.38MB": three digits, powers of 1000, as docker has them. */
void cli_put_bytes(struct text *out, uint64_t bytes);

/* Append the rows in the format asked for. Texts of rows are made visible in tables and
 * templates. 0, or -EINVAL with a trail for a template that does not hold. */
int cli_table_put(struct text *out, const struct table *table);
