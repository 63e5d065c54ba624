/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a client of systemd, in a dozen messages of D-Bus.
 *
 * Connect, say who we are (SASL EXTERNAL: the kernel tells our uid, so that a user namespace does not
 * matter), call, wait for the answer and for the signal that the job it started is done. The manager's
 * private socket, which systemctl(1) uses, needs no more; on a bus a name is taken first and the signal
 * asked for. Messages of others that are longer than our buffer are passed over unread: what we wait
 * for is short. Everything has one deadline. Child-safe. */
#include "linux.h"

#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>

#define MANAGER "org.freedesktop.systemd1.Manager"
#define SERVICE "org.freedesktop.systemd1"
#define OBJECT  "/org/freedesktop/systemd1"
#define BUS     "org.freedesktop.DBus"

enum {
        PATIENCE_S = 30,
        CALL_MAX = 32768, /* many device rules */
        ANSWER_MAX = 8192,
};

struct connection {
        int fd;
        bool bus;
        uint32_t serial;
        int64_t deadline_ns;
        struct dbus_message message; /* the last one, in: */
        uint8_t answer[ANSWER_MAX];
};

/* -- bytes --------------------------------------------------------------------------------------- */

static int await(struct connection *c, short events)
{
        for (;;) {
                int64_t left = c->deadline_ns - (int64_t)process_clock_ns();
                struct pollfd entry = { .fd = c->fd, .events = events };
                int n = left <= 0 ? 0 : poll(&entry, 1, (int)(left / 1000000) + 1);

                if (n > 0)
                        return 0;
                if (n == 0)
                        return trail(-ETIMEDOUT, "systemd does not answer");
                if (errno != EINTR)
                        return -errno;
        }
}

