/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_uplink.c - forwarding is a property of the interface that a packet comes in by: a VE's
 * own link has it from its start, the way from the outside needs it too.
 *
 * Per interface, never for the whole host. IPv6 has a switch for one interface from Linux 6.17
 * only; the old one for all changes how the host takes router advertisements and is left to the
 * operator (doctor tells). Default routes come late (DHCP), so they are watched, with a filter in
 * the kernel that lets no other route wake us.
 */
#include "daemon/network_uplink.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "netns/ip.h"
#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/route.h"

#define SWITCH_MAX 16

struct uplinks {
	struct netlink *route;
	struct netlink watch;
	struct loop_source *source;
	bool ipv4, ipv6;
};

struct each {
	uplink_fn *fn;
	void *data;
};

static int take_route(const struct prefix *prefix, uint32_t index, void *data)
{
	const struct each *each = data;
	char name[IF_NAMESIZE];

	if (prefix->length == 0 && index && if_indextoname(index, name))
		each->fn(name, prefix->ip.family, each->data);
	return 0;
}

int uplink_each(struct netlink *route, uplink_fn *fn, void *data, struct error *err)
{
	struct each each = { fn, data };
	int r = route_each(route, take_route, &each, err);

	return r < 0 ? r : 0;
}

void uplink_path(const char *name, int family, char ret[UPLINK_PATH])
{
	snprintf(ret, UPLINK_PATH, "/proc/sys/net/%s/conf/%.15s/%s",
		family == AF_INET ? "ipv4" : "ipv6", name,
		family == AF_INET ? "forwarding" : "force_forwarding");
}

int uplink_switch(const char *path, struct error *err)
{
	cleanup_free char *text = NULL;
	struct error ignored = { 0 }; /* not in this kernel */
	int r;

	if (file_read(AT_FDCWD, path, SWITCH_MAX, &text, &ignored) < 0 || text[0] != '0')
		return 0;
	r = file_write_control(AT_FDCWD, path, "1\n", err);
	return r < 0 ? r : 1;
}

void uplink_forward(const char *name, int family)
{
	char path[UPLINK_PATH];
	struct error err = { 0 };
	int r;

	uplink_path(name, family, path);
	r = uplink_switch(path, &err);
	if (r < 0)
		log_line(LOG_LEVEL_WARNING, "cannot forward from %s: %s", name, err.text);
	if (r > 0)
		log_line(LOG_LEVEL_INFO, "%s forwards %s now", name,
			family == AF_INET ? "IPv4" : "IPv6");
}

static void take_uplink(const char *name, int family, void *data)
{
	const struct uplinks *uplinks = data;

	if (family == AF_INET ? uplinks->ipv4 : uplinks->ipv6)
		uplink_forward(name, family);
}

static void switch_all_on(struct uplinks *uplinks)
{
	struct error err = { 0 };

	if (uplink_each(uplinks->route, take_uplink, uplinks, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}

static int on_route(struct loop *loop, int fd, uint32_t events, void *data)
{
	netlink_skip(fd);
	switch_all_on(data);
	return 0;
}

/* A message of a route begins with two headers; a default route's length of the prefix is 0. */
static int watch_defaults(struct netlink *watch, struct error *err)
{
	static const int groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	return netlink_watch(watch, &program, groups, ARRAY_SIZE(groups), err);
}

int uplinks_new(struct loop *loop, struct netlink *route, bool ipv4, bool ipv6,
	struct uplinks **ret, struct error *err)
{
	struct uplinks *uplinks = calloc(1, sizeof(*uplinks));
	int r;

	if (!uplinks)
		return error_memory(err);
	*uplinks = (struct uplinks){
		.route = route, .watch = NETLINK_CLOSED, .ipv4 = ipv4, .ipv6 = ipv6
	};
	r = netlink_open(&uplinks->watch, NETLINK_ROUTE, NETNS_PRESENT, err);
	if (r == 0)
		r = watch_defaults(&uplinks->watch, err);
	if (r == 0)
		r = loop_add_io(
			loop, uplinks->watch.fd, EPOLLIN, on_route, uplinks, &uplinks->source, err);
	if (r < 0) {
		uplinks_free(uplinks);
		return r;
	}
	switch_all_on(uplinks);
	*ret = uplinks;
	return 0;
}

void uplinks_free(struct uplinks *uplinks)
{
	if (!uplinks)
		return;
	loop_remove(uplinks->source);
	netlink_close(&uplinks->watch);
	free(uplinks);
}
