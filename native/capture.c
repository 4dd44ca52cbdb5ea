// Captures what passes an interface: kokotap-capture INTERFACE ID FORM DIRECTION SNAPLEN MEBIBYTES
//
// Libpcap and its programs neither say which way a packet went nor hand it over within less than a second, so this reads
// the kernel's ring itself. FORM is `ethernet` or `raw` (packets without a link header), DIRECTION `in`, `out` or `both`.
// The filter comes by standard input, as `tcpdump -ddd` prints it; the capture ends with standard input, that is at the
// latest with who started it. Standard output has frames as src/capture/frames.ts reads them, all numbers little-endian:
//
//   frame   bytes of its content (4), ID (2), kind (1): 1 packets, 2 counts; 0 (1), content
//   packet  seconds (4), nanoseconds (30 bits) and direction (2 bits: 1 in, 2 out), bytes that are here (28 bits) and for
//           whom it was (4 bits: 1 this machine, 2 multicast, 3 broadcast, 4 another machine), bytes that it had (4), data
//   counts  received, dropped, delivered (8 each), seconds, nanoseconds (4 each)
//
// A reader that does not read stops the writing and nothing else: the ring fills, and the kernel drops and counts.
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES (1 << 20) // room for the largest packet there is, of 512 KiB
#define RETIRE_MS 50          // so late a packet comes at the latest, if the reader reads
#define COUNTS_MS 1000
#define FLUSH_BYTES (128 << 10)
#define HEADER_BYTES 8
#define TAG_BYTES 4
#define LINK_BYTES 12 // both addresses: behind them is a tag

enum kind { PACKETS = 1, COUNTS = 2 };
enum direction { UNKNOWN = 0, IN = 1, OUT = 2 };

static unsigned char out[2 * BLOCK_BYTES + FLUSH_BYTES];
static size_t filled = HEADER_BYTES;
static unsigned id, snaplen;
static int is_ethernet, is_loopback;
static uint64_t received, dropped, delivered;
static volatile sig_atomic_t is_ended;

static void fail(const char *what) {
    fprintf(stderr, "kokotap-capture: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void end(int signal) {
    (void)signal;
    is_ended = 1;
}

static void put32(unsigned char *at, uint32_t value) {
    memcpy(at, &value, sizeof value); // the machine is little-endian too
}

static void write_all(const unsigned char *at, size_t bytes) {
    while (bytes > 0) {
        ssize_t written = write(STDOUT_FILENO, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            exit(errno == EPIPE ? 0 : 1);
        at += written;
        bytes -= written;
    }
}

static void write_frame(unsigned char *frame, enum kind kind, size_t content) {
    put32(frame, content);
    frame[4] = id & 0xff;
    frame[5] = id >> 8;
    frame[6] = kind;
    frame[7] = 0;
    write_all(frame, HEADER_BYTES + content);
}

static void flush_packets(void) {
    if (filled > HEADER_BYTES)
        write_frame(out, PACKETS, filled - HEADER_BYTES);
    filled = HEADER_BYTES;
}

static void write_counts(void) {
    unsigned char frame[HEADER_BYTES + 32];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(frame + HEADER_BYTES, &received, 8);
    memcpy(frame + HEADER_BYTES + 8, &dropped, 8);
    memcpy(frame + HEADER_BYTES + 16, &delivered, 8);
    put32(frame + HEADER_BYTES + 24, now.tv_sec);
    put32(frame + HEADER_BYTES + 28, now.tv_nsec);
    write_frame(frame, COUNTS, 32);
}

// The kernel forgets its counts when they are read. Returns whether more was dropped.
static int read_counts(int socket) {
    struct tpacket_stats_v3 stats;
    socklen_t bytes = sizeof stats;

    if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes))
        fail("no counts");
    received += stats.tp_packets; // with those that were dropped
    dropped += stats.tp_drops;
    return stats.tp_drops > 0;
}

static enum direction direction_of(const struct sockaddr_ll *from) {
    if (is_loopback)
        return UNKNOWN;
    return from->sll_pkttype == PACKET_OUTGOING ? OUT : IN;
}

