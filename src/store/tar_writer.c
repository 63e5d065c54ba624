/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tar_private.h"

#include <string.h>

/* Theory of operation: one header a file, in ustar's form; what does not fit in it, or has no place there, stands in
 * pax records before it, and then only that. So most files take one block, every tar reads them, and the
 * same tree makes the same bytes. Names are written as they are: POSIX wants UTF-8, and nobody keeps to it. */

#define LARGEST_SIZE 077777777777ULL
#define LARGEST_ID   07777777U

static const char zeros[BLOCK];

/* -- bytes ---------------------------------------------------------------------------------------------- */

static int flush(struct tar_writer *writer)
{
        int r = file_write(writer->fd, writer->buffer, writer->used);

        writer->used = 0;
        return r;
}

static int put(struct tar_writer *writer, const void *bytes, size_t size)
{
        int r = 0;

        sha256_add(&writer->hash, bytes, size);
        writer->size += size;
        if (size > sizeof writer->buffer - writer->used)
                r = flush(writer);
        if (r < 0 || size >= sizeof writer->buffer)
                return r < 0 ? r : file_write(writer->fd, bytes, size);
        memcpy(writer->buffer + writer->used, bytes, size);
        writer->used += size;
        return 0;
}

static int put_padded(struct tar_writer *writer, const void *bytes, size_t size)
{
        int r = put(writer, bytes, size);

        return r < 0 ? r : put(writer, zeros, tar_padding(size));
}

void tar_writer_begin(struct tar_writer *writer, int fd)
{
        writer->fd = fd;
        writer->size = writer->left = 0;
        writer->padding = 0;
        writer->used = 0;
        writer->arena = (struct arena){ 0 };
        sha256_begin(&writer->hash);
}

void tar_writer_free(struct tar_writer *writer)
{
        arena_free(&writer->arena);
}

/* -- headers -------------------------------------------------------------------------------------------- */

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void add_record(struct text *records, const char *key, const void *value, size_t size)
{
        const size_t rest = strlen(key) + size + 3;
        size_t digits = 1;
        char number[24];

        while (text_format(number, sizeof number, "%zu", rest + digits) != digits)
                digits++;
        text_addf(records, "%s %s=", number, key);
        text_add_bytes(records, value, size);
        text_add_char(records, '\n');
}

static void add_text(struct text *records, const char *key, const char *value)
{
        add_record(records, key, value, strlen(value));
}

static void add_number(struct text *records, const char *key, uint64_t value)
{
        char digits[24];

        text_format(digits, sizeof digits, "%llu", (unsigned long long)value);
        add_text(records, key, digits);
}

static bool time_fits(const struct tar_entry *entry)
{
        return !entry->mtime_ns && entry->mtime_s >= 0 && (uint64_t)entry->mtime_s <= LARGEST_SIZE;
}

/* Seconds before 1970 count downwards, and so do their parts. */
static void add_time(struct text *records, const struct tar_entry *entry)
{
        const bool before = entry->mtime_s < 0;
        uint64_t seconds = before ? -(uint64_t)entry->mtime_s : (uint64_t)entry->mtime_s;
        uint32_t ns = entry->mtime_ns;
        char words[48];
        size_t size;

        if (before && ns) {
                seconds--;
                ns = 1000000000 - ns;
        }
        size = text_format(
                words, sizeof words, "%s%llu", before ? "-" : "", (unsigned long long)seconds);
        if (ns)
                text_format(words + size, sizeof words - size, ".%09u", ns);
        add_text(records, "mtime", words);
}

static void add_records(
        struct text *records, const struct tar_entry *entry, uint64_t stored, bool sparse)
{
        if (sparse) {
                add_text(records, "GNU.sparse.major", "1");
                add_text(records, "GNU.sparse.minor", "0");
                add_text(records, "GNU.sparse.name", entry->path);
                add_number(records, "GNU.sparse.realsize", entry->size);
        } else if (strlen(entry->path) > 100) {
                add_text(records, "path", entry->path);
        }
        if (strlen(entry->link) > 100)
                add_text(records, "linkpath", entry->link);
        if (stored > LARGEST_SIZE)
                add_number(records, "size", stored);
        if (entry->uid > LARGEST_ID)
                add_number(records, "uid", entry->uid);
        if (entry->gid > LARGEST_ID)
                add_number(records, "gid", entry->gid);
        if (!time_fits(entry))
                add_time(records, entry);
        for (size_t i = 0; i < entry->n_xattrs; i++) {
                const struct tar_xattr *attr = &entry->xattrs[i];

                add_record(
                        records, arena_format(records->arena, "SCHILY.xattr.%s", attr->name),
                        attr->value, attr->size);
        }
}

/* What does not fit is 0 here, and in the records. */
static void put_number(char *field, size_t size, uint64_t value, uint64_t most)
{
        value = value > most ? 0 : value;
        for (field[--size] = '\0'; size--; value /= 8)
                field[size] = (char)('0' + value % 8);
}

