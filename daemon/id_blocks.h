/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * id_blocks.h - an instance's ids in blocks of 65,536, and which of them somebody has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;

struct id_blocks {
	uint64_t first; /* id of block 0 */
	uint32_t n;
	bool *taken;
};

void id_blocks_take(struct id_blocks *blocks, uint64_t first, uint64_t count);

/* What passwd, group, subuid and subgid in the directory (/etc) name. */
void id_blocks_take_users(struct id_blocks *blocks, int etc_fd);

/* What processes run with: user, group and further groups. Others than vessel give ids away that no
 * file names (systemd-nspawn -U, DynamicUser=). A process that ends meanwhile has none. */
int id_blocks_take_processes(struct id_blocks *blocks, int proc_fd, struct error *err);
