// Listens to the kernel's reports of changed links, qdiscs and filters in network namespaces.
#pragma once
#include "netlink.h"
#include "netns.h"
#include "said.h"
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#define MOST_AT_ONCE 64 // reports
#define MOST_NAMES 16
#define RECEIVE_BYTES (1 << 20) // the kernel's largest usual size, for bursts

struct watch {
    unsigned long id;
    int socket;
};

static struct watch *watches;
static struct pollfd *polled; // standard input, then the sockets of the watches
static size_t count, room;

// A socket, which stays of the namespace that it was made in; -1 with errno.
static int listen_here(void *unused) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | 1 << (RTNLGRP_TC - 1)};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), bytes = RECEIVE_BYTES,
        failure;

    (void)unused;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (!bind(fd, (struct sockaddr *)&address, sizeof address))
        return fd;
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static void cease(size_t at) {
    close(watches[at].socket);
    watches[at] = watches[--count];
    polled[at + 1] = polled[count + 1];
}

static void cease_id(unsigned long id) {
    for (size_t i = 0; i < count; i++)
        if (watches[i].id == id) {
            cease(i);
            return;
        }
}

// Watches the namespace of a path. 0, or -1 with errno.
static int begin(unsigned long id, const char *path) {
    int fd = in_netns(path, listen_here, NULL);

    if (fd < 0)
        return -1;
    if (count == room) {
        room = room ? 2 * room : 16;
        watches = realloc(watches, room * sizeof *watches);
        polled = realloc(polled, (room + 1) * sizeof *polled);
        if (!watches || !polled)
            exit(1);
    }
    watches[count] = (struct watch){id, fd};
    polled[++count] = (struct pollfd){.fd = fd, .events = POLLIN};
    return 0;
}

struct names {
    char text[MOST_NAMES * IF_NAMESIZE + 1];
    int count, are_all;
};

static void add_name(struct names *names, const char *name) {
    char mark[IF_NAMESIZE + 2];

    if (names->are_all)
        return;
    // Each has a slash before and behind it, which no name has in it.
    snprintf(mark, sizeof mark, "%s/", name);
    if (!strncmp(names->text, mark, strlen(mark)))
        return;
    for (const char *at = names->text; (at = strchr(at, '/')); at++)
        if (!strncmp(at + 1, mark, strlen(mark)))
            return;
    names->are_all = ++names->count > MOST_NAMES;
    if (!names->are_all)
        strcat(names->text, mark);
}

// Takes note of the interface that a message is about. One that is gone has said so itself.
static void note_interface(struct names *names, int fd, const struct nlmsghdr *message) {
    struct ifreq request = {};
    const struct nlattr *name;

    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        name = find_attribute((const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct ifinfomsg)),
                              message->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg)), IFLA_IFNAME);
        if (name)
            add_name(names, value_of(name));
        else
            names->are_all = 1;
        return;
    default:
        request.ifr_ifindex = ((struct tcmsg *)NLMSG_DATA(message))->tcm_ifindex;
        if (!ioctl(fd, SIOCGIFNAME, &request))
            add_name(names, request.ifr_name);
    }
}

// Reads what the kernel reports. What did not fit (ENOBUFS) are changes too. Adds a line about it, if there is anything.
static void read_changes(size_t at, struct line *line) {
    static char text[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct names names = {};
    int fd = watches[at].socket;

    // In between, whoever asks is answered.
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        ssize_t length = receive_from_kernel(fd, text, sizeof text);
        if (length < 0 && errno == EAGAIN)
            break;
        if (length < 0 && errno != ENOBUFS) {
            add_text(line, "%lu failed %s\n", watches[at].id, strerror(errno));
            cease(at);
            return;
        }
        if (length < 0)
            names.are_all = 1;
        for (struct nlmsghdr *message = (void *)text; length > 0 && NLMSG_OK(message, (size_t)length);
             message = NLMSG_NEXT(message, length))
            note_interface(&names, fd, message);
    }
    if (names.are_all)
        add_text(line, "%lu changed *\n", watches[at].id);
    else if (names.count > 0)
        add_text(line, "%lu changed %.*s\n", watches[at].id, (int)strlen(names.text) - 1, names.text);
}
