/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "place.h"
#include "store/store.h"

#include <dirent.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Theory of operation: the input is a program that makes entries: names of a small set, so that they meet each
 * other, sizes at which the format changes, attributes, holes. They go through the stream into an image. All
 * that is read back of that says by its time of which entry it is, so it is known what it must be: mode,
 * owner, attributes, each byte. Every name is found by the reader, too, names stand in their order, and an
 * inode has as many links as names.
 *
 * If the input asks for it, the same stream becomes a directory, too (root only): it must be refused as well, or
 * have the same names, of the same things. */

enum {
        SAID_MAX = 256,
        DATA_MAX = 64 << 10, /* bytes that are said of one file */
        SEEN_MAX = 3 << 20,  /* bytes of one that are data for who reads it: a chunk counts whole */
        NAMES_MAX = 65536,
        DEPTH_MAX = 12,
};

struct said {
        struct tar_entry entry;
        struct tar_xattr xattrs[3];
        unsigned pattern; /* which bytes of it there are */
};

static struct said said[SAID_MAX];
static size_t n_said;
static struct arena arena;

/* -- the program ---------------------------------------------------------------------------------------- */

static const uint8_t *input;
static size_t left;

static unsigned next(void)
{
        if (left == 0)
                return 0;
        left--;
        return *input++;
}

static const char *next_name(unsigned word)
{
        static const char *const names[] = { "a",     "b",     "c",
                                             "d",     "lower", ".wh.a",
                                             ".wh.b", ".wh.c", ".wh..wh..opq",
                                             ".wh.d", ".",     "etc" };
        static char number[256];

        if (word < 128)
                return names[word % ARRAY_SIZE(names)];
        /* Many names, and long ones, for directories of more than one block. */
        memset(number, 'n', sizeof number);
        snprintf(number, sizeof number, "%u", word);
        if (word % 2)
                number[strlen(number)] = 'n';
        number[word % 2 ? 100 + word / 2 : 4] = '\0';
        return number;
}

static const char *next_path(void)
{
        const unsigned depth = 1 + next() % 4;
        struct text path = { .arena = &arena };

        for (unsigned i = 0; i < depth; i++) {
                if (i)
                        text_add(&path, "/");
                text_add(&path, next_name(next()));
        }
        return text_string(&path);
}

static const char *next_target(void)
{
        static const char *const targets[] = { "a",       "b",       "/",      "..",  ".",   "a/b",
                                               "/a/../b", "../../c", "/etc/a", "a/c", "d/.." };
        const unsigned word = next();
        char *target;

        if (word < 224)
                return targets[word % ARRAY_SIZE(targets)];
        target = arena_alloc(&arena, TAR_PATH_MAX);
        memset(target, 'l', TAR_PATH_MAX);
        target[word < 250 ? 4000 + (word - 224) * 3 : TAR_PATH_MAX - 1] = '\0';
        return target;
}

static uint64_t next_size(void)
{
        static const uint64_t sizes[] = { 0,
                                          1,
                                          31,
                                          32,
                                          100,
                                          4000,
                                          4031,
                                          4032,
                                          4033,
                                          4064,
                                          4095,
                                          4096,
                                          4097,
                                          8191,
                                          8192,
                                          8193,
                                          8260,
                                          20000,
                                          65536,
                                          300 * 4096,
                                          1234567,
                                          EROFS_CHUNK,
                                          EROFS_CHUNK + 70,
                                          5 * EROFS_CHUNK };
        const unsigned word = next();

        if (word == 255)
                return (uint64_t)1 << (next() % 63);
        return word < 128 ? sizes[word % ARRAY_SIZE(sizes)] : (word - 128) * 256 + next();
}

static void next_xattrs(struct said *one)
{
        static const char *const names[] = { "user.a",    "user.b",           "user.overlay.x",
                                             "trusted.x", "security.selinux", "user.c" };
        const unsigned n = next() % 8;

        for (unsigned i = 0; i < 3 && i < n; i++) {
                const unsigned word = next();
                const size_t size = word < 240 ? word : (word - 240) * 4369U;
                char *value = arena_alloc(&arena, size + 1);

                memset(value, (int)(word + i), size);
                one->xattrs[i] =
                        (struct tar_xattr){ names[next() % ARRAY_SIZE(names)], value, size };
                one->entry.n_xattrs++;
        }
        one->entry.xattrs = one->xattrs;
}

