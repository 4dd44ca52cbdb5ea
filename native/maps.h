// The maps of eBPF programs that are loaded, by the kernel's numbers.
#pragma once
#include "bpfCalls.h"
#include "said.h"
#include <errno.h>

#define MOST_MAPS_OF_A_PROGRAM 16

// The CPUs that the kernel keeps values for, of which some may be missing; 0 with errno.
static uint32_t possible_cpus(void) {
    static uint32_t count;
    FILE *file;
    char text[256], *at;

    if (count || !(file = fopen("/sys/devices/system/cpu/possible", "re")))
        return count;
    // `0-3`, or `0`: the last number counts.
    if (fgets(text, sizeof text, file)) {
        for (at = text + strcspn(text, "\n"); at > text && at[-1] >= '0' && at[-1] <= '9'; at--)
            ;
        count = strtoul(at, NULL, 10) + 1;
    }
    fclose(file);
    return count;
}

// Adds ID:NAME for each map of a program. 0, or -1 with errno.
static int list_maps(uint32_t program, struct line *answer) {
    uint32_t ids[MOST_MAPS_OF_A_PROGRAM];
    struct bpf_prog_info info = {.nr_map_ids = MOST_MAPS_OF_A_PROGRAM, .map_ids = (uintptr_t)ids};
    int fd = open_program(program), failed;

    if (fd < 0)
        return -1;
    failed = read_info(fd, &info, sizeof info);
    close(fd);
    for (uint32_t i = 0; !failed && i < info.nr_map_ids && i < MOST_MAPS_OF_A_PROGRAM; i++) {
        struct bpf_map_info about = {};
        int map = open_map(ids[i], &about);
        if (map < 0)
            return -1;
        close(map);
        add_text(answer, "%s%u:%.*s", i ? " " : "", ids[i], BPF_OBJ_NAME_LEN, about.name);
    }
    return failed;
}

// Adds the number of each map of the kernel that has a name. 0, or -1 with errno.
static int find_maps(const char *name, struct line *answer) {
    union bpf_attr next = {};

    while (!bpf(BPF_MAP_GET_NEXT_ID, &next, sizeof next)) {
        struct bpf_map_info about = {};
        int fd = open_map(next.next_id, &about);
        if (fd < 0 && errno != ENOENT)
            return -1;
        if (fd >= 0)
            close(fd);
        // Gone meanwhile, or another.
        if (fd >= 0 && !strncmp(about.name, name, BPF_OBJ_NAME_LEN))
            add_text(answer, "%s%u", answer->text[answer->length - 1] == ' ' ? "" : " ", next.next_id);
        next.start_id = next.next_id;
    }
    return errno == ENOENT ? 0 : -1;
}

// Adds the bytes of a value, and the values of an array, or those of all CPUs of each entry, in hexadecimal. 0, or -1 with errno.
static int read_map(uint32_t id, struct line *answer) {
    struct bpf_map_info info = {};
    int fd = open_map(id, &info), failed = fd < 0;
    size_t bytes = info.value_size;
    char *value;

    if (failed)
        return -1;
    if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
        bytes = (bytes + 7) / 8 * 8 * possible_cpus();
    else if (info.type != BPF_MAP_TYPE_ARRAY)
        bytes = 0;
    value = bytes ? malloc(bytes) : NULL;
    if (!value) {
        close(fd);
        errno = bytes ? ENOMEM : EINVAL;
        return -1;
    }
    add_text(answer, "%u ", info.value_size);
    for (uint32_t key = 0; !failed && key < info.max_entries; key++) {
        union bpf_attr element = {.map_fd = fd};
        element.key = (uintptr_t)&key;
        element.value = (uintptr_t)value;
        failed = bpf(BPF_MAP_LOOKUP_ELEM, &element, sizeof element);
        if (!failed)
            add_hex(answer, value, bytes);
    }
    close(fd);
    free(value);
    return failed ? -1 : 0;
}

// Writes one value of an array, which is given in hexadecimal. 0, or -1 with errno.
static int write_map(uint32_t id, uint32_t key, char *hex) {
    struct bpf_map_info info = {};
    ssize_t bytes = read_hex(hex);
    int fd = open_map(id, &info), failed;
    union bpf_attr element = {.map_fd = fd};

    if (fd < 0)
        return -1;
    element.key = (uintptr_t)&key;
    element.value = (uintptr_t)hex;
    if (info.type != BPF_MAP_TYPE_ARRAY || bytes != (ssize_t)info.value_size) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    failed = bpf(BPF_MAP_UPDATE_ELEM, &element, sizeof element);
    close(fd);
    return failed ? -1 : 0;
}
