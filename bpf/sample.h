// Which conversation a packet belongs to: `copy` keeps one of so many.
#pragma once
#include "headers.h"
#include "maps.h"

#define ICMP_HEADER 8 // bytes in front of the packet that an error is about
// Destination unreachable, source quench, redirect, time exceeded, parameter problem; of ICMPv6 all below 128.
#define ICMP_ERRORS (1 << 3 | 1 << 4 | 1 << 5 | 1 << 11 | 1 << 12)

// The packet that an ICMP error is about, as far as the error holds it; of anything else the packet itself.
static __always_inline struct layers find_subject(struct __sk_buff *skb, struct layers *at) {
    __u8 type;

    if (!at->transport || at->protocol != (at->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ||
        bpf_skb_load_bytes(skb, at->transport, &type, sizeof type))
        return *at;
    if (at->version == 6)
        return type < 128 ? read_ip(skb, at->transport + ICMP_HEADER, bpf_htons(ETH_P_IPV6)) : *at;
    return type < 32 && ICMP_ERRORS >> type & 1 ? read_ip(skb, at->transport + ICMP_HEADER, bpf_htons(ETH_P_IP)) : *at;
}

// A number that is the same for both directions of a conversation: of its addresses, its protocol, and the ports of TCP
// and UDP. An ICMP error counts to the conversation that it is about. Fragments, of which all but the first have no
// ports, go by the addresses. What is not IP is always 0. Nobody who does not know the seed can tell which numbers are
// in the sample.
static __always_inline __u32 conversation(struct __sk_buff *skb, struct layers *packet) {
    struct layers at = find_subject(skb, packet);
    __u32 addresses[8] = {}, hash; // the source's, and from the fifth on the destination's
    __u16 ports[2] = {};

    if (at.version == 4) {
        bpf_skb_load_bytes(skb, at.network + __builtin_offsetof(struct iphdr, saddr), addresses, 8);
        addresses[4] = addresses[1];
        addresses[1] = 0;
    } else if (at.version == 6) {
        bpf_skb_load_bytes(skb, at.network + __builtin_offsetof(struct ipv6hdr, saddr), addresses, 32);
    } else {
        return 0;
    }
    if (at.transport && (at.protocol == IPPROTO_TCP || at.protocol == IPPROTO_UDP))
        bpf_skb_load_bytes(skb, at.transport, ports, sizeof ports);
    hash = settings.seed ^ (at.protocol + (ports[0] ^ ports[1]) * 0x9e3779b1);
#pragma unroll
    for (int i = 0; i < 4; i++)
        hash = (hash ^ addresses[i] ^ addresses[4 + i]) * 0x85ebca6b;
    hash ^= hash >> 15;
    hash *= 0xc2b2ae35;
    return hash ^ hash >> 16;
}
