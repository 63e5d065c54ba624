/* SPDX-License-Identifier: Apache-2.0 */
/* The script: against a golden file, and for real: the container that it makes must show the same
 * of itself as the one that apply makes of the same plan. */
#include "sample.h"
#include "tap.h"

#include <fcntl.h>

#include <sys/stat.h>

static const char *script_of(struct sample *s)
{
        struct text out = { .arena = &s->arena };

        sample_build(s);
        plan_print_shell(&s->plan, &out);
        return text_string(&out);
}

TEST(script_of_a_plan)
{
        auto_sample s = { 0 };

        CHECK_GOLDEN("tests/unit/plan/sample.sh", script_of(&s));
}

TEST(nothing_ends_a_comment_or_the_inner_script)
{
        static const char *const words[] = { "Description='x\nreboot #'" };
        auto_sample s = { .script = "x\nINIT\ntouch /oops\nINIT_1\n", .cwd = "/a\nb" };
        const char *script;

        s.plan.arena = &s.arena;
        plan_note(&s.plan, "a\nreboot");
        plan_add(
                &s.plan, HOST, "-", set_unit, .socket = "/run/x\nreboot", .unit = "u\nreboot",
                .properties = { words, 1 });
        script = script_of(&s);
        CHECK(strstr(script, "<<'INIT_2'"));
        CHECK(!strstr(script, "\nreboot"));
        CHECK(strstr(script, "# note: a\\x0areboot"));
        CHECK(strstr(script, "/run/x\\x0areboot"));
}

/* The script of a plan of host operations only. */
static const char *host_script(struct plan *plan)
{
        struct text out = { .arena = plan->arena };

        plan->id = "c1";
        plan_print_shell(plan, &out);
        return text_string(&out);
}

static void has(const char *script, const char *words)
{
        if (!strstr(script, words))
                CHECK_STR(script, words);
}

TEST(cgroups_and_store)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        const char *script;

        plan_add(&plan, HOST, "[store]", make_store, .path = "/run/husk/c 1", .mode = 0700);
        plan_add(
                &plan, HOST, "[store]", make_file, .path = "/run/husk/c 1/f", .mode = 0644,
                .content = "# 1");
        plan_add(
                &plan, HOST, "/linux/cgroupsPath", delegate_cgroup, .path = "/sys/fs/cgroup/a/b",
                .controllers = "+cpu +pids");
        plan_add(
                &plan, HOST, "/linux/cgroupsPath", make_cgroup, .path = "/sys/fs/cgroup/a/b",
                .cgroup = 0);
        plan_add(
                &plan, HOST, "/linux/resources/pids", set_cgroup, .cgroup = 0, .file = "pids.max",
                .values = "7");
        plan_add(
                &plan, HOST, "/linux/resources/devices", set_cgroup, .cgroup = 0,
                .file = "devices.allow", .values = "c 1:3 rwm\nb *:* m\n", .optional = 1);
        plan_add(
                &plan, HOST, "/linux/resources/memory/swap", set_cgroup_pair, .cgroup = 0,
                .file = "one", .value = "1", .file2 = "two", .value2 = "2");
        plan_add(
                &plan, HOST, "/linux/cgroupsPath", make_cgroup, .path = "/sys/fs/cgroup/v1/b",
                .tasks = 1, .cgroup = 5);
        plan_add(&plan, INIT, "/a", join_cgroup, .cgroup = 5, .file = "");
        plan_add(
                &plan, HOST, "/linux/namespaces", spawn, .spaces = CLONE_NEWNS, .cgroup = 0,
                .process = 1);
        plan_add(&plan, INIT, "/a", join_cgroup, .cgroup = 0, .file = "tasks");
        plan_add(&plan, INIT, "/a", join_cgroup, .cgroup = -1, .file = "/sys/fs/cgroup/c 1/tasks");
        plan_add(&plan, INIT, "[log]", redirect_output, .path = "/run/a b");
        script = host_script(&plan);
        has(script, "undo() {\n        remove_cgroup /sys/fs/cgroup/a/b\n"
                    "        remove_cgroup /sys/fs/cgroup/v1/b\n}\ntrap undo EXIT\n");
        has(script, "mkdir -p -m 0700 '/run/husk/c 1'");
        has(script, "printf %s '# 1' >'/run/husk/c 1/f' # stays when the script ends\n"
                    "chmod 0644 '/run/husk/c 1/f'\n");
        has(script, "( umask 077; : >>'/run/a b' )\nexec >>'/run/a b' 2>&1\n");
        has(script, "printf '%s\\n' '+cpu +pids' >/sys/fs/cgroup/a/cgroup.subtree_control\n");
        CHECK(!strstr(script, "/a/b/cgroup.subtree_control"));
        has(script, "make_cgroup /sys/fs/cgroup/a/b\n");
        has(script, "printf '%s\\n' 7 >/sys/fs/cgroup/a/b/pids.max\n");
        has(script, "[ ! -e /sys/fs/cgroup/a/b/devices.allow ] || printf '%s\\n' 'c 1:3 rwm' >"
                    "/sys/fs/cgroup/a/b/devices.allow\n"
                    "[ ! -e /sys/fs/cgroup/a/b/devices.allow ] || printf '%s\\n' 'b *:* m' >");
        has(script,
            "echo 1 2>/dev/null >/sys/fs/cgroup/a/b/one || { echo 2 >/sys/fs/cgroup/a/b/two; "
            "echo 1 >/sys/fs/cgroup/a/b/one; }\necho 2 >/sys/fs/cgroup/a/b/two\n");
        has(script, "        echo 0 >/sys/fs/cgroup/a/b/cgroup.procs || exit 125\n"
                    "        echo 0 >/sys/fs/cgroup/v1/b/tasks || exit 125\n"
                    "        echo 0 >/sys/fs/cgroup/a/b/tasks || exit 125\n"
                    "        echo 0 >'/sys/fs/cgroup/c 1/tasks' || exit 125\n        exec unshare");
}