static void put_name(char *field, size_t size, const char *name)
{
        memcpy(field, name, strnlen(name, size));
}

static void fill_header(struct tar_header *header, const struct tar_entry *entry, uint64_t stored)
{
        static const char types[] = {
                [TAR_FILE] = '0',  [TAR_HARD_LINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
                [TAR_BLOCK] = '4', [TAR_DIRECTORY] = '5', [TAR_FIFO] = '6'
        };

        *header = (struct tar_header){ .type = types[entry->type] };
        put_name(header->name, sizeof header->name, entry->path);
        put_name(header->link, sizeof header->link, entry->link);
        put_number(header->mode, sizeof header->mode, entry->mode & 07777, LARGEST_ID);
        put_number(header->uid, sizeof header->uid, entry->uid, LARGEST_ID);
        put_number(header->gid, sizeof header->gid, entry->gid, LARGEST_ID);
        put_number(header->size, sizeof header->size, stored, LARGEST_SIZE);
        put_number(
                header->mtime, sizeof header->mtime,
                entry->mtime_s < 0 ? 0 : (uint64_t)entry->mtime_s, LARGEST_SIZE);
        if (entry->type == TAR_CHAR || entry->type == TAR_BLOCK) {
                put_number(header->major, sizeof header->major, entry->major, LARGEST_ID);
                put_number(header->minor, sizeof header->minor, entry->minor, LARGEST_ID);
        }
}

static int put_header(struct tar_writer *writer, struct tar_header *header)
{
        tar_seal_header(header);
        return put(writer, header, sizeof *header);
}

static int put_records(struct tar_writer *writer, const struct text *records)
{
        const struct tar_entry about = { .path = "PaxHeaders/records", .link = "", .mode = 0644 };
        struct tar_header header;
        int r;

        if (!records->len)
                return 0;
        if (records->len > TAR_PAX_MAX)
                return -E2BIG;
        fill_header(&header, &about, records->len);
        header.type = 'x';
        r = put_header(writer, &header);
        return r < 0 ? r : put_padded(writer, records->data, records->len);
}

/* A record's key ends at the first '=', for Go's archive/tar, libarchive and us alike. GNU tar writes "%3D" and undoes
 * that, but to the others it is a part of the name: another attribute. Go refuses to write such a name, and so do we.
 * All others are written as they are, as Go does. */
bool tar_has_xattr_name(const char *name)
{
        return *name && !strchr(name, '=');
}

static bool has_names(const struct tar_entry *entry)
{
        for (size_t i = 0; i < entry->n_xattrs; i++)
                if (!tar_has_xattr_name(entry->xattrs[i].name))
                        return false;
        return true;
}

/* -- entries -------------------------------------------------------------------------------------------- */

static int finish_entry(struct tar_writer *writer)
{
        int r = writer->left ? -EINVAL : put(writer, zeros, writer->padding);

        writer->padding = 0;
        return r;
}

/* Lines of decimal numbers, which stand before the data: how many pieces, where each begins, how long it is. */
static void add_map(struct text *map, const struct tar_piece *pieces, size_t n)
{
        text_addf(map, "%zu\n", n);
        for (size_t i = 0; i < n; i++)
                text_addf(
                        map, "%llu\n%llu\n", (unsigned long long)pieces[i].offset,
                        (unsigned long long)pieces[i].size);
        text_add_bytes(map, zeros, tar_padding(map->len));
}

int tar_writer_entry(
        struct tar_writer *writer, const struct tar_entry *entry, const struct tar_piece *pieces,
        size_t n)
{
        struct text records = { .arena = &writer->arena }, map = records;
        struct tar_header header;
        uint64_t data = entry->type == TAR_FILE && !n ? entry->size : 0;
        int r = has_names(entry) ? finish_entry(writer) : -EINVAL;

        if (n)
                add_map(&map, pieces, n);
        for (size_t i = 0; i < n; i++)
                data += pieces[i].size;
        add_records(&records, entry, map.len + data, n > 0);
        if (r == 0)
                r = put_records(writer, &records);
        fill_header(&header, entry, map.len + data);
        if (r == 0)
                r = put_header(writer, &header);
        if (r == 0 && n)
                r = put(writer, map.data, map.len);
        writer->left = data;
        writer->padding = tar_padding(data);
        arena_reset(&writer->arena);
        return r;
}

int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t size)
{
        if (size > writer->left)
                return -EINVAL;
        writer->left -= size;
        return put(writer, bytes, size);
}

int tar_writer_end(struct tar_writer *writer, char ret_hex[SHA256_HEX_SIZE])
{
        int r = finish_entry(writer);

        for (int i = 0; r == 0 && i < 2; i++)
                r = put(writer, zeros, sizeof zeros);
        if (r == 0)
                r = flush(writer);
        if (r == 0 && ret_hex)
                sha256_end_hex(&writer->hash, ret_hex);
        return r;
}
