/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the verbs of an OCI runtime.
 *
 * Glue, a step a line: read the bundle, gather the facts, compile, create; or open a container's
 * journal and do one thing to it. What a verb means is said in runtime.md, what its flags mean in
 * runc's manual. */
#include "oci.h"

#include "store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

int oci_read_bundle(
        struct arena *arena, const char *path, const char *document, struct bundle *ret_bundle)
{
        struct bundle bundle = { 0 };
        int r = file_real_path(arena, path, &bundle.path);

        if (r < 0)
                return trail(r, "cannot open the bundle %s: %s", path, text_errno(r));
        bundle.document = document ? document : arena_format(arena, "%s/config.json", bundle.path);
        r = file_read(arena, AT_FDCWD, bundle.document, SPEC_SIZE_MAX + 1, &bundle.config);
        if (r == -EFBIG)
                return trail(
                        r, "%s: larger than %zu MiB, no document of a container is",
                        bundle.document, SPEC_SIZE_MAX >> 20);
        if (r < 0) {
                if (r == -ENOENT && !document)
                        trail_hint("`husk-oci spec -b DIR` writes one to start from");
                return trail(r, "cannot read %s: %s", bundle.document, text_errno(r));
        }
        r = spec_parse(
                arena, bundle.document, text_string(&bundle.config), bundle.config.len,
                &bundle.spec);
        if (r < 0)
                return r;
        *ret_bundle = bundle;
        return 0;
}

/* The root must be there before anything is made. */
static int check_root(struct arena *arena, const struct bundle *bundle)
{
        const struct spec_root *root = bundle->spec->root;
        const char *path;
        struct stat st;
        int r;

        if (!root)
                return 0;
        path = root->path[0] == '/' ? root->path
                                    : arena_format(arena, "%s/%s", bundle->path, root->path);
        r = file_stat(AT_FDCWD, path, 0, &st);
        if (r < 0)
                return spec_error(
                        root->at, bundle->document, "/root/path", "%s: %s", path,
                        text_errno(errno));
        if (!S_ISDIR(st.st_mode))
                return spec_error(
                        root->at, bundle->document, "/root/path", "%s is not a directory", path);
        return 0;
}

int engine_oci_spec(const struct oci_spec_request *request)
{
        auto_arena arena = { 0 };
        struct spec *spec = spec_default(&arena, request->rootless);
        struct text out = { .arena = &arena };
        const char *path = arena_format(&arena, "%s/config.json", request->bundle);
        int fd, r;

        if (request->rootless && spec->linux_->uid_mappings.n && spec->linux_->gid_mappings.n) {
                spec->linux_->uid_mappings.items[0].host_id = geteuid();
                spec->linux_->gid_mappings.items[0].host_id = getegid();
        }
        spec_encode(spec, 8, &out);
        text_add_char(&out, '\n');
        fd = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd == -EEXIST)
                return trail(fd, "%s exists already; remove it to get a new one", path);
        if (fd < 0)
                return trail(fd, "cannot make %s: %s", path, text_errno(fd));
        r = file_write(fd, out.data, out.len);
        close(fd);
        return r < 0 ? trail(r, "cannot write %s: %s", path, text_errno(r)) : 0;
}

static int remove_container(struct arena *arena, const char *root, const char *id)
{
        struct container container;
        int r = container_open(arena, root, id, true, &container);

        if (r < 0)
                return r;
        r = container_remove(arena, &container);
        container_close(&container);
        return r;
}

static bool has_user_namespace(const struct spec *spec)
{
        for (size_t i = 0; spec->linux_ && i < spec->linux_->namespaces.n; i++)
                if (text_equal(spec->linux_->namespaces.items[i].type, "user"))
                        return true;
        return false;
}

/* --systemd-cgroup and --cgroup-manager say the same in two ways. */
static int read_manager(const struct oci_options *oci, enum runtime_cgroups *ret_cgroups)
{
        const char *manager = oci->cgroup_manager;

        if (oci->systemd_cgroup && manager && !text_equal(manager, "systemd"))
                return trail(
                        -EINVAL, "--systemd-cgroup and --cgroup-manager=%s: which one is it?",
                        manager);
        *ret_cgroups = oci->systemd_cgroup || text_equal(manager, "systemd") ? CGROUPS_SYSTEMD
                     : text_equal(manager, "disabled")                       ? CGROUPS_NONE
                                                                             : CGROUPS_FILES;
        return 0;
}

