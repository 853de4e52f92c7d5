/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * network_probe.h - what of a VE's network this kernel can do: by doing it.
 */
#pragma once

struct error;

enum network_part { NETWORK_LINKS, NETWORK_FILTER, NETWORK_RATES, NETWORK_PARTS };

/* 0, or ERROR_UNSUPPORTED with the reason. Tried once, in a network namespace made for it, and
 * remembered. */
int network_can(enum network_part part, struct error *err);