/* What an input makes is small enough for a directory to have its attributes: what else ext4 refuses, an image has. */
static void next_entry(struct said *one, int64_t mark)
{
        static const enum tar_type types[] = { TAR_FILE,      TAR_FILE, TAR_FILE,  TAR_HARD_LINK,
                                               TAR_SYMLINK,   TAR_CHAR, TAR_BLOCK, TAR_DIRECTORY,
                                               TAR_DIRECTORY, TAR_FIFO };

        const unsigned word = next();

        memset(one, 0, sizeof *one);
        one->entry = (struct tar_entry){ .type = types[word % ARRAY_SIZE(types)],
                                         .mode = word & 1 ? 0755 : 04711,
                                         .uid = word & 2 ? 0 : 70000,
                                         .gid = word & 4 ? 0 : 5,
                                         .path = next_path(),
                                         .link = "",
                                         .mtime_s = mark,
                                         .mtime_ns = word * 1000 };
        if (one->entry.type == TAR_HARD_LINK)
                one->entry.link = next_path();
        if (one->entry.type == TAR_SYMLINK)
                one->entry.link = next_target();
        if (one->entry.type == TAR_CHAR || one->entry.type == TAR_BLOCK) {
                one->entry.major = next() * 16;
                one->entry.minor = next() * 4096 + 1;
        }
        if (one->entry.type == TAR_FILE) {
                one->entry.size = next_size();
                one->pattern = next() % 4;
        }
        next_xattrs(one);
}

/* -- what a file's bytes are ---------------------------------------------------------------------------- */

static uint64_t data_end(const struct said *one)
{
        return one->entry.size < DATA_MAX ? one->entry.size : DATA_MAX;
}

static char byte_at(const struct said *one, uint64_t at)
{
        const char byte = (char)(1 + (one->entry.mtime_s * 31 + at * 7 + (at >> 12)) % 255);

        switch (one->pattern) {
        case 0: /* all */
                return at < data_end(one) ? byte : '\0';
        case 1: /* pieces, and holes of other sizes than blocks */
                return at < data_end(one) && at / 1000 % 2 ? byte : '\0';
        case 2: /* the end alone */
                return at + 10 >= one->entry.size ? byte : '\0';
        default: /* where two chunks meet */
                return at + 50 >= EROFS_CHUNK && at < EROFS_CHUNK + 50 ? byte : '\0';
        }
}

/* Of the first two. */
static bool has_empty_chunk(const struct said *one)
{
        const uint64_t size = one->entry.size;

        switch (one->pattern) {
        case 0:
        case 1:
                return size >= 2 * EROFS_CHUNK;
        case 2:
                return size >= EROFS_CHUNK + 10;
        default:
                return false;
        }
}

static void send_bytes(
        struct stream_writer *stream, const struct said *one, uint64_t from, uint64_t to)
{
        static char bytes[DATA_MAX];

        if (from >= to)
                return;
        for (uint64_t at = from; at < to; at++)
                bytes[at - from] = byte_at(one, at);
        if (stream_data(stream, from, bytes, to - from) < 0)
                abort();
}

static void send(struct stream_writer *stream, const struct said *one)
{
        const uint64_t size = one->entry.size, end = data_end(one);

        if (stream_entry(stream, &one->entry) < 0)
                abort();
        if (one->pattern == 0)
                send_bytes(stream, one, 0, end);
        for (uint64_t at = 1000; one->pattern == 1 && at < end; at += 2000)
                send_bytes(stream, one, at, at + 1000 < end ? at + 1000 : end);
        if (one->pattern == 2)
                send_bytes(stream, one, size < 10 ? 0 : size - 10, size);
        if (one->pattern == 3 && size > EROFS_CHUNK - 50)
                send_bytes(
                        stream, one, EROFS_CHUNK - 50,
                        size < EROFS_CHUNK + 50 ? size : EROFS_CHUNK + 50);
}

/* -- what the image has --------------------------------------------------------------------------------- */

struct seen {
        uint64_t at; /* of the inode */
        uint32_t names, links;
};

static struct seen seen[NAMES_MAX];
static size_t n_seen, n_names;
static struct erofs_image image;
static int image_fd, directory; /* directory: or NO_FD */

