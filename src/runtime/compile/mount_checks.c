/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a mount may ask for, and where it may lie.
 *
 * Looked at before anything is compiled of it; what cannot be granted is named by its place. */
#include "compile.h"

#include <string.h>

#define CAP_SYS_ADMIN 21

bool compile_is_bind(const struct mount_job *job)
{
        return job->options.bind || text_equal(job->mount.type, "bind");
}

bool compile_is_cgroup(const struct mount_job *job)
{
        return text_equal(job->mount.type, "cgroup") || text_equal(job->mount.type, "cgroup2");
}

/* The place of one of its options. */
static const char *option_pointer(const struct mount_job *job, const char *word)
{
        const struct spec_texts *words = &job->mount.options;

        for (size_t i = 0; i < words->n; i++)
                if (words->items[i] == word || text_equal(words->items[i], word))
                        return why(job->c, "%s/options/%zu", job->pointer, i);
        return why(job->c, "%s/options", job->pointer);
}

int compile_refuse_option(const struct mount_job *job, const char *word, const char *what)
{
        return spec_error(job->mount.at, job->c->document, option_pointer(job, word), "%s", what);
}

static bool same_path(const char *path, const char *other)
{
        size_t size = strlen(path);

        while (size > 1 && path[size - 1] == '/')
                size--;
        return strlen(other) == size && strncmp(path, other, size) == 0;
}

/* Labels and limits of processes are set through /proc: nothing else may pose as it. The host's own
 * procfs is bound by who shares the host's pid namespace. */
int compile_check_destination(const struct mount_job *job)
{
        const struct spec_mount *mount = &job->mount;
        bool inside_proc = text_starts(mount->destination, "/proc/");
        bool is_proc = text_equal(mount->destination, "/proc");
        bool fits = compile_is_bind(job) ? mount->source && same_path(mount->source, "/proc")
                                         : text_equal(mount->type, "proc");
        const char *pointer = why(job->c, "%s/destination", job->pointer);

        static const char *const allowed[] = {
                "cpuinfo", "diskstats", "meminfo",
                "stat",    "swaps",     "uptime",
                "loadavg", "slabinfo",  "sys/kernel/ns_last_pid",
                "net/dev",
        };

        if (is_proc && !fits && !job->options.remount)
                return spec_error(
                        mount->at, job->c->document, pointer,
                        "only a proc file system may lie on /proc: a container's labels "
                        "and limits are set through it");
        if (!inside_proc)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
                if (same_path(mount->destination + 6, allowed[i]))
                        return 0;
        return spec_error(
                mount->at, job->c->document, pointer,
                "%s is inside /proc: refused, but for the files that lxcfs gives",
                mount->destination);
}

/* A bind mount has no file system of its own: what would be for one cannot be granted. */
static int check_bind_options(const struct mount_job *job)
{
        const struct mount_options *options = &job->options;

        if (options->n_data)
                return compile_refuse_option(
                        job, options->data[0],
                        why(job->c,
                            "'%s' is no option of a bind mount: it would be one of the source's "
                            "file system, which is mounted already",
                            options->data[0]));
        for (size_t i = 0; i < options->n_super; i++)
                plan_note(
                        job->c->plan,
                        "%s: '%s' is left out: it belongs to the source's file system, which is "
                        "mounted already",
                        option_pointer(job, options->super[i]), options->super[i]);
        if (!job->mount.source || !*job->mount.source)
                return spec_error(
                        job->mount.at, job->c->document, why(job->c, "%s/source", job->pointer),
                        "missing: what is to be bound?");
        if (!job->c->facts->has_mount_setattr && (options->set_all || options->clear_all))
                return spec_error(
                        job->mount.at, job->c->document, why(job->c, "%s/options", job->pointer),
                        "recursive attributes need mount_setattr(2), which is since Linux 5.12 and "
                        "may be refused by a seccomp profile around us");
        return 0;
}

static int check_idmap(const struct mount_job *job)
{
        const struct spec_mount *mount = &job->mount;
        const char *pointer = why(job->c, "%s/uidMappings", job->pointer);

        if (!mount->uid_mappings.n != !mount->gid_mappings.n)
                return spec_error(
                        mount->at, job->c->document, pointer,
                        "uidMappings and gidMappings of a mount go together: one of them is "
                        "missing");
        if (!mount->uid_mappings.n && !job->c->user_namespace)
                return compile_refuse_option(
                        job, job->options.idmap_all ? "ridmap" : "idmap",
                        "which mapping? Give the mount uidMappings and gidMappings, or the "
                        "container a user namespace");
        if (compile_is_cgroup(job))
                return spec_error(
                        mount->at, job->c->document, pointer,
                        "the ids of a cgroup mount cannot be mapped");
        if (!job->c->facts->has_mount_setattr)
                return spec_error(
                        mount->at, job->c->document, pointer,
                        "mapping the ids of a mount needs mount_setattr(2), which is since Linux "
                        "5.12 and may be refused by a seccomp profile around us");
        if (!facts_capable(job->c->facts, CAP_SYS_ADMIN))
                return spec_error(
                        mount->at, job->c->document, pointer,
                        "mapping the ids of a mount needs CAP_SYS_ADMIN over its file system: run "
                        "as root, or take the mapping out");
        return 0;
}

int compile_check_mount(const struct mount_job *job)
{
        const struct mount_options *options = &job->options;
        const struct spec_mount *mount = &job->mount;

        if (options->unheard)
                plan_note(
                        job->c->plan,
                        "%s: '%s' has no effect: the kernel's mount interface has no word for it",
                        option_pointer(job, options->unheard), options->unheard);
        if (options->copy_up && (compile_is_bind(job) || !text_equal(mount->type, "tmpfs")))
                return compile_refuse_option(job, "tmpcopyup", "only a tmpfs can be filled");
        if (options->idmap) {
                int r = check_idmap(job);

                if (r < 0)
                        return r;
        }
        if (compile_is_bind(job))
                return check_bind_options(job);
        if (!mount->type || !*mount->type || text_equal(mount->type, "none"))
                return spec_error(
                        mount->at, job->c->document, why(job->c, "%s/type", job->pointer),
                        "missing: it is no bind mount, so what file system is it?");
        return compile_check_lengths(job);
}
