/* SPDX-License-Identifier: Apache-2.0 */
/* The relay with pipes and a terminal in place of a container: what goes in comes out, to the last
 * byte and not one further. */
#include "keeper/keeper.h"
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>

static void make_pipe(int ends[2])
{
        CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
}

static void put(int fd, const char *text)
{
        CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

static const char *get(int fd)
{
        static char buffer[256];
        ssize_t n = read(fd, buffer, sizeof buffer - 1);

        buffer[n < 0 ? 0 : n] = '\0';
        return buffer;
}

TEST(last_words_are_copied_after_the_end)
{
        struct keeper_relay relay;
        int theirs[2], ours[2], end[2];

        make_pipe(theirs);
        make_pipe(ours);
        make_pipe(end);
        put(theirs[1], "last words");
        close(end[1]);
        keeper_relay_init(&relay);
        relay.end = end[0];
        relay.copies[1] =
                (struct keeper_copy){ .from = theirs[0], .to = ours[1], .last_words = true };
        CHECK_INT(keeper_relay_run(&relay), 0);
        CHECK_STR(get(ours[0]), "last words");
}

TEST(the_end_of_input_is_passed_on)
{
        struct keeper_relay relay;
        int input[2], theirs[2], end[2];
        pid_t child;

        make_pipe(input);
        make_pipe(theirs);
        make_pipe(end);
        put(input[1], "words");
        close(input[1]);
        fflush(stdout);
        child = fork();
        if (child == 0) { /* the container: ends when its input does */
                char bytes[64];

                close(theirs[1]);
                while (read(theirs[0], bytes, sizeof bytes) > 0)
                        ;
                _exit(0);
        }
        close(end[1]); /* only the child has it now: it ends with the child */
        keeper_relay_init(&relay);
        relay.end = end[0];
        relay.copies[0] =
                (struct keeper_copy){ .from = input[0], .to = theirs[1], .close_to = true };
        /* `end` is readable at once if the child is gone; else the loop runs until it is. */
        CHECK_INT(keeper_relay_run(&relay), 0);
        CHECK(relay.copies[0].done);
        CHECK_INT(fcntl(theirs[1], F_GETFD), -1);
        CHECK_INT(waitpid(child, NULL, 0), child);
}

TEST(a_reader_that_is_gone_ends_its_copy_only)
{
        struct keeper_relay relay;
        int one[2], two[2], nobody[2], ours[2], end[2];
        pid_t child;

        make_pipe(one);
        make_pipe(two);
        make_pipe(nobody);
        make_pipe(ours);
        make_pipe(end);
        close(nobody[0]);
        fflush(stdout);
        child = fork();
        if (child == 0) {
                put(one[1], "for nobody");
                put(two[1], "for us");
                _exit(0);
        }
        close(end[1]);
        close(one[1]);
        close(two[1]);
        keeper_relay_init(&relay);
        relay.end = end[0];
        relay.copies[1] =
                (struct keeper_copy){ .from = one[0], .to = nobody[1], .last_words = true };
        relay.copies[2] = (struct keeper_copy){ .from = two[0], .to = ours[1], .last_words = true };
        CHECK_INT(keeper_relay_run(&relay), 0);
        CHECK_STR(get(ours[0]), "for us");
        CHECK_INT(waitpid(child, NULL, 0), child);
}

/* A line, and half a line, from a pipe to a terminal: each is followed by what ends it. */
static void type(const char *words, const char *expected)
{
        struct keeper_relay relay;
        int input[2], master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave, end[2];
        struct termios mode;
        char got[64] = "";
        pid_t child;

        CHECK(master >= 0);
        CHECK_INT(unlockpt(master), 0);
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(slave >= 0);
        CHECK_INT(tcgetattr(slave, &mode), 0);
        mode.c_lflag &= ~(tcflag_t)ECHO;
        CHECK_INT(tcsetattr(slave, TCSANOW, &mode), 0);
        make_pipe(input);
        make_pipe(end);
        put(input[1], words);
        close(input[1]);
        fflush(stdout);
        child = fork();
        if (child == 0) { /* read until a terminal's end of file */
                ssize_t n, size = 0;

                while ((n = read(slave, got + size, sizeof got - 1 - (size_t)size)) > 0)
                        size += n;
                _exit(n == 0 && !strcmp(got, expected) ? 0 : 1);
        }
        close(end[1]);
        keeper_relay_init(&relay);
        relay.end = end[0];
        relay.terminal = master;
        relay.copies[0] = (struct keeper_copy){ .from = input[0], .to = master };
        CHECK_INT(keeper_relay_run(&relay), 0);
        {
                int status;

                CHECK_INT(waitpid(child, &status, 0), child);
                CHECK_INT(status, 0);
        }
}

TEST(the_end_is_typed_into_a_terminal)
{
        type("a line\n", "a line\n");
        type("half a line", "half a line");
        type("", "");
}

TEST(signal_mask_comes_back)
{
        struct keeper_relay relay;
        sigset_t before, after;
        int end[2];

        make_pipe(end);
        close(end[1]);
        sigprocmask(SIG_SETMASK, NULL, &before);
        keeper_relay_init(&relay);
        relay.end = end[0];
        CHECK_INT(keeper_relay_run(&relay), 0);
        sigprocmask(SIG_SETMASK, NULL, &after);
        for (int i = 1; i < 64; i++)
                CHECK_INT(sigismember(&after, i), sigismember(&before, i));
}

static const char *keys_of(const char *words)
{
        static char out[64];
        struct keeper_keys keys;
        size_t size = 0;

        trail_reset();
        if (keeper_keys_parse(words, &keys) < 0)
                return trail_text();
        for (size_t i = 0; i < keys.n; i++)
                size += text_format(out + size, sizeof out - size, "%02x ", keys.bytes[i]);
        out[size] = '\0';
        return out;
}

TEST(keys_are_words_with_commas)
{
        CHECK_STR(keys_of("ctrl-p,ctrl-q"), "10 11 ");
        CHECK_STR(
                keys_of("ctrl-@,ctrl-a,ctrl-z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"),
                "00 01 1a 1b 1c 1d 1e 1f ");
        CHECK_STR(keys_of("x,DEL,~"), "78 7f 7e ");
        CHECK_STR(keys_of("x"), "78 ");
        CHECK_STR(keys_of("ctrl-"), "'ctrl-' is not a key");
        CHECK_STR(keys_of("ctrl-pq"), "'ctrl-pq' is not a key");
        CHECK_STR(keys_of("ctrl-P"), "'ctrl-P' is not a key");
        CHECK_STR(keys_of("a,,b"), "'' is not a key");
        CHECK_STR(keys_of("a,"), "'' is not a key");
        CHECK_STR(keys_of("\xc3"), "'\xc3' is not a key");
        CHECK_STR(keys_of("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"), "more than 16 keys");
        CHECK_STR(keys_of(""), "");
}
