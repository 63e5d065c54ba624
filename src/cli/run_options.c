/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the rows of `husk run`, which are explain's too: what can be run can be
 * explained; but for those about the client they are create's as well. Names and meanings are docker's, podman's where docker has none. What a value means is
 * the engine's business (build_*.c); read here is what belongs to the caller: its environment and
 * the files of --env-file and --label-file. */
#include "commands.h"
#include "linux/linux.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct run_request, kind, field, __VA_ARGS__)

const struct option cli_run_client_options[] = {
        OPTIONS_HEADING("Client:"),
        ROW(FLAG, detach, 'd', "detach", "", "do not wait for its end; print its id"),
        ROW(TEXT, detach_keys, 0, "detach-keys", "KEYS", "keys that leave it running, with -it",
            .shown_default = "ctrl-p,ctrl-q"),
        ROW(FLAG, sig_proxy, 0, "sig-proxy", "", "pass our signals on to it",
            .shown_default = "true"),
        ROW(TEXT, pid_file, 0, "pidfile", "FILE", "write the number of its first process to a file",
            .complete = COMPLETE_FILE),
        ROW(FLAG, timing, 0, "timing", "", "tell how long each step of the start took"),
        OPTIONS_END,
};

const struct option cli_run_options[] = {
        OPTIONS_HEADING("Container:"),
        ROW(FLAG, remove, 0, "rm", "", "remove the container when it has ended"),
        ROW(TEXT, name, 0, "name", "NAME", "name the container"),
        ROW(FLAG, interactive, 'i', "interactive", "", "keep its standard input open"),
        ROW(FLAG, tty, 't', "tty", "", "give it a terminal"),
        ROW(FLAG, init, 0, "init", "", "an init as pid 1: it reaps orphans and passes signals on"),
        ROW(TEXT, id_file, 0, "cidfile", "FILE", "write its id to a file that is not there yet",
            .complete = COMPLETE_FILE),
        ROW(TEXTS, labels, 'l', "label", "KEY[=VALUE]", "attach a label"),
        ROW(TEXTS, label_file, 0, "label-file", "FILE", "labels, one a line",
            .complete = COMPLETE_FILE),
        ROW(TEXTS, annotation, 0, "annotation", "KEY=VALUE", "an annotation of its document"),
        ROW(SIGNAL, stop_signal, 0, "stop-signal", "SIGNAL", "what 'husk stop' sends",
            .shown_default = "TERM"),
        ROW(NUMBER, stop_timeout_s, 0, "stop-timeout", "SECONDS",
            "how long 'husk stop' waits before it kills; -1: for ever", .shown_default = "10"),
        ROW(TEXT, pull, 0, "pull", "WHEN",
            "when to fetch the image: always, missing, never, or newer, which goes on with what is here",
            .values = "always missing never newer", .shown_default = "missing"),
        ROW(FLAG, quiet, 'q', "quiet", "", "do not tell how the image is fetched"),
        ROW(TEXT, platform, 0, "platform", "OS/ARCHITECTURE",
            "which of the image's platforms to run, such as linux/arm64"),
        ROW(TEXT, restart, 0, "restart", "POLICY", "only 'no': nothing starts it again",
            .values = "no", .shown_default = "no"),

        OPTIONS_HEADING("Program:"),
        ROW(TEXT, entrypoint, 0, "entrypoint", "PROGRAM",
            "run this in place of the image's own: a word, or a JSON array of words"),
        ROW(ENV, env, 'e', "env", "NAME[=VALUE]", "set a variable; NAME alone passes on your own"),
        ROW(TEXTS, env_file, 0, "env-file", "FILE", "variables, one a line",
            .complete = COMPLETE_FILE),
        ROW(FLAG, env_host, 0, "env-host", "", "pass on all of your own variables"),
        ROW(TEXTS, unset_env, 0, "unsetenv", "NAME", "leave out a variable of the default ones"),
        ROW(FLAG, unset_env_all, 0, "unsetenv-all", "", "leave out all default variables"),
        ROW(TEXT, workdir, 'w', "workdir", "DIR", "the directory to start in"),
        ROW(USER, user, 'u', "user", "USER[:GROUP]", "names or ids to run as"),
        ROW(TEXTS, group_add, 0, "group-add", "GROUP",
            "one more group, by name or id; keep-groups: your own"),
        ROW(TEXT, umask, 0, "umask", "MODE", "what new files are not allowed",
            .shown_default = "0022"),
        ROW(TEXTS, ulimit, 0, "ulimit", "NAME=SOFT[:HARD]",
            "a limit as of setrlimit(2), such as nofile=1024:4096; -1: none; 'host': all of yours"),
        ROW(NUMBER, oom_score_adj, 0, "oom-score-adj", "NUMBER",
            "-1000 (never) to 1000 (first) to be killed when memory is short"),
        ROW(TEXT, personality, 0, "personality", "DOMAIN", "what uname(2) says: LINUX or LINUX32",
            .values = "LINUX LINUX32"),

        OPTIONS_HEADING("Files and devices:"),
        ROW(TEXT, rootfs, 0, "rootfs", "DIR", "use this directory as the root, not an image",
            .complete = COMPLETE_DIRECTORY),
        ROW(FLAG, read_only, 0, "read-only", "", "mount the root read-only"),
        ROW(TEXTS, volume, 'v', "volume", "DIR:DIR[:OPTIONS]",
            "show a file or directory of the host; made when missing; options such as ro, rslave",
            .complete = COMPLETE_DIRECTORY),
        ROW(TEXTS, mount, 0, "mount", "KEY=VALUE,...",
            "the same in full: type=bind,source=DIR,target=DIR,readonly; type=tmpfs,target=DIR"),
        ROW(TEXTS, tmpfs, 0, "tmpfs", "DIR[:OPTIONS]",
            "files in memory (noexec, nosuid, nodev); options such as size=64m, exec"),
        ROW(SIZE, shm_bytes, 0, "shm-size", "SIZE", "size of /dev/shm", .shown_default = "64m"),
        ROW(TEXTS, storage_opt, 0, "storage-opt", "KEY=VALUE",
            "overlay.mount_program=PATH: this fuse-overlayfs makes the root, not the kernel (ordinary users)"),
        ROW(TEXTS, device, 0, "device", "DEVICE[:PATH][:rwm]",
            "a device of the host, or a directory of devices", .complete = COMPLETE_FILE),
        ROW(TEXTS, device_rule, 0, "device-cgroup-rule", "RULE",
            "allow devices that are made later, such as 'c 42:* rmw'"),

        OPTIONS_HEADING("Namespaces:"),
        ROW(TEXT, network, 0, "network", "NETWORK", "none, host, container:NAME or ns:PATH",
            .alias = "net", .values = "none host", .shown_default = "none"),
        ROW(TEXT, pid, 0, "pid", "MODE", "processes: private, host, container:NAME or ns:PATH",
            .values = "private host", .shown_default = "private"),
        ROW(TEXT, ipc, 0, "ipc", "MODE",
            "System V IPC, queues, /dev/shm: private, shareable, none, host, container:NAME or ns:PATH",
            .values = "private shareable none host", .shown_default = "private"),
        ROW(TEXT, uts, 0, "uts", "MODE", "host name: private, host, container:NAME or ns:PATH",
            .values = "private host", .shown_default = "private"),
        ROW(TEXT, cgroupns, 0, "cgroupns", "MODE",
            "view of cgroups: private, host, container:NAME or ns:PATH", .values = "private host",
            .shown_default = "private"),
        ROW(TEXT, userns, 0, "userns", "MODE",
            "users: host, private (with --uidmap), keep-id, container:NAME or ns:PATH",
            .values = "host private keep-id", .shown_default = "host"),
        ROW(TEXTS, uid_map, 0, "uidmap", "ID:HOST-ID[:COUNT]", "users of a new user namespace"),
        ROW(TEXTS, gid_map, 0, "gidmap", "ID:HOST-ID[:COUNT]",
            "groups of a new user namespace (default those of --uidmap)"),
        ROW(TEXT, hostname, 'h', "hostname", "NAME", "host name",
            .shown_default = "the beginning of the id"),
        ROW(TEXT, domainname, 0, "domainname", "NAME", "NIS domain name"),
        ROW(TEXT, time_offset, 0, "time-offset", "CLOCK=SECONDS,...",
            "clocks of its own: monotonic=86400,boottime=-60"),
        ROW(TEXTS, sysctl, 0, "sysctl", "NAME=VALUE", "set a kernel parameter of its namespaces"),

        OPTIONS_HEADING("Limits:"),
        ROW(SIZE, memory_bytes, 'm', "memory", "SIZE", "limit of memory, such as 512m"),
        ROW(SIZE, memory_reservation_bytes, 0, "memory-reservation", "SIZE",
            "memory that it keeps when memory is short"),
        ROW(LIMIT, memory_swap_bytes, 0, "memory-swap", "SIZE",
            "limit of memory and swap together; -1: none (default twice --memory)"),
        ROW(NUMBER, memory_swappiness, 0, "memory-swappiness", "NUMBER",
            "0 (never) to 100 (eagerly) to swap; -1: as the host"),
        ROW(FLAG, oom_kill_disable, 0, "oom-kill-disable", "",
            "wait instead of being killed when its memory is used up (cgroup v1)"),
        ROW(CPUS, nano_cpus, 0, "cpus", "NUMBER", "limit of processor time, such as 1.5"),
        ROW(I64, cpu_shares, 'c', "cpu-shares", "NUMBER",
            "share of processor time when it is short: 2 to 262144, 1024 is usual"),
        ROW(I64, cpu_period_us, 0, "cpu-period", "MICROSECONDS", "period of --cpu-quota"),
        ROW(I64, cpu_quota_us, 0, "cpu-quota", "MICROSECONDS",
            "processor time a period; -1: no limit"),
        ROW(I64, cpu_rt_period_us, 0, "cpu-rt-period", "MICROSECONDS",
            "period of --cpu-rt-runtime"),
        ROW(I64, cpu_rt_runtime_us, 0, "cpu-rt-runtime", "MICROSECONDS",
            "time of real-time processes a period"),
        ROW(TEXT, cpuset_cpus, 0, "cpuset-cpus", "LIST", "processors to run on, such as 0-2,7"),
        ROW(TEXT, cpuset_mems, 0, "cpuset-mems", "LIST", "memory nodes to use, such as 0,1"),
        ROW(I64, pids_limit, 0, "pids-limit", "NUMBER", "limit of processes; -1: none"),
        ROW(U64, blkio_weight, 0, "blkio-weight", "NUMBER",
            "share of disk time when it is short: 10 to 1000"),
        ROW(TEXTS, blkio_weight_device, 0, "blkio-weight-device", "DEVICE:NUMBER",
            "the same of one disk"),
        ROW(TEXTS, device_read_bps, 0, "device-read-bps", "DEVICE:SIZE", "bytes a second to read"),
        ROW(TEXTS, device_write_bps, 0, "device-write-bps", "DEVICE:SIZE",
            "bytes a second to write"),
        ROW(TEXTS, device_read_iops, 0, "device-read-iops", "DEVICE:NUMBER", "reads a second"),
        ROW(TEXTS, device_write_iops, 0, "device-write-iops", "DEVICE:NUMBER", "writes a second"),
        ROW(TEXT, cgroup_parent, 0, "cgroup-parent", "CGROUP", "cgroup to make its own below"),
        ROW(TEXTS, cgroup_conf, 0, "cgroup-conf", "FILE=VALUE",
            "write to a file of its cgroup (cgroup v2), such as memory.high=1073741824"),
        ROW(TEXT, rdt_class, 0, "rdt-class", "CLASS", "class of Intel resource control"),

        OPTIONS_HEADING("Privileges:"),
        ROW(TEXTS, cap_add, 0, "cap-add", "CAPABILITY", "add a capability, or ALL"),
        ROW(TEXTS, cap_drop, 0, "cap-drop", "CAPABILITY", "drop a capability, or ALL"),
        ROW(TEXTS, security_opt, 0, "security-opt", "OPTION",
            "seccomp=default|nesting|unconfined|FILE, no-new-privileges, apparmor=PROFILE, "
            "label=disable|type:T, systempaths=unconfined, mask=PATH, unmask=ALL|PATH, "
            "writable-cgroups"),
        ROW(FLAG, privileged, 0, "privileged", "",
            "all capabilities and devices, no filter, nothing masked"),
        ROW(TEXTS, landlock, 0, "landlock", "RULE",
            "confine it by Landlock, such as exec:/, rw:/tmp, bind:8080, connect:none"),
        OPTIONS_END,
};

