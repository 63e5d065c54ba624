/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as they are, from inside a container: calls [ENTRY:]NUMBER[,ARGUMENT]... makes each
 * and prints what it returned, "39: 1" or "39: -1". The entries, for x86-64: i386 is int 0x80, x32
 * is syscall with bit 30. A SIGSYS is printed with what seccomp says in it, "39: SIGSYS 39 errno 0
 * arch c000003e", and is not the end. An argument "@" is the address of a zeroed buffer below
 * 4 GiB; "@N" has the 32-bit number N at its start. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/syscall.h>

static volatile sig_atomic_t trapped;
static siginfo_t trap_info;
static uint32_t *low = MAP_FAILED;

static void on_trap(int signal, siginfo_t *info, void *context)
{
        (void)signal;
        (void)context;
        trapped = 1;
        trap_info = *info;
}

static long call(const char *entry, long number, const long a[6])
{
#if defined(__x86_64__)
        long result;

        if (!strcmp(entry, "i386")) {
                __asm__ volatile("int $0x80"
                                 : "=a"(result)
                                 : "a"(number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]),
                                   "D"(a[4])
                                 : "memory", "r8", "r9", "r10", "r11");
                return (int)result;
        }
        if (!strcmp(entry, "x32"))
                number |= 0x40000000;
        __asm__ volatile("mov %5, %%r10; mov %6, %%r8; xor %%r9, %%r9; syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(a[3]), "r"(a[4])
                         : "memory", "rcx", "r8", "r9", "r10", "r11");
        return result;
#else
        long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);

        (void)entry;
        return result;
#endif
}

static void perform(const char *words)
{
        char copy[256], *entry = copy, *colon, *save = NULL;
        long a[6] = { 0 }, number, result;
        int n = 0;

        snprintf(copy, sizeof copy, "%s", words);
        colon = strchr(copy, ':');
        if (colon)
                *colon = '\0';
        number = strtol(strtok_r(colon ? colon + 1 : copy, ",", &save), NULL, 0);
        if (!colon)
                entry = "";
        for (char *word; n < 6 && (word = strtok_r(NULL, ",", &save)); n++) {
                a[n] = word[0] == '@' ? (long)low : strtol(word, NULL, 0);
                if (word[0] == '@') {
                        memset(low, 0, 4096);
                        low[0] = (uint32_t)strtoul(word + 1, NULL, 0);
                }
        }
        trapped = 0;
        result = call(entry, number, a);
        if (trapped)
                printf("%s: SIGSYS %d errno %d arch %x\n", words, trap_info.si_syscall,
                       trap_info.si_errno, trap_info.si_arch);
        else
                printf("%s: %ld\n", words, result);
        fflush(stdout);
}

int main(int argc, char **argv)
{
        struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

        sigaction(SIGSYS, &action, NULL);
        /* Where an address has 32 bits; the kernel may have put the heap at one of them. */
        for (uintptr_t at = 0x10000000; low == MAP_FAILED && at < 0x70000000; at += 0x10000000)
                low =
                        mmap((void *)at, 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (low == MAP_FAILED)
                return 1;
        for (int i = 1; i < argc; i++)
                perform(argv[i]);
        return 0;
}
