/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of `husk run` from the words that are typed to the document that they make, and the words
 * that are refused. Each row of `documents` was read against docker's and podman's manuals. */
#include "cli/commands.h"
#include "cli/options.h"
#include "engine/store.h"
#include "tap.h"

#include <sys/stat.h>

#define OWN ((1ULL << 41) - 1)

static const struct facts facts = { .kernel_major = 6, .kernel_minor = 1, .caps = OWN };
static const struct facts old = { .kernel_major = 5, .kernel_minor = 10, .caps = OWN };
static const struct facts user = { .kernel_major = 6, .kernel_minor = 1, .uid = 1000, .gid = 100 };

/* `line` is split at "|". 0 and the document on one line, or what the engine or the parser says. */
static int build_for(
        struct arena *arena, const struct facts *host, const char *line, const char **ret_document)
{
        static char *argv[64];
        struct parse p = {
                .face = &cli_face_husk, .command = &cli_cmd_run, .arena = arena, .argv = argv
        };
        struct build_result result;
        struct text document = { .arena = arena };
        struct run_request *request = arena_new(arena, struct run_request);
        int r;

        for (char *at = arena_string(arena, line), *word; (word = strsep(&at, "|"));)
                argv[p.argc++] = word;
        argv[p.argc++] = arena_string(arena, "host");
        argv[p.argc++] = arena_string(arena, "true");
        argv[p.argc] = NULL;
        *request = cli_run_defaults;
        request->workdir = "/";
        request->engine = (struct engine_options){ "/no/such/store", "/no/such/run", false };
        p.request = request;
        trail_reset();
        r = cli_options_parse(&p);
        if (r == 0)
                r = cli_run_finish(arena, request);
        if (r == 0)
                r = build_spec(
                        arena, request, "0123456789abcdef",
                        &(struct build_host){
                                .store = "/store/containers", .facts = host, .explain = true },
                        &result);
        if (r < 0)
                return r;
        spec_encode(result.spec, 0, &document);
        text_addf(&document, "|seccomp=%s", result.seccomp ? result.seccomp : "");
        *ret_document = text_string(&document);
        return 0;
}

/* The document has the text; with "!" before it, has not. */
static void shows(const struct facts *host, const char *line, const char *part)
{
        auto_arena arena = { 0 };
        const char *document = "";
        int r = build_for(&arena, host, line, &document);

        if (r < 0)
                printf("# %s: %d %s\n", line, r, trail_text());
        CHECK_INT(r, 0);
        if (r == 0 && (strstr(document, part + (*part == '!')) != NULL) == (*part == '!')) {
                printf("# %s\n#   makes  %s\n#   wanted %s\n", line, document, part);
                CHECK(false);
        }
}

struct row {
        const char *line, *part;
};

