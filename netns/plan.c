/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.c - which address next, and which not.
 *
 * Used addresses are sorted once and walked with the candidate, so that a full range of a thousand
 * costs a thousand steps and an IPv6 range costs no more than its used ones.
 */
#include "netns/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netns/address.h"
#include "netns/link.h"
#include "netns/route.h"

static int compare(const void *a, const void *b)
{
	return ip_compare(a, b);
}

/* The address after; past the last it wraps to zero, which is in no range that was asked for. */
static void increment(struct ip *ip)
{
	for (size_t i = ip_size(ip); i-- > 0;)
		if (++ip->bytes[i] != 0)
			return;
}

/* IPv4: the subnet's own address and its broadcast address, of anything larger than two. IPv6: the
 * routers' anycast address. */
static bool has_meaning(const struct ip *ip, const struct prefix *range)
{
	struct ip next = *ip;

	if (ip_bits(ip) - range->length < 2)
		return false;
	if (ip_compare(ip, &range->ip) == 0)
		return true;
	increment(&next);
	return ip->family == AF_INET && !ip_in(&next, range);
}

/* The first free address from `from` on. */
static bool search(const struct prefix *range, const struct ip *sorted, size_t n, struct ip *from)
{
	size_t i = 0;

	while (i < n && ip_compare(&sorted[i], from) < 0)
		i++;
	for (; ip_in(from, range); increment(from)) {
		while (i < n && ip_compare(&sorted[i], from) < 0)
			i++;
		if (i < n && ip_compare(&sorted[i], from) == 0)
			continue;
		if (!has_meaning(from, range) && !ip_refusal(from))
			return true;
		/* The last address of all is followed by none. */
		if (range->length == 0)
			return false;
	}
	return false;
}

int plan_next(const struct prefix *range, const struct ip *used, size_t n, const struct ip *after,
	struct ip *ret, struct error *err)
{
	cleanup_free struct ip *sorted = calloc(n + 1, sizeof(*sorted));
	char text[PREFIX_TEXT];
	struct ip candidate = range->ip;
	bool found = false;

