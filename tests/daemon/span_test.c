/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * span_test.c - the order in which VEs go down, from when they came up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "daemon/span.h"

#define VES_MAX 26

/* All go down, in rounds of those that may: "c ab " where c goes first, then a and b. */
static const char *rounds(const struct span *spans, size_t n)
{
	static char said[2 * VES_MAX + 1];
	bool gone[VES_MAX] = { false };
	bool may[VES_MAX];
	size_t left = n, length = 0;

	while (left > 0) {
		uint64_t youngest = 0;
		size_t before = left;

		for (size_t i = 0; i < n; i++)
			if (!gone[i] && spans[i].started > youngest)
				youngest = spans[i].started;
		for (size_t i = 0; i < n; i++)
			may[i] = !gone[i] && span_may_end(&spans[i], youngest);
		for (size_t i = 0; i < n; i++) {
			if (!may[i])
				continue;
			gone[i] = true;
			left--;
			said[length++] = (char)('a' + i);
		}
		assert_true(left < before);
		said[length++] = ' ';
	}
	said[length] = '\0';
	return said;
}

static void one_after_the_other_goes_backwards(void **state)
{
	static const struct span spans[] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };

	(void)state;
	assert_string_equal(rounds(spans, ARRAY_SIZE(spans)), "c b a ");
}

static void starts_that_overlapped_go_together(void **state)
{
	static const struct span spans[] = { { 1, 9 }, { 2, 3 }, { 3, 8 }, { 10, 11 } };

	(void)state;
	assert_string_equal(rounds(spans, ARRAY_SIZE(spans)), "d abc ");
}

/* b was started when a was up, c before either: a waits for b alone. */
static void a_long_start_overlaps_with_what_came_and_went_up_meanwhile(void **state)
{
	static const struct span spans[] = { { 2, 3 }, { 4, 5 }, { 1, 9 } };

	(void)state;
	assert_string_equal(rounds(spans, ARRAY_SIZE(spans)), "bc a ");
}

static void one_that_never_was_ready_waits_for_nobody(void **state)
{
	static const struct span spans[] = { { 1, 0 }, { 2, 3 }, { 4, 5 } };

	(void)state;
	assert_string_equal(rounds(spans, ARRAY_SIZE(spans)), "ac b ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other_goes_backwards),
		cmocka_unit_test(starts_that_overlapped_go_together),
		cmocka_unit_test(a_long_start_overlaps_with_what_came_and_went_up_meanwhile),
		cmocka_unit_test(one_that_never_was_ready_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
