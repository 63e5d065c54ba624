/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the limits of `husk run` to /linux/resources.
 *
 * Ranges are checked here, where the option can be named, when they are the kernel's or docker's in
 * any case; what depends on the host (which controllers there are, v1 or v2) is the compiler's. */
#include "build.h"

#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#define REFUSE(option, value, ...) \
        build_refuse(option, arena_format(b->arena, "%lld", (long long)(value)), __VA_ARGS__)

/* Without a limit of its own swap would be a way around --memory; a host that cannot limit it must
 * not be asked to. */
static bool can_limit_swap(const struct build *b)
{
        if (b->facts->cgroup_mode == CGROUP_V2 || b->facts->uid != 0)
                return true;
        for (size_t i = 0; i < b->facts->n_v1; i++)
                if (text_equal(b->facts->v1[i].names, "memory"))
                        return file_access(
                                       arena_format(
                                               b->arena, "%s/memory.memsw.limit_in_bytes",
                                               b->facts->v1[i].mount),
                                       F_OK) != -ENOENT;
        return false;
}

static int swap_limit(struct build *b, struct spec_memory *memory)
{
        const struct run_request *request = b->request;
        int64_t limit = (int64_t)request->memory_bytes, swap = request->memory_swap_bytes;

        if (swap == 0) {
                if (limit > 0 && limit <= INT64_MAX / 2 && can_limit_swap(b))
                        memory->swap = (struct spec_opt_i64){ true, 2 * limit };
                return 0;
        }
        if (limit == 0 && swap > 0)
                return REFUSE("--memory-swap", swap, "it goes with --memory only");
        if (swap > 0 && swap < limit)
                return REFUSE(
                        "--memory-swap", swap,
                        "it counts memory and swap together: it cannot be less than --memory");
        memory->swap = (struct spec_opt_i64){ true, swap };
        return 0;
}

static int build_memory(struct build *b)
{
        const struct run_request *request = b->request;
        struct spec_memory *memory = arena_new(b->arena, struct spec_memory);
        int r = swap_limit(b, memory);

        if (r < 0)
                return r;
        if (request->memory_bytes > INT64_MAX || request->memory_reservation_bytes > INT64_MAX)
                return trail(-ERANGE, "--memory is larger than any machine");
        if (request->memory_bytes)
                memory->limit = (struct spec_opt_i64){ true, (int64_t)request->memory_bytes };
        if (request->memory_reservation_bytes) {
                if (request->memory_bytes &&
                    request->memory_reservation_bytes > request->memory_bytes)
                        return REFUSE(
                                "--memory-reservation", request->memory_reservation_bytes,
                                "it cannot be more than --memory");
                memory->reservation =
                        (struct spec_opt_i64){ true, (int64_t)request->memory_reservation_bytes };
        }
        if (request->memory_swappiness.set && request->memory_swappiness.value != -1) {
                if (request->memory_swappiness.value < 0 || request->memory_swappiness.value > 100)
                        return REFUSE(
                                "--memory-swappiness", request->memory_swappiness.value,
                                "expected 0 to 100, or -1");
                memory->swappiness =
                        (struct spec_opt_u64){ true, (uint64_t)request->memory_swappiness.value };
        }
        if (request->oom_kill_disable)
                memory->disable_oom_killer = (struct spec_opt_bool){ true, true };
        if (memory->limit.set || memory->reservation.set || memory->swap.set ||
            memory->swappiness.set || memory->disable_oom_killer.set)
                b->resources->memory = memory;
        return 0;
}

/* --cpus in the kernel's words. */
static int cpu_number(struct build *b, struct spec_cpu *cpu)
{
        const struct run_request *request = b->request;

        if (!request->nano_cpus)
                return 0;
        if (request->cpu_period_us || request->cpu_quota_us)
                return trail(
                        -EINVAL, "--cpus is --cpu-period and --cpu-quota in one: give it or them");
        if (request->nano_cpus < 10000000)
                return trail(-ERANGE, "--cpus: 0.01 is the least that the kernel can do");
        cpu->period = (struct spec_opt_u64){ true, 100000 };
        cpu->quota = (struct spec_opt_i64){ true, (int64_t)(request->nano_cpus / 10000) };
        return 0;
}

