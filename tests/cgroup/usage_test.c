/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage_test.c - which file each counter comes from, and how counters are added up.
 */
#include "cgroup/usage.h"
#include "tests/cgroup/fake.h"

#define V2    "v2/p/ve/web/"
#define GUEST "v2/p/ve/web/guest/"

static void v2_counters_are_read(void **state)
{
	struct error err = { 0 };
	struct usage usage;

	scratch_write(V2 "cpu.stat", "usage_usec 1234\nuser_usec 1000\nnr_throttled 5\n");
	scratch_write(V2 "memory.current", "4096\n");
	scratch_write(V2 "memory.peak", "8192\n");
	scratch_write(V2 "memory.events", "low 0\nmax 99\noom 9\noom_kill 3\n");
	scratch_write(V2 "memory.swap.events", "high 0\nmax 2\nfail 1\n");
	scratch_write(V2 "pids.current", "7\n");
	assert_int_equal(usage_read(&fake_tree, "web", &usage, &err), 0);
	assert_int_equal(usage.cpu_total_us, 1234);
	assert_int_equal(usage.cpu_hits, 5);
	assert_int_equal(usage.memory_used, 4096);
	assert_int_equal(usage.memory_peak, 8192);
	assert_int_equal(usage.memory_hits, 3);
	assert_int_equal(usage.swap_hits, 2);
	assert_int_equal(usage.pids_used, 7);
	assert_int_equal(usage.pids_peak, 7); /* a kernel without pids.peak */
	assert_int_equal(usage.swap_used, 0);
}

static void refused_forks_below_are_summed_on_older_kernels(void **state)
{
	struct error err = { 0 };
	struct usage usage;

	fake_make_dirs(GUEST "a/b");
	scratch_write(V2 "pids.events", "max 1\n");
	scratch_write(GUEST "pids.events", "max 2\n");
	scratch_write(GUEST "a/b/pids.events", "max 4\n");
	assert_int_equal(usage_read(&fake_tree, "web", &usage, &err), 0);
	assert_int_equal(usage.pids_hits, 7);
	scratch_write(V2 "pids.events.local", "max 0\n");
	assert_int_equal(usage_read(&fake_tree, "web", &usage, &err), 0);
	assert_int_equal(usage.pids_hits, 1);
}

static uint64_t followed(struct usage_memory *memory, uint64_t now_ms)
{
	struct error err = { 0 };
	struct usage usage;

	assert_int_equal(usage_follow(&fake_tree, "web", now_ms, memory, &usage, &err), 0);
	return usage.pids_hits;
}

/* The session of a fork bomb ends, and its cgroup goes with what it has counted. */
static void refused_forks_never_get_fewer(void **state)
{
	struct usage_memory memory = { 0 };

	fake_make_dirs(GUEST "a");
	scratch_write(V2 "pids.events", "max 0\n");
	scratch_write(GUEST "pids.events", "max 2\n");
	scratch_write(GUEST "a/pids.events", "max 5\n");
	assert_int_equal(followed(&memory, 5000), 7);
	unlinkat(scratch_fd, GUEST "a/pids.events", 0);
	assert_int_equal(followed(&memory, 6000), 7);
	scratch_write(GUEST "a/pids.events", "max 3\n");
	assert_int_equal(followed(&memory, 6999), 7); /* looked at not long ago */
	assert_int_equal(followed(&memory, 7000), 10);
	scratch_write(V2 "pids.events.local", "max 0\n");
	scratch_write(V2 "pids.events", "max 4\n");
	assert_int_equal(followed(&memory, 8000), 4); /* the kernel's own word */
}

static void make_many(int n, const char *events)
{
	char path[64];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), GUEST "x%d", i);
		fake_make_dirs(path);
		snprintf(path, sizeof(path), GUEST "x%d/pids.events", i);
		scratch_write(path, events);
	}
}

