/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: hooks, on both sides.
 *
 * What the document says is in the operation; what only the run knows is the pid that the hook is
 * told: INIT's own as it sees it, and on HOST that of the process that was spawned. The state comes
 * without it, as a whole JSON object, and it is put in front of the first member. */
#include "ops.h"

#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

/* The state with the pid in it, in memory that munmap gives back: annotations can be of any size,
 * and malloc is forbidden here. */
static int make_state(const char *state, pid_t pid, char **ret_bytes, size_t *ret_size)
{
        size_t size = strlen(state), room = size + 32, n = 0;
        char *bytes = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (bytes == MAP_FAILED)
                return -errno;
        bytes[n++] = '{';
        if (pid > 0)
                n += text_format(bytes + n, room - n, "\"pid\":%d,", (int)pid);
        memcpy(bytes + n, state + 1, size - 1);
        *ret_bytes = bytes;
        *ret_size = n + size - 1;
        return 0;
}

/* What it wrote last, as one line of at most three: the trail is one sentence. */
static const char *last_lines(struct child_result *result)
{
        char *begin = result->tail, *end = begin + result->tail_size;
        int lines = 0;

        while (end > begin && (end[-1] == '\n' || end[-1] == '\0'))
                end--;
        *end = '\0';
        for (char *at = end; at > begin; at--) {
                if (at[-1] != '\n')
                        continue;
                if (++lines == 3) {
                        begin = at;
                        break;
                }
                at[-1] = '|';
        }
        return begin;
}

/* 0, or what is wrong about its end. */
static int judge(const struct op_run_hook *o, struct child_result *result)
{
        const char *words = last_lines(result), *said = *words ? "; it said: " : "";
        int status = result->status;

        if (result->timed_out)
                return trail(
                        -ETIMEDOUT, "the hook %s did not end within %lld s and was killed%s%s",
                        o->path, (long long)o->timeout_s, said, words);
        if (WIFSIGNALED(status))
                return trail(
                        -ECANCELED, "the hook %s was killed by signal %d%s%s", o->path,
                        WTERMSIG(status), said, words);
        if (WEXITSTATUS(status) != 0)
                return trail(
                        -ECANCELED, "the hook %s exited with status %d%s%s", o->path,
                        WEXITSTATUS(status), said, words);
        return 0;
}

int do_run_hook(struct machine *m, const struct op_run_hook *o)
{
        const char *const alone[] = { o->path, NULL };
        struct child_result result;
        struct child_job job = {
                .path = o->path,
                .args = o->args.n ? o->args.items : alone,
                .env = o->env.items,
                .cwd = o->cwd,
                .timeout_s = o->timeout_s,
        };
        char *state;
        int r = make_state(o->state, m->actor == INIT ? getpid() : m->pid, &state, &job.input_size);

        if (r < 0)
                return r;
        job.input = state;
        r = child_run(&job, &result);
        munmap(state, strlen(o->state) + 32);
        /* As pid 1 we got the orphans that it left: those that have ended, the program need not. */
        while (m->actor == INIT && waitpid(-1, NULL, WNOHANG) > 0)
                ;
        return r < 0 ? trail(r, "cannot execute the hook %s: %s", o->path, text_errno(r))
                     : judge(o, &result);
}
