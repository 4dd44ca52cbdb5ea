// The eBPF programs of a tap. `seen` runs on the target interface and only counts and marks; `heard` reads what the
// receiver reports; `copy` runs on each copy on its way out of the mirror device, behind the kernel's own copying, so
// that nothing here touches the pod's packets:
//
//   0. lease   nothing is copied when its agent has been gone for too long
//   1. sample  one conversation in so many is kept, whole and in both directions
//   2. limit   what is over the rate is shed; nothing waits
//   3. snap    a copy loses what is behind so many bytes
//   4. fit     a copy whose encapsulation would be too large for the underlay is made to fit:
//                - TCP that the kernel would cut into segments (GSO) is cut into smaller ones;
//                - on an IPv6 underlay, where the kernel drops what does not fit, anything else loses its end;
//                - on an IPv4 underlay the rest travels as IP fragments; it loses its end if no IP packet has room for it
//
// What fits is the mirror device's MTU, which the agent sets. A copy that cannot be made to fit is dropped and counted.
// Packets are counted as the kernel's own statistics of qdiscs and actions do: one that the kernel cuts into segments
// later counts as so many. Those statistics count none for a packet that does not say how many; this program counts the
// segments of such a packet itself, and adds up apart what the kernel's statistics lack.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Bytes of a frame that fits the least MTU that IPv6 allows, 1280, with 56 of IPv6, UDP and VXLAN, and a tag.
#define FITS_ANYWHERE 1220
#define LARGEST 65499      // bytes of a frame that fits the IPv4 packet of 65535 which carries it
#define LARGEST_CUT 15000  // bytes: to more than about so many (SKB_MAX_ALLOC) the kernel does not cut
#define LARGEST_STEP 4095  // bytes by which the kernel resizes a packet at once
#define STEPS 16           // take off 65520 bytes
#define VLAN_TAG 4         // bytes
#define ICMP_HEADER 8      // bytes in front of the packet that an error is about
// Destination unreachable, source quench, redirect, time exceeded, parameter problem; of ICMPv6 all below 128.
#define ICMP_ERRORS (1 << 3 | 1 << 4 | 1 << 5 | 1 << 11 | 1 << 12)
#define VLAN_TAGS 2        // as many in the frame itself are looked behind
#define MARK 4             // the word of skb->cb in which `seen` tells `copy` the direction; nobody else's in between
#define SEEN 0x6b6f6b00    // is in that word, with the direction, of what `seen` saw and of nothing else

enum direction { INGRESS, EGRESS };

// The agent writes them into the object before it loads it, found by the first word. The kernel takes them for constants.
const volatile struct {
    __u64 magic;
    __u64 bytes_per_second; // of copies, without the encapsulation; 0: unlimited
    __u64 burst_ns;         // what that rate gives in so much time may leave at once
    __u32 snaplen;          // bytes; 0: whole
    __u32 one_in;           // conversations; 0 or 1: all
    __u32 fit;              // 0: everything fits
    __u32 cut;              // 1: cut what else does not fit; 0: only what no IP packet has room for
    __u32 seed;             // of the hash that samples
} settings = {.magic = 0x6b6f6b6f74617021}; // its layout: src/tap/programs/layouts.ts

// The time until which copies may be made, in nanoseconds of CLOCK_MONOTONIC: see src/tap/programs/lease.ts. The agent writes the
// first one into the object, found by the first word, and later ones into the map.
volatile struct {
    __u64 magic;
    __u64 tap; // its id
    __u64 until_ns;
} lease SEC(".data.lease") = {.magic = 0x6b6f6b6f6c656173};

struct count {
    __u64 seen;
    __u64 sampled_out;
    __u64 shed;
    __u64 unfit;                // could not be made to fit
    __u64 copied, copied_bytes; // before they are cut in any way
    __u64 sent;                 // of these, as handed to the device, which then cuts them into so many
    __u64 unmeasured;           // of all these but `seen`, the packets that the kernel's statistics lack
};

// By direction; `seen` has one of its own on each hook of the target interface.
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, struct count);
} counts SEC(".maps");

