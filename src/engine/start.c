/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk start`: a container runs that has been made, or has run before.
 *
 * What it is made of stands in its journal: document, limits that `update` gave it, layers. The plan is compiled
 * anew, for the kernel and the host as they are now, and applied by a new keeper to the files that are there. Two
 * things of the document were true only once: the numbers of processes whose namespaces it joins, which are looked
 * up again, and the size of the terminal. */
#include "place.h"
#include "run.h"

#include <string.h>
#include <time.h>

int run_check_again(const struct container *container, const struct record *record)
{
        if (container->status == CONTAINER_PAUSED) {
                trail_hint("husk unpause lets it go on");
                return trail(-EINVAL, "container '%s' is paused", record->name);
        }
        if (container->status != CONTAINER_STOPPED)
                return trail(-EALREADY, "container '%s' runs", record->name);
        if (!container->prepared && !container->begun) {
                trail_hint("`husk rm %s` removes what there is of it", record->name);
                return trail(
                        -EINVAL, "container '%s' was never made completely: its maker was killed",
                        record->name);
        }
        if (record->remove && container->begun) {
                trail_hint("`husk rm %s` removes it", record->name);
                return trail(
                        -EINVAL,
                        "container '%s' was to be removed at its end (--rm): its files may not be "
                        "whole",
                        record->name);
        }
        return 0;
}

/* One that goes at its end cannot be stopped to go on: asked before it is. */
static int check_stays(const struct stop_request *request)
{
        auto_arena arena = { 0 };
        struct container container;
        struct record record;
        int r = store_open(&arena, &request->engine, request->names.items[0], false, &container);

        if (r < 0)
                return r;
        record_decode(&arena, &container, &record);
        container_close(&container);
        if (!record.remove || !container.begun)
                return 0;
        trail_hint("`husk stop %s` ends it, and removes it", record.name);
        return trail(-EINVAL, "container '%s' is removed at its end (--rm)", record.name);
}

/* "/proc/PID/REST" of the process that had the namespace then, of the one that has it now. A number is looked up once:
 * another container may have by now the one that this one had. */
static const char *renumber(
        struct arena *arena, const char *path, const struct joined_list *then, const pid_t *now)
{
        for (size_t i = 0; path && i < then->n; i++) {
                const char *prefix =
                        arena_format(arena, "/proc/%lld/", (long long)then->items[i].pid);

                if (text_starts(path, prefix))
                        return arena_format(
                                arena, "/proc/%d/%s", (int)now[i], path + strlen(prefix));
        }
        return path;
}

/* The containers whose namespaces are joined run, perhaps as other processes than then. */
static int join_again(struct run *run, struct spec *spec, struct spec_linux *linux_)
{
        const struct joined_list *list = &run->record.joined;
        pid_t *now = arena_array(run->arena, list->n + 1, sizeof *now);

        for (size_t i = 0; i < list->n; i++) {
                struct container other;
                auto_close process = NO_FD;
                int r = container_open(
                        run->arena, run->containers, list->items[i].id, false, &other);

                if (r < 0)
                        return trail(r, "its namespaces are those of another container");
                process = container_process(&other);
                container_close(&other);
                if (process < 0) {
                        trail_hint("`husk start %.12s` first", other.id);
                        return trail(
                                -ESRCH, "container %.12s, whose namespaces it shares, does not run",
                                other.id);
                }
                now[i] = other.pid;
        }
        for (size_t i = 0; i < linux_->namespaces.n; i++)
                linux_->namespaces.items[i].path =
                        renumber(run->arena, linux_->namespaces.items[i].path, list, now);
        for (size_t i = 0; i < spec->mounts.n; i++)
                spec->mounts.items[i].source =
                        renumber(run->arena, spec->mounts.items[i].source, list, now);
        return 0;
}

/* The stored document, as it is true now. */
static int read_document(struct run *run)
{
        struct spec *spec = arena_new(run->arena, struct spec);
        struct spec_linux *linux_ = arena_new(run->arena, struct spec_linux);
        struct spec_process *process = arena_new(run->arena, struct spec_process);
        const struct spec *stored;
        int r = container_spec(run->arena, run->found, &stored);

        if (r < 0)
                return r;
        if (!stored->process || !stored->linux_)
                return trail(-EINVAL, "the journal of '%s' holds no document of husk", run->id);
        *spec = *stored;
        *linux_ = *stored->linux_;
        *process = *stored->process;
        process->console_size =
                process->terminal && !run->request->detach ? stdio_size(run->arena) : NULL;
        spec->process = process;
        spec->linux_ = linux_;
        run->spec = spec;
        return join_again(run, spec, linux_);
}

/* When it has ended its keeper notes that a moment later; one that was killed does not. */
static int open_settled(
        struct arena *arena, const struct engine_options *options, const char *name,
        struct container *ret)
{
        enum {
                ROUNDS = 500
        };
        const struct timespec moment = { .tv_nsec = 10000000 };
        const char *boot;
        int r = container_boot_id(&boot);

        for (int round = 0; r == 0; round++) {
                r = store_open(arena, options, name, false, ret);
                if (r < 0 || ret->status != CONTAINER_STOPPED || !ret->pid || ret->has_exit ||
                    !text_equal(ret->boot, boot) || round == ROUNDS)
                        break;
                container_close(ret);
                nanosleep(&moment, NULL);
        }
        return r;
}

static int prepare(
        struct run *run, struct arena *arena, struct run_request *request,
        const struct start_request *start)
{
        struct container *found = arena_new(arena, struct container);
        struct facts facts;
        int r = open_settled(arena, &start->engine, start->names.items[0], found);

        if (r < 0)
                return r;
        container_close(found);
        *run = (struct run){ .arena = arena,
                             .request = request,
                             .id = found->id,
                             .containers = found->root,
                             .state = arena_format(arena, "%s/%s", found->root, found->id),
                             .image.hold = NO_FD,
                             .again = true,
                             .by = store_new_id(arena),
                             .found = found,
                             .inside = NO_FD };
        record_decode(arena, found, &run->record);
        r = run_check_again(found, &run->record);
        if (r < 0)
                return r;
        r = keeper_keys_parse(start->detach_keys ? start->detach_keys : "", &run->keys);
        if (r < 0)
                return trail(r, "--detach-keys");
        r = facts_gather(arena, &facts);
        if (r == 0)
                r = read_document(run);
        if (r < 0)
                return r;
        request->tty = run->spec->process->terminal;
        r = place_of_container(arena, found, &run->mounted);
        if (r < 0)
                return r;
        r = run_compile(run, &facts);
        if (r == 0)
                plan_warn(run->plan);
        return r;
}

int engine_start(const struct start_request *start, int *ret_exit)
{
        auto_arena arena = { 0 };
        struct run_request request = { .engine = start->engine,
                                       .detach = !start->attach && !start->interactive,
                                       .interactive = start->interactive,
                                       .sig_proxy = start->sig_proxy };
        struct run run;
        int r = prepare(&run, &arena, &request, start);

        *ret_exit = 0;
        if (r == -EALREADY && request.detach) {
                trail_reset();
                return 0; /* that is what was asked for */
        }
        if (r == -EALREADY)
                trail_hint("husk exec -it gets you into a container that runs");
        if (r == 0)
                r = stdio_prepare(request.interactive, request.tty || request.detach, &run.stdio);
        if (r < 0)
                return r;
        r = run_start(&run, ret_exit);
        stdio_close(&run.stdio);
        if (r < 0 && !run.ran)
                doubt_mount_program(&arena, run.containers, r);
        return r;
}

int engine_restart(const struct stop_request *request)
{
        const struct start_request start = { .engine = request->engine, .names = request->names };
        int exit, r = check_stays(request);

        if (r == 0)
                r = engine_stop(request);
        if (r == 0)
                r = engine_start(&start, &exit);
        return r == ENGINE_NO_COMMAND ? -ENOEXEC : r;
}
