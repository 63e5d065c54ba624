/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: from argv to a command's run function and back to an exit status. Picks
 * the face, reads the global options, finds the command, reads its options into a request, runs
 * it, reports what went wrong. The environment is read here and in values.c only: rooms below
 * get what they need in their request. */
#include "cli.h"

#include "commands.h"
#include "help.h"
#include "linux/linux.h"
#include "report.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

const struct command *cli_face_command(const struct face *face, const char *name)
{
        for (size_t i = 0; face->commands[i]; i++)
                if (text_equal(face->commands[i]->name, name) ||
                    (face->commands[i]->alias && text_equal(face->commands[i]->alias, name)))
                        return face->commands[i];
        return NULL;
}

const struct command *cli_group_command(const struct command *group, const char *name)
{
        for (const struct member *member = group->members; *member->name; member++)
                if (text_equal(member->name, name))
                        return member->command;
        return NULL;
}

const struct command *cli_command_next(struct command_walk *walk)
{
        const struct command *group =
                walk->command ? walk->face->commands[walk->command - 1] : NULL;

        while (group && group->members && *group->members[walk->member].name) {
                const struct command *command = group->members[walk->member++].command;

                if (strchr(command->name, ' '))
                        return command;
        }
        walk->member = 0;
        return walk->face->commands[walk->command] ? walk->face->commands[walk->command++] : NULL;
}

int cli_face_unknown(const struct face *face, const struct command *group, const char *name)
{
        const char *word = group ? group->name : "", *space = group ? " " : "";
        struct nearest nearest = { .word = name };
        const struct absent *absent = cli_absent_find(face->absent, name, 0);

        if (absent) {
                trail_hint("%s", absent->instead);
                return trail(-EINVAL, "there is no command '%s%s%s' here", word, space, name);
        }
        for (size_t i = 0; !group && face->commands[i]; i++)
                cli_nearest_try(&nearest, face->commands[i]->name);
        for (size_t i = 0; group && *group->members[i].name; i++)
                cli_nearest_try(&nearest, group->members[i].name);
        if (nearest.best)
                trail_hint("did you mean '%s %s%s%s'?", face->name, word, space, nearest.best);
        else
                trail_hint("see '%s %s%s--help'", face->name, word, space);
        return trail(-EINVAL, "unknown command '%s%s%s'", word, space, name);
}

/* One of ours that others can write to: umask 002, a volume of Kubernetes. From now on they cannot; what they put there
 * before is known by its owner. Where the file system has no say in it, neither have we. */
static void close_directory(const char *path)
{
        auto_close fd = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r == 0 && st.st_uid != geteuid())
                r = -EPERM;
        if (r == 0)
                r = file_set_mode_fd(fd, st.st_mode & 07777 & ~(unsigned)(S_IWGRP | S_IWOTH));
        if (r < 0)
                trail_warn("%s can be written to by others: %s", path, text_errno(r));
        else
                trail_warn("%s could be written to by others: not any more", path);
}

/* What others made in it while they could write to it we would run, and it is theirs to change. */
static int check_contents(struct arena *arena, const char *path)
{
        static const char *const names[] = { "containers", "images", "layers", "tmp" };
        struct stat st;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *part = arena_format(arena, "%s/%s", path, names[i]);

                if (file_stat(AT_FDCWD, part, AT_SYMLINK_NOFOLLOW, &st) == 0 &&
                    st.st_uid != geteuid()) {
                        trail_hint("look at it and remove it, or name another store with --root");
                        return trail(
                                -EPERM, "%s belongs to user %u, not to us", part,
                                (unsigned)st.st_uid);
                }
        }
        return 0;
}

/* A directory that nobody named is ours, and ours alone to change: what others put there we would run. In /tmp, where
 * the first who comes has the name, it is made at once and is no link. One that cannot be looked at is told of by who
 * uses it. */
