// Sends a copy past the node's IP stack: writes the outer headers itself and names the device of the underlay.
//
// What it does not understand, or what does not fit, it leaves to the VXLAN device: frames that are not IP, two VLAN tags,
// packets of the pod's own tunnels, single packets that are too large, and everything while there is no route, the next
// hop's address is not known (the VXLAN device then asks for it), or the gate is closed.
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "fit.h"
#include "headers.h"
#include "maps.h"
#include "segments.h"

#define AF_INET 2
#define FIRST_PORT 49152   // of SOURCE_PORTS that copies come from, by conversation
#define SOURCE_PORTS 256
#define LARGEST_IP 65535   // bytes
#define TTL 64
#define VXLAN_FLAGS 0x08000000 // "the VNI is valid" (RFC 7348)

struct outer {
    struct ethhdr ethernet;
    struct iphdr ip;
    struct udphdr udp;
    __be32 vxlan[2];
} __attribute__((packed));

// What goes in front of a copy's IP header: the outer headers, and the copy's own Ethernet header with the tag that it had.
struct encapsulation {
    struct outer outer;
    __u8 addresses[2 * ETH_ALEN];
    __be16 type; // or the tag's protocol, and then:
    __be16 tci, tagged_type;
} __attribute__((packed));

// The path to the peer as this CPU last looked it up: good for one tick of the clock.
struct path {
    __u64 tick;
    __u32 ifindex; // 0: none that a copy could take past the VXLAN device
    __u32 mtu;
    __u32 id; // of the next outer IP packet
    struct ethhdr ethernet;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct path);
} paths SEC(".maps");

// Asked as for a packet that comes in by this device, which needs no knowledge of where it goes out.
static __always_inline long ask_for_path(struct __sk_buff *skb, struct bpf_fib_lookup *fib, __u16 length) {
    *fib = (struct bpf_fib_lookup){.family = AF_INET, .ifindex = skb->ifindex, .l4_protocol = IPPROTO_UDP};
    fib->ipv4_src = settings.local;
    fib->ipv4_dst = settings.remote;
    fib->tot_len = length;
    return bpf_fib_lookup(skb, fib, sizeof *fib, 0);
}

// Routes, rules, next hops, MTU and neighbours are the kernel's, asked for again every tick.
static __always_inline void look_up(struct __sk_buff *skb, struct path *path) {
    struct bpf_fib_lookup fib;

    path->ifindex = 0;
    // No route takes as much: the answer is the route's MTU.
    if (ask_for_path(skb, &fib, LARGEST_IP) != BPF_FIB_LKUP_RET_FRAG_NEEDED)
        return;
    path->mtu = fib.mtu_result;
    if (ask_for_path(skb, &fib, 1))
        return;
    path->ifindex = fib.ifindex;
    __builtin_memcpy(path->ethernet.h_dest, fib.dmac, ETH_ALEN);
    __builtin_memcpy(path->ethernet.h_source, fib.smac, ETH_ALEN);
    path->ethernet.h_proto = bpf_htons(ETH_P_IP);
}

static __always_inline __u16 ip_checksum(const struct iphdr *ip) {
    const __u16 *word = (const void *)ip;
    __u32 sum = 0;
#pragma unroll
    for (int i = 0; i < 10; i++)
        sum += word[i];
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16));
}

// Takes a VLAN tag out of the frame, where the device in the pod has put it, and keeps it beside the packet, as it was
// before: the kernel resizes no packet with a tag in it. Of two tags the outer one is beside it.
static __always_inline void unwrite_tag(struct __sk_buff *skb) {
    __be16 protocol = skb->protocol, tci;

    if (skb->vlan_present || (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD)) ||
        bpf_skb_load_bytes(skb, ETH_HLEN, &tci, sizeof tci) || bpf_skb_vlan_pop(skb))
        return;
    bpf_skb_vlan_push(skb, protocol, bpf_ntohs(tci));
}

// The pod's own marks mean nothing in the node, whose rules would take them for theirs.
static __always_inline void forget_pod(struct __sk_buff *skb) {
    skb->mark = 0;
    skb->priority = 0;
    skb->tstamp = 0;
}

#define LEFT 0     // to the VXLAN device
#define SPOILT -1