/* `explain`: nothing will be done, so what only root can do is shown to everybody. */
static int compile_bundle(
        struct arena *arena, const struct oci_create_request *request, struct bundle *bundle,
        struct runtime_options *options, bool explain, struct plan **ret_plan)
{
        const struct spec_console_size *size = NULL;
        struct facts facts;
        struct systemd_places places = { request->oci.runtime_dir, request->oci.session_bus };
        enum runtime_cgroups cgroups;
        int r = read_manager(&request->oci, &cgroups);

        if (r < 0 || (r = oci_read_bundle(arena, request->bundle, request->config, bundle)) < 0)
                return r;
        *options = (struct runtime_options){
                .id = request->id,
                .document = bundle->document,
                .bundle = bundle->path,
                .preserve_fds = request->preserve_fds + request->listen_fds,
                .listen_fds = (unsigned)request->listen_fds,
                .listen_names = request->listen_names,
                .await_start = !request->run,
                .no_new_keyring = request->no_new_keyring,
                .no_pivot = request->no_pivot,
                .cgroups = cgroups,
        };
        /* In front of the caller's terminal: that size, before the program can ask for it. */
        if (request->run && !request->detach && !request->console_socket && !explain &&
            bundle->spec->process && bundle->spec->process->terminal)
                size = stdio_size(arena);
        if (size) {
                options->rows = size->height;
                options->columns = size->width;
        }
        r = facts_gather(arena, &facts);
        if (r < 0)
                return r;
        facts_gather_document(&facts, bundle->spec, bundle->spec->process);
        if (explain && !has_user_namespace(bundle->spec))
                facts_as_root(&facts);
        if (cgroups == CGROUPS_SYSTEMD &&
            (r = facts_gather_systemd(arena, &places, explain, &facts)) < 0)
                return r;
        r = runtime_compile(arena, bundle->spec, options, &facts, ret_plan);
        if (r == 0 && !explain)
                plan_warn(*ret_plan);
        return r;
}

int engine_oci_create(const struct oci_create_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct runtime_options options;
        struct bundle bundle;
        struct machine machine;
        struct plan *plan;
        struct keeper_terminal terminal;
        bool command, attached = request->run && !request->detach, fronted;
        int master, r;

        *ret_exit = 0;
        if ((r = oci_check_fds(request->listen_fds + request->preserve_fds)) < 0 ||
            (r = container_check_id(request->id)) < 0 ||
            (r = compile_bundle(&arena, request, &bundle, &options, false, &plan)) < 0 ||
            (r = check_root(&arena, &bundle)) < 0 ||
            (r = oci_check_terminal(bundle.spec->process, request->console_socket, attached)) < 0)
                return r;
        /* From the container's first moment, so that no key or signal is ours that should be its own. */
        fronted = attached && bundle.spec->process->terminal && !request->console_socket;
        keeper_terminal_enter(&terminal, fronted ? 0 : NO_FD, attached);
        r = container_create(
                &arena,
                &(struct container_request){ .root = request->oci.root,
                                             .spec = bundle.spec,
                                             .config = text_string(&bundle.config),
                                             .config_size = bundle.config.len,
                                             .options = &options,
                                             .plan = plan },
                &machine, &master, &command);
        if (r < 0) {
                keeper_terminal_leave(&terminal);
                return command ? oci_no_command(r, ret_exit) : r;
        }
        r = oci_send_console(request->console_socket, master);
        if (r == 0)
                r = oci_send_pidfd(request->pidfd_socket, "standard", machine.pidfd);
        if (r == 0)
                r = oci_write_pid_file(&arena, request->pid_file, machine.pid);
        if (r == 0 && attached)
                r = oci_attend(&machine, request->console_socket ? NO_FD : master, ret_exit);
        keeper_terminal_leave(&terminal);
        if (r < 0 || (attached && !request->keep))
                remove_container(&arena, request->oci.root, request->id);
        machine_done(&machine);
        return r;
}

int engine_oci_start(const struct oci_id_request *request)
{
        auto_arena arena = { 0 };
        struct container container;
        bool command;
        int r = container_open(&arena, request->oci.root, request->id, true, &container);

        if (r < 0)
                return r;
        r = container_start(&arena, &container, &command);
        container_close(&container);
        return r;
}

int engine_oci_state(const struct oci_id_request *request, struct text *out)
{
        auto_arena arena = { 0 };
        struct container container;
        struct spec_state state;
        int r = container_open(&arena, request->oci.root, request->id, false, &container);

        if (r < 0)
                return r;
        state = (struct spec_state){
                .oci_version = container.oci_version,
                .id = container.id,
                .pid = container.status == CONTAINER_STOPPED ? 0 : container.pid,
                .status = container_status_word(container.status),
                .bundle = container.bundle,
                .rootfs = container.rootfs,
                .created = container.created,
                .annotations = container.annotations,
                .owner = container.owner,
        };
        spec_state_encode(&state, 2, out);
        text_add_char(out, '\n');
        container_close(&container);
        return 0;
}

