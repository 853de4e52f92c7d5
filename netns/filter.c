/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter.c - the table built, and a link's elements added, changed and removed.
 *
 * A link is turned into a list of elements by one function; adding, removing, changing and
 * rebuilding differ only in what is done with each.
 */
#include "netns/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "netns/filter_table.h"

int filter_open(struct filter *filter, const char *table, const char *prefix, int netns_fd,
	struct error *err)
{
	/* One character for the digit behind the prefix, one for NUL. */
	if (strlen(table) >= FILTER_TABLE || strlen(prefix) == 0 || strlen(prefix) > LINK_NAME - 2)
		return error_set(
			err, EINVAL, "no table or interfaces can be named %s, %s", table, prefix);
	*filter = (struct filter){ .netlink = NETLINK_CLOSED };
	snprintf(filter->table, sizeof(filter->table), "%s", table);
	snprintf(filter->prefix, sizeof(filter->prefix), "%s", prefix);
	return netlink_open(&filter->netlink, NETLINK_NETFILTER, netns_fd, err);
}

void filter_close(struct filter *filter)
{
	netlink_close(&filter->netlink);
}

/* What a link, or the table, has in sets: filled by the put functions, then encoded. */
struct elements {
	struct filter_element *items;
	size_t n, capacity;
	bool failed;
};

static void elements_done(struct elements *elements)
{
	free(elements->items);
}
#define cleanup_elements __attribute__((cleanup(elements_done)))

static void put(struct elements *to, const struct filter_element *element)
{
	if (to->n == to->capacity && !to->failed) {
		size_t capacity = to->capacity * 2 + 32;
		struct filter_element *items = reallocarray(to->items, capacity, sizeof(*items));

		to->failed = !items;
		if (items) {
			to->items = items;
			to->capacity = capacity;
		}
	}
	if (!to->failed)
		to->items[to->n++] = *element;
}

static bool elements_hold(const struct elements *elements, const struct filter_element *element)
{
	for (size_t i = 0; elements && i < elements->n; i++)
		if (memcmp(&elements->items[i], element, sizeof(*element)) == 0)
			return true;
	return false;
}

/* All elements but those that `other` (may be NULL) has too. */
static void encode(struct netlink_batch *batch, const struct filter *filter, uint16_t type,
	uint16_t flags, const struct elements *elements, const struct elements *other)
{
	batch->failed |= elements->failed;
	for (size_t i = 0; i < elements->n; i++)
		if (!elements_hold(other, &elements->items[i]))
			filter_encode_element(batch, filter, type, flags, &elements->items[i]);
}

static void put_link(struct elements *to, enum filter_set set, const struct filter_link *link)
{
	struct filter_element element = { .set = set };

	if (set == SET_CONNECTIONS)
		element.connections = link->connections;
	memcpy(element.key, &link->index, sizeof(link->index));
	put(to, &element);
}

static void put_ip(struct elements *to, const struct filter_link *link, const struct ip *ip)
{
	bool v4 = ip->family == AF_INET;
	struct filter_element element = { .set = v4 ? SET_SOURCES4 : SET_SOURCES6 };

	memcpy(element.key, &link->index, sizeof(link->index));
	memcpy(element.key + 4, ip->bytes, ip_size(ip));
	put(to, &element);
	if (v4) {
		element.set = SET_ARP_SOURCES;
		put(to, &element);
	}
	if (!link->masqueraded || !ip_private(ip))
		return;
	element = (struct filter_element){ .set = v4 ? SET_MASQUERADED4 : SET_MASQUERADED6 };
	memcpy(element.key, ip->bytes, ip_size(ip));
	put(to, &element);
}

/* A protocol and a port as registers hold them: four bytes each, the value in front. */
static void put_port(uint8_t *at, uint8_t protocol, uint16_t port)
{
	uint16_t network = htons(port);

	at[0] = protocol;
	memcpy(at + 4, &network, sizeof(network));
}

