// What a device does with packets on the kernel's behalf.
#pragma once
#include "netns.h"
#include "said.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct features_question {
    const char *name;
    uint32_t merges, finishes; // merges what it receives (GRO); fills in checksums of what it sends
};

static int read_feature(int fd, const char *name, uint32_t command, uint32_t *is_on) {
    struct ethtool_value value = {.cmd = command};
    struct ifreq request = {.ifr_data = (void *)&value};

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, SIOCETHTOOL, &request))
        return -1;
    *is_on = value.data;
    return 0;
}

static int read_features_here(void *context) {
    struct features_question *question = context;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), failed, failure;

    if (fd < 0)
        return -1;
    failed = read_feature(fd, question->name, ETHTOOL_GGRO, &question->merges) ||
             read_feature(fd, question->name, ETHTOOL_GTXCSUM, &question->finishes);
    failure = errno;
    close(fd);
    errno = failure;
    return failed ? -1 : 0;
}

// Adds, as 1 or 0, whether a device merges packets that it receives, and whether it takes unfinished ones to send. 0, or -1
// with errno.
static int list_features(const char *netns, const char *name, struct line *answer) {
    struct features_question question = {.name = name};

    if (in_netns(netns, read_features_here, &question))
        return -1;
    add_text(answer, "%u %u", question.merges, question.finishes);
    return 0;
}
