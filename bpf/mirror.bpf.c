// What happens to each copy on its way out of the mirror device, behind the kernel's own copying, so that nothing here
// touches the pod's packets. A copy whose encapsulation would be too large for the underlay is made to fit:
//
//   - TCP that the kernel would cut into segments (GSO) is cut into smaller ones;
//   - on an IPv6 underlay, where the kernel drops what does not fit, anything else loses its end (section tc/cut);
//   - on an IPv4 underlay the rest travels as two IP fragments (section tc/fit).
//
// What fits is the mirror device's MTU, which the agent sets.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FITS_ANYWHERE 1280 // bytes: the least MTU that IPv6 allows
#define VLAN_TAG 4         // bytes

// Bytes from a TCP packet's network header to its payload; 0 for any other packet.
static __always_inline __u32 tcp_headers(struct __sk_buff *skb) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct iphdr *ip = data + ETH_HLEN;
    struct ipv6hdr *ip6 = data + ETH_HLEN;
    __u32 length;
    __u8 offset;

    if (skb->protocol == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= end && ip->protocol == IPPROTO_TCP)
        length = ip->ihl * 4;
    else if (skb->protocol == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end && ip6->nexthdr == IPPROTO_TCP)
        length = sizeof *ip6;
    else
        return 0;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + length + 12, &offset, 1))
        return 0;
    return length + (offset >> 4) * 4;
}

// Lowers the size of a GSO packet's segments. To grow the packet takes the growth off that size, unless told not to;
// to shrink it by as much, told so, gives back the packet with smaller segments. The kernel does it for TCP only.
// Returns 0; 1 if the kernel would not; -1 if the packet is spoilt.
static __always_inline int shrink_segments(struct __sk_buff *skb, __s32 excess) {
    if (bpf_skb_adjust_room(skb, excess, BPF_ADJ_ROOM_MAC, 0))
        return 1;
    return bpf_skb_adjust_room(skb, -excess, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ? -1 : 0;
}

// A copy of what the pod sends still holds the pod's own route, and a VXLAN device that gets a packet too large for it
// lowers the path MTU of that route: over IPv6 the pod itself would send smaller packets for ten minutes. To set a
// tunnel key, which this device does not use, takes the route off the copy.
static __always_inline void forget_route(struct __sk_buff *skb) {
    struct bpf_tunnel_key unused = {};
    bpf_skb_set_tunnel_key(skb, &unused, sizeof unused, 0);
}

static __always_inline int fit(struct __sk_buff *skb, int may_cut) {
    __u32 length = skb->len, segment = skb->gso_size, mtu = 0, headers;
    __s32 excess;

    if (length <= FITS_ANYWHERE)
        return TC_ACT_UNSPEC;
    bpf_check_mtu(skb, 0, &mtu, 0, 0);
    headers = segment ? tcp_headers(skb) : 0;
    excess = (headers ? headers + segment : length - ETH_HLEN) - mtu;
    if (skb->vlan_present)
        excess += VLAN_TAG;
    if (excess <= 0)
        return TC_ACT_UNSPEC;
    if (headers) {
        int failed = shrink_segments(skb, excess);
        if (failed < 0)
            return TC_ACT_SHOT;
        if (!failed)
            return TC_ACT_UNSPEC;
    } else if (may_cut && !bpf_skb_change_tail(skb, length - excess, 0)) {
        return TC_ACT_UNSPEC;
    }
    forget_route(skb);
    return TC_ACT_UNSPEC;
}

// Both go on to the device's other filters.
SEC("tc/fit") int fit_or_fragment(struct __sk_buff *skb) { return fit(skb, 0); }
SEC("tc/cut") int fit_or_cut(struct __sk_buff *skb) { return fit(skb, 1); }

char _license[] SEC("license") = "GPL"; // as the helpers demand
