/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: how the files of a container are reached.
 *
 * Of one that runs by /proc/PID/root, which is opened while a pidfd pins the number: the mounts are its own, volumes
 * and all. Of one that does not run there are no mounts, so its plan is applied once more, but for what is about
 * processes: a first process makes root and bind mounts, gives up its rights, and awaits a start that never comes; the
 * end of our socket ends it, however we end. Its lock is held meanwhile, so nobody starts it.
 *
 * Names are resolved by openat2(2) in that root and used by descriptor (CVE-2018-15664). Nothing of the container's is
 * executed or loaded (CVE-2019-14271). Who looks at a name is in the container's user namespace and thus has no
 * rights that its root has not. */
#include "site.h"

#include "place.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

uint32_t site_first_id(const struct spec_id_mapping_list *map)
{
        for (size_t i = 0; i < map->n; i++)
                if (map->items[i].container_id == 0)
                        return 0;
        return map->n ? map->items[0].container_id : 0;
}

/* -- a visit ---------------------------------------------------------------------------------------------- */

static bool is_bind(const struct spec_mount *mount)
{
        if (mount->type && text_equal(mount->type, "bind"))
                return true;
        for (size_t i = 0; i < mount->options.n; i++)
                if (text_equal(mount->options.items[i], "bind") ||
                    text_equal(mount->options.items[i], "rbind"))
                        return true;
        return false;
}

/* Of the document what is about files that last. Its ids are numbers of the host's: `unshared`, in the namespace of
 * all of them, they have others, and the container needs no namespace of its own. */
static const struct spec *reduce(struct arena *arena, const struct spec *from, bool unshared)
{
        static const char *args[] = { "/", NULL };
        struct spec *spec = arena_new(arena, struct spec);
        struct spec_linux *linux_ = arena_new(arena, struct spec_linux);
        struct spec_process *process = arena_new(arena, struct spec_process);
        struct spec_user *user = arena_new(arena, struct spec_user);

        *spec = (struct spec){ .oci_version = from->oci_version,
                               .root = from->root,
                               .at = from->at };
        *user = (struct spec_user){ .uid = site_first_id(&from->linux_->uid_mappings),
                                    .gid = site_first_id(&from->linux_->gid_mappings) };
        *process = (struct spec_process){ .cwd = "/", .args = { args, 1 }, .user = user };
        if (!unshared) {
                linux_->uid_mappings = from->linux_->uid_mappings;
                linux_->gid_mappings = from->linux_->gid_mappings;
        }
        linux_->namespaces.items = arena_array(
                arena, from->linux_->namespaces.n + 1, sizeof *linux_->namespaces.items);
        for (size_t i = 0; i < from->linux_->namespaces.n; i++) {
                const struct spec_namespace *space = &from->linux_->namespaces.items[i];

                if (text_equal(space->type, "mount") ||
                    (text_equal(space->type, "user") && !unshared))
                        linux_->namespaces.items[linux_->namespaces.n++] = *space;
        }
        spec->mounts.items = arena_array(arena, from->mounts.n + 1, sizeof *spec->mounts.items);
        for (size_t i = 0; i < from->mounts.n; i++)
                if (is_bind(&from->mounts.items[i]))
                        spec->mounts.items[spec->mounts.n++] = from->mounts.items[i];
        spec->linux_ = linux_;
        spec->process = process;
        return spec;
}

static int compile(
        struct arena *arena, const struct site *site, const struct spec *spec,
        struct plan **ret_plan)
{
        const char *state = arena_format(arena, "%s/%s", site->container.root, site->container.id);
        struct record record;
        struct runtime_options options;
        struct facts facts;
        int r = facts_gather(arena, &facts);

        if (r < 0)
                return r;
        record_decode(arena, &site->container, &record);
        facts_gather_document(&facts, spec, spec->process);
        options = record_options(arena, &record, site->container.id, state);
        options.document = "the container's files";
        options.made = options.visit = options.await_start = options.no_new_keyring = true;
        options.filled = site->container.filled;
        options.mounted = site->mounted;
        options.cgroups = CGROUPS_NONE;
        r = runtime_compile(arena, spec, &options, &facts, ret_plan);
        return r < 0 ? r : plan_verify(*ret_plan);
}