static const struct row files[] = {
        { "-v|/usr:/data", "{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/usr\","
                           "\"options\":[\"rbind\",\"rprivate\"]}" },
        { "-v|/usr/:/data//x/../y:ro", "\"/data/y\",\"type\":\"bind\",\"source\":\"/usr/\","
                                       "\"options\":[\"rbind\",\"rro\",\"rprivate\"]" },
        { "-v|/usr:/d:rslave,nosuid", "[\"rbind\",\"rslave\",\"nosuid\"]" },
        { "-v|/usr:/d:rslave", "\"rootfsPropagation\":\"rslave\"" },
        { "-v|/usr:/d:rshared,ro", "\"rootfsPropagation\":\"shared\"" },
        { "-v|/usr:/d:bind,ro", "[\"bind\",\"ro\",\"rprivate\"]" },
        { "-v|/usr:/d:idmap", "[\"rbind\",\"ridmap\",\"rprivate\"]" },
        { "-v|/usr:/d:idmap=uids=0-1000-1#1-5-9;gids=0-100-1",
          "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1},{\"containerID\":1,"
          "\"hostID\":5,\"size\":9}],\"gidMappings\":[{\"containerID\":0,\"hostID\":100,"
          "\"size\":1}]" },
        { "-v|/no/such/place:/d", "\"source\":\"/no/such/place\"" },
        { "--mount|type=bind,src=/usr,dst=/d,readonly", "[\"rbind\",\"rro\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,ro=false", "[\"rbind\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,ro,bind-recursive=writable",
          "[\"rbind\",\"ro\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,bind-recursive=disabled", "[\"bind\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,bind-nonrecursive", "[\"bind\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,ro,bind-recursive=readonly,bind-propagation=rprivate",
          "[\"rbind\",\"rro\",\"rprivate\"]" },
        { "--mount|type=bind,src=/usr,dst=/d,bind-propagation=slave", "[\"rbind\",\"slave\"]" },
        { "--mount|type=bind,\"src=/usr\",\"dst=/a,\"\"b\"\"\"",
          "\"destination\":\"/a,\\\"b\\\"\"" },
        { "--mount|type=tmpfs,dst=/d,tmpfs-size=64m,tmpfs-mode=1770",
          "\"/d\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"noexec\",\"nosuid\","
          "\"nodev\",\"size=67108864\",\"mode=1770\"]" },
        { "--tmpfs|/d", "\"options\":[\"noexec\",\"nosuid\",\"nodev\"]}" },
        { "--tmpfs|/d:rw,exec,size=1g,mode=700",
          "[\"noexec\",\"nosuid\",\"nodev\",\"exec\",\"size=1g\",\"mode=700\"]" },
        { "--tmpfs|/run:size=1m", "!\"mode=755\"]},{\"destination\":\"/run\"" },
        { "--tmpfs|/a/b|--tmpfs|/a", "\"/a\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
                                     "\"options\":[\"noexec\",\"nosuid\",\"nodev\"]},"
                                     "{\"destination\":\"/a/b\"" },
        { "--shm-size|1m", "\"mode=1777\",\"size=1048576\"" },
        { "--rm", "\"mode=1777\",\"size=65536k\"" },
        { "--read-only", "\"readonly\":true" },
        { "--device|/dev/null:/dev/nought:r",
          "{\"path\":\"/dev/nought\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":438,"
          "\"uid\":0,\"gid\":0}" },
        { "--device|/dev/null:/dev/nought:r",
          "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"r\"}" },
        { "--device|/dev/null:rw", "\"path\":\"/dev/null\"" },
        { "--device-cgroup-rule|c 42:* rmw",
          "{\"allow\":true,\"type\":\"c\",\"major\":42,\"access\":\"rmw\"}" },
        { "--device-cgroup-rule|b 8:1 r",
          "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1,\"access\":\"r\"}" },
};

static const struct row namespaces[] = {
        { "--rm", "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"},{\"type\":\"pid\"},"
                  "{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"cgroup\"}]" },
        { "--pid|host", "!{\"type\":\"pid\"}" },
        { "--ipc|host", "!{\"type\":\"ipc\"}" },
        { "--ipc|host", "{\"destination\":\"/dev/shm\",\"type\":\"bind\",\"source\":\"/dev/shm\"" },
        { "--ipc|none", "!/dev/shm" },
        { "--ipc|shareable", "{\"type\":\"ipc\"}" },
        { "--uts|host", "!\"hostname\"" },
        { "--cgroupns|host", "!{\"type\":\"cgroup\"}" },
        { "--network|ns:/run/netns/x", "{\"type\":\"network\",\"path\":\"/run/netns/x\"}" },
        { "--uidmap|0:100000:65536",
          "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
          "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]" },
        { "--uidmap|0:7|--gidmap|0:8:9",
          "\"hostID\":7,\"size\":1}],\"gidMappings\":[{\"containerID\":0,\"hostID\":8,"
          "\"size\":9}]" },
        { "--uidmap|0:100000:65536", "{\"type\":\"user\"}" },
        { "--userns|keep-id", "{\"containerID\":0,\"hostID\":0,\"size\":4294967295}" },
        { "--userns|host", "!{\"type\":\"user\"}" },
        { "-h|box|--domainname|home", "\"hostname\":\"box\",\"domainname\":\"home\"" },
        { "--time-offset|monotonic=86400,boottime=-60.5",
          "\"timeOffsets\":{\"boottime\":{\"secs\":-61,\"nanosecs\":500000000},"
          "\"monotonic\":{\"secs\":86400}}" },
        { "--time-offset|boottime=5", "{\"type\":\"time\"}" },
        { "--sysctl|net.core.somaxconn=4|--sysctl|net.core.somaxconn=5",
          "\"sysctl\":{\"net.core.somaxconn\":\"5\"}" },
};

