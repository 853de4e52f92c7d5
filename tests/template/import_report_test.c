/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import_report_test.c - the confined child's words are cleaned and its numbers checked.
 */
#include <errno.h>

#include "template/import_child.h"
#include "tests/base/scratch.h"

static struct import_report done_report(uint64_t bytes, uint64_t entries)
{
	struct import_report report = { .type = IMPORT_DONE, .result = { "", bytes, entries } };

	memset(report.result.digest, 'a', SHA256_TEXT - 1);
	return report;
}

static int check(uint64_t bytes, uint64_t entries, const struct import_bounds *bounds)
{
	struct import_report report = done_report(bytes, entries);
	struct import_result result;
	struct error err = { 0 };

	return import_report_done(&report, bounds, &result, &err);
}

static void a_result_is_within_the_bounds(void **state)
{
	const struct import_bounds none = { UINT64_MAX, 200, UINT64_MAX };

	(void)state;
	assert_int_equal(check(1000, 10, &import_default_bounds), 0);
	assert_int_equal(check(UINT64_C(1) << 37, 10, &import_default_bounds), -EPROTO);
	assert_int_equal(check(1000, 4000001, &import_default_bounds), -EPROTO);
	assert_int_equal(check(INT64_MAX, INT64_MAX, &none), 0);
	assert_int_equal(check(UINT64_C(1) << 63, 0, &none), -EPROTO);
	assert_int_equal(check(0, UINT64_C(1) << 63, &none), -EPROTO);
}

static void a_digest_is_one(void **state)
{
	struct import_report report = done_report(1, 1);
	struct import_result result;
	struct error err = { 0 };

	(void)state;
	report.result.digest[5] = '/';
	assert_int_equal(
		import_report_done(&report, &import_default_bounds, &result, &err), -EPROTO);
	memset(report.result.digest, 'a', SHA256_TEXT);
	assert_int_equal(
		import_report_done(&report, &import_default_bounds, &result, &err), -EPROTO);
}

static void an_error_is_one_clean_line(void **state)
{
	struct import_report report = { .type = IMPORT_FAILED };
	struct error err = { 0 };

	(void)state;
	report.error = (struct error){ .code = 1 << 30,
		.text = "a\x1b[2J\n\xc2\x9b"
			"31m caf\xc3\xa9" };
	assert_int_equal(import_report_failed(&report, &err), -EIO);
	assert_string_equal(err.text, "a?[2J???31m caf\xc3\xa9");
	memset(report.error.text, 'x', ERROR_TEXT);
	report.error.kind = ERROR_USAGE;
	assert_int_equal(import_report_failed(&report, &err), -EINVAL);
	assert_int_equal(strlen(err.text), ERROR_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_is_within_the_bounds),
		cmocka_unit_test(a_digest_is_one),
		cmocka_unit_test(an_error_is_one_clean_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