TEST(groups_of_resctrl_and_their_inverse)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        struct text lines = { .arena = &arena };
        const char *script;

        plan_add(
                &plan, HOST, "/g", share_group, .path = "/r/gold", .schemata = "L3:0=f",
                .group = 0);
        plan_add(&plan, HOST, "/g", share_group, .path = "/r/old", .group = 1);
        plan_add(
                &plan, HOST, "/g", make_group, .path = "/r/c 1", .schemata = "L3:0=f\nMB:0=20",
                .group = 2);
        plan_add(&plan, INIT, "/g", join_group, .group = 2);
        plan_add(&plan, HOST, "/g", spawn, .cgroup = -1, .process = 3);
        script = host_script(&plan);
        has(script, "if mkdir /r/gold 2>/dev/null; then\n"
                    "printf '%s\\n' L3:0=f >/r/gold/schemata || exit 125\nfi\n");
        has(script, "[ -d /r/old ] || exit 125\nmkdir '/r/c 1' || exit 125\n"
                    "printf '%s\\n' L3:0=f >'/r/c 1'/schemata || exit 125\n"
                    "printf '%s\\n' MB:0=20 >'/r/c 1'/schemata || exit 125\n");
        has(script, "undo() {\n        rmdir '/r/c 1' 2>/dev/null || :\n}\n");
        has(script, "echo 0 >'/r/c 1'/tasks || exit 125\n");
        journal_undo_lines(&plan, &lines);
        CHECK_STR(text_string(&lines), "{\"undo\":\"remove_group\",\"path\":\"/r/c 1\"}\n");
}

