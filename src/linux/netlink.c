/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an interface goes to another network namespace.
 *
 * The kernel moves it with one message but takes it down and forgets its addresses. So these are
 * read before, and set again by a socket that was opened over there: a netlink socket stays in the
 * namespace that it was made in. Indexes may change on the way, the name that we give does not, so
 * by the name it is found again; one that the kernel is to choose ("eth%d") is given last.
 *
 * Messages are built in a fixed buffer; each is acknowledged before the next one. */
#include "linux.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

enum {
        ADDRESSES_MAX = 64,
        TIMEOUT_S = 10
};

struct message {
        struct nlmsghdr header;

        union {
                struct ifinfomsg link;
                struct ifaddrmsg address;
        };

        char attributes[256];
};

struct address {
        uint8_t family, prefix;
        uint32_t flags;
        uint8_t size; /* 4 or 16 */
        bool has_peer, has_broadcast;
        uint8_t local[16], peer[16], broadcast[16];
};

/* What is known of the interface before it goes. */
struct addresses {
        struct address items[ADDRESSES_MAX];
        size_t n;
        int index;
        bool is_up;
};

bool netlink_name_is_valid(const char *name, bool template)
{
        const char *percent = strchr(name, '%');

        if (percent && (!template || percent[1] != 'd' || strchr(percent + 1, '%')))
                return false;
        for (const char *at = name; *at; at++)
                if (*at <= ' ' || *at == '/' || *at == ':' || *at == 127)
                        return false;
        return *name && strlen(name) < IFNAMSIZ && !text_is_dots(name);
}

static int open_socket(void)
{
        struct timeval limit = { .tv_sec = TIMEOUT_S };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return fd;
}

/* A socket over there: in, socket, out. Not to be back would be fatal, and is an error. */
static int open_socket_in(int netns)
{
        auto_close own = file_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0);
        int fd, r;

        if (own < 0)
                return own;
        r = namespace_join(netns, CLONE_NEWNET);
        if (r < 0)
                return r;
        fd = open_socket();
        r = namespace_join(own, CLONE_NEWNET);
        if (r < 0)
                file_close(&fd);
        return r < 0 ? r : fd;
}

static void begin(struct message *m, uint16_t type, uint16_t flags, size_t body)
{
        memset(m, 0, sizeof *m);
        m->header.nlmsg_type = type;
        m->header.nlmsg_flags = NLM_F_REQUEST | flags;
        m->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void add(struct message *m, uint16_t type, const void *value, size_t size)
{
        struct rtattr *at = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));

        at->rta_type = type;
        at->rta_len = (unsigned short)RTA_LENGTH(size);
        memcpy(RTA_DATA(at), value, size);
        m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_ALIGN(at->rta_len));
}

typedef int answer_fn(const struct nlmsghdr *header, void *data);

/* Send one, and read until its acknowledgement or the end of its list. */
static int ask(int fd, const struct message *m, answer_fn *answer, void *data)
{
        char bytes[16384] __attribute__((aligned(8)));

        if (send(fd, m, m->header.nlmsg_len, 0) < 0)
                return -errno;
        for (;;) {
                ssize_t n = recv(fd, bytes, sizeof bytes, 0);
                struct nlmsghdr *header = (struct nlmsghdr *)bytes;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                for (; NLMSG_OK(header, (size_t)n); header = NLMSG_NEXT(header, n)) {
                        int r;

                        if (header->nlmsg_type == NLMSG_DONE)
                                return 0;
                        if (header->nlmsg_type == NLMSG_ERROR)
                                return header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
                                             ? -EPROTO
                                             : ((struct nlmsgerr *)NLMSG_DATA(header))->error;
                        r = answer ? answer(header, data) : 0;
                        if (r < 0)
                                return r;
                }
        }
}

