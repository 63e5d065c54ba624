/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci checkpoint` and `restore`: directories, options, and criu's words when
 * it fails. What is done is a plan (runtime/compile/criu.c).
 *
 * A checkpoint that fails leaves the container as it was; a restore that fails leaves nothing. */
#include "oci.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct words_list {
        struct arena *arena;
        const char *items[32];
        size_t n;
};

static void add(struct words_list *list, bool asked, const char *word)
{
        if (asked && list->n < ARRAY_SIZE(list->items))
                list->items[list->n++] = word;
}

static void add_value(struct words_list *list, const char *name, const char *value)
{
        if (value)
                add(list, true, arena_format(list->arena, "%s=%s", name, value));
}

static int add_common(struct words_list *list, const struct oci_criu_options *options)
{
        add(list, options->tcp_established, "tcp-established");
        add(list, options->ext_unix_sk, "ext-unix-sk");
        add(list, options->shell_job, "shell-job");
        add(list, options->lazy_pages, "lazy-pages");
        add(list, options->file_locks, "file-locks");
        add(list, options->auto_dedup, "auto-dedup");
        add_value(list, "manage-cgroups", options->manage_cgroups_mode);
        for (size_t i = 0; i < options->empty_ns.n; i++) {
                if (!text_equal(options->empty_ns.items[i], "network"))
                        return trail(
                                -EINVAL,
                                "--empty-ns: '%s': criu can leave a network namespace "
                                "empty, and no other",
                                options->empty_ns.items[i]);
                add(list, i == 0, "empty-ns=net");
        }
        return 0;
}

static int find_program(struct arena *arena, struct runtime_criu *criu)
{
        if (geteuid() != 0)
                return trail(-EPERM, "criu needs root's privileges");
        criu->program = criu_find(arena);
        if (criu->program)
                return 0;
        trail_hint("install the package criu");
        return trail(-ENOENT, "criu is not installed, and checkpoint and restore are its work");
}

/* A directory by its absolute path; `make`: a missing one is made, for root alone. */
static int find_directory(
        struct arena *arena, const char *option, const char *path, bool make, const char **ret_path)
{
        int r = make ? file_make_dirs(path, 0700) : 0;

        if (r == 0)
                r = file_real_path(arena, path, ret_path);
        return r < 0 ? trail(r, "%s: %s: %s", option, path, text_errno(r)) : 0;
}

static int find_directories(
        struct arena *arena, const struct oci_criu_options *options, bool make,
        struct runtime_criu *criu)
{
        int r = find_directory(arena, "--image-path", options->image_path, make, &criu->images);

        if (r == 0)
                r = criu_check_directory(arena, "--image-path", criu->images);
        if (r == 0 && options->work_path)
                r = find_directory(arena, "--work-path", options->work_path, true, &criu->work);
        return r == 0 && criu->work ? criu_check_directory(arena, "--work-path", criu->work) : r;
}

/* That of another time would be taken for this one's. */
static void remove_log(struct arena *arena, const struct runtime_criu *criu, const char *log)
{
        file_remove(
                AT_FDCWD, arena_format(arena, "%s/%s", criu->work ? criu->work : criu->images, log),
                0);
}

/* -- checkpoint ------------------------------------------------------------------------------------ */

/* ADDRESS:PORT, to which the memory goes; with lazy pages, where criu waits to be asked for it. */
static int check_server(const struct oci_checkpoint_request *request)
{
        const char *server = request->page_server, *colon = server ? strrchr(server, ':') : NULL;
        uint64_t port;

        if (!server && request->criu.lazy_pages) {
                trail_hint(
                        "--page-server ADDRESS:PORT: `criu lazy-pages` asks there for the memory");
                return trail(-EINVAL, "--lazy-pages: needs --page-server");
        }
        if (server && (!colon || colon == server || text_u64(colon + 1, &port) < 0 || port == 0 ||
                       port > UINT16_MAX))
                return trail(
                        -EINVAL, "--page-server: '%s': must be ADDRESS:PORT, as 192.0.2.7:7777",
                        server);
        return 0;
}

/* criu opens it for itself, as a file of ours. */
static int check_status_fd(const struct oci_checkpoint_request *request)
{
        int64_t fd = request->status_fd.value;
        int flags;

        if (!request->status_fd.set)
                return 0;
        flags = fd < 0 || fd > INT_MAX ? -1 : fcntl((int)fd, F_GETFL);
        if (flags < 0)
                return trail(-EBADF, "--status-fd: %lld: no open descriptor", (long long)fd);
        if ((flags & O_ACCMODE) == O_RDONLY)
                return trail(-EBADF, "--status-fd: %lld: not open for writing", (long long)fd);
        if (!request->criu.lazy_pages)
                trail_warn("--status-fd: nothing is written there without --lazy-pages");
        return 0;
}

static int checkpoint_words(
        const struct oci_checkpoint_request *request, const struct runtime_criu *criu,
        struct words_list *list)
{
        struct arena *arena = list->arena;
        const char *path;
        int r;

        if ((r = check_server(request)) < 0 || (r = check_status_fd(request)) < 0 ||
            (r = add_common(list, &request->criu)) < 0)
                return r;
        add(list, request->leave_running, "leave-running");
        add(list, request->tcp_skip_in_flight, "skip-in-flight");
        add(list, request->link_remap, "link-remap");
        add_value(list, "page-server", request->page_server);
        if (request->status_fd.set && request->criu.lazy_pages)
                add(list, true, arena_format(arena, "status-fd=%d", (int)request->status_fd.value));
        if (!request->parent_path)
                return 0;
        if (request->parent_path[0] == '/')
                return trail(
                        -EINVAL, "--parent-path: '%s' must be relative to --image-path",
                        request->parent_path);
        r = file_access(arena_format(arena, "%s/%s", criu->images, request->parent_path), X_OK);
        if (r < 0)
                return trail(
                        r, "--parent-path: %s/%s: %s", criu->images, request->parent_path,
                        text_errno(r));
        path = arena_format(arena, "%s/%s", criu->images, request->parent_path);
        if ((r = find_directory(arena, "--parent-path", path, false, &path)) < 0 ||
            (r = criu_check_directory(arena, "--parent-path", path)) < 0)
                return r;
        add_value(list, "prev-images-dir", request->parent_path);
        add(list, true, "track-mem");
        return 0;
}

static int check_running(const struct container *container)
{
        if (container->status == CONTAINER_RUNNING)
                return 0;
        if (container->status == CONTAINER_PAUSED)
                trail_hint("husk-oci resume %s", container->id);
        return trail(
                -EINVAL, "container '%s' is %s, not running", container->id,
                container_status_word(container->status));
}

static int checkpoint(
        struct arena *arena, const struct oci_checkpoint_request *request,
        struct container *container, struct runtime_criu *criu)
{
        struct runtime_options options = { .id = container->id, .bundle = container->bundle };
        const char *stdio[3] = { NULL };
        const struct spec *spec;
        struct plan *plan;
        int r;

        if ((r = check_running(container)) < 0 || (r = container_spec(arena, container, &spec)) < 0)
                return r;
        if (!criu->pre_dump && ((r = criu_look(arena, container, spec, criu, stdio)) < 0 ||
                                (r = criu_write_stdio(arena, criu->images, stdio)) < 0))
                return r;
        remove_log(arena, criu, "dump.log");
        r = runtime_compile_checkpoint(arena, &options, criu, container->pid, &plan);
        if (r < 0)
                return r;
        r = container_visit(container, plan);
        if (r < 0)
                criu_explain(arena, criu, "dump.log", r);
        else if (!request->leave_running && !request->pre_dump)
                r = container_remove(arena, container); /* criu has ended it */
        return r;
}

int engine_oci_checkpoint(const struct oci_checkpoint_request *request)
{
        auto_arena arena = { 0 };
        struct words_list list = { .arena = &arena };
        struct runtime_criu criu = { .pre_dump = request->pre_dump };
        struct container container;
        int r = container_open(&arena, request->oci.root, request->id, true, &container);

        if (r < 0)
                return r;
        if ((r = find_program(&arena, &criu)) == 0 && (r = check_running(&container)) == 0 &&
            (r = find_directories(&arena, &request->criu, true, &criu)) == 0 &&
            (r = checkpoint_words(request, &criu, &list)) == 0) {
                criu.options = list.items;
                criu.n_options = list.n;
                r = checkpoint(&arena, request, &container, &criu);
        }
        container_close(&container);
        return r < 0 ? trail(r, "cannot checkpoint '%s'", request->id) : r;
}

/* -- restore --------------------------------------------------------------------------------------- */

/* What criu does not bring back, and the document asks for. */
static void warn_of_losses(const struct spec *spec, pid_t pid)
{
        struct task_rights rights;

        if (spec->process->no_new_privileges && task_rights_read(pid, pid, &rights) == 0 &&
            !rights.ended && !rights.no_new_privs)
                trail_warn("/process/noNewPrivileges: this criu does not restore it");
}

static int restore(
        struct arena *arena, const struct oci_restore_request *request, struct runtime_criu *criu,
        struct bundle *bundle, struct machine *machine, int *ret_master)
{
        struct runtime_options options = {
                .id = request->id,
                .document = arena_format(arena, "%s/config.json", bundle->path),
                .bundle = bundle->path,
                .restored = true,
                .cgroups = text_equal(request->oci.cgroup_manager, "disabled") ? CGROUPS_NONE
                                                                               : CGROUPS_FILES,
        };
        struct facts facts;
        struct plan *plan;
        bool command;
        int r = facts_gather(arena, &facts);

        if (r == 0)
                r = runtime_compile_restore(arena, bundle->spec, &options, criu, &facts, &plan);
        if (r < 0)
                return r;
        plan_warn(plan);
        remove_log(arena, criu, "restore.log");
        r = container_create(
                arena,
                &(struct container_request){ .root = request->oci.root,
                                             .spec = bundle->spec,
                                             .config = text_string(&bundle->config),
                                             .config_size = bundle->config.len,
                                             .options = &options,
                                             .plan = plan },
                machine, ret_master, &command);
        if (r < 0 && r != -EEXIST)
                criu_explain(arena, criu, "restore.log", r);
        return r;
}

/* criu would say no more than that it could not connect. */
static int check_lazy(struct arena *arena, const struct runtime_criu *criu)
{
        const char *work = criu->work ? criu->work : criu->images;
        int r = file_access(arena_format(arena, "%s/lazy-pages.socket", work), F_OK);

        if (r == 0)
                return 0;
        trail_hint(
                "start it first: criu lazy-pages --page-server --address ADDRESS --port PORT "
                "--images-dir %s --work-dir %s",
                criu->images, work);
        return trail(r, "--lazy-pages: `criu lazy-pages` is not at work in %s", work);
}

static int prepare(
        struct arena *arena, const struct oci_restore_request *request, struct words_list *list,
        struct runtime_criu *criu, struct bundle *bundle)
{
        const char **stdio = arena_array(arena, 3, sizeof *stdio);
        int r;

        if (request->no_pivot)
                return trail(
                        -EOPNOTSUPP, "--no-pivot is not supported: it leaves the host's root "
                                     "reachable");
        if (request->oci.systemd_cgroup || text_equal(request->oci.cgroup_manager, "systemd")) {
                trail_hint(
                        "restore with --cgroup-manager=cgroupfs, and a cgroupsPath that is a path");
                return trail(-EOPNOTSUPP, "a restore cannot have its cgroups made by systemd yet");
        }
        if ((r = container_check_id(request->id)) < 0 || (r = find_program(arena, criu)) < 0 ||
            (r = oci_read_bundle(arena, request->bundle, NULL, bundle)) < 0 ||
            (r = find_directories(arena, &request->criu, false, criu)) < 0 ||
            (request->criu.lazy_pages && (r = check_lazy(arena, criu)) < 0) ||
            (r = criu_read_stdio(arena, criu->images, stdio)) < 0 ||
            (r = add_common(list, &request->criu)) < 0)
                return r;
        if (bundle->spec->process)
                r = oci_check_terminal(
                        bundle->spec->process, request->console_socket, !request->detach);
        add_value(list, "lsm-profile", request->lsm_profile);
        add_value(list, "lsm-mount-context", request->lsm_mount_context);
        criu->options = list->items;
        criu->n_options = list->n;
        criu->stdio = stdio;
        return r;
}

static void remove_container(struct arena *arena, const char *root, const char *id)
{
        struct container container;

        if (container_open(arena, root, id, true, &container) < 0)
                return;
        container_remove(arena, &container);
        container_close(&container);
}

int engine_oci_restore(const struct oci_restore_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct words_list list = { .arena = &arena };
        struct runtime_criu criu = { 0 };
        struct keeper_terminal terminal;
        struct machine machine;
        struct bundle bundle;
        bool fronted;
        int master, r = prepare(&arena, request, &list, &criu, &bundle);

        *ret_exit = 0;
        if (r < 0)
                return r;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): prepare() has read it */
        fronted = !request->detach && !request->console_socket && bundle.spec->process &&
                  bundle.spec->process->terminal;
        keeper_terminal_enter(&terminal, fronted ? 0 : NO_FD, !request->detach);
        r = restore(&arena, request, &criu, &bundle, &machine, &master);
        if (r < 0) {
                keeper_terminal_leave(&terminal);
                return trail(r, "cannot restore '%s'", request->id);
        }
        warn_of_losses(bundle.spec, machine.pid);
        r = oci_send_console(request->console_socket, master);
        if (r == 0)
                r = oci_write_pid_file(&arena, request->pid_file, machine.pid);
        if (r == 0 && !request->detach)
                r = oci_attend(&machine, request->console_socket ? NO_FD : master, ret_exit);
        keeper_terminal_leave(&terminal);
        if (r < 0 || !request->detach)
                remove_container(&arena, request->oci.root, request->id);
        machine_done(&machine);
        return r;
}
