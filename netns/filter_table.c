/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter_table.c - sets, chains and rules of the packet filter. This is all of it: nothing is added
 * for a link but elements.
 *
 * Sources are checked before fragments are put together and before conntrack sees the packet: a
 * forged one leaves no trace, and no forged fragment becomes a part of another's packet. ARP has a
 * table of its own, since the inet family does not see it: what a link says there of an address
 * that is not its own is never learned.
 */
#include "netns/filter_table.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>

#include "base/array.h"

/* The numbers that nft(8) gives to types, so that it can print the sets; a concatenation has six
 * bits for each. */
enum { T_ADDR4 = 7, T_ADDR6 = 8, T_PROTO = 12, T_PORT = 13, T_IFINDEX = 20, T_ICMP6 = 29 };
#define T2(a, b)    ((a) << 6 | (b))
#define T3(a, b, c) ((a) << 12 | (b) << 6 | (c))

/* clang-format off */
const struct set_row filter_sets[FILTER_SETS] = {
	[SET_SOURCES4]      = { "sources4",      NFPROTO_INET, T2(T_IFINDEX, T_ADDR4),  8, 0, 0, 0 },
	[SET_SOURCES6]      = { "sources6",      NFPROTO_INET, T2(T_IFINDEX, T_ADDR6), 20, 0, 0, 0 },
	[SET_SPOOFED]       = { "spoofed",       NFPROTO_INET, T_IFINDEX, 4, 0, 0, STATE_COUNTER },
	[SET_CLOSED]        = { "closed",        NFPROTO_INET, T_IFINDEX, 4, 0, 0, STATE_COUNTER },
	[SET_CROWDED]       = { "crowded",       NFPROTO_INET, T_IFINDEX, 4, 0, 0, STATE_COUNTER },
	[SET_ISOLATED]      = { "isolated",      NFPROTO_INET, T_IFINDEX, 4, 0, 0, 0 },
	[SET_CONNECTIONS]   = { "connections",   NFPROTO_INET, T_IFINDEX, 4, 0, 0, STATE_CONNECTIONS },
	[SET_MASQUERADED4]  = { "masqueraded4",  NFPROTO_INET, T_ADDR4,  4, 0, 0, 0 },
	[SET_MASQUERADED6]  = { "masqueraded6",  NFPROTO_INET, T_ADDR6, 16, 0, 0, 0 },
	[SET_HAIRPIN4]      = { "hairpin4",      NFPROTO_INET, T2(T_ADDR4, T_ADDR4),  8, 0, 0, 0 },
	[SET_HAIRPIN6]      = { "hairpin6",      NFPROTO_INET, T2(T_ADDR6, T_ADDR6), 32, 0, 0, 0 },
	[SET_PUBLISHED4]    = { "published4",    NFPROTO_INET, T2(T_PROTO, T_PORT), 8, T2(T_ADDR4, T_PORT), 8, 0 },
	[SET_PUBLISHED6]    = { "published6",    NFPROTO_INET, T2(T_PROTO, T_PORT), 8, T2(T_ADDR6, T_PORT), 20, 0 },
	[SET_PUBLISHED_AT4] = { "published_at4", NFPROTO_INET, T3(T_ADDR4, T_PROTO, T_PORT), 12, T2(T_ADDR4, T_PORT), 8, 0 },
	[SET_PUBLISHED_AT6] = { "published_at6", NFPROTO_INET, T3(T_ADDR6, T_PROTO, T_PORT), 24, T2(T_ADDR6, T_PORT), 20, 0 },
	[SET_OPEN]          = { "open",          NFPROTO_INET, T2(T_PROTO, T_PORT), 8, 0, 0, 0 },
	[SET_METADATA6]     = { "metadata6",     NFPROTO_INET, T_ADDR6, 16, 0, 0, 0 },
	[SET_SILENT6]       = { "silent6",       NFPROTO_INET, T_ICMP6,  1, 0, 0, 0 },
	[SET_ALLOWED6]      = { "allowed6",      NFPROTO_INET, T_ICMP6,  1, 0, 0, 0 },
	[SET_ARP_SOURCES]   = { "sources",       NFPROTO_ARP,  T2(T_IFINDEX, T_ADDR4), 8, 0, 0, 0 },
};

