/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * limit_test.c - which words go into which file, on a v2 host and on a hybrid one.
 */
#include "base/parse.h"
#include "cgroup/limit.h"
#include "tests/cgroup/fake.h"

#define V2     "v2/p/ve/web/"
#define GUEST  "v2/p/ve/web/guest/"
#define CPU    "cpu/p/ve/web/"
#define MEMORY "memory/p/ve/web/"
#define MIB    (UINT64_C(1) << 20)

static struct limit_values none(void)
{
	struct limit_values values;

	for (size_t i = 0; i < LIMITS; i++)
		values.value[i] = PARSE_NONE;
	return values;
}

/* limit_supported() looks in ve/ for the files, where the kernel has them as in every cgroup. */
static void offer(const char *hierarchy, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/p/ve/%s", hierarchy, file);
	scratch_write(path, "");
}

static int write_one(enum limit_id id, uint64_t value, struct error *err)
{
	struct limit_values values = none();

	values.value[id] = value;
	return limit_write(&fake_tree, "web", id, &values, err);
}

static void assert_cpu_max(uint64_t cpus, const char *text)
{
	struct error err = { 0 };
	uint64_t back = 0;

	scratch_write(V2 "cpu.max", "");
	assert_int_equal(write_one(LIMIT_CPUS, cpus, &err), 0);
	fake_assert(V2 "cpu.max", text);
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_CPUS, &back, &err), 0);
	assert_int_equal(back, cpus);
}

static void v2_cpus_are_quota_and_period(void **state)
{
	struct error err = { 0 };
	uint64_t back = 0;

	offer("v2", "cpu.max");
	assert_cpu_max(500, "50000 100000");
	assert_cpu_max(50, "5000 100000");
	assert_cpu_max(10, "1000 100000");
	assert_cpu_max(1, "1000 1000000"); /* a quota below 1 ms is none to the kernel */
	assert_cpu_max(64000, "6400000 100000");
	assert_cpu_max(1333, "133300 100000");
	assert_int_equal(write_one(LIMIT_CPUS, 0, &err), -EINVAL);
	assert_int_equal(write_one(LIMIT_CPUS, UINT64_MAX - 1, &err), -EINVAL);
	scratch_write(V2 "cpu.max", "max 100000\n");
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_CPUS, &back, &err), 0);
	assert_true(back == PARSE_NONE);
}

static void v2_limit_is_mirrored_where_the_file_is(void **state)
{
	struct error err = { 0 };

	offer("v2", "memory.max");
	scratch_write(V2 "memory.max", "");
	assert_int_equal(write_one(LIMIT_MEMORY, 64 * MIB, &err), 0);
	fake_assert(V2 "memory.max", "67108864");
	assert_false(scratch_exists(GUEST "memory.max"));
	scratch_write(V2 "memory.max", "");
	scratch_write(GUEST "memory.max", "");
	assert_int_equal(write_one(LIMIT_MEMORY, PARSE_NONE, &err), 0);
	fake_assert(V2 "memory.max", "max");
	fake_assert(GUEST "memory.max", "max");
}

static void missing_file_is_refused_with_the_remedy(void **state)
{
	struct error err = { 0 };

	assert_int_equal(write_one(LIMIT_SWAP, 0, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "swapaccount=1"));
}

static void missing_controller_is_refused_with_the_remedy(void **state)
{
	struct error err = { 0 };

	free(fake_tree.hierarchies[0].controllers);
	fake_tree.hierarchies[0].controllers = strdup("cpu\n");
	assert_int_equal(limit_supported(&fake_tree, LIMIT_MEMORY, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "cgroup_enable=memory"));
}

static void v1_cpus_are_two_files(void **state)
{
	struct error err = { 0 };
	uint64_t back = 0;

	offer("cpu", "cpu.cfs_quota_us");
	scratch_write(CPU "cpu.cfs_quota_us", "");
	scratch_write(CPU "cpu.cfs_period_us", "");
	assert_int_equal(write_one(LIMIT_CPUS, 1500, &err), 0);
	fake_assert(CPU "cpu.cfs_quota_us", "150000");
	fake_assert(CPU "cpu.cfs_period_us", "100000");
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_CPUS, &back, &err), 0);
	assert_int_equal(back, 1500);
	scratch_write(CPU "cpu.cfs_quota_us", "-1\n");
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_CPUS, &back, &err), 0);
	assert_true(back == PARSE_NONE);
}

static void v1_weight_becomes_shares_and_back(void **state)
{
	static const struct {
		uint64_t weight;
		const char *shares;
	} rows[] = { { 1, "10" }, { 100, "1024" }, { 300, "3072" }, { 10000, "102400" } };

	offer("cpu", "cpu.shares");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };
		uint64_t back = 0;

		scratch_write(CPU "cpu.shares", "");
		assert_int_equal(write_one(LIMIT_CPU_WEIGHT, rows[i].weight, &err), 0);
		fake_assert(CPU "cpu.shares", rows[i].shares);
		assert_int_equal(limit_read(&fake_tree, "web", LIMIT_CPU_WEIGHT, &back, &err), 0);
		assert_int_equal(back, rows[i].weight);
	}
}

