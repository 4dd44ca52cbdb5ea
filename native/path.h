// The path of packets to an address, as far as it can be told from how it was before.
#pragma once
#include "netlink.h"
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

// MTU of an interface; 0: it is gone.
static int mtu_of(unsigned int ifindex) {
    struct ifreq request = {};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), failed;

    if (fd < 0)
        return 0;
    failed = !if_indextoname(ifindex, request.ifr_name) || ioctl(fd, SIOCGIFMTU, &request);
    close(fd);
    return failed ? 0 : request.ifr_mtu;
}

struct path {
    uint32_t ifindex, learned_mtu;
};

static void take_path(const struct nlmsghdr *message, void *context) {
    struct path *path = context;
    const char *attributes = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct rtmsg));
    size_t bytes = message->nlmsg_len - NLMSG_LENGTH(sizeof(struct rtmsg));
    const struct nlattr *ifindex = find_attribute(attributes, bytes, RTA_OIF),
                        *mtu = find_within(find_attribute(attributes, bytes, RTA_METRICS), RTAX_MTU);

    if (ifindex)
        memcpy(&path->ifindex, value_of(ifindex), sizeof path->ifindex);
    if (mtu)
        memcpy(&path->learned_mtu, value_of(mtu), sizeof path->learned_mtu);
}

// Writes interface, its MTU and what the kernel has learned of the path (0: nothing). 0, or -1 with errno.
static int describe_path(const char *local, const char *remote, char *text, size_t room) {
    int is_ipv6 = strchr(remote, ':') != NULL, family = is_ipv6 ? AF_INET6 : AF_INET;
    size_t bytes = is_ipv6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    struct question question = {.header = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST}};
    struct rtmsg *route = (void *)question.body;
    struct path path = {};
    char from[sizeof(struct in6_addr)], to[sizeof(struct in6_addr)];

    if (inet_pton(family, local, from) != 1 || inet_pton(family, remote, to) != 1) {
        errno = EINVAL;
        return -1;
    }
    route->rtm_family = family;
    route->rtm_dst_len = route->rtm_src_len = 8 * bytes;
    question.header.nlmsg_len = NLMSG_LENGTH(sizeof *route);
    add_attribute(&question, RTA_DST, to, bytes);
    add_attribute(&question, RTA_SRC, from, bytes);
    if (ask_kernel(NETLINK_ROUTE, &question, take_path, &path))
        return -1;
    snprintf(text, room, "%u %d %u", path.ifindex, mtu_of(path.ifindex), path.learned_mtu);
    return 0;
}