static const struct row limits[] = {
        { "-m|64m|--memory-swap|128m|--memory-reservation|32m|--memory-swappiness|0",
          "\"memory\":{\"limit\":67108864,\"reservation\":33554432,\"swap\":134217728,"
          "\"swappiness\":0}" },
        { "-m|64m|--memory-swap|-1", "\"swap\":-1" },
        { "--oom-kill-disable", "\"disableOOMKiller\":true" },
        { "--memory-swappiness|-1", "!\"memory\"" },
        { "--cpus|1.5", "\"cpu\":{\"quota\":150000,\"period\":100000}" },
        { "-c|512|--cpu-period|50000|--cpu-quota|25000|--cpuset-cpus|0-1|--cpuset-mems|0",
          "\"cpu\":{\"shares\":512,\"quota\":25000,\"period\":50000,\"cpus\":\"0-1\","
          "\"mems\":\"0\"}" },
        { "--cpu-rt-period|1000000|--cpu-rt-runtime|950000",
          "\"realtimeRuntime\":950000,\"realtimePeriod\":1000000" },
        { "--pids-limit|-1", "\"pids\":{\"limit\":-1}" },
        { "--pids-limit|0", "!\"pids\"" },
        { "--blkio-weight|300", "\"blockIO\":{\"weight\":300}" },
        { "--cgroup-conf|memory.high=1|--cgroup-conf|cpu.idle=1",
          "\"unified\":{\"memory.high\":\"1\",\"cpu.idle\":\"1\"}" },
        { "--cgroup-parent|/a/b", "\"cgroupsPath\":\"/a/b/husk-0123456789abcdef\"" },
        { "--cgroup-parent|a", "\"cgroupsPath\":\"/a/husk-0123456789abcdef\"" },
        { "--ulimit|nofile=10:20|--ulimit|CORE=-1",
          "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":20,\"soft\":10},"
          "{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,"
          "\"soft\":18446744073709551615}]" },
        { "--ulimit|nofile=1|--ulimit|nofile=2", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":2,"
                                                 "\"soft\":2}]" },
        { "--ulimit|host", "{\"type\":\"RLIMIT_STACK\"" },
        { "--oom-score-adj|0", "\"oomScoreAdj\":0" },
        { "--oom-score-adj|-5", "\"oomScoreAdj\":-5" },
        { "--rdt-class|gold", "\"intelRdt\":{\"closID\":\"gold\"}" },
};

