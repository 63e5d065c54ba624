/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <string.h>

/* Theory of operation: an archive is blocks of 512 bytes: a header, its data, a header ... An entry may
 * be preceded by headers about it: pax records ('x'), a long name ('L'), a long link ('K'). They are
 * collected in `struct wish` and win over what the header itself says. A sparse file's data are its
 * pieces one behind the other; the list of pieces stands in the header (GNU's old form), in the pax
 * records (0.0, 0.1), or before the data (1.0).
 *
 * Every size is checked before anything is allocated or skipped by it, and nothing of the archive is
 * kept but the present entry. */

enum {
        BLOCK = 512
};

struct header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
        char magic[8], user[32], group[32], major[8], minor[8];

        union {
                char prefix[155]; /* ustar, pax */

                struct { /* GNU */
                        char atime[12], ctime[12], offset[12], long_names[4], unused;
                        char pieces[4][24];
                        char extended, real_size[12];
                } gnu;
        };

        char rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* What the headers before an entry say about it. */
struct wish {
        const char *path, *link;
        bool has_size, has_uid, has_gid, has_mtime, has_real_size, in_data;
        uint64_t size, uid, gid, real_size;
        int64_t mtime_s;
        uint32_t mtime_ns;
        struct tar_xattr *xattrs;
        size_t n_xattrs;
        struct tar_piece *pieces;
        size_t n_pieces, room;
};

/* -- errors ----------------------------------------------------------------------------------------- */

static int broken(struct tar_reader *reader, int error, const char *path, const char *what)
{
        struct text seen = { .arena = &reader->arena };

        text_add_visible(&seen, path ? path : "");
        if (path && *path)
                return trail(
                        error, "entry %lu ('%.200s'): %s", (unsigned long)reader->entries,
                        text_string(&seen), what);
        return trail(error, "entry %lu: %s", (unsigned long)reader->entries, what);
}

/* -- bytes ------------------------------------------------------------------------------------------ */

/* All of `size` bytes: 1; 0 when the stream ends before the first of them. */
static int read_all(struct tar_reader *reader, void *buffer, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = reader->read(reader->context, (char *)buffer + done, size - done);

                if (n < 0)
                        return (int)n;
                if (n == 0 && done == 0)
                        return 0;
                if (n == 0)
                        return broken(reader, -EBADMSG, NULL, "the archive ends within it");
                done += (size_t)n;
        }
        return 1;
}

static int need(struct tar_reader *reader, void *buffer, size_t size)
{
        int r = size ? read_all(reader, buffer, size) : 1;

        return r == 0 ? broken(reader, -EBADMSG, NULL, "the archive ends within it")
             : r < 0  ? r
                      : 0;
}

static int skip(struct tar_reader *reader, uint64_t size)
{
        char buffer[16 << 10];

        while (size) {
                size_t part = size < sizeof buffer ? (size_t)size : sizeof buffer;
                int r = need(reader, buffer, part);

                if (r < 0)
                        return r;
                size -= part;
        }
        return 0;
}

static unsigned padding_of(uint64_t size)
{
        return (unsigned)((BLOCK - size % BLOCK) % BLOCK);
}

/* -- numbers ---------------------------------------------------------------------------------------- */

/* Octal digits with spaces before and a space or NUL behind; empty is 0. Or, with the first bit set, binary
 * (GNU, star). */
static bool number_parse(const char *field, size_t size, int64_t *ret_value)
{
        const unsigned char *at = (const unsigned char *)field, *end = at + size;
        uint64_t value = 0;

        if (at < end && *at & 0x80) {
                bool negative = *at & 0x40;

                value = negative ? UINT64_MAX : 0;
                for (const unsigned char *p = at; p < end; p++) {
                        unsigned byte = p == at && !negative ? *p & 0x7fU : *p;

                        if (value >> 55 != (negative ? 0x1ffU : 0))
                                return false;
                        value = value << 8 | byte;
                }
                *ret_value = (int64_t)value;
                return true;
        }
        while (at < end && *at == ' ')
                at++;
        for (; at < end && *at >= '0' && *at <= '7'; at++) {
                if (value >> 60)
                        return false;
                value = value << 3 | (unsigned)(*at - '0');
        }
        while (at < end && (*at == ' ' || *at == '\0'))
                at++;
        *ret_value = (int64_t)value;
        return at == end;
}

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