const struct option cli_run_operands[] = {
        OPERAND(struct run_request, TEXTS, argv, "IMAGE", "the image or 'host', then the command",
                .values = "host"),
        OPTIONS_END,
};

const struct run_request cli_run_defaults = CLI_RUN_DEFAULTS;

/* -- files of lines ------------------------------------------------------------------------------- */

static void append(struct arena *arena, struct words *words, const char *word)
{
        /* Doubled at every power of two, so that many lines cost little. */
        if (!(words->n & (words->n + 1))) {
                const char **items = arena_array(arena, 2 * words->n + 2, sizeof *items);

                if (words->n)
                        memcpy(items, words->items, words->n * sizeof *items);
                words->items = items;
        }
        words->items[words->n++] = word;
        words->items[words->n] = NULL;
}

/* One line: docker's rules. What is behind "#" at its beginning is a comment, space before the name
 * is nothing, what is behind "=" is the value as it stands. */
static int read_line(struct arena *arena, char *line, bool variable, struct words *words)
{
        char *name = line + strspn(line, " \t");
        size_t len = strcspn(name, "=");
        const char *own;

        if (!*name || *name == '#')
                return 0;
        if (len == 0)
                return trail(-EINVAL, "there is no name before the '='");
        if (strcspn(name, " \t") < len)
                return trail(-EINVAL, "the name '%.*s' has white space in it", (int)len, name);
        if (!variable || name[len]) {
                append(arena, words, name);
                return 0;
        }
        own = getenv(name);
        if (own)
                append(arena, words, arena_format(arena, "%s=%s", name, own));
        return 0;
}