// Writes the outer headers. Returns the device to redirect to, LEFT or SPOILT. `packets`: how many the copy becomes.
static __always_inline __s32 encapsulate(struct __sk_buff *skb, struct path *path, struct layers *at, __s32 *packets,
                                         __be16 tag_protocol, __u16 tag_tci) {
    __u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
    __u32 length = skb->len, segment = skb->gso_size, headers = length, hash;
    // The Ethernet header that is there goes in front, a new one inside.
    __s32 growth = sizeof(struct outer) + (tag_protocol ? VLAN_TAG : 0), excess, total;
    struct encapsulation new = {};
    struct iphdr ip = {.version = 4, .ihl = 5, .ttl = TTL, .protocol = IPPROTO_UDP};
    int failed;

    if ((skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6)) ||
        bpf_skb_load_bytes(skb, 0, new.addresses, sizeof new.addresses + sizeof new.type) || new.type != skb->protocol)
        return LEFT;
    if (segment)
        headers = headers_of(skb, at);
    excess = (__s32)(headers + segment + growth) - ETH_HLEN - (__s32)path->mtu;
    if (!headers || (excess > 0 && !(segment && at->protocol == IPPROTO_TCP)))
        return LEFT;
    // Room for more takes as much off the size of a TCP packet's segments, unless told not to.
    failed = excess > growth ? shrink_segments(skb, excess - growth) : 0;
    if (failed)
        return failed < 0 ? SPOILT : LEFT;
    if (excess <= 0)
        flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
    flags |= tag_protocol ? BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN + VLAN_TAG) : BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN);
    hash = bpf_get_hash_recalc(skb);
    if (bpf_skb_adjust_room(skb, growth, BPF_ADJ_ROOM_MAC, flags)) // of a tunnel's packet, for example
        return LEFT;

    if (tag_protocol) {
        new.tagged_type = new.type;
        new.type = tag_protocol;
        new.tci = bpf_htons(tag_tci);
    }
    new.outer.ethernet = path->ethernet;
    total = length + growth - ETH_HLEN; // of a GSO packet perhaps more than 16 bits have room for: each segment gets its own
    ip.saddr = settings.local;
    ip.daddr = settings.remote;
    ip.tot_len = total > LARGEST_IP ? 0 : bpf_htons(total);
    ip.id = bpf_htons(path->id + (bpf_get_smp_processor_id() << 12)); // segments count on from it
    ip.check = ip_checksum(&ip);
    new.outer.ip = ip;
    new.outer.udp.source = bpf_htons(FIRST_PORT + ((hash ^ hash >> 16) & (SOURCE_PORTS - 1)));
    new.outer.udp.dest = bpf_htons(settings.port);
    new.outer.udp.len = bpf_htons(total - sizeof ip); // no checksum: the packet inside has its own
    new.outer.vxlan[0] = bpf_htonl(VXLAN_FLAGS);
    new.outer.vxlan[1] = bpf_htonl(settings.vni << 8);
    if (tag_protocol ? bpf_skb_store_bytes(skb, 0, &new, sizeof new, 0)
                     : bpf_skb_store_bytes(skb, 0, &new, sizeof new - VLAN_TAG, 0))
        return SPOILT;
    *packets = skb->gso_size ? segments(length, headers, skb->gso_size) : 1;
    path->id += *packets;
    return path->ifindex;
}

// As `encapsulate`, of a copy that may have a VLAN tag beside it, and while the gate is open.
static __always_inline __s32 bypass(struct __sk_buff *skb, struct layers *at, __s32 *packets) {
    __u32 first = 0;
    struct path *path = bpf_map_lookup_elem(&paths, &first);
    __u64 tick = bpf_jiffies64();
    __be16 tag_protocol = 0;
    __u16 tag_tci = 0;
    __s32 device;

    if (!path)
        return LEFT;
    if (path->tick != tick) {
        look_up(skb, path);
        path->tick = tick;
    }
    if (!path->ifindex || path->ifindex != gate.ifindex)
        return LEFT;
    if (skb->vlan_present) {
        tag_protocol = skb->vlan_proto;
        tag_tci = skb->vlan_tci;
        if (bpf_skb_vlan_pop(skb))
            return LEFT;
    }
    device = skb->vlan_present ? LEFT : encapsulate(skb, path, at, packets, tag_protocol, tag_tci);
    if (device == LEFT && tag_protocol)
        bpf_skb_vlan_push(skb, tag_protocol, tag_tci);
    return device;
}