/* The sum of all bytes, those of the sum itself taken as spaces; some old programs added signed ones. */
static bool sum_is_right(const struct header *header)
{
        const char *bytes = (const char *)header;
        int64_t wanted, sum = 0, signed_sum = 0;

        for (size_t i = 0; i < BLOCK; i++) {
                bool own =
                        i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);

                sum += own ? ' ' : (unsigned char)bytes[i];
                signed_sum += own ? ' ' : (signed char)bytes[i];
        }
        return number_parse(header->checksum, sizeof header->checksum, &wanted) &&
               (wanted == sum || wanted == signed_sum);
}

/* -- sparse files ------------------------------------------------------------------------------------- */

static int add_piece(struct tar_reader *reader, struct wish *wish, uint64_t offset, uint64_t size)
{
        if (wish->n_pieces == TAR_HOLES_MAX)
                return broken(reader, -E2BIG, NULL, "a sparse file of too many pieces");
        if (wish->n_pieces == wish->room) {
                size_t room = wish->room ? wish->room * 2 : 16;
                struct tar_piece *more = arena_array(&reader->arena, room, sizeof *more);

                if (wish->n_pieces)
                        memcpy(more, wish->pieces, wish->n_pieces * sizeof *more);
                wish->pieces = more;
                wish->room = room;
        }
        wish->pieces[wish->n_pieces++] = (struct tar_piece){ offset, size };
        return 0;
}

