/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: criu as the one who takes a container's processes apart, or puts them together.
 *
 * `criu swrk` reads one request from a SOCK_SEQPACKET socket and answers on it: a message a packet, in
 * the encoding of Protocol Buffers. The socket is the gate of the two sides, so what INIT fails with on
 * its way to being criu arrives on it, too. While criu works it tells of events, and waits at each for
 * an answer. What is written here is as much of that protocol as is needed: numbers, strings and
 * messages of such, by the field numbers of criu's rpc.proto. Nothing here allocates. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* -- writing ------------------------------------------------------------------------------------- */

struct wire {
        uint8_t *at, *end;
        bool full;
};

static void put_byte(struct wire *w, uint8_t byte)
{
        w->full |= w->at == w->end;
        if (!w->full)
                *w->at++ = byte;
}

static void put_varint(struct wire *w, uint64_t value)
{
        for (; value > 0x7f; value >>= 7)
                put_byte(w, (uint8_t)(value | 0x80));
        put_byte(w, (uint8_t)value);
}

static void put_number(struct wire *w, unsigned field, uint64_t value)
{
        put_varint(w, (uint64_t)field << 3);
        put_varint(w, value);
}

static void put_bytes(struct wire *w, unsigned field, const void *bytes, size_t size)
{
        put_varint(w, (uint64_t)field << 3 | 2);
        put_varint(w, size);
        for (size_t i = 0; i < size; i++)
                put_byte(w, ((const uint8_t *)bytes)[i]);
}

static void put_text(struct wire *w, unsigned field, const char *text)
{
        put_bytes(w, field, text, strlen(text));
}

/* A message of up to two members, each a text or a number. */
struct pair {
        const char *text;
        size_t size; /* of the text */
        unsigned text_field, field;
        const char *second; /* a text; NULL: the number */
        uint64_t number;
};

static void put_pair(struct wire *w, unsigned field, const struct pair *pair)
{
        uint8_t bytes[4608];
        struct wire inner = { bytes, bytes + sizeof bytes, false };

        if (pair->text)
                put_bytes(&inner, pair->text_field, pair->text, pair->size);
        if (pair->second)
                put_text(&inner, pair->field, pair->second);
        else
                put_number(&inner, pair->field, pair->number);
        w->full |= inner.full;
        put_bytes(w, field, bytes, (size_t)(inner.at - bytes));
}

/* -- options ------------------------------------------------------------------------------------- */

enum kind {
        FLAG,
        NUMBER,
        TEXT_VALUE,
        MODE_VALUE,  /* of managing cgroups */
        SPACE,       /* "net" */
        INHERIT,     /* "fd[N]:KEY" */
        CGROUP_ROOT, /* "/PATH" or "CONTROLLER:/PATH" */
        JOIN,        /* "KIND:FILE" */
        SERVER,      /* "ADDRESS:PORT" */
};

static const struct {
        const char *name;
        uint8_t field;
        uint8_t kind;
} known[] = {
        { "tree", 2, NUMBER },
        { "leave-running", 3, FLAG },
        { "ext-unix-sk", 4, FLAG },
        { "tcp-established", 5, FLAG },
        { "evasive-devices", 6, FLAG },
        { "shell-job", 7, FLAG },
        { "file-locks", 8, FLAG },
        { "verbosity", 9, NUMBER },
        { "log-file", 10, TEXT_VALUE },
        { "page-server", 11, SERVER },
        { "notify", 12, FLAG },
        { "root", 13, TEXT_VALUE },
        { "prev-images-dir", 14, TEXT_VALUE },
        { "track-mem", 15, FLAG },
        { "auto-dedup", 16, FLAG },
        { "link-remap", 18, FLAG },
        { "cgroup-root", 25, CGROUP_ROOT },
        { "restore-sibling", 26, FLAG },
        { "inherit-fd", 27, INHERIT },
        { "manage-cgroups", 34, MODE_VALUE },
        { "external", 37, TEXT_VALUE },
        { "empty-ns", 38, SPACE },
        { "join-ns", 39, JOIN },
        { "skip-in-flight", 46, FLAG },
        { "lazy-pages", 48, FLAG },
        { "status-fd", 49, NUMBER },
        { "orphan-pts-master", 50, FLAG },
        { "lsm-profile", 53, TEXT_VALUE },
        { "lsm-mount-context", 63, TEXT_VALUE },
};