static uint64_t number(const char *at, size_t bytes)
{
        uint64_t word = 0;

        memcpy(&word, at, bytes);
        return le64toh(word);
}

/* An inode of 64 bytes. Source: the kernel's Documentation/filesystems/erofs.rst. */
static void read_raw(const struct erofs_file *file, char raw[64])
{
        if (tree_read(image_fd, file->at, raw, 64) < 0)
                abort();
}

static void count(const struct erofs_file *file, uint32_t links)
{
        for (size_t i = 0; i < n_seen; i++)
                if (seen[i].at == file->at) {
                        seen[i].names++;
                        return;
                }
        if (n_seen == NAMES_MAX)
                abort();
        seen[n_seen++] = (struct seen){ file->at, 1, links };
}

static void check_range(
        const struct said *one, const struct erofs_file *file, uint64_t from, uint64_t to)
{
        static char bytes[DATA_MAX + 4096];

        if (to > file->size)
                to = file->size;
        if (from > to)
                return;
        if (erofs_read(&image, file, from, bytes, to - from) < 0)
                abort();
        for (uint64_t at = from; at < to; at++)
                if (bytes[at - from] != byte_at(one, at))
                        abort();
}

static void check_bytes(const struct said *one, const struct erofs_file *file)
{
        if (file->size != one->entry.size)
                abort();
        /* It is chunked when some whole chunk has nothing. */
        if (file->is_chunked !=
            (file->size >= 3 * EROFS_CHUNK || (file->size >= EROFS_CHUNK && has_empty_chunk(one))))
                abort();
        check_range(one, file, 0, DATA_MAX + 4096);
        check_range(one, file, EROFS_CHUNK - 2000, EROFS_CHUNK + 2000);
        check_range(one, file, file->size < 4096 ? 0 : file->size - 4096, file->size);
}

/* user.* alone: what no other reader would know better. */
static void check_xattrs(const struct said *one, const struct erofs_file *file)
{
        static char bytes[EROFS_XATTRS_MAX];
        size_t expected = 0, found = 0, size = file->head - 64;

        for (size_t i = 0; i < one->entry.n_xattrs; i++) {
                bool again = false;

                for (size_t k = i + 1; k < one->entry.n_xattrs; k++)
                        again |= text_equal(one->xattrs[k].name, one->xattrs[i].name);
                if (!again && layer_wants_xattr(one->xattrs[i].name))
                        expected++;
        }
        if (size > sizeof bytes || tree_read(image_fd, file->at + 64, bytes, size) < 0)
                abort();
        for (size_t at = 12; at + 4 <= size;) {
                const size_t name = (unsigned char)bytes[at], value = number(bytes + at + 2, 2);
                const struct tar_xattr *attr = NULL;

                for (size_t i = 0; i < one->entry.n_xattrs; i++)
                        if (bytes[at + 1] == 1 && strlen(one->xattrs[i].name) == name + 5 &&
                            memcmp(one->xattrs[i].name + 5, bytes + at + 4, name) == 0)
                                attr = &one->xattrs[i];
                if (attr) {
                        if (attr->size != value ||
                            memcmp(attr->value, bytes + at + 4 + name, value) != 0)
                                abort();
                        found++;
                } else if (
                        bytes[at + 1] == 4 ? !erofs_is_opaque(&image, file)
                                           : !S_ISDIR(file->mode)) {
                        abort(); /* a directory may have some that it had when it was said before */
                }
                at += (4 + name + value + 3) & ~(size_t)3;
        }
        if (found != expected)
                abort();
}

static bool is_implied(const struct erofs_file *file, const char *raw)
{
        return S_ISDIR(file->mode) && (file->mode & 07777) == 0755 && number(raw + 24, 8) == 0;
}

/* The kernel reads a tail as a part of one block. */
static void check_tail(const struct erofs_file *file)
{
        if (file->is_tailed &&
            (file->at + file->head) % EROFS_BLOCK + file->size % EROFS_BLOCK > EROFS_BLOCK)
                abort();
}