/* What the plan's slots hold is closed with them: the pidfd, the root, and the user namespace, in this order. */
static int take(const struct plan *plan, const struct machine *machine, struct site *site)
{
        int *const places[] = { &site->root, &site->ns };
        size_t n = 0;

        for (size_t i = 0; i < plan->list[HOST].n && n < ARRAY_SIZE(places); i++) {
                const struct op *op = &plan->list[HOST].ops[i];

                if (op->code == OP_take_fd)
                        *places[n++] = fcntl(machine->fd[op->as.take_fd.fd], F_DUPFD_CLOEXEC, 3);
        }
        site->process = fcntl(machine->pidfd, F_DUPFD_CLOEXEC, 3);
        return site->process < 0 || site->root < 0 ? trail(-EMFILE, "too many open files") : 0;
}

/* The journal is told nothing: what there is of a visit ends with it. */
static int visit(struct arena *arena, struct site *site)
{
        static struct machine machine;
        auto_close nowhere = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
        const struct spec *spec;
        struct plan *plan;
        bool command;
        int r = container_spec(arena, &site->container, &spec);

        if (nowhere < 0)
                return trail(nowhere, "cannot open /dev/null");
        if (r == 0 && (!spec->linux_ || !spec->process))
                r =
                        trail(-EINVAL, "the journal of '%s' holds no document of husk",
                              site->container.id);
        if (r == 0)
                r = compile(arena, site, reduce(arena, spec, site->unshared), &plan);
        if (r < 0)
                return r;
        machine_init(&machine, plan);
        machine.journal = nowhere;
        r = plan_apply(&machine, HOST);
        if (r < 0)
                r = container_explain_failure(&machine, r, &command);
        else if (!site->container.filled)
                r = container_note(&site->container, "{\"status\":\"filled\"}");
        if (r == 0)
                r = take(plan, &machine, site);
        site->visited = true;
        site->pid = machine.pid;
        site->gate = machine.gate;
        machine.gate = machine.journal = NO_FD;
        if (r < 0 && machine.pid > 0)
                process_signal(machine.pidfd, 9);
        machine_done(&machine);
        return r;
}

/* -- entering and leaving --------------------------------------------------------------------------------- */

static int open_root(struct arena *arena, struct site *site)
{
        const char *proc = arena_format(arena, "/proc/%d", (int)site->pid);
        auto_close dir = file_open(AT_FDCWD, proc, O_PATH | O_DIRECTORY, 0);

        if (dir >= 0 && file_magic(dir) != MAGIC_PROC)
                return trail(-EMEDIUMTYPE, "/proc is no procfs");
        site->root = dir < 0 ? dir : file_open(dir, "root", O_PATH | O_DIRECTORY, 0);
        if (site->root >= 0 && !namespace_is_ours(site->process, CLONE_NEWUSER)) {
                site->ns = namespace_open(arena_format(arena, "%s/ns/user", proc), CLONE_NEWUSER);
                if (site->ns < 0)
                        return trail(site->ns, "cannot open the container's user namespace");
        }
        /* Until here the number was that process's, if it is still there. */
        if (process_poll(site->process, 0) != 0)
                return trail(-ESRCH, "the container has ended meanwhile");
        return site->root < 0 ? trail(site->root, "cannot open the container's root: %s",
                                      text_errno(site->root))
                              : 0;
}

static int open_site(
        struct arena *arena, const struct engine_options *options, const char *name,
        struct site *site)
{
        int r = store_open(arena, options, name, false, &site->container);

        if (r < 0 || site->container.status != CONTAINER_STOPPED)
                return r;
        container_close(&site->container);
        return store_open(arena, options, name, true, &site->container);
}

int site_reach(struct arena *arena, struct site *site)
{
        int r;

        if (site->container.status == CONTAINER_STOPPED) {
                if (!site->container.prepared && !site->container.begun)
                        return trail(
                                -EINVAL, "container '%s' was never made completely",
                                site->container.id);
                r = place_of_container(arena, &site->container, &site->mounted);
                return r < 0 ? r : visit(arena, site);
        }
        site->process = container_process(&site->container);
        site->pid = site->container.pid;
        return site->process < 0
                     ? trail(site->process, "container '%s' has ended", site->container.id)
                     : open_root(arena, site);
}