// What the receiver reports of itself, as src/tap/packets/receiverReport.ts writes it behind the frame's addresses.
struct report {
    __be16 type;
    __be32 magic;
    __be64 received, probes;
    __be64 at_ms;
} __attribute__((packed));

#define REPORT_TYPE 0x88b5
#define REPORT_MAGIC 0x6b6f6b6f
// Packets swap places within a moment. A clock that is further behind is another one: the node was started anew.
#define LATE_MS 60000

// What its reports come to.
struct heard {
    __u64 reports;
    __u64 last;     // the number in the last one
    __u64 received; // of all its devices, each of which begins at 0
    __u64 probes;
    __u64 at_ms;    // of the last one, by the receiver's clock
};

// The second one is the agent's: what the receiver had received before this end was there.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, struct heard);
} reports SEC(".maps");

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

// Lowers the size of a GSO packet's segments. To grow the packet takes the growth off that size, unless told not to;
// to shrink it by as much, told so, gives back the packet with smaller segments. The kernel does it for TCP only.
// Returns 0; 1 if the kernel would not; -1 if the packet is spoilt.
static __always_inline int shrink_segments(struct __sk_buff *skb, __s32 excess) {
    for (int i = 0; i < STEPS && excess > 0; i++) {
        __s32 step = excess < LARGEST_STEP ? excess : LARGEST_STEP;
        if (bpf_skb_adjust_room(skb, step, BPF_ADJ_ROOM_MAC, 0))
            return 1;
        if (bpf_skb_adjust_room(skb, -step, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
            return -1;
        excess -= step;
    }
    return excess > 0;
}

// A copy of what the pod sends still holds the pod's own route, and a VXLAN device that gets a packet too large for it
// lowers the path MTU of that route: over IPv6 the pod itself would send smaller packets for ten minutes. To set a
// tunnel key, which this device does not use, takes the route off the copy. A kernel older than 6.0 knows a shorter key
// and refuses this one, but each takes a key of the length it had before the flow label came to it.
static __always_inline void forget_route(struct __sk_buff *skb) {
    struct bpf_tunnel_key unused = {};
    bpf_skb_set_tunnel_key(skb, &unused, __builtin_offsetof(struct bpf_tunnel_key, tunnel_label), 0);
}

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

#define UNFIT -1

// Makes a copy fit the device's MTU and returns how many packets it becomes there, of the number that it would become
// as it is; UNFIT if it cannot be made to fit.
static __always_inline __s32 fit(struct __sk_buff *skb, struct layers *at, __u32 packets) {
    __u32 length = skb->len, segment = skb->gso_size, headers = 0, mtu = 0;
    __u32 tag = skb->vlan_present ? VLAN_TAG : 0; // which is not in the frame yet
    __s32 excess;
    int is_tcp;

    if (!settings.fit || length <= FITS_ANYWHERE)
        return packets;
    if (segment)
        headers = headers_of(skb, at);
    bpf_check_mtu(skb, 0, &mtu, 0, 0);
    excess = (headers ? headers + segment : length) + tag - ETH_HLEN - mtu;
    is_tcp = headers && at->protocol == IPPROTO_TCP;
    if (excess <= 0) {
        if (segment && !is_tcp) // it may be a tunnel's packet, with more headers than these
            forget_route(skb);
        return packets;
    }
    if (is_tcp) {
        int failed = shrink_segments(skb, excess);
        if (failed < 0)
            return UNFIT;
        packets = segments(length, headers, skb->gso_size);
        if (!failed)
            return packets;
    }
    if (settings.cut && headers) // the kernel would drop each segment
        return UNFIT;
    if (!segment && (settings.cut || length + tag > LARGEST)) {
        __u32 fits = settings.cut && length - excess < LARGEST_CUT ? length - excess : LARGEST_CUT;
        if (bpf_skb_change_tail(skb, fits, 0))
            return UNFIT;
        if (settings.cut)
            return packets;
    }
    forget_route(skb);
    return packets;
}

static __always_inline struct count *count_of(__u32 direction) {
    return bpf_map_lookup_elem(&counts, &direction);
}

static __always_inline int see(struct __sk_buff *skb, enum direction direction) {
    struct count *count = count_of(direction);
    if (count)
        count->seen += packets_of(skb);
    skb->cb[MARK] = SEEN | direction; // two taps of one interface write the same
    return TC_ACT_UNSPEC; // on to the next filter
}

SEC("tc/seen_ingress") int seen_ingress(struct __sk_buff *skb) { return see(skb, INGRESS); }
SEC("tc/seen_egress") int seen_egress(struct __sk_buff *skb) { return see(skb, EGRESS); }

// Where another's tcx program would keep packets from the filter that copies, `ahead` is before it, and does both: sees, and
// copies to the mirror device, by whose number the one that holds it there (native/tcx.c) tells it. It is loaded with a
// filter of the mirror device that no packet comes to.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} mirror SEC(".maps");

static __always_inline int see_and_copy(struct __sk_buff *skb, enum direction direction) {
    __u32 first = 0, *ifindex = bpf_map_lookup_elem(&mirror, &first);
    see(skb, direction);
    if (ifindex && *ifindex)
        bpf_clone_redirect(skb, *ifindex, 0);
    return TC_ACT_UNSPEC; // on to the next program
}

SEC("tc/ahead_ingress") int ahead_ingress(struct __sk_buff *skb) { return see_and_copy(skb, INGRESS); }
SEC("tc/ahead_egress") int ahead_egress(struct __sk_buff *skb) { return see_and_copy(skb, EGRESS); }

// On the ingress of the mirror device, before what drops everything there.
SEC("tc/heard") int heard(struct __sk_buff *skb) {
    __u32 first = 0;
    struct heard *heard = bpf_map_lookup_elem(&reports, &first);
    struct report report;
    __u64 received, at_ms;

    if (!heard || bpf_skb_load_bytes(skb, 2 * ETH_ALEN, &report, sizeof report) ||
        report.type != bpf_htons(REPORT_TYPE) || report.magic != bpf_htonl(REPORT_MAGIC))
        return TC_ACT_UNSPEC;
    at_ms = bpf_be64_to_cpu(report.at_ms);
    // One that was overtaken says less than what is known: its number would be taken for that of another device.
    if (at_ms < heard->at_ms && heard->at_ms - at_ms < LATE_MS)
        return TC_ACT_UNSPEC;
    heard->at_ms = at_ms;
    received = bpf_be64_to_cpu(report.received);
    heard->received += received < heard->last ? received : received - heard->last;
    heard->last = received;
    heard->probes = bpf_be64_to_cpu(report.probes);
    heard->reports++;
    return TC_ACT_UNSPEC;
}

SEC("tc/copy") int copy(struct __sk_buff *skb) {
    __u32 direction = skb->cb[MARK] ^ SEEN;
    struct count *count = count_of(direction);
    __u32 packets = packets_of(skb), length = skb->len, bytes = length;
    struct layers at = {};
    __s32 sent;

    if (!count) // no copy: the kernel itself, or somebody in the pod, sends it by this device
        return TC_ACT_SHOT;
    if (is_unmeasured(skb))
        count->unmeasured += packets;
    if (bpf_ktime_get_coarse_ns() > lease.until_ns)
        return TC_ACT_SHOT; // counted by what copied it, and so as refused by the device
    if (settings.one_in > 1 || skb->gso_size)
        at = find_layers(skb);
    if (settings.one_in > 1 && conversation(skb, &at) % settings.one_in) {
        count->sampled_out += packets;
        return TC_ACT_SHOT;
    }
    if (settings.snaplen && settings.snaplen < length)
        length = settings.snaplen;
    if (settings.bytes_per_second && is_over_rate(length)) {
        count->shed += packets;
        return TC_ACT_SHOT;
    }
    // It refuses to cut within the headers that a checksum is still to be written to, and to more than about
    // LARGEST_CUT: then the copy stays whole.
    if (length < bytes)
        bpf_skb_change_tail(skb, length, 0);
    sent = fit(skb, &at, skb->gso_size ? packets : 1); // one whose end is cut off is one packet
    if (sent == UNFIT) {
        count->unfit += packets;
        return TC_ACT_SHOT;
    }
    count->copied += packets;
    count->copied_bytes += bytes;
    count->sent += sent;
    return TC_ACT_UNSPEC; // on to the device's other filters
}

char _license[] SEC("license") = "GPL"; // as the helpers demand