	if (!sorted)
		return error_memory(err);
	if (n > 0)
		memcpy(sorted, used, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	if (after && ip_in(after, range)) {
		candidate = *after;
		increment(&candidate);
		found = search(range, sorted, n, &candidate);
	}
	if (!found) {
		candidate = range->ip;
		found = search(range, sorted, n, &candidate);
	}
	if (!found)
		return error_set(err, ENOSPC, "no free address in %s", prefix_format(range, text));
	*ret = candidate;
	return 0;
}

int plan_check(
	const struct ip *ip, const struct ip *used, size_t n, size_t *ret_holder, struct error *err)
{
	const char *refusal = ip_refusal(ip);
	char text[IP_TEXT];

	if (refusal)
		return error_refuse(err, ERROR_USAGE, "%s is %s", ip_format(ip, text), refusal);
	for (size_t i = 0; i < n; i++) {
		if (ip_compare(&used[i], ip) != 0)
			continue;
		if (ret_holder)
			*ret_holder = i;
		error_refuse(err, ERROR_STATE, "%s is taken", ip_format(ip, text));
		err->code = EEXIST;
		return -EEXIST;
	}
	return 0;
}

static int take_range(const char *word, struct prefix *ranges, size_t n, struct error *err)
{
	struct prefix range;

	if (prefix_parse(word, &range) < 0)
		return error_refuse(err, ERROR_USAGE,
			"'%s' is no range of addresses (like 10.77.0.0/16 or fd00:77::/64)", word);
	if (ip_refusal(&range.ip))
		return error_refuse(err, ERROR_USAGE, "%s is %s", word, ip_refusal(&range.ip));
	for (size_t i = 0; i < n; i++)
		if (prefix_overlap(&ranges[i], &range))
			return error_refuse(err, ERROR_USAGE, "%s overlaps another range", word);
	ranges[n] = range;
	return 0;
}

int plan_parse(const char *text, struct prefix *ret, size_t max, struct error *err)
{
	cleanup_free char *words = strdup(text);
	char *rest = words, *word;
	size_t n = 0;

	if (!words)
		return error_memory(err);
	while ((word = strsep(&rest, ","))) {
		int r;

		if (n == max)
			return error_refuse(err, ERROR_USAGE, "more than %zu ranges", max);
		r = take_range(word, ret, n, err);
		if (r < 0)
			return r;
		n++;
	}
	return (int)n;
}

/* What of the host lies in the range, by interface. */
struct overlap {
	const struct prefix *range;
	struct found {
		struct prefix prefix;
		uint32_t index;
		bool own, there;
	} * found;
	size_t n;
};

static int take_overlap(struct overlap *overlap, const struct prefix *prefix, uint32_t index)
{
	struct found *more;

	if (prefix->length == 0 || !prefix_overlap(prefix, overlap->range))
		return 0;
	more = reallocarray(overlap->found, overlap->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[overlap->n++] = (struct found){ *prefix, index, .there = index == 0 };
	overlap->found = more;
	return 0;
}

static int take_route(const struct prefix *prefix, uint32_t index, void *data)
{
	return take_overlap(data, prefix, index);
}

static int take_host_address(uint32_t index, const struct ip *ip, uint8_t length, void *data)
{
	struct prefix prefix = prefix_of(ip);

	return take_overlap(data, &prefix, index);
}

static int take_own_link(const struct link *link, void *data)
{
	struct overlap *overlap = data;

	for (size_t i = 0; i < overlap->n; i++)
		overlap->found[i].own |= overlap->found[i].index == link->index;
	return 0;
}

static int take_link(const struct link *link, void *data)
{
	struct overlap *overlap = data;

	for (size_t i = 0; i < overlap->n; i++)
		overlap->found[i].there |= overlap->found[i].index == link->index;
	return 0;
}

/* Links are looked at last: one of our own may come or go meanwhile, and what went by a link that
 * is gone is no route any more. */
static int find_overlaps(
	struct netlink *netlink, const char *own_prefix, struct overlap *overlap, struct error *err)
{
	int r = route_each(netlink, take_route, overlap, err);

	if (r >= 0)
		r = address_each(netlink, 0, take_host_address, overlap, err);
	if (r >= 0 && overlap->n > 0)
		r = link_each(netlink, own_prefix, take_own_link, overlap, err);
	if (r >= 0 && overlap->n > 0)
		r = link_each(netlink, "", take_link, overlap, err);
	return r;
}

int plan_check_host(struct netlink *netlink, const struct prefix *range, const char *own_prefix,
	struct error *err)
{
	struct overlap overlap = { .range = range };
	char text[PREFIX_TEXT], other[PREFIX_TEXT];
	int r = find_overlaps(netlink, own_prefix, &overlap, err);

	for (size_t i = 0; r >= 0 && i < overlap.n; i++)
		if (overlap.found[i].there && !overlap.found[i].own)
			r = error_refuse(err, ERROR_STATE,
				"the range %s overlaps the host's route to %s",
				prefix_format(range, text),
				prefix_format(&overlap.found[i].prefix, other));
	free(overlap.found);
	return r < 0 ? r : 0;
}

struct same {
	const struct ip *ip;
	bool yes;
	struct prefix subnet; /* in which it means something else, if it has a family */
};

static int take_address(uint32_t index, const struct ip *ip, uint8_t length, void *data)
{
	struct same *same = data;
	struct prefix subnet = prefix_around(ip, length);

	same->yes |= ip_compare(ip, same->ip) == 0;
	if (ip_in(same->ip, &subnet) && has_meaning(same->ip, &subnet))
		same->subnet = subnet;
	return 0;
}

int plan_check_own(struct netlink *netlink, const struct ip *ip, struct error *err)
{
	struct same same = { .ip = ip };
	char text[IP_TEXT], subnet[PREFIX_TEXT];
	int r = address_each(netlink, 0, take_address, &same, err);

	if (r < 0)
		return r;
	if (same.yes)
		return error_refuse(err, ERROR_STATE, "%s is the host's own", ip_format(ip, text));
	if (same.subnet.ip.family)
		return error_refuse(err, ERROR_STATE,
			"%s is no machine's: all of the host's subnet %s are meant by it",
			ip_format(ip, text), prefix_format(&same.subnet, subnet));
	return 0;
}