static void check_inode(const struct erofs_file *file, const char *raw)
{
        const uint64_t mark = number(raw + 32, 8);
        const struct tar_entry *entry;
        struct said *one;

        check_tail(file);
        if (file->is_null_device || (S_ISDIR(file->mode) && mark == 0))
                return; /* a whiteout; a root that nothing was said of */
        if (mark == 0 || mark > n_said)
                abort();
        one = &said[mark - 1];
        entry = &one->entry;
        if (number(raw + 40, 4) != entry->mtime_ns)
                abort();
        if (is_implied(file, raw))
                return;
        if ((file->mode & 07777) != (S_ISLNK(file->mode) ? 0777 : entry->mode) ||
            number(raw + 24, 4) != entry->uid || number(raw + 28, 4) != entry->gid)
                abort();
        if (S_ISREG(file->mode))
                check_bytes(one, file);
        if (S_ISREG(file->mode) || S_ISDIR(file->mode))
                check_xattrs(one, file);
        if (S_ISLNK(file->mode)) {
                char target[TAR_PATH_MAX] = { 0 };

                if (file->size >= sizeof target ||
                    erofs_read(&image, file, 0, target, file->size) < 0 ||
                    !text_equal(target, entry->link))
                        abort();
        }
}

/* Of a plain file or directory: as many attributes, of as many bytes together. */
static void check_xattrs_beside(const char *path, const struct erofs_file *file)
{
        static char names[65536], value[65536];
        auto_close fd = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        const ssize_t size = flistxattr(fd, names, sizeof names);
        size_t bytes = 0;

        if (fd < 0 || size < 0)
                abort();
        for (const char *name = names; name < names + size; name += strlen(name) + 1) {
                const ssize_t n = fgetxattr(fd, name, value, sizeof value);

                if (n < 0 || (text_starts(name, "trusted.") && !erofs_is_opaque(&image, file)))
                        abort();
                bytes += bytes ? 0 : 12;
                bytes += (4 + strlen(strchr(name, '.') + 1) + (size_t)n + 3) & ~(size_t)3;
        }
        if (bytes != file->head - 64)
                abort();
}