static void remove_from(int first, int n)
{
	char path[64];

	for (int i = first; i < n; i++) {
		snprintf(path, sizeof(path), GUEST "x%d/pids.events", i);
		assert_int_equal(unlinkat(scratch_fd, path, 0), 0);
		snprintf(path, sizeof(path), GUEST "x%d", i);
		assert_int_equal(unlinkat(scratch_fd, path, AT_REMOVEDIR), 0);
	}
}

/* Which of them are looked at is the guest's choice. */
static void refused_forks_beyond_the_bound_are_not_counted_twice(void **state)
{
	struct usage_memory memory = { 0 };

	make_many(100, "max 1\n");
	assert_int_equal(followed(&memory, 5000), 100); /* positive control */
	make_many(300, "max 2\n");
	assert_int_equal(followed(&memory, 6000), 100);
	assert_int_equal(memory.looked_ms, 6000); /* costs no more for that */
	remove_from(100, 300);
	assert_int_equal(followed(&memory, 7000), 200);
	make_many(300, "max 2\n");
	assert_int_equal(followed(&memory, 8000), 200);
	remove_from(100, 300);
	assert_int_equal(followed(&memory, 9000), 200);
}

static void many_cgroups_are_not_all_looked_at(void **state)
{
	struct error err = { 0 };
	struct usage usage;

	make_many(300, "max 1\n");
	assert_int_equal(usage_read(&fake_tree, "web", &usage, &err), 0);
	assert_int_equal(usage.pids_hits, 254); /* of 256: not in ve/web, nor in guest */
}

static void v1_counters_are_read(void **state)
{
	struct error err = { 0 };
	struct usage usage;

	scratch_write("cpuacct/p/ve/web/cpuacct.usage", "5000999\n");
	scratch_write("cpu/p/ve/web/cpu.stat", "nr_periods 9\nnr_throttled 8\n");
	scratch_write("memory/p/ve/web/memory.usage_in_bytes", "4096\n");
	scratch_write("memory/p/ve/web/memory.max_usage_in_bytes", "8192\n");
	scratch_write("memory/p/ve/web/memory.oom_control",
		"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	scratch_write("memory/p/ve/web/memory.stat", "swap 1\ntotal_swap 512\n");
	scratch_write("pids/p/ve/web/pids.current", "7\n");
	scratch_write("pids/p/ve/web/pids.events", "max 6\n");
	assert_int_equal(usage_read(&fake_tree, "web", &usage, &err), 0);
	assert_int_equal(usage.cpu_total_us, 5000);
	assert_int_equal(usage.cpu_hits, 8);
	assert_int_equal(usage.memory_used, 4096);
	assert_int_equal(usage.memory_peak, 8192);
	assert_int_equal(usage.memory_hits, 3);
	assert_int_equal(usage.swap_used, 512);
	assert_int_equal(usage.swap_peak, 512);
	assert_int_equal(usage.pids_hits, 6);
}

static void absent_ve_is_not_found(void **state)
{
	struct error err = { 0 };
	struct usage usage;

	assert_int_equal(usage_read(&fake_tree, "none", &usage, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void totals_go_on_and_peaks_stand(void **state)
{
	struct usage sum = {
		.cpu_total_us = 10, .memory_used = 5, .memory_peak = 50, .pids_hits = 1
	};
	struct usage add = {
		.cpu_total_us = 3, .memory_used = 7, .memory_peak = 20, .pids_hits = 2
	};

	usage_add(&sum, &add);
	assert_int_equal(sum.cpu_total_us, 13);
	assert_int_equal(sum.memory_used, 7);
	assert_int_equal(sum.memory_peak, 50);
	assert_int_equal(sum.pids_hits, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		v2_test(v2_counters_are_read),
		v2_test(refused_forks_below_are_summed_on_older_kernels),
		v2_test(refused_forks_never_get_fewer),
		v2_test(refused_forks_beyond_the_bound_are_not_counted_twice),
		v2_test(many_cgroups_are_not_all_looked_at),
		hybrid_test(v1_counters_are_read),
		v2_test(absent_ve_is_not_found),
		cmocka_unit_test(totals_go_on_and_peaks_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
