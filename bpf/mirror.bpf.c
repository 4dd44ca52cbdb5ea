// The eBPF programs of a tap. `seen` runs on the target interface and only counts and marks; `read_report` reads what the
// receiver reports; `copy` runs on each copy on its way out of the mirror device, behind the kernel's own copying, so
// that nothing here touches the pod's packets:
//
//   0. lease   nothing is copied when its agent has been gone for too long
//   1. sample  one conversation in so many is kept, whole and in both directions
//   2. limit   what is over the rate is shed; nothing waits
//   3. snap    a copy loses what is behind so many bytes
//   4. fit     a copy whose encapsulation would be too large for the underlay is made to fit:
//                - TCP that the kernel would cut into segments (GSO) is cut into smaller ones;
//                - on an IPv6 underlay, where the kernel drops what does not fit, anything else loses its last bytes;
//                - on an IPv4 underlay the rest travels as IP fragments; it loses its last bytes if no IP packet has room for it
//   5. bypass  where the agent allows it, a copy that can do without the VXLAN device goes straight to the underlay's device
//
// What fits is the mirror device's MTU, which the agent sets; on a kernel that programs cannot ask for it, the agent puts it
// into the settings. A copy that cannot be made to fit is dropped and counted.
// Packets are counted as the kernel's own statistics of qdiscs and actions do: one that the kernel cuts into segments
// later counts as so many. Those statistics count none for a packet that does not say how many; this program counts the
// segments of such a packet itself, and adds up apart what the kernel's statistics lack.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bypass.h"
#include "fit.h"
#include "headers.h"
#include "maps.h"
#include "rate.h"
#include "sample.h"
#include "segments.h"

#define MARK 4          // the word of skb->cb in which `seen` tells `copy` the direction; nobody else's in between
#define SEEN 0x6b6f6b00 // is in that word, with the direction, of what `seen` saw and of nothing else

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

// Where another's tcx program would keep packets from the filter that copies, `ahead` goes before that program. It counts
// and marks the packet, and copies it to the mirror device, whose number native/tcx.c writes into this map. A filter of the
// mirror device that no packet reaches loads it.
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
SEC("tc/read_report") int read_report(struct __sk_buff *skb) {
    __u32 first = 0;
    struct last_report *last = bpf_map_lookup_elem(&reports, &first);
    struct report report;
    __u64 received, at_ms;

    if (!last || bpf_skb_load_bytes(skb, 2 * ETH_ALEN, &report, sizeof report) ||
        report.type != bpf_htons(REPORT_TYPE) || report.magic != bpf_htonl(REPORT_MAGIC))
        return TC_ACT_UNSPEC;
    at_ms = bpf_be64_to_cpu(report.at_ms);
    // One that was overtaken says less than what is known: its number would be taken for that of another device.
    if (at_ms < last->at_ms && last->at_ms - at_ms < LATE_MS)
        return TC_ACT_UNSPEC;
    last->at_ms = at_ms;
    received = bpf_be64_to_cpu(report.received);
    last->received += received < last->last ? received : received - last->last;
    last->last = received;
    last->probes = bpf_be64_to_cpu(report.probes);
    last->reports++;
    return TC_ACT_UNSPEC;
}

// Cheaper where it can be: since 5.11. Both are of CLOCK_MONOTONIC.
static __always_inline __u64 now(void) {
    return settings.mtu ? bpf_ktime_get_ns() : bpf_ktime_get_coarse_ns();
}

SEC("tc/copy") int copy(struct __sk_buff *skb) {
    __u32 direction = skb->cb[MARK] ^ SEEN;
    struct count *count = count_of(direction);
    __u32 packets = packets_of(skb), length, bytes;
    struct layers at = {};
    __s32 sent = 0, device = LEFT;

    if (!count) // no copy: the kernel itself, or somebody in the pod, sends it by this device
        return TC_ACT_SHOT;
    if (settings.bypass)
        unwrite_tag(skb);
    length = bytes = skb->len;
    if (is_unmeasured(skb))
        count->unmeasured += packets;
    if (now() > lease.until_ns)
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
    if (settings.bypass) {
        forget_pod(skb);
        if (now() < gate.until_ns)
            device = bypass(skb, &at, &sent);
        if (device == SPOILT)
            sent = UNFIT;
    }
    if (device == LEFT)
        sent = fit(skb, &at, skb->gso_size ? packets : 1); // one whose end is cut off is one packet
    if (sent == UNFIT) {
        count->unfit += packets;
        return TC_ACT_SHOT;
    }
    count->copied += packets;
    count->copied_bytes += bytes;
    count->sent += sent;
    if (device == LEFT)
        return TC_ACT_UNSPEC; // on to the device's other filters
    count->bypassed += sent;
    return bpf_redirect(device, 0);
}

char _license[] SEC("license") = "GPL"; // as the helpers demand
