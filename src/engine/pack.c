/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk image build-host`: an image of programs of this host.
 *
 * The files (pack_files.c) become one layer, a tar archive in the order of their paths; layer, configuration and
 * manifest are put into a directory of the store's tmp, and from there on it is an image like any other that comes from
 * a file (pull.c): digests are compared, the layer is unpacked by the confined writer, the name comes last.
 *
 * The same files make the same digest: all belongs to root, files have their own times, and what has none of its own,
 * directories, links and the image, has that of the newest file; none is newer than SOURCE_DATE_EPOCH says. */
#include "pack.h"

#include "new_image.h"
#include "pull.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PATHS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct packing {
        struct pack pack;
        const struct pack_request *request;
        const char *program; /* the first one */
        int64_t newest_s;
        struct pull pull;
        int dir; /* of layer, configuration */
};

/* -- which files ------------------------------------------------------------------------------------------- */

/* What programs often read without saying so beforehand; what is not there is passed over. */
static const struct {
        char word[16];
        char paths[4][40];
} extras[] = {
        { "ca-certificates",
          { "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf",
            "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" } },
        { "nss", { "/etc/nsswitch.conf", "/etc/services", "/etc/protocols", "/etc/host.conf" } },
        { "locale", { "/usr/lib/locale" } },
        { "tzdata", { "/usr/share/zoneinfo", "/etc/localtime" } },
};

static int add_extra(struct pack *pack, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
                size_t found = 0;

                if (!text_equal(extras[i].word, word))
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(extras[i].paths); k++) {
                        const char *path = extras[i].paths[k];
                        struct stat st;
                        int r;

                        if (!*path || file_stat(AT_FDCWD, path, 0, &st) < 0)
                                continue;
                        r = pack_add(pack, path);
                        if (r < 0)
                                return r;
                        found++;
                }
                return found ? 0 : trail(-ENOENT, "--with %s: this host has nothing of it", word);
        }
        return trail(
                -EINVAL,
                "'%s' is not a value for --with: expected ca-certificates, nss, locale or "
                "tzdata",
                word);
}

static int collect(struct packing *packing)
{
        const struct pack_request *request = packing->request;
        struct pack *pack = &packing->pack;
        const char *path;
        int r = 0;

        for (size_t i = 0; r == 0 && i < request->programs.n; i++) {
                r = pack_add_program(pack, request->programs.items[i], &path);
                if (r == 0 && !packing->program)
                        packing->program = path;
        }
        for (size_t i = 0; r == 0 && i < request->add.n; i++)
                r = pack_add(pack, store_absolute(pack->arena, request->add.items[i]));
        for (size_t i = 0; r == 0 && i < request->with.n; i++)
                r = add_extra(pack, request->with.items[i]);
        if (r < 0)
                return r;
        if (!pack->n)
                return trail(
                        -EINVAL, "nothing is to be in the image: name a program, or --add FILE");
        pack_add_content(pack, "/etc/passwd", "root:x:0:0:root:/:/bin/sh\n");
        pack_add_content(pack, "/etc/group", "root:x:0:\n");
        for (size_t i = 0; i < pack->n; i++)
                if (S_ISREG(pack->files[i].st.st_mode) &&
                    pack->files[i].st.st_mtim.tv_sec > packing->newest_s)
                        packing->newest_s = pack->files[i].st.st_mtim.tv_sec;
        if (request->epoch.set && packing->newest_s > request->epoch.value)
                packing->newest_s = request->epoch.value;
        return 0;
}

/* -- the layer --------------------------------------------------------------------------------------------- */

static int put_bytes(
        const struct pack *pack, struct tar_writer *writer, const struct pack_file *file)
{
        auto_close fd = NO_FD;
        uint64_t left = (uint64_t)file->st.st_size;
        struct stat st;
        char bytes[64 << 10];

        if (file->content)
                return tar_writer_data(writer, file->content, strlen(file->content));
        fd = pack_open(pack, file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0 || st.st_ino != file->st.st_ino || st.st_dev != file->st.st_dev)
                return -ESTALE;
        while (left) {
                ssize_t n = file_read_some(fd, bytes, left < sizeof bytes ? left : sizeof bytes);
                int r;

                if (n <= 0)
                        return n < 0 ? (int)n : -ESTALE; /* it became shorter */
                r = tar_writer_data(writer, bytes, (size_t)n);
                if (r < 0)
                        return r;
                left -= (uint64_t)n;
        }
        return 0;
}

static int put_file(
        const struct packing *packing, struct tar_writer *writer, const struct pack_file *file)
{
        bool directory = S_ISDIR(file->st.st_mode);
        bool own = S_ISREG(file->st.st_mode) && !file->content &&
                   file->st.st_mtim.tv_sec < packing->newest_s;
        const struct tar_entry entry = {
                .type = file->target ? TAR_SYMLINK
                      : directory    ? TAR_DIRECTORY
                                     : TAR_FILE,
                .path = arena_format(
                        packing->pack.arena, "%s%s", file->path + 1, directory ? "/" : ""),
                .link = file->target ? file->target : "",
                .mode = file->target ? 0777 : file->st.st_mode & (directory ? 01777 : 0777),
                .size = file->target || directory ? 0 : (uint64_t)file->st.st_size,
                .mtime_s = own ? file->st.st_mtim.tv_sec : packing->newest_s,
        };
        int r = tar_writer_entry(writer, &entry, NULL, 0);

        return r == 0 && entry.type == TAR_FILE ? put_bytes(&packing->pack, writer, file) : r;
}

static int write_layer(struct packing *packing, char hex[SHA256_HEX_SIZE], uint64_t *ret_size)
{
        static const struct pack_file tmp = { .path = "/tmp",
                                              .st = { .st_mode = S_IFDIR | 01777 } },
                                      etc = { .path = "/etc", .st = { .st_mode = S_IFDIR | 0755 } };
        struct tar_writer *writer = arena_new(packing->pack.arena, struct tar_writer);
        auto_close fd = file_open(packing->dir, "layer", O_WRONLY | O_CREAT | O_EXCL, 0600);
        const struct pack *pack = &packing->pack;
        const struct pack_file *file = NULL;
        int r = fd < 0 ? fd : 0;

        tar_writer_begin(writer, fd);
        if (r == 0)
                r = put_file(packing, writer, &etc);
        for (size_t i = 0; r == 0 && i < pack->n; i++) {
                file = &pack->files[i];
                if (!text_equal(file->path, "/tmp") && !text_equal(file->path, "/etc"))
                        r = put_file(packing, writer, file);
        }
        if (r == 0)
                r = put_file(packing, writer, &tmp);
        if (r == 0)
                r = tar_writer_end(writer, hex);
        *ret_size = writer->size;
        tar_writer_free(writer);
        if (r < 0 && *trail_text())
                return r;
        if (r == -ESTALE)
                return trail(r, "%s was changed while it was read", file ? file->path : "a file");
        return r < 0 ? trail(r, "%s: %s", file ? file->path : "the layer", text_errno(r)) : 0;
}

/* -- the image --------------------------------------------------------------------------------------------- */

static struct spec_texts texts(struct arena *arena, const char *word)
{
        struct spec_texts list = { .items = arena_array(arena, 2, sizeof(char *)) };

        if (word)
                list.items[list.n++] = word;
        return list;
}

static int read_words(
        struct arena *arena, const char *option, const char *value, struct spec_texts *ret)
{
        const struct json *array;

        *ret = texts(arena, value);
        if (!value || value[0] != '[')
                return 0;
        if (json_parse(arena, option, value, strlen(value), &array) < 0)
                return -EINVAL;
        ret->items = arena_array(arena, array->n + 1, sizeof(char *));
        for (ret->n = 0; ret->n < array->n; ret->n++) {
                ret->items[ret->n] = json_string(&array->items[ret->n]);
                if (!ret->items[ret->n])
                        return trail(-EINVAL, "%s: an array of strings is expected", option);
        }
        return 0;
}

static int make_config(struct packing *packing, const char *diff_id, struct text *out)
{
        const struct pack_request *request = packing->request;
        struct arena *arena = packing->pack.arena;
        struct image_defaults *defaults = arena_new(arena, struct image_defaults);
        struct image_rootfs *rootfs = arena_new(arena, struct image_rootfs);
        struct image_platform platform;
        struct spec_map labels = { 0 };
        struct image_config config;
        const char *created = store_format_time(arena, (int64_t)packing->newest_s);
        struct image_history step = { .created = created, .created_by = "husk image build-host" };
        int r = image_wanted_platform(arena, NULL, &platform);

        if (r == 0)
                r = read_words(arena, "--entrypoint", request->entrypoint, &defaults->entrypoint);
        if (r < 0)
                return r;
        defaults->env = texts(arena, "PATH=" PATHS);
        if (!request->entrypoint)
                defaults->cmd = texts(arena, packing->program);
        labels.items = arena_array(arena, request->labels.n + 1, sizeof *labels.items);
        for (size_t i = 0; i < request->labels.n; i++) {
                const char *word = request->labels.items[i];
                const struct spec_pair label = store_split_label(arena, word);

                if (!*label.key)
                        return trail(-EINVAL, "--label: '%s' has no key", word);
                labels.items[labels.n++] = label;
        }
        change_labels(arena, &defaults->labels, &labels);
        *rootfs = (struct image_rootfs){ .type = "layers", .diff_ids = texts(arena, diff_id) };
        config = (struct image_config){ .created = created,
                                        .architecture = platform.architecture,
                                        .os = platform.os,
                                        .variant = platform.variant,
                                        .defaults = defaults,
                                        .rootfs = rootfs,
                                        .history = { &step, 1 } };
        image_encode_config(&config, out);
        return 0;
}

static struct image_descriptor describe(
        struct arena *arena, const char *type, const char *hex, uint64_t size)
{
        return (struct image_descriptor){
                .media_type = type,
                .digest = arena_format(arena, "sha256:%s", hex),
                .size = (int64_t)size,
        };
}

/* Layer and configuration into files, the manifest into `manifest`. */
static int make_image(struct packing *packing, struct text *manifest)
{
        struct arena *arena = packing->pack.arena;
        struct spec_map *paths = &packing->pull.origin.paths;
        struct image_descriptor layer, config;
        struct text bytes = { .arena = arena };
        char hex[SHA256_HEX_SIZE];
        auto_close fd = NO_FD;
        uint64_t size;
        int r = write_layer(packing, hex, &size);

        if (r < 0)
                return r;
        layer = describe(arena, IMAGE_TYPE_LAYER, hex, size);
        r = make_config(packing, layer.digest, &bytes);
        if (r < 0)
                return r;
        sha256_hex(text_string(&bytes), bytes.len, hex);
        config = describe(arena, IMAGE_TYPE_CONFIG, hex, bytes.len);
        fd = file_open(packing->dir, "config", O_WRONLY | O_CREAT | O_EXCL, 0600);
        r = fd < 0 ? fd : file_write(fd, bytes.data, bytes.len);
        if (r < 0)
                return trail(r, "cannot write the configuration: %s", text_errno(r));
        paths->items = arena_array(arena, 3, sizeof *paths->items);
        paths->items[paths->n++] = (struct spec_pair){ layer.digest, "layer" };
        paths->items[paths->n++] = (struct spec_pair){ config.digest, "config" };
        image_encode_manifest(
                &(struct image_manifest){ .schema_version = 2,
                                          .media_type = IMAGE_TYPE_MANIFEST,
                                          .config = &config,
                                          .layers = { &layer, 1 } },
                manifest);
        return 0;
}

/* Under each of its names. */
static int record(struct packing *packing, const struct text *manifest, struct text *out)
{
        const struct words *names = &packing->request->names;
        struct arena *arena = packing->pack.arena;
        struct pull_result result = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < names->n; i++) {
                struct image_reference reference;

                r = image_reference_parse(arena, names->items[i], &reference);
                if (r < 0)
                        break;
                packing->pull.origin.name = image_reference_full(arena, &reference);
                packing->pull.manifest = NULL;
                r = pull_parse_manifest(&packing->pull, manifest);
                if (r == 0)
                        r = pull_image(&packing->pull, &result);
        }
        if (r == 0)
                text_addf(out, "%s\n", result.id);
        return r;
}

static int build(struct packing *packing, struct text *out)
{
        struct text manifest = { .arena = packing->pack.arena };
        struct layout_work work;
        int r = layout_begin(
                &packing->pull.layout, arena_format(packing->pack.arena, "pack-%d", (int)getpid()),
                true, &work);

        if (r < 0)
                return r;
        packing->dir = layout_begin_dir(&work, "fs");
        packing->pull.origin.dir = packing->dir;
        r = packing->dir < 0 ? packing->dir : make_image(packing, &manifest);
        if (r == 0)
                r = record(packing, &manifest, out);
        layout_drop(&work);
        return r;
}

int engine_pack(const struct pack_request *request, struct text *out)
{
        const struct pull_request as_pull = { .engine = request->engine };
        auto_close root = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        struct packing packing = {
                .pack = { .arena = out->arena,
                          .root = root,
                          .search = request->search ? request->search : PATHS },
                .request = request,
                .pull = { .arena = out->arena,
                          .request = &as_pull,
                          .layout = LAYOUT_NONE,
                          .origin = { .words = request->names.items[0], .dir = NO_FD },
                          .registry = REGISTRY_NONE,
                          .ns = NO_FD },
                .dir = NO_FD,
        };
        struct image_reference reference;
        int r = root < 0 ? trail(root, "cannot open /: %s", text_errno(root)) : 0;

        for (size_t i = 0; r == 0 && i < request->names.n; i++)
                r = image_reference_parse(out->arena, request->names.items[i], &reference);
        if (r == 0)
                r = collect(&packing);
        if (r < 0)
                return r;
        r = pull_begin(&packing.pull);
        if (r == 0)
                r = build(&packing, out);
        pull_end(&packing.pull);
        return r;
}