static void put_published(struct elements *to, const struct filter_published *published)
{
	bool v4 = published->to.family == AF_INET;
	size_t size = ip_size(&published->to);
	struct filter_element element = { .set = v4 ? SET_PUBLISHED4 : SET_PUBLISHED6 };
	uint16_t port = htons(published->to_port);
	uint8_t *key = element.key;

	if (published->at.family) {
		element.set = v4 ? SET_PUBLISHED_AT4 : SET_PUBLISHED_AT6;
		memcpy(key, published->at.bytes, size);
		key += size;
	}
	put_port(key, published->from.protocol, published->from.port);
	memcpy(element.data, published->to.bytes, size);
	memcpy(element.data + size, &port, sizeof(port));
	put(to, &element);
}

static void put_hairpin(struct elements *to, const struct ip *ip)
{
	struct filter_element element = { .set = ip->family == AF_INET ? SET_HAIRPIN4
								       : SET_HAIRPIN6 };

	memcpy(element.key, ip->bytes, ip_size(ip));
	memcpy(element.key + ip_size(ip), ip->bytes, ip_size(ip));
	put(to, &element);
}

/* Whether an earlier published port of the link leads to the same address. */
static bool hairpin_done(const struct filter_link *link, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ip_compare(&link->published[k].to, &link->published[i].to) == 0)
			return true;
	return false;
}

static void put_counter(
	struct elements *to, enum filter_set set, const struct filter_link *link, uint64_t packets)
{
	struct filter_element element = { .set = set, .packets = packets };

	memcpy(element.key, &link->index, sizeof(link->index));
	put(to, &element);
}

static void put_elements(struct elements *to, const struct filter_link *link)
{
	put_counter(to, SET_SPOOFED, link, link->dropped[FILTER_SPOOFED]);
	put_counter(to, SET_CLOSED, link, link->dropped[FILTER_CLOSED]);
	put_counter(to, SET_CROWDED, link, link->dropped[FILTER_CROWDED]);
	if (link->isolated)
		put_link(to, SET_ISOLATED, link);
	if (link->connections)
		put_link(to, SET_CONNECTIONS, link);
	for (size_t i = 0; i < link->n_ips; i++)
		put_ip(to, link, &link->ips[i]);
	for (size_t i = 0; i < link->n_published; i++) {
		put_published(to, &link->published[i]);
		if (!hairpin_done(link, i))
			put_hairpin(to, &link->published[i].to);
	}
}

/* Elements that are the same in every table. */
static void put_fixed(struct elements *to)
{
	static const uint8_t metadata[][16] = {
		{ 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, /* fd00:ec2::254 */
		{ 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, /* fd20:ce::254 */
	};
	/* Listener reports and router solicitations: nobody here listens to them. */
	static const uint8_t silent[] = { MLD_LISTENER_REPORT, MLD_LISTENER_REDUCTION, 143,
		ND_ROUTER_SOLICIT };
	static const uint8_t allowed[] = { ICMP6_ECHO_REQUEST, ND_NEIGHBOR_SOLICIT,
		ND_NEIGHBOR_ADVERT };
	struct filter_element element = { .set = SET_METADATA6 };

	for (size_t i = 0; i < ARRAY_SIZE(metadata); i++) {
		memcpy(element.key, metadata[i], sizeof(metadata[i]));
		put(to, &element);
	}
	element = (struct filter_element){ .set = SET_SILENT6 };
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		element.key[0] = silent[i];
		put(to, &element);
	}
	element = (struct filter_element){ .set = SET_ALLOWED6 };
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		element.key[0] = allowed[i];
		put(to, &element);
	}
}

static const uint8_t families[] = { NFPROTO_INET, NFPROTO_ARP };

/* Made first, so that taking it away cannot fail. */
static void replace_tables(struct netlink_batch *batch, const struct filter *filter, bool again)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		filter_encode_table(batch, filter, NFT_MSG_NEWTABLE, families[i]);
		filter_encode_table(batch, filter, NFT_MSG_DELTABLE, families[i]);
		if (again)
			filter_encode_table(batch, filter, NFT_MSG_NEWTABLE, families[i]);
	}
}

static int put_table(struct netlink_batch *batch, const struct filter *filter, struct error *err)
{
	replace_tables(batch, filter, true);
	for (size_t i = 0; i < FILTER_SETS; i++)
		filter_encode_set(batch, filter, (enum filter_set)i);
	for (size_t i = 0; i < filter_n_chains; i++)
		filter_encode_chain(batch, filter, &filter_chains[i]);
	for (size_t i = 0; i < filter_n_rules; i++)
		if (filter_encode_rule(batch, filter, &filter_rules[i]) < 0)
			return error_memory(err);
	return 0;
}

