/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what criu has to be told of a container, and what it says when it fails.
 *
 * criu restores what it has dumped, and cannot dump what is the host's: binds of the host's files, masks,
 * descriptors that the container was started with, namespaces that it joined. These are named to it as
 * external, by what /proc shows of them now: where the document's mount has ended up behind symbolic
 * links, and whether the container has taken it away since. All of this is read by descriptors; paths in
 * the container's root are resolved inside it. */
#include "runtime.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static const char stdio_file[] = "descriptors.json"; /* runc's name for it */

/* -- lists ----------------------------------------------------------------------------------------- */

struct look {
        struct arena *arena;
        pid_t pid;
        int root;           /* the container's */
        const char *mounts; /* its mountinfo */
        const char **items; /* what is external */
        size_t n, room;
};

static void add(struct look *look, const char *word)
{
        look->items =
                arena_more(look->arena, look->items, look->n, &look->room, sizeof *look->items, 32);
        look->items[look->n++] = word;
}

static const char *read_proc(struct arena *arena, pid_t pid, const char *file)
{
        struct text text;
        int r = file_read(
                arena, AT_FDCWD, arena_format(arena, "/proc/%d/%s", (int)pid, file), 8 << 20,
                &text);

        if (r < 0) {
                trail(r, "cannot read /proc/%d/%s: %s", (int)pid, file, text_errno(r));
                return NULL;
        }
        return text_string(&text);
}

/* -- mounts ---------------------------------------------------------------------------------------- */

/* The number behind "mnt_id:" of a descriptor's fdinfo; -1: none. */
static long mount_of(struct arena *arena, pid_t pid, int fd)
{
        const char *info = read_proc(arena, pid, arena_format(arena, "fdinfo/%d", fd));
        const char *at = info ? strstr(info, "mnt_id:") : NULL;

        return at ? strtol(at + 7, NULL, 10) : -1;
}

/* The mount point of that number, or NULL: it is not among the container's mounts. */
static const char *mount_point(struct arena *arena, const char *mounts, long number)
{
        for (const char *line = mounts; line && *line;) {
                const char *at = line;
                const char *end = strchr(line, '\n');

                if (strtol(line, NULL, 10) == number) {
                        char *point;

                        /* number parent device root point */
                        for (int i = 0; at && i < 4; i++)
                                at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
                        if (!at)
                                return NULL;
                        point = arena_copy(arena, at, strcspn(at, " \n"));
                        text_unescape_octal(point);
                        return point;
                }
                line = end ? end + 1 : NULL;
        }
        return NULL;
}

/* What is mounted at that path, if anything is: its place in the container's own words. */
static const char *find_mount(struct look *look, const char *path, struct stat *ret_st)
{
        auto_close fd = rootpath_open(look->root, path, O_PATH, false);
        uint64_t number;
        bool is_root;

        if (fd < 0 || mount_number(fd, &number, &is_root) < 0 || !is_root || fstat(fd, ret_st) < 0)
                return NULL;
        return mount_point(look->arena, look->mounts, mount_of(look->arena, getpid(), fd));
}

static void look_at_mounts(struct look *look, const struct spec *spec)
{
        const struct spec_linux *linux_ = spec->linux_;
        struct stat st;
        const char *at;

        for (size_t i = 0; i < spec->mounts.n; i++) {
                const struct spec_mount *mount = &spec->mounts.items[i];
                bool bind = text_equal(mount->type, "bind");

                for (size_t k = 0; k < mount->options.n; k++)
                        bind |= text_equal(mount->options.items[k], "bind") ||
                                text_equal(mount->options.items[k], "rbind");
                at = bind ? find_mount(look, mount->destination, &st) : NULL;
                if (at)
                        add(look, arena_format(look->arena, "mnt[%s]:%s", at, mount->destination));
        }
        /* A masked file has /dev/null on it; a directory a tmpfs, which criu restores. */
        for (size_t i = 0; linux_ && i < linux_->masked_paths.n; i++) {
                at = find_mount(look, linux_->masked_paths.items[i], &st);
                if (at && S_ISCHR(st.st_mode))
                        add(look, arena_format(look->arena, "mnt[%s]:/dev/null", at));
        }
}

/* In a user namespace device nodes are binds of the host's. */
static void look_at_devices(struct look *look, const struct spec *spec)
{
        static const char *const defaults[] = { "/dev/null",   "/dev/zero",    "/dev/full",
                                                "/dev/random", "/dev/urandom", "/dev/tty" };
        size_t others = spec->linux_ ? spec->linux_->devices.n : 0;
        struct stat st;

        for (size_t i = 0; i < ARRAY_SIZE(defaults) + others; i++) {
                const char *path =
                        i < ARRAY_SIZE(defaults)
                                ? defaults[i]
                                : spec->linux_->devices.items[i - ARRAY_SIZE(defaults)].path;
                const char *at = find_mount(look, path, &st);

                if (at)
                        add(look, arena_format(look->arena, "mnt[%s]:%s", at, path));
        }
}

