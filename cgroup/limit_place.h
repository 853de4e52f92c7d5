/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * limit_place.h - the ways in which kernels take and give a limit; rows of limit.c name them.
 */
#pragma once

#include "cgroup/limit.h"

struct limit_place {
	const char *file;
	const char *none; /* what lifts the limit, for places that are one number */
	int (*write)(int dir_fd, const struct limit_place *place, enum limit_id id,
		const struct limit_values *values, struct error *err);
	int (*read)(int dir_fd, const struct limit_place *place, uint64_t *ret);
};

/* One decimal number, or place->none. */
int place_write_number(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err);
int place_read_number(int dir_fd, const struct limit_place *place, uint64_t *ret);

/* v2 cpu.max: "QUOTA PERIOD" in microseconds. */
int place_write_cpu_max(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err);
int place_read_cpu_max(int dir_fd, const struct limit_place *place, uint64_t *ret);

/* v1: the same two numbers in two files. */
int place_write_quota(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err);
int place_read_quota(int dir_fd, const struct limit_place *place, uint64_t *ret);

/* v1 cpu.shares: 1024 where v2 says 100. */
int place_write_shares(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err);
int place_read_shares(int dir_fd, const struct limit_place *place, uint64_t *ret);

/* v1: memory and memory+swap, in the order that keeps the second from falling below the first. */
int place_write_memory(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err);
int place_read_memory(int dir_fd, const struct limit_place *place, uint64_t *ret);
int place_read_swap(int dir_fd, const struct limit_place *place, uint64_t *ret);
