/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.h - named sets of defaults, plan/<name>.json: {"format":1,"settings":{...}}.
 */
#pragma once

#include <stdint.h>

struct error;
struct settings;

/* Loads the plan over settings that hold the built-in default; sets only the keys it names and
 * returns them as bits in *ret_named (may be NULL). "default" need not exist as a file. */
int plan_load(int state_fd, const char *name, struct settings *settings, uint64_t *ret_named,
	struct error *err);