static unsigned reception_of(const struct sockaddr_ll *from) {
    switch (from->sll_pkttype) {
    case PACKET_HOST:
        return 1;
    case PACKET_MULTICAST:
        return 2;
    case PACKET_BROADCAST:
        return 3;
    case PACKET_OTHERHOST:
        return 4;
    default:
        return 0;
    }
}

static void put_packet(const struct tpacket3_hdr *packet) {
    const unsigned char *data = (const unsigned char *)packet + packet->tp_mac;
    const struct sockaddr_ll *from = (const void *)((const unsigned char *)packet + TPACKET_ALIGN(sizeof *packet));
    // The kernel has taken the outer tag out of the frame.
    int is_tagged = is_ethernet && packet->tp_status & TP_STATUS_VLAN_VALID && packet->tp_snaplen >= LINK_BYTES;
    uint32_t kept = packet->tp_snaplen, original = packet->tp_len;
    unsigned char *head = out + filled, *at = head + 16;

    if (is_tagged) {
        unsigned tpid = packet->tp_status & TP_STATUS_VLAN_TPID_VALID ? packet->hv1.tp_vlan_tpid : ETH_P_8021Q;
        unsigned char tag[TAG_BYTES] = {tpid >> 8, tpid, packet->hv1.tp_vlan_tci >> 8, packet->hv1.tp_vlan_tci};
        memcpy(at, data, LINK_BYTES);
        memcpy(at + LINK_BYTES, tag, TAG_BYTES);
        memcpy(at + LINK_BYTES + TAG_BYTES, data + LINK_BYTES, kept - LINK_BYTES);
        kept += TAG_BYTES;
        original += TAG_BYTES;
        if (kept > snaplen)
            kept = snaplen;
    } else {
        memcpy(at, data, kept);
    }
    put32(head, packet->tp_sec);
    put32(head + 4, packet->tp_nsec | (uint32_t)direction_of(from) << 30);
    put32(head + 8, kept | reception_of(from) << 28);
    put32(head + 12, original);
    filled += 16 + kept;
    delivered++;
    if (filled > FLUSH_BYTES)
        flush_packets();
}

static void put_block(int socket, const struct tpacket_block_desc *block) {
    const struct tpacket3_hdr *packet = (const void *)((const unsigned char *)block + block->hdr.bh1.offset_to_first_pkt);

    // What was dropped since was dropped about here, and is told before what follows.
    if (read_counts(socket)) {
        flush_packets();
        write_counts();
    }
    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
        put_packet(packet);
        packet = (const void *)((const unsigned char *)packet + packet->tp_next_offset);
    }
}

// Reads the filter, with instructions in front of it that know the direction.
static struct sock_fprog read_filter(const char *direction) {
    static struct sock_filter code[BPF_MAXINSNS];
    struct sock_fprog program = {.filter = code};
    unsigned count = 0;
    int wants_in = !strcmp(direction, "in");

    if (wants_in || !strcmp(direction, "out")) {
        code[program.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE);
        code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, wants_in ? 0 : 1, wants_in ? 1 : 0);
        code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    }
    errno = EINVAL;
    if (scanf("%u", &count) != 1 || count == 0 || count + program.len > BPF_MAXINSNS)
        fail("no filter, or one that is too long");
    for (; count > 0; count--) {
        unsigned operation, jt, jf, k;
        if (scanf("%u %u %u %u", &operation, &jt, &jf, &k) != 4)
            fail("a filter without its end");
        code[program.len++] = (struct sock_filter){operation, jt, jf, k};
    }
    return program;
}

static void attach(int socket, const struct sock_fprog *program) {
    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof *program))
        fail("the kernel does not take the filter");
}

static void stop_receiving(int socket) {
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    attach(socket, &(struct sock_fprog){.len = 1, .filter = &nothing});
}

