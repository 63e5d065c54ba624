/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the helper is a child with one socket and nothing else: no environment, no input, no
 * output, no descriptor of ours. Requests are written as JSON; answers are read strictly and hold nothing that
 * is used before it was looked at: texts are bounded by the packet and made visible.
 *
 * The helper is killed by its pidfd and dies with us, so it never outlives a command. */
#include "linux/linux.h"
#include "registry.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* -- the process ------------------------------------------------------------------------------------- */

/* In the child: only returns when the program cannot be executed. */
static int become(pid_t parent, const char *program, int socket)
{
        const char *const arguments[] = { program, NULL }, *const environment[] = { NULL };
        auto_close null = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
        int r;

        if (null < 0)
                return null;
        process_follow(parent);
        if (dup3(socket, REGISTRY_SOCKET, 0) < 0)
                return -errno;
        for (int fd = 0; fd < REGISTRY_SOCKET; fd++)
                if (dup2(null, fd) < 0)
                        return -errno;
        process_reset_signals();
        r = process_close_range(REGISTRY_SOCKET + 1, UINT32_MAX);
        return r < 0 ? r : process_execute(program, arguments, environment);
}

static int start(const char *program, int ours, int theirs, struct registry *registry)
{
        /* The socket must not be what a descriptor is moved over. */
        auto_close high = fcntl(theirs, F_DUPFD_CLOEXEC, REGISTRY_SOCKET + 1);
        pid_t parent = getpid(), pid;

        if (high < 0)
                return -errno;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                become(parent, program, high);
                _exit(127);
        }
        registry->pid = pid;
        registry->pidfd = process_open(pid);
        registry->socket = ours;
        return registry->pidfd < 0 ? registry->pidfd : 0;
}

static int send_settings(struct registry *registry, const char *settings)
{
        auto_arena arena = { 0 };
        struct text packet = { .arena = &arena };

        text_addf(&packet, "{\"settings\":%s}", settings ? settings : "{}");
        if (packet.len > REGISTRY_PACKET_MAX)
                return trail(-E2BIG, "what is configured for this registry has more than 64 KiB");
        return socket_send(registry->socket, packet.data, packet.len, NO_FD);
}

/* Why it is gone. */
static int ended(struct registry *registry)
{
        int status = 0;

        if (registry->pid > 0 && process_wait(registry->pid, &status) >= 0)
                registry->pid = 0;
        return trail(
                -EPIPE, "%s has ended by itself (status %d)", REGISTRY_PROGRAM,
                process_exit_code(status));
}

int registry_start(const char *program, const char *settings, struct registry *ret_registry)
{
        struct registry registry = REGISTRY_NONE;
        int pair[2], r = file_access(program, X_OK);

        if (r < 0) {
                trail_hint(
                        "it is installed to PREFIX/libexec/husk and built beside husk; HUSK_LIBEXEC "
                        "names another directory");
                return trail(r, "cannot execute '%s', which speaks to registries: %m", program);
        }
        r = socket_pair(pair);
        if (r < 0)
                return trail(r, "cannot make a socket pair: %m");
        r = start(program, pair[0], pair[1], &registry);
        file_close(&pair[1]);
        if (r < 0) {
                if (registry.socket < 0)
                        file_close(&pair[0]);
                registry_end(&registry);
                return trail(r, "cannot start '%s': %m", program);
        }
        r = send_settings(&registry, settings);
        if (r == -EPIPE || r == -ECONNRESET)
                r = ended(&registry);
        if (r < 0) {
                registry_end(&registry);
                return trail(r, "cannot set up '%s'", program);
        }
        *ret_registry = registry;
        return 0;
}

void registry_end(struct registry *registry)
{
        if (registry->pid > 0) {
                if (registry->pidfd >= 0)
                        process_signal(registry->pidfd, SIGKILL);
                file_close(&registry->socket); /* without a pidfd: this ends it, too */
                process_wait(registry->pid, NULL);
        }
        file_close(&registry->socket);
        file_close(&registry->pidfd);
        registry->pid = 0;
}

/* -- requests ---------------------------------------------------------------------------------------- */

/* What is asked in one packet. */
struct request {
        struct arena arena;
        struct text packet;
        struct json_writer w;
};

/* Begin a request, which send_request() ends. -EBUSY: enough is being done already. */
static int begin_request(
        struct request *request, struct registry *registry, const char *what,
        const struct registry_place *place)
{
        struct json_writer *w = &request->w;

        if (registry->running >= REGISTRY_JOBS)
                return -EBUSY;
        *request = (struct request){ 0 };
        request->packet.arena = &request->arena;
        w->out = &request->packet;
        json_open_object(w, NULL);
        json_put_u64(w, "id", ++registry->last);
        json_open_object(w, what);
        if (place->registry) {
                json_put_string(w, "registry", place->registry);
                json_put_string(w, "repository", place->repository);
        }
        return 0;
}