TEST(a_unit_and_its_inverse)
{
        static const char *const properties[] = { "Slice=\"a.slice\"", "Delegate=true", NULL };
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        struct text lines = { .arena = &arena };
        const char *script;

        plan_add(&plan, HOST, "/u", spawn, .cgroup = -1, .process = 0);
        plan_add(
                &plan, HOST, "/u", start_unit, .socket = "/s", .unit = "a b.scope",
                .properties = { properties, 2 });
        plan_add(&plan, HOST, "/u", give_cgroup, .cgroup = -1, .uid = 7);
        script = host_script(&plan);
        has(script, "# husk: run this script in the unit 'a b.scope' of the systemd at /s: "
                    "'Slice=\"a.slice\"' Delegate=true\n");
        has(script, "chown 7 .");
        journal_undo_lines(&plan, &lines);
        CHECK_STR(
                text_string(&lines),
                "{\"undo\":\"stop_unit\",\"path\":\"/s\",\"unit\":\"a b.scope\"}\n");
}

TEST(namespaces_joined_and_made)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };

        plan_add(
                &plan, HOST, "/n", open_namespace, .path = "/run/net ns", .type = CLONE_NEWNET,
                .ns = 0);
        plan_add(&plan, HOST, "/n", open_process, .pid = 7, .fd = 1);
        plan_add(&plan, HOST, "/n", unshare, .spaces = CLONE_NEWTIME);
        plan_add(&plan, HOST, "/n", set_clocks, .offsets = "monotonic 5 0\nboottime -3 0\n");
        plan_add(&plan, HOST, "/n", spawn, .spaces = CLONE_NEWNS, .cgroup = -1, .process = 2);
        plan_add(&plan, INIT, "/n", join_namespace, .ns = 0, .type = CLONE_NEWNET);
        plan_add(&plan, INIT, "/n", join_namespace, .ns = 1, .type = CLONE_NEWIPC);
        has(host_script(&plan),
            "exec nsenter --net='/run/net ns' --target 7 --ipc -- unshare --fork --kill-child "
            "--mount --time --propagation unchanged --monotonic 5 --boottime -3 -- sh -euc");
}

TEST(a_layer_that_is_an_image)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        const char *script;

        plan_add(
                &plan, HOST, "/m", mount_image, .path = "/var/lib/l/fs.erofs", .tree = 1,
                .lock = 2);
        plan_add(&plan, HOST, "/m", open_fs, .type = "overlay", .fs = 3);
        plan_add(&plan, HOST, "/m", set_fs_fd, .fs = 3, .key = "lowerdir+", .fd = 1);
        plan_add(&plan, HOST, "/m", make_mount, .fs = 3, .tree = 4);
        plan_add(&plan, HOST, "/m", spawn, .cgroup = -1, .process = 5);
        plan_add(&plan, INIT, "/m", attach, .tree = 4, .root = 6, .target = "r");
        script = host_script(&plan);
        has(script, "image1=$(mktemp -d)");
        has(script, "mount -t erofs -o ro,nodev /var/lib/l/fs.erofs \"$image1\"");
        has(script, "lowerdir+=$image1");
}

TEST(a_mount_of_others)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        const char *script;

        plan_add(&plan, HOST, "/m", open_process, .pid = 7, .fd = 0);
        plan_add(
                &plan, HOST, "/m", borrow_mount, .process = 0, .path = "/dev/shm",
                .set = SAMPLE_NOSUID, .propagation = PROPAGATE_PRIVATE, .tree = 1);
        plan_add(&plan, HOST, "/m", spawn, .cgroup = -1, .process = 2);
        plan_add(&plan, INIT, "/m", attach, .tree = 1, .root = 3, .target = "dev/shm");
        script = host_script(&plan);
        has(script, "# husk: borrow_mount: mount(8) takes no mount out of another namespace");
        has(script, "mount -t tmpfs -o nosuid none /");
        has(script, "mount --make-private /");
}