/* -- descriptors ----------------------------------------------------------------------------------- */

/* What descriptor `fd` is to criu when it is the host's; NULL: it is the container's own, or a socket,
 * which --ext-unix-sk is for. */
static const char *look_at_descriptor(struct look *look, int fd)
{
        const char *path = arena_format(look->arena, "/proc/%d/fd/%d", (int)look->pid, fd);
        long mount = mount_of(look->arena, look->pid, fd);
        struct stat st;

        if (file_stat(AT_FDCWD, path, 0, &st) < 0 || S_ISSOCK(st.st_mode))
                return NULL;
        if (S_ISFIFO(st.st_mode) && !mount_point(look->arena, look->mounts, mount))
                return arena_format(look->arena, "pipe:[%lu]", (unsigned long)st.st_ino);
        if (mount_point(look->arena, look->mounts, mount))
                return NULL;
        if (S_ISCHR(st.st_mode) && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143)
                return arena_format(
                        look->arena, "tty[%lx:%lx]", (unsigned long)st.st_rdev,
                        (unsigned long)st.st_dev);
        return arena_format(look->arena, "file[%lx:%lx]", mount, (unsigned long)st.st_ino);
}

static void look_at_stdio(struct look *look, const char *ret_stdio[3])
{
        for (int i = 0; i < 3; i++) {
                const char *key = ret_stdio[i] = look_at_descriptor(look, i);

                for (int k = 0; key && k < i; k++)
                        if (text_equal(ret_stdio[k], key))
                                key = NULL;
                if (key && !text_starts(key, "pipe:")) /* of pipes criu knows that by itself */
                        add(look, key);
        }
}

/* -- namespaces ------------------------------------------------------------------------------------ */

static int look_at_spaces(struct look *look, const struct spec *spec)
{
        static const struct {
                const char *type, *proc, *key;
        } kinds[] = { { "network", "net", "extRootNetNS" }, { "pid", "pid", "extRootPidNS" } };

        for (size_t i = 0; spec->linux_ && i < spec->linux_->namespaces.n; i++) {
                const struct spec_namespace *ns = &spec->linux_->namespaces.items[i];
                struct stat st;

                for (size_t k = 0; ns->path && *ns->path && k < ARRAY_SIZE(kinds); k++) {
                        int r;

                        if (!text_equal(ns->type, kinds[k].type))
                                continue;
                        r = file_stat(
                                AT_FDCWD,
                                arena_format(
                                        look->arena, "/proc/%d/ns/%s", (int)look->pid,
                                        kinds[k].proc),
                                0, &st);
                        if (r < 0)
                                return r;
                        add(look, arena_format(
                                          look->arena, "%s[%lu]:%s", kinds[k].proc,
                                          (unsigned long)st.st_ino, kinds[k].key));
                }
        }
        return 0;
}

int criu_look(
        struct arena *arena, const struct container *container, const struct spec *spec,
        struct runtime_criu *criu, const char *ret_stdio[3])
{
        struct look look = { .arena = arena, .pid = container->pid };
        auto_close process = container_process(container);
        auto_close root = NO_FD;
        int r;

        if (process < 0)
                return process;
        root = file_open(
                AT_FDCWD, arena_format(arena, "/proc/%d/root", (int)look.pid), O_PATH | O_DIRECTORY,
                0);
        look.root = root;
        look.mounts = read_proc(arena, look.pid, "mountinfo");
        if (root < 0 || !look.mounts)
                return trail(root < 0 ? root : -ESRCH, "cannot look at '%s'", container->id);
        look_at_mounts(&look, spec);
        look_at_devices(&look, spec);
        look_at_stdio(&look, ret_stdio);
        r = look_at_spaces(&look, spec);
        if (r == 0) /* the number was its own all the time */
                r = process_signal(process, 0);
        criu->external = look.items;
        criu->n_external = look.n;
        return r;
}

/* -- the file of the descriptors ------------------------------------------------------------------- */

int criu_write_stdio(struct arena *arena, const char *images, const char *const stdio[3])
{
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };
        const char *path = arena_format(arena, "%s/%s", images, stdio_file);
        auto_close fd = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
        int r = fd;

        json_open_array(&w, NULL);
        for (int i = 0; i < 3; i++)
                json_put_string(&w, NULL, stdio[i] ? stdio[i] : "");
        json_close_array(&w);
        if (r >= 0)
                r = file_write(fd, out.data, out.len);
        return r < 0 ? trail(r, "cannot write %s: %s", path, text_errno(r)) : 0;
}