int site_enter(
        struct arena *arena, const struct engine_options *options, const char *name,
        struct site *ret_site)
{
        struct site site = SITE_NONE;
        int r = open_site(arena, options, name, &site);

        site.unshared = options->unshared;
        if (r == 0)
                r = site_reach(arena, &site);
        if (r < 0)
                site_leave(&site);
        else
                *ret_site = site;
        return r;
}

void site_leave(struct site *site)
{
        int status;

        file_close(&site->root);
        file_close(&site->ns);
        file_close(&site->gate);
        if (site->visited && site->pid > 0)
                process_wait(site->pid, &status); /* the end of the gate is its own */
        site->pid = 0;
        file_close(&site->process);
        container_close(&site->container);
}

/* -- inside ----------------------------------------------------------------------------------------------- */

struct answer {
        int error;
        struct site_name name;
        char trail[1024], hint[512];
};

struct looking {
        const struct site *site;
        const char *path;
        bool follow;
        struct site_name name;
};

/* fork(2) into the container's user namespace; 0 in the child. */
static pid_t inside(const struct site *site, int *ret_peer, int *ret_pidfd)
{
        pid_t parent = getpid(), pid;
        int pair[2], r = socket_pair(pair);

        if (r < 0)
                return trail(r, "cannot make a socket: %s", text_errno(r));
        pid = namespace_spawn(0, NO_FD, ret_pidfd);
        *ret_peer = pair[pid == 0 ? 1 : 0];
        file_close(&pair[pid == 0 ? 0 : 1]);
        if (pid < 0)
                file_close(ret_peer);
        if (pid != 0)
                return pid < 0 ? trail(pid, "cannot fork: %s", text_errno((int)pid)) : pid;
        process_follow(parent);
        process_reset_signals();
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* an error has words */
        r = process_hide();
        if (r == 0 && site->ns >= 0) {
                r = namespace_join(site->ns, CLONE_NEWUSER);
                if (r == 0 && geteuid() == 0)
                        process_set_groups(NULL, 0); /* where that is not denied */
                if (r == 0)
                        r = process_set_ids(0, 0);
                if (r == -EINVAL)
                        r = 0; /* it has no id 0; all rights there are ours whatever our id */
                process_follow(parent); /* a change of ids clears it */
        }
        if (r == 0)
                r = process_no_new_privs();
        if (r < 0) {
                struct answer answer = { .error = r };

                text_format(
                        answer.trail, sizeof answer.trail,
                        "cannot enter the container's user namespace: %s", text_errno(r));
                socket_send(*ret_peer, &answer, sizeof answer, NO_FD);
                _exit(1);
        }
        return 0;
}

static void reply(int peer, int r, const struct site_name *name)
{
        struct answer answer = { .error = r };

        if (name)
                answer.name = *name;
        text_format(answer.trail, sizeof answer.trail, "%s", trail_text());
        text_format(answer.hint, sizeof answer.hint, "%s", trail_hint_text());
        socket_send(peer, &answer, sizeof answer, r == 0 && name ? name->dir : NO_FD);
        _exit(0);
}

static int hear(pid_t pid, int peer, struct answer *answer, int *ret_passed)
{
        ssize_t n = socket_receive(peer, answer, sizeof *answer, ret_passed);
        int status;

        process_wait(pid, &status);
        if (n != (ssize_t)sizeof *answer)
                return trail(-ECONNRESET, "the process that works in the container has died");
        answer->trail[sizeof answer->trail - 1] = '\0';
        answer->hint[sizeof answer->hint - 1] = '\0';
        if (answer->error < 0 && answer->hint[0])
                trail_hint("%s", answer->hint);
        return answer->error < 0 ? trail(answer->error, "%s", answer->trail) : 0;
}

int site_run(const struct site *site, site_work *work, void *context)
{
        auto_close peer = NO_FD, pidfd = NO_FD;
        struct answer answer;
        pid_t pid = inside(site, &peer, &pidfd);

        if (pid == 0)
                reply(peer, work(context), NULL);
        return pid < 0 ? (int)pid : hear(pid, peer, &answer, NULL);
}