static void offer_memory_v1(const char *memory, const char *both)
{
	offer("memory", "memory.limit_in_bytes");
	offer("memory", "memory.memsw.limit_in_bytes");
	scratch_write(MEMORY "memory.limit_in_bytes", memory);
	scratch_write(MEMORY "memory.memsw.limit_in_bytes", both);
}

static void v1_swap_is_on_top_of_memory(void **state)
{
	struct limit_values values = none();
	struct error err = { 0 };
	uint64_t back = 0;

	values.value[LIMIT_MEMORY] = 64 * MIB;
	values.value[LIMIT_SWAP] = 32 * MIB;
	offer_memory_v1("00000000", "000000000"); /* as long as what will stand there */
	assert_int_equal(limit_write(&fake_tree, "web", LIMIT_SWAP, &values, &err), 0);
	fake_assert(MEMORY "memory.limit_in_bytes", "67108864");
	fake_assert(MEMORY "memory.memsw.limit_in_bytes", "100663296");
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_SWAP, &back, &err), 0);
	assert_int_equal(back, 32 * MIB);
}

static void v1_unset_is_a_huge_number(void **state)
{
	struct error err = { 0 };
	uint64_t back = 0;

	offer_memory_v1("9223372036854771712\n", "9223372036854771712\n");
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_MEMORY, &back, &err), 0);
	assert_true(back == PARSE_NONE);
	assert_int_equal(limit_read(&fake_tree, "web", LIMIT_SWAP, &back, &err), 0);
	assert_true(back == PARSE_NONE);
}

static void v1_swap_without_memory_is_refused(void **state)
{
	struct error err = { 0 };

	offer_memory_v1("", "");
	assert_int_equal(write_one(LIMIT_SWAP, 0, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	fake_assert(MEMORY "memory.memsw.limit_in_bytes", "");
}

/* What start, set and show go by; on v2 the two have nothing to do with each other. */
static void v1_swap_without_memory_is_foreseen(void **state)
{
	struct limit_values values = none();
	struct error err = { 0 };

	offer_memory_v1("", "");
	values.value[LIMIT_SWAP] = 0;
	assert_int_equal(limit_supported(&fake_tree, LIMIT_SWAP, &err), 0);
	assert_int_equal(limit_enforceable(&fake_tree, LIMIT_SWAP, &values, &err), -EOPNOTSUPP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_int_equal(limit_enforceable(&fake_tree, LIMIT_MEMORY, &values, &err), 0);
	values.value[LIMIT_MEMORY] = 64 * MIB;
	assert_int_equal(limit_enforceable(&fake_tree, LIMIT_SWAP, &values, &err), 0);
	values = none();
	assert_int_equal(limit_enforceable(&fake_tree, LIMIT_SWAP, &values, &err), 0);
}

static void v2_swap_without_memory_is_enforced(void **state)
{
	struct limit_values values = none();
	struct error err = { 0 };

	values.value[LIMIT_SWAP] = 0;
	offer("v2", "memory.swap.max");
	assert_int_equal(limit_enforceable(&fake_tree, LIMIT_SWAP, &values, &err), 0);
}

static void all_writes_what_the_mask_says(void **state)
{
	struct limit_values values = none();
	struct error err = { 0 };

	values.value[LIMIT_PIDS] = 64;
	values.value[LIMIT_CPU_WEIGHT] = 200;
	offer("v2", "pids.max");
	scratch_write(V2 "pids.max", "");
	scratch_write(V2 "cpu.weight", "");
	assert_int_equal(limit_write_all(&fake_tree, "web", 1U << LIMIT_PIDS, &values, &err), 0);
	fake_assert(V2 "pids.max", "64");
	fake_assert(V2 "cpu.weight", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		v2_test(v2_cpus_are_quota_and_period),
		v2_test(v2_limit_is_mirrored_where_the_file_is),
		v2_test(missing_file_is_refused_with_the_remedy),
		v2_test(missing_controller_is_refused_with_the_remedy),
		v2_test(all_writes_what_the_mask_says),
		hybrid_test(v1_cpus_are_two_files),
		hybrid_test(v1_weight_becomes_shares_and_back),
		hybrid_test(v1_swap_is_on_top_of_memory),
		hybrid_test(v1_unset_is_a_huge_number),
		hybrid_test(v1_swap_without_memory_is_refused),
		hybrid_test(v1_swap_without_memory_is_foreseen),
		v2_test(v2_swap_without_memory_is_enforced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
