// Looks at the tcx programs of interfaces, which come before every filter of clsact (Linux 6.6), for neither tc nor the
// bpftool of Debian 12 does: kokotap-tcx query INTERFACE...
//
// Prints JSON: for each interface, for ingress and then egress, its programs in their order. An interface that is not
// there has none, and on an older kernel none has.
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_PROGRAMS 64 // as many the kernel has at a hook (BPF_MPROG_MAX)

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; // enum bpf_attach_type since Linux 6.6

// Of union bpf_attr, the part for BPF_PROG_QUERY as Linux 6.6 has it.
struct query {
    uint32_t ifindex, type, query_flags, attach_flags;
    uint64_t programs;
    uint32_t count, unused;
    uint64_t program_flags, links, link_flags, revision;
};

static int bpf(enum bpf_cmd command, void *attributes, size_t bytes) {
    return syscall(SYS_bpf, command, attributes, bytes);
}

static int fail(const char *what) {
    fprintf(stderr, "kokotap-tcx: %s: %s\n", what, strerror(errno));
    return 1;
}

// The name of a program; empty when it has none, or has gone meanwhile.
static int read_name(uint32_t id, char name[BPF_OBJ_NAME_LEN]) {
    struct bpf_prog_info info = {};
    union bpf_attr program = {.prog_id = id}, about = {};
    int fd = bpf(BPF_PROG_GET_FD_BY_ID, &program, sizeof program), failed;

    name[0] = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    about.info.bpf_fd = fd;
    about.info.info_len = sizeof info;
    about.info.info = (uintptr_t)&info;
    failed = bpf(BPF_OBJ_GET_INFO_BY_FD, &about, sizeof about);
    close(fd);
    memcpy(name, info.name, BPF_OBJ_NAME_LEN);
    return failed;
}

static int print_programs(uint32_t ifindex, uint32_t type) {
    uint32_t ids[MOST_PROGRAMS];
    struct query query = {.ifindex = ifindex, .type = type, .programs = (uintptr_t)ids, .count = MOST_PROGRAMS};
    char name[BPF_OBJ_NAME_LEN];

    if (!ifindex)
        query.count = 0;
    else if (bpf(BPF_PROG_QUERY, &query, sizeof query)) {
        if (errno != EINVAL && errno != ENODEV && errno != ENOENT)
            return fail("cannot ask for the programs of an interface");
        query.count = 0;
    }
    printf("[");
    for (uint32_t i = 0; i < query.count; i++) {
        if (read_name(ids[i], name))
            return fail("cannot read a program's name");
        printf("%s{\"id\":%u,\"name\":\"%.*s\"}", i ? "," : "", ids[i], BPF_OBJ_NAME_LEN, name);
    }
    printf("]");
    return 0;
}

static int query(char *const interfaces[], int count) {
    printf("[");
    for (int i = 0; i < count; i++) {
        uint32_t ifindex = if_nametoindex(interfaces[i]);
        printf("%s{\"ingress\":", i ? "," : "");
        if (print_programs(ifindex, TCX_INGRESS))
            return 1;
        printf(",\"egress\":");
        if (print_programs(ifindex, TCX_EGRESS))
            return 1;
        printf("}");
    }
    printf("]\n");
    return 0;
}

int main(int argc, char *argv[]) {
    if (argc > 1 && !strcmp(argv[1], "query"))
        return query(argv + 2, argc - 2);
    fprintf(stderr, "usage: kokotap-tcx query INTERFACE...\n");
    return 2;
}