static const struct row privileges[] = {
        { "--rm", "|seccomp=default" },
        { "--security-opt|seccomp=nesting", "|seccomp=nesting" },
        { "--security-opt|seccomp=builtin", "|seccomp=default" },
        { "--security-opt|seccomp:unconfined", "|seccomp=" },
        { "--security-opt|no-new-privileges", "\"noNewPrivileges\":true" },
        { "--security-opt|no-new-privileges:true", "\"noNewPrivileges\":true" },
        { "--security-opt|no-new-privileges=false", "!noNewPrivileges" },
        { "--security-opt|apparmor=mine", "\"apparmorProfile\":\"mine\"" },
        { "--security-opt|label=type:a_t|--security-opt|label=level:s0:c1",
          "\"selinuxLabel\":\"system_u:system_r:a_t:s0:c1\"" },
        { "--security-opt|label=type:a_t|--security-opt|label=disable", "!selinuxLabel" },
        { "--security-opt|systempaths=unconfined", "\"maskedPaths\":[\"/store/containers\"]" },
        { "--security-opt|systempaths=unconfined", "\"readonlyPaths\":[]" },
        { "--security-opt|unmask=/proc/k*:/sys/firmware",
          "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/latency_stats\"" },
        { "--security-opt|unmask=/proc/sys", "\"readonlyPaths\":[\"/proc/bus\","
                                             "\"/proc/dynamic_debug\",\"/proc/fs\","
                                             "\"/proc/irq\",\"/proc/sysrq-trigger\"]" },
        { "--security-opt|mask=/a:/b",
          "\"/proc/scsi\",\"/proc/interrupts\","
          "\"/sys/devices/virtual/powercap\",\"/a\",\"/b\",\"/store/containers\"]" },
        { "--security-opt|writable-cgroups",
          "\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\","
          "\"noexec\",\"nodev\",\"relatime\"]" },
        { "--privileged", "|seccomp=" },
        { "--privileged", "CAP_SYS_ADMIN" },
        { "--privileged|--cap-drop|SYS_ADMIN", "!CAP_SYS_ADMIN" },
        { "--privileged|--security-opt|seccomp=default", "|seccomp=default" },
        { "--privileged", "{\"allow\":true,\"type\":\"a\",\"access\":\"rwm\"}" },
        { "--privileged", "\"path\":\"/dev/full\"" },
        { "--privileged", "!/dev/pts/" },
        { "--privileged", "\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":["
                          "\"nosuid\",\"noexec\",\"nodev\"]" },
        { "--privileged", "!/proc/kcore" },
        { "--landlock|best-effort|--landlock|rw?:/a", "\"best-effort;rw?:/a\"" },
        { "--landlock|ro:/usr|--landlock|bind:8080",
          "\"annotations\":{\"dev.husk.landlock\":\"ro:/usr;bind:8080\"}" },
};

static const struct row programs[] = {
        { "--entrypoint|[\"/bin/echo\",\"-n\"]", "\"args\":[\"/bin/echo\",\"-n\",\"true\"]" },
        { "--entrypoint|sh", "\"args\":[\"sh\",\"true\"]" },
        { "--init", "\"annotations\":{\"dev.husk.init\":\"true\"}" },
        { "--annotation|a=1|--annotation|b=x=y", "\"annotations\":{\"a\":\"1\",\"b\":\"x=y\"}" },
        { "--umask|027", "\"umask\":23" },
        { "--group-add|7|--group-add|root", "\"additionalGids\":[" },
        { "--personality|linux32", "\"personality\":{\"domain\":\"LINUX32\"}" },
        { "--unsetenv|HOSTNAME", "!HOSTNAME=" },
        { "--unsetenv|HOSTNAME|-e|HOSTNAME=x", "\"HOSTNAME=x\"" },
        { "--unsetenv-all", "\"env\":[]" },
        { "--unsetenv-all|-e|A=1", "\"env\":[\"A=1\"]" },
};

#define ALL(rows)                                                      \
        do {                                                           \
                for (size_t i = 0; i < ARRAY_SIZE(rows); i++)          \
                        shows(&facts, (rows)[i].line, (rows)[i].part); \
        } while (0)

TEST(files_and_devices)
{
        ALL(files);
}

TEST(namespaces)
{
        ALL(namespaces);
}

TEST(limits)
{
        ALL(limits);
}

TEST(privileges)
{
        ALL(privileges);
}

TEST(programs)
{
        ALL(programs);
}

TEST(other_hosts)
{
        shows(&old, "-v|/usr:/d:ro", "[\"rbind\",\"ro\",\"rprivate\"]");
        shows(&user, "--rm", "{\"type\":\"user\"}");
        shows(&user, "--rm",
              "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
              "\"gidMappings\":[{\"containerID\":0,\"hostID\":100,\"size\":1}]");
        shows(&user, "--userns|keep-id", "{\"containerID\":1000,\"hostID\":1000,\"size\":1}");
}

static const struct row refused[] = {
        { "-v|/data", "volumes without a source are not there yet" },
        { "-v|named:/d", "named volumes are not there yet" },
        { "-v|/usr:relative", "an absolute path other than /" },
        { "-v|/usr:/", "an absolute path other than /" },
        { "-v|/usr:/d:ro:x", "no more colons" },
        { "-v|/usr:/d:rx", "'/usr:/d:rx' is not a value for --volume: the option 'rx' is none of" },
        { "-v|/usr:/d|-v|/etc:/d/", "/d is there twice" },
        { "-v|/usr:/d|--tmpfs|/d", "'/d' is not a value for --tmpfs: /d is there twice" },
        { "-v|/usr:/d:idmap=uids=0-1", "idmap is expected" },
        { "--mount|type=bind,src=/no/such,dst=/d", "source /no/such: No such file" },
        { "--mount|src=/usr,dst=/d", "type=volume, which is the default, is not there yet" },
        { "--mount|type=bind,dst=/d", "source is missing" },
        { "--mount|type=bind,src=/usr", "target is missing" },
        { "--mount|type=bind,src=/usr,dst=/d,shiny", "unknown key 'shiny'" },
        { "--mount|type=bind,src=/usr,dst=/d,tmpfs-size=1", "are for type=tmpfs" },
        { "--mount|type=tmpfs,src=/usr,dst=/d", "a tmpfs has no source" },
        { "--mount|type=tmpfs,dst=/d,tmpfs-mode=9", "tmpfs-mode is octal" },
        { "--mount|type=bind,src=/usr,dst=/d,bind-recursive=readonly", "needs readonly" },
        { "--mount|type=bind,src=/usr,dst=/d,ro,bind-recursive=readonly", "=rprivate" },
        { "--mount|type=bind,src=/usr,dst=/d,readonly=maybe", "readonly is true or false" },
        { "--mount|type=bind,\"src=/usr", "a quote is not closed" },
        { "--mount|type=npipe,src=/usr,dst=/d", "there is no type 'npipe'" },
        { "--mount|", "expected KEY=VALUE" },
        { "--tmpfs|d", "an absolute path" },
        { "--tmpfs|/d:shiny", "'shiny' is no option of tmpfs(5)" },
        { "--tmpfs|/d:size=big", "a size is expected" },
        { "--device|/dev/no-such", "/dev/no-such: No such file" },
        { "--device|/etc/passwd", "/etc/passwd is no device" },
        { "--device|/dev/null:/dev/x:rwx", "'rwx' is no access" },
        { "--device|null", "a path begins with /" },
        { "--device-cgroup-rule|c 42 rwm", "expected a type" },
        { "--device-cgroup-rule|x 1:2 rwm", "expected a type" },
        { "--device-read-bps|/dev/null:1m", "/dev/null is no block device" },
        { "--device-write-iops|/dev/null", "expected a disk and a number" },
        { "--blkio-weight|5", "'5' is not a value for --blkio-weight: expected 10 to 1000" },
        { "--ulimit|nofile", "expected NAME=SOFT[:HARD]" },
        { "--ulimit|files=1", "'files' is none of" },
        { "--ulimit|nofile=2:1", "the soft limit cannot be more" },
        { "--ulimit|nofile=x", "a limit is a whole number" },
        { "--oom-score-adj|1001", "expected -1000 to 1000" },
        { "--memory-swappiness|101", "expected 0 to 100" },
        { "--memory-swap|1m", "it goes with --memory only" },
        { "-m|2m|--memory-swap|1m", "cannot be less than --memory" },
        { "-m|1m|--memory-reservation|2m", "cannot be more than --memory" },
        { "--cpus|1|--cpu-quota|5000", "give it or them" },
        { "--cpus|0.001", "0.01 is the least" },
        { "--cpu-period|10", "expected 1000 to 1000000" },
        { "--cpu-quota|10", "expected at least 1000" },
        { "--cpuset-cpus|0-", "'0-' is not a value for --cpuset-cpus" },
        { "--cpuset-cpus|1,", "expected numbers and ranges" },
        { "--cpuset-mems|3-1", "expected numbers and ranges" },
        { "--pids-limit|-2", "-1 is no limit" },
        { "--cgroup-conf|memory.high", "expected NAME=VALUE" },
        { "--cgroup-parent|../x", "expected a cgroup's path" },
        { "--pid|some", "'some' is not a value for --pid: there is no such mode" },
        { "--pid|container:", "there is no such mode" },
        { "--ipc|container:nobody", "--ipc container:nobody: container 'nobody' does not exist" },
        { "--uts|ns:relative", "ns: is followed by an absolute path" },
        { "--uts|host|-h|x", "--hostname would change the name of others" },
        { "--network|mine", "there is no network 'mine'" },
        { "--userns|auto", "'auto' is not a value for --userns" },
        { "--userns|private", "--uidmap ID:HOST-ID:COUNT is missing" },
        { "--userns|host|--uidmap|0:1:1", "do not go with --userns host" },
        { "--uidmap|0", "expected ID:HOST-ID[:COUNT]" },
        { "--uidmap|0:1:0", "expected ID:HOST-ID[:COUNT]" },
        { "--gidmap|a:1:1", "'a:1:1' is not a value for --gidmap" },
        { "--time-offset|monotonic", "expected monotonic=SECONDS" },
        { "--time-offset|realtime=5", "expected monotonic=SECONDS" },
        { "--time-offset|boottime=1.", "expected monotonic=SECONDS" },
        { "--sysctl|net.core", "'net.core' is not a value for --sysctl: expected NAME=VALUE" },
        { "--security-opt|no-new", "'no-new' is not a value for --security-opt" },
        { "--security-opt|seccomp=", "its value is missing" },
        { "--security-opt|label=shiny", "label= is disable, user:U" },
        { "--security-opt|systempaths=no", "systempaths= is unconfined" },
        { "--security-opt|mask=rel", "paths begin with /" },
        { "--security-opt|no-new-privileges=maybe", "it is true or false" },
        { "--landlock|usr", "expected a rule such as exec:/" },
        { "--landlock|ro:/a;rw:/b", "expected a rule such as exec:/" },
        { "--entrypoint|[1]", "an array of strings is expected" },
        { "--entrypoint|[\"a\"", "--entrypoint:1:5" },
        { "--umask|8", "expected octal" },
        { "--personality|BSD", "expected LINUX or LINUX32" },
        { "--group-add|no-such-group", "there is no group 'no-such-group'" },
        { "--group-add|keep-groups|--group-add|1", "does not go with other groups" },
        { "--restart|always", "there is no daemon" },
        { "--env-file|/no/such", "--env-file: cannot read /no/such: No such file" },
        { "--stop-signal|NOPE", "'NOPE' is not a value for --stop-signal" },
        { "--stop-timeout|-2", "expected seconds, or -1" },
        { "--annotation|=x", "expected NAME=VALUE" },
};

TEST(what_is_refused)
{
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                auto_arena arena = { 0 };
                const char *document;
                int r = build_for(&arena, &facts, refused[i].line, &document);

                if (r >= 0 || !strstr(trail_text(), refused[i].part)) {
                        printf("# %s: %d\n#   says   %s\n#   wanted %s\n", refused[i].line, r,
                               trail_text(), refused[i].part);
                        CHECK(false);
                }
        }
}

