/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the main thread reads requests, a thread each does them, at most REGISTRY_JOBS at a
 * time; husk asks no more. Answers are one packet each, which the kernel keeps whole, so nobody waits for
 * anybody. When the socket is closed, the process ends, whatever its threads do: all that they have is on its
 * way to descriptors of husk's. */
#include "fetch.h"
#include "linux/linux.h"

#include <unistd.h>

enum {
        TELL_NS = 200000000, /* between two words of progress */
};

static const struct {
        const char *name;
        int (*run)(struct fetch_job *job, struct text *answer);
        size_t passed; /* at least */
} kinds[] = {
        { "manifest", fetch_manifest, 1 }, { "blob", fetch_blob, 0 }, { "login", fetch_login, 0 },
        { "push", fetch_push, 1 },         { "pack", fetch_pack, 2 }, { "put", fetch_put, 1 },
        { "remove", fetch_remove, 0 },
};

int fetch_text(const struct fetch_job *job, const char *name, const char **ret_text)
{
        *ret_text = json_string(json_member(job->request, name));
        return *ret_text && !text_has_control(*ret_text, strlen(*ret_text))
                     ? 0
                     : trail(-EINVAL, "the request has no '%s'", name);
}

/* -- answers ------------------------------------------------------------------------------------------- */

static void send_answer(struct fetch_job *job, const char *kind, const struct text *object)
{
        struct text packet = { .arena = &job->arena };

        text_addf(&packet, "{\"id\":%llu,\"%s\":", (unsigned long long)job->id, kind);
        text_add(&packet, text_string(object));
        text_add_char(&packet, '}');
        /* Nobody there: the main thread will see that, too. */
        socket_send(job->fetcher->socket, packet.data, packet.len, NO_FD);
}

void fetch_progress(struct fetch_job *job, uint64_t bytes)
{
        uint64_t now = process_clock_ns();
        char packet[96];
        size_t size;

        if (now - job->told_ns < TELL_NS)
                return;
        job->told_ns = now;
        size = text_format(
                packet, sizeof packet, "{\"id\":%llu,\"progress\":{\"bytes\":%llu}}",
                (unsigned long long)job->id, (unsigned long long)bytes);
        socket_send(job->fetcher->socket, packet, size, NO_FD);
}

static void send_error(struct fetch_job *job, int error)
{
        struct text object = { .arena = &job->arena };
        struct json_writer w = { .out = &object };

        json_open_object(&w, NULL);
        json_put_string(&w, "code", text_errno_name(error));
        json_put_string(&w, "message", *trail_text() ? trail_text() : text_errno(error));
        if (*trail_hint_text())
                json_put_string(&w, "hint", trail_hint_text());
        json_close_object(&w);
        send_answer(job, "error", &object);
}

/* -- requests ------------------------------------------------------------------------------------------ */

static void finish(struct fetch_job *job, int error, const struct text *answer)
{
        /* Before the answer: who waits for the end of a pipe must not wait for us. */
        for (size_t i = 0; i < SOCKET_PASSED_MAX; i++)
                file_close(&job->passed[i]);
        if (error < 0)
                send_error(job, error);
        else
                send_answer(job, "done", answer);
        arena_free(&job->arena);
        __atomic_store_n(&job->busy, false, __ATOMIC_RELEASE);
}

static void *work(void *context)
{
        struct fetch_job *job = context;
        struct text answer = { .arena = &job->arena };

        trail_own(&job->trail);
        trail_reset();
        job->told_ns = process_clock_ns();
        finish(job, job->run(job, &answer), &answer);
        return NULL;
}

static struct fetch_job *free_job(struct fetch_job *jobs)
{
        for (size_t i = 0; i < REGISTRY_JOBS; i++)
                if (!__atomic_load_n(&jobs[i].busy, __ATOMIC_ACQUIRE))
                        return &jobs[i];
        return NULL;
}

static int start(struct fetch_job *job)
{
        pthread_attr_t attributes;
        pthread_t thread;
        int error;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, FETCH_STACK_SIZE);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        job->busy = true;
        error = pthread_create(&thread, &attributes, work, job);
        pthread_attr_destroy(&attributes);
        return -error;
}

static int take_settings(struct fetcher *fetcher, const struct json *settings)
{
        /* Threads hold what stands there now. */
        if (fetcher->hosts || fetcher->settings.patience_s)
                return trail(-EINVAL, "settings come once, and first");
        return settings_decode(&fetcher->arena, settings, &fetcher->settings);
}

/* What it asks for; its descriptors are the job's now. */
static int take_request(struct fetch_job *job, const struct json *root)
{
        size_t n = 0;

        while (n < SOCKET_PASSED_MAX && job->passed[n] >= 0)
                n++;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                job->request = json_member(root, kinds[i].name);
                job->run = kinds[i].run;
                if (job->request && n >= kinds[i].passed)
                        return start(job);
        }
        return -EINVAL;
}

/* A packet that is not understood ends us: husk and this program are of different versions. */
static int take_packet(
        struct fetcher *fetcher, struct fetch_job *jobs, const char *packet, size_t size,
        const int passed[SOCKET_PASSED_MAX])
{
        struct fetch_job *job = free_job(jobs);
        const struct json *root;
        int r;

        /* Husk has read the answer before we were through with it. */
        while (!job) {
                sched_yield();
                job = free_job(jobs);
        }
        for (size_t i = 0; i < SOCKET_PASSED_MAX; i++)
                job->passed[i] = passed[i];
        job->fetcher = fetcher;
        r = json_parse(&job->arena, "request", packet, size, &root);
        if (r < 0)
                return r;
        if (json_member(root, "settings")) {
                /* Kept as long as the process: its texts are used in place. */
                fetcher->arena = job->arena;
                job->arena = (struct arena){ 0 };
                return take_settings(fetcher, json_member(root, "settings"));
        }
        if (!fetcher->settings.patience_s || json_u64(json_member(root, "id"), &job->id) < 0)
                return -EINVAL;
        return take_request(job, root);
}

int fetch_serve(struct fetcher *fetcher)
{
        static char packet[REGISTRY_PACKET_MAX];
        static struct fetch_job jobs[REGISTRY_JOBS];

        for (;;) {
                int passed[SOCKET_PASSED_MAX], r;
                ssize_t size = socket_receive_all(
                        fetcher->socket, packet, sizeof packet, passed, SOCKET_PASSED_MAX);

                if (size <= 0)
                        return (int)size;
                r = take_packet(fetcher, jobs, packet, (size_t)size, passed);
                if (r < 0)
                        return r;
        }
}
