/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_private.h"

#include <string.h>

/* Theory of operation: an archive is blocks of 512 bytes: a header, its data, a header ... An entry may
 * be preceded by headers about it: pax records ('x'), a long name ('L'), a long link ('K'). They are
 * collected in `struct tar_wish` and win over what the header itself says.
 *
 * Every size is checked before anything is allocated or skipped by it, and nothing of the archive is
 * kept but the present entry. */

/* -- errors ----------------------------------------------------------------------------------------- */

int tar_broken(struct tar_reader *reader, int error, const char *path, const char *what)
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
                        return tar_broken(reader, -EBADMSG, NULL, "the archive ends within it");
                done += (size_t)n;
        }
        return 1;
}

int tar_need(struct tar_reader *reader, void *buffer, size_t size)
{
        int r = size ? read_all(reader, buffer, size) : 1;

        return r == 0 ? tar_broken(reader, -EBADMSG, NULL, "the archive ends within it")
             : r < 0  ? r
                      : 0;
}

int tar_skip(struct tar_reader *reader, uint64_t size)
{
        char buffer[16 << 10];

        while (size) {
                size_t part = size < sizeof buffer ? (size_t)size : sizeof buffer;
                int r = tar_need(reader, buffer, part);

                if (r < 0)
                        return r;
                size -= part;
        }
        return 0;
}

unsigned tar_padding(uint64_t size)
{
        return (unsigned)((BLOCK - size % BLOCK) % BLOCK);
}

/* -- numbers ---------------------------------------------------------------------------------------- */

bool tar_number(const char *field, size_t size, int64_t *ret_value)
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

/* The sum of all bytes, those of the sum itself taken as spaces; some old programs added signed ones. */
static bool sum_is_right(const struct tar_header *header)
{
        const char *bytes = (const char *)header;
        int64_t wanted, sum = 0, signed_sum = 0;

        for (size_t i = 0; i < BLOCK; i++) {
                bool own = i >= offsetof(struct tar_header, checksum) &&
                           i < offsetof(struct tar_header, type);

                sum += own ? ' ' : (unsigned char)bytes[i];
                signed_sum += own ? ' ' : (signed char)bytes[i];
        }
        return tar_number(header->checksum, sizeof header->checksum, &wanted) &&
               (wanted == sum || wanted == signed_sum);
}

/* -- headers about an entry ------------------------------------------------------------------------------ */

/* The data of a header about another one, as a string. */
static int read_extra(
        struct tar_reader *reader, uint64_t size, size_t most, const char *what, char **ret_bytes)
{
        char *bytes;
        int r;

        if (size > most)
                return tar_broken(reader, -E2BIG, NULL, what);
        bytes = arena_alloc(&reader->arena, (size_t)size + 1);
        r = tar_need(reader, bytes, (size_t)size);
        if (r == 0)
                r = tar_skip(reader, tar_padding(size));
        if (r < 0)
                return r;
        *ret_bytes = bytes;
        return 0;
}