static const char *file_of(struct arena *arena, const char *content)
{
        char *path = arena_string(arena, "/tmp/husk-lines.XXXXXX");
        int fd = mkstemp(path);

        CHECK(fd >= 0);
        CHECK_INT(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
        return path;
}

static const char *environment(struct arena *arena, const char *content, const char *more)
{
        const char *path = file_of(arena, content), *document = "";
        int r = build_for(
                arena, &facts, arena_format(arena, "--unsetenv-all|--env-file|%s%s", path, more),
                &document);

        unlink(path);
        return r < 0 ? trail_text() : document;
}

TEST(files_of_variables)
{
        auto_arena arena = { 0 };

        setenv("HUSK_TEST_A", "outside", 1);
        unsetenv("HUSK_TEST_B");
        CHECK(strstr(
                environment(
                        &arena, "# a comment\n\n  A=1\nB= two \r\nHUSK_TEST_A\nHUSK_TEST_B\nC=#x",
                        "|-e|A=2"),
                "\"env\":[\"B= two \",\"HUSK_TEST_A=outside\",\"C=#x\",\"A=2\"]"));
        CHECK(
                strstr(environment(&arena, "A=1\nB C=2\n", ""),
                       ":2: the name 'B C' has white space in it"));
        CHECK(strstr(environment(&arena, "=1\n", ""), ":1: there is no name"));
        CHECK(strstr(environment(&arena, "A=1\nA=2\n", ""), "\"env\":[\"A=2\"]"));
        CHECK(strstr(environment(&arena, "", "|--env-host"), "\"HUSK_TEST_A=outside\""));
}