static int check_directory(const char *path, const char *option)
{
        const bool is_temporary = text_starts(path, "/tmp/") && strrchr(path, '/') == path + 4;
        struct stat st;
        int r = is_temporary ? file_make_dir(path, 0700) : 0;

        if (r < 0 && r != -EEXIST)
                return trail(r, "cannot make %s: %s", path, text_errno(r));
        if (file_stat(AT_FDCWD, path, is_temporary ? AT_SYMLINK_NOFOLLOW : 0, &st) < 0)
                return 0;
        if (S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
                if (st.st_mode & (S_IWGRP | S_IWOTH))
                        close_directory(path);
                return 0;
        }
        trail_hint("name another one with %s", option);
        if (!S_ISDIR(st.st_mode))
                return trail(-ENOTDIR, "%s is no directory", path);
        return trail(-EPERM, "%s belongs to user %u, not to us", path, (unsigned)st.st_uid);
}

static bool has_dots(const char *path)
{
        for (const char *at = path; *at; at += strspn(at, "/")) {
                const size_t size = strcspn(at, "/");

                if (size == 2 && at[0] == '.' && at[1] == '.')
                        return true;
                at += size;
        }
        return false;
}

/* What ".." leads to may be another directory tomorrow, and what is written down of the store's files with it. So
 * the kernel resolves it, once; behind the last one there may be names that are still to be made. */
static int resolve_dots(struct arena *arena, const char *option, const char **path)
{
        char *parent = arena_string(arena, *path);
        const char *behind = *path + strlen(*path), *real;
        struct stat st;
        int r;

        if (!has_dots(*path))
                return 0;
        while ((r = file_real_path(arena, parent, &real)) == -ENOENT) {
                const char *slash = strrchr(parent, '/');

                /* A link that leads nowhere can lead to something later. */
                if (!slash || slash == parent || has_dots(slash + 1) ||
                    file_stat(AT_FDCWD, parent, AT_SYMLINK_NOFOLLOW, &st) == 0)
                        break;
                behind = *path + (slash - parent);
                parent[slash - parent] = '\0';
        }
        if (r < 0)
                return trail(r, "%s %s: %s", option, *path, text_errno(r));
        *path = arena_format(arena, "%s%s", text_equal(real, "/") && *behind ? "" : real, behind);
        return 0;
}

/* "$variable/name", or "$HOME/otherwise/name", or a directory of the user's under /tmp. */
static const char *user_directory(
        struct arena *arena, const char *variable, const char *otherwise, const char *name)
{
        const char *base = getenv(variable), *home = getenv("HOME");

        if (base && *base == '/')
                return arena_format(arena, "%s/%s", base, name);
        if (otherwise && home && *home == '/')
                return arena_format(arena, "%s/%s/%s", home, otherwise, name);
        return arena_format(arena, "/tmp/%s-%u", name, (unsigned)geteuid());
}

/* Is /run ours? Not when we are root of a user namespace that an ordinary user made: Podman calls us so, and
 * leaves XDG_RUNTIME_DIR as it was. Whoever is root there by name, too, has a machine's /run. */
static bool owns_run(void)
{
        const char *user = getenv("USER");

        if (geteuid() != 0)
                return false;
        return !getenv("XDG_RUNTIME_DIR") || namespace_is_first_user() ||
               (user && text_equal(user, "root"));
}

/* The path of "unix:path=/run/user/1000/bus,guid=..."; NULL: it names none. */
static const char *bus_path(struct arena *arena, const char *address)
{
        static const char kind[] = "unix:path=";

        if (!address || !text_starts(address, kind))
                return NULL;
        address += strlen(kind);
        return arena_copy(arena, address, strcspn(address, ",;"));
}

/* Where the programs are that only we call: beside us in a tree that was built, PREFIX/libexec/husk else.
 * A sealed executable does not know any more where it was; see cli_seal(). */
static const char *libexec_directory(struct arena *arena)
{
        const char *said = getenv("HUSK_LIBEXEC");
        char path[PATH_MAX];
        char *slash;

        if (said && *said == '/')
                return said;
        if (file_read_link("/proc/self/exe", path, sizeof path) < 0)
                return "/usr/local/libexec/husk";
        slash = strrchr(path, '/');
        if (!slash)
                return "/usr/local/libexec/husk";
        *slash = '\0';
        if (file_access(arena_format(arena, "%s/husk-registry", path), X_OK) == 0)
                return arena_string(arena, path);
        slash = strrchr(path, '/');
        if (slash)
                *slash = '\0';
        return arena_format(arena, "%s/libexec/husk", path);
}

