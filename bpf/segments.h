// How many packets the kernel makes of one: it cuts large ones (GSO) into segments only when a device sends them.
#pragma once
#include <linux/udp.h>
#include "headers.h"

// Bytes in front of the payload that the kernel cuts into segments; 0 where they are not known.
static __always_inline __u32 headers_of(struct __sk_buff *skb, struct layers *at) {
    __u8 offset;

    if (at->transport && at->protocol == IPPROTO_UDP)
        return at->transport + sizeof(struct udphdr);
    if (at->transport && at->protocol == IPPROTO_TCP && !bpf_skb_load_bytes(skb, at->transport + 12, &offset, 1))
        return at->transport + (offset >> 4) * 4;
    return 0;
}

static __always_inline __u32 segments(__u32 length, __u32 headers, __u32 size) {
    return length > headers && size ? (length - headers + size - 1) / size : 1;
}

static __always_inline int is_unmeasured(struct __sk_buff *skb) {
    return skb->gso_size && !skb->gso_segs;
}

// How many packets the kernel makes of this one. It is unmeasured if a virtual machine sent it, or a program that
// changes the length of packets.
static __always_inline __u32 packets_of(struct __sk_buff *skb) {
    struct layers at;

    if (!is_unmeasured(skb))
        return skb->gso_size ? skb->gso_segs : 1;
    at = find_layers(skb);
    return segments(skb->len, headers_of(skb, &at), skb->gso_size);
}
