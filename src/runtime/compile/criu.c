/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: checkpoint and restore.
 *
 * criu takes the processes apart and puts them together; around it the host's part is ours, as at a
 * start. To be restored the container gets its cgroups, with criu in them, so that whatever is half made
 * is in there, too, when it has to be undone; and a mount namespace in which nothing but its root is
 * mounted anew, for criu to start from. All other mounts and namespaces are in the images; what the
 * document binds or joins is told by its name, since it may lie elsewhere today. */
#include "limits.h"

#include <sched.h>
#include <string.h>

/* criu finds iptables, ip and tar by it. */
static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
};

/* The words of one request. */
struct request {
        struct compile *c;
        const char **items;
        size_t n, room;
};

static void add(struct request *request, const char *word)
{
        if (request->n + 1 >= request->room) {
                size_t room = request->room ? 2 * request->room : 32;
                const char **items = arena_array(request->c->arena, room, sizeof *items);

                if (request->n)
                        memcpy(items, request->items, request->n * sizeof *items);
                request->items = items;
                request->room = room;
        }
        request->items[request->n++] = word;
        request->items[request->n] = NULL;
}

static void add_common(struct request *request, const struct runtime_criu *criu, const char *log)
{
        add(request, why(request->c, "log-file=%s", log));
        add(request, "verbosity=4");
        add(request, "notify");
        add(request, "orphan-pts-master");
        for (size_t i = 0; i < criu->n_options; i++)
                add(request, criu->options[i]);
}

/* The directories, and the process that is to be criu. */
struct service {
        FD images, work, process;
};

/* criu opens them through /proc, in the mount namespace that they were opened in, which must be its own:
 * so by the one who is to be criu, when that has one of its own. */
static FD open_directory(struct compile *c, enum actor actor, const char *option, const char *path)
{
        FD fd = plan_slot(c->plan), taken = fd;

        plan_add(c->plan, actor, option, open_path, .path = path, .fd = fd);
        if (actor == INIT) {
                taken = plan_slot(c->plan);
                plan_add(c->plan, INIT, option, send_fd, .fd = fd);
                plan_add(c->plan, HOST, option, take_fd, .fd = taken);
        }
        return taken;
}

static void open_directories(
        struct compile *c, const struct runtime_criu *criu, enum actor actor,
        struct service *service)
{
        service->images = open_directory(c, actor, "--image-path", criu->images);
        service->work = criu->work ? open_directory(c, actor, "--work-path", criu->work) : -1;
}

static void spawn(struct compile *c, struct service *service)
{
        service->process = plan_slot(c->plan);
        plan_add(
                c->plan, HOST, "[criu]", spawn, .spaces = 0, .cgroup = compile_birth_cgroup(c),
                .process = service->process);
}

static void call(
        struct compile *c, const struct service *service, const char *what,
        const struct request *request)
{
        plan_add(
                c->plan, HOST, "[criu]", call_criu, .request = what, .images = service->images,
                .work = service->work, .options = { request->items, request->n });
}

static void finish(struct compile *c, const struct service *service)
{
        plan_add(c->plan, HOST, "[criu]", await_criu, .event = "");
        plan_add(c->plan, HOST, "[criu]", end_criu, .process = service->process);
}

/* -- checkpoint ------------------------------------------------------------------------------------ */

int runtime_compile_checkpoint(
        struct arena *arena, const struct runtime_options *options, const struct runtime_criu *criu,
        pid_t pid, struct plan **ret_plan)
{
        static const struct spec nothing;
        static const struct facts no_facts;
        struct compile state, *c = &state;
        struct request request = { .c = c };
        struct service service;

        compile_init(c, arena, &nothing, options, &no_facts);
        c->guard = "[criu]";
        add(&request, why(c, "tree=%d", (int)pid));
        add_common(&request, criu, "dump.log");
        for (size_t i = 0; i < criu->n_external; i++)
                add(&request, why(c, "external=%s", criu->external[i]));
        open_directories(c, criu, HOST, &service);
        spawn(c, &service);
        /* No guard: criu has to take its hands off the processes when we die, not to die in their midst.
         * It sees our end at the socket. */
        plan_add(c->plan, INIT, "[criu]", new_session);
        plan_add(
                c->plan, INIT, "[criu]", exec_criu, .program = criu->program,
                .env = { environment, 1 }, .network = -1, .pids = -1);
        call(c, &service, criu->pre_dump ? "pre-dump" : "dump", &request);
        finish(c, &service);
        *ret_plan = c->plan;
        return 0;
}