static int take_link(const struct nlmsghdr *header, void *data)
{
        if (header->nlmsg_type == RTM_NEWLINK &&
            header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
                memcpy(data, NLMSG_DATA(header), sizeof(struct ifinfomsg));
        return 0;
}

static int find_link(int fd, const char *name, bool *ret_is_up)
{
        struct ifinfomsg link = { 0 };
        struct message m;
        int r;

        begin(&m, RTM_GETLINK, NLM_F_ACK, sizeof m.link);
        add(&m, IFLA_IFNAME, name, strlen(name) + 1);
        r = ask(fd, &m, take_link, &link);
        if (r < 0)
                return r;
        if (ret_is_up)
                *ret_is_up = link.ifi_flags & IFF_UP;
        return link.ifi_index > 0 ? link.ifi_index : -ENODEV;
}

static void take_attribute(struct address *address, const struct rtattr *at)
{
        size_t size = RTA_PAYLOAD(at);

        if (at->rta_type == IFA_FLAGS && size >= 4)
                memcpy(&address->flags, RTA_DATA(at), 4);
        if (size != address->size)
                return;
        if (at->rta_type == IFA_LOCAL) {
                memcpy(address->local, RTA_DATA(at), size);
        } else if (at->rta_type == IFA_ADDRESS) {
                address->has_peer = true;
                memcpy(address->peer, RTA_DATA(at), size);
        } else if (at->rta_type == IFA_BROADCAST) {
                address->has_broadcast = true;
                memcpy(address->broadcast, RTA_DATA(at), size);
        }
}

/* config-linux.md, "Network Devices": permanent addresses of global scope. */
static int take_address(const struct nlmsghdr *header, void *data)
{
        static const uint8_t zero[16];
        struct addresses *all = data;
        const struct ifaddrmsg *from = NLMSG_DATA(header);
        struct address address = { 0 };
        int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof *from);

        if (header->nlmsg_type != RTM_NEWADDR || left < 0 || (int)from->ifa_index != all->index ||
            from->ifa_scope != RT_SCOPE_UNIVERSE ||
            (from->ifa_family != AF_INET && from->ifa_family != AF_INET6))
                return 0;
        address.family = from->ifa_family;
        address.prefix = from->ifa_prefixlen;
        address.flags = from->ifa_flags;
        address.size = from->ifa_family == AF_INET ? 4 : 16;
        for (const struct rtattr *at = IFA_RTA(from); RTA_OK(at, left); at = RTA_NEXT(at, left))
                take_attribute(&address, at);
        if (!(address.flags & IFA_F_PERMANENT))
                return 0;
        /* IPv6 has one address in IFA_ADDRESS, unless there is a peer. */
        if (memcmp(address.local, zero, 16) == 0)
                memcpy(address.local, address.peer, 16);
        if (all->n == ADDRESSES_MAX)
                return -E2BIG;
        all->items[all->n++] = address;
        return 0;
}

static int read_addresses(int fd, struct addresses *all)
{
        struct message m;

        begin(&m, RTM_GETADDR, NLM_F_DUMP, sizeof m.address);
        return ask(fd, &m, take_address, all);
}

static int add_address(int fd, int index, const struct address *address)
{
        /* What the kernel decides anew: whether it is a second one, and whether others have it. */
        uint32_t flags =
                address->flags & ~(uint32_t)(IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED);
        struct message m;

        begin(&m, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof m.address);
        m.address.ifa_family = address->family;
        m.address.ifa_prefixlen = address->prefix;
        m.address.ifa_scope = RT_SCOPE_UNIVERSE;
        m.address.ifa_index = (unsigned)index;
        add(&m, IFA_LOCAL, address->local, address->size);
        if (address->has_peer)
                add(&m, IFA_ADDRESS, address->peer, address->size);
        if (address->has_broadcast)
                add(&m, IFA_BROADCAST, address->broadcast, address->size);
        add(&m, IFA_FLAGS, &flags, sizeof flags);
        return ask(fd, &m, NULL, NULL);
}

