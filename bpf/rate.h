// The rate that copies may have.
#pragma once
#include "maps.h"

// The time until which the rate is used up.
struct bucket {
    struct bpf_spin_lock lock;
    __u64 until_ns;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bucket);
} buckets SEC(".maps");

// The generic cell rate algorithm: each copy moves the time on until which the rate is used up, and is over the limit if
// that would be further ahead than the burst.
static __always_inline int is_over_rate(__u32 bytes) {
    __u32 first = 0;
    struct bucket *bucket = bpf_map_lookup_elem(&buckets, &first);
    __u64 now = bpf_ktime_get_ns(), cost = bytes * 1000000000ull / settings.bytes_per_second, until;
    int over;

    if (!bucket)
        return 0;
    bpf_spin_lock(&bucket->lock);
    until = (bucket->until_ns > now ? bucket->until_ns : now) + cost;
    over = until > now + settings.burst_ns;
    if (!over)
        bucket->until_ns = until;
    bpf_spin_unlock(&bucket->lock);
    return over;
}
