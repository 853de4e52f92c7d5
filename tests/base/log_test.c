/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * log_test.c - what a line looks like, and a digest that is known.
 */
#include <stdbool.h>

#include "base/log.h"
#include "base/sha256.h"
#include "tests/base/scratch.h"

/* Runs with standard error going to a file of the scratch directory. */
static void assert_line(const char *expected, const char *text, bool journal)
{
	cleanup_close int saved = dup(STDERR_FILENO);
	cleanup_close int fd = -1;
	cleanup_free char *line = NULL;
	struct error err = { 0 };
	struct stat st;
	char stream[64]; /* two numbers */

	fd = openat(scratch_fd, "err", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + !journal);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd, STDERR_FILENO);
	log_open("vesseld");
	log_line(LOG_LEVEL_WARNING, "%s", text);
	dup2(saved, STDERR_FILENO);
	assert_true(file_read(scratch_fd, "err", 4096, &line, &err) > 0);
	assert_string_equal(line, expected);
}

static void line_begins_with_the_program(void **state)
{
	assert_line("vesseld: web: started\n", "web: started", false);
}

static void journal_gets_a_level(void **state)
{
	assert_line("<4>web: started\n", "web: started", true);
}

static void control_characters_are_replaced(void **state)
{
	assert_line("vesseld: a?b?[0m?gr\xc3\xbc??\n", "a\nb\x1b[0m\x7fgr\xc3\xbc\xc2\x9b", false);
	assert_line("vesseld: ?x\n", "\xffx", false);
}

static void long_lines_are_cut_at_the_end(void **state)
{
	cleanup_free char *text = malloc(5001);
	cleanup_free char *expected = calloc(1, 5001);

	memset(text, 'a', 5000);
	text[5000] = '\0';
	memcpy(expected, "vesseld: ", 9);
	memset(expected + 9, 'a', 2038);
	expected[2047] = '\n';
	assert_line(expected, text, false);
}

static void digest_is_hexadecimal(void **state)
{
	struct sha256_ctx context;
	char text[SHA256_TEXT];

	sha256_init(&context);
	sha256_update(&context, 3, (const uint8_t *)"abc");
	sha256_text(&context, text);
	assert_string_equal(
		text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(line_begins_with_the_program),
		scratch_test(journal_gets_a_level),
		scratch_test(control_characters_are_replaced),
		scratch_test(long_lines_are_cut_at_the_end),
		cmocka_unit_test(digest_is_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
