// What neither tc nor the bpftool of Debian 12 does with tcx programs, which come before every filter of clsact (Linux 6.6).
//
// kokotap-tcx query INTERFACE...
//
// Prints JSON: for each interface, for ingress and then egress, its programs in their order. An interface that is not
// there has none, and on an older kernel none has.
//
// kokotap-tcx hold MIRROR [INTERFACE HOOK PROGRAM]...
//
// Puts programs, which are loaded, before all others of a hook, and has them copy to the device MIRROR. Prints a line when
// they are there. They go when this program ends, as it does when its standard input ends.
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_MAPS 8
#define MOST_PROGRAMS 64 // as many the kernel has at a hook (BPF_MPROG_MAX)

#define BEFORE (1 << 3) // BPF_F_BEFORE; without another program it means: before all

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; // enum bpf_attach_type since Linux 6.6

// Of union bpf_attr, the part for BPF_PROG_QUERY as Linux 6.6 has it.
struct query {
    uint32_t ifindex, type, query_flags, attach_flags;
    uint64_t programs;
    uint32_t count, unused;
    uint64_t program_flags, links, link_flags, revision;
};

// The same for BPF_LINK_CREATE.
struct link {
    uint32_t program, ifindex, type, flags, relative, unused;
    uint64_t revision;
};

static int bpf(enum bpf_cmd command, void *attributes, size_t bytes) {
    return syscall(SYS_bpf, command, attributes, bytes);
}

static int fail(const char *what) {
    fprintf(stderr, "kokotap-tcx: %s: %s\n", what, strerror(errno));
    return 1;
}

static int read_info(int fd, void *info, uint32_t bytes) {
    union bpf_attr about = {};
    about.info.bpf_fd = fd;
    about.info.info_len = bytes;
    about.info.info = (uintptr_t)info;
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &about, sizeof about);
}

// The name of a program; empty when it has none, or has gone meanwhile.
static int read_name(uint32_t id, char name[BPF_OBJ_NAME_LEN]) {
    struct bpf_prog_info info = {};
    union bpf_attr program = {.prog_id = id};
    int fd = bpf(BPF_PROG_GET_FD_BY_ID, &program, sizeof program), failed;

    name[0] = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    failed = read_info(fd, &info, sizeof info);
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

// Writes the device's number into the program's map `mirror`.
static int set_mirror(int program, uint32_t ifindex) {
    uint32_t ids[MOST_MAPS], first = 0;
    struct bpf_prog_info info = {.nr_map_ids = MOST_MAPS, .map_ids = (uintptr_t)ids};

    if (read_info(program, &info, sizeof info))
        return -1;
    for (uint32_t i = 0; i < info.nr_map_ids && i < MOST_MAPS; i++) {
        union bpf_attr map = {.map_id = ids[i]}, element = {};
        struct bpf_map_info about = {};
        int fd = bpf(BPF_MAP_GET_FD_BY_ID, &map, sizeof map), failed;
        if (fd < 0 || read_info(fd, &about, sizeof about))
            return -1;
        if (strcmp(about.name, "mirror")) {
            close(fd);
            continue;
        }
        element.map_fd = fd;
        element.key = (uintptr_t)&first;
        element.value = (uintptr_t)&ifindex;
        failed = bpf(BPF_MAP_UPDATE_ELEM, &element, sizeof element);
        close(fd);
        return failed;
    }
    errno = ENOENT;
    return -1;
}

static int hold(const char *mirror, char *const places[], int count) {
    uint32_t ifindex = if_nametoindex(mirror);
    char byte;

    if (!ifindex)
        return fail(mirror);
    for (int i = 0; i + 2 < count; i += 3) {
        const char *interface = places[i], *hook = places[i + 1];
        union bpf_attr id = {.prog_id = strtoul(places[i + 2], NULL, 10)};
        int program = bpf(BPF_PROG_GET_FD_BY_ID, &id, sizeof id);
        struct link link = {
            .program = program,
            .ifindex = if_nametoindex(interface),
            .type = strcmp(hook, "ingress") ? TCX_EGRESS : TCX_INGRESS,
            .flags = BEFORE,
        };
        if (program < 0 || set_mirror(program, ifindex))
            return fail("cannot prepare a program");
        if (!link.ifindex || bpf(BPF_LINK_CREATE, &link, sizeof link) < 0)
            return fail(interface);
    }
    printf("held\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}

int main(int argc, char *argv[]) {
    if (argc > 1 && !strcmp(argv[1], "query"))
        return query(argv + 2, argc - 2);
    if (argc > 2 && !strcmp(argv[1], "hold"))
        return hold(argv[2], argv + 3, argc - 3);
    fprintf(stderr, "usage: kokotap-tcx query INTERFACE... | hold MIRROR [INTERFACE HOOK PROGRAM]...\n");
    return 2;
}
