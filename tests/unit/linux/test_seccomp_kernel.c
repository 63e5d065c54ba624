/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel takes the programs and does what they say. */
#include "seccomp_model.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void load(const struct seccomp_profile *profile)
{
        struct timespec t[2];
        struct sock_fprog program;
        const struct sock_filter *code;
        auto_arena arena = { 0 };
        size_t n;

        CHECK_INT(seccomp_compile(&arena, profile, &code, &n), 0);
        program.len = (unsigned short)n;
        program.filter = (struct sock_filter *)(uintptr_t)code;
        CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        clock_gettime(CLOCK_MONOTONIC, &t[0]);
        CHECK_INT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
        clock_gettime(CLOCK_MONOTONIC, &t[1]);
        printf("# %zu instructions, loaded in %lld us\n", n,
               ((long long)t[1].tv_sec - t[0].tv_sec) * 1000000 +
                       (t[1].tv_nsec - t[0].tv_nsec) / 1000);
}

static void load_default(const char *kind)
{
        auto_arena arena = { 0 };

        load(seccomp_default(&arena, 0, kind));
}

/* The negative errno of a call, or 0. */
static int outcome(long r)
{
        return r < 0 ? -errno : 0;
}

TEST(default_profile_in_the_kernel)
{
        int fd;

        load_default("default");
        CHECK_INT(outcome(syscall(SYS_getpid)), 0);
        CHECK_INT(outcome(syscall(SYS_unshare, CLONE_NEWNS)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_unshare, CLONE_NEWUSER)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_unshare, CLONE_FS)), 0);
        CHECK_INT(outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_clone3, NULL, 0)), -ENOSYS);
        CHECK_INT(outcome(syscall(SYS_setns, -1, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_mount, "none", "/", NULL, 0x1000, NULL)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_keyctl, 0, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_bpf, 0, NULL, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_io_uring_setup, 1, NULL)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_userfaultfd, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_socket, 38, SOCK_SEQPACKET, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_socket, (1UL << 32) + 38, SOCK_SEQPACKET, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_socket, 40, SOCK_STREAM, 0)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_personality, ADDR_NO_RANDOMIZE)), -EPERM);
        CHECK_INT(outcome(syscall(SYS_personality, 0xffffffff)), 0);
        CHECK_INT(outcome(syscall(1000)), -ENOSYS);
        fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
        CHECK(fd >= 0);
        close(fd);
}

TEST(nesting_profile_in_the_kernel)
{
        load_default("nesting");
        CHECK_INT(outcome(syscall(SYS_clone3, NULL, 0)), -EINVAL);
        CHECK_INT(outcome(syscall(SYS_setns, -1, 0)), -EBADF);
        CHECK_INT(outcome(syscall(SYS_bpf, 0, NULL, 0)), -EPERM);
}

/* A child that leaves through the wrong door is killed by SIGSYS. */
static int door_status(void (*door)(void))
{
        pid_t pid = fork();
        int status = -1;

        CHECK(pid >= 0);
        if (pid == 0) {
                load_default("default");
                door();
                _exit(0);
        }
        CHECK_INT(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

#ifdef __x86_64__
static void door_i386(void)
{
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
        _exit(r < 0 ? 1 : 2);
}

static void door_x32(void)
{
        syscall((long)SECCOMP_X32_BIT | SYS_getpid);
        _exit(3);
}

TEST(other_architectures_are_killed)
{
        CHECK_INT(door_status(door_i386), SIGSYS);
        CHECK_INT(door_status(door_x32), SIGSYS);
}
#endif

/* The kernel compares as the model does: a call with arguments that do nothing. */
TEST(comparisons_in_the_kernel)
{
        static const char *const names[] = { "pidfd_send_signal" };
        struct seccomp_argument arguments[7][2];
        struct seccomp_rule rules[7];
        struct seccomp_profile profile = { SECCOMP_RET_ALLOW, NULL, 0, rules, 7 };
        struct model_dice dice = { 5 };

        /* Argument 2 chooses the rule, argument 1 is compared; the errno says which one hit. */
        for (unsigned op = 0; op < 7; op++) {
                arguments[op][0] = (struct seccomp_argument){ 1, (enum seccomp_compare)op,
                                                              0x500000005, 0x500000001 };
                arguments[op][1] = (struct seccomp_argument){ 2, SECCOMP_CMP_EQ, op, 0 };
                rules[op] = (struct seccomp_rule){ names, 1, SECCOMP_RET_ERRNO | (200 + op),
                                                   arguments[op], 2 };
        }
        load(&profile);
        for (int i = 0; i < 700; i++) {
                struct seccomp_data data = { .args = { 0,
                                                       i % 3 ? 0x500000000ULL + dice_roll(&dice, 8)
                                                             : dice_value(&dice) } };
                unsigned op = (unsigned)i % 7;
                int r = outcome(syscall(SYS_pidfd_send_signal, -1, data.args[1], op, 0));

                CHECK_INT(
                        r,
                        model_argument(&arguments[op][0], &data, true) ? -(200 + (int)op) : -EBADF);
        }
}
