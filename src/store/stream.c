/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "store.h"

#include <string.h>

/* Theory of operation: a word that tells the version, then records: a header of eight bytes (kind and size)
 * and so many bytes. An entry is a structure of fixed size and its texts, one behind the other without NULs; a
 * piece of data is its offset and its bytes, which are handed on as they come, so that no size of a record
 * is a size in memory; the end counts the entries.
 *
 * Both ends are on one machine, and of one build. The reader is root's all the same, the writer is
 * whoever took over the program that speaks to the network. So everything is judged again here that tar.h
 * promises, and layer.h judges the rest: what the names may mean. */

static const char version[8] = { 'h', 'u', 's', 'k', 'l', 'y', 'r', '1' };

enum kind {
        RECORD_ENTRY = 1,
        RECORD_DATA,
        RECORD_END,
};

struct record {
        uint32_t kind, size;
};

struct fixed_entry {
        uint64_t size;
        int64_t mtime_s;
        uint32_t type, mode, uid, gid, mtime_ns, major, minor;
        uint32_t path_size, link_size, n_xattrs;
};

struct fixed_xattr {
        uint32_t name_size, value_size;
};

/* -- to the pipe -------------------------------------------------------------------------------------- */

static int flush(struct stream_writer *writer)
{
        int r = file_write(writer->fd, writer->buffer, writer->used);

        writer->used = 0;
        return r;
}

static int put(struct stream_writer *writer, const void *bytes, size_t size)
{
        if (size > sizeof writer->buffer - writer->used) {
                int r = flush(writer);

                if (r < 0)
                        return r;
                /* What fills the buffer anyway is not copied. */
                if (size >= sizeof writer->buffer / 2)
                        return file_write(writer->fd, bytes, size);
        }
        memcpy(writer->buffer + writer->used, bytes, size);
        writer->used += size;
        return 0;
}

static int put_record(struct stream_writer *writer, enum kind kind, size_t size)
{
        const struct record record = { kind, (uint32_t)size };

        return put(writer, &record, sizeof record);
}

int stream_begin(struct stream_writer *writer, int fd)
{
        writer->fd = fd;
        writer->used = 0;
        writer->entries = 0;
        return put(writer, version, sizeof version);
}

int stream_entry(struct stream_writer *writer, const struct tar_entry *entry)
{
        const struct fixed_entry fixed = {
                .size = entry->size,
                .mtime_s = entry->mtime_s,
                .type = entry->type,
                .mode = entry->mode,
                .uid = entry->uid,
                .gid = entry->gid,
                .mtime_ns = entry->mtime_ns,
                .major = entry->major,
                .minor = entry->minor,
                .path_size = (uint32_t)strlen(entry->path),
                .link_size = (uint32_t)strlen(entry->link),
                .n_xattrs = (uint32_t)entry->n_xattrs,
        };
        size_t size = sizeof fixed + fixed.path_size + fixed.link_size;
        int r;

        for (size_t i = 0; i < entry->n_xattrs; i++)
                size += sizeof(struct fixed_xattr) + strlen(entry->xattrs[i].name) +
                        entry->xattrs[i].size;
        writer->entries++;
        r = put_record(writer, RECORD_ENTRY, size);
        if (r == 0)
                r = put(writer, &fixed, sizeof fixed);
        if (r == 0)
                r = put(writer, entry->path, fixed.path_size);
        if (r == 0)
                r = put(writer, entry->link, fixed.link_size);
        for (size_t i = 0; r == 0 && i < entry->n_xattrs; i++) {
                const struct tar_xattr *attr = &entry->xattrs[i];
                const struct fixed_xattr sizes = { (uint32_t)strlen(attr->name),
                                                   (uint32_t)attr->size };

                r = put(writer, &sizes, sizeof sizes);
                if (r == 0)
                        r = put(writer, attr->name, sizes.name_size);
                if (r == 0)
                        r = put(writer, attr->value, attr->size);
        }
        return r;
}

int stream_data(struct stream_writer *writer, uint64_t offset, const void *bytes, size_t size)
{
        int r = size > UINT32_MAX - sizeof offset
                      ? -EINVAL
                      : put_record(writer, RECORD_DATA, sizeof offset + size);

        if (r == 0)
                r = put(writer, &offset, sizeof offset);
        return r == 0 ? put(writer, bytes, size) : r;
}

