/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox around a command: refuse ERRNO NUMBER... -- COMMAND makes each of the system calls fail
 * with the errno, as an old kernel does (38) or a container engine's seccomp profile (1). */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum {
        CALLS_MAX = 100
};

int main(int argc, char **argv)
{
        static struct sock_filter code[2 * CALLS_MAX + 2];
        struct sock_fprog program = { .filter = code };
        unsigned short n = 0;
        int i;

        code[n++] = (struct sock_filter)BPF_STMT(
                BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (i = 2; i < argc && i < CALLS_MAX && strcmp(argv[i], "--") != 0; i++) {
                code[n++] = (struct sock_filter)BPF_JUMP(
                        BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(argv[i]), 0, 1);
                code[n++] = (struct sock_filter)BPF_STMT(
                        BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(argv[1]));
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        program.len = n;
        if (i + 1 >= argc) {
                fputs("refuse ERRNO NUMBER... -- COMMAND\n", stderr);
                return 2;
        }
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
                perror("seccomp");
                return 2;
        }
        execvp(argv[i + 1], argv + i + 1);
        perror(argv[i + 1]);
        return 127;
}