int filter_build(struct filter *filter, const struct filter_port *open, size_t n_open,
	const struct filter_link *links, size_t n_links, struct error *err)
{
	cleanup_elements struct elements elements = { 0 };
	cleanup_batch struct netlink_batch batch;
	int r;

	netlink_batch_init(&batch);
	batch.transaction = true;
	r = put_table(&batch, filter, err);
	if (r < 0)
		return r;
	put_fixed(&elements);
	for (size_t i = 0; i < n_open; i++) {
		struct filter_element element = { .set = SET_OPEN };

		put_port(element.key, open[i].protocol, open[i].port);
		put(&elements, &element);
	}
	for (size_t i = 0; i < n_links; i++)
		put_elements(&elements, &links[i]);
	encode(&batch, filter, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &elements, NULL);
	return netlink_batch_send(&filter->netlink, &batch, err);
}

int filter_destroy(struct filter *filter, struct error *err)
{
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	batch.transaction = true;
	replace_tables(&batch, filter, false);
	return netlink_batch_send(&filter->netlink, &batch, err);
}

/* One transaction that makes of the elements of `old` those of `new`; either may be NULL. What both
 * have stays, with what it counted. Not NLM_F_EXCL: somebody may have built the table anew with the
 * link already in it. A port that leads elsewhere is refused all the same (nft_add_set_elem). */
static void put_change(struct netlink_batch *batch, const struct filter *filter,
	const struct filter_link *old, const struct filter_link *new)
{
	cleanup_elements struct elements gone = { 0 };
	cleanup_elements struct elements come = { 0 };

	if (old)
		put_elements(&gone, old);
	if (new)
		put_elements(&come, new);
	encode(batch, filter, NFT_MSG_DELSETELEM, 0, &gone, &come);
	encode(batch, filter, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &come, &gone);
}

int filter_change(struct filter *filter, const struct filter_link *old,
	const struct filter_link *new, struct error *err)
{
	cleanup_batch struct netlink_batch batch;

	netlink_batch_init(&batch);
	batch.transaction = true;
	put_change(&batch, filter, old, new);
	return netlink_batch_send(&filter->netlink, &batch, err);
}

int filter_add(struct filter *filter, const struct filter_link *link, struct error *err)
{
	return filter_change(filter, NULL, link, err);
}

/* What a removal falls back to when something of the link is missing already (a table that another
 * program emptied): element by element, whatever is there. */
static int remove_singly(struct filter *filter, const struct filter_link *link, struct error *err)
{
	cleanup_batch struct netlink_batch all;
	int result = 0;

	netlink_batch_init(&all);
	put_change(&all, filter, link, NULL);
	for (size_t i = 0; i < all.n && !all.failed; i++) {
		cleanup_batch struct netlink_batch one;
		const struct nlmsghdr *message = (void *)(all.buffer + all.requests[i].offset);
		struct nlmsghdr *copy;
		struct error ignored = { 0 };
		int r;

		netlink_batch_init(&one);
		one.transaction = true;
		copy = netlink_add(&one, message->nlmsg_type, 0, "%s", all.requests[i].what);
		memcpy(mnl_nlmsg_put_extra_header(copy, mnl_nlmsg_get_payload_len(message)),
			mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message));
		r = netlink_batch_send(&filter->netlink, &one, &ignored);
		if (r < 0 && r != -ENOENT && result == 0) {
			*err = ignored;
			result = r;
		}
	}
	return all.failed ? error_memory(err) : result;
}

int filter_remove(struct filter *filter, const struct filter_link *link, struct error *err)
{
	struct error missing = { 0 };
	bool held = false;
	int r = filter_holds(filter, link->index, &held, err);

	/* A port that it publishes is another's then. */
	if (r < 0 || !held)
		return r;
	r = filter_change(filter, link, NULL, &missing);
	if (r == -ENOENT)
		return remove_singly(filter, link, err);
	if (r < 0)
		*err = missing;
	return r;
}