static int rename_link(int fd, int index, const char *name)
{
        struct message m;

        begin(&m, RTM_NEWLINK, NLM_F_ACK, sizeof m.link);
        m.link.ifi_index = index;
        add(&m, IFLA_IFNAME, name, strlen(name) + 1);
        return ask(fd, &m, NULL, NULL);
}

static int set_up(int fd, int index)
{
        struct message m;

        begin(&m, RTM_NEWLINK, NLM_F_ACK, sizeof m.link);
        m.link.ifi_index = index;
        m.link.ifi_flags = m.link.ifi_change = IFF_UP;
        return ask(fd, &m, NULL, NULL);
}

static int move_to(int fd, int index, int netns, const char *name)
{
        uint32_t target = (uint32_t)netns;
        struct message m;

        begin(&m, RTM_NEWLINK, NLM_F_ACK, sizeof m.link);
        m.link.ifi_index = index;
        add(&m, IFLA_NET_NS_FD, &target, sizeof target);
        add(&m, IFLA_IFNAME, name, strlen(name) + 1);
        return ask(fd, &m, NULL, NULL);
}

static int add_addresses(int fd, int index, const struct addresses *all)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < all->n; i++)
                r = add_address(fd, index, &all->items[i]);
        return r;
}

/* What is left to do over there. */
static int finish(int fd, const char *moved, const char *name, const struct addresses *all)
{
        int index = find_link(fd, moved, NULL), r = 0;

        if (index < 0)
                return trail(index, "cannot find the interface %s again", moved);
        if (!text_equal(moved, name))
                r = rename_link(fd, index, name);
        if (r < 0)
                return trail(r, "cannot name the interface %s", name);
        r = add_addresses(fd, index, all);
        if (r < 0)
                return trail(r, "cannot give the interface %s its addresses again", name);
        r = set_up(fd, index);
        return r < 0 ? trail(r, "cannot bring the interface %s up", name) : 0;
}

/* It failed half-way: the host gets the interface again as it was. The kernel moves first and gives
 * the name then, so it may have either. */
static void bring_back(
        int here, int there, const char *moved, const char *name, const struct addresses *all)
{
        auto_close own = file_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0);
        int index = find_link(there, name, NULL);

        if (index < 0)
                index = find_link(there, moved, NULL);
        if (own < 0 || index < 0 || find_link(here, name, NULL) >= 0)
                return;
        if (move_to(there, index, own, name) < 0)
                return;
        index = find_link(here, name, NULL);
        if (index < 0)
                return;
        add_addresses(here, index, all);
        if (all->is_up)
                set_up(here, index);
}

static int move(int here, int there, int netns, const char *name, const char *new_name)
{
        struct addresses all = { 0 };
        char moved[IFNAMSIZ];
        int r;

        all.index = find_link(here, name, &all.is_up);
        if (all.index < 0)
                return trail(all.index, "there is no network interface %s", name);
        if (find_link(there, new_name, NULL) >= 0)
                return trail(-EEXIST, "the container has an interface %s already", new_name);
        r = read_addresses(here, &all);
        if (r < 0)
                return trail(r, "cannot read the addresses of %s", name);
        text_format(moved, sizeof moved, "%s", new_name);
        if (strchr(new_name, '%'))
                text_format(moved, sizeof moved, "hk%d-%d", (int)getpid(), all.index);
        r = move_to(here, all.index, netns, moved);
        if (r < 0)
                trail(r, "cannot move the network interface %s", name);
        else
                r = finish(there, moved, new_name, &all);
        if (r < 0)
                bring_back(here, there, moved, name, &all);
        return r;
}

int netlink_move_link(int netns, const char *name, const char *new_name)
{
        auto_close here = open_socket();
        auto_close there = open_socket_in(netns);

        if (here < 0 || there < 0)
                return here < 0 ? here : there;
        return move(here, there, netns, name, new_name);
}
