/* SPDX-License-Identifier: Apache-2.0 */
/* What husk-registry can still do when it serves: asked of the kernel, by a process that was confined. */
#include "fetch/fetch.h"
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* The errno that `deed` ends with in a process of its own, or 0: none; -1 when it could not be confined. */
static int attempt(int (*deed)(void), bool confine)
{
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
                if (confine && (http_start() < 0 || fetch_confine() < 0))
                        _exit(255);
                errno = 0;
                _exit(deed() < 0 ? errno : 0);
        }
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

static int confined(int (*deed)(void))
{
        return attempt(deed, true);
}

static int read_shadow(void)
{
        return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}

static int read_passwd(void)
{
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int read_hosts(void)
{
        return open("/etc/hosts", O_RDONLY | O_CLOEXEC);
}

static int read_certificates(void)
{
        return open("/etc/ssl/certs", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
}

static int read_memory(void)
{
        return open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
}

static int write_file(void)
{
        return open("/tmp/husk-registry-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int execute(void)
{
        return execl("/bin/true", "true", (char *)NULL);
}

static int trace(void)
{
        return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int signal_parent(void)
{
        return kill(getppid() > 0 ? getppid() : 1, 0);
}

static int signal_init(void)
{
        return kill(1, 0);
}

static int new_namespace(void)
{
        return unshare(CLONE_NEWUSER);
}

static int unix_socket(void)
{
        return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int packet_socket(void)
{
        return socket(AF_PACKET, SOCK_RAW, 0);
}

static int internet_socket(void)
{
        return socket(AF_INET, SOCK_STREAM, 0);
}

static int route_socket(void)
{
        return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int netfilter_socket(void)
{
        return socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

static int become_root(void)
{
        return setresuid(0, 0, 0);
}

static int raise_limit(void)
{
        const struct rlimit limit = { 1024, 1024 };

        return setrlimit(RLIMIT_NOFILE, &limit);
}

static int new_process(void)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        return pid;
}

static int map(int protection)
{
        return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                              : 0;
}

static int executable_memory(void)
{
        return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int plain_memory(void)
{
        return map(PROT_READ | PROT_WRITE);
}

static int listen_somewhere(void)
{
        const struct sockaddr_in any = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        return fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&any, sizeof any);
}

static int who(void)
{
        errno = (int)(getuid() & 0x7f) + (getuid() == geteuid() ? 0 : 100);
        return -1;
}

static void *nothing(void *context)
{
        return context;
}

static int new_thread(void)
{
        pthread_t thread;

        return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL) ? -1 : 0;
}

TEST(it_works)
{
        CHECK_INT(confined(read_hosts), 0);
        CHECK_INT(confined(read_certificates), 0);
        CHECK_INT(confined(internet_socket), 0);
        CHECK_INT(confined(route_socket), 0);
        CHECK_INT(confined(plain_memory), 0);
        CHECK_INT(confined(new_thread), 0);
}

TEST(files_are_out_of_reach)
{
        CHECK_INT(confined(read_shadow), EACCES);
        CHECK_INT(confined(read_memory), EACCES);
        CHECK_INT(confined(write_file), EPERM);
        SKIP_UNLESS(landlock_abi() > 0, "no Landlock");
        CHECK_INT(confined(read_passwd), EACCES);
}

TEST(no_program_no_process_no_other)
{
        CHECK_INT(confined(execute), EPERM);
        CHECK_INT(confined(new_process), EPERM);
        CHECK_INT(confined(trace), EPERM);
        CHECK_INT(confined(signal_parent), EPERM);
        CHECK_INT(confined(signal_init), EPERM);
        CHECK_INT(confined(new_namespace), EPERM);
        CHECK_INT(confined(executable_memory), EPERM);
}

TEST(only_the_internet)
{
        CHECK_INT(confined(unix_socket), EPERM);
        CHECK_INT(confined(packet_socket), EPERM);
        CHECK_INT(confined(netfilter_socket), EPERM);
        SKIP_UNLESS(landlock_abi() >= 4, "Landlock knows no ports");
        CHECK_INT(confined(listen_somewhere), EACCES);
}

TEST(no_way_back)
{
        CHECK_INT(confined(become_root), EPERM);
        CHECK_INT(confined(raise_limit), EPERM);
        SKIP_UNLESS(geteuid() == 0, "not root");
        CHECK_INT(confined(who), 65534 & 0x7f);
}

TEST(all_of_it_is_there_before)
{
        static int (*const deeds[])(void) = {
                read_shadow,   read_passwd,       read_memory,      execute,
                trace,         signal_parent,     signal_init,      unix_socket,
                become_root,   raise_limit,       new_process,      new_namespace,
                packet_socket, executable_memory, listen_somewhere, netfilter_socket,
        };

        SKIP_UNLESS(geteuid() == 0, "not root");
        for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
                printf("# %zu\n", i);
                CHECK_INT(attempt(deeds[i], false), 0);
        }
}
