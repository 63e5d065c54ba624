/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: many processes want to be one container, again and again.
 *
 *      storm BUNDLE ROOT ID [ROUNDS [WORKERS]]
 *
 * Each round the workers meet at a barrier and create the container of that id; exactly one may win, the
 * others are to be told that it exists already. They meet again, the winner's is deleted by one of them
 * (with half of the rounds by all of them at once), and the id is free. The workers are processes that call
 * the engine as husk-oci does, without an exec for each call: so ten thousand rounds take minutes. */
#include "engine/engine.h"
#include "runtime/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct storm {
        pthread_barrier_t barrier;
        int won, told, others, deleted; /* of a round; atomic */
        char words[1000];               /* of one of the others */
};

static struct storm *storm;
static const char *bundle, *root, *id;

static void count(int *counter)
{
        __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void create(void)
{
        int code, r;

        trail_reset();
        r = engine_oci_create(
                &(struct oci_create_request){ .oci.root = root, .id = id, .bundle = bundle },
                &code);
        if (r == 0) {
                count(&storm->won);
        } else if (r == -EEXIST && strstr(trail_text(), "already exists")) {
                count(&storm->told);
        } else {
                count(&storm->others);
                text_format(storm->words, sizeof storm->words, "%d: %s", r, trail_text());
        }
}

static void delete (void)
{
        trail_reset();
        if (engine_oci_delete(&(struct oci_delete_request){ { root }, id, true }) == 0)
                count(&storm->deleted);
        else
                text_format(storm->words, sizeof storm->words, "delete: %s", trail_text());
}

/* What worker 0 says of a round once all are done with it. */
static bool judge(int round, int workers, int deleters)
{
        bool good = storm->won == 1 && storm->told == workers - 1 && storm->deleted == deleters &&
                    rmdir(root) == 0;

        if (!good)
                printf("# round %d: %d won, %d were told, %d had another error, %d deleted: %s\n",
                       round, storm->won, storm->told, storm->others, storm->deleted, storm->words);
        fflush(stdout);
        storm->won = storm->told = storm->others = storm->deleted = 0;
        return good;
}

static int work(int me, int rounds, int workers)
{
        int bad = 0;

        for (int round = 0; round < rounds; round++) {
                int deleters = round % 2 ? workers : 1;

                alarm(60);
                pthread_barrier_wait(&storm->barrier);
                create();
                pthread_barrier_wait(&storm->barrier);
                if (me < deleters)
                        delete ();
                pthread_barrier_wait(&storm->barrier);
                if (me == 0)
                        bad += !judge(round, workers, deleters);
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        ;
        }
        return bad > 0;
}

int main(int argc, char **argv)
{
        int rounds = argc > 4 ? atoi(argv[4]) : 10000, workers = argc > 5 ? atoi(argv[5]) : 64;
        int status, bad = 0;
        pthread_barrierattr_t shared;

        if (argc < 4 || rounds < 1 || workers < 2) {
                fputs("storm BUNDLE ROOT ID [ROUNDS [WORKERS]]\n", stderr);
                return 2;
        }
        bundle = argv[1];
        root = argv[2];
        id = argv[3];
        storm = mmap(
                NULL, sizeof *storm, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (storm == MAP_FAILED)
                return 1;
        pthread_barrierattr_init(&shared);
        pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_barrier_init(&storm->barrier, &shared, (unsigned)workers);
        for (int me = 0; me < workers; me++)
                if (fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        _exit(work(me, rounds, workers));
                }
        while (wait(&status) > 0)
                bad += status != 0;
        printf("%sok - %d rounds, %d who create one id at one moment\n", bad ? "not " : "", rounds,
               workers);
        return bad != 0;
}