#define RAW      (-450) /* NF_IP_PRI_RAW_BEFORE_DEFRAG */
#define DSTNAT   (-100)
#define SRCNAT   100
#define ARP_IN   0      /* NF_ARP_IN */

const struct chain_row filter_chains[] = {
	{ "raw",          NFPROTO_INET, "filter", NF_INET_PRE_ROUTING,  RAW    },
	{ "dstnat",       NFPROTO_INET, "nat",    NF_INET_PRE_ROUTING,  DSTNAT },
	{ "dstnat_host",  NFPROTO_INET, "nat",    NF_INET_LOCAL_OUT,    DSTNAT },
	{ "forward",      NFPROTO_INET, "filter", NF_INET_FORWARD,      0      },
	{ "input",        NFPROTO_INET, "filter", NF_INET_LOCAL_IN,     0      },
	{ "srcnat",       NFPROTO_INET, "nat",    NF_INET_POST_ROUTING, SRCNAT },
	{ "from",         NFPROTO_INET, NULL, 0, 0 },
	{ "publish",      NFPROTO_INET, NULL, 0, 0 },
	{ "forward_from", NFPROTO_INET, NULL, 0, 0 },
	{ "forward_to",   NFPROTO_INET, NULL, 0, 0 },
	{ "input_from",   NFPROTO_INET, NULL, 0, 0 },
	{ "drop_spoofed", NFPROTO_INET, NULL, 0, 0 },
	{ "drop_closed",  NFPROTO_INET, NULL, 0, 0 },
	{ "drop_crowded", NFPROTO_INET, NULL, 0, 0 },
	{ "drop_arrival", NFPROTO_INET, NULL, 0, 0 },
	{ "arp",          NFPROTO_ARP,  "filter", ARP_IN,               0      },
};
const size_t filter_n_chains = ARRAY_SIZE(filter_chains);

#define R(n) (NFT_REG32_00 + (n)) /* sixteen registers of four bytes */

#define NEAR_IN       { OP_NEAR, .a = NFT_META_IIFNAME }
#define NEAR_OUT      { OP_NEAR, .a = NFT_META_OIFNAME }
#define FAR_OUT       { OP_NEAR, .a = NFT_META_OIFNAME, .b = true }
#define META(k, r)    { OP_META, .a = NFT_META_##k, .b = (r) }
#define NET(o, n, r)  { OP_PAYLOAD, .a = NFT_PAYLOAD_NETWORK_HEADER, .b = (o), .c = (n), .d = (r) }
#define TYPE(r)       { OP_PAYLOAD, .a = NFT_PAYLOAD_TRANSPORT_HEADER, .b = 0, .c = 1, .d = (r) }
#define DPORT(r)      { OP_PAYLOAD, .a = NFT_PAYLOAD_TRANSPORT_HEADER, .b = 2, .c = 2, .d = (r) }
#define SADDR4(r)     NET(12, 4, r)
#define DADDR4(r)     NET(16, 4, r)
#define SADDR6(r)     NET(8, 16, r)
#define DADDR6(r)     NET(24, 16, r)
#define CMP(r, n, ...)  { OP_CMP, .a = (r), .b = (n), .value = { __VA_ARGS__ } }
#define MASK(r, n, ...) { OP_MASK, .a = (r), .b = (n), .value = { __VA_ARGS__ } }
#define IPV4          META(NFPROTO, R(15)), CMP(R(15), 1, NFPROTO_IPV4)
#define IPV6          META(NFPROTO, R(15)), CMP(R(15), 1, NFPROTO_IPV6)
#define PROTO(p)      META(L4PROTO, R(15)), CMP(R(15), 1, p)
#define LOCAL         { OP_FIB, .a = R(15) }, { OP_CMP, .a = R(15), .b = 4, .d = RTN_LOCAL }
#define IN(s, r)      { OP_LOOKUP, .a = (s), .b = (r) }
#define NOT_IN(s, r)  { OP_LOOKUP, .a = (s), .b = (r), .d = true }
#define MAP(s, r, to) { OP_LOOKUP, .a = (s), .b = (r), .c = (to) }
#define DNAT4         { OP_NAT, .a = R(8), .b = R(9),  .c = NFPROTO_IPV4 }
#define DNAT6         { OP_NAT, .a = R(8), .b = R(12), .c = NFPROTO_IPV6 }
#define MASQUERADE    { .kind = OP_MASQUERADE }
#define ACCEPT        { OP_VERDICT, .a = NF_ACCEPT }
#define DROP          { OP_VERDICT, .a = NF_DROP }
#define RETURN        { OP_VERDICT, .a = (uint32_t)NFT_RETURN }
#define JUMP(to)      { OP_VERDICT, .a = (uint32_t)NFT_JUMP, .text = (to) }
#define GOTO(to)      { OP_VERDICT, .a = (uint32_t)NFT_GOTO, .text = (to) }
/* Belongs to a connection that was let through. */
#define KNOWN         { OP_CT, .a = NFT_CT_STATE, .b = R(15) }, \
		      { OP_MASK, .a = R(15), .b = 4, .c = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | \
			NF_CT_STATE_BIT(IP_CT_RELATED) }, \
		      { OP_CMP, .a = R(15), .b = 4, .c = true }

