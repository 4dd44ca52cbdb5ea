// The tcx programs of interfaces, which come before every filter of clsact (Linux 6.6).
#pragma once
#include "bpfCalls.h"
#include "netns.h"
#include "said.h"
#include <errno.h>
#include <net/if.h>

#define MOST_PROGRAMS 64 // as many the kernel has at a hook (BPF_MPROG_MAX)

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; // enum bpf_attach_type since Linux 6.6

// Of union bpf_attr, the part for BPF_PROG_QUERY as Linux 6.6 has it.
struct tcx_query {
    uint32_t ifindex, type, query_flags, attach_flags;
    uint64_t programs;
    uint32_t count, unused;
    uint64_t program_flags, links, link_flags, revision;
};

struct tcx_question {
    char *names; // of interfaces, with spaces between them
    struct line *answer;
};

// Adds the programs of a hook in their order. 0, or -1 with errno.
static int add_tcx(uint32_t ifindex, uint32_t type, struct line *answer) {
    uint32_t ids[MOST_PROGRAMS];
    struct tcx_query query = {
        .ifindex = ifindex, .type = type, .programs = (uintptr_t)ids, .count = MOST_PROGRAMS};

    if (!ifindex)
        query.count = 0;
    else if (bpf(BPF_PROG_QUERY, &query, sizeof query)) {
        // The kernel is older, or the interface gone.
        if (errno != EINVAL && errno != ENODEV && errno != ENOENT)
            return -1;
        query.count = 0;
    }
    for (uint32_t i = 0; i < query.count; i++) {
        struct bpf_prog_info info = {};
        int fd = open_program(ids[i]);
        if (fd < 0 && errno != ENOENT)
            return -1;
        if (fd >= 0) {
            int failed = read_info(fd, &info, sizeof info);
            close(fd);
            if (failed)
                return -1;
        }
        add_text(answer, "%s{\"id\":%u,\"name\":\"%.*s\"}", i ? "," : "", ids[i], BPF_OBJ_NAME_LEN, info.name);
    }
    return 0;
}

static int list_tcx_here(void *context) {
    const struct tcx_question *question = context;
    struct line *answer = question->answer;
    char *rest = NULL;

    add_text(answer, "[");
    for (char *name = strtok_r(question->names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        uint32_t ifindex = if_nametoindex(name);
        add_text(answer, "%s{\"ingress\":[", answer->text[answer->length - 1] == '[' ? "" : ",");
        if (add_tcx(ifindex, TCX_INGRESS, answer))
            return -1;
        add_text(answer, "],\"egress\":[");
        if (add_tcx(ifindex, TCX_EGRESS, answer))
            return -1;
        add_text(answer, "]}");
    }
    add_text(answer, "]");
    return 0;
}

// Adds JSON: for each interface its programs in their order, of ingress and of egress. An interface that is not there has
// none, and on an older kernel none has. 0, or -1 with errno.
static int list_tcx(const char *netns, char *names, struct line *answer) {
    struct tcx_question question = {names, answer};

    return in_netns(netns, list_tcx_here, &question);
}
