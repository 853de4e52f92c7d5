/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_proxy.h - VEs' addresses of a subnet that the host itself is in: the host answers for
 * them.
 */
#pragma once

struct error;
struct manager;
struct netlink;
struct proxies;

/* Answers and announces from now on; `route` is borrowed. */
int proxies_new(
	struct manager *manager, struct netlink *route, struct proxies **ret, struct error *err);
void proxies_free(struct proxies *proxies); /* NULL is allowed */

/* Something has changed about a VE's addresses. */
void proxies_look(struct proxies *proxies);
