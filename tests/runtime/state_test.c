/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * state_test.c - the life of a VE: what follows what, and refusals that say why.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/error.h"
#include "runtime/state.h"

static void assert_next(enum ve_state from, enum ve_event event, enum ve_state to)
{
	enum ve_state next = VE_STATES;
	struct error err = { 0 };

	assert_int_equal(state_next(from, event, "web1", &next, &err), 0);
	assert_int_equal(next, to);
}

static void assert_refused(enum ve_state from, enum ve_event event, const char *text)
{
	enum ve_state next = VE_STATES;
	struct error err = { 0 };

	assert_int_equal(state_next(from, event, "web1", &next, &err), -EBUSY);
	assert_int_equal(err.kind, ERROR_STATE);
	assert_string_equal(err.text, text);
	assert_int_equal(next, VE_STATES);
}

static void an_ordinary_life(void **state)
{
	(void)state;
	assert_next(VE_STOPPED, EVENT_START, VE_STARTING);
	assert_next(VE_STARTING, EVENT_UP, VE_RUNNING);
	assert_next(VE_RUNNING, EVENT_PAUSE, VE_PAUSED);
	assert_next(VE_PAUSED, EVENT_RESUME, VE_RUNNING);
	assert_next(VE_RUNNING, EVENT_STOP, VE_STOPPING);
	assert_next(VE_STOPPING, EVENT_KILL, VE_STOPPING);
	assert_next(VE_STOPPING, EVENT_END, VE_STOPPED);
}

static void refusals_say_why(void **state)
{
	(void)state;
	assert_refused(VE_STOPPED, EVENT_PAUSE, "cannot pause web1: it is stopped");
	assert_refused(VE_STOPPED, EVENT_STOP, "cannot stop web1: it is stopped");
	assert_refused(VE_STOPPED, EVENT_KILL, "cannot stop web1: it is stopped");
	assert_refused(VE_RUNNING, EVENT_START, "cannot start web1: it is running");
	assert_refused(VE_STARTING, EVENT_PAUSE, "cannot pause web1: it is starting");
	assert_refused(VE_PAUSED, EVENT_PAUSE, "cannot pause web1: it is paused");
	assert_refused(VE_STOPPING, EVENT_START, "cannot start web1: it is stopping");
	assert_refused(VE_BROKEN, EVENT_START, "cannot start web1: it is broken");
}

/* Whatever happens, an ended init never strands a VE. */
static void an_end_is_taken_wherever_an_init_lives(void **state)
{
	(void)state;
	for (enum ve_state from = VE_STARTING; from <= VE_STOPPING; from++)
		assert_next(from, EVENT_END, VE_STOPPED);
	assert_next(VE_BROKEN, EVENT_END, VE_BROKEN);
}

static void a_broken_record_is_left_only_by_mending(void **state)
{
	(void)state;
	for (enum ve_state from = VE_STOPPED; from < VE_STATES; from++)
		assert_next(from, EVENT_BREAK, VE_BROKEN);
	assert_next(VE_BROKEN, EVENT_KILL, VE_BROKEN);
	assert_next(VE_BROKEN, EVENT_MEND, VE_STOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_life),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(an_end_is_taken_wherever_an_init_lives),
		cmocka_unit_test(a_broken_record_is_left_only_by_mending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