TEST(layers_of_an_overlay)
{
        static const char *const lower[] = { "/d", "/c", NULL };
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        const char *script;

        plan_add(&plan, HOST, "/root", open_path, .path = "/b", .fd = 4);
        plan_add(&plan, HOST, "/root", open_path, .path = "/r", .fd = 0);
        plan_add(&plan, HOST, "/root", open_fs, .type = "overlay", .fs = 1);
        plan_add(&plan, HOST, "/root", set_fs, .fs = 1, .key = "lowerdir+", .value = "/a");
        plan_add(&plan, HOST, "/root", set_fs_fd, .fs = 1, .key = "lowerdir+", .fd = 4);
        plan_add(&plan, HOST, "/root", set_fs, .fs = 1, .key = "upperdir", .value = "/u");
        plan_add(&plan, HOST, "/root", make_mount, .fs = 1, .tree = 2);
        plan_add(&plan, HOST, "/root", attach, .tree = 2, .root = 0, .target = "x");
        plan_add(&plan, HOST, "/root", open_fs, .type = "overlay", .fs = 1);
        plan_add(&plan, HOST, "/root", set_fs, .fs = 1, .key = "upperdir", .value = "/u");
        plan_add(&plan, HOST, "/root", make_layered, .fs = 1, .lower = { lower, 2 }, .tree = 2);
        plan_add(
                &plan, HOST, "/root", attach, .tree = 2, .root = 0, .target = "f",
                .make = TARGET_FILE);
        script = host_script(&plan);
        has(script, "mount -t overlay -o lowerdir+=/a,lowerdir+=/b,upperdir=/u none /r/x\n");
        has(script, "mount -t overlay -o upperdir=/u,lowerdir=/d:/c none /r/f\n");
}

TEST(mounts_with_an_alternative)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena };
        struct op *op;

        plan_add(&plan, HOST, "/m", spawn, .cgroup = -1, .process = 5);
        plan_add(&plan, INIT, "/m", open_path, .path = "/r", .fd = 0);
        plan_add(&plan, INIT, "/m", open_fs, .type = "sysfs", .fs = 1);
        op = plan_add(&plan, INIT, "/m", make_mount, .fs = 1, .attrs = SAMPLE_NOEXEC, .tree = 2);
        op->has_else = true;
        plan_add(
                &plan, INIT, "/m", clone_tree, .dir = -1, .path = "/sys", .recursive = 1,
                .tree = 2);
        plan_add(
                &plan, INIT, "/m", set_mount, .tree = 2, .set = SAMPLE_RO, .clear = SAMPLE_NODEV,
                .propagation = PROPAGATE_SLAVE, .recursive = 1);
        plan_add(&plan, INIT, "/m", attach, .tree = 2, .root = 0, .target = "/sys");
        has(host_script(&plan), "if mount -t sysfs -o noexec none /r/sys 2>/dev/null; then\n"
                                "        :\n"
                                "        remount_all /r/sys ro,noexec,dev\n"
                                "        mount --make-rslave /r/sys\n"
                                "else\n"
                                "        mount --rbind /sys /r/sys\n"
                                "        remount_all /r/sys ro,dev\n"
                                "        mount --make-rslave /r/sys\n"
                                "fi\n");
}

TEST(what_a_shell_cannot_do_is_said)
{
        auto_sample s = { 0 };
        const char *script;

        sample_build(&s);
        plan_push(&s.plan, HOST, (struct op){ .code = OP_filter_devices, .why = "/d\nreboot" });
        s.plan.list[INIT].ops[s.plan.list[INIT].n - 1].as.exec.env.items =
                (const char *const[]){ "LD_PRELOAD=/evil.so", "A=b" };
        script = host_script(&s.plan);
        has(script, "# /d\\x0areboot\n# husk: filter_devices: a shell cannot load");
        has(script, "# husk: exec: left out of the environment: LD_PRELOAD=/evil.so\n");
        has(script, "env -i -- A=b \\\n");
}

/* -- for real ---------------------------------------------------------------------------------- */

static char *run(struct arena *arena, const char *command)
{
        FILE *pipe = popen(command, "r");
        char *bytes = arena_alloc(arena, 65536);
        size_t n;

        CHECK(pipe);
        n = fread(bytes, 1, 65535, pipe);
        bytes[n] = '\0';
        if (pclose(pipe) != 0)
                CHECK_STR(bytes, command);
        return bytes;
}