static int put_mode(struct wire *w, unsigned field, const char *word)
{
        static const char *const modes[] = { "ignore", "none", "props", "soft", "full", "strict" };

        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                if (text_equal(word, modes[i])) {
                        put_number(w, field, i);
                        return 0;
                }
        return -EINVAL;
}

/* "fd[N]:KEY" */
static int put_inherit(struct wire *w, unsigned field, const char *word)
{
        uint64_t number = 0;
        const char *at = word + 3;

        if (!text_starts(word, "fd["))
                return -EINVAL;
        for (; *at >= '0' && *at <= '9' && number < 4096; at++)
                number = number * 10 + (uint64_t)(*at - '0');
        if (!text_starts(at, "]:"))
                return -EINVAL;
        put_pair(
                w, field,
                &(struct pair){ at + 2, strlen(at + 2), 1, .field = 2, .number = number });
        return 0;
}

static int put_value(struct wire *w, unsigned field, enum kind kind, const char *value)
{
        const char *colon = strchr(value, ':');
        size_t before = colon ? (size_t)(colon - value) : 0;
        uint64_t number = 0;

        switch (kind) {
        case FLAG:
                return -EINVAL;
        case NUMBER:
                if (text_u64(value, &number) < 0)
                        return -EINVAL;
                put_number(w, field, number);
                return 0;
        case TEXT_VALUE:
                put_text(w, field, value);
                return 0;
        case MODE_VALUE:
                return put_mode(w, field, value);
        case SPACE:
                put_number(w, field, 0x40000000 /* CLONE_NEWNET, the only one that criu knows */);
                return text_equal(value, "net") ? 0 : -EINVAL;
        case INHERIT:
                return put_inherit(w, field, value);
        case CGROUP_ROOT:
                put_pair(
                        w, field,
                        &(struct pair){ before ? value : NULL, before, 1, 2,
                                        before ? colon + 1 : value, 0 });
                return 0;
        case JOIN:
                if (!before)
                        return -EINVAL;
                put_pair(w, field, &(struct pair){ value, before, 1, 2, colon + 1, 0 });
                return 0;
        case SERVER:
                colon = strrchr(value, ':');
                if (!colon || text_u64(colon + 1, &number) < 0)
                        return -EINVAL;
                put_pair(
                        w, field,
                        &(struct pair){ value, (size_t)(colon - value), 1, .field = 2,
                                        .number = number });
                return 0;
        }
        return -EINVAL;
}

static int put_option(struct wire *w, const char *word)
{
        size_t size = strcspn(word, "=");

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                if (strncmp(known[i].name, word, size) != 0 || known[i].name[size])
                        continue;
                if (known[i].kind != FLAG)
                        return word[size] ? put_value(
                                                    w, known[i].field, (enum kind)known[i].kind,
                                                    word + size + 1)
                                          : -EINVAL;
                put_number(w, known[i].field, 1);
                return word[size] ? -EINVAL : 0;
        }
        return -EINVAL;
}

/* criu_opts; descriptors are ours, by number. */
static int put_options(struct machine *m, const struct op_call_criu *o, struct wire *w)
{
        put_number(w, 1, (uint64_t)slot(m, o->images));
        if (o->work >= 0)
                put_number(w, 17, (uint64_t)slot(m, o->work));
        for (size_t i = 0; i < o->options.n; i++)
                if (put_option(w, o->options.items[i]) < 0)
                        return trail(-EINVAL, "criu is not asked for '%s'", o->options.items[i]);
        return w->full ? trail(-E2BIG, "the request to criu is too large") : 0;
}

