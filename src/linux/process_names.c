/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the names of signals and of resources of setrlimit(2), as documents and people write them. */
#include "linux.h"

#include <signal.h>
#include <strings.h>

#include <sys/resource.h>

static const struct {
        const char *name;
        int number;
} rlimits[] = {
        { "as", RLIMIT_AS },
        { "core", RLIMIT_CORE },
        { "cpu", RLIMIT_CPU },
        { "data", RLIMIT_DATA },
        { "fsize", RLIMIT_FSIZE },
        { "locks", RLIMIT_LOCKS },
        { "memlock", RLIMIT_MEMLOCK },
        { "msgqueue", RLIMIT_MSGQUEUE },
        { "nice", RLIMIT_NICE },
        { "nofile", RLIMIT_NOFILE },
        { "nproc", RLIMIT_NPROC },
        { "rss", RLIMIT_RSS },
        { "rtprio", RLIMIT_RTPRIO },
        { "rttime", RLIMIT_RTTIME },
        { "sigpending", RLIMIT_SIGPENDING },
        { "stack", RLIMIT_STACK },
};

int process_rlimit_number(const char *name)
{
        if (strncasecmp(name, "rlimit_", 7) == 0)
                name += 7;
        for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
                if (strcasecmp(rlimits[i].name, name) == 0)
                        return rlimits[i].number;
        return -EINVAL;
}

const char *process_rlimit_name(int resource)
{
        for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
                if (rlimits[i].number == resource)
                        return rlimits[i].name;
        return NULL;
}

static const struct {
        char name[12];
        int number;
} signals[] = {
        { "SIGHUP", SIGHUP },   { "SIGINT", SIGINT },       { "SIGQUIT", SIGQUIT },
        { "SIGILL", SIGILL },   { "SIGTRAP", SIGTRAP },     { "SIGABRT", SIGABRT },
        { "SIGIOT", SIGABRT },  { "SIGBUS", SIGBUS },       { "SIGFPE", SIGFPE },
        { "SIGKILL", SIGKILL }, { "SIGUSR1", SIGUSR1 },     { "SIGSEGV", SIGSEGV },
        { "SIGUSR2", SIGUSR2 }, { "SIGPIPE", SIGPIPE },     { "SIGALRM", SIGALRM },
        { "SIGTERM", SIGTERM }, { "SIGSTKFLT", SIGSTKFLT }, { "SIGCHLD", SIGCHLD },
        { "SIGCONT", SIGCONT }, { "SIGSTOP", SIGSTOP },     { "SIGTSTP", SIGTSTP },
        { "SIGTTIN", SIGTTIN }, { "SIGTTOU", SIGTTOU },     { "SIGURG", SIGURG },
        { "SIGXCPU", SIGXCPU }, { "SIGXFSZ", SIGXFSZ },     { "SIGVTALRM", SIGVTALRM },
        { "SIGPROF", SIGPROF }, { "SIGWINCH", SIGWINCH },   { "SIGIO", SIGIO },
        { "SIGPOLL", SIGIO },   { "SIGPWR", SIGPWR },       { "SIGSYS", SIGSYS },
};

/* The numbers of container programs, not of this libc, whose SIGRTMIN keeps some for itself: glibc and musl differ (34
 * and 35), docker and runc say 34. */
enum {
        RT_MIN = 34,
        RT_MAX = 64
};

int process_signal_number(const char *name)
{
        uint64_t number;

        if (text_u64(name, &number) == 0)
                return number <= RT_MAX ? (int)number : -EINVAL;
        if (strncasecmp(name, "sig", 3) == 0)
                name += 3;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (strcasecmp(signals[i].name + 3, name) == 0)
                        return signals[i].number;
        if (strncasecmp(name, "rtmin", 5) == 0 && name[5] == '\0')
                return RT_MIN;
        if (strncasecmp(name, "rtmin+", 6) == 0 && text_u64(name + 6, &number) == 0 &&
            number <= RT_MAX - RT_MIN)
                return RT_MIN + (int)number;
        if (strncasecmp(name, "rtmax", 5) == 0 && name[5] == '\0')
                return RT_MAX;
        if (strncasecmp(name, "rtmax-", 6) == 0 && text_u64(name + 6, &number) == 0 &&
            number <= RT_MAX - RT_MIN)
                return RT_MAX - (int)number;
        return -EINVAL;
}

const char *process_signal_name(int signal)
{
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (signals[i].number == signal)
                        return signals[i].name;
        return NULL;
}