/* -- restore --------------------------------------------------------------------------------------- */

static bool asks(const struct runtime_criu *criu, const char *name)
{
        size_t size = strlen(name);

        for (size_t i = 0; i < criu->n_options; i++)
                if (text_starts(criu->options[i], name) &&
                    (criu->options[i][size] == '=' || !criu->options[i][size]))
                        return true;
        return false;
}

static bool has_cgroups(const struct compile *c)
{
        return c->n_cgroups || c->cgroup2 >= 0;
}

static bool ignores_cgroups(const struct request *request)
{
        for (size_t i = 0; i < request->n; i++)
                if (text_equal(request->items[i], "manage-cgroups=ignore"))
                        return true;
        return false;
}

/* The cgroup of each hierarchy, as it is below its mount. */
static void add_cgroups(struct request *request)
{
        struct compile *c = request->c;
        const struct facts *facts = c->facts;

        for (size_t i = 0; i < facts->n_v1 && c->n_cgroups; i++) {
                const struct cgroup_hierarchy *v1 = &facts->v1[i];
                const char *path = compile_cgroup_path(c, v1) + strlen(v1->mount);

                for (const char *at = v1->names; *at;) {
                        size_t size = strcspn(at, ",");

                        add(request, why(c, "cgroup-root=%.*s:%s", (int)size, at, path));
                        at += size + (at[size] == ',');
                }
        }
        if (c->cgroup2 >= 0)
                add(request, why(c, "cgroup-root=%s",
                                 compile_cgroup_path(c, &facts->v2) + strlen(facts->v2.mount)));
}

static void add_external(struct request *request, const char *inside, const char *outside)
{
        add(request, why(request->c, "external=mnt[%s]:%s", inside, outside));
}

static bool is_bind(struct compile *c, const struct spec_mount *mount)
{
        struct mount_options options;
        struct spec_texts words = mount->options;

        mount_options_parse(c->arena, &words, &options);
        return options.bind || text_equal(mount->type, "bind");
}

/* What was the host's when it was dumped, and where it is now. */
static void add_externals(struct request *request)
{
        static const char *const devices[] = { "/dev/null",   "/dev/zero",    "/dev/full",
                                               "/dev/random", "/dev/urandom", "/dev/tty" };
        struct compile *c = request->c;
        const struct spec *spec = c->spec;

        for (size_t i = 0; i < spec->mounts.n; i++) {
                const struct spec_mount *mount = &spec->mounts.items[i];
                const char *source = mount->source;

                if (!is_bind(c, mount) || !source)
                        continue;
                add_external(
                        request, mount->destination,
                        source[0] == '/' ? source : why(c, "%s/%s", c->options->bundle, source));
        }
        for (size_t i = 0; i < (c->user_namespace ? ARRAY_SIZE(devices) : 1); i++)
                add_external(request, devices[i], devices[i]);
        for (size_t i = 0; i < c->linux_->devices.n && c->user_namespace; i++)
                add_external(
                        request, c->linux_->devices.items[i].path,
                        c->linux_->devices.items[i].path);
}

static bool is_first(const char *const *stdio, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (text_equal(stdio[k], stdio[i]))
                        return false;
        return true;
}

static void add_stdio(struct request *request, const char *const *stdio)
{
        for (size_t i = 0; stdio && i < 3; i++)
                if (stdio[i] && is_first(stdio, i))
                        add(request, why(request->c, "inherit-fd=fd[%zu]:%s", i, stdio[i]));
}

/* The namespaces that it joined: of the network and of pids by descriptor, others by their paths. */
static int add_spaces(struct request *request, FD *ret_network, FD *ret_pids)
{
        struct compile *c = request->c;

        *ret_network = *ret_pids = -1;
        for (size_t i = 0; i < c->linux_->namespaces.n; i++) {
                const struct spec_namespace *ns = &c->linux_->namespaces.items[i];
                uint32_t type = namespace_type(ns->type);

                if (!ns->path || !*ns->path)
                        continue;
                if (type == CLONE_NEWNET) {
                        *ret_network = c->join[4];
                        add(request, "inherit-fd=fd[4]:extRootNetNS");
                } else if (type == CLONE_NEWPID) {
                        *ret_pids = c->join[5];
                        add(request, "inherit-fd=fd[5]:extRootPidNS");
                } else if (type == CLONE_NEWCGROUP || type == CLONE_NEWNS) {
                        return spec_error(
                                ns->at, c->document, why(c, "/linux/namespaces/%zu", i),
                                "criu cannot restore a container into a %s namespace that is there",
                                ns->type);
                } else {
                        add(request, why(c, "join-ns=%s:%s", namespace_proc_name(type), ns->path));
                }
        }
        return 0;
}

