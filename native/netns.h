// Network namespaces: the program's own, and visits to others.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int own_netns;

static int open_own_netns(void) {
    own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return own_netns < 0 ? -1 : 0;
}

// Whether a namespace is the one that this process is in, which takes no right to be in.
static int is_own(int netns) {
    struct stat here, there;

    return !fstat(own_netns, &here) && !fstat(netns, &there) && here.st_ino == there.st_ino;
}

// Does something in the namespace of a path, with errno of it. What it returns; -1 with errno: it cannot be entered.
static int in_netns(const char *path, int (*act)(void *context), void *context) {
    int netns = open(path, O_RDONLY | O_CLOEXEC), result = -1, failure;

    if (netns < 0)
        return -1;
    if (is_own(netns) || !setns(netns, CLONE_NEWNET))
        result = act(context);
    failure = errno;
    if (!is_own(netns) && setns(own_netns, CLONE_NEWNET)) {
        perror("kokotap-monitor: cannot come back from a namespace");
        exit(1);
    }
    close(netns);
    errno = failure;
    return result;
}
