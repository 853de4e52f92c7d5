/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * doctor_network.c - what of the host lies between VEs and the world.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "daemon/doctor_probe.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/network_probe.h"
#include "daemon/network_uplink.h"
#include "netns/filter.h"
#include "netns/ip.h"
#include "netns/netlink.h"

#define SWITCH_MAX   16
#define ALL_FORWARDS "/proc/sys/net/ipv6/conf/all/forwarding"

static void set(char value[PROBE_VALUE], const char *text)
{
	snprintf(value, PROBE_VALUE, "%.*s", PROBE_VALUE - 1, text);
}

enum check_state probe_network(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	static const char *const names[NETWORK_PARTS] = {
		[NETWORK_LINKS] = "links",
		[NETWORK_FILTER] = "filter",
		[NETWORK_RATES] = "rates",
	};
	struct error err = { 0 };

	for (int i = 0; i < NETWORK_PARTS; i++)
		if (strcmp(names[i], argument) == 0 && network_can((enum network_part)i, &err) < 0)
			break;
	set(value, err.code ? err.text : "made and removed");
	return err.code ? CHECK_LIMITED : CHECK_OK;
}

static bool is_on(const char *path)
{
	cleanup_free char *text = NULL;
	struct error ignored = { 0 }; /* not in this kernel */

	return file_read(AT_FDCWD, path, SWITCH_MAX, &text, &ignored) > 0 && text[0] != '0';
}

struct switches {
	int family;
	struct text *text;
	bool off;
};

static void take_uplink(const char *name, int family, void *data)
{
	struct switches *switches = data;
	char path[UPLINK_PATH];
	bool on;

	if (family != switches->family)
		return;
	uplink_path(name, family, path);
	on = is_on(path) || (family == AF_INET6 && is_on(ALL_FORWARDS));
	switches->off |= !on;
	text_format(switches->text, "%s%s: %s", switches->text->length ? ", " : "", name,
		on ? "on" : "off");
}

/* Without a default route there is nothing that could be forwarded. */
enum check_state probe_forwarding(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct netlink *route = network_route(manager->network);
	cleanup_text struct text text;
	struct switches switches = {
		.family = strcmp(argument, "ipv4") == 0 ? AF_INET : AF_INET6,
		.text = &text,
	};
	struct error err = { 0 };

	text_init(&text);
	if (route->fd < 0 || uplink_each(route, take_uplink, &switches, &err) < 0) {
		set(value, route->fd < 0 ? "no network" : err.text);
		return CHECK_LIMITED;
	}
	set(value, text.length ? text.data : "no default route");
	return switches.off ? CHECK_LIMITED : CHECK_OK;
}

enum check_state probe_firewall(
	struct manager *manager, const char *argument, char value[PROBE_VALUE])
{
	struct filter *filter = network_filter(manager->network);
	char chain[FILTER_CHAIN] = "none drops";
	struct error err = { 0 };
	int r = filter->netlink.fd < 0 ? 0 : filter_foreign_drop(filter, chain, &err);

	set(value, r < 0 ? err.text : chain);
	return r == 0 ? CHECK_OK : CHECK_LIMITED;
}
