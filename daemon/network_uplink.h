/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_uplink.h - the interfaces with a default route forward what comes in for VEs.
 */
#pragma once

#include <stdbool.h>

struct error;
struct loop;
struct netlink;
struct uplinks;

/* Switches forwarding on, of IPv4 and (where the kernel can do that per interface) IPv6, for each
 * interface that has a default route, now and whenever one comes. `route` is borrowed. */
int uplinks_new(struct loop *loop, struct netlink *route, bool ipv4, bool ipv6,
	struct uplinks **ret, struct error *err);
void uplinks_free(struct uplinks *uplinks);

/* Calls fn for the name of each interface with a default route of that family. */
typedef void uplink_fn(const char *name, int family, void *data);
int uplink_each(struct netlink *route, uplink_fn *fn, void *data, struct error *err);

/* Switches forwarding on for one interface; what fails is logged. */
void uplink_forward(const char *name, int family);

/* Writes 1 to a switch of /proc/sys that is 0. Returns 1 if it was; one that is not there is not in
 * this kernel. */
int uplink_switch(const char *path, struct error *err);

#define UPLINK_PATH 96 /* a path below /proc/sys with an interface's name */
/* The switch of one interface: its path, for looking and writing. */
void uplink_path(const char *name, int family, char ret[UPLINK_PATH]);