/* It is where the plan has put it, and has read none of the images yet. */
static int note_place(struct machine *m)
{
        int r = task_cgroups_read(m->pid, m->pid, m->place, sizeof m->place);

        if (r == 0)
                return 0;
        m->place[0] = '\0';
        /* a kernel without cgroups */
        return r == -ENOENT && file_access("/proc/self/cgroup", F_OK) == r
                     ? 0
                     : trail(r, "cannot read which cgroups criu is in");
}

int do_call_criu(struct machine *m, const struct op_call_criu *o)
{
        static const struct {
                const char *word;
                uint8_t type;
        } requests[] = { { "dump", 1 }, { "restore", 2 }, { "pre-dump", 4 } };

        uint8_t options[24576], bytes[24832];
        struct wire inner = { options, options + sizeof options, false };
        struct wire w = { bytes, bytes + sizeof bytes, false };
        int r = put_options(m, o, &inner);

        if (r == 0 && text_equal(o->request, "restore"))
                r = note_place(m);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
                if (text_equal(o->request, requests[i].word))
                        put_number(&w, 1, requests[i].type);
        put_bytes(&w, 2, options, (size_t)(inner.at - options));
        r = socket_send(m->gate, bytes, (size_t)(w.at - bytes), NO_FD);
        return r == -EPIPE ? 0 : r; /* await_criu hears why */
}

/* -- reading ------------------------------------------------------------------------------------- */

/* One member of a message: `number`, or `bytes` of `size`. */
struct member {
        unsigned field;
        uint64_t number;
        const uint8_t *bytes;
        size_t size;
};

static int get_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
        uint64_t value = 0;

        for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
                uint8_t byte = *(*at)++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        *ret_value = value;
                        return 0;
                }
        }
        return -EPROTO;
}

/* 1: there was one more; 0: the end. */
static int get_member(const uint8_t **at, const uint8_t *end, struct member *ret_member)
{
        struct member member = { 0 };
        uint64_t key;

        if (*at == end)
                return 0;
        if (get_varint(at, end, &key) < 0 || key >> 3 > 0xffff)
                return -EPROTO;
        member.field = (unsigned)(key >> 3);
        if ((key & 7) != 0 && (key & 7) != 2)
                return -EPROTO;
        if (get_varint(at, end, &member.number) < 0)
                return -EPROTO;
        if ((key & 7) == 2) {
                if (member.number > (uint64_t)(end - *at))
                        return -EPROTO;
                member.bytes = *at;
                member.size = (size_t)member.number;
                *at += member.size;
        }
        *ret_member = member;
        return 1;
}

/* criu_resp */
struct answer {
        unsigned type;
        bool success;
        int error;
        char event[48]; /* of a notification */
        int32_t pid;
        char words[512];
};

static void copy_words(char *to, size_t room, const struct member *member)
{
        size_t n = member->size < room - 1 ? member->size : room - 1;

        if (member->bytes)
                memcpy(to, member->bytes, n);
        to[member->bytes ? n : 0] = '\0';
}

/* criu_notify: script and pid. */
static int get_notification(const struct member *message, struct answer *answer)
{
        const uint8_t *at = message->bytes, *end = at + message->size;
        struct member member;
        int r;

        while (at && (r = get_member(&at, end, &member)) != 0) {
                if (r < 0)
                        return r;
                if (member.field == 1)
                        copy_words(answer->event, sizeof answer->event, &member);
                else if (member.field == 2)
                        answer->pid = (int32_t)member.number;
        }
        return 0;
}

static int get_answer(const uint8_t *bytes, size_t size, struct answer *ret_answer)
{
        const uint8_t *at = bytes, *end = bytes + size;
        struct member member;
        int r;

        while ((r = get_member(&at, end, &member)) > 0) {
                if (member.field == 1)
                        ret_answer->type = (unsigned)member.number;
                else if (member.field == 2)
                        ret_answer->success = member.number != 0;
                else if (member.field == 5)
                        r = get_notification(&member, ret_answer);
                else if (member.field == 7)
                        ret_answer->error = (int32_t)member.number;
                else if (member.field == 9)
                        copy_words(ret_answer->words, sizeof ret_answer->words, &member);
                if (r < 0)
                        return r;
        }
        return r;
}