static const char *annotations_text(struct arena *arena, const struct container *container)
{
        struct text text = { .arena = arena };
        struct json_writer w = { .out = &text };

        if (!container->annotations.n)
                return NULL;
        json_put_value(&w, NULL, json_member(container->header, "annotations"));
        return text_string(&text);
}

/* What of a container stays when its journal is given back. */
static struct oci_container_info summarize(struct arena *arena, const struct container *container)
{
#define KEEP(member) arena_string(arena, container->member ? container->member : "")
        return (struct oci_container_info){
                .oci_version = KEEP(oci_version),
                .id = KEEP(id),
                .pid = container->status == CONTAINER_STOPPED ? 0 : container->pid,
                .status = container_status_word(container->status),
                .bundle = KEEP(bundle),
                .rootfs = KEEP(rootfs),
                .created = KEEP(created),
                .owner = KEEP(owner),
                .annotations = annotations_text(arena, container),
        };
#undef KEEP
}

int engine_oci_list(
        const struct oci_list_request *request, struct arena *arena,
        struct oci_container_info **ret_list, size_t *ret_n)
{
        auto_arena journal = { 0 };
        const char **ids;
        size_t n, k = 0;
        int r = container_list(arena, request->oci.root, &ids, &n);
        auto_close root = file_open(AT_FDCWD, request->oci.root, O_PATH | O_DIRECTORY, 0);

        if (r < 0)
                return r;
        *ret_list = arena_array(arena, n + 1, sizeof **ret_list);
        for (size_t i = 0; i < n; i++) {
                struct container container;

                arena_reset(&journal);
                r = container_open_listed(&journal, request->oci.root, root, ids[i], &container);
                if (r < 0) {
                        if (!container_may_be_passed_over(r))
                                return r;
                        if (r != -ENOENT) /* else it went meanwhile */
                                trail_warn("%s", trail_text());
                        trail_reset();
                        continue;
                }
                (*ret_list)[k++] = summarize(arena, &container);
                container_close(&container);
        }
        *ret_n = k;
        return 0;
}

int engine_oci_plan(
        const struct oci_explain_request *request, struct arena *arena, struct plan **ret_plan)
{
        struct oci_create_request create = {
                .oci = request->oci, .id = "husk", .bundle = request->bundle, .run = true
        };
        struct runtime_options options;
        struct bundle bundle;

        return compile_bundle(arena, &create, &bundle, &options, true, ret_plan);
}

/* -- exec ----------------------------------------------------------------------------------------- */

/* "UID[:GID]" */
static int parse_user(struct arena *arena, const char *words, struct spec_user *user)
{
        const char *colon = strchr(words, ':');
        uint64_t uid, gid = 0;

        if (text_u64(colon ? arena_copy(arena, words, (size_t)(colon - words)) : words, &uid) < 0 ||
            (colon && text_u64(colon + 1, &gid) < 0) || uid > 0x7fffffff || gid > 0x7fffffff)
                return trail(
                        -EINVAL, "--user: '%s' is not UID[:GID] with numbers below 2^31", words);
        user->uid = (uint32_t)uid;
        if (colon)
                user->gid = (uint32_t)gid;
        return 0;
}

static struct spec_texts join_texts(
        struct arena *arena, const struct spec_texts *a, const struct words *b)
{
        struct spec_texts all = { .items = arena_array(arena, a->n + b->n + 1, sizeof(char *)) };

        for (size_t i = 0; i < a->n; i++)
                all.items[all.n++] = a->items[i];
        for (size_t i = 0; i < b->n; i++)
                all.items[all.n++] = b->items[i];
        return all;
}

static struct spec_capabilities *add_caps(
        struct arena *arena, const struct spec_process *from, const struct words *caps)
{
        struct spec_capabilities *sets = arena_new(arena, struct spec_capabilities);

        if (from->capabilities)
                *sets = *from->capabilities;
        sets->bounding = join_texts(arena, &sets->bounding, caps);
        sets->effective = join_texts(arena, &sets->effective, caps);
        sets->permitted = join_texts(arena, &sets->permitted, caps);
        return sets;
}

