/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * instance_ranges.c - the ranges that an instance gives addresses from: named by the operator, or
 * chosen once.
 *
 * What was chosen is kept for good in the state directory, beside the records that hold addresses
 * of it. A random IPv6 prefix (RFC 4193) is nobody else's; of IPv4 the first block of a few that
 * nothing on the host speaks of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "daemon/instance.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/plan.h"
#include "runtime/ve_net.h"

#define RANGES_FILE "addresses"
#define RANGES_TEXT 4096
#define BLOCK_FIRST 77 /* 10.77.0.0/16 to 10.127.0.0/16 */
#define BLOCK_LAST  127
#define BLOCKS      (BLOCK_LAST - BLOCK_FIRST + 1)
#define IPV6_OFF    "/proc/sys/net/ipv6/conf/default/disable_ipv6"

bool instance_has_ipv6(void)
{
	cleanup_free char *text = NULL;
	struct error ignored = { 0 }; /* no such file: a kernel without it */

	return file_read(AT_FDCWD, IPV6_OFF, RANGES_TEXT, &text, &ignored) > 0 && text[0] == '0';
}

static int check_host(const struct instance *instance, struct netlink *netlink,
	const struct prefix *range, struct error *err)
{
	char prefix[LINK_NAME];

	network_prefix(instance->name, prefix);
	return plan_check_host(netlink, range, prefix, err);
}

static bool overlaps(const struct prefix *range, const struct prefix *others, size_t n_others)
{
	for (size_t i = 0; i < n_others; i++)
		if (prefix_overlap(range, &others[i]))
			return true;
	return false;
}

/* Another instance that does not run now has chosen, too: each begins to look at its own place. */
static uint32_t name_number(const char *name)
{
	uint32_t number = 0;

	for (; *name; name++)
		number = number * 31 + (uint8_t)*name;
	return number;
}

static int choose_ipv4(struct instance *instance, struct netlink *netlink,
	const struct prefix *others, size_t n_others, struct error *err)
{
	uint32_t first = name_number(instance->name);

	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint8_t block = (uint8_t)(BLOCK_FIRST + (first + i) % BLOCKS);
		struct prefix range = { { AF_INET, { 10, block } }, 16 };
		int r;

		if (overlaps(&range, others, n_others))
			continue;
		r = check_host(instance, netlink, &range, err);
		if (r < 0 && err->kind != ERROR_STATE)
			return r;
		if (r < 0)
			continue;
		instance->ranges[instance->n_ranges++] = range;
		return 0;
	}
	return error_refuse(err, ERROR_STATE,
		"no range of addresses is free from 10.%d.0.0/16 to 10.%d.0.0/16: give --addresses",
		BLOCK_FIRST, BLOCK_LAST);
}

/* fd, 40 random bits, a subnet number (the first). */
static int choose_ipv6(struct instance *instance, struct error *err)
{
	struct prefix range = { { AF_INET6, { 0xfd } }, 64 };

	if (getrandom(&range.ip.bytes[1], 5, 0) != 5)
		return error_sys(err, "cannot choose a range of addresses");
	instance->ranges[instance->n_ranges++] = range;
	return 0;
}

static int store(const struct instance *instance, struct error *err)
{
	cleanup_text struct text text;
	char range[PREFIX_TEXT];

	text_init(&text);
	for (size_t i = 0; i < instance->n_ranges; i++)
		text_format(&text, "%s%s", i > 0 ? "," : "",
			prefix_format(&instance->ranges[i], range));
	text_add(&text, "\n");
	if (text.failed)
		return error_memory(err);
	return file_replace(instance->state_fd, RANGES_FILE, text.data, text.length, err);
}

static int load(struct instance *instance, struct error *err)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read(instance->state_fd, RANGES_FILE, RANGES_TEXT, &text, err);
	int r;

	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	text[strcspn(text, "\n")] = '\0';
	r = plan_parse(text, instance->ranges, INSTANCE_RANGES, err);
	if (r < 0)
		return error_wrap(err, "%s/" RANGES_FILE, instance->state_dir);
	instance->n_ranges = (size_t)r;
	return 1;
}

/* The file keeps them for when IPv6 is back. */
static void drop_ipv6(struct instance *instance)
{
	size_t n = 0;

	for (size_t i = 0; i < instance->n_ranges; i++)
		if (instance->ranges[i].ip.family == AF_INET)
			instance->ranges[n++] = instance->ranges[i];
	instance->n_ranges = n;
}

int instance_load_ranges(struct instance *instance, struct error *err)
{
	int r;

	if (!instance->choose_ranges)
		return 1;
	instance->n_ranges = 0;
	r = load(instance, err);
	if (r > 0 && !instance_has_ipv6())
		drop_ipv6(instance);
	return r;
}

static int choose(struct instance *instance, struct netlink *netlink, const struct prefix *others,
	size_t n_others, struct error *err)
{
	int r = choose_ipv4(instance, netlink, others, n_others, err);

	if (r == 0)
		r = choose_ipv6(instance, err);
	if (r == 0)
		r = store(instance, err);
	return r < 0 ? r : instance_load_ranges(instance, err);
}

int instance_find_ranges(
	struct instance *instance, const struct prefix *others, size_t n_others, struct error *err)
{
	cleanup_netlink struct netlink netlink = NETLINK_CLOSED;
	int known = instance_load_ranges(instance, err);
	int r;

	if (known < 0 || (known > 0 && instance->n_ranges == 0))
		return known < 0 ? known : 0;
	r = netlink_open(&netlink, NETLINK_ROUTE, NETNS_PRESENT, err);
	if (r == 0 && known == 0)
		r = choose(instance, &netlink, others, n_others, err);
	for (size_t i = 0; r >= 0 && i < instance->n_ranges; i++)
		r = check_host(instance, &netlink, &instance->ranges[i], err);
	return r < 0 ? r : 0;
}