/* "0-3,7" */
static int check_list(const char *option, const char *list)
{
        const char *at = list;
        bool good = *at != '\0';

        while (good && *at) {
                uint64_t low = 0, high = 0;
                size_t digits = strspn(at, "0123456789");
                bool range = at[digits] == '-';

                for (size_t i = 0; i < digits && i < 6; i++)
                        low = low * 10 + (uint64_t)(at[i] - '0');
                good = digits > 0 && digits < 6;
                at += digits;
                if (range) {
                        at++;
                        digits = strspn(at, "0123456789");
                        for (size_t i = 0; i < digits && i < 6; i++)
                                high = high * 10 + (uint64_t)(at[i] - '0');
                        good = good && digits > 0 && digits < 6 && low <= high;
                        at += digits;
                }
                good = good && (!*at || (*at == ',' && at[1]));
                at += *at == ',';
        }
        return good ? 0 : build_refuse(option, list, "expected numbers and ranges, as in 0-2,7");
}

static int check_cpu(struct build *b)
{
        const struct run_request *request = b->request;
        int r = 0;

        if (request->cpu_shares < 0)
                return REFUSE("--cpu-shares", request->cpu_shares, "expected 2 to 262144");
        if (request->cpu_period_us &&
            (request->cpu_period_us < 1000 || request->cpu_period_us > 1000000))
                return REFUSE(
                        "--cpu-period", request->cpu_period_us,
                        "expected 1000 to 1000000, which "
                        "is a millisecond to a second");
        if (request->cpu_quota_us && request->cpu_quota_us != -1 && request->cpu_quota_us < 1000)
                return REFUSE(
                        "--cpu-quota", request->cpu_quota_us,
                        "expected at least 1000, which is a millisecond, or -1");
        if (request->cpu_rt_period_us < 0 || request->cpu_rt_runtime_us < 0)
                return trail(-EINVAL, "--cpu-rt-period and --cpu-rt-runtime are not negative");
        if (request->cpu_rt_period_us && request->cpu_rt_runtime_us > request->cpu_rt_period_us)
                return REFUSE(
                        "--cpu-rt-runtime", request->cpu_rt_runtime_us,
                        "it cannot be more than --cpu-rt-period");
        if (request->cpuset_cpus)
                r = check_list("--cpuset-cpus", request->cpuset_cpus);
        if (r == 0 && request->cpuset_mems)
                r = check_list("--cpuset-mems", request->cpuset_mems);
        return r;
}

static int build_cpu(struct build *b)
{
        const struct run_request *request = b->request;
        struct spec_cpu *cpu = arena_new(b->arena, struct spec_cpu);
        int r = check_cpu(b);

        if (r == 0)
                r = cpu_number(b, cpu);
        if (r < 0)
                return r;
        if (request->cpu_shares)
                cpu->shares = (struct spec_opt_u64){ true, (uint64_t)request->cpu_shares };
        if (request->cpu_period_us)
                cpu->period = (struct spec_opt_u64){ true, (uint64_t)request->cpu_period_us };
        if (request->cpu_quota_us)
                cpu->quota = (struct spec_opt_i64){ true, request->cpu_quota_us };
        if (request->cpu_rt_period_us)
                cpu->realtime_period =
                        (struct spec_opt_u64){ true, (uint64_t)request->cpu_rt_period_us };
        if (request->cpu_rt_runtime_us)
                cpu->realtime_runtime = (struct spec_opt_i64){ true, request->cpu_rt_runtime_us };
        cpu->cpus = request->cpuset_cpus;
        cpu->mems = request->cpuset_mems;
        if (cpu->shares.set || cpu->period.set || cpu->quota.set || cpu->realtime_period.set ||
            cpu->realtime_runtime.set || cpu->cpus || cpu->mems)
                b->resources->cpu = cpu;
        return 0;
}

/* -- disks --------------------------------------------------------------------------------------- */

/* "/dev/sda:VALUE" */
static int read_disk(
        struct build *b, const char *option, const char *value, struct stat *ret_st,
        const char **ret_word)
{
        const char *colon = strrchr(value, ':');
        const char *path = colon ? arena_copy(b->arena, value, (size_t)(colon - value)) : "";
        int r;

        if (!colon || path[0] != '/' || !colon[1])
                return build_refuse(option, value, "expected a disk and a number, /dev/sda:100");
        r = file_stat(AT_FDCWD, path, 0, ret_st);
        if (r < 0)
                return build_refuse(option, value, "%s: %s", path, text_errno(r));
        if (!S_ISBLK(ret_st->st_mode))
                return build_refuse(option, value, "%s is no block device", path);
        *ret_word = colon + 1;
        return 0;
}