int stream_end(struct stream_writer *writer)
{
        int r = put_record(writer, RECORD_END, sizeof writer->entries);

        if (r == 0)
                r = put(writer, &writer->entries, sizeof writer->entries);
        return r == 0 ? flush(writer) : r;
}

/* Who unpacks knows why it has given up, and says so itself. */
static int written(int r)
{
        return r < 0 ? trail(r, "cannot write the records of its entries: %m") : 0;
}

int stream_archive(
        struct stream_writer *writer, struct tar_reader *reader, char *buffer, size_t size)
{
        struct tar_entry entry;
        int r;

        while ((r = tar_next(reader, &entry)) > 0) {
                uint64_t offset;
                ssize_t n = 0;

                r = written(stream_entry(writer, &entry));
                while (r == 0 && (n = tar_data(reader, buffer, size, &offset)) > 0)
                        r = written(stream_data(writer, offset, buffer, (size_t)n));
                if (r == 0 && n < 0)
                        r = (int)n;
                if (r < 0)
                        break;
        }
        return r;
}

/* -- from the pipe ------------------------------------------------------------------------------------ */

struct source {
        int fd;
        size_t at, end; /* of what the buffer has */
        uint64_t entries;
        bool is_file;   /* the last entry may have data */
        uint64_t size;  /* of that file */
        uint64_t after; /* where its next data may begin */
        struct arena arena;
        char buffer[STREAM_BUFFER];
};

static int broken(const struct source *source, const char *what)
{
        return trail(
                -EBADMSG, "the stream of the layer's entries, at entry %lu: %s",
                (unsigned long)source->entries, what);
}

/* More bytes behind those that there are; the stream may not end here. */
static int fill(struct source *source)
{
        ssize_t n = file_read_some(source->fd, source->buffer, sizeof source->buffer);

        if (n < 0)
                return trail((int)n, "cannot read the stream of the layer's entries: %m");
        if (n == 0)
                return broken(source, "it ends too early");
        source->at = 0;
        source->end = (size_t)n;
        return 0;
}

static int take(struct source *source, void *to, size_t size)
{
        char *at = to;

        while (size) {
                size_t part = source->end - source->at;

                if (part == 0) {
                        int r = fill(source);

                        if (r < 0)
                                return r;
                        continue;
                }
                if (part > size)
                        part = size;
                memcpy(at, source->buffer + source->at, part);
                source->at += part;
                at += part;
                size -= part;
        }
        return 0;
}

/* `size` bytes of a text in a record of which *left bytes remain; NULL when they are none that an archive's
 * name could be. */
static const char *cut_text(struct source *source, const char **at, size_t *left, size_t size)
{
        const char *text;

        if (size > *left || memchr(*at, '\0', size))
                return NULL;
        text = arena_copy(&source->arena, *at, size);
        *at += size;
        *left -= size;
        return text;
}

static bool cut_xattr(
        struct source *source, const char **at, size_t *left, struct tar_xattr *ret_attr)
{
        struct fixed_xattr sizes;

        if (*left < sizeof sizes)
                return false;
        memcpy(&sizes, *at, sizeof sizes);
        *at += sizeof sizes;
        *left -= sizeof sizes;
        if (sizes.name_size == 0 || sizes.name_size > 255 || sizes.value_size > 64 << 10)
                return false;
        ret_attr->name = cut_text(source, at, left, sizes.name_size);
        if (!ret_attr->name || sizes.value_size > *left)
                return false;
        ret_attr->value = *at;
        ret_attr->size = sizes.value_size;
        *at += sizes.value_size;
        *left -= sizes.value_size;
        return true;
}

static bool is_possible(const struct fixed_entry *fixed)
{
        const bool link = fixed->type == TAR_HARD_LINK || fixed->type == TAR_SYMLINK;

        return fixed->type <= TAR_FIFO && fixed->mode <= 07777 && fixed->uid != UINT32_MAX &&
               fixed->gid != UINT32_MAX && fixed->size <= INT64_MAX &&
               fixed->mtime_ns < 1000000000 && fixed->major <= 0xfff && fixed->minor <= 0xfffff &&
               fixed->path_size > 0 && fixed->path_size < TAR_PATH_MAX &&
               fixed->link_size < TAR_PATH_MAX && (fixed->link_size > 0) == link &&
               fixed->n_xattrs <= TAR_XATTRS_MAX;
}