/* A new mount namespace with the root as a mount of its own, which criu asks for. */
static FD make_root(struct compile *c, const char *path)
{
        FD at = plan_slot(c->plan), tree = plan_slot(c->plan);

        plan_add(c->plan, INIT, "[criu]", unshare, .spaces = CLONE_NEWNS);
        plan_add(
                c->plan, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                .kind = compile_base_propagation(c));
        plan_add(c->plan, INIT, "/root/path", open_path, .path = path, .fd = at);
        plan_add(
                c->plan, INIT, "/root/path", clone_tree, .dir = at, .path = "", .recursive = 1,
                .tree = tree);
        plan_add(c->plan, INIT, "/root/path", attach, .tree = tree, .root = at, .target = "");
        return tree;
}

/* Does another mount of the document cover the place? Then the place is in that one. */
static bool is_inside(const struct compile *c, size_t number)
{
        const struct spec_mount_list *mounts = &c->spec->mounts;
        const char *path = mounts->items[number].destination;

        for (size_t i = 0; i < mounts->n; i++) {
                const char *other = mounts->items[i].destination;
                size_t size = strlen(other);

                if (size > 1 && text_starts(path, other) && path[size] == '/')
                        return true;
        }
        return false;
}

/* The root may be another one than that of the start, without the places for mounts that it made. */
static void make_places(struct compile *c, FD root)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                const struct spec_mount *mount = &c->spec->mounts.items[i];
                const char *reason = why(c, "/mounts/%zu", i);
                FD like = -1;

                if (text_equal(mount->destination, "/") || is_inside(c, i))
                        continue;
                if (is_bind(c, mount) && mount->source) {
                        like = plan_slot(c->plan);
                        plan_add(
                                c->plan, INIT, reason, open_path,
                                .path = mount->source[0] == '/'
                                              ? mount->source
                                              : why(c, "%s/%s", c->options->bundle, mount->source),
                                .fd = like);
                }
                plan_add(
                        c->plan, INIT, reason, make_target, .root = root,
                        .path = mount->destination, .like = like);
        }
}

/* Its own hooks inside ran when it was made; and are in its memory, as it were. No criu knows of Landlock. */
static void note_losses(struct compile *c)
{
        const struct spec_hooks *hooks = c->spec->hooks;

        if (compile_annotation(c, ANNOTATION_LANDLOCK))
                plan_note(c->plan, "/annotations/dev.husk.landlock: not restored by criu");

        if (hooks && hooks->create_container.n)
                plan_note(c->plan, "/hooks/createContainer: not run again by a restore");
        if (hooks && hooks->start_container.n)
                plan_note(c->plan, "/hooks/startContainer: not run again by a restore");
}

/* Its first process is there, and criu waits: the journal learns of it. */
static void await_tree(struct compile *c, const char *event)
{
        c->process_fd = plan_slot(c->plan);
        plan_add(c->plan, HOST, "[journal]", await_criu, .event = event);
        plan_add(c->plan, HOST, "[journal]", adopt_tree, .process = c->process_fd);
        plan_add(c->plan, HOST, "[journal]", record, .process = c->process_fd);
}

/* criu has heard of the namespace; in which one the processes are the images say. */
static void check_joined(struct compile *c, const struct service *service, size_t i)
{
        const struct spec_namespace *ns = &c->linux_->namespaces.items[i];

        if (ns->path && *ns->path)
                plan_add(
                        c->plan, HOST, why(c, "/linux/namespaces/%zu", i), check_space,
                        .process = c->process_fd, .criu = service->process,
                        .ns = compile_joined(c, namespace_type(ns->type)),
                        .type = namespace_type(ns->type));
}

/* The container's cgroup by which it can be made to stand still; NULL: it has none. */
static const char *find_freezer(const struct compile *c)
{
        for (size_t i = 0; i < c->facts->n_v1 && c->n_cgroups; i++)
                if (compile_has_word(c->facts->v1[i].names, "freezer"))
                        return compile_cgroup_path(c, &c->facts->v1[i]);
        return c->cgroup2 >= 0 ? compile_cgroup_path(c, &c->facts->v2) : NULL;
}

