// What neither tc nor the bpftool of Debian 12 does with tcx programs, which come before every filter of clsact (Linux 6.6).
//
// kokotap-tcx hold MIRROR [INTERFACE HOOK PROGRAM]...
//
// Puts programs, which are loaded, before all others of a hook, and has them copy to the device MIRROR. Prints a line when
// they are there. They go when this program ends, as it does when its standard input ends.
#include "bpfCalls.h"
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MAPS 8
#define BEFORE (1 << 3) // BPF_F_BEFORE; without another program it means: before all

enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; // enum bpf_attach_type since Linux 6.6

// Of union bpf_attr, the part for BPF_LINK_CREATE as Linux 6.6 has it.
struct link {
    uint32_t program, ifindex, type, flags, relative, unused;
    uint64_t revision;
};

static int fail(const char *what) {
    fprintf(stderr, "kokotap-tcx: %s: %s\n", what, strerror(errno));
    return 1;
}

// Writes the device's number into the program's map `mirror`.
static int set_mirror(int program, uint32_t ifindex) {
    uint32_t ids[MOST_MAPS], first = 0;
    struct bpf_prog_info info = {.nr_map_ids = MOST_MAPS, .map_ids = (uintptr_t)ids};

    if (read_info(program, &info, sizeof info))
        return -1;
    for (uint32_t i = 0; i < info.nr_map_ids && i < MOST_MAPS; i++) {
        union bpf_attr element = {};
        struct bpf_map_info about = {};
        int fd = open_map(ids[i], &about), failed;
        if (fd < 0)
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
        int program = open_program(strtoul(places[i + 2], NULL, 10));
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
    if (argc > 2 && !strcmp(argv[1], "hold"))
        return hold(argv[2], argv + 3, argc - 3);
    fprintf(stderr, "usage: kokotap-tcx hold MIRROR [INTERFACE HOOK PROGRAM]...\n");
    return 2;
}