/* Lines of a file, before those words that were given one by one. */
static int read_lines(
        struct arena *arena, const char *option, const char *path, struct words *words)
{
        enum {
                FILE_MAX = 16 << 20
        };
        struct text text;
        char *line;
        int r = file_read(arena, AT_FDCWD, path, FILE_MAX, &text);

        if (r < 0) {
                trail_reset();
                return trail(r, "%s: cannot read %s: %s", option, path, text_errno(r));
        }
        if (text.len && memchr(text.data, '\0', text.len))
                return trail(-EINVAL, "%s: %s is no text: it has a NUL in it", option, path);
        line = arena_string(arena, text_string(&text));
        if (text_starts(line, "\xef\xbb\xbf"))
                line += 3;
        for (unsigned number = 1; *line; number++) {
                char *end = line + strcspn(line, "\n");
                bool last = !*end;

                *end = '\0';
                if (end > line && end[-1] == '\r')
                        end[-1] = '\0';
                r = read_line(arena, line, text_equal(option, "--env-file"), words);
                if (r < 0)
                        return trail(r, "%s: %s:%u", option, path, number);
                line = last ? end : end + 1;
        }
        return 0;
}

int cli_read_files(
        struct arena *arena, const char *option, const struct words *files, struct words *words)
{
        struct words all = { 0 };