/* The record's bytes as an entry, which lives in the source's arena. */
static bool read_entry(
        struct source *source, const char *at, size_t left, struct tar_entry *ret_entry)
{
        struct fixed_entry fixed;
        struct tar_xattr *xattrs;

        if (left < sizeof fixed)
                return false;
        memcpy(&fixed, at, sizeof fixed);
        at += sizeof fixed;
        left -= sizeof fixed;
        if (!is_possible(&fixed))
                return false;
        *ret_entry = (struct tar_entry){
                .type = (enum tar_type)fixed.type,
                .path = cut_text(source, &at, &left, fixed.path_size),
                .link = cut_text(source, &at, &left, fixed.link_size),
                .mode = fixed.mode,
                .uid = fixed.uid,
                .gid = fixed.gid,
                .size = fixed.size,
                .mtime_s = fixed.mtime_s,
                .mtime_ns = fixed.mtime_ns,
                .major = fixed.major,
                .minor = fixed.minor,
                .n_xattrs = fixed.n_xattrs,
        };
        if (!ret_entry->path || !ret_entry->link)
                return false;
        xattrs = arena_array(&source->arena, fixed.n_xattrs, sizeof *xattrs);
        ret_entry->xattrs = xattrs;
        for (uint32_t i = 0; i < fixed.n_xattrs; i++)
                if (!cut_xattr(source, &at, &left, &xattrs[i]))
                        return false;
        return left == 0;
}

static int take_entry(struct source *source, struct layer_writer *layer, size_t size)
{
        struct tar_entry entry;
        char *bytes;
        int r = layer_finish(layer); /* its texts are in the arena */

        if (r < 0)
                return r;
        source->entries++;
        if (size > STREAM_ENTRY_MAX)
                return broken(source, "it is too large");
        arena_reset(&source->arena);
        bytes = arena_alloc(&source->arena, size);
        r = take(source, bytes, size);
        if (r < 0)
                return r;
        if (!read_entry(source, bytes, size, &entry))
                return broken(source, "it is none that an archive could have");
        source->is_file = entry.type == TAR_FILE;
        source->size = entry.size;
        source->after = 0;
        return layer_add(layer, &entry);
}

static int take_data(struct source *source, struct layer_writer *layer, size_t size)
{
        uint64_t offset;
        int r = 0;

        if (size <= sizeof offset)
                return broken(source, "data without bytes");
        size -= sizeof offset;
        r = take(source, &offset, sizeof offset);
        if (r < 0)
                return r;
        if (!source->is_file || offset < source->after || offset > source->size ||
            size > source->size - offset)
                return broken(source, "data where there can be none");
        source->after = offset + size;
        while (r == 0 && size) {
                size_t part = source->end - source->at;

                if (part == 0) {
                        r = fill(source);
                        continue;
                }
                if (part > size)
                        part = size;
                r = layer_write(layer, offset, source->buffer + source->at, part);
                source->at += part;
                offset += part;
                size -= part;
        }
        return r;
}

static int take_end(struct source *source, size_t size)
{
        uint64_t entries;
        int r;

        if (size != sizeof entries)
                return broken(source, "its end is none");
        r = take(source, &entries, sizeof entries);
        if (r < 0)
                return r;
        return entries == source->entries ? 0 : broken(source, "it has other entries than it says");
}

static int take_all(struct source *source, struct layer_writer *layer)
{
        char word[sizeof version];
        int r = take(source, word, sizeof word);

        if (r == 0 && memcmp(word, version, sizeof version) != 0)
                return broken(source, "it is of another version");
        while (r == 0) {
                struct record record;

                r = take(source, &record, sizeof record);
                if (r < 0)
                        break;
                if (record.kind == RECORD_END)
                        return take_end(source, record.size);
                if (record.kind == RECORD_ENTRY)
                        r = take_entry(source, layer, record.size);
                else if (record.kind == RECORD_DATA)
                        r = take_data(source, layer, record.size);
                else
                        r = broken(source, "a record of no kind");
        }
        return r;
}

int stream_unpack(struct layer_writer *layer, int fd)
{
        struct source source = { .fd = fd };
        int r = take_all(&source, layer);

        if (r == 0)
                r = layer_end(layer);
        layer_abort(layer);
        arena_free(&source.arena);
        return r;
}