static int send_packet(
        const struct registry *registry, const struct text *packet, const int *passed, size_t n)
{
        int r;

        if (packet->len > REGISTRY_PACKET_MAX)
                return -E2BIG;
        r = socket_send_all(registry->socket, packet->data, packet->len, passed, n);
        return r < 0 ? trail(r, "%s has ended", REGISTRY_PROGRAM) : 0;
}

/* Its number. */
static int send_request(
        struct request *request, struct registry *registry, const int *passed, size_t n)
{
        int r;

        json_close_object(&request->w);
        json_close_object(&request->w);
        r = send_packet(registry, &request->packet, passed, n);
        arena_free(&request->arena);
        if (r < 0)
                return r;
        registry->running++;
        return (int)registry->last;
}

/* A request that has one word more to say; `file` is passed unless it is NO_FD. */
static int ask_word(
        struct registry *registry, const char *what, const struct registry_place *place,
        const struct spec_pair *word, int file)
{
        struct request request;
        int r = begin_request(&request, registry, what, place);

        if (r < 0)
                return r;
        json_put_string(&request.w, word->key, word->value);
        return send_request(&request, registry, &file, file >= 0);
}

int registry_ask_manifest(
        struct registry *registry, const struct registry_place *place, const char *reference,
        int file)
{
        return ask_word(
                registry, "manifest", place, &(struct spec_pair){ "reference", reference }, file);
}

int registry_ask_list(
        struct registry *registry, const struct registry_place *place, const char *path, int file)
{
        return ask_word(registry, "manifest", place, &(struct spec_pair){ "list", path }, file);
}

int registry_ask_remove(
        struct registry *registry, const struct registry_place *place, const char *reference)
{
        return ask_word(
                registry, "remove", place, &(struct spec_pair){ "reference", reference }, NO_FD);
}

int registry_ask_login(struct registry *registry, const char *name)
{
        return ask_word(
                registry, "login", &(struct registry_place){ 0 },
                &(struct spec_pair){ "registry", name }, NO_FD);
}

int registry_ask_blob(struct registry *registry, const struct registry_blob *blob)
{
        static const char *const compressions[] = REGISTRY_COMPRESSIONS;
        struct request request;
        int passed[3], r = begin_request(&request, registry, "blob", &blob->place);
        size_t n = 0;

        if (r < 0)
                return r;
        json_put_string(&request.w, "digest", blob->digest);
        json_put_u64(&request.w, "size", blob->size);
        json_put_string(&request.w, "compression", compressions[blob->compression]);
        json_put_bool(&request.w, "keep", blob->file >= 0);
        json_put_bool(&request.w, "unpack", blob->records >= 0);
        json_put_bool(&request.w, "local", blob->source >= 0);
        if (blob->bytes_max)
                json_put_u64(&request.w, "bytesMax", blob->bytes_max);
        if (blob->file >= 0)
                passed[n++] = blob->file;
        if (blob->records >= 0)
                passed[n++] = blob->records;
        if (blob->source >= 0)
                passed[n++] = blob->source;
        return send_request(&request, registry, passed, n);
}

int registry_ask_push(struct registry *registry, const struct registry_upload *upload)
{
        struct request request;
        int r = begin_request(&request, registry, "push", &upload->place);

        if (r < 0)
                return r;
        json_put_string(&request.w, "digest", upload->digest);
        json_put_u64(&request.w, "size", upload->size);
        if (upload->from)
                json_put_string(&request.w, "from", upload->from);
        return send_request(&request, registry, &upload->file, 1);
}

int registry_ask_put(struct registry *registry, const struct registry_document *document)
{
        struct request request;
        int r = begin_request(&request, registry, "put", &document->place);

        if (r < 0)
                return r;
        json_put_string(&request.w, "reference", document->reference);
        json_put_string(&request.w, "digest", document->digest);
        json_put_string(&request.w, "mediaType", document->media_type);
        return send_request(&request, registry, &document->file, 1);
}

int registry_ask_pack(struct registry *registry, const struct registry_packing *packing)
{
        static const char *const compressions[] = REGISTRY_COMPRESSIONS;
        const int passed[] = { packing->source, packing->file };
        struct request request;
        int r = begin_request(&request, registry, "pack", &(struct registry_place){ 0 });

        if (r < 0)
                return r;
        json_put_string(&request.w, "compression", compressions[packing->compression]);
        json_put_u64(&request.w, "level", packing->level);
        json_put_u64(&request.w, "size", packing->size);
        return send_request(&request, registry, passed, ARRAY_SIZE(passed));
}