/* The container's own process object, with what the command line says over it. */
static int build_process(
        struct arena *arena, const struct oci_exec_request *request, const struct spec *spec,
        const struct spec_process **ret_process)
{
        struct spec_process *process = arena_new(arena, struct spec_process);
        struct spec_user *user = arena_new(arena, struct spec_user);

        if (request->process) {
                struct text text;
                int r = file_read(arena, AT_FDCWD, request->process, SPEC_SIZE_MAX, &text);

                if (r < 0)
                        return trail(r, "cannot read %s: %s", request->process, text_errno(r));
                return spec_parse_process(
                        arena, request->process, text_string(&text), text.len, ret_process);
        }
        *process = *spec->process;
        process->terminal = request->tty;
        process->console_size = !request->tty || request->detach || request->console_socket
                                      ? NULL
                                      : stdio_size(arena);
        process->args = (struct spec_texts){ request->argv.items, request->argv.n };
        process->env = join_texts(arena, &spec->process->env, &request->env);
        if (request->cwd)
                process->cwd = request->cwd;
        if (spec->process->user)
                *user = *spec->process->user;
        if (request->user) {
                int r = parse_user(arena, request->user, user);

                if (r < 0)
                        return r;
        }
        if (request->additional_gids.n)
                user->additional_gids = (struct spec_u32s){
                        (uint32_t *)(uintptr_t)request->additional_gids.items,
                        request->additional_gids.n,
                };
        process->user = user;
        if (request->caps.n)
                process->capabilities = add_caps(arena, spec->process, &request->caps);
        if (request->no_new_privs)
                process->no_new_privileges = true;
        if (request->apparmor)
                process->apparmor_profile = request->apparmor;
        if (request->process_label)
                process->selinux_label = request->process_label;
        *ret_process = process;
        return 0;
}

int oci_exec_compile(
        struct arena *arena, const struct container *container, const struct spec *spec,
        const struct spec_process *process, struct runtime_options *options, struct plan **ret_plan)
{
        struct facts facts;
        int r;

        options->id = container->id;
        options->bundle = container->bundle;
        options->restored = container->restored;
        options->pid = container->pid;
        options->process = container->process;
        container_cgroups(arena, container, &options->made_cgroups, &options->n_made_cgroups);
        container_unit(arena, container, &options->unit_socket, &options->unit);
        if (container->status == CONTAINER_STOPPED || container->status == CONTAINER_CREATING)
                return trail(-ESRCH, "container not running: '%s'", container->id);
        /* Which controllers a cgroup has matters to --cgroup alone. */
        r = options->sub_cgroups.n ? facts_gather(arena, &facts) : facts_gather_exec(arena, &facts);
        if (r < 0)
                return r;
        facts_gather_document(&facts, spec, process);
        r = runtime_compile_exec(arena, spec, process, options, &facts, ret_plan);
        if (r == 0)
                plan_warn(*ret_plan);
        return r;
}

int engine_oci_exec(const struct oci_exec_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct container container;
        const struct spec *spec;
        const struct spec_process *process;
        struct machine machine;
        struct plan *plan;
        struct keeper_terminal terminal;
        struct runtime_options options = {
                .preserve_fds = request->preserve_fds,
                .sub_cgroups = { request->cgroups.items, request->cgroups.n },
        };
        bool command;
        int master, r;

        *ret_exit = 0;
        r = oci_check_fds(request->preserve_fds);
        if (r == 0)
                r = container_open(&arena, request->oci.root, request->id, false, &container);
        if (r < 0)
                return r;
        if ((r = container_check_own(&container, "enter it")) == 0 &&
            (r = oci_refuse_paused(&container, request->id, request->ignore_paused)) == 0 &&
            (r = container_spec(&arena, &container, &spec)) == 0 &&
            (r = build_process(&arena, request, spec, &process)) == 0 &&
            (r = oci_check_terminal(process, request->console_socket, !request->detach)) == 0)
                r = oci_exec_compile(&arena, &container, spec, process, &options, &plan);
        container_close(&container);
        if (r < 0)
                return r;
        keeper_terminal_enter(
                &terminal,
                process->terminal && !request->detach && !request->console_socket ? 0 : NO_FD,
                !request->detach);
        r = container_exec(plan, &machine, &master, &command);
        if (r < 0) {
                keeper_terminal_leave(&terminal);
                return command ? oci_no_command(r, ret_exit) : r;
        }
        r = oci_send_console(request->console_socket, master);
        if (r == 0)
                r = oci_send_pidfd(request->pidfd_socket, "setns", machine.pidfd);
        if (r == 0)
                r = oci_write_pid_file(&arena, request->pid_file, machine.pid);
        if (r == 0 && !request->detach)
                r = oci_attend(&machine, request->console_socket ? NO_FD : master, ret_exit);
        keeper_terminal_leave(&terminal);
        machine_done(&machine);
        return r;
}
