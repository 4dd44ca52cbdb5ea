// Hands the caller's netlink messages to the kernel in any network namespace, and the kernel's answers to the caller: what
// they mean is the caller's business.
#pragma once
#include "netlink.h"
#include "netns.h"
#include "said.h"
#include <linux/rtnetlink.h>
#include <sys/time.h>

struct relay {
    const char *messages; // one after the other, each with its length in front
    size_t bytes;
    struct line *answer;
    int protocol;
};

// The device that a question is about, where the kernel answers with the qdiscs of all; 0: any.
static int device_of(const char *message) {
    const struct nlmsghdr *header = (const void *)message;
    struct tcmsg about;

    if (header->nlmsg_type != RTM_GETQDISC || header->nlmsg_len < NLMSG_LENGTH(sizeof about))
        return 0;
    memcpy(&about, message + NLMSG_HDRLEN, sizeof about);
    return about.tcm_ifindex;
}

static int is_about(const struct nlmsghdr *message, int device) {
    return !device || message->nlmsg_type != RTM_NEWQDISC ||
           ((struct tcmsg *)NLMSG_DATA(message))->tcm_ifindex == device;
}

// Adds all of the answer to one message that is about a device. 0, or -1 with errno.
static int take_answer(int fd, int device, struct line *answer) {
    static char text[LONGEST_ANSWER] __attribute__((aligned(NLMSG_ALIGNTO)));

    for (;;) {
        ssize_t length = receive_from_kernel(fd, text, sizeof text);
        if (length < 0)
            return -1;
        for (struct nlmsghdr *message = (void *)text; length > 0 && NLMSG_OK(message, (size_t)length);
             message = NLMSG_NEXT(message, length)) {
            if (is_about(message, device))
                add_hex(answer, message, NLMSG_ALIGN(message->nlmsg_len));
            // Both begin with an error, or 0. The last one of many is NLMSG_DONE.
            if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
                errno = message->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : -*(int *)NLMSG_DATA(message);
                return errno > 0 ? -1 : 0;
            }
            if (!(message->nlmsg_flags & NLM_F_MULTI))
                return 0;
        }
    }
}

static int relay_here(void *context) {
    const struct relay *relay = context;
    const struct timeval limit = {.tv_sec = 2};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, relay->protocol), failure = 0;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (size_t at = 0; !failure && at + sizeof(struct nlmsghdr) <= relay->bytes;) {
        struct nlmsghdr header;
        memcpy(&header, relay->messages + at, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > relay->bytes - at)
            failure = EINVAL;
        else if (send(fd, relay->messages + at, header.nlmsg_len, 0) < 0 || take_answer(fd, device_of(relay->messages + at), relay->answer))
            failure = errno;
        at += NLMSG_ALIGN(header.nlmsg_len);
    }
    close(fd);
    errno = failure;
    return failure ? -1 : 0;
}

// Adds the answers to messages in hexadecimal, which is overwritten. 0, or -1 with errno, also of what the kernel refuses.
static int relay(const char *netns, const char *protocol, char *hex, struct line *answer) {
    ssize_t bytes = read_hex(hex);
    struct relay relay = {hex, bytes, answer, atoi(protocol)};

    return bytes < 0 ? -1 : in_netns(netns, relay_here, &relay);
}