        for (size_t i = 0; i < files->n; i++) {
                int r = read_lines(arena, option, files->items[i], &all);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < words->n; i++)
                append(arena, &all, words->items[i]);
        *words = all;
        return 0;
}

/* -- what the rows cannot say ---------------------------------------------------------------------- */

static void add_own_environment(struct arena *arena, struct words *env)
{
        struct words all = { 0 };

        for (char **at = environ; *at; at++)
                if ((*at)[0] != '=' && strchr(*at, '='))
                        append(arena, &all, *at);
        for (size_t i = 0; i < env->n; i++)
                append(arena, &all, env->items[i]);
        *env = all;
}

int cli_run_finish(struct arena *arena, struct run_request *run)
{
        int r = cli_read_files(arena, "--env-file", &run->env_file, &run->env);

        if (r == 0)
                r = cli_read_files(arena, "--label-file", &run->label_file, &run->labels);
        if (r < 0)
                return r;
        if (run->env_host)
                add_own_environment(arena, &run->env);
        if (run->restart && !text_equal(run->restart, "no")) {
                trail_hint("let the service manager of the host start it again");
                return trail(
                        -EINVAL,
                        "'%s' is not a value for --restart: there is no daemon that could start a "
                        "container again",
                        run->restart);
        }
        if (run->stop_timeout_s.set &&
            (run->stop_timeout_s.value < -1 || run->stop_timeout_s.value > INT32_MAX))
                return trail(-ERANGE, "--stop-timeout: expected seconds, or -1 for ever");
        if (run->rootfs)
                return 0;
        if (!run->argv.n) {
                trail_hint("'host' is the image of this very system: husk run host sh");
                return trail(-EINVAL, "an image, or --rootfs DIR, is missing");
        }
        run->image = run->argv.items[0];
        run->argv.items++;
        run->argv.n--;
        return 0;
}
