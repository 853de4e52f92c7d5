/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * limit_place.c - the formats of the kernel's limit files, v2 and v1.
 */
#include "cgroup/limit_place.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/control.h"

#define NUMBER_TEXT 48 /* two numbers of 20 digits, a space and a NUL */

/* A period of 100 ms is the kernel's default: long against the tick that ends a slice, short
 * enough that a VE is not seen to stutter. */
#define PERIOD_US      100000
#define PERIOD_LONG_US 1000000    /* the longest there is, for quotas that would fall below: */
#define QUOTA_LEAST_US 1000       /* the least that the kernel takes */
#define CPUS_MOST      1000000000 /* thousandths: a million CPUs; keeps the product in range */

#define SHARES_LEAST 2
#define SHARES_MOST  262144

#define MEMORY_V1 "memory.limit_in_bytes"
#define MEMSW_V1  "memory.memsw.limit_in_bytes"
#define UNSET_V1  (UINT64_C(1) << 62) /* v1 says "no limit" by a huge number of whole pages */

static int write_number(int dir_fd, const char *file, uint64_t value, struct error *err)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return file_write_control(dir_fd, file, text, err);
}

int place_write_number(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	if (values->value[id] == PARSE_NONE)
		return file_write_control(dir_fd, place->file, place->none, err);
	return write_number(dir_fd, place->file, values->value[id], err);
}

int place_read_number(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	return control_read(dir_fd, place->file, NULL, ret);
}

/* Thousandths of a CPU as a share of a period. */
static int split_cpus(uint64_t cpus, uint64_t *ret_quota, uint64_t *ret_period, struct error *err)
{
	uint64_t period = PERIOD_US;

	if (cpus == 0 || cpus > CPUS_MOST)
		return error_refuse(err, ERROR_USAGE, "the number of CPUs is out of range");
	if (cpus * period / 1000 < QUOTA_LEAST_US)
		period = PERIOD_LONG_US;
	*ret_quota = cpus * period / 1000;
	*ret_period = period;
	return 0;
}

static int join_cpus(uint64_t quota, uint64_t period, uint64_t *ret)
{
	if (period == 0)
		return -EINVAL;
	*ret = quota == PARSE_NONE ? PARSE_NONE : (quota * 1000 + period / 2) / period;
	return 0;
}

int place_write_cpu_max(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	char text[NUMBER_TEXT];
	uint64_t quota, period;
	int r;

	if (values->value[id] == PARSE_NONE)
		return file_write_control(dir_fd, place->file, "max", err);
	r = split_cpus(values->value[id], &quota, &period, err);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, quota, period);
	return file_write_control(dir_fd, place->file, text, err);
}

int place_read_cpu_max(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	uint64_t quota, period;
	int r = control_read_text(dir_fd, place->file, &text);

	if (r == 0)
		r = control_parse_number(text, &quota);
	if (r == 0)
		r = control_parse_number(text + strcspn(text, " ") + 1, &period);
	return r < 0 ? r : join_cpus(quota, period, ret);
}

int place_write_quota(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	uint64_t quota, period;
	int r;

	if (values->value[id] == PARSE_NONE)
		return file_write_control(dir_fd, place->file, "-1", err);
	r = split_cpus(values->value[id], &quota, &period, err);
	if (r == 0)
		r = write_number(dir_fd, "cpu.cfs_period_us", period, err);
	return r < 0 ? r : write_number(dir_fd, place->file, quota, err);
}

int place_read_quota(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	uint64_t quota, period;
	int r = control_read(dir_fd, place->file, NULL, &quota);

	if (r == 0)
		r = control_read(dir_fd, "cpu.cfs_period_us", NULL, &period);
	return r < 0 ? r : join_cpus(quota, period, ret);
}

int place_write_shares(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	uint64_t weight = values->value[id], shares;

	if (weight == PARSE_NONE)
		return file_write_control(dir_fd, place->file, place->none, err);
	if (weight > SHARES_MOST)
		return error_refuse(err, ERROR_USAGE, "the weight is out of range");
	shares = (weight * 1024 + 50) / 100;
	if (shares < SHARES_LEAST)
		shares = SHARES_LEAST;
	return write_number(dir_fd, place->file, shares, err);
}

int place_read_shares(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	uint64_t shares;
	int r = control_read(dir_fd, place->file, NULL, &shares);

	if (r == 0)
		*ret = (shares * 100 + 512) / 1024;
	return r;
}

static int read_v1(int dir_fd, const char *file, uint64_t *ret)
{
	uint64_t value = 0;
	int r = control_read(dir_fd, file, NULL, &value);

	if (r == 0)
		*ret = value >= UNSET_V1 ? PARSE_NONE : value;
	return r;
}

static uint64_t add_limits(uint64_t memory, uint64_t swap)
{
	if (memory == PARSE_NONE || swap == PARSE_NONE || memory > PARSE_NONE - swap)
		return PARSE_NONE;
	return memory + swap;
}

static int write_v1(int dir_fd, const char *file, uint64_t value, struct error *err)
{
	int r = value == PARSE_NONE ? file_write_control(dir_fd, file, "-1", err)
				    : write_number(dir_fd, file, value, err);

	if (r == -EBUSY)
		return error_refuse(err, ERROR_STATE,
			"more than that is in use and cannot be reclaimed; end processes inside or "
			"stop the VE first");
	return r;
}

/* Both files, so that memory <= memory+swap holds at each step; neither if the second fails. */
static int write_pair(int dir_fd, uint64_t memory, uint64_t both, struct error *err)
{
	uint64_t old_memory = PARSE_NONE, old_both = PARSE_NONE;
	bool raise;
	struct error ignored;
	int r = read_v1(dir_fd, MEMORY_V1, &old_memory);

	if (r == 0)
		r = read_v1(dir_fd, MEMSW_V1, &old_both);
	if (r < 0)
		return error_set(err, -r, "cannot read the limits in force");
	raise = both >= old_both;
	if (raise)
		r = write_v1(dir_fd, MEMSW_V1, both, err);
	else
		r = write_v1(dir_fd, MEMORY_V1, memory, err);
	if (r < 0)
		return r;
	if (raise)
		r = write_v1(dir_fd, MEMORY_V1, memory, err);
	else
		r = write_v1(dir_fd, MEMSW_V1, both, err);
	if (r < 0 && raise)
		(void)write_v1(dir_fd, MEMSW_V1, old_both, &ignored);
	else if (r < 0)
		(void)write_v1(dir_fd, MEMORY_V1, old_memory, &ignored);
	return r;
}

int place_write_memory(int dir_fd, const struct limit_place *place, enum limit_id id,
	const struct limit_values *values, struct error *err)
{
	uint64_t memory = values->value[LIMIT_MEMORY], swap = values->value[LIMIT_SWAP];

	if (!control_exists(dir_fd, MEMSW_V1)) /* only memory gets here: limit_supported() */
		return write_v1(dir_fd, MEMORY_V1, memory, err);
	return write_pair(dir_fd, memory, add_limits(memory, swap), err);
}

int place_read_memory(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	return read_v1(dir_fd, place->file, ret);
}

int place_read_swap(int dir_fd, const struct limit_place *place, uint64_t *ret)
{
	uint64_t memory = 0, both = 0;
	int r = read_v1(dir_fd, place->file, &both);

	if (r == 0)
		r = read_v1(dir_fd, MEMORY_V1, &memory);
	if (r < 0)
		return r;
	*ret = both == PARSE_NONE || memory > both ? PARSE_NONE : both - memory;
	return 0;
}
