/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the records of an extended header, one by one, into what is wished of the entry
 * behind it. Keys that nobody here knows are passed over, as pax(1) demands. */
#include "tar_private.h"

#include <string.h>

/* pax: seconds, and perhaps a fraction; before 1970 with a minus sign. */
static bool time_parse(const char *words, int64_t *ret_s, uint32_t *ret_ns)
{
        const bool negative = *words == '-';
        const char *dot;
        uint64_t seconds;
        uint32_t ns = 0, scale = 100000000;
        char whole[24];

        words += negative;
        dot = strchr(words, '.');
        if (text_format(
                    whole, sizeof whole, "%.*s",
                    (int)(dot ? dot - words : (ptrdiff_t)strnlen(words, 30)),
                    words) >= sizeof whole ||
            text_u64(whole, &seconds) < 0 || seconds > INT64_MAX / 2)
                return false;
        for (const char *at = dot ? dot + 1 : ""; *at; at++, scale /= 10) {
                if (*at < '0' || *at > '9')
                        return false;
                ns += scale * (uint32_t)(*at - '0');
        }
        *ret_s = negative ? -(int64_t)seconds - (ns > 0) : (int64_t)seconds;
        *ret_ns = negative && ns ? 1000000000 - ns : ns;
        return true;
}

static int add_xattr(
        struct tar_reader *reader, struct tar_wish *wish, const char *name, const char *value,
        size_t size)
{
        if (wish->n_xattrs == TAR_XATTRS_MAX)
                return tar_broken(reader, -E2BIG, NULL, "it has too many extended attributes");
        if (!*name || strlen(name) > 255 || size > 65536)
                return tar_broken(
                        reader, -EBADMSG, NULL, "an extended attribute that no file can have");
        if (!wish->xattrs)
                wish->xattrs = arena_array(&reader->arena, TAR_XATTRS_MAX, sizeof *wish->xattrs);
        wish->xattrs[wish->n_xattrs++] = (struct tar_xattr){ name, value, size };
        return 0;
}

static int take_number(
        struct tar_reader *reader, const char *value, bool *ret_has, uint64_t *ret_number)
{
        if (text_u64(value, ret_number) < 0)
                return tar_broken(
                        reader, -EBADMSG, NULL, "a number of its extended header is none");
        *ret_has = true;
        return 0;
}

/* One record; an empty value takes back what an earlier one said (POSIX). */
static int take_record(
        struct tar_reader *reader, struct tar_wish *wish, const char *key, char *value, size_t size)
{
        static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";

        if (text_starts(key, xattr))
                return add_xattr(reader, wish, key + strlen(xattr), value, size);
        if (strlen(value) != size)
                return tar_broken(
                        reader, -EBADMSG, NULL, "its extended header has a NUL byte in it");
        if (text_starts(key, sparse))
                return tar_take_sparse(reader, wish, key + strlen(sparse), value);
        if (text_equal(key, "path"))
                wish->path = size ? value : NULL;
        else if (text_equal(key, "linkpath"))
                wish->link = size ? value : NULL;
        else if (!size)
                return 0;
        else if (text_equal(key, "size"))
                return take_number(reader, value, &wish->has_size, &wish->size);
        else if (text_equal(key, "uid"))
                return take_number(reader, value, &wish->has_uid, &wish->uid);
        else if (text_equal(key, "gid"))
                return take_number(reader, value, &wish->has_gid, &wish->gid);
        else if (text_equal(key, "mtime")) {
                wish->has_mtime = time_parse(value, &wish->mtime_s, &wish->mtime_ns);
                if (!wish->has_mtime)
                        return tar_broken(reader, -EBADMSG, NULL, "its time is none");
        }
        return 0;
}

int tar_parse_records(struct tar_reader *reader, struct tar_wish *wish, char *at, size_t size)
{
        static const char what[] = "its extended header is broken";

        while (size) {
                /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): read_extra() has made it */
                char *space = memchr(at, ' ', size < 8 ? size : 8), *equals;
                uint64_t length;
                int r;

                if (!space)
                        return tar_broken(reader, -EBADMSG, NULL, what);
                *space = '\0';
                if (text_u64(at, &length) < 0 || length > size ||
                    length < (size_t)(space - at) + 3 || at[length - 1] != '\n')
                        return tar_broken(reader, -EBADMSG, NULL, what);
                at[length - 1] = '\0';
                equals = memchr(space + 1, '=', (size_t)(at + length - 1 - (space + 1)));
                if (!equals || memchr(space + 1, '\0', (size_t)(equals - space - 1)))
                        return tar_broken(reader, -EBADMSG, NULL, what);
                *equals = '\0';
                r = take_record(
                        reader, wish, space + 1, equals + 1,
                        (size_t)(at + length - 1 - (equals + 1)));
                if (r < 0)
                        return r;
                at += length;
                size -= length;
        }
        return 0;
}