static int add_gnu_pieces(
        struct tar_reader *reader, struct wish *wish, const char (*fields)[24], size_t n)
{
        for (size_t i = 0; i < n && fields[i][0]; i++) {
                int64_t offset, size;
                int r;

                if (!number_parse(fields[i], 12, &offset) ||
                    !number_parse(fields[i] + 12, 12, &size) || offset < 0 || size < 0)
                        return broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                r = add_piece(reader, wish, (uint64_t)offset, (uint64_t)size);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Type 'S': four pieces in the header, 21 in each block behind it as long as there are more. */
static int read_gnu_map(struct tar_reader *reader, struct wish *wish, const struct header *header)
{
        struct {
                char pieces[21][24], extended, rest[7];
        } block = { .extended = header->gnu.extended };

        int64_t real_size;
        int r;

        _Static_assert(sizeof block == BLOCK, "more pieces are one block");
        if (!number_parse(header->gnu.real_size, 12, &real_size) || real_size < 0)
                return broken(reader, -EBADMSG, NULL, "a sparse file's size is broken");
        wish->has_real_size = true;
        wish->real_size = (uint64_t)real_size;
        r = add_gnu_pieces(reader, wish, header->gnu.pieces, 4);
        while (r == 0 && block.extended) {
                r = need(reader, &block, sizeof block);
                if (r == 0)
                        r = add_gnu_pieces(reader, wish, block.pieces, 21);
        }
        return r;
}

/* pax 1.0: lines of decimal numbers before the data, filled up to a block: how many, then offset and size
 * of each. */
static int read_map_number(struct tar_reader *reader, uint64_t *left, uint64_t *ret_number)
{
        char digits[24];

        for (size_t n = 0; n < sizeof digits; n++) {
                int r = *left ? need(reader, digits + n, 1) : -EBADMSG;

                if (r < 0)
                        break;
                --*left;
                if (digits[n] == '\n') {
                        digits[n] = '\0';
                        return text_u64(digits, ret_number);
                }
        }
        return -EBADMSG;
}

static int read_data_map(struct tar_reader *reader, struct wish *wish)
{
        const uint64_t whole = reader->left;
        uint64_t n = 0, pad;
        int r = read_map_number(reader, &reader->left, &n);

        for (uint64_t i = 0; i < n && r == 0; i++) {
                uint64_t offset = 0, size = 0;

                r = read_map_number(reader, &reader->left, &offset);
                if (r == 0)
                        r = read_map_number(reader, &reader->left, &size);
                if (r == 0 && (r = add_piece(reader, wish, offset, size)) < 0)
                        return r;
        }
        pad = padding_of(whole - reader->left);
        if (r < 0 || pad > reader->left)
                return broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
        reader->left -= pad;
        return skip(reader, pad);
}

/* The pieces lie one behind the other, within the file, and are all the data that there are. */
static int check_pieces(struct tar_reader *reader, const struct wish *wish, const char *path)
{
        uint64_t end = 0, sum = 0;

        for (size_t i = 0; i < wish->n_pieces; i++) {
                const struct tar_piece *piece = &wish->pieces[i];

                if (piece->offset < end || piece->offset > wish->real_size ||
                    piece->size > wish->real_size - piece->offset)
                        return broken(
                                reader, -EBADMSG, path, "a sparse file's pieces do not fit in it");
                end = piece->offset + piece->size;
                sum += piece->size;
        }
        if (sum != reader->left)
                return broken(
                        reader, -EBADMSG, path, "a sparse file has not the data that its map says");
        return 0;
}

/* -- pax records ---------------------------------------------------------------------------------------- */

static int add_xattr(
        struct tar_reader *reader, struct wish *wish, const char *name, const char *value,
        size_t size)
{
        if (wish->n_xattrs == TAR_XATTRS_MAX)
                return broken(reader, -E2BIG, NULL, "it has too many extended attributes");
        if (!*name || strlen(name) > 255 || size > 65536)
                return broken(
                        reader, -EBADMSG, NULL, "an extended attribute that no file can have");
        if (!wish->xattrs)
                wish->xattrs = arena_array(&reader->arena, TAR_XATTRS_MAX, sizeof *wish->xattrs);
        wish->xattrs[wish->n_xattrs++] = (struct tar_xattr){ name, value, size };
        return 0;
}

/* GNU.sparse.map of form 0.1: offset,size,offset,size... */
static int add_map(struct tar_reader *reader, struct wish *wish, char *map)
{
        for (char *at = map, *next; at; at = next) {
                char *comma = strchr(at, ',');
                uint64_t offset, size;
                int r;

                if (!comma)
                        return broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                *comma = '\0';
                next = strchr(comma + 1, ',');
                if (next)
                        *next++ = '\0';
                if (text_u64(at, &offset) < 0 || text_u64(comma + 1, &size) < 0)
                        return broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                r = add_piece(reader, wish, offset, size);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One of GNU tar's own; those that say nothing new (numblocks, the version's minor) are passed over. */
static int take_sparse(struct tar_reader *reader, struct wish *wish, const char *key, char *value)
{
        uint64_t number = 0;

        if (text_equal(key, "name")) {
                wish->path = value;
                return 0;
        }
        if (text_equal(key, "map"))
                return add_map(reader, wish, value);
        if (text_u64(value, &number) < 0)
                return broken(reader, -EBADMSG, NULL, "a number of a sparse file is none");
        if (text_equal(key, "size") || text_equal(key, "realsize")) {
                wish->has_real_size = true;
                wish->real_size = number;
        } else if (text_equal(key, "major")) {
                wish->in_data = number == 1;
        } else if (text_equal(key, "offset")) {
                return add_piece(reader, wish, number, 0);
        } else if (text_equal(key, "numbytes")) {
                if (!wish->n_pieces)
                        return broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                wish->pieces[wish->n_pieces - 1].size = number;
        }
        return 0;
}

static int take_number(
        struct tar_reader *reader, const char *value, bool *ret_has, uint64_t *ret_number)
{
        if (text_u64(value, ret_number) < 0)
                return broken(reader, -EBADMSG, NULL, "a number of its extended header is none");
        *ret_has = true;
        return 0;
}

/* One record; an empty value takes back what an earlier one said (POSIX). */
static int take_record(
        struct tar_reader *reader, struct wish *wish, const char *key, char *value, size_t size)
{
        static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";

        if (text_starts(key, xattr))
                return add_xattr(reader, wish, key + strlen(xattr), value, size);
        if (strlen(value) != size)
                return broken(reader, -EBADMSG, NULL, "its extended header has a NUL byte in it");
        if (text_starts(key, sparse))
                return take_sparse(reader, wish, key + strlen(sparse), value);
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
                        return broken(reader, -EBADMSG, NULL, "its time is none");
        }
        return 0;
}

/* "LENGTH KEY=VALUE\n", where LENGTH is that of all of it. */
static int parse_records(struct tar_reader *reader, struct wish *wish, char *at, size_t size)
{
        static const char what[] = "its extended header is broken";

        while (size) {
                /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): read_extra() has made it */
                char *space = memchr(at, ' ', size < 8 ? size : 8), *equals;
                uint64_t length;
                int r;

                if (!space)
                        return broken(reader, -EBADMSG, NULL, what);
                *space = '\0';
                if (text_u64(at, &length) < 0 || length > size ||
                    length < (size_t)(space - at) + 3 || at[length - 1] != '\n')
                        return broken(reader, -EBADMSG, NULL, what);
                at[length - 1] = '\0';
                equals = memchr(space + 1, '=', (size_t)(at + length - 1 - (space + 1)));
                if (!equals || memchr(space + 1, '\0', (size_t)(equals - space - 1)))
                        return broken(reader, -EBADMSG, NULL, what);
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

/* The data of a header about another one, as a string. */
static int read_extra(
        struct tar_reader *reader, uint64_t size, size_t most, const char *what, char **ret_bytes)
{
        char *bytes;
        int r;

        if (size > most)
                return broken(reader, -E2BIG, NULL, what);
        bytes = arena_alloc(&reader->arena, (size_t)size + 1);
        r = need(reader, bytes, (size_t)size);
        if (r == 0)
                r = skip(reader, padding_of(size));
        if (r < 0)
                return r;
        *ret_bytes = bytes;
        return 0;
}

static int read_about(struct tar_reader *reader, struct wish *wish, char type, uint64_t size)
{
        char *bytes = NULL;
        int r;

        if (type == 'g') /* of the whole archive: nothing in it is about an entry */
                return skip(reader, size + padding_of(size));
        if (type == 'x' || type == 'X') {
                r = read_extra(
                        reader, size, TAR_PAX_MAX, "its extended header is larger than 1 MiB",
                        &bytes);
                return r < 0 ? r : parse_records(reader, wish, bytes, (size_t)size);
        }
        r = read_extra(reader, size, TAR_PATH_MAX, "its name is longer than 4095 bytes", &bytes);
        if (r < 0)
                return r;
        if (type == 'L')
                wish->path = bytes;
        else
                wish->link = bytes;
        return 0;
}

/* -- entries -------------------------------------------------------------------------------------------- */

static bool is_about(char type)
{
        return type == 'x' || type == 'X' || type == 'g' || type == 'L' || type == 'K';
}

static bool is_zero(const char *block)
{
        return !*block && !memcmp(block, block + 1, BLOCK - 1);
}

/* A header whose sum is right: 1; 0 at the end. */
static int read_header(struct tar_reader *reader, struct header *header)
{
        int r = read_all(reader, header, sizeof *header);

        if (r <= 0)
                return r;
        if (is_zero((const char *)header))
                return 0;
        reader->entries++;
        if (!sum_is_right(header))
                return broken(
                        reader, -EBADMSG, NULL,
                        "its header's checksum is wrong: not a tar archive, or a damaged one");
        return 1;
}

static const char *header_text(struct tar_reader *reader, const char *field, size_t size)
{
        return arena_copy(&reader->arena, field, strnlen(field, size));
}

/* The name in the header: ustar has its beginning in `prefix`. */
static const char *header_path(struct tar_reader *reader, const struct header *header)
{
        const char *name = header_text(reader, header->name, sizeof header->name);

        if (memcmp(header->magic,
                   "ustar\0"
                   "00",
                   8) != 0 ||
            !header->prefix[0])
                return name;
        return arena_format(
                &reader->arena, "%s/%s", header_text(reader, header->prefix, sizeof header->prefix),
                name);
}

static bool find_type(const struct header *header, const char *path, enum tar_type *ret_type)
{
        static const char letters[] = "0123456";

        static const enum tar_type types[] = { TAR_FILE,  TAR_HARD_LINK, TAR_SYMLINK, TAR_CHAR,
                                               TAR_BLOCK, TAR_DIRECTORY, TAR_FIFO };

        const size_t size = strlen(path);
        const char *at;

        if (header->type == '\0' || header->type == '7' || header->type == 'S') {
                /* The oldest archives have no type for directories. */
                *ret_type = header->type == '\0' && size && path[size - 1] == '/' ? TAR_DIRECTORY
                                                                                  : TAR_FILE;
                return true;
        }
        at = strchr(letters, header->type);
        if (!at)
                return false;
        *ret_type = types[at - letters];
        return true;
}

static int take_id(struct tar_reader *reader, const char *path, int64_t number, uint32_t *ret_id)
{
        if (number < 0 || number >= UINT32_MAX)
                return broken(reader, -EBADMSG, path, "its owner is no id");
        *ret_id = (uint32_t)number;
        return 0;
}

static int take_numbers(
        struct tar_reader *reader, const struct header *header, const struct wish *wish,
        struct tar_entry *entry)
{
        int64_t mode, uid, gid, mtime, major = 0, minor = 0;
        const bool device = entry->type == TAR_CHAR || entry->type == TAR_BLOCK;

        if (!number_parse(header->mode, sizeof header->mode, &mode) ||
            !number_parse(header->uid, sizeof header->uid, &uid) ||
            !number_parse(header->gid, sizeof header->gid, &gid) ||
            !number_parse(header->mtime, sizeof header->mtime, &mtime))
                return broken(reader, -EBADMSG, entry->path, "a number of its header is none");
        if (device && (!number_parse(header->major, sizeof header->major, &major) ||
                       !number_parse(header->minor, sizeof header->minor, &minor) || major < 0 ||
                       minor < 0 || major > 0xfff || minor > 0xfffff))
                return broken(reader, -EBADMSG, entry->path, "its device number is none");
        entry->mode = (mode_t)mode & 07777;
        entry->mtime_s = wish->has_mtime ? wish->mtime_s : mtime;
        entry->mtime_ns = wish->has_mtime ? wish->mtime_ns : 0;
        entry->major = (uint32_t)major;
        entry->minor = (uint32_t)minor;
        if (wish->has_uid)
                uid = wish->uid > INT64_MAX ? -1 : (int64_t)wish->uid;
        if (wish->has_gid)
                gid = wish->gid > INT64_MAX ? -1 : (int64_t)wish->gid;
        if (take_id(reader, entry->path, uid, &entry->uid) < 0)
                return -EBADMSG;
        return take_id(reader, entry->path, gid, &entry->gid);
}

/* Which data follow, and where they go. Only files have any, whatever a header says of others. */
static int take_data(
        struct tar_reader *reader, const struct header *header, struct wish *wish, uint64_t size,
        struct tar_entry *entry)
{
        const bool sparse = header->type == 'S' || wish->in_data || wish->n_pieces ||
                            (wish->has_real_size && entry->type == TAR_FILE);
        int r = 0;

        reader->left = entry->type == TAR_FILE ? (wish->has_size ? wish->size : size) : 0;
        if (reader->left > INT64_MAX)
                return broken(reader, -EBADMSG, entry->path, "it is larger than a file can be");
        reader->padding = padding_of(reader->left);
        reader->piece = 0;
        reader->done = 0;
        if (!sparse || entry->type != TAR_FILE) {
                entry->size = reader->left;
                r = add_piece(reader, wish, 0, reader->left);
                goto out;
        }
        if (header->type == 'S')
                r = read_gnu_map(reader, wish, header);
        else if (wish->in_data)
                r = read_data_map(reader, wish);
        if (r < 0)
                return r;
        if (!wish->has_real_size || wish->real_size > INT64_MAX)
                return broken(reader, -EBADMSG, entry->path, "a sparse file without its size");
        entry->size = wish->real_size;
        r = check_pieces(reader, wish, entry->path);
out:
        reader->pieces = wish->pieces;
        reader->n_pieces = wish->n_pieces;
        return r;
}

static int check_names(struct tar_reader *reader, const struct tar_entry *entry)
{
        const bool link = entry->type == TAR_HARD_LINK || entry->type == TAR_SYMLINK;

        if (!*entry->path)
                return broken(reader, -EBADMSG, NULL, "it has no name");
        if (strlen(entry->path) >= TAR_PATH_MAX || strlen(entry->link) >= TAR_PATH_MAX)
                return broken(reader, -E2BIG, entry->path, "its name is longer than 4095 bytes");
        if (link && !*entry->link)
                return broken(reader, -EBADMSG, entry->path, "a link to nothing");
        return 0;
}

static int make_entry(
        struct tar_reader *reader, const struct header *header, struct wish *wish, uint64_t size,
        struct tar_entry *ret_entry)
{
        struct tar_entry entry = {
                .path = wish->path ? wish->path : header_path(reader, header),
                .link = "",
                .xattrs = wish->xattrs,
                .n_xattrs = wish->n_xattrs,
        };
        int r;

        if (!find_type(header, entry.path, &entry.type))
                return broken(
                        reader, -EBADMSG, entry.path,
                        arena_format(
                                &reader->arena, "type %u is none that a layer can have",
                                (unsigned char)header->type));
        if (entry.type == TAR_HARD_LINK || entry.type == TAR_SYMLINK)
                entry.link = wish->link ? wish->link
                                        : header_text(reader, header->link, sizeof header->link);
        r = check_names(reader, &entry);
        if (r == 0)
                r = take_numbers(reader, header, wish, &entry);
        if (r == 0)
                r = take_data(reader, header, wish, size, &entry);
        if (r < 0)
                return r;
        *ret_entry = entry;
        return 1;
}

int tar_next(struct tar_reader *reader, struct tar_entry *ret_entry)
{
        struct wish wish = { 0 };
        int about = 0; /* headers about the entry to come */

        if (!reader->ended) {
                int r = skip(reader, reader->left + reader->padding);

                if (r < 0)
                        return r;
        }
        reader->left = reader->padding = 0;
        arena_reset(&reader->arena);
        while (!reader->ended) {
                struct header header;
                int64_t size;
                int r = read_header(reader, &header);

                if (r < 0)
                        return r;
                if (r == 0) {
                        reader->ended = true;
                        break;
                }
                if (!number_parse(header.size, sizeof header.size, &size) || size < 0)
                        return broken(reader, -EBADMSG, NULL, "its size is none");
                if (!is_about(header.type))
                        return make_entry(reader, &header, &wish, (uint64_t)size, ret_entry);
                about += header.type != 'g';
                if (about > TAR_ABOUT_MAX)
                        return broken(reader, -E2BIG, NULL, "too many headers about one entry");
                r = read_about(reader, &wish, header.type, (uint64_t)size);
                if (r < 0)
                        return r;
        }
        if (about)
                return broken(
                        reader, -EBADMSG, NULL, "the archive ends behind a header about nothing");
        return 0;
}

ssize_t tar_data(struct tar_reader *reader, void *buffer, size_t size, uint64_t *ret_offset)
{
        const struct tar_piece *piece;
        uint64_t part;
        ssize_t n;

        while (reader->piece < reader->n_pieces &&
               reader->done == reader->pieces[reader->piece].size) {
                reader->piece++;
                reader->done = 0;
        }
        if (reader->left == 0 || reader->piece == reader->n_pieces)
                return 0;
        piece = &reader->pieces[reader->piece];
        part = piece->size - reader->done;
        if (part > size)
                part = size;
        n = reader->read(reader->context, buffer, (size_t)part);
        if (n < 0)
                return n;
        if (n == 0)
                return broken(reader, -EBADMSG, NULL, "the archive ends within its data");
        *ret_offset = piece->offset + reader->done;
        reader->done += (uint64_t)n;
        reader->left -= (uint64_t)n;
        return n;
}

void tar_begin(struct tar_reader *reader, tar_read *read, void *context)
{
        *reader = (struct tar_reader){ .read = read, .context = context };
}

void tar_end(struct tar_reader *reader)
{
        arena_free(&reader->arena);
}