static int throttles(
        struct build *b, const char *option, const struct words *values, bool bytes,
        struct spec_throttle_device_list *list)
{
        if (!values->n)
                return 0;
        list->items = arena_array(b->arena, values->n + 1, sizeof *list->items);
        for (size_t i = 0; i < values->n; i++) {
                const char *word;
                struct stat st;
                uint64_t rate;
                int r = read_disk(b, option, values->items[i], &st, &word);

                if (r < 0)
                        return r;
                if ((bytes ? text_size(word, &rate) : text_u64(word, &rate)) < 0)
                        return build_refuse(
                                option, values->items[i],
                                bytes ? "expected a size, such as 10m" : "expected a whole number");
                list->items[list->n++] = (struct spec_throttle_device){ .major = major(st.st_rdev),
                                                                        .minor = minor(st.st_rdev),
                                                                        .rate = rate };
        }
        return 0;
}

static bool is_weight(uint64_t weight)
{
        return weight == 0 || (weight >= 10 && weight <= 1000);
}

static int weights(struct build *b, struct spec_weight_device_list *list)
{
        static const char option[] = "--blkio-weight-device";
        const struct words *values = &b->request->blkio_weight_device;

        if (!values->n)
                return 0;
        list->items = arena_array(b->arena, values->n + 1, sizeof *list->items);
        for (size_t i = 0; i < values->n; i++) {
                const char *word;
                struct stat st;
                uint64_t weight;
                int r = read_disk(b, option, values->items[i], &st, &word);

                if (r < 0)
                        return r;
                if (text_u64(word, &weight) < 0 || !is_weight(weight))
                        return build_refuse(option, values->items[i], "a weight is 10 to 1000");
                list->items[list->n++] = (struct spec_weight_device){
                        .major = major(st.st_rdev),
                        .minor = minor(st.st_rdev),
                        .weight = { true, (uint32_t)weight },
                };
        }
        return 0;
}

static int build_block_io(struct build *b)
{
        const struct run_request *request = b->request;
        struct spec_block_io *io = arena_new(b->arena, struct spec_block_io);
        int r;

        if (!is_weight(request->blkio_weight))
                return REFUSE("--blkio-weight", request->blkio_weight, "expected 10 to 1000");
        if (request->blkio_weight)
                io->weight = (struct spec_opt_u32){ true, (uint32_t)request->blkio_weight };
        if ((r = weights(b, &io->weight_device)) < 0 ||
            (r = throttles(
                     b, "--device-read-bps", &request->device_read_bps, true,
                     &io->throttle_read_bps_device)) < 0 ||
            (r = throttles(
                     b, "--device-write-bps", &request->device_write_bps, true,
                     &io->throttle_write_bps_device)) < 0 ||
            (r = throttles(
                     b, "--device-read-iops", &request->device_read_iops, false,
                     &io->throttle_read_iops_device)) < 0 ||
            (r = throttles(
                     b, "--device-write-iops", &request->device_write_iops, false,
                     &io->throttle_write_iops_device)) < 0)
                return r;
        if (io->weight.set || io->weight_device.n || io->throttle_read_bps_device.n ||
            io->throttle_write_bps_device.n || io->throttle_read_iops_device.n ||
            io->throttle_write_iops_device.n)
                b->resources->block_io = io;
        return 0;
}

/* -- limits of the process ------------------------------------------------------------------------- */

static const char *const limit_names[] = {
        "AS",   "CORE",   "CPU",   "DATA", "FSIZE",  "LOCKS",  "MEMLOCK",    "MSGQUEUE",
        "NICE", "NOFILE", "NPROC", "RSS",  "RTPRIO", "RTTIME", "SIGPENDING", "STACK",
};

static const char *limit_type(struct arena *arena, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++) {
                const char *known = limit_names[i];
                size_t k = 0;

                while (name[k] && (name[k] | 0x20) == (known[k] | 0x20) && known[k])
                        k++;
                if (!name[k] && !known[k])
                        return arena_format(arena, "RLIMIT_%s", known);
        }
        return NULL;
}

static int read_amount(const char *word, uint64_t *ret)
{
        if (!build_word_in("-1 unlimited", word))
                return text_u64(word, ret);
        *ret = UINT64_MAX;
        return 0;
}

