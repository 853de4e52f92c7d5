/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * setting_net.h - what the lists among a VE's settings hold.
 */
#pragma once

#include <stdint.h>

#include "netns/ip.h"

/* A port of the host that leads to one of the VE. */
struct published {
	struct ip at; /* of the host; family 0: at all of its addresses */
	uint16_t port, to_port;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
};
