/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ip.h - addresses and prefixes of both families: text, order, what kind they are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip {
	int family;        /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* network order; the first four for AF_INET, the rest zero */
};

struct prefix {
	struct ip ip; /* no bit set below `length` */
	uint8_t length;
};

#define IP_TEXT     46 /* the longest IPv6 form, and NUL */
#define PREFIX_TEXT 50 /* and "/128" */

/* "10.0.0.1", "2001:db8::1": strict (no leading zeros, no zone, no short IPv4). 0 or -EINVAL. */
int ip_parse(const char *text, struct ip *ret);

/* "10.77.0.0/16", "fd00::/64"; bits below the length set are -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret);

const char *ip_format(const struct ip *ip, char buffer[IP_TEXT]);
const char *prefix_format(const struct prefix *prefix, char buffer[PREFIX_TEXT]);

/* What an address is that no VE may be given ("a multicast address"), or NULL if one may. */
const char *ip_refusal(const struct ip *ip);

/* One that means nothing outside (RFC 1918, 4193, 6598). */
bool ip_private(const struct ip *ip);

static inline size_t ip_size(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

static inline uint8_t ip_bits(const struct ip *ip)
{
	return ip->family == AF_INET ? 32 : 128;
}

/* Families first, then as numbers. */
int ip_compare(const struct ip *a, const struct ip *b);
bool ip_in(const struct ip *ip, const struct prefix *prefix);
bool prefix_overlap(const struct prefix *a, const struct prefix *b);

/* The prefix of that length which the address is in. */
struct prefix prefix_around(const struct ip *ip, uint8_t length);

/* The address as a prefix of its full length. */
struct prefix prefix_of(const struct ip *ip);
