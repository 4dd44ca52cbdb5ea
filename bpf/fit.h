// Makes copies fit the underlay.
#pragma once
#include "headers.h"
#include "maps.h"
#include "segments.h"

// Bytes of a frame that fits the least MTU that IPv6 allows, 1280, with 56 of IPv6, UDP and VXLAN, and a tag.
#define FITS_ANYWHERE 1220
#define LARGEST 65499      // bytes of a frame that fits the IPv4 packet of 65535 which carries it
#define LARGEST_CUT 15000  // bytes: to more than about so many (SKB_MAX_ALLOC) the kernel does not cut
#define LARGEST_STEP 4095  // bytes by which the kernel resizes a packet at once
#define STEPS 16           // take off 65520 bytes

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
    if (settings.mtu)
        mtu = settings.mtu;
    else
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
