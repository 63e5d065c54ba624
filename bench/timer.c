/* SPDX-License-Identifier: Apache-2.0 */
/* A paired timer: runs the commands of a list in turn, A B C A B C ..., so that a change of the
 * machine's mood falls on all of them alike, and prints for each the medians of wall and CPU time
 * and of their ratio to the first command's in the same round, and the largest peak RSS.
 *
 *      timer ROUNDS GAP_MS LIST
 *
 * LIST has a line a command: name, tab, words with single blanks between. A word of "%" becomes
 * an id that is used once; a name that begins with '+' says that the id is that of the line before:
 * create, start and delete of one container. Then processes are left behind on purpose, and nobody
 * waits for them: CPU is that of the command alone. Standard output of the commands is thrown away. CPU is that of the
 * command and of all that it left behind: we are the reaper of its orphans and wait for them, so
 * what a command's daemon does is counted too (in CPU, not in wall time). Two rounds more are run
 * first and not counted. Peak RSS is the kernel's, which counts small programs coarsely. Gaps let
 * the kernel's grace periods end: without them a command that waits for one profits from the one
 * before. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
        COMMANDS = 32,
        WORDS = 64,
        ROUNDS = 1000,
        WARM_UP = 2
};

struct command {
        char *name;
        char *words[WORDS];
        int id_word; /* the word "%", -1: none */
        double wall[ROUNDS], cpu[ROUNDS], wall_ratio[ROUNDS], cpu_ratio[ROUNDS]; /* ms */
        long rss;                                                                /* KiB */
        int failed;
};

extern char **environ;

static struct command commands[COMMANDS];
static bool leaves_processes;

static double now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
        return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void run(struct command *command, int round)
{
        static unsigned serial;
        static char id[32];
        posix_spawn_file_actions_t actions;
        struct rusage usage;
        int status, ignored;
        double cpu = 0;
        pid_t pid;

        if (command->name[0] != '+')
                snprintf(id, sizeof id, "bench-%d-%u", (int)getpid(), serial++);
        if (command->id_word >= 0)
                command->words[command->id_word] = id;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        double begin = now_ms();
        errno = posix_spawnp(&pid, command->words[0], &actions, NULL, command->words, environ);
        if (errno)
                err(1, "%s", command->words[0]);
        if (wait4(pid, &status, 0, &usage) < 0)
                err(1, "wait4");
        double wall = now_ms() - begin;
        do {
                cpu += ms(usage.ru_utime) + ms(usage.ru_stime);
                if (round >= 0 && usage.ru_maxrss > command->rss)
                        command->rss = usage.ru_maxrss;
        } while (!leaves_processes && wait4(-1, &ignored, 0, &usage) > 0);
        posix_spawn_file_actions_destroy(&actions);
        if (status != 0)
                command->failed++;
        if (round < 0)
                return;
        command->wall[round] = wall;
        command->cpu[round] = cpu;
        command->wall_ratio[round] = wall / commands[0].wall[round];
        command->cpu_ratio[round] = command->cpu[round] / commands[0].cpu[round];
}

static int ascending(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(double *values, int n)
{
        qsort(values, (size_t)n, sizeof *values, ascending);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int read_list(const char *path)
{
        static char line[8192];
        FILE *file = fopen(path, "re");
        int n = 0;

        if (!file)
                err(1, "%s", path);
        while (n < COMMANDS && fgets(line, sizeof line, file)) {
                char *rest = strdup(line);
                struct command *command = &commands[n++];
                int words = 0;

                rest[strcspn(rest, "\n")] = '\0';
                command->id_word = -1;
                command->name = strtok(rest, "\t");
                leaves_processes |= command->name[0] == '+';
                for (char *word; words < WORDS - 1 && (word = strtok(NULL, " \t")); words++) {
                        command->words[words] = word;
                        if (strcmp(word, "%") == 0)
                                command->id_word = words;
                }
        }
        fclose(file);
        return n;
}

int main(int argc, char **argv)
{
        if (argc != 4)
                errx(2, "usage: timer ROUNDS GAP_MS LIST");
        int rounds = atoi(argv[1]), gap = atoi(argv[2]), n = read_list(argv[3]);
        if (rounds < 1 || rounds > ROUNDS || n < 1)
                errx(2, "1 to %d rounds, at least one command", ROUNDS);
        if (!leaves_processes && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                err(1, "prctl");

        for (int round = -WARM_UP; round < rounds; round++)
                for (int i = 0; i < n; i++) {
                        nanosleep(&(struct timespec){ .tv_nsec = gap * 1000000L }, NULL);
                        run(&commands[i], round);
                }
        puts("name\tcpu\tcpu_ratio\twall\twall_min\twall_ratio\trss\tfailed");
        for (int i = 0; i < n; i++) {
                struct command *c = &commands[i];
                double cpu = median(c->cpu, rounds), cpu_ratio = median(c->cpu_ratio, rounds);
                double wall = median(c->wall, rounds), ratio = median(c->wall_ratio, rounds);

                printf("%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%ld\t%d\n", c->name, cpu, cpu_ratio, wall,
                       c->wall[0], ratio, c->rss, c->failed);
        }
        return 0;
}
