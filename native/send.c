// Sends UDP datagrams as a VXLAN device sends copies: over IPv4 without a checksum, which Node.js cannot, and each from
// one of the device's source ports: kokotap-send LOCAL REMOTE PORT COUNT BYTES HEX
//
// A datagram has BYTES bytes, those given in hexadecimal and then zeros.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_PORT 49152 // as src/filter/tunnelPorts.ts has them
#define PORTS 256
#define LARGEST 65536

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t bytes;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "kokotap-send: %s: %s\n", what, why);
    exit(1);
}

static struct address parse(const char *text, unsigned port) {
    struct address at = {.bytes = sizeof at.v4};
    if (inet_pton(AF_INET, text, &at.v4.sin_addr) == 1) {
        at.v4.sin_family = AF_INET;
        at.v4.sin_port = htons(port);
        return at;
    }
    at.bytes = sizeof at.v6;
    if (inet_pton(AF_INET6, text, &at.v6.sin6_addr) != 1)
        fail(text, "is no address");
    at.v6.sin6_family = AF_INET6;
    at.v6.sin6_port = htons(port);
    return at;
}

// A socket of a port that nobody has.
static int open_socket(const char *local) {
    unsigned start = 0;

    if (getrandom(&start, sizeof start, 0) < 0)
        fail("no random number", strerror(errno));
    for (unsigned i = 0; i < PORTS; i++) {
        struct address at = parse(local, FIRST_PORT + (start + i) % PORTS);
        int fd = socket(at.any.sa_family, SOCK_DGRAM, 0), on = 1;
        if (fd < 0)
            fail("no socket", strerror(errno));
        if (at.any.sa_family == AF_INET && setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on))
            fail("a checksum cannot be left out", strerror(errno));
        if (!bind(fd, &at.any, at.bytes))
            return fd;
        if (errno != EADDRINUSE)
            fail(local, strerror(errno));
        close(fd);
    }
    fail(local, "all ports are taken");
    return -1;
}

int main(int argc, char *argv[]) {
    static unsigned char datagram[LARGEST];

    if (argc != 7) {
        fprintf(stderr, "usage: kokotap-send LOCAL REMOTE PORT COUNT BYTES HEX\n");
        return 2;
    }
    struct address to = parse(argv[2], atoi(argv[3]));
    long count = atol(argv[4]), bytes = atol(argv[5]);
    if (bytes < 0 || bytes > LARGEST || strlen(argv[6]) / 2 > (size_t)bytes)
        fail(argv[5], "no datagram has so many bytes");
    for (long i = 0; argv[6][2 * i] && sscanf(argv[6] + 2 * i, "%2hhx", &datagram[i]) == 1; i++)
        ;
    for (long i = 0; i < count; i++) {
        int fd = open_socket(argv[1]);
        if (sendto(fd, datagram, bytes, 0, &to.any, to.bytes) < 0)
            fail(argv[2], strerror(errno));
        close(fd);
    }
    return 0;
}
