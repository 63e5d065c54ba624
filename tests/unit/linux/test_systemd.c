/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tap.h"

#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Theory of operation: a process that says to the client, byte by byte, what a manager was recorded to
 * say: the client's own words are read and not looked at. What a real one does with them is seen by the
 * system tests under systemd. */

enum {
        ROOM = 40000
};

struct script {
        char bytes[ROOM];
        size_t n;
};

static void put(struct script *s, const void *bytes, size_t size)
{
        CHECK(size <= sizeof s->bytes - s->n);
        memcpy(s->bytes + s->n, bytes, size);
        s->n += size;
}

static void put_line(struct script *s, const char *line)
{
        put(s, line, strlen(line));
        put(s, "\r\n", 2);
}

/* A message as a call is written, with another type and another second field where that is asked for. */
static void put_message(
        struct script *s, enum dbus_type type, const char *name, const char *const *texts,
        size_t room)
{
        static uint8_t bytes[ROOM];
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes };
        static const uint8_t filler[20000];
        int n;

        dbus_open(
                &w, &(struct dbus_call){ .serial = 5,
                                         .path = type == DBUS_SIGNAL ? "/o" : NULL,
                                         .member = type == DBUS_SIGNAL ? name : NULL,
                                         .interface = type == DBUS_ERROR ? name : NULL,
                                         .destination = NULL,
                                         .signature = type == DBUS_SIGNAL ? "uoss" : "s" });
        if (type == DBUS_SIGNAL)
                dbus_put_u32(&w, 1);
        for (; texts && *texts; texts++)
                dbus_put_string(&w, *texts);
        if (room) {
                size_t mark = dbus_open_array(&w, 1);

                memcpy(w.data + w.size, filler, room);
                w.size += room;
                dbus_close_array(&w, mark, 1);
        }
        n = dbus_close(&w);
        CHECK(n > 0);
        bytes[1] = (uint8_t)type;
        put(s, bytes, (size_t)n);
}

/* REPLY_SERIAL has no place in a call: by hand. */
static void put_return(struct script *s, uint8_t serial, enum dbus_type type, const char *text)
{
        uint8_t bytes[512] = { 'l', (uint8_t)type, 0, 1 };
        static const char name[] = "org.freedesktop.systemd1.UnitExists";
        struct dbus_writer w = { .data = bytes, .room = sizeof bytes, .size = 16 };
        uint32_t fields, body;
        const uint8_t reply[] = { 5, 1, 'u', 0, serial, 0, 0, 0, 8, 1, 'g', 0, 1, 's', 0 };
        const uint8_t error[] = { 4, 1, 's', 0 };

        bytes[8] = 9;
        memcpy(bytes + w.size, reply, sizeof reply);
        w.size += sizeof reply;
        if (type == DBUS_ERROR) {
                w.size++;
                memcpy(bytes + w.size, error, sizeof error);
                w.size += sizeof error;
                dbus_put_string(&w, name);
        }
        fields = (uint32_t)w.size - 16;
        w.size = (w.size + 7) / 8 * 8;
        body = (uint32_t)w.size;
        dbus_put_string(&w, text);
        body = (uint32_t)w.size - body;
        memcpy(bytes + 4, &body, 4);
        memcpy(bytes + 12, &fields, 4);
        put(s, bytes, w.size);
}

static char path[100];