static int read_about(struct tar_reader *reader, struct tar_wish *wish, char type, uint64_t size)
{
        char *bytes = NULL;
        int r;

        if (type == 'g') /* of the whole archive: nothing in it is about an entry */
                return tar_skip(reader, size + tar_padding(size));
        if (type == 'x' || type == 'X') {
                r = read_extra(
                        reader, size, TAR_PAX_MAX, "its extended header is larger than 1 MiB",
                        &bytes);
                return r < 0 ? r : tar_parse_records(reader, wish, bytes, (size_t)size);
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
static int read_header(struct tar_reader *reader, struct tar_header *header)
{
        int r = read_all(reader, header, sizeof *header);

        if (r <= 0)
                return r;
        if (is_zero((const char *)header))
                return 0;
        reader->entries++;
        if (!sum_is_right(header))
                return tar_broken(
                        reader, -EBADMSG, NULL,
                        "its header's checksum is wrong: not a tar archive, or a damaged one");
        return 1;
}

static const char *header_text(struct tar_reader *reader, const char *field, size_t size)
{
        return arena_copy(&reader->arena, field, strnlen(field, size));
}

/* The name in the header: ustar has its beginning in `prefix`. */
static const char *header_path(struct tar_reader *reader, const struct tar_header *header)
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

static bool find_type(const struct tar_header *header, const char *path, enum tar_type *ret_type)
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
                return tar_broken(reader, -EBADMSG, path, "its owner is no id");
        *ret_id = (uint32_t)number;
        return 0;
}

static int take_numbers(
        struct tar_reader *reader, const struct tar_header *header, const struct tar_wish *wish,
        struct tar_entry *entry)
{
        int64_t mode, uid, gid, mtime, major = 0, minor = 0;
        const bool device = entry->type == TAR_CHAR || entry->type == TAR_BLOCK;

        if (!tar_number(header->mode, sizeof header->mode, &mode) ||
            !tar_number(header->uid, sizeof header->uid, &uid) ||
            !tar_number(header->gid, sizeof header->gid, &gid) ||
            !tar_number(header->mtime, sizeof header->mtime, &mtime))
                return tar_broken(reader, -EBADMSG, entry->path, "a number of its header is none");
        if (device && (!tar_number(header->major, sizeof header->major, &major) ||
                       !tar_number(header->minor, sizeof header->minor, &minor) || major < 0 ||
                       minor < 0 || major > 0xfff || minor > 0xfffff))
                return tar_broken(reader, -EBADMSG, entry->path, "its device number is none");
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
        struct tar_reader *reader, const struct tar_header *header, struct tar_wish *wish,
        uint64_t size, struct tar_entry *entry)
{
        const bool sparse = header->type == 'S' || wish->in_data || wish->n_pieces ||
                            (wish->has_real_size && entry->type == TAR_FILE);
        int r = 0;

        reader->left = entry->type == TAR_FILE ? (wish->has_size ? wish->size : size) : 0;
        if (reader->left > INT64_MAX)
                return tar_broken(reader, -EBADMSG, entry->path, "it is larger than a file can be");
        reader->padding = tar_padding(reader->left);
        reader->piece = 0;
        reader->done = 0;
        if (!sparse || entry->type != TAR_FILE) {
                entry->size = reader->left;
                r = tar_add_piece(reader, wish, 0, reader->left);
                goto out;
        }
        if (header->type == 'S')
                r = tar_read_gnu_map(reader, wish, header);
        else if (wish->in_data)
                r = tar_read_data_map(reader, wish);
        if (r < 0)
                return r;
        if (!wish->has_real_size || wish->real_size > INT64_MAX)
                return tar_broken(reader, -EBADMSG, entry->path, "a sparse file without its size");
        entry->size = wish->real_size;
        r = tar_check_pieces(reader, wish, entry->path);
out:
        reader->pieces = wish->pieces;
        reader->n_pieces = wish->n_pieces;
        return r;
}

static int check_names(struct tar_reader *reader, const struct tar_entry *entry)
{
        const bool link = entry->type == TAR_HARD_LINK || entry->type == TAR_SYMLINK;

        if (!*entry->path)
                return tar_broken(reader, -EBADMSG, NULL, "it has no name");
        if (strlen(entry->path) >= TAR_PATH_MAX || strlen(entry->link) >= TAR_PATH_MAX)
                return tar_broken(
                        reader, -E2BIG, entry->path, "its name is longer than 4095 bytes");
        if (link && !*entry->link)
                return tar_broken(reader, -EBADMSG, entry->path, "a link to nothing");
        return 0;
}

static int make_entry(
        struct tar_reader *reader, const struct tar_header *header, struct tar_wish *wish,
        uint64_t size, struct tar_entry *ret_entry)
{
        struct tar_entry entry = {
                .path = wish->path ? wish->path : header_path(reader, header),
                .link = "",
                .xattrs = wish->xattrs,
                .n_xattrs = wish->n_xattrs,
        };
        int r;

        if (!find_type(header, entry.path, &entry.type))
                return tar_broken(
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

/* Pass over what is left of the last entry. Some archives (umoci's, which do not close them) end without its
 * padding; Go's reader, and so every engine, takes that for the end. */
static int skip_rest(struct tar_reader *reader)
{
        char buffer[BLOCK];
        int r = tar_skip(reader, reader->left);

        while (r == 0 && reader->padding) {
                ssize_t n = reader->read(reader->context, buffer, reader->padding);

                if (n < 0)
                        return (int)n;
                reader->padding -= (unsigned)n;
                if (n == 0) {
                        reader->ended = true;
                        break;
                }
        }
        return r;
}

int tar_next(struct tar_reader *reader, struct tar_entry *ret_entry)
{
        struct tar_wish wish = { 0 };
        int about = 0; /* headers about the entry to come */

        if (!reader->ended) {
                int r = skip_rest(reader);

                if (r < 0)
                        return r;
        }
        reader->left = reader->padding = 0;
        arena_reset(&reader->arena);
        while (!reader->ended) {
                struct tar_header header;
                int64_t size;
                int r = read_header(reader, &header);

                if (r < 0)
                        return r;
                if (r == 0) {
                        reader->ended = true;
                        break;
                }
                if (!tar_number(header.size, sizeof header.size, &size) || size < 0)
                        return tar_broken(reader, -EBADMSG, NULL, "its size is none");
                if (!is_about(header.type))
                        return make_entry(reader, &header, &wish, (uint64_t)size, ret_entry);
                about += header.type != 'g';
                if (about > TAR_ABOUT_MAX)
                        return tar_broken(reader, -E2BIG, NULL, "too many headers about one entry");
                r = read_about(reader, &wish, header.type, (uint64_t)size);
                if (r < 0)
                        return r;
        }
        if (about)
                return tar_broken(
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
                return tar_broken(reader, -EBADMSG, NULL, "the archive ends within its data");
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
