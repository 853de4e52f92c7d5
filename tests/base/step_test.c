/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * step_test.c - tables of steps: forward in order, backward from the one that failed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/error.h"
#include "base/step.h"

/* What happened, a letter each: a step's own, upper case for its undo, '.' for the hook. */
struct story {
	char told[32];
	char fails; /* the step that fails */
};

static void tell(struct story *story, char letter)
{
	size_t length = strlen(story->told);

	assert_true(length + 1 < sizeof(story->told));
	story->told[length] = letter;
}

static int run(struct story *story, char letter, struct error *err)
{
	tell(story, letter);
	return story->fails == letter ? error_set(err, EIO, "%c failed", letter) : 0;
}

/* clang-format off */
static int run_a(void *data, struct error *err) { return run(data, 'a', err); }
static int run_b(void *data, struct error *err) { return run(data, 'b', err); }
static int run_c(void *data, struct error *err) { return run(data, 'c', err); }
static void undo_a(void *data) { tell(data, 'A'); }
static void undo_c(void *data) { tell(data, 'C'); }
/* clang-format on */

static void before(const char *step, void *data)
{
	tell(data, '.');
	assert_int_equal(strlen(step), 1);
}

static const struct step steps[] = {
	{ "a", run_a, undo_a },
	{ "b", run_b, NULL },
	{ "c", run_c, undo_c },
};

static void all_steps_run_in_order(void **state)
{
	struct story story = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(step_walk(steps, ARRAY_SIZE(steps), NULL, &story, &err), 0);
	assert_string_equal(story.told, "abc");
}

static void the_hook_comes_before_each_step(void **state)
{
	struct story story = { .fails = 'b' };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(step_walk(steps, ARRAY_SIZE(steps), before, &story, &err), -EIO);
	assert_string_equal(story.told, ".a.bA");
}

static void a_failure_is_walked_back_with_the_failed_step_first(void **state)
{
	struct story story = { .fails = 'c' };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(step_walk(steps, ARRAY_SIZE(steps), NULL, &story, &err), -EIO);
	assert_string_equal(story.told, "abcCA");
	assert_string_equal(err.text, "c failed");
}

static void the_backward_walk_stands_alone(void **state)
{
	struct story story = { 0 };

	(void)state;
	step_undo(steps, ARRAY_SIZE(steps), &story);
	step_undo(steps, 1, &story);
	step_undo(steps, 0, &story);
	assert_string_equal(story.told, "CAA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_steps_run_in_order),
		cmocka_unit_test(the_hook_comes_before_each_step),
		cmocka_unit_test(a_failure_is_walked_back_with_the_failed_step_first),
		cmocka_unit_test(the_backward_walk_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
