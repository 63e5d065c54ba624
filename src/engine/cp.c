/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk cp`, by docker's rules for what the copy is called.
 *
 * Whatever is copied is an archive on its way. Who reads the source writes it (tar_tree()); a reader without any
 * rights makes records of it; a writer, whose only files are below one directory, makes the files there (docs/adr/0023).
 * On the container's side, reading or writing, stands a process in the container's user namespace (site.h), on the
 * host's side we are ourselves. Both ends are directories by descriptor and one name in each: a name that the
 * container changes meanwhile is another file of the container's, or an error.
 *
 * Without --archive what is made is the container's root's, or ours, and has no right that its owner did not give it:
 * no set-id bit, no capability. Devices are made nowhere but in a container. */
#include "new_image.h"
#include "site.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* One of the two ends. */
struct end {
        const char *words;     /* as typed */
        const char *container; /* NULL: the host, or a stream */
        const char *path;      /* NULL: a stream */
        bool slash,
                contents; /* it ends with "/"; with "/." or is the root: what is in it is meant */
        struct site site;
        struct site_name name;
};

struct cp {
        struct arena *arena;
        const struct cp_request *request;
        struct end from, to;
        const char *as; /* what the copy is called in to.name.dir; "": its contents go there */
        int pipe[2];    /* of the archive */
        bool follow;    /* the source is what a link leads to */
        bool begun, exchanged;
};

/* -- the ends --------------------------------------------------------------------------------------------- */

static bool is_dots(const char *path)
{
        size_t size = strlen(path);

        return text_equal(path, ".") || (size > 1 && text_equal(path + size - 2, "/."));
}

/* CONTAINER:PATH, as docker tells it from a path with a colon in it. */
static struct end parse(struct arena *arena, const char *words)
{
        const char *colon = strchr(words, ':'), *path = words;
        struct end end = { .words = words, .site = SITE_NONE, .name = { .dir = NO_FD } };

        if (text_equal(words, "-"))
                return end;
        if (words[0] != '/' && words[0] != '.' && colon && colon > words) {
                end.container = arena_copy(arena, words, (size_t)(colon - words));
                path = colon + 1;
                if (path[0] != '/')
                        path = arena_format(arena, "/%s", path);
        }
        end.path = path;
        end.slash = *path && path[strlen(path) - 1] == '/';
        end.contents = is_dots(path) || !path[strspn(path, "/")];
        return end;
}

/* A name of the host's: its directory, and what it is there. */
static int look_host(struct arena *arena, struct end *end, bool follow)
{
        const char *path = end->path, *slash, *leaf, *real;
        struct stat st;
        int r = file_stat(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, &st);

        if (r < 0 && r != -ENOENT)
                return trail(r, "%s: %s", path, text_errno(r));
        end->name.exists = r == 0;
        end->name.mode = r == 0 ? st.st_mode : 0;
        if (r == 0 && follow) {
                r = file_real_path(arena, path, &real);
                if (r < 0)
                        return trail(r, "%s: %s", path, text_errno(r));
                path = real;
        } else {
                char *copy = arena_string(arena, path);

                while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
                        copy[strlen(copy) - 1] = '\0';
                path = copy;
        }
        slash = strrchr(path, '/');
        leaf = slash ? slash + 1 : path;
        if (end->name.exists && follow && S_ISDIR(end->name.mode)) {
                end->name.dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
                leaf = ".";
        } else {
                const char *dir = !slash        ? "."
                                : slash == path ? "/"
                                                : arena_copy(arena, path, (size_t)(slash - path));

                end->name.dir = file_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
        }
        if (strlen(leaf) >= sizeof end->name.leaf)
                return trail(-ENAMETOOLONG, "%s: the name is too long", end->path);
        text_format(end->name.leaf, sizeof end->name.leaf, "%s", leaf);
        if (end->name.dir < 0)
                return trail(
                        end->name.dir, "%s: cannot open its directory: %s", end->path,
                        text_errno(end->name.dir));
        return 0;
}

static int look(struct cp *cp, struct end *end, bool follow)
{
        int r;

        if (!end->path)
                return 0;
        if (!end->container)
                return look_host(cp->arena, end, follow);
        r = site_enter(cp->arena, &cp->request->engine, end->container, &end->site);
        if (r == 0)
                r = site_look(&end->site, end->path, follow, &end->name);
        return r;
}

/* The last part of the path as it was typed. */
static const char *base_name(struct arena *arena, const struct end *end)
{
        char *path = arena_string(arena, end->path);
        const char *slash;

        while (*path && path[strlen(path) - 1] == '/')
                path[strlen(path) - 1] = '\0';
        slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

static int check_source(struct cp *cp)
{
        struct end *from = &cp->from;
        bool directory = S_ISDIR(from->name.mode);

        if (!from->path)
                return 0;
        if (!from->name.exists)
                return trail(-ENOENT, "%s does not exist", from->words);
        if (!directory && (from->slash || from->contents))
                return trail(-ENOTDIR, "%s is not a directory", from->words);
        return 0;
}

/* What the copy is called: `cp->as` in the directory to.name.dir. */
static int choose_name(struct cp *cp)
{
        struct end *from = &cp->from, *to = &cp->to;
        bool directory = from->path && S_ISDIR(from->name.mode);
        const char *base;

        if (to->name.exists && S_ISDIR(to->name.mode)) {
                base = from->path ? base_name(cp->arena, from) : "";
                cp->as = !from->path || from->contents || text_equal(base, "..") ? "" : base;
                return 0;
        }
        if (!from->path)
                return trail(
                        -ENOTDIR, "%s is not a directory, in which an archive could be unpacked",
                        to->words);
        if (to->name.exists && (to->slash || to->contents))
                return trail(-ENOTDIR, "%s is not a directory", to->words);
        if (to->name.exists && directory && !cp->request->overwrite)
                return trail(-ENOTDIR, "%s is a file, and %s a directory", to->words, from->words);
        if (!to->name.exists && !directory && to->slash)
                return trail(-ENOENT, "the directory %s does not exist", to->words);
        cp->as = arena_string(cp->arena, to->name.leaf);
        return 0;
}

/* -- the copy --------------------------------------------------------------------------------------------- */

/* The name that was looked at was that of no link. */
static bool is_exchanged(void *context, const char *path, int fd, const struct stat *status)
{
        struct cp *cp = context;

        (void)path;
        (void)fd;
        if (cp->begun)
                return false;
        cp->begun = true;
        cp->exchanged = cp->follow && S_ISLNK(status->st_mode);
        return cp->exchanged;
}

static int write_archive(void *context)
{
        struct cp *cp = context;
        const struct tar_tree_options options = { .skip = is_exchanged, .context = cp };
        struct tar_writer *writer = arena_new(cp->arena, struct tar_writer);
        const struct site_name *name = &cp->from.name;
        int out = cp->to.path ? cp->pipe[1] : STDOUT_FILENO, r;

        tar_writer_begin(writer, out);
        r = tar_tree(writer, name->dir, name->leaf, *cp->as ? cp->as : ".", &options);
        if (cp->exchanged)
                r = trail(-ELOOP, "%s became a symbolic link meanwhile", cp->from.words);
        if (r == 0) {
                r = tar_writer_end(writer, NULL);
                if (r < 0)
                        trail(r, "cannot write the archive: %s", text_errno(r));
        }
        tar_writer_free(writer);
        file_close(&cp->pipe[1]);
        return r;
}

/* Who reads the source; the other end of the pipe must be ours alone by then. */
static int read_source(struct cp *cp)
{
        int r = cp->from.container ? site_run(&cp->from.site, write_archive, cp)
                                   : write_archive(cp);

        file_close(&cp->pipe[1]);
        return r;
}

/* What is unpacked is read by a process that knows tar alone. */
static int check_plain(void)
{
        enum image_compression compression;
        int r = import_compression(STDIN_FILENO, &compression);

        if (r < 0 || compression == IMAGE_PLAIN)
                return r;
        trail_hint("give it through %s", compression == IMAGE_GZIP ? "gunzip -c" : "zstd -dc");
        return trail(-EOPNOTSUPP, "the archive on standard input is compressed");
}

static int choose_owner(struct cp *cp, struct layer_options *options)
{
        const struct spec *spec;
        int r;

        /* An archive says itself whose its files are. */
        options->own = !cp->request->archive && cp->from.path;
        options->pass_devices = !cp->to.container;
        options->uid = geteuid();
        options->gid = getegid();
        if (!cp->to.container)
                return 0;
        r = container_spec(cp->arena, &cp->to.site.container, &spec);
        if (r < 0)
                return r;
        options->uid = spec->linux_ ? site_first_id(&spec->linux_->uid_mappings) : 0;
        options->gid = spec->linux_ ? site_first_id(&spec->linux_->gid_mappings) : 0;
        if (geteuid() != 0)
                options->pass_devices = true;
        return 0;
}

static int stream(struct cp *cp, uint64_t *ret_bytes)
{
        struct layer_options options = { .plain = true,
                                         .overwrite = cp->request->overwrite,
                                         .user_xattrs = true };
        struct unpack_process writer = UNPACK_NONE, reader = UNPACK_NONE;
        struct unpack_result result = { 0 };
        auto_close records = NO_FD;
        int r = choose_owner(cp, &options), fed = 0;

        if (r == 0 && !cp->from.path)
                r = check_plain();
        if (r == 0 && cp->from.path && pipe2(cp->pipe, O_CLOEXEC) < 0)
                r = trail(-errno, "cannot make a pipe: %s", text_errno(errno));
        if (r == 0)
                r = unpack_start_writer(
                        cp->to.name.dir, &options, cp->to.site.ns, &writer, &records);
        if (r == 0)
                r = unpack_start_reader(
                        cp->from.path ? cp->pipe[0] : STDIN_FILENO, UNPACK_TO_THE_END, NO_FD,
                        records, &reader);
        file_close(&records);
        file_close(&cp->pipe[0]);
        if (r == 0) {
                if (cp->from.path)
                        fed = read_source(cp);
                /* Broken off on the other side, that side knows why. */
                if (fed == -EPIPE)
                        trail_reset();
                r = fed < 0 && fed != -EPIPE ? fed : unpack_finish(&reader, &result);
                r = unpack_finish_fed(&writer, r, &result);
        }
        unpack_kill(&reader);
        unpack_kill(&writer);
        if (r == 0 && result.passed)
                trail_warn("%llu devices were left out", (unsigned long long)result.passed);
        *ret_bytes = result.bytes;
        return r;
}

static int copy(struct cp *cp, uint64_t *ret_bytes)
{
        /* What a path that ends with a slash leads to is meant, not the link. */
        int r;

        cp->follow = cp->request->follow_link || cp->from.slash || cp->from.contents;
        r = look(cp, &cp->from, cp->follow);

        if (r == 0)
                r = check_source(cp);
        if (r == 0)
                r = look(cp, &cp->to, true);
        if (r == 0 && cp->to.path)
                r = choose_name(cp);
        if (r < 0)
                return r;
        if (cp->to.path)
                return stream(cp, ret_bytes);
        cp->as = cp->from.contents ? "." : base_name(cp->arena, &cp->from);
        return site_run(&cp->from.site, write_archive, cp);
}

int engine_cp(const struct cp_request *request, uint64_t *ret_bytes)
{
        auto_arena arena = { 0 };
        struct cp cp = { .arena = &arena,
                         .request = request,
                         .from = parse(&arena, request->from),
                         .to = parse(&arena, request->to),
                         .pipe = { NO_FD, NO_FD } };
        void (*before)(int);
        int r = 0;

        *ret_bytes = 0;
        if (cp.from.container && cp.to.container) {
                trail_hint("husk cp %s - | husk cp - %s", request->from, request->to);
                r = trail(-EINVAL, "one of the two must be a file of the host, or -");
        } else if (!cp.from.container && !cp.to.container) {
                trail_hint("a path of a container is CONTAINER:PATH");
                r = trail(
                        -EINVAL, "neither %s nor %s is in a container", request->from, request->to);
        } else if (!cp.to.path && isatty(STDOUT_FILENO)) {
                trail_hint("redirect it: husk cp %s - >FILE", request->from);
                r = trail(-EINVAL, "an archive is not written to a terminal");
        }
        before = signal(SIGPIPE, SIG_IGN);
        if (r == 0)
                r = copy(&cp, ret_bytes);
        signal(SIGPIPE, before);
        file_close(&cp.pipe[0]);
        file_close(&cp.pipe[1]);
        file_close(&cp.from.name.dir);
        file_close(&cp.to.name.dir);
        site_leave(&cp.from.site);
        site_leave(&cp.to.site);
        return r;
}