static bool can_contain(void)
{
        return geteuid() == 0 && access("/bin/busybox", X_OK) == 0 &&
               system("unshare -m true 2>/dev/null && command -v capsh >/dev/null") == 0;
}

/* A root file system of busybox. */
static const char *make_root(struct arena *arena)
{
        char dir[] = "/tmp/plan-test-XXXXXX";

        CHECK(mkdtemp(dir));
        CHECK_INT(chmod(dir, 0755), 0);
        run(arena, arena_format(
                           arena,
                           "cd %s && mkdir -p rootfs/bin rootfs/home && cp /bin/busybox "
                           "rootfs/bin/ && for x in sh cat grep env pwd hostname id ls sort "
                           "sed; do ln -s /bin/busybox rootfs/bin/$x; done",
                           dir));
        return arena_string(arena, dir);
}

static void remove_root(struct arena *arena, const char *dir)
{
        run(arena, arena_format(arena, "rm -rf --one-file-system %s", dir));
}

static void put_file(const char *path, const char *bytes)
{
        FILE *file = fopen(path, "w");

        CHECK(file);
        CHECK_INT(fwrite(bytes, 1, strlen(bytes), file), strlen(bytes));
        CHECK_INT(fclose(file), 0);
}

/* What the script's container says. */
static const char *by_script(struct sample *s, const char *dir)
{
        const char *file = arena_format(&s->arena, "%s/script", dir);

        put_file(file, script_of(s));
        return run(&s->arena, arena_format(&s->arena, "sh %s 2>&1 </dev/null", file));
}

/* What the container of the same plan says that apply makes. */
static const char *by_apply(struct sample *s, const char *dir)
{
        const char *file = arena_format(&s->arena, "%s/output", dir);
        struct machine machine;
        pid_t child;
        int status;

        sample_build(s);
        CHECK_INT(plan_verify(&s->plan), 0);
        fflush(stdout);
        child = fork();
        if (child == 0) {
                int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666),
                    null = open("/dev/null", 0);

                dup2(null, 0);
                dup2(fd, 1);
                dup2(fd, 2);
                machine_init(&machine, &s->plan);
                if (plan_apply(&machine, HOST) < 0) {
                        dprintf(2, "%s\n", trail_text());
                        _exit(1);
                }
                _exit(waitpid(machine.pid, &status, 0) < 0 || status);
        }
        CHECK(waitpid(child, &status, 0) == child);
        if (status)
                CHECK_STR(run(&s->arena, arena_format(&s->arena, "cat %s", file)), "a good start");
        return run(&s->arena, arena_format(&s->arena, "cat %s", file));
}

/* Device minors, mount ids and peer groups are a matter of chance. */
static const char look[] =
        "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Umask|NSsid)' /proc/self/status\n"
        "cat /proc/self/limits /proc/self/cgroup /proc/self/oom_score_adj\n"
        "sed -E 's/^[0-9]+ [0-9]+ ([0-9]+):[0-9]+/\\1/; s/(shared|master):[0-9]+/\\1:N/' "
        "/proc/self/mountinfo\n"
        "ls -l /dev/null /dev/urandom /dev/fd /dev/ptmx | sed -E 's/[A-Z][a-z]{2} +[0-9]+ +[0-9:]+//'\n"
        "hostname; pwd; env | sort | grep -vE '^(_|OLDPWD|SHLVL)='; cat /proc/self/fdinfo/3 2>/dev/null\n"
        "ls /sys/class/net /sys/firmware; cat /proc/kcore | sed q\n";

