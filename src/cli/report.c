/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the only place that prints errors. Everything below cli leaves a trail;
 * here it is shown once, with its hint. What a trail quotes (paths, names, a config's strings)
 * comes from others, so it is made visible rather than sent to the terminal as it is.
 * runc's callers (containerd, podman's conmon) read the reason of a failure from the --log file:
 * its line format is an interface; the last line of level "error" is what they show. The words of an
 * errno stand in it as Go has them, "permission denied": docker(1) tells its exit status by those. */
#include "report.h"

#include "linux/linux.h"
#include "terminal.h"
#include "version.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void cli_report_line(
        struct text *out, bool json, const char *level, const char *message, int64_t seconds)
{
        struct json_writer w = { .out = out };
        time_t when = (time_t)seconds;
        char time[32] = "";
        struct tm tm;

        if (gmtime_r(&when, &tm))
                strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (!json) {
                text_addf(out, "time=\"%s\" level=%s msg=", time, level);
                text_add_json(out, message);
                return;
        }
        json_open_object(&w, NULL);
        json_put_string(&w, "level", level);
        json_put_string(&w, "msg", message);
        json_put_string(&w, "time", time);
        json_close_object(&w);
}

static const struct oci_options *oci_options(const struct invocation *in)
{
        return in->face == &cli_face_oci ? &in->globals.oci.oci : NULL;
}

/* --log-format json and no log: the standard error is it, as with runc, and has its lines alone. */
static bool logs_to_stderr(const struct oci_options *oci)
{
        return oci && !oci->log && text_equal(oci->log_format, "json");
}

/* A line to the log; false: there is none, or it could not be written. */
static bool log_append(const struct invocation *in, const char *level, const char *words)
{
        const struct oci_options *oci = oci_options(in);
        struct text line = { .arena = in->arena };
        struct timespec now = { 0 };
        ssize_t written;
        int fd;

        if (!oci || (!oci->log && !logs_to_stderr(oci)))
                return false;
        clock_gettime(CLOCK_REALTIME, &now);
        cli_report_line(&line, text_equal(oci->log_format, "json"), level, words, now.tv_sec);
        text_add_char(&line, '\n');
        if (!oci->log)
                return cli_print(STDERR_FILENO, &line) == 0;
        fd = file_open_output(oci->log, O_APPEND, 0644);
        if (fd < 0)
                return false;
        written = write(fd, text_string(&line), line.len);
        close(fd);
        return written == (ssize_t)line.len;
}

/* The words, the errno's at their end with a small letter. */
static const char *with_small_errno(struct arena *arena, const char *words)
{
        char *copy = arena_copy(arena, words, strlen(words));
        const char *colon = strrchr(words, ':');

        if (!colon || colon[1] != ' ')
                return words;
        for (int error = 1; error < 134; error++)
                if (text_equal(colon + 2, text_errno(-error)))
                        copy[colon + 2 - words] |= 'a' - 'A';
        return copy;
}

static void print_error(const struct invocation *in, const char *words)
{
        struct text out = { .arena = in->arena };
        bool bold = cli_terminal_bold(STDERR_FILENO);

        text_addf(
                &out, "%s%s:%s ", bold ? "\033[1;31m" : "", in->face->name, bold ? "\033[0m" : "");
        text_add_visible(&out, words);
        text_add_char(&out, '\n');
        if (*trail_hint_text()) {
                text_add(&out, "      hint: ");
                text_add_visible(&out, trail_hint_text());
                text_add_char(&out, '\n');
        }
        cli_print(STDERR_FILENO, &out);
}

void cli_report(const struct invocation *in)
{
        const char *words = *trail_text() ? trail_text() : "failed without saying why";

        if (!logs_to_stderr(oci_options(in)))
                print_error(in, words);
        /* Nothing can be done about a log that cannot be written: stderr has it, too. */
        log_append(in, "error", with_small_errno(in->arena, words));
        trail_reset();
}

/* To the log alone, when there is one. */
static void report_beside(const struct invocation *in, const char *level, const char *words)
{
        struct text out = { .arena = in->arena };

        if (log_append(in, level, words))
                return;
        text_addf(&out, "%s: %s: ", in->face->name, level);
        text_add_visible(&out, words);
        text_add_char(&out, '\n');
        cli_print(STDERR_FILENO, &out);
}

void cli_report_warnings(const struct invocation *in)
{
        const char *line = trail_warnings();

        for (const char *end; (end = strchr(line, '\n')); line = end + 1)
                report_beside(in, "warning", arena_copy(in->arena, line, (size_t)(end - line)));
}

void cli_report_debug(const struct invocation *in, int status)
{
        const struct oci_options *oci = oci_options(in);
        struct text words = { .arena = in->arena };

        if (!oci || !oci->debug)
                return;
        text_addf(&words, "%s: exit status %d of", HUSK_VERSION, status);
        for (char **word = in->argv; *word; word++)
                text_addf(&words, " %s", *word);
        report_beside(in, "debug", text_string(&words));
}
