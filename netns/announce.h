/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * announce.h - tells a subnet unasked at which MAC an address is now.
 */
#pragma once

#include <stdint.h>

#include "netns/link.h"

struct error;
struct ip;

/* Gratuitous ARP (RFC 5227) or unsolicited neighbour advertisement (RFC 4861), once, on the
 * interface that has this MAC: who holds an older answer for the address takes this one. */
int announce(uint32_t index, const uint8_t mac[LINK_MAC], const struct ip *ip, struct error *err);
