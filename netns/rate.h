/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rate.h - how fast a link may be, each way for itself; shaped, not policed.
 *
 * Everything is on the host's end, where the far end's root cannot reach it. Towards the far end it
 * is a token bucket on the near end. From the far end, packets take a way through one intermediate
 * device (ifb) for all links, whose queue has a class for each link that is shaped.
 */
#pragma once

#include <stdint.h>

struct error;
struct netlink;

/* Classes of the intermediate device; a link's must be its own. */
#define RATE_CLASS_MAX 65534

/* Makes the intermediate device of that name with its queue, or finds it; *ret_index is its. */
int rate_open(struct netlink *netlink, const char *name, uint32_t *ret_index, struct error *err);

/* Bits a second that programs get towards the far end; 0 lifts it. A change applies at once and
 * loses nothing that waits. */
int rate_set_to(struct netlink *netlink, uint32_t near_index, uint64_t bits, struct error *err);

/* The same from the far end, through the device of rate_open() and a class from 1. */
int rate_set_from(struct netlink *netlink, uint32_t near_index, uint32_t device_index,
	uint32_t class, uint64_t bits, struct error *err);

/* Frees the class of a link that is gone (its filter went with it). Absent is no error. */
int rate_remove_from(
	struct netlink *netlink, uint32_t device_index, uint32_t class, struct error *err);