/* -- answers ----------------------------------------------------------------------------------------- */

/* A member that is shown to people: NULL when it is not there. */
static const char *visible(struct arena *arena, const struct json *object, const char *name)
{
        const char *string = json_string(json_member(object, name));
        struct text text = { .arena = arena };

        if (!string)
                return NULL;
        text_add_visible(&text, string);
        return text_string(&text);
}

static const char *string(struct arena *arena, const struct json *object, const char *name)
{
        const char *string = json_string(json_member(object, name));

        return string ? arena_string(arena, string) : NULL;
}

static bool is_true(const struct json *object, const char *name)
{
        const struct json *value = json_member(object, name);

        return value && value->kind == JSON_BOOL && value->boolean;
}

/* An errno by its name: the helper's words are a name and a sentence. */
static int errno_of(const char *name)
{
        for (int error = 1; name && error < 134; error++)
                if (text_equal(text_errno_name(error), name))
                        return -error;
        return -EIO;
}

static int read_answer(
        struct arena *arena, const struct json *root, struct registry_answer *ret_answer)
{
        const struct json *progress = json_member(root, "progress"),
                          *done = json_member(root, "done");
        const struct json *error = json_member(root, "error");
        struct registry_answer answer = { 0 };
        uint64_t id = 0;

        if (json_u64(json_member(root, "id"), &id) < 0 || id > UINT32_MAX ||
            !!progress + !!done + !!error != 1)
                return -EBADMSG;
        answer.id = (unsigned)id;
        if (progress) {
                answer.kind = REGISTRY_PROGRESS;
                if (json_u64(json_member(progress, "bytes"), &answer.bytes) < 0)
                        return -EBADMSG;
        } else if (done) {
                answer.kind = REGISTRY_DONE;
                if (json_u64(json_member(done, "size"), &answer.size) < 0)
                        return -EBADMSG;
                answer.media_type = visible(arena, done, "mediaType");
                answer.digest = string(arena, done, "digest");
                answer.diff_id = string(arena, done, "diffId");
                answer.next = visible(arena, done, "next");
                answer.there = is_true(done, "there");
                answer.subject = is_true(done, "subject");
                if ((answer.digest && image_digest_check(answer.digest) < 0) ||
                    (answer.diff_id && image_digest_check(answer.diff_id) < 0))
                        return -EBADMSG;
        } else {
                answer.kind = REGISTRY_ERROR;
                answer.error = errno_of(json_string(json_member(error, "code")));
                answer.message = visible(arena, error, "message");
                answer.hint = visible(arena, error, "hint");
        }
        *ret_answer = answer;
        return 0;
}

int registry_next(
        struct registry *registry, struct arena *arena, int timeout_ms,
        struct registry_answer *ret_answer)
{
        struct pollfd entry = { .fd = registry->socket, .events = POLLIN };
        auto_arena packets = { 0 }; /* words of progress must not add up in the caller's */
        char *packet = arena_alloc(&packets, REGISTRY_PACKET_MAX);
        const struct json *root;
        ssize_t size;
        int r;

        do
                r = poll(&entry, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : 0;
        size = socket_receive(registry->socket, packet, REGISTRY_PACKET_MAX, NULL);
        if (size == 0 || size == -ECONNRESET)
                return ended(registry);
        if (size < 0)
                return trail((int)size, "cannot read what %s says: %m", REGISTRY_PROGRAM);
        r = json_parse(&packets, REGISTRY_PROGRAM, packet, (size_t)size, &root);
        if (r == 0)
                r = read_answer(arena, root, ret_answer);
        if (r < 0)
                return trail(-EBADMSG, "%s does not speak its protocol", REGISTRY_PROGRAM);
        if (ret_answer->kind != REGISTRY_PROGRESS && registry->running)
                registry->running--;
        return 1;
}

int registry_await(
        struct registry *registry, struct arena *arena, unsigned id,
        struct registry_answer *ret_answer)
{
        struct registry_answer answer;
        int r;

        do
                r = registry_next(registry, arena, -1, &answer);
        while (r > 0 && (answer.id != id || answer.kind == REGISTRY_PROGRESS));
        if (r < 0)
                return r;
        if (answer.kind == REGISTRY_DONE) {
                *ret_answer = answer;
                return 0;
        }
        if (answer.hint && *answer.hint)
                trail_hint("%s", answer.hint);
        return trail(answer.error, "%s", answer.message ? answer.message : "it failed");
}