/* The images say what the processes may do, and the document what they may do at most. It is looked at when all is
 * restored, and nothing of it has run. */
static void check_rights(struct compile *c, const struct service *service, bool cgroups)
{
        bool maps = c->new_spaces & CLONE_NEWUSER;
        const char *freezer = find_freezer(c);

        plan_add(c->plan, HOST, "[criu]", await_criu, .event = "pre-resume");
        if (freezer)
                plan_add(c->plan, HOST, "[criu]", hold_cgroup, .path = freezer);
        compile_check_rights(
                c, service->process,
                cgroups ? c->new_spaces : c->new_spaces & ~(uint32_t)CLONE_NEWCGROUP,
                maps ? c->ids.uid_map : NULL, maps ? c->ids.gid_map : NULL);
        for (size_t i = 0; i < c->linux_->namespaces.n; i++)
                check_joined(c, service, i);
        if (freezer)
                plan_add(c->plan, HOST, "[criu]", release_cgroup, .path = freezer);
}

static void restore_host(
        struct compile *c, const struct service *service, const struct request *request)
{
        bool ignored = ignores_cgroups(request), hooks = compile_has_create_hooks(c);

        if (ignored && compile_has_namespace(c, CLONE_NEWCGROUP))
                plan_note(
                        c->plan,
                        "%s: the container sees the host's cgroups, since criu does not "
                        "restore its cgroup namespace",
                        has_cgroups(c) ? "--manage-cgroups-mode ignore" : "no cgroups of its own");
        call(c, service, "restore", request);
        if (hooks) {
                await_tree(c, "setup-namespaces");
                compile_hooks_runtime(c);
        }
        if (c->process->terminal)
                plan_add(
                        c->plan, HOST, "/process/terminal", take_terminal,
                        .fd = plan_slot(c->plan));
        if (hooks)
                plan_add(c->plan, HOST, "[criu]", await_criu, .event = "post-restore");
        else
                await_tree(c, "post-restore");
        check_rights(c, service, !ignored);
        finish(c, service);
        if (runtime_has_hooks(c->spec))
                compile_hooks_poststart(c);
        else
                plan_add(c->plan, HOST, "[journal]", note_status, .status = "started");
}

int runtime_compile_restore(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        const struct runtime_criu *criu, const struct facts *facts, struct plan **ret_plan)
{
        struct compile state, *c = &state;
        struct request request = { .c = c };
        struct service service;
        const char *root;
        FD network, pids;
        int r;

        compile_init(c, arena, spec, options, facts);
        c->start = true;
        c->guard = "[criu]";
        if (!spec->root || !spec->process)
                return spec_error(
                        spec->at, c->document, spec->root ? "/process" : "/root", "missing");
        root = spec->root->path[0] == '/' ? spec->root->path
                                          : why(c, "%s/%s", options->bundle, spec->root->path);
        if ((r = compile_hooks_check(c)) < 0 || (r = compile_namespaces_host(c)) < 0 ||
            (r = compile_cgroup_host(c)) < 0 || (r = add_spaces(&request, &network, &pids)) < 0)
                return r;
        add_common(&request, criu, "restore.log");
        add(&request, "restore-sibling");
        add(&request, "evasive-devices");
        add(&request, why(c, "root=%s", root));
        /* Those of the images would be made, and be nobody's. */
        if (!asks(criu, "manage-cgroups"))
                add(&request, has_cgroups(c) ? "manage-cgroups=soft" : "manage-cgroups=ignore");
        add_cgroups(&request);
        add_externals(&request);
        add_stdio(&request, criu->stdio);
        spawn(c, &service);
        plan_add(c->plan, HOST, "[journal]", record, .process = service.process);
        compile_guard(c, true);
        for (size_t i = 0; i < c->n_cgroups; i++)
                plan_add(
                        c->plan, INIT, "/linux/cgroupsPath", join_cgroup, .cgroup = c->cgroups[i],
                        .file = c->join_file[i]);
        make_places(c, make_root(c, root));
        open_directories(c, criu, INIT, &service);
        plan_add(
                c->plan, INIT, "[criu]", exec_criu, .program = criu->program,
                .env = { environment, 1 }, .network = network, .pids = pids);
        note_losses(c);
        restore_host(c, &service, &request);
        *ret_plan = c->plan;
        return 0;
}
