/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ip.c - inet_pton already refuses what is loose (short forms, octal, leading zeros, zones); what
 * is added here is what an address may not be.
 */
#include "netns/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"

int ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));

	if (memcmp(a, b, bytes) != 0)
		return false;
	return bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0;
}

static bool rest_is_zero(const struct ip *ip, unsigned int length)
{
	for (unsigned int bit = length; bit < ip_bits(ip); bit++)
		if (ip->bytes[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	return true;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	const char *slash = strchr(text, '/');
	char address[IP_TEXT];
	struct prefix prefix;
	uint64_t length;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (ip_parse(address, &prefix.ip) < 0 || parse_count(slash + 1, &length) < 0)
		return -EINVAL;
	if (length > ip_bits(&prefix.ip) || (slash[1] == '0' && slash[2]))
		return -EINVAL;
	prefix.length = (uint8_t)length;
	if (!rest_is_zero(&prefix.ip, prefix.length))
		return -EINVAL;
	*ret = prefix;
	return 0;
}

const char *ip_format(const struct ip *ip, char buffer[IP_TEXT])
{
	return inet_ntop(ip->family, ip->bytes, buffer, IP_TEXT);
}

const char *prefix_format(const struct prefix *prefix, char buffer[PREFIX_TEXT])
{
	char text[IP_TEXT];

	snprintf(buffer, PREFIX_TEXT, "%s/%u", ip_format(&prefix->ip, text), prefix->length);
	return buffer;
}

/* clang-format off */
static const struct {
	struct prefix prefix;
	const char *what;
} refused[] = { /* RFC 6890 and the registries it began */
	{ { { AF_INET,  { 0 } },              8 }, "an address of \"this network\""  },
	{ { { AF_INET,  { 127 } },            8 }, "a loopback address"              },
	{ { { AF_INET,  { 169, 254 } },      16 }, "a link-local address"            },
	{ { { AF_INET,  { 224 } },            4 }, "a multicast address"             },
	{ { { AF_INET,  { 255, 255, 255, 255 } }, 32 }, "the broadcast address"      },
	{ { { AF_INET,  { 240 } },            4 }, "a reserved address"              },
	{ { { AF_INET6, { 0 } },            128 }, "the unspecified address"         },
	{ { { AF_INET6, { [15] = 1 } },     128 }, "the loopback address"            },
	{ { { AF_INET6, { [10] = 0xff, 0xff } }, 96 }, "an IPv4-mapped address"      },
	{ { { AF_INET6, { 0 } },             96 }, "an IPv4-compatible address"      },
	{ { { AF_INET6, { 0xfe, 0x80 } },    10 }, "a link-local address"            },
	{ { { AF_INET6, { 0xff } },           8 }, "a multicast address"             },
};
/* clang-format on */

const char *ip_refusal(const struct ip *ip)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (ip_in(ip, &refused[i].prefix))
			return refused[i].what;
	return NULL;
}

bool ip_private(const struct ip *ip)
{
	static const struct prefix private[] = {
		{ { AF_INET, { 10 } }, 8 },
		{ { AF_INET, { 172, 16 } }, 12 },
		{ { AF_INET, { 192, 168 } }, 16 },
		{ { AF_INET, { 100, 64 } }, 10 }, /* between a provider and its customers */
		{ { AF_INET6, { 0xfc } }, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(private); i++)
		if (ip_in(ip, &private[i]))
			return true;
	return false;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_in(const struct ip *ip, const struct prefix *prefix)
{
	return ip->family == prefix->ip.family &&
	       bits_equal(ip->bytes, prefix->ip.bytes, prefix->length);
}

bool prefix_overlap(const struct prefix *a, const struct prefix *b)
{
	uint8_t shorter = a->length < b->length ? a->length : b->length;

	return a->ip.family == b->ip.family && bits_equal(a->ip.bytes, b->ip.bytes, shorter);
}

struct prefix prefix_around(const struct ip *ip, uint8_t length)
{
	struct prefix prefix = { .ip = *ip, .length = length };

	for (unsigned int bit = length; bit < ip_bits(ip); bit++)
		prefix.ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	return prefix;
}

struct prefix prefix_of(const struct ip *ip)
{
	return (struct prefix){ .ip = *ip, .length = ip_bits(ip) };
}