/* The same path in the directory, which is of the same layer. */
static void check_beside(const char *path, const struct erofs_file *file, const char *raw)
{
        struct stat st;

        if (directory < 0)
                return;
        if (fstatat(directory, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                abort();
        if ((st.st_mode & S_IFMT) != (file->mode & S_IFMT) ||
            (S_ISCHR(st.st_mode) && (st.st_rdev == 0) != file->is_null_device))
                abort();
        if (file->is_null_device)
                return;
        if (st.st_mode != file->mode || st.st_uid != number(raw + 24, 4) ||
            st.st_gid != number(raw + 28, 4))
                abort();
        if (!S_ISDIR(st.st_mode) && (st.st_nlink != number(raw + 44, 4) ||
                                     st.st_mtim.tv_sec != (time_t)number(raw + 32, 8)))
                abort();
        if ((S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) && (uint64_t)st.st_size != file->size)
                abort();
        if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
                check_xattrs_beside(path, file);
}

static void walk(const char *path, const struct erofs_file *dir, unsigned depth);

static void check_name(
        const char *path, const struct erofs_name *name, uint8_t type, unsigned depth)
{
        static const uint8_t types[] = { [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2,
                                         [S_IFCHR >> 12] = 3, [S_IFBLK >> 12] = 4,
                                         [S_IFIFO >> 12] = 5, [S_IFLNK >> 12] = 7 };
        const char *below = arena_format(&arena, "%s/%.*s", path, (int)name->size, name->name);
        struct erofs_file file;
        char raw[64];

        if (erofs_look(&image, below, &file) < 0 || file.at != name->nid * 32)
                abort();
        if (types[file.mode >> 12] != type)
                abort();
        if ((name->size == 1 || (name->size == 2 && name->name[1] == '.')) && name->name[0] == '.')
                return;
        n_names++;
        read_raw(&file, raw);
        check_inode(&file, raw);
        check_beside(below, &file, raw);
        if (S_ISDIR(file.mode))
                walk(below, &file, depth + 1);
        else
                count(&file, (uint32_t)number(raw + 44, 4));
}

static void walk(const char *path, const struct erofs_file *dir, unsigned depth)
{
        char *last = NULL;
        size_t last_size = 0;
        uint32_t directories = 0;
        char raw[64];

        if (depth > DEPTH_MAX)
                abort();
        for (uint64_t at = 0; at < dir->size; at += EROFS_BLOCK) {
                const size_t size = dir->size - at < EROFS_BLOCK ? dir->size - at : EROFS_BLOCK;
                char *block = arena_alloc(&arena, EROFS_BLOCK);
                size_t n;

                if (erofs_read(&image, dir, at, block, size) < 0)
                        abort();
                n = number(block + 8, 2) / 12;
                for (size_t i = 0; i < n; i++) {
                        char *text = block + number(block + i * 12 + 8, 2);
                        const size_t end = i + 1 < n ? number(block + i * 12 + 20, 2) : size;
                        const struct erofs_name name = { text, strnlen(text, end - (text - block)),
                                                         0, number(block + i * 12, 8) };
                        const struct erofs_name before = { last, last_size, 0, 0 };

                        if (last && erofs_compare(&before, &name) >= 0)
                                abort();
                        last = text;
                        last_size = name.size;
                        directories += block[i * 12 + 10] == 2;
                        check_name(path, &name, (uint8_t)block[i * 12 + 10], depth);
                }
        }
        read_raw(dir, raw);
        if (number(raw + 44, 4) != directories)
                abort();
}

static void check_image(void)
{
        char raw[64];

        n_seen = n_names = 0;
        if (erofs_open(image_fd, &image) < 0)
                abort();
        read_raw(&image.root, raw);
        check_inode(&image.root, raw);
        walk(".", &image.root, 0);
        for (size_t i = 0; i < n_seen; i++)
                if (seen[i].names != seen[i].links)
                        abort();
}

/* -- the whole ------------------------------------------------------------------------------------------ */

static int unpack(int stream, int to, bool is_image)
{
        const struct layer_options options = { .image = is_image,
                                               .entries_max = SAID_MAX * LAYER_DEPTH_MAX,
                                               .bytes_max = SAID_MAX * SEEN_MAX };
        struct layer_writer layer;

        if (lseek(stream, 0, SEEK_SET) != 0)
                abort();
        trail_reset();
        layer_begin(&layer, to, &options);
        return stream_unpack(&layer, stream);
}

static void make_stream(int fd)
{
        static struct stream_writer stream;

        if (fd < 0 || stream_begin(&stream, fd) < 0)
                abort();
        for (n_said = 0; left && n_said < SAID_MAX; n_said++) {
                next_entry(&said[n_said], (int64_t)n_said + 1);
                send(&stream, &said[n_said]);
        }
        if (stream_end(&stream) < 0)
                abort();
}

/* How many names there are below a directory. */
static size_t count_names(int fd)
{
        DIR *dir = fdopendir(fd);
        size_t n = 0;

        if (!dir)
                abort();
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
                        continue;
                n++;
                if (entry->d_type == DT_DIR)
                        n += count_names(openat(
                                dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        }
        closedir(dir);
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_close stream = memfd_create("stream", MFD_CLOEXEC);
        auto_close file = memfd_create("image", MFD_CLOEXEC);
        auto_close place_fd = NO_FD, root = NO_FD;
        int r, beside = 0;

        input = bytes;
        left = size;
        if (next() % 4 == 3 && geteuid() == 0) {
                place_fd = open(place_get("layer"), O_PATH | O_DIRECTORY | O_CLOEXEC);
                mkdirat(place_fd, "layer", 0700);
                root = file_open(place_fd, "layer", O_RDONLY | O_DIRECTORY, 0);
                if (root < 0)
                        abort();
        }
        make_stream(stream);
        if (root >= 0)
                beside = unpack(stream, root, false);
        /* What this file system has no place for, or valgrind no answer. */
        if (beside == -ENOSPC || beside == -E2BIG || beside == -EFBIG || beside == -EOPNOTSUPP ||
            beside == -ENOSYS)
                file_close(&root);
        directory = root;
        image_fd = file;
        r = unpack(stream, file, true);
        /* -EFBIG: an image has 8 TiB, of which holes are a part. */
        if (root >= 0 && r != -EFBIG && (r < 0) != (beside < 0))
                abort();
        if (r == 0)
                check_image();
        if (r == 0 && root >= 0 && count_names(dup(root)) != n_names)
                abort();
        if (place_fd >= 0 && file_remove_tree(place_fd, "layer") < 0)
                abort();
        arena_reset(&arena);
        return 0;
}