// A ring as large as is asked for, or as the node has memory for.
static unsigned char *make_ring(int socket, unsigned *blocks) {
    int version = TPACKET_V3;

    if (setsockopt(socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version))
        fail("no TPACKET_V3");
    for (;; *blocks /= 2) {
        struct tpacket_req3 ring = {
            .tp_block_size = BLOCK_BYTES,
            .tp_block_nr = *blocks,
            .tp_frame_size = TPACKET_ALIGNMENT << 7,
            .tp_frame_nr = *blocks * (BLOCK_BYTES / (TPACKET_ALIGNMENT << 7)),
            .tp_retire_blk_tov = RETIRE_MS,
        };
        if (!setsockopt(socket, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring))
            break;
        if (errno != ENOMEM || *blocks < 2)
            fail("no ring");
    }
    void *at = mmap(NULL, (size_t)*blocks * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, socket, 0);
    if (at == MAP_FAILED)
        fail("no ring");
    return at;
}

// An interface that is set down is an error too, which has to be read once; packets come again when it is up.
static int is_gone(int socket, int ifindex) {
    struct ifreq request = {.ifr_ifindex = ifindex};
    int error;
    socklen_t bytes = sizeof error;

    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes);
    return ioctl(socket, SIOCGIFNAME, &request) != 0;
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Hands over what comes, until the end or until the interface is gone.
static void capture(int socket, int ifindex, unsigned char *ring, unsigned blocks) {
    struct pollfd fds[] = {{.fd = socket, .events = POLLIN | POLLERR}, {.fd = STDIN_FILENO, .events = POLLIN}};
    long counts_at = now_ms() + COUNTS_MS, end_at = 0;
    uint64_t told = 0;

    for (unsigned next = 0;; ) {
        struct tpacket_block_desc *block = (void *)(ring + (size_t)next * BLOCK_BYTES);
        if (__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) {
            put_block(socket, block);
            __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
            next = (next + 1) % blocks;
        } else {
            flush_packets();
            if (end_at && now_ms() >= end_at)
                break;
            poll(fds, end_at ? 1 : 2, end_at ? RETIRE_MS / 5 : COUNTS_MS);
            if (fds[0].revents & POLLERR && is_gone(socket, ifindex))
                is_ended = 1;
            char input[64];
            if (fds[1].revents && read(STDIN_FILENO, input, sizeof input) <= 0)
                is_ended = 1;
        }
        if (is_ended && !end_at) {
            stop_receiving(socket);
            end_at = now_ms() + 3 * RETIRE_MS; // meanwhile the last block comes
        }
        if (now_ms() >= counts_at) {
            read_counts(socket);
            counts_at = now_ms() + COUNTS_MS;
            if (received != told) {
                flush_packets();
                write_counts();
            }
            told = received;
        }
    }
    read_counts(socket);
    write_counts();
}

int main(int argc, char *argv[]) {
    if (argc != 7) {
        fprintf(stderr, "usage: kokotap-capture INTERFACE ID ethernet|raw in|out|both SNAPLEN MEBIBYTES\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = end}, NULL);
    int ifindex = if_nametoindex(argv[1]);
    if (!ifindex)
        fail(argv[1]);
    id = atoi(argv[2]);
    is_ethernet = !strcmp(argv[3], "ethernet");
    snaplen = atoi(argv[5]);
    unsigned blocks = atoi(argv[6]);
    struct sock_fprog filter = read_filter(argv[4]);

    // It receives nothing before it is bound: filter and ring are there from the first packet on.
    int fd = socket(AF_PACKET, is_ethernet ? SOCK_RAW : SOCK_DGRAM, 0);
    if (fd < 0)
        fail("no packet socket");
    struct ifreq request = {0};
    strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFFLAGS, &request))
        fail(argv[1]);
    is_loopback = !!(request.ifr_flags & IFF_LOOPBACK);
    int on = 1;
    // What passes a loopback interface comes by twice.
    if (is_loopback && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on))
        fail("packets would come twice");
    attach(fd, &filter);
    unsigned char *ring = make_ring(fd, &blocks);
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
    if (bind(fd, (struct sockaddr *)&at, sizeof at))
        fail(argv[1]);
    write_counts(); // says that it has begun
    capture(fd, ifindex, ring, blocks);
    return 0;
}
