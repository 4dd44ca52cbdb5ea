// One question to the kernel over netlink, and all of its answer.
#pragma once
#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONGEST_ANSWER (1 << 16) // in one piece, the kernel makes no longer ones

struct question {
    struct nlmsghdr header;
    char body[512];
};

// Adds an attribute, for which there is room.
static void add_attribute(struct question *question, uint16_t type, const void *value, size_t bytes) {
    struct nlattr *attribute = (void *)((char *)question + NLMSG_ALIGN(question->header.nlmsg_len));

    attribute->nla_type = type;
    attribute->nla_len = NLA_HDRLEN + bytes;
    memcpy((char *)attribute + NLA_HDRLEN, value, bytes);
    question->header.nlmsg_len = NLMSG_ALIGN(question->header.nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

static const void *value_of(const struct nlattr *attribute) {
    return (const char *)attribute + NLA_HDRLEN;
}

// The attribute of a type among some bytes of them; NULL: there is none.
static const struct nlattr *find_attribute(const void *attributes, size_t bytes, uint16_t type) {
    const struct nlattr *each = attributes;

    while (bytes >= NLA_HDRLEN && each->nla_len >= NLA_HDRLEN && each->nla_len <= bytes) {
        size_t step = NLA_ALIGN(each->nla_len);
        if ((each->nla_type & NLA_TYPE_MASK) == type)
            return each;
        if (step >= bytes)
            return NULL;
        bytes -= step;
        each = (const void *)((const char *)each + step);
    }
    return NULL;
}

// The same among those within an attribute.
static const struct nlattr *find_within(const struct nlattr *attribute, uint16_t type) {
    return attribute ? find_attribute(value_of(attribute), attribute->nla_len - NLA_HDRLEN, type) : NULL;
}

// Receives what the kernel says. Others in the network namespace may send messages to the socket too: they are left out.
// Returns the length; -1 with errno.
static ssize_t receive_from_kernel(int fd, void *text, size_t bytes) {
    for (;;) {
        struct sockaddr_nl from = {};
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(fd, text, bytes, 0, (struct sockaddr *)&from, &size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 || !from.nl_pid)
            return length;
    }
}

// Asks, and calls `take` for each message of the answer. 0, or -1 with errno.
static int ask_kernel(int protocol, struct question *question,
                      void (*take)(const struct nlmsghdr *message, void *context), void *context) {
    static char text[LONGEST_ANSWER] __attribute__((aligned(NLMSG_ALIGNTO)));
    const struct timeval limit = {.tv_sec = 2};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), failure = 0, more = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (send(fd, question, question->header.nlmsg_len, 0) < 0)
        failure = errno;
    while (!failure && more) {
        ssize_t length = receive_from_kernel(fd, text, sizeof text);
        struct nlmsghdr *message = (void *)text;
        if (length < 0)
            failure = errno;
        for (; length > 0 && NLMSG_OK(message, (size_t)length); message = NLMSG_NEXT(message, length)) {
            if (message->nlmsg_type == NLMSG_ERROR)
                failure = -((struct nlmsgerr *)NLMSG_DATA(message))->error;
            else if (message->nlmsg_type != NLMSG_DONE)
                take(message, context);
            // One of many is the last when it says so.
            if (message->nlmsg_type == NLMSG_DONE || !(message->nlmsg_flags & NLM_F_MULTI))
                more = 0;
        }
    }
    close(fd);
    errno = failure;
    return failure ? -1 : 0;
}