static int resolve_directories(struct invocation *in)
{
        struct engine_options *husk = &in->globals.husk.engine;
        struct oci_options *oci = &in->globals.oci.oci;
        bool root = geteuid() == 0, named;
        int r = 0;

        if (in->face == &cli_face_oci) {
                oci->runtime_dir = getenv("XDG_RUNTIME_DIR");
                oci->session_bus = bus_path(in->arena, getenv("DBUS_SESSION_BUS_ADDRESS"));
                if (oci->root)
                        return 0;
                oci->root = owns_run()
                                  ? "/run/husk-oci"
                                  : user_directory(in->arena, "XDG_RUNTIME_DIR", NULL, "husk-oci");
                return in->command->no_state ? 0 : check_directory(oci->root, "--root");
        }
        husk->unshared = root && getenv("HUSK_UNSHARED") && !namespace_is_first_user();
        if (!husk->root)
                husk->root = getenv("HUSK_ROOT");
        named = husk->runroot && *husk->runroot;
        if (!husk->runroot)
                husk->runroot = getenv("HUSK_RUNROOT");
        /* In `husk unshare` that is a default which nobody has looked at, if the store did not need it there. */
        named |= husk->runroot && *husk->runroot && !husk->unshared;
        if (!husk->root || !*husk->root) {
                husk->root =
                        root ? "/var/lib/husk"
                             : user_directory(in->arena, "XDG_DATA_HOME", ".local/share", "husk");
                r = check_directory(husk->root, "--root");
                if (r == 0)
                        r = check_contents(in->arena, husk->root);
        }
        if (!husk->runroot || !*husk->runroot)
                husk->runroot = root ? "/run/husk"
                                     : user_directory(in->arena, "XDG_RUNTIME_DIR", NULL, "husk");
        if (r == 0 && !named && engine_uses_runroot(in->arena, husk))
                r = check_directory(husk->runroot, "--runroot");
        if (r == 0)
                r = resolve_dots(in->arena, "--root", &husk->root);
        if (r == 0)
                r = resolve_dots(in->arena, "--runroot", &husk->runroot);
        husk->libexec = libexec_directory(in->arena);
        husk->registries = cli_registry_files(in->arena);
        return r;
}

static int show_help(struct invocation *in, const struct command *command)
{
        struct text out = { .arena = in->arena };
        struct help_style style = cli_help_style(STDOUT_FILENO);

        if (command)
                cli_help_command(&out, in->face, command, style);
        else
                cli_help_face(&out, in->face, style);
        return cli_print(STDOUT_FILENO, &out);
}

/* Before anything of a container can run: our executable where nobody can write to it, our memory
 * and descriptors where nobody can look (CVE-2019-5736, CVE-2016-9962). An ordinary user's process
 * stays visible until its user namespace is set up: its own map files would be root's else. */
static int cli_seal(struct invocation *in)
{
        int r;

        if (in->face == &cli_face_husk &&
            setenv("HUSK_LIBEXEC", in->globals.husk.engine.libexec, true) < 0)
                return -errno;
        r = process_seal_executable(in->argv, environ);
        return r < 0 || geteuid() != 0 ? r : process_hide();
}

static int run_command(struct invocation *in, int argc, char **argv)
{
        const struct command *command = in->command;
        struct parse parse = {
                .face = in->face, .command = command, .arena = in->arena, .argc = argc, .argv = argv
        };
        int r;

        in->request = parse.request = arena_alloc(in->arena, command->request_size + 1);
        if (command->defaults)
                memcpy(in->request, command->defaults, command->request_size);
        r = cli_options_parse(&parse);
        if (r < 0)
                return trail(r, "%s", command->name);
        if (parse.help)
                return show_help(in, command);
        if (!command->no_request) {
                r = resolve_directories(in);
                if (r < 0) {
                        in->exit = command->error_exit;
                        return r;
                }
                memcpy(in->request, &in->globals, in->face->copied);
        }
        if (command->enters) {
                r = cli_seal(in);
                if (r < 0)
                        return r;
        }
        r = command->run(in);
        if (r < 0)
                in->exit = command->error_exit;
        return r;
}

static int show_version(struct invocation *in)
{
        struct text out = { .arena = in->arena };

        cli_version_put(&out, in->face);
        return cli_print(STDOUT_FILENO, &out);
}

