/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * traffic_test.c - totals only grow, and count nothing twice.
 */
#include "netns/traffic.h"
#include "tests/base/scratch.h"

static struct traffic of(uint64_t bytes)
{
	return (struct traffic){ .in.bytes = bytes };
}

static void the_near_end_sends_what_the_far_end_gets(void **state)
{
	struct link_counters near = {
		.tx_bytes = 1, .tx_packets = 2, .rx_bytes = 3, .rx_dropped = 4
	};
	struct traffic traffic;

	(void)state;
	traffic_of(&near, &traffic);
	assert_int_equal(traffic.in.bytes, 1);
	assert_int_equal(traffic.in.packets, 2);
	assert_int_equal(traffic.out.bytes, 3);
	assert_int_equal(traffic.out.dropped, 4);
}

static void totals_go_on_over_lives(void **state)
{
	struct traffic total = of(100), life = of(20);

	(void)state;
	life.out.dropped = 7;
	traffic_sum(&total, &life);
	assert_int_equal(total.in.bytes, 120);
	assert_int_equal(total.out.dropped, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_near_end_sends_what_the_far_end_gets),
		cmocka_unit_test(totals_go_on_over_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
