// Where the headers of a packet are.
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAG 4  // bytes
#define VLAN_TAGS 2 // as many in the frame itself are looked behind

// Where a packet's headers are. The transport is 0 when there is none, or it is not the kernel's to say (a fragment).
struct layers {
    __u32 network, transport; // bytes from the frame's beginning
    __u8 version, protocol;
};

// All headers are read by a helper, for they need not be in the part of the packet that programs see directly.
static __always_inline struct layers read_ip(struct __sk_buff *skb, __u32 network, __be16 type) {
    struct layers at = {.network = network};
    union {
        struct iphdr v4;
        struct ipv6hdr v6;
    } header;
    __u8 option[2]; // the next header, and the length in 8 bytes behind the first 8

    if (type == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, network, &header.v4, sizeof header.v4) || header.v4.ihl < 5)
            return at;
        at.version = 4;
        at.protocol = header.v4.protocol;
        if (!(header.v4.frag_off & bpf_htons(0x3fff)))
            at.transport = network + header.v4.ihl * 4;
    } else if (type == bpf_htons(ETH_P_IPV6)) {
        if (bpf_skb_load_bytes(skb, network, &header.v6, sizeof header.v6))
            return at;
        at.version = 6;
        at.protocol = header.v6.nexthdr;
        at.transport = network + sizeof header.v6;
        // The kernel's own packets of more than 64 KiB (BIG TCP) have one, until they are cut into segments.
        if (at.protocol == IPPROTO_HOPOPTS && !bpf_skb_load_bytes(skb, at.transport, option, sizeof option)) {
            at.protocol = option[0];
            at.transport += (option[1] + 1) * 8;
        }
    }
    return at;
}

static __always_inline struct layers find_layers(struct __sk_buff *skb) {
    __u32 network = ETH_HLEN;
    __be16 type = 0;

    bpf_skb_load_bytes(skb, network - sizeof type, &type, sizeof type);
#pragma unroll
    for (int i = 0; i < VLAN_TAGS; i++) {
        if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
            break;
        network += VLAN_TAG;
        bpf_skb_load_bytes(skb, network - sizeof type, &type, sizeof type);
    }
    return read_ip(skb, network, type);
}
