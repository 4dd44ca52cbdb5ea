// What of nftables can have changed: its generation, which every change of it increases, and the counters of a table.
#pragma once
#include "netlink.h"
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

struct nft_text {
    char *text;
    size_t room, length;
};

static void begin_nft(struct question *question, int type, int flags, int family) {
    struct nfgenmsg *message = (void *)question->body;

    question->header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
    question->header.nlmsg_flags = NLM_F_REQUEST | flags;
    question->header.nlmsg_len = NLMSG_LENGTH(sizeof *message);
    message->nfgen_family = family;
    message->version = NFNETLINK_V0;
}

static const struct nlattr *find_in_nft(const struct nlmsghdr *message, uint16_t type) {
    size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));

    if (message->nlmsg_len < head)
        return NULL;
    return find_attribute((const char *)message + head, message->nlmsg_len - head, type);
}

static void take_generation(const struct nlmsghdr *message, void *context) {
    struct nft_text *out = context;
    const struct nlattr *id = find_in_nft(message, NFTA_GEN_ID);
    uint32_t generation;

    if (!id)
        return;
    memcpy(&generation, value_of(id), sizeof generation);
    out->length += snprintf(out->text, out->room, "%u", ntohl(generation));
}

static void take_counter(const struct nlmsghdr *message, void *context) {
    struct nft_text *out = context;
    const struct nlattr *name = find_in_nft(message, NFTA_OBJ_NAME),
                        *packets = find_within(find_in_nft(message, NFTA_OBJ_DATA), NFTA_COUNTER_PACKETS);
    uint64_t value;

    if (!name || !packets || out->length >= out->room)
        return;
    memcpy(&value, value_of(packets), sizeof value);
    out->length += snprintf(out->text + out->length, out->room - out->length, " %s=%llu",
                            (const char *)value_of(name), (unsigned long long)be64toh(value));
}

// Writes the generation, and NAME=PACKETS for each counter of a table of family inet. 0, or -1 with errno.
static int describe_nft(const char *table, char *text, size_t room) {
    struct nft_text out = {.text = text, .room = room};
    struct question generation = {}, counters = {};
    uint32_t type = htonl(NFT_OBJECT_COUNTER);

    begin_nft(&generation, NFT_MSG_GETGEN, 0, AF_UNSPEC);
    if (ask_kernel(NETLINK_NETFILTER, &generation, take_generation, &out))
        return -1;
    begin_nft(&counters, NFT_MSG_GETOBJ, NLM_F_DUMP, NFPROTO_INET);
    add_attribute(&counters, NFTA_OBJ_TABLE, table, strlen(table) + 1);
    add_attribute(&counters, NFTA_OBJ_TYPE, &type, sizeof type);
    if (ask_kernel(NETLINK_NETFILTER, &counters, take_counter, &out))
        return -1;
    if (out.length < room)
        return 0;
    errno = ENOBUFS;
    return -1;
}
