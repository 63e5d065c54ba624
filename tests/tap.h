/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests as TAP (https://testanything.org): one file, one program.
 *
 *      #include "tap.h"
 *      TEST(sums_are_right) { CHECK_INT(1 + 1, 2); }
 *
 * Each test runs in a fork of its own, with a 60 s alarm against hangs, in the order of the file; main() is in
 * here. A CHECK that fails says where and what, and ends its test. Environment: TAP_ONLY=name runs
 * one test; BLESS=1 makes CHECK_GOLDEN rewrite its file instead of comparing with it;
 * HUSK_SOURCE_DIR says where the source tree is (else the compile-time SOURCE_DIR, else "."). */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#define TAP_TIMEOUT_S 60
#define TAP_SKIPPED   77

struct tap_test {
        const char *name;
        void (*run)(void);
        struct tap_test *next;
};

static struct tap_test *tap_first, **tap_last = &tap_first;

#define TEST(title)                                                                  \
        static void tap_run_##title(void);                                           \
        static struct tap_test tap_test_##title = { #title, tap_run_##title, NULL }; \
        __attribute__((constructor)) static void tap_register_##title(void)          \
        {                                                                            \
                *tap_last = &tap_test_##title;                                       \
                tap_last = &tap_test_##title.next;                                   \
        }                                                                            \
        static void tap_run_##title(void)

#define CHECK(condition)                                                                   \
        do {                                                                               \
                if (!(condition)) {                                                        \
                        printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
                        tap_end(1);                                                        \
                }                                                                          \
        } while (0)
#define CHECK_INT(actual, expected) \
        tap_check_int(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define CHECK_STR(actual, expected) \
        tap_check_string(__FILE__, __LINE__, #actual, (actual), (expected))
/* `actual` is what the file `path` (below the source tree) holds. */
#define CHECK_GOLDEN(path, actual) tap_check_golden(__FILE__, __LINE__, (path), (actual))
#define SKIP_UNLESS(condition, why)                    \
        do {                                           \
                if (!(condition)) {                    \
                        printf("# skip: %s\n", (why)); \
                        tap_end(TAP_SKIPPED);          \
                }                                      \
        } while (0)

/* Not _exit: the exit handlers of the sanitizers and of coverage have to run. */
__attribute__((noreturn, unused)) static void tap_end(int status)
{
        fflush(stdout);
        exit(status);
}

__attribute__((unused)) static void tap_check_int(
        const char *file, int line, const char *what, long long actual, long long expected)
{
        if (actual == expected)
                return;
        printf("# %s:%d: %s\n#   is       %lld\n#   expected %lld\n", file, line, what, actual,
               expected);
        tap_end(1);
}

/* Texts of many lines must stay comments of the TAP stream. */
__attribute__((unused)) static void tap_put_text(const char *label, const char *text)
{
        printf("#   %s ", label);
        for (; text && *text; text++) {
                putchar(*text);
                if (*text == '\n')
                        printf("#            ");
        }
        puts(text ? "" : "NULL");
}

__attribute__((unused)) static void tap_check_string(
        const char *file, int line, const char *what, const char *actual, const char *expected)
{
        if (actual == expected || (actual && expected && !strcmp(actual, expected)))
                return;
        printf("# %s:%d: %s\n", file, line, what);
        tap_put_text("is      ", actual);
        tap_put_text("expected", expected);
        tap_end(1);
}

/* The path of a file of the source tree; the buffer is the next call's, too. */
__attribute__((unused)) static const char *tap_source_path(const char *path)
{
        static char buffer[4096];
        const char *tree = getenv("HUSK_SOURCE_DIR");

#ifdef SOURCE_DIR
        if (!tree)
                tree = SOURCE_DIR;
#endif
        snprintf(buffer, sizeof buffer, "%s/%s", tree ? tree : ".", path);
        return buffer;
}

struct tap_file {
        struct tap_file *next;
        char bytes[];
};

/* A file of the source tree as a string, or NULL when there is none; it stays until the process
 * ends, in a list that the leak checker finds. */
__attribute__((unused)) static char *tap_read(const char *path)
{
        static struct tap_file *files;
        FILE *stream = fopen(tap_source_path(path), "re");
        struct tap_file *file;
        long size;

        if (!stream)
                return NULL;
        fseek(stream, 0, SEEK_END);
        size = ftell(stream);
        rewind(stream);
        file = size < 0 ? NULL : malloc(sizeof *file + (size_t)size + 1);
        if (file) {
                file->bytes[fread(file->bytes, 1, (size_t)size, stream)] = '\0';
                file->next = files;
                files = file;
        }
        fclose(stream);
        return file ? file->bytes : NULL;
}

__attribute__((unused)) static void tap_check_golden(
        const char *file, int line, const char *path, const char *actual)
{
        const char *bless = getenv("BLESS");
        char *expected;

        if (bless && *bless && *bless != '0') {
                FILE *golden = fopen(tap_source_path(path), "we");

                if (!golden || fputs(actual, golden) < 0 || fclose(golden)) {
                        printf("# %s:%d: cannot write %s\n", file, line, path);
                        tap_end(1);
                }
                return;
        }
        expected = tap_read(path);
        if (!expected)
                printf("# %s:%d: cannot read %s (BLESS=1 writes it)\n", file, line, path);
        tap_check_string(file, line, path, actual, expected);
}

static int tap_run(const struct tap_test *test, int number)
{
        int status = 0;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (!pid) {
                alarm(TAP_TIMEOUT_S);
                test->run();
                tap_end(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                status = -1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == TAP_SKIPPED) {
                printf("ok %d - %s # SKIP see above\n", number, test->name);
                return 0;
        }
        if (WIFSIGNALED(status))
                printf("# killed by signal %d%s\n", WTERMSIG(status),
                       WTERMSIG(status) == SIGALRM ? ": took too long" : "");
        printf("%sok %d - %s\n", status ? "not " : "", number, test->name);
        return status ? 1 : 0;
}

int main(void)
{
        const char *only = getenv("TAP_ONLY");
        int number = 0, failed = 0;

        for (const struct tap_test *test = tap_first; test; test = test->next)
                if (!only || !strcmp(only, test->name))
                        failed += tap_run(test, ++number);
        printf("1..%d\n", number);
        return failed || !number ? EXIT_FAILURE : EXIT_SUCCESS;
}
