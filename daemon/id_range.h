/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * id_range.h - 65,536 host ids for a new VE, that nobody else has (property P10).
 */
#pragma once

#include <sys/types.h>

struct error;
struct manager;

int id_range_new(struct manager *manager, uid_t *ret, struct error *err);
