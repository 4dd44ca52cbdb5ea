// What the programs of a tap share with the agent: settings, lease, counts, and the receiver's reports. A test compares
// their layout with src/tap/programs/layouts.ts.
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

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
    __u32 mtu;              // of the device, on a kernel older than 5.12; 0: the kernel knows it
    __u32 bypass;           // 1: copies may go past the node's IP stack, and then:
    __u32 vni, port;        // of the tunnel
    __be32 local, remote;   // its addresses
} settings = {.magic = 0x6b6f6b6f74617021};

// The time until which copies may be made, in nanoseconds of CLOCK_MONOTONIC: see src/tap/programs/lease.ts. The agent
// writes the first one into the object, found by the first word, and later ones into the map.
volatile struct {
    __u64 magic;
    __u64 tap; // its id
    __u64 until_ns;
} lease SEC(".data.lease") = {.magic = 0x6b6f6b6f6c656173};

// Copies go past the node's IP stack only until this time, of CLOCK_MONOTONIC in nanoseconds, and only by this device. The
// agent moves the time on while nothing of the node wants to treat the tunnel's packets: see src/tap/programs/gate.ts.
volatile struct {
    __u64 magic;
    __u64 until_ns; // 0: it is closed
    __u32 ifindex;
    __u32 reason; // why it is closed, for who reads the account
} gate SEC(".data.gate") = {.magic = 0x6b6f6b6f67617465};

struct count {
    __u64 seen;
    __u64 sampled_out;
    __u64 shed;
    __u64 unfit;                // could not be made to fit
    __u64 copied, copied_bytes; // before they are cut in any way
    __u64 sent;                 // of these, as handed to the device, which then cuts them into so many
    __u64 bypassed;             // of the sent ones, past the node's IP stack
    __u64 unmeasured;           // of all these but `seen` and `bypassed`, the packets that the kernel's statistics lack
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
struct last_report {
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
    __type(value, struct last_report);
} reports SEC(".maps");