static void compare(int64_t id, const char *cwd)
{
        auto_sample a = { 0 }, b = { 0 };
        auto_arena arena = { 0 };
        const char *dir, *script, *apply;

        SKIP_UNLESS(can_contain(), "needs root, namespaces, busybox and capsh");
        dir = make_root(&arena);
        a.rootfs = b.rootfs = arena_format(&arena, "%s/rootfs", dir);
        a.script = b.script = look;
        a.uid = b.uid = id;
        a.gid = b.gid = id ? id + 1 : 0;
        a.cwd = b.cwd = cwd;
        script = by_script(&a, dir);
        apply = by_apply(&b, dir);
        CHECK(strlen(apply) > 2000);
        CHECK(strstr(apply, "\nbox\n"));
        CHECK_STR(script, apply);
        remove_root(&arena, dir);
}

TEST(same_container_as_apply_root)
{
        compare(0, "/");
}

TEST(same_container_as_apply_user_elsewhere)
{
        compare(1000, "/home");
}

TEST(arguments_arrive_as_they_are)
{
        auto_sample s = { .script = "printf '%s' 'a\nINIT\n\"$x\" `id` \\\\ é'" };
        auto_arena arena = { 0 };
        const char *dir;

        SKIP_UNLESS(can_contain(), "needs root, namespaces, busybox and capsh");
        dir = make_root(&arena);
        s.rootfs = arena_format(&arena, "%s/rootfs", dir);
        CHECK_STR(by_script(&s, dir), "a\nINIT\n\"$x\" `id` \\\\ é");
        remove_root(&arena, dir);
}

TEST(target_outside_the_root_is_refused)
{
        auto_sample s = { 0 };
        auto_arena arena = { 0 };
        const char *dir;

        SKIP_UNLESS(can_contain(), "needs root, namespaces, busybox and capsh");
        dir = make_root(&arena);
        s.rootfs = arena_format(&arena, "%s/rootfs", dir);
        run(&arena,
            arena_format(&arena, "mkdir %s/secret && ln -s ../secret %s/rootfs/proc", dir, dir));
        put_file(arena_format(&arena, "%s/script", dir), script_of(&s));
        CHECK(
                strstr(run(&arena, arena_format(&arena, "! sh %s/script 2>&1", dir)),
                       "rootfs/proc leads out of the root"));
        remove_root(&arena, dir);
}

TEST(user_namespace)
{
        auto_sample s = {
                .script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; hostname"
        };
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        const char *dir;
        struct op_list *init = &s.plan.list[INIT];

        SKIP_UNLESS(can_contain(), "needs root, namespaces, busybox and capsh");
        SKIP_UNLESS(system("unshare -U true 2>/dev/null") == 0, "needs user namespaces");
        dir = make_root(&arena);
        s.rootfs = arena_format(&arena, "%s/rootfs", dir);
        run(&arena, arena_format(&arena, "chown -Rh 100000:100000 %s/rootfs", dir));
        s.uid = 5;
        s.gid = 6;
        sample_build(&s);
        s.plan.list[HOST].ops[0].as.spawn.spaces |= CLONE_NEWUSER;
        plan_add(
                &s.plan, HOST, "/linux/uidMappings", map_ids, .process = 0,
                .uid_map = "0 100000 1000\n1000 0 1\n", .gid_map = "0 100000 2000\n");
        /* No device nodes in a user namespace: masks are made of the host's null. */
        for (size_t i = 0; i < init->n; i++)
                if (init->ops[i].code == OP_make_node)
                        init->ops[i] = (struct op){ .code = OP_new_keyring };
                else if (init->ops[i].code == OP_clone_tree && init->ops[i].as.clone_tree.dir >= 0)
                        init->ops[i].as.clone_tree = (struct op_clone_tree){ .dir = -1,
                                                                             .path = "/dev/null",
                                                                             .tree = s.null };
        plan_print_shell(&s.plan, &out);
        put_file(arena_format(&arena, "%s/script", dir), text_string(&out));
        CHECK_STR(
                run(&arena, arena_format(&arena, "sh %s/script 2>&1 </dev/null | tr -s ' '", dir)),
                " 0 100000 1000\n 1000 0 1\n 0 100000 2000\n5\n6\nbox\n");
        remove_root(&arena, dir);
}