static int put(struct connection *c, const void *bytes, size_t size)
{
        const char *at = bytes;

        while (size) {
                int r = await(c, POLLOUT);
                ssize_t n = r < 0 ? r : send(c->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (r < 0)
                        return r;
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                at += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int get(struct connection *c, void *bytes, size_t size)
{
        char *at = bytes;

        while (size) {
                int r = await(c, POLLIN);
                ssize_t n = r < 0 ? r : recv(c->fd, at, size, MSG_DONTWAIT);

                if (r < 0)
                        return r;
                if (n == 0)
                        return trail(-ECONNRESET, "systemd hung up");
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                at += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* One line of SASL, without its end. */
static int get_line(struct connection *c, char *line, size_t room)
{
        for (size_t n = 0; n + 1 < room; n++) {
                int r = get(c, line + n, 1);

                if (r < 0)
                        return r;
                if (n > 0 && line[n] == '\n' && line[n - 1] == '\r') {
                        line[n - 1] = '\0';
                        return 0;
                }
        }
        return -EPROTO;
}

/* All that we have to say at once, as sd-bus does; "OK" ends the answers that matter. */
static int authenticate(struct connection *c)
{
        static const char words[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        char line[256];
        int r = put(c, words, sizeof words - 1);

        while (r == 0) {
                r = get_line(c, line, sizeof line);
                if (r == 0 && text_starts(line, "OK"))
                        return 0;
                if (r == 0 && (text_starts(line, "REJECTED") || text_starts(line, "ERROR")))
                        return trail(-EACCES, "systemd does not accept us: %s", line);
        }
        return r;
}

/* -- messages ------------------------------------------------------------------------------------ */

static int drop(struct connection *c, size_t size)
{
        int r = 0;

        while (size && r == 0) {
                size_t n = size < sizeof c->answer ? size : sizeof c->answer;

                r = get(c, c->answer, n);
                size -= n;
        }
        return r;
}

/* The next message that fits; that of another is no matter. */
static int receive(struct connection *c)
{
        for (;;) {
                int64_t size;
                int r = get(c, c->answer, DBUS_HEAD);

                if (r < 0)
                        return r;
                size = dbus_size(c->answer);
                if (size < 0)
                        return trail((int)size, "systemd says what D-Bus does not know");
                if (size <= (int64_t)sizeof c->answer) {
                        r = get(c, c->answer + DBUS_HEAD, (size_t)size - DBUS_HEAD);
                        return r < 0 ? r : dbus_parse(c->answer, (size_t)size, &c->message);
                }
                r = drop(c, (size_t)size - DBUS_HEAD);
                if (r < 0)
                        return r;
        }
}

static const struct {
        const char *name;
        int error;
} errors[] = {
        { SERVICE ".UnitExists", EEXIST },
        { SERVICE ".NoSuchUnit", ENOENT },
        { BUS ".Error.AccessDenied", EACCES },
        { BUS ".Error.InteractiveAuthorizationRequired", EACCES },
        { BUS ".Error.ServiceUnknown", ENOENT },
};

static int refused(struct connection *c)
{
        const char *words = "";
        int error = EIO;

        for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
                if (text_equal(c->message.error, errors[i].name))
                        error = errors[i].error;
        if (c->message.signature[0] == 's')
                dbus_get_string(&c->message, &words);
        return trail(-error, "systemd: %s", *words ? words : c->message.error);
}

/* A call that the caller has written, and its answer. */
static int exchange(struct connection *c, struct dbus_writer *w)
{
        int r = dbus_close(w);

        if (r < 0)
                return trail(r, "too much to say to systemd in one message");
        r = put(c, w->data, (size_t)r);
        while (r == 0) {
                r = receive(c);
                if (r < 0 || c->message.reply_serial != c->serial)
                        continue;
                if (c->message.type == DBUS_ERROR)
                        return refused(c);
                if (c->message.type == DBUS_RETURN)
                        return 0;
        }
        return r;
}

static void begin(
        struct connection *c, struct dbus_writer *w, const char *member, const char *signature)
{
        dbus_open(
                w, &(struct dbus_call){ .serial = ++c->serial,
                                        .destination = c->bus ? SERVICE : NULL,
                                        .path = OBJECT,
                                        .interface = MANAGER,
                                        .member = member,
                                        .signature = signature });
}

/* What a bus wants first: a name, and to know which signals we want. */
static int greet(struct connection *c)
{
        uint8_t bytes[1024];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        struct dbus_call call = { .serial = ++c->serial,
                                  .destination = BUS,
                                  .path = "/org/freedesktop/DBus",
                                  .interface = BUS,
                                  .member = "Hello" };
        int r;

        dbus_open(&w, &call);
        r = exchange(c, &w);
        if (r < 0)
                return r;
        call.serial = ++c->serial;
        call.member = "AddMatch";
        call.signature = "s";
        dbus_open(&w, &call);
        dbus_put_string(&w, "type='signal',interface='" MANAGER "',member='JobRemoved'");
        r = exchange(c, &w);
        if (r < 0)
                return r;
        begin(c, &w, "Subscribe", "");
        return exchange(c, &w);
}

static int open_manager(const char *socket, struct connection *c)
{
        size_t size = strlen(socket);
        int r;

        *c = (struct connection){ .fd = socket_connect_stream(socket),
                                  .deadline_ns = (int64_t)process_clock_ns() +
                                                 PATIENCE_S * INT64_C(1000000000) };
        c->bus = size < 16 || !text_equal(socket + size - 16, "/systemd/private");
        if (c->fd < 0)
                return trail(c->fd, "cannot reach systemd at %s", socket);
        r = authenticate(c);
        if (r == 0 && c->bus)
                r = greet(c);
        if (r < 0)
                file_close(&c->fd);
        return r;
}

/* The answer to the last call names a job: until that is done. */
static int await_job(struct connection *c)
{
        char job[256];
        const char *path, *unit, *result;
        uint32_t id;
        int r = dbus_get_string(&c->message, &path);

        if (r < 0 || strlen(path) >= sizeof job)
                return trail(-EPROTO, "systemd's answer names no job");
        memcpy(job, path, strlen(path) + 1);
        for (;;) {
                r = receive(c);
                if (r < 0)
                        return r;
                if (c->message.type != DBUS_SIGNAL || !text_equal(c->message.member, "JobRemoved"))
                        continue;
                if (dbus_get_u32(&c->message, &id) < 0 || dbus_get_string(&c->message, &path) < 0 ||
                    dbus_get_string(&c->message, &unit) < 0 ||
                    dbus_get_string(&c->message, &result) < 0)
                        return trail(-EPROTO, "systemd's signal is none of a job");
                if (!text_equal(path, job))
                        continue;
                return text_equal(result, "done")
                             ? 0
                             : trail(-EIO, "systemd: the job for %s: %s", unit, result);
        }
}

/* -- calls --------------------------------------------------------------------------------------- */

static int put_properties(struct dbus_writer *w, const char *const *properties)
{
        for (; properties && *properties; properties++) {
                const char *equal = strchr(*properties, '=');
                char name[128];

                if (!equal || (size_t)(equal - *properties) >= sizeof name)
                        return trail(-EINVAL, "'%.60s' is no property", *properties);
                memcpy(name, *properties, (size_t)(equal - *properties));
                name[equal - *properties] = '\0';
                dbus_put_struct(w);
                dbus_put_string(w, name);
                if (dbus_put_variant(w, equal + 1) < 0)
                        return trail(-EINVAL, "%s: '%.60s' is no value", name, equal + 1);
        }
        return 0;
}

static void put_pids(struct dbus_writer *w, pid_t pid)
{
        size_t pids = dbus_open_array(w, 4);

        dbus_put_u32(w, (uint32_t)pid);
        dbus_close_array(w, pids, 4);
}

static int start(struct connection *c, const char *unit, const char *const *properties, pid_t pid)
{
        uint8_t bytes[CALL_MAX];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        char pids[32];
        size_t list;
        int r;

        begin(c, &w, "StartTransientUnit", "ssa(sv)a(sa(sv))");
        dbus_put_string(&w, unit);
        dbus_put_string(&w, "fail");
        list = dbus_open_array(&w, 8);
        r = put_properties(&w, properties);
        if (r < 0)
                return r;
        dbus_put_struct(&w);
        dbus_put_string(&w, "PIDs");
        text_format(pids, sizeof pids, "@au [%d]", (int)pid);
        dbus_put_variant(&w, pids);
        dbus_close_array(&w, list, 8);
        dbus_close_array(&w, dbus_open_array(&w, 8), 8);
        r = exchange(c, &w);
        return r < 0 ? r : await_job(c);
}

static int call_with_unit(
        struct connection *c, const char *member, const char *unit, const char *mode)
{
        uint8_t bytes[1024];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };

        begin(c, &w, member, mode ? "ss" : "s");
        dbus_put_string(&w, unit);
        if (mode)
                dbus_put_string(&w, mode);
        return exchange(c, &w);
}

int systemd_start_unit(
        const char *socket, const char *unit, const char *const *properties, pid_t pid)
{
        struct connection c;
        int r = open_manager(socket, &c);

        if (r < 0)
                return r;
        r = start(&c, unit, properties, pid);
        /* One that failed keeps its name until somebody has seen that. */
        if (r == -EEXIST && call_with_unit(&c, "ResetFailedUnit", unit, NULL) == 0) {
                trail_reset();
                r = start(&c, unit, properties, pid);
        }
        file_close(&c.fd);
        return r;
}

int systemd_attach(const char *socket, const char *unit, pid_t pid)
{
        uint8_t bytes[1024];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        struct connection c;
        int r = open_manager(socket, &c);

        if (r < 0)
                return r;
        begin(&c, &w, "AttachProcessesToUnit", "ssau");
        dbus_put_string(&w, unit);
        dbus_put_string(&w, "");
        put_pids(&w, pid);
        r = exchange(&c, &w);
        file_close(&c.fd);
        return r;
}

int systemd_set_unit(const char *socket, const char *unit, const char *const *properties)
{
        uint8_t bytes[CALL_MAX];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        struct connection c;
        size_t list;
        int r = open_manager(socket, &c);

        if (r < 0)
                return r;
        begin(&c, &w, "SetUnitProperties", "sba(sv)");
        dbus_put_string(&w, unit);
        dbus_put_u32(&w, true); /* not for a unit of that name after a reboot */
        list = dbus_open_array(&w, 8);
        r = put_properties(&w, properties);
        dbus_close_array(&w, list, 8);
        if (r == 0)
                r = exchange(&c, &w);
        /* The files are written between this message and the next one: then they are. */
        if (r == 0)
                r = call_with_unit(&c, "GetUnit", unit, NULL);
        file_close(&c.fd);
        return r;
}

int systemd_stop_unit(const char *socket, const char *unit)
{
        struct connection c;
        int r = open_manager(socket, &c);

        if (r < 0)
                return r;
        r = call_with_unit(&c, "StopUnit", unit, "replace");
        if (r == 0)
                r = await_job(&c);
        if (r != -ENOENT)
                call_with_unit(&c, "ResetFailedUnit", unit, NULL);
        if (r >= 0 || r == -ENOENT)
                trail_reset();
        file_close(&c.fd);
        return r == -ENOENT ? 0 : r;
}

int systemd_manager_property(const char *socket, const char *name, char *buffer, size_t size)
{
        uint8_t bytes[1024];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        struct connection c;
        const char *signature, *value;
        int r = open_manager(socket, &c);

        if (r < 0)
                return r;
        dbus_open(
                &w, &(struct dbus_call){ .serial = ++c.serial,
                                         .destination = c.bus ? SERVICE : NULL,
                                         .path = OBJECT,
                                         .interface = BUS ".Properties",
                                         .member = "Get",
                                         .signature = "ss" });
        dbus_put_string(&w, MANAGER);
        dbus_put_string(&w, name);
        r = exchange(&c, &w);
        if (r == 0 &&
            (dbus_get_variant(&c.message, &signature) < 0 || !text_equal(signature, "s") ||
             dbus_get_string(&c.message, &value) < 0 || strlen(value) >= size))
                r = trail(-EPROTO, "systemd's answer is no string");
        if (r == 0)
                memcpy(buffer, value, strlen(value) + 1);
        file_close(&c.fd);
        return r;
}