const struct rule_row filter_rules[] = {
	{ "raw", { NEAR_IN, GOTO("from") } },

	/* What a link may send from. The address 0.0.0.0 and :: (DHCP, address detection) and what
	 * only neighbours and routers of a wire would want are dropped without a word. */
	{ "from", { IPV4, META(IIF, R(0)), SADDR4(R(1)), IN(SET_SOURCES4, R(0)), ACCEPT } },
	{ "from", { IPV4, SADDR4(R(0)), CMP(R(0), 4, 0), DROP } },
	{ "from", { PROTO(IPPROTO_ICMPV6), TYPE(R(0)), CMP(R(0), 1, 134), GOTO("drop_spoofed") } },
	{ "from", { PROTO(IPPROTO_ICMPV6), TYPE(R(0)), CMP(R(0), 1, 137), GOTO("drop_spoofed") } },
	{ "from", { PROTO(IPPROTO_ICMPV6), TYPE(R(0)), IN(SET_SILENT6, R(0)), DROP } },
	{ "from", { IPV6, META(IIF, R(0)), SADDR6(R(1)), IN(SET_SOURCES6, R(0)), ACCEPT } },
	{ "from", { IPV6, SADDR6(R(0)), CMP(R(0), 16, 0), DROP } },
	{ "from", { IPV6, SADDR6(R(0)), MASK(R(0), 16, 0xff, 0xc0), CMP(R(0), 16, 0xfe, 0x80), DROP } },
	{ "from", { GOTO("drop_spoofed") } },

	/* Published ports, for whoever comes to an address of the host; from the host itself not by
	 * its loopback addresses, whose packets never leave it. */
	{ "dstnat", { LOCAL, JUMP("publish") } },
	{ "dstnat_host", { IPV4, DADDR4(R(0)), MASK(R(0), 4, 0xff), CMP(R(0), 4, 127), RETURN } },
	{ "dstnat_host", { IPV6, DADDR6(R(0)), CMP(R(0), 16, [15] = 1), RETURN } },
	{ "dstnat_host", { LOCAL, JUMP("publish") } },
	{ "publish", { IPV4, DADDR4(R(0)), META(L4PROTO, R(1)), DPORT(R(2)), MAP(SET_PUBLISHED_AT4, R(0), R(8)), DNAT4 } },
	{ "publish", { IPV4, META(L4PROTO, R(0)), DPORT(R(1)), MAP(SET_PUBLISHED4, R(0), R(8)), DNAT4 } },
	{ "publish", { IPV6, DADDR6(R(0)), META(L4PROTO, R(4)), DPORT(R(5)), MAP(SET_PUBLISHED_AT6, R(0), R(8)), DNAT6 } },
	{ "publish", { IPV6, META(L4PROTO, R(0)), DPORT(R(1)), MAP(SET_PUBLISHED6, R(0), R(8)), DNAT6 } },

	{ "forward", { NEAR_IN, JUMP("forward_from") } },
	{ "forward", { NEAR_OUT, JUMP("forward_to") } },
	{ "forward_from", { NEAR_OUT, META(IIF, R(0)), IN(SET_ISOLATED, R(0)), GOTO("drop_closed") } },
	{ "forward_from", { NEAR_OUT, META(OIF, R(0)), IN(SET_ISOLATED, R(0)), GOTO("drop_closed") } },
	{ "forward_from", { KNOWN, RETURN } },
	{ "forward_from", { IPV4, DADDR4(R(0)), MASK(R(0), 4, 0xff, 0xff), CMP(R(0), 4, 169, 254), GOTO("drop_closed") } },
	{ "forward_from", { IPV6, DADDR6(R(0)), IN(SET_METADATA6, R(0)), GOTO("drop_closed") } },
	{ "forward_from", { META(IIF, R(0)), IN(SET_CONNECTIONS, R(0)), GOTO("drop_crowded") } },
	{ "forward_to", { KNOWN, RETURN } },
	{ "forward_to", { META(OIF, R(0)), IN(SET_CONNECTIONS, R(0)), GOTO("drop_arrival") } },

	{ "input", { NEAR_IN, GOTO("input_from") } },
	{ "input_from", { KNOWN, ACCEPT } },
	{ "input_from", { META(IIF, R(0)), IN(SET_CONNECTIONS, R(0)), GOTO("drop_crowded") } },
	{ "input_from", { PROTO(IPPROTO_ICMP), TYPE(R(0)), CMP(R(0), 1, 8), ACCEPT } },
	{ "input_from", { PROTO(IPPROTO_ICMPV6), TYPE(R(0)), IN(SET_ALLOWED6, R(0)), ACCEPT } },
	{ "input_from", { META(L4PROTO, R(0)), DPORT(R(1)), IN(SET_OPEN, R(0)), ACCEPT } },
	{ "input_from", { GOTO("drop_closed") } },

	/* A link that reaches itself by a published port must see the host as its peer, or it would
	 * answer itself; everything else keeps its source but for the way out. */
	{ "srcnat", { IPV4, SADDR4(R(0)), DADDR4(R(1)), IN(SET_HAIRPIN4, R(0)), MASQUERADE } },
	{ "srcnat", { IPV6, SADDR6(R(0)), DADDR6(R(4)), IN(SET_HAIRPIN6, R(0)), MASQUERADE } },
	{ "srcnat", { FAR_OUT, IPV4, SADDR4(R(0)), IN(SET_MASQUERADED4, R(0)), MASQUERADE } },
	{ "srcnat", { FAR_OUT, IPV6, SADDR6(R(0)), IN(SET_MASQUERADED6, R(0)), MASQUERADE } },

	/* The lookup counts, in the link's own element. */
	{ "drop_spoofed", { META(IIF, R(0)), IN(SET_SPOOFED, R(0)) } },
	{ "drop_spoofed", { DROP } },
	{ "drop_closed", { META(IIF, R(0)), IN(SET_CLOSED, R(0)) } },
	{ "drop_closed", { DROP } },
	{ "drop_crowded", { META(IIF, R(0)), IN(SET_CROWDED, R(0)) } },
	{ "drop_crowded", { DROP } },
	{ "drop_arrival", { META(OIF, R(0)), IN(SET_CROWDED, R(0)) } },
	{ "drop_arrival", { DROP } },

	/* The sender's address in an ARP packet. */
	{ "arp", { NEAR_IN, META(IIF, R(0)), NET(14, 4, R(1)), NOT_IN(SET_ARP_SOURCES, R(0)), DROP } },
};
const size_t filter_n_rules = ARRAY_SIZE(filter_rules);
/* clang-format on */

uint8_t filter_chain_family(const char *chain)
{
	for (size_t i = 0; i < filter_n_chains; i++)
		if (strcmp(filter_chains[i].name, chain) == 0)
			return filter_chains[i].family;
	return NFPROTO_UNSPEC;
}