static int read_ulimit(struct build *b, const char *value, struct spec_rlimit *ret)
{
        char *at = arena_string(b->arena, value), *name = build_cut(&at, '=');
        char *soft = at ? build_cut(&at, ':') : NULL;

        *ret = (struct spec_rlimit){ .type = limit_type(b->arena, name) };
        if (!soft)
                return build_refuse("--ulimit", value, "expected NAME=SOFT[:HARD]");
        if (!ret->type)
                return build_refuse(
                        "--ulimit", value,
                        "'%s' is none of as, core, cpu, data, fsize, locks, memlock, msgqueue, "
                        "nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack",
                        name);
        if (read_amount(soft, &ret->soft) < 0 || read_amount(at ? at : soft, &ret->hard) < 0)
                return build_refuse("--ulimit", value, "a limit is a whole number, or -1 for none");
        if (ret->soft > ret->hard)
                return build_refuse(
                        "--ulimit", value, "the soft limit cannot be more than the hard one");
        return 0;
}

/* Our own, as they are. */
static void add_own_limits(struct build *b, struct spec_rlimit_list *list)
{
        for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++) {
                const char *type = arena_format(b->arena, "RLIMIT_%s", limit_names[i]);
                struct spec_rlimit limit = { .type = type };

                if (process_get_rlimit(process_rlimit_number(type), &limit.soft, &limit.hard) == 0)
                        list->items[list->n++] = limit;
        }
}

static int build_limits(struct build *b)
{
        const struct words *values = &b->request->ulimit;
        struct spec_rlimit_list list = { .items = arena_array(
                                                 b->arena, values->n + ARRAY_SIZE(limit_names) + 1,
                                                 sizeof *list.items) };
        struct spec_rlimit limit;

        b->process->rlimits = (struct spec_rlimit_list){ 0 };
        if (!values->n)
                return 0;
        for (size_t i = 0; i < values->n; i++) {
                size_t k = 0;
                int r;

                if (text_equal(values->items[i], "host")) {
                        if (i > 0)
                                return build_refuse("--ulimit", "host", "it goes before others");
                        add_own_limits(b, &list);
                        continue;
                }
                r = read_ulimit(b, values->items[i], &limit);
                if (r < 0)
                        return r;
                while (k < list.n && !text_equal(list.items[k].type, limit.type))
                        k++;
                list.items[k] = limit;
                list.n += k == list.n;
        }
        b->process->rlimits = list;
        return 0;
}

static int build_cgroup(struct build *b)
{
        const char *parent = b->request->cgroup_parent;
        const char *plain =
                parent ? build_plain_path(b->arena, arena_format(b->arena, "/%s", parent)) : "/";

        if (parent && (!*parent || strstr(parent, "..")))
                return build_refuse(
                        "--cgroup-parent", parent, "expected a cgroup's path, such as /apps/web");
        plain = arena_format(b->arena, "%s/husk-%s", text_equal(plain, "/") ? "" : plain, b->id);
        /* An ordinary user's are beside our own: what lies at the top is not ours. */
        if (b->facts->delegated && !text_starts(plain, b->facts->delegated))
                plain++;
        b->linux_->cgroups_path = plain;
        return 0;
}

int build_resources(struct build *b)
{
        const struct run_request *request = b->request;
        int r;

        if ((r = build_cgroup(b)) < 0 || (r = build_memory(b)) < 0 || (r = build_cpu(b)) < 0 ||
            (r = build_block_io(b)) < 0 || (r = build_limits(b)) < 0 ||
            (r = build_map(b, "--cgroup-conf", &request->cgroup_conf, &b->resources->unified)) < 0)
                return r;
        if (request->pids_limit != PIDS_LIMIT_UNSET && request->pids_limit != 0) {
                struct spec_pids *pids = arena_new(b->arena, struct spec_pids);

                if (request->pids_limit < -1)
                        return REFUSE("--pids-limit", request->pids_limit, "-1 is no limit");
                pids->limit = (struct spec_opt_i64){ true, request->pids_limit };
                b->resources->pids = pids;
        }
        if (request->oom_score_adj.set) {
                if (request->oom_score_adj.value < -1000 || request->oom_score_adj.value > 1000)
                        return REFUSE(
                                "--oom-score-adj", request->oom_score_adj.value,
                                "expected -1000 to 1000");
                b->process->oom_score_adj =
                        (struct spec_opt_i64){ true, request->oom_score_adj.value };
        }
        if (request->rdt_class) {
                struct spec_intel_rdt *rdt = arena_new(b->arena, struct spec_intel_rdt);

                rdt->clos_id = request->rdt_class;
                b->linux_->intel_rdt = rdt;
        }
        return 0;
}