static int go_on(struct machine *m)
{
        static const uint8_t yes[] = { 1 << 3, 6, 3 << 3, 1 }; /* NOTIFY, notify_success */

        if (!m->criu_waits)
                return 0;
        m->criu_waits = false;
        return socket_send(m->gate, yes, sizeof yes, NO_FD);
}

static int hear(struct machine *m, struct answer *ret_answer, int *ret_fd)
{
        uint8_t bytes[2048];
        struct answer answer = { 0 };
        ssize_t n;
        int r = go_on(m);

        *ret_fd = NO_FD;
        if (r == 0) {
                n = gate_receive(m, bytes, sizeof bytes, ret_fd);
                r = n < 0                    ? (int)n
                  : (size_t)n > sizeof bytes ? -EMSGSIZE
                                             : get_answer(bytes, (size_t)n, &answer);
        }
        if (r == -ECONNRESET || r == -EPIPE)
                return trail(-ECONNRESET, "criu ended without an answer");
        if (r == 0 && !answer.success)
                return trail(
                        answer.error > 0 && answer.error < 4096 ? -answer.error : -EIO,
                        "criu has failed%s%s", *answer.words ? ": " : "", answer.words);
        *ret_answer = answer;
        return r;
}

static int await(struct machine *m, const char *event, int *ret_fd)
{
        for (;;) {
                struct answer answer;
                int r = hear(m, &answer, ret_fd);

                if (r < 0)
                        return r;
                if (answer.type != 6 /* NOTIFY */)
                        return *event ? trail(-EPROTO, "criu was done without '%s'", event) : 0;
                m->criu_waits = true;
                m->criu_told = answer.pid;
                if (text_equal(answer.event, event))
                        return 0;
                file_close(ret_fd);
        }
}

int do_await_criu(struct machine *m, const struct op_await_criu *o)
{
        auto_close fd = NO_FD;

        return await(m, o->event, &fd);
}

int do_take_terminal(struct machine *m, const struct op_take_terminal *o)
{
        int fd, r = await(m, "orphan-pts-master", &fd);

        return r < 0 ? r : put(m, o->fd, fd < 0 ? -EPROTO : fd);
}

int do_adopt_tree(struct machine *m, const struct op_adopt_tree *o)
{
        int process = m->criu_told > 0 ? process_open(m->criu_told) : -EPROTO;

        if (process < 0)
                return process;
        m->pid = m->criu_told;
        m->fd[o->process] = m->pidfd = process;
        return 0;
}

int do_end_criu(struct machine *m, const struct op_end_criu *o)
{
        int r;

        file_close(&m->gate); /* after a pre-dump it would wait for more */
        r = process_reap(slot(m, o->process));
        if (m->pidfd == m->fd[o->process]) {
                m->pidfd = NO_FD;
                m->pid = 0;
        }
        file_close(&m->fd[o->process]);
        return r;
}

int do_exec_criu(struct machine *m, const struct op_exec_criu *o)
{
        static const char *const args[] = { "criu", "swrk", "3", NULL };
        int from[3] = { m->gate, slot(m, o->network), slot(m, o->pids) };
        int r;

        /* Out of each other's way first. */
        for (size_t i = 0; i < ARRAY_SIZE(from); i++)
                if (from[i] >= 0 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16)) < 0)
                        return -errno;
        m->gate = from[0];
        r = process_seal_fds(3, false);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(from); i++)
                if (from[i] >= 0 && dup2(from[i], 3 + (int)i) < 0)
                        return -errno;
        return trail(process_execute(o->program, args, o->env.items), "%s", o->program);
}
