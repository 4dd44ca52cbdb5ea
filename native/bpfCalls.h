// The bpf() system call, which glibc has no function for.
#pragma once
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, void *attributes, size_t bytes) {
    return syscall(SYS_bpf, command, attributes, bytes);
}

static int read_info(int fd, void *info, uint32_t bytes) {
    union bpf_attr about = {};
    about.info.bpf_fd = fd;
    about.info.info_len = bytes;
    about.info.info = (uintptr_t)info;
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &about, sizeof about);
}

static int open_program(uint32_t id) {
    union bpf_attr program = {.prog_id = id};
    return bpf(BPF_PROG_GET_FD_BY_ID, &program, sizeof program);
}

// Opens a map and reads what it is; -1 with errno.
static int open_map(uint32_t id, struct bpf_map_info *info) {
    union bpf_attr map = {.map_id = id};
    int fd = bpf(BPF_MAP_GET_FD_BY_ID, &map, sizeof map);

    if (fd >= 0 && read_info(fd, info, sizeof *info)) {
        close(fd);
        return -1;
    }
    return fd;
}
