/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the counters of cgroup v2, on files that look like a cgroup's: which member each is,
 * and in which unit. Those of v1 are compared with runc's on a real one (oci_events.bats). */
#include "runtime/runtime.h"
#include "tap.h"

#include <fcntl.h>

static const struct {
        const char *name, *text;
} files[] = {
        { "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n" },
        { "cpu.stat",
          "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 7\nnr_throttled 2\n"
          "throttled_usec 30\nnr_bursts 0\nburst_usec 0\n" },
        { "cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=0.25 total=1234\n"
                          "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n" },
        { "cpuset.cpus", "0-1\n" },
        { "memory.current", "4096\n" },
        { "memory.max", "8192\n" },
        { "memory.peak", "5000\n" },
        { "memory.swap.current", "100\n" },
        { "memory.swap.max", "1000\n" },
        { "memory.stat", "anon 10\nfile 20\nkernel_stack 30\nanon 11\n" },
        { "pids.current", "3\n" },
        { "pids.max", "max\n" },
        { "io.stat", "8:0 rbytes=10 wbytes=0 rios=1 wios=2 dbytes=3 dios=4\n"
                     "254:16 rbytes=5 wbytes=6 rios=7 wios=8 dbytes=0 dios=0\n" },
        { "hugetlb.2MB.current", "2097152\n" },
        { "hugetlb.2MB.max", "max\n" },
        { "hugetlb.2MB.rsvd.max", "max\n" },
};

static const char expected[] =
        "{\"data\":{\"cpu\":{\"usage\":{\"total\":1500000,\"kernel\":500000,\"user\":1000000},"
        "\"throttling\":{\"periods\":7,\"throttledPeriods\":2,\"throttledTime\":30000},"
        "\"psi\":{\"some\":{\"avg10\":1.50,\"avg60\":0.00,\"avg300\":0.25,\"total\":1234},"
        "\"full\":{\"avg10\":0.00,\"avg60\":0.00,\"avg300\":0.00,\"total\":5}}},"
        "\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
        "\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
        "\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
        "\"memory\":{\"cache\":20,"
        "\"usage\":{\"limit\":8192,\"usage\":4096,\"max\":5000,\"failcnt\":0},"
        "\"swap\":{\"limit\":9192,\"usage\":4196,\"failcnt\":0},"
        "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},"
        "\"raw\":{\"anon\":10,\"file\":20,\"kernel_stack\":30}},"
        "\"pids\":{\"current\":3},"
        "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":10},"
        "{\"major\":8,\"op\":\"Write\"},{\"major\":8,\"op\":\"Discard\",\"value\":3},"
        "{\"major\":254,\"minor\":16,\"op\":\"Read\",\"value\":5},"
        "{\"major\":254,\"minor\":16,\"op\":\"Write\",\"value\":6},"
        "{\"major\":254,\"minor\":16,\"op\":\"Discard\"}],"
        "\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
        "{\"major\":8,\"op\":\"Write\",\"value\":2},{\"major\":8,\"op\":\"Discard\",\"value\":4},"
        "{\"major\":254,\"minor\":16,\"op\":\"Read\",\"value\":7},"
        "{\"major\":254,\"minor\":16,\"op\":\"Write\",\"value\":8},"
        "{\"major\":254,\"minor\":16,\"op\":\"Discard\"}]},"
        "\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"failcnt\":0}},"
        "\"intel_rdt\":{},\"network_interfaces\":null}}";

TEST(counters_of_v2)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out };
        struct container container = { .id = "c1" };
        const struct json *parsed;
        char path[] = "/tmp/husk-stats-XXXXXX";

        CHECK(mkdtemp(path) != NULL);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                const char *name = arena_format(&arena, "%s/%s", path, files[i].name);
                int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                CHECK_INT(file_write(fd, files[i].text, strlen(files[i].text)), 0);
                close(fd);
        }
        container.text =
                arena_format(&arena, "{\"undo\":\"remove_cgroup\",\"path\":\"%s\"}\n", path);
        container.size = strlen(container.text);
        json_open_object(&w, NULL);
        CHECK_INT(container_stats(&arena, &container, &w), 0);
        json_close_object(&w);
        CHECK_INT(file_remove_tree(AT_FDCWD, path), 0);
        CHECK_INT(json_parse(&arena, "stats", text_string(&out), out.len, &parsed), 0);
        CHECK_STR(text_string(&out), expected);
}

TEST(a_container_without_cgroups)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out };
        struct container container = { .id = "c1", .text = "" };

        CHECK_INT(container_stats(&arena, &container, &w), -EOPNOTSUPP);
        CHECK_STR(trail_text(), "container 'c1' has no cgroups");
}