/* "pipe:[1234]", "file[1f:2b]", "tty[8800:18]" */
static bool is_key(const char *key)
{
        size_t size = strcspn(key, "[");
        const char *inside = key + size;

        if (!*inside++)
                return false;
        inside += strspn(inside, "0123456789abcdef:-");
        return text_equal(inside, "]");
}

static int read_plain(struct arena *arena, const char *path, size_t most, struct text *ret_text)
{
        auto_close fd = file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);

        return fd < 0 ? fd : file_read_plain(arena, fd, most, ret_text);
}

int criu_read_stdio(struct arena *arena, const char *images, const char *ret_stdio[3])
{
        const char *path = arena_format(arena, "%s/%s", images, stdio_file);
        const struct json *json = NULL;
        struct text text;
        int r = read_plain(arena, path, 64 << 10, &text);

        ret_stdio[0] = ret_stdio[1] = ret_stdio[2] = NULL;
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = json_parse(arena, path, text_string(&text), text.len, &json);
        else
                r = trail(r, "%s", text_errno(r));
        if (r < 0)
                return trail(r, "cannot read %s", path);
        if (!json || json->kind != JSON_ARRAY || json->n > 3)
                return trail(-EINVAL, "%s: must be an array of at most three strings", path);
        for (size_t i = 0; i < json->n; i++) {
                const char *key = json_string(&json->items[i]);

                if (json->items[i].kind != JSON_STRING)
                        return trail(-EINVAL, "%s: must be an array of strings", path);
                /* runc writes the paths of all others, too: those are the container's. */
                if (!text_starts(key, "pipe:[") && !text_starts(key, "file[") &&
                    !text_starts(key, "tty["))
                        continue;
                if (!is_key(key))
                        return trail(-EINVAL, "%s: '%.100s' is no descriptor", path, key);
                ret_stdio[i] = key;
        }
        return 0;
}

/* -- when it fails --------------------------------------------------------------------------------- */

const char *criu_find(struct arena *arena)
{
        static const char *const directories[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                   "/usr/bin",        "/sbin",          "/bin" };

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                const char *path = arena_format(arena, "%s/criu", directories[i]);

                if (file_access(path, X_OK) == 0)
                        return path;
        }
        return NULL;
}

/* "(00.123456)      1: Error (criu/files.c:1213): Unable to open fd=1" without what is before the colon
 * behind the place in criu's own source. */
static const char *error_words(struct arena *arena, const char *line)
{
        size_t size = strcspn(line, "\n");
        const char *text = arena_copy(arena, line, size);
        const char *error = strstr(text, "Error (");
        const char *words = error ? strstr(error, "): ") : NULL;

        return words ? words + 3 : NULL;
}

/* The first errors of the log; what criu tries and can do without is none: those of a "tun" device. */
static const char *first_errors(struct arena *arena, const char *log)
{
        struct text all = { .arena = arena };
        int n = 0;

        for (const char *line = log; line && n < 3;) {
                const char *words = error_words(arena, line);

                line = strchr(line, '\n');
                line += line != NULL;
                if (!words || text_starts(words, "tun: "))
                        continue;
                text_add(&all, n++ ? "; " : "");
                text_add_visible(&all, words);
        }
        return text_string(&all);
}

/* `criu check`, which says why it cannot work on this host; NULL: it can. */
static const char *check(struct arena *arena, const struct runtime_criu *criu)
{
        const char *const arguments[] = { criu->program, "check", NULL };
        char words[2048] = "";
        const char *errors;
        int status, r = process_run(arguments, words, sizeof words, &status);

        if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return NULL;
        errors = first_errors(arena, words);
        if (r < 0)
                return text_errno(r);
        if (*errors)
                return errors;
        return WIFSIGNALED(status)
                     ? arena_format(
                               arena, "it was killed by %s", process_signal_name(WTERMSIG(status)))
                     : arena_format(arena, "it ended with status %d", WEXITSTATUS(status));
}

void criu_explain(struct arena *arena, const struct runtime_criu *criu, const char *log, int error)
{
        const char *path =
                arena_format(arena, "%s/%s", criu->work ? criu->work : criu->images, log);
        const char *words = arena_string(arena, trail_text()), *fault = check(arena, criu);
        const char *hint = arena_string(arena, trail_hint_text()), *errors = "";
        struct text text;

        if (read_plain(arena, path, 64 << 20, &text) == 0)
                errors = first_errors(arena, text_string(&text));
        trail_reset();
        if (fault) {
                trail_hint("this criu and this kernel do not go together, or it lacks a right");
                trail(error, "criu cannot work on this host: `criu check` says: %s", fault);
                return;
        }
        if (*errors && strstr(words, "criu "))
                trail(error, "criu says: %s", errors);
        else
                trail(error, "%s", words);
        if (*errors)
                trail_hint("the whole log of criu is %s", path);
        else if (*hint)
                trail_hint("%s", hint);
}
