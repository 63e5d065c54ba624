/* SPDX-License-Identifier: Apache-2.0 */
/* Profile files: docker's conditions are resolved for one container. */
#include "engine/store.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

#include <sys/mman.h>

static int read_profile(
        struct arena *arena, const char *text, const struct spec_seccomp **ret_profile)
{
        static const char *names[] = { "CAP_CHOWN", "CAP_SYS_PTRACE" };
        const struct spec_texts bounding = { names, 2 };
        const struct facts facts = { .kernel_major = 5, .kernel_minor = 10 };
        int fd = memfd_create("profile", MFD_CLOEXEC);
        int r;

        CHECK_INT(write(fd, text, strlen(text)), (long long)strlen(text));
        r = profile_read(
                arena, arena_format(arena, "/proc/self/fd/%d", fd), &facts, &bounding, ret_profile);
        close(fd);
        return r;
}

/* The names of the rules that stay, for a profile with these in place of RULES. */
static const char *rules_of(struct arena *arena, const char *rules)
{
        const struct spec_seccomp *profile;
        struct text out = { .arena = arena };

        CHECK_INT(
                read_profile(
                        arena,
                        arena_format(
                                arena, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[%s]}",
                                rules),
                        &profile),
                0);
        for (size_t i = 0; i < profile->syscalls.n; i++)
                text_addf(&out, "%s ", profile->syscalls.items[i].names.items[0]);
        return text_string(&out);
}

#define RULE(name, more) "{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_ALLOW\"" more "}"

TEST(conditions_of_docker)
{
        auto_arena arena = { 0 };

        CHECK_STR(
                rules_of(
                        &arena,
                        RULE("plain", "") "," RULE("empty", ",\"includes\":{},\"excludes\":{}") "," RULE("has", ",\"includes\":{\"caps\":[\"CAP_CHOWN\"]}") "," RULE("lacks", ",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}") "," RULE(
                                "lacks_one",
                                ",\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_BPF\"]}") "," RULE("not_with", ",\"excludes\":{\"caps\":[\"CAP_BPF\",\"CAP_CHOWN\"]}") "," RULE("without", ",\"excludes\":{\"caps\":[\"CAP_BPF\"]}")),
                "plain empty has without ");
        CHECK_STR(
                rules_of(
                        &arena,
                        RULE("old", ",\"includes\":{\"minKernel\":\"4.8\"}") "," RULE("same", ",\"includes\":{\"minKernel\":\"5.10.1\"}") "," RULE(
                                "new",
                                ",\"includes\":{\"minKernel\":\"5.11\"}") "," RULE("not_old", ",\"excludes\":{\"minKernel\":\"5.9\"}") "," RULE("not_new", ",\"excludes\":{\"minKernel\":\"6.0\"}")),
                "old same not_new ");
        SKIP_UNLESS(SECCOMP_ARCH_NATIVE == 0xc000003eU, "written for x86-64");
        CHECK_STR(
                rules_of(
                        &arena,
                        RULE("here", ",\"includes\":{\"arches\":[\"s390x\",\"amd64\"]}") "," RULE("there", ",\"includes\":{\"arches\":[\"arm64\"]}") "," RULE(
                                "not_here",
                                ",\"excludes\":{\"arches\":[\"amd64\"]}") "," RULE("both", ",\"includes\":{\"arches\":[\"amd64\"],\"caps\":[\"CAP_BPF\"]}")),
                "here ");
}

TEST(architectures_of_docker)
{
        auto_arena arena = { 0 };
        const struct spec_seccomp *profile;

        SKIP_UNLESS(SECCOMP_ARCH_NATIVE == 0xc000003eU, "written for x86-64");
        CHECK_INT(
                read_profile(
                        &arena,
                        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":["
                        "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]},"
                        "{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]}]}",
                        &profile),
                0);
        CHECK_INT((long long)profile->architectures.n, 3);
        CHECK_STR(profile->architectures.items[0], "SCMP_ARCH_X86_64");
        CHECK_STR(profile->architectures.items[2], "SCMP_ARCH_X32");
}

TEST(bad_conditions_are_refused)
{
        static const struct {
                const char *text, *words;
        } rows[] = {
                { RULE("x", ",\"includes\":{\"caps\":[\"CAP_FLY\"]}"),
                  "'CAP_FLY' is no capability" },
                { RULE("x", ",\"excludes\":{\"caps\":[7]}"), "is no capability" },
                { RULE("x", ",\"includes\":{\"minKernel\":\"new\"}"),
                  "minKernel: is not a version" },
                { RULE("x", ",\"includes\":{\"minKernel\":4}"), "minKernel: is not a version" },
        };

        auto_arena arena = { 0 };
        const struct spec_seccomp *profile;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                trail_reset();
                CHECK_INT(
                        read_profile(
                                &arena,
                                arena_format(
                                        &arena,
                                        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[%s]}",
                                        rows[i].text),
                                &profile),
                        -EINVAL);
                if (!strstr(trail_text(), rows[i].words))
                        CHECK_STR(trail_text(), rows[i].words);
        }
        trail_reset();
        CHECK_INT(
                read_profile(
                        &arena,
                        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],"
                        "\"archMap\":[]}",
                        &profile),
                -EINVAL);
        CHECK(strstr(trail_text(), "archMap"));
}