/* A manager that says this and hangs up when the client has. */
static void manager(const struct script *s)
{
        struct sockaddr_un where = { .sun_family = AF_UNIX };
        char directory[] = "/tmp/husk-test-XXXXXX", ignored[4096];
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer;

        CHECK(mkdtemp(directory) != NULL);
        snprintf(path, sizeof path, "%s/systemd", directory);
        CHECK_INT(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/systemd/private", directory);
        snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
        CHECK_INT(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
        CHECK_INT(listen(fd, 1), 0);
        if (fork() != 0) {
                close(fd);
                return;
        }
        alarm(10);
        peer = accept(fd, NULL, NULL);
        unlink(path);
        *strrchr(path, '/') = '\0';
        rmdir(path);
        rmdir(directory);
        for (size_t i = 0; i < s->n; i++) /* no border of ours is one of theirs */
                if (send(peer, s->bytes + i, 1, MSG_NOSIGNAL) < 0)
                        _exit(0);
        shutdown(peer, SHUT_WR);
        while (read(peer, ignored, sizeof ignored) > 0)
                ;
        _exit(0);
}

static struct script greeted(void)
{
        static struct script s;

        s.n = 0;
        put_line(&s, "DATA");
        put_line(&s, "OK 0123456789abcdef0123456789abcdef");
        return s;
}

static const char *const properties[] = { "Slice=\"system.slice\"", "Delegate=true", NULL };

static int start(const struct script *s)
{
        manager(s);
        trail_reset();
        return systemd_start_unit(path, "a.scope", properties, getpid());
}

static const char *const done[] = { "/job/1", "a.scope", "done", NULL };
static const char *const other[] = { "/job/7", "a.scope", "failed", NULL };
static const char *const failed[] = { "/job/1", "a.scope", "failed", NULL };

TEST(a_unit_is_there_when_its_job_is_done)
{
        struct script s = greeted();

        put_return(&s, 1, DBUS_RETURN, "/job/1");
        put_message(&s, DBUS_SIGNAL, "JobRemoved", other, 0);
        put_message(&s, DBUS_SIGNAL, "UnitNew", done, 0);
        put_message(&s, DBUS_SIGNAL, "JobRemoved", done, 0);
        CHECK_INT(start(&s), 0);
}

TEST(what_is_long_is_passed_over)
{
        struct script s = greeted();

        put_message(&s, DBUS_SIGNAL, "PropertiesChanged", done, 20000);
        put_return(&s, 1, DBUS_RETURN, "/job/1");
        put_message(&s, DBUS_SIGNAL, "JobRemoved", done, 0);
        CHECK_INT(start(&s), 0);
}

TEST(a_job_that_fails)
{
        struct script s = greeted();

        put_return(&s, 1, DBUS_RETURN, "/job/1");
        put_message(&s, DBUS_SIGNAL, "JobRemoved", failed, 0);
        CHECK_INT(start(&s), -EIO);
        CHECK_STR(trail_text(), "systemd: the job for a.scope: failed");
}

/* One that failed before is forgotten, and then it works. */
TEST(a_name_that_is_taken)
{
        struct script s = greeted();

        put_return(&s, 1, DBUS_ERROR, "Unit a.scope exists");
        put_return(&s, 2, DBUS_RETURN, "");
        put_return(&s, 3, DBUS_RETURN, "/job/1");
        put_message(&s, DBUS_SIGNAL, "JobRemoved", done, 0);
        CHECK_INT(start(&s), 0);
        s = greeted();
        put_return(&s, 1, DBUS_ERROR, "Unit a.scope exists");
        put_return(&s, 2, DBUS_RETURN, "");
        put_return(&s, 3, DBUS_ERROR, "Unit a.scope exists");
        CHECK_INT(start(&s), -EEXIST);
}

TEST(who_is_not_let_in)
{
        struct script s = { .n = 0 };

        put_line(&s, "REJECTED EXTERNAL");
        CHECK_INT(start(&s), -EACCES);
}

TEST(a_manager_that_hangs_up_or_babbles)
{
        struct script s = greeted();
        static const char babble[32] = "GET / HTTP/1.0\r\n\r\n";

        CHECK_INT(start(&s), -ECONNRESET);
        put(&s, babble, sizeof babble);
        CHECK_INT(start(&s), -EPROTO);
        s.n = 0;
        for (int i = 0; i < 100; i++)
                put(&s, "no line ends", 12);
        CHECK_INT(start(&s), -EPROTO);
}

TEST(nobody_there)
{
        CHECK_INT(systemd_start_unit("/nowhere/systemd/private", "a.scope", NULL, 1), -ENOENT);
}

TEST(what_is_no_property)
{
        static const char *const bad[] = { "Slice", NULL }, *const worse[] = { "Slice=five", NULL };
        struct script s = greeted();

        manager(&s);
        CHECK_INT(systemd_start_unit(path, "a.scope", bad, 1), -EINVAL);
        manager(&s);
        CHECK_INT(systemd_start_unit(path, "a.scope", worse, 1), -EINVAL);
}
