/* SPDX-License-Identifier: Apache-2.0 */
/* Who is never the same process for long: flee CHAINS SECONDS starts so many chains, in each of which a process makes
 * the next one and ends, a hundred times a second. Who signals what was listed a moment ago meets the dead. It says
 * "fleeing" and stays, and so do the chains for SECONDS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>

static time_t now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec;
}

int main(int argc, char **argv)
{
        time_t end = now() + (argc > 2 ? atol(argv[2]) : 20);

        /* The orphans are ours, and nobody has to wait for them. */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        signal(SIGCHLD, SIG_IGN);
        for (long chains = argc > 1 ? atol(argv[1]) : 4; chains > 0; chains--)
                if (fork() == 0) {
                        do
                                usleep(10000);
                        while (now() < end && fork() == 0);
                        _exit(0);
                }
        puts("fleeing");
        fflush(stdout);
        for (;;)
                pause();
}
