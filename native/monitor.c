// Watches the links, qdiscs and filters of many network namespaces at once: one process, where ip and tc take one of each
// for every namespace.
//
// kokotap-monitor
//
// Reads lines from its standard input: `+ID PATH` to watch the namespace of that path, `-ID` to cease; ID is a number of the
// caller's choice. Prints `ID began` when it listens, `ID changed NAMES` when the kernel reports changes, however many come
// together, of interfaces of these names (`a/b`; `*`: of too many to name), and `ID failed REASON` when it cannot watch, or not any more. Ends when its standard input does.
//
// It also tells of its own namespace what the kernel does not report, so that nobody has to start a program to look: `?ID path
// LOCAL REMOTE` and `?ID nft TABLE`. It prints `ID answer TEXT`, which is the same as long as nothing has changed (path.h,
// nftables.h), or `ID failed REASON`.
#define _GNU_SOURCE
#include "nftables.h"
#include "path.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_LINE (1 << 16)
#define MOST_NAMES 16
#define RECEIVE_BYTES (1 << 20) // the kernel's largest usual size, for bursts

struct watch {
    unsigned long id;
    int socket;
};

static struct watch *watches;
static struct pollfd *polled; // standard input, then the sockets of the watches
static size_t count, room;
static int own_netns;

static void say(const char *format, ...) {
    static char line[LONGEST_LINE];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    // Nobody reads any more: the caller has ended.
    for (const char *rest = line; length > 0;) {
        ssize_t written = write(STDOUT_FILENO, rest, length);
        if (written < 0)
            exit(1);
        rest += written;
        length -= written;
    }
}

// Whether a path is of the namespace that this process is in, which takes no right to be in.
static int is_own(int netns) {
    struct stat here, there;

    return !fstat(own_netns, &here) && !fstat(netns, &there) && here.st_ino == there.st_ino;
}

// A socket of the namespace, which it stays of; -1 with errno.
static int listen_in(const char *path) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | 1 << (RTNLGRP_TC - 1)};
    int netns = open(path, O_RDONLY | O_CLOEXEC), fd = -1, bytes = RECEIVE_BYTES, failure;

    if (netns < 0)
        return -1;
    if (is_own(netns) || !setns(netns, CLONE_NEWNET))
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    failure = errno;
    if (!is_own(netns) && setns(own_netns, CLONE_NEWNET) && fd >= 0) {
        say("0 failed cannot come back from a namespace\n");
        exit(1);
    }
    close(netns);
    if (fd < 0) {
        errno = failure;
        return -1;
    }
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

static void begin(unsigned long id, const char *path) {
    int fd = listen_in(path);

    if (fd < 0) {
        say("%lu failed %s\n", id, strerror(errno));
        return;
    }
    if (count == room) {
        room = room ? 2 * room : 16;
        watches = realloc(watches, room * sizeof *watches);
        polled = realloc(polled, (room + 1) * sizeof *polled);
        if (!watches || !polled)
            exit(1);
    }
    watches[count] = (struct watch){id, fd};
    polled[++count] = (struct pollfd){.fd = fd, .events = POLLIN};
    say("%lu began\n", id);
}

static void answer(unsigned long id, char *question) {
    static char text[LONGEST_LINE - 64];
    char *rest = NULL, *what = strtok_r(question, " ", &rest), *first = strtok_r(NULL, " ", &rest),
         *second = strtok_r(NULL, " ", &rest);
    int failed = -1;

    errno = EINVAL;
    if (what && first && second && !strcmp(what, "path"))
        failed = describe_path(first, second, text, sizeof text);
    else if (what && first && !strcmp(what, "nft"))
        failed = describe_nft(first, text, sizeof text);
    if (failed)
        say("%lu failed %s\n", id, strerror(errno));
    else
        say("%lu answer %s\n", id, text);
}

static void obey(char *line) {
    char *end;
    unsigned long id = strtoul(line + 1, &end, 10);

    if (line[0] == '+' && *end == ' ')
        begin(id, end + 1);
    else if (line[0] == '?' && *end == ' ')
        answer(id, end + 1);
    else if (line[0] == '-')
        for (size_t i = 0; i < count; i++)
            if (watches[i].id == id) {
                cease(i);
                break;
            }
}

// Reads what the caller says; whether it may say more.
static int listen_to_caller(void) {
    static char text[2 * LONGEST_LINE];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, text + length, sizeof text - length);
    char *line = text, *end;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    length += got;
    while ((end = memchr(line, '\n', text + length - line))) {
        *end = 0;
        obey(line);
        line = end + 1;
    }
    length -= line - text;
    memmove(text, line, length);
    return length < sizeof text;
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

// Reads all that the kernel reports. What did not fit (ENOBUFS) are changes too.
static void read_changes(size_t at) {
    static char text[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct names names = {};
    int fd = watches[at].socket;

    for (;;) {
        ssize_t length = recv(fd, text, sizeof text, 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            break;
        if (length < 0 && errno != ENOBUFS) {
            say("%lu failed %s\n", watches[at].id, strerror(errno));
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
        say("%lu changed *\n", watches[at].id);
    else if (names.count > 0)
        say("%lu changed %.*s\n", watches[at].id, (int)strlen(names.text) - 1, names.text);
}

int main(void) {
    own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    polled = malloc(sizeof *polled);
    if (own_netns < 0 || !polled) {
        perror("kokotap-monitor");
        return 1;
    }
    polled[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (poll(polled, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            perror("kokotap-monitor");
            return 1;
        }
        // Backwards, for what ceases is replaced by the last one.
        for (size_t i = count; i-- > 0;)
            if (polled[i + 1].revents)
                read_changes(i);
        if (polled[0].revents && !listen_to_caller())
            return 0;
    }
}