/* The words behind the global options. */
static int run_words(struct invocation *in, int argc, char **argv)
{
        const struct command *command = cli_face_command(in->face, argv[0]), *group = NULL;

        if (!command)
                return cli_face_unknown(in->face, NULL, argv[0]);
        if (command->members) {
                group = command;
                if (argc == 1) {
                        trail_hint("see '%s %s --help'", in->face->name, group->name);
                        return trail(-EINVAL, "%s: a command is missing", group->name);
                }
                argc--, argv++;
                if (text_equal(argv[0], "--help") || text_equal(argv[0], "-h"))
                        return show_help(in, group);
                command = cli_group_command(group, argv[0]);
        }
        if (!command)
                return cli_face_unknown(in->face, group, argv[0]);
        in->command = command;
        return run_command(in, argc - 1, argv + 1);
}

/* Global options, then the command; argv is behind the program's name. */
static int run_face(struct invocation *in, int argc, char **argv)
{
        const struct face *face = in->face;
        struct parse parse = { .face = face,
                               .command = face->globals,
                               .arena = in->arena,
                               .request = &in->globals,
                               .argc = argc,
                               .argv = argv };
        int r;

        if (face->globals->defaults)
                memcpy(&in->globals, face->globals->defaults, sizeof in->globals);
        r = cli_options_parse(&parse);
        if (r < 0)
                return r;
        if (parse.help)
                return show_help(in, NULL);
        if (face == &cli_face_oci ? in->globals.oci.version : in->globals.husk.version)
                return show_version(in);
        if (parse.n_operands == 0) {
                trail_hint("see '%s --help'", face->name);
                return trail(-EINVAL, "a command is missing");
        }
        return run_words(in, parse.n_operands, argv);
}

/* A link in the place of the runtime that an engine looks for in its PATH is that runtime. */
static bool names_oci(const char *name)
{
        return text_starts(name, "husk-oci") || text_equal(name, "runc") ||
               text_equal(name, "crun");
}

static const struct face *pick_face(int argc, char **argv, int *ret_skip)
{
        const char *slash = argc ? strrchr(argv[0], '/') : NULL;
        const char *name = slash ? slash + 1 : argc ? argv[0] : "husk";

        *ret_skip = argc > 0;
        if (names_oci(name))
                return &cli_face_oci;
        if (argc > 1 && text_equal(argv[1], "oci")) {
                *ret_skip = 2;
                return &cli_face_oci;
        }
        return &cli_face_husk;
}

/* A descriptor 0, 1 or 2 that our caller has closed would be given to the next file that we open,
 * and what is meant for people written into it. */
static void open_closed(void)
{
        struct pollfd all[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

        if (poll(all, ARRAY_SIZE(all), 0) == 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (all[i].revents & POLLNVAL &&
                    open("/dev/null", O_RDWR) < 0) /* NOLINT(android-cloexec-open) */
                        return; /* the lowest that is free: fd, to be inherited */
}

/* What is beyond RLIMIT_FSIZE is an error with words, and no end by a signal; and a umask may keep our files from
 * others, but not from us. */
static void heed_limits(void)
{
        mode_t mask = umask(077);

        umask(mask & 077);
        signal(SIGXFSZ, SIG_IGN);
}

int cli_main(int argc, char **argv)
{
        auto_arena arena = { 0 };
        struct invocation in = { .arena = &arena };
        int skip, status, r;

        open_closed();
        heed_limits();
        /* A copy, because the parser moves the words of argv about. */
        in.argv = arena_array(&arena, (size_t)argc + 1, sizeof *argv);
        memcpy(in.argv, argv, (size_t)argc * sizeof *argv);

        in.face = pick_face(argc, argv, &skip);
        r = run_face(&in, argc - skip, argv + skip);
        if (*trail_warnings())
                cli_report_warnings(&in);
        /* Whoever reads our output has closed it: no error of ours. */
        if (r == -EPIPE && !*trail_text())
                return 0;
        if (r != 0)
                cli_report(&in);
        status = r >= 0 || in.exit ? in.exit : in.face->error_exit;
        cli_report_debug(&in, status);
        return status;
}
