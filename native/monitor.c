// Watches and reads the kernel for an agent, in many network namespaces: one process that stays, where ip, tc and bpftool take
// one for each namespace and reading.
//
// kokotap-monitor
//
// Reads lines from its standard input, and ends when that does:
//
//   +ID NETNS    watches the namespace of that path; ID is a number of the caller's choice
//   -ID          ceases to
//   ?ID ...      answers a question:
//     netlink NETNS PROTOCOL HEX    what the kernel answers to netlink messages (relay.h)
//     nft TABLE                     what of nftables changes with it (nftables.h)
//     features NETNS INTERFACE      what a device does with packets (features.h)
//     tcx NETNS INTERFACE...        tcx programs (tcxPrograms.h)
//     maps PROGRAM                  the maps of an eBPF program; the rest of them in maps.h
//     named NAME                    all maps of that name
//     read MAP                      what is in a map
//     write MAP KEY HEX             puts a value into a map
//
// Prints `ID began` when it watches, `ID changed NAMES` when the kernel reports changes, however many come together, of
// interfaces of these names (`a/b`; `*`: of too many to name), `ID answer TEXT`, and `ID failed REASON` when it cannot watch, or
// not any more, or cannot answer.
#define _GNU_SOURCE
#include "features.h"
#include "maps.h"
#include "nftables.h"
#include "relay.h"
#include "tcxPrograms.h"
#include "watch.h"

static struct line out;

// Adds the answer to a question. 0, or -1 with errno.
static int answer(char *question) {
    static char nft[1 << 16];
    char *rest = NULL, *what = strtok_r(question, " ", &rest), *first = strtok_r(NULL, " ", &rest), *second;

    errno = EINVAL;
    if (!what || !first)
        return -1;
    if (!strcmp(what, "maps"))
        return list_maps(strtoul(first, NULL, 10), &out);
    if (!strcmp(what, "named"))
        return find_maps(first, &out);
    if (!strcmp(what, "read"))
        return read_map(strtoul(first, NULL, 10), &out);
    if (!strcmp(what, "features") && rest)
        return list_features(first, rest, &out);
    if (!strcmp(what, "tcx"))
        return list_tcx(first, rest, &out);
    if (!strcmp(what, "nft")) {
        int failed = describe_nft(first, nft, sizeof nft);
        if (!failed)
            add_text(&out, "%s", nft);
        return failed;
    }
    second = strtok_r(NULL, " ", &rest);
    if (second && rest && !strcmp(what, "netlink"))
        return relay(first, second, rest, &out);
    if (second && rest && !strcmp(what, "write"))
        return write_map(strtoul(first, NULL, 10), strtoul(second, NULL, 10), rest);
    errno = EINVAL;
    return -1;
}

static void obey(char *text) {
    char *end;
    unsigned long id = strtoul(text + 1, &end, 10);
    size_t before = out.length;
    int failed = 0;

    if (text[0] == '+' && *end == ' ') {
        failed = begin(id, end + 1);
        if (!failed)
            add_text(&out, "%lu began\n", id);
    } else if (text[0] == '?' && *end == ' ') {
        add_text(&out, "%lu answer ", id);
        failed = answer(end + 1);
        if (!failed)
            add_text(&out, "\n");
    } else if (text[0] == '-')
        cease_id(id);
    if (!failed)
        return;
    out.length = before;
    add_text(&out, "%lu failed %s\n", id, strerror(errno));
}

// Reads what the caller says, and obeys; whether it may say more.
static int listen_to_caller(void) {
    static struct line in;
    ssize_t got = read(STDIN_FILENO, extend(&in, 1 << 16), 1 << 16);
    char *text = in.text, *end;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    in.length += got;
    while ((end = memchr(text, '\n', in.text + in.length - text))) {
        *end = 0;
        obey(text);
        text = end + 1;
    }
    in.length -= text - in.text;
    memmove(in.text, text, in.length);
    return 1;
}

int main(void) {
    polled = malloc(sizeof *polled);
    if (open_own_netns() || !polled) {
        perror("kokotap-monitor");
        return 1;
    }
    polled[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (poll(polled, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            perror("kokotap-monitor");
            return 1;
        }
        // Backwards, for what ceases is replaced by the last one.
        for (size_t i = count; i-- > 0;)
            if (polled[i + 1].revents)
                read_changes(i, &out);
        if (polled[0].revents && !listen_to_caller())
            return 0;
        write_out(out.text, out.length);
        out.length = 0;
    }
}