/* The last part of the path, and in `path` what is before it. */
static int split(char *path, char ret_leaf[256])
{
        char *slash;
        size_t size = strlen(path);

        while (size && path[size - 1] == '/')
                path[--size] = '\0';
        slash = strrchr(path, '/');
        if (strlen(slash ? slash + 1 : path) > 255)
                return -ENAMETOOLONG;
        text_format(ret_leaf, 256, "%s", slash ? slash + 1 : path);
        *(slash ? slash : path) = '\0';
        return 0;
}

/* Where a symbolic link leads, in the place of its name: the kernel resolves what comes of it, in the root. */
static int replace_link(int dir, const char *leaf, char path[TAR_PATH_MAX])
{
        auto_close link = file_open(dir, leaf, O_PATH | O_NOFOLLOW, 0);
        char target[TAR_PATH_MAX], whole[2 * TAR_PATH_MAX];
        ssize_t n = link < 0 ? link : tree_read_link(link, target, sizeof target);

        if (n < 0)
                return (int)n;
        text_format(whole, sizeof whole, "%s/%s", target[0] == '/' ? "" : path, target);
        if (strlen(whole) >= TAR_PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(path, whole, strlen(whole) + 1);
        return 0;
}

static int look_at(
        int root, char path[TAR_PATH_MAX], bool follow, struct site_name *name, bool *ret_again)
{
        bool whole = !path[strspn(path, "/")];
        auto_close dir = NO_FD;
        struct stat st;
        int r = split(path, name->leaf);

        if (r < 0)
                return r;
        if (text_is_dots(name->leaf) || whole) {
                char all[TAR_PATH_MAX + 4];

                text_format(all, sizeof all, "%s/%s", path, name->leaf);
                name->dir = rootpath_open(root, all, O_RDONLY | O_DIRECTORY, false);
                text_format(name->leaf, sizeof name->leaf, ".");
        } else {
                dir = rootpath_open(root, path, O_RDONLY | O_DIRECTORY, false);
                if (dir < 0)
                        return dir;
                r = tree_stat(dir, name->leaf, &st);
                if (r == 0 && follow && S_ISLNK(st.st_mode)) {
                        *ret_again = true;
                        return replace_link(dir, name->leaf, path);
                }
                if (r == 0 && follow && S_ISDIR(st.st_mode)) {
                        name->dir = rootpath_open(
                                dir, name->leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false);
                        text_format(name->leaf, sizeof name->leaf, ".");
                } else {
                        name->dir = dir;
                        dir = NO_FD;
                }
                if (r == -ENOENT)
                        return 0;
        }
        r = name->dir < 0 ? name->dir : tree_stat(name->dir, name->leaf, &st);
        name->exists = r == 0;
        name->mode = st.st_mode;
        return r;
}

static int look(void *context)
{
        enum {
                LINKS_MAX = 40
        };
        struct looking *looking = context;
        char path[TAR_PATH_MAX];
        bool again = true;
        int r = 0;

        if (text_format(path, sizeof path, "%s", looking->path) >= sizeof path)
                return trail(-ENAMETOOLONG, "the path in the container is too long");
        for (int i = 0; r == 0 && again; i++) {
                again = false;
                looking->name = (struct site_name){ .dir = NO_FD };
                r = i == LINKS_MAX ? -ELOOP
                                   : look_at(looking->site->root, path, looking->follow,
                                             &looking->name, &again);
        }
        return r < 0 ? trail(r, "%.300s: %s", looking->path, text_errno(r)) : 0;
}

int site_look(const struct site *site, const char *path, bool follow, struct site_name *ret_name)
{
        struct looking looking = { site, path, follow, { .dir = NO_FD } };
        auto_close peer = NO_FD, pidfd = NO_FD;
        struct answer answer;
        int passed = NO_FD, r;
        pid_t pid = inside(site, &peer, &pidfd);

        if (pid == 0) {
                r = look(&looking);
                reply(peer, r, &looking.name);
        }
        r = pid < 0 ? (int)pid : hear(pid, peer, &answer, &passed);
        if (r == 0 && passed < 0)
                r = trail(-ECONNRESET, "the process that works in the container gave no answer");
        if (r < 0) {
                file_close(&passed);
                return r;
        }
        *ret_name = answer.name;
        ret_name->leaf[sizeof ret_name->leaf - 1] = '\0';
        ret_name->dir = passed;
        return 0;
}
