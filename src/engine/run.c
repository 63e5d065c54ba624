/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk run` and `husk create`, a step a line.
 *
 * Request to document, document and facts to plan: all of it in the client, so that what is wrong
 * is said before anything is made. Then a keeper is forked (keep.c), or only the container's files are
 * made, and it waits for its start (start.c). */
#include "run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What --ipc and --shm-size leave undone. */
static void note_shared_memory(struct run *run)
{
        const char *ipc = run->request->ipc ? run->request->ipc : "private";

        if (text_starts(ipc, "ns:"))
                plan_note(
                        run->plan,
                        "--ipc %s: System V objects and message queues are shared, /dev/shm is this "
                        "container's own: --ipc container:NAME shares that too",
                        ipc);
        else if (
                run->request->shm_bytes && !text_equal(ipc, "private") &&
                !text_equal(ipc, "shareable"))
                plan_note(
                        run->plan, "--shm-size has no effect: with --ipc %s %s", ipc,
                        text_equal(ipc, "none") ? "there is no /dev/shm"
                                                : "/dev/shm is that one's, as large as it is");
}

int run_compile(struct run *run, struct facts *facts)
{
        const struct record *record = &run->record;
        const struct run_request *request = run->request;
        struct arena *arena = run->arena;

        facts_gather_document(facts, run->spec, run->spec->process);
        run->options = record_options(arena, record, run->id, run->state);
        run->options.document = run->again ? "husk start" : "husk run";
        run->options.made = run->again;
        run->options.filled = run->again && run->found->filled;
        run->options.mounted = run->mounted;
        run->options.volatile_upper = record->remove;
        run->options.seccomp = record->seccomp;
        if (request->detach && !request->tty)
                run->options.log = arena_format(arena, "%s/log", run->state);
        return runtime_compile(arena, run->spec, &run->options, facts, &run->plan);
}

int run_prepare(
        struct run *run, struct arena *arena, const struct run_request *request, bool explain)
{
        const char *id = explain ? "explained" : store_new_id(arena);
        struct host_parts parts = { 0 };
        struct build_result built;
        struct facts facts;
        bool image = !request->rootfs && !text_equal(request->image, "host");
        int r;

        *run = (struct run){ .arena = arena,
                             .request = request,
                             .id = id,
                             .inside = NO_FD,
                             .image.hold = NO_FD,
                             .id_file = NO_FD };
        run->containers = store_containers(arena, &request->engine);
        /* What is only explained lies beside the containers, should somebody run the script. */
        run->state = arena_format(arena, explain ? "%s-%s" : "%s/%s", run->containers, id);
        run->record = (struct record){
                .name = request->name ? request->name : store_default_name(arena, id),
                .image = request->rootfs ? request->rootfs : request->image,
                .remove = request->remove,
        };
        r = container_check_id(run->record.name);
        if (r < 0)
                return trail(r, "--name");
        r = keeper_keys_parse(request->detach_keys ? request->detach_keys : "", &run->keys);
        if (r < 0)
                return trail(r, "--detach-keys");
        r = facts_gather(arena, &facts);
        if (r < 0)
                return r;
        if (explain)
                facts_as_root(&facts);
        r = image ? image_for_run(arena, request, !explain, &run->image) : 0;
        if (r == 0)
                r = build_spec(
                        arena, request, id,
                        &(struct build_host){ image ? &run->image : NULL, run->state,
                                              run->containers, &facts, .explain = explain },
                        &built);
        if (r == 0)
                r = build_record(arena, request, image ? &run->image : NULL, &run->record);
        if (r < 0)
                return r;
        run->spec = built.spec;
        run->record.seccomp = built.seccomp;
        if (image)
                parts = image_parts(arena, run->state, &built);
        else if (!request->rootfs)
                r = host_layers(arena, run->state, &facts, &parts);
        if (r < 0)
                return r;
        if (parts.n_overlays || request->storage_opt.n)
                r = choose_mount_program(
                        arena, &request->storage_opt, run->containers, explain,
                        &run->record.mount_program);
        if (r < 0)
                return r;
        run->record.overlays = parts.overlays;
        run->record.n_overlays = parts.n_overlays;
        run->record.links = parts.links;
        run->record.n_links = parts.n_links;
        run->record.own = built.own;
        run->record.n_own = built.n_own;
        run->record.joined = built.joined;
        run->record.map_root = built.map_root;
        r = run_compile(run, &facts);
        if (r == 0)
                note_shared_memory(run);
        if (r == 0 && !explain)
                plan_warn(run->plan);
        return r;
}

int engine_run_plan(const struct run_request *request, struct arena *arena, struct plan **ret_plan)
{
        struct run run;
        int r = run_prepare(&run, arena, request, true);

        if (r == 0)
                *ret_plan = run.plan;
        return r;
}

static int start_trace(struct run *run)
{
        void *shared;

        if (!run->request->timing)
                return 0;
        shared =
                mmap(NULL, sizeof *run->trace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
        if (shared == MAP_FAILED)
                return trail(-errno, "cannot make room for --timing");
        run->trace = shared;
        return 0;
}

/* Is the file of this name still the one behind the descriptor? */
static bool is_named(const char *path, const struct stat *st)
{
        struct stat named;

        return file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &named) == 0 &&
               named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

/* -EAGAIN: whoever had it has just removed it. An empty one is left of who was killed, unless he lives: he has it
 * locked. What is written to is ours alone: others may write to the directory. */
static int take_id_file(const char *path)
{
        auto_close file = file_open(
                AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
        struct stat st;
        int fd;

        if (file < 0)
                return file == -ELOOP || file == -EISDIR || file == -ENXIO ? -EEXIST : file;
        if (flock(file, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EEXIST : -errno;
        if (fstat(file, &st) < 0)
                return -errno;
        if (!is_named(path, &st))
                return -EAGAIN;
        if (!S_ISREG(st.st_mode) || st.st_size || st.st_nlink != 1 || st.st_uid != geteuid())
                return -EEXIST;
        fd = file;
        file = NO_FD;
        return fd;
}

static int reserve_id(struct run *run)
{
        const char *path = run->request->id_file;
        int r = -EAGAIN;

        if (!path)
                return 0;
        for (int tries = 0; r == -EAGAIN && tries < 100; tries++)
                r = take_id_file(path);
        if (r == -EEXIST)
                trail_hint("remove it when the container it names is gone");
        if (r < 0)
                return trail(r, "--cidfile %s: %s", path, text_errno(r));
        run->id_file = r;
        return 0;
}

int run_write_id(struct run *run)
{
        int r = run->id_file < 0 ? 0 : file_write(run->id_file, run->id, strlen(run->id));

        return r < 0 ? trail(r, "--cidfile %s: %s", run->request->id_file, text_errno(r)) : 0;
}

/* It is kept when the container was made. */
static void release_id(struct run *run, bool made)
{
        struct stat st;

        if (!made && run->id_file >= 0 && fstat(run->id_file, &st) == 0 &&
            is_named(run->request->id_file, &st))
                file_remove(AT_FDCWD, run->request->id_file, 0);
        file_close(&run->id_file);
}

static int run_once(
        struct run *run, struct arena *arena, const struct run_request *request, int *ret_exit)
{
        int r = run_prepare(run, arena, request, false);

        if (r == 0)
                r = start_trace(run);
        if (r == 0)
                r = reserve_id(run);
        if (r < 0)
                return r;
        r = stdio_prepare(request->interactive, request->tty || request->detach, &run->stdio);
        if (r == 0) {
                r = run_start(run, ret_exit);
                stdio_close(&run->stdio);
        }
        release_id(run, r == 0);
        if (r == 0 && run->trace && request->timing_out)
                plan_print_trace(run->plan, run->trace, request->timing_out);
        return r;
}

/* Nothing of it ran, and the kernel mounts no overlay any more, which it was remembered to do? 1, 0: it is for
 * another reason; or an error that says what to install. */
static int is_refused_now(struct run *run, int error)
{
        const char *program;
        int r;

        if (run->ran || run->record.mount_program || run->record.n_overlays == 0 ||
            !doubt_mount_program(run->arena, run->containers, error))
                return 0;
        r = choose_mount_program(
                run->arena, &run->request->storage_opt, run->containers, false, &program);
        return r < 0 ? r : program != NULL;
}

int engine_run(const struct run_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct run run = { 0 };
        int r = run_once(&run, &arena, request, ret_exit);
        struct run_said said;
        int refused;

        if (r >= 0)
                return r;
        said = run_said(&arena);
        trail_reset();
        refused = is_refused_now(&run, r);
        if (refused < 0)
                return refused;
        return refused ? run_once(&run, &arena, request, ret_exit) : run_say_again(&said, r);
}

/* Made, and no more. */
static int create(struct run *run)
{
        struct container_request container = run_container_request(run);
        auto_close lock = NO_FD;
        int r = run_lock_name(run, &lock);

        return r < 0 ? r : container_prepare(run->arena, &container);
}

int engine_create(const struct run_request *request)
{
        auto_arena arena = { 0 };
        struct run run;
        int r = run_prepare(&run, &arena, request, false);

        if (r == 0) {
                r = reserve_id(&run);
                if (r == 0) {
                        r = create(&run);
                        if (r == 0)
                                r = run_write_id(&run);
                        release_id(&run, r == 0);
                }
        }
        file_close(&run.image.hold);
        if (r == 0 && request->id_out)
                text_add(request->id_out, run.id);
        return r;
}
