/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * console_ring_test.c - what a late watcher sees is the end of what was written, in order.
 */
#include "daemon/console_ring.h"
#include "tests/base/scratch.h"

/* The whole content of the ring as one string; *ret_n its length. */
static char *content(const struct console_ring *ring, size_t *ret_n)
{
	struct iovec parts[2];
	int count = console_ring_parts(ring, parts);
	char *text = calloc(1, CONSOLE_RING_SIZE + 1);
	size_t n = 0;

	assert_non_null(text);
	for (int i = 0; i < count; i++) {
		memcpy(text + n, parts[i].iov_base, parts[i].iov_len);
		n += parts[i].iov_len;
	}
	*ret_n = n;
	return text;
}

static void an_empty_ring_has_no_parts_and_no_memory(void **state)
{
	struct console_ring ring = { 0 };
	struct iovec parts[2];

	assert_int_equal(console_ring_parts(&ring, parts), 0);
	console_ring_add(&ring, "", 0);
	assert_int_equal(console_ring_parts(&ring, parts), 0);
	console_ring_done(&ring);
	assert_null(ring.data);
}

static void a_short_text_comes_back_whole(void **state)
{
	struct console_ring ring = { 0 };
	cleanup_free char *text = NULL;
	size_t n;

	console_ring_add(&ring, "hello ", 6);
	console_ring_add(&ring, "world", 5);
	text = content(&ring, &n);
	assert_int_equal(n, 11);
	assert_string_equal(text, "hello world");
	console_ring_done(&ring);
}

/* Writes `total` bytes of a pattern in pieces of `piece` and expects their end. */
static void check_end(size_t total, size_t piece)
{
	cleanup_free char *pattern = malloc(total);
	struct console_ring ring = { 0 };
	cleanup_free char *text = NULL;
	size_t expected = total < CONSOLE_RING_SIZE ? total : CONSOLE_RING_SIZE;
	size_t n;

	assert_non_null(pattern);
	for (size_t i = 0; i < total; i++)
		pattern[i] = (char)('a' + i % 23);
	for (size_t at = 0; at < total; at += piece)
		console_ring_add(&ring, pattern + at, total - at < piece ? total - at : piece);
	text = content(&ring, &n);
	assert_int_equal(n, expected);
	assert_memory_equal(text, pattern + total - expected, expected);
	console_ring_done(&ring);
}

static void a_full_ring_keeps_the_last_bytes_in_order(void **state)
{
	check_end(CONSOLE_RING_SIZE - 1, 1000);
	check_end(CONSOLE_RING_SIZE, 4096);
	check_end(CONSOLE_RING_SIZE + 1, 4096);
	check_end(2 * CONSOLE_RING_SIZE, 4096);
	check_end(3 * CONSOLE_RING_SIZE + 777, 1001);
}

static void a_piece_larger_than_the_ring_leaves_its_end(void **state)
{
	check_end(CONSOLE_RING_SIZE + 12345, CONSOLE_RING_SIZE + 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_ring_has_no_parts_and_no_memory),
		cmocka_unit_test(a_short_text_comes_back_whole),
		cmocka_unit_test(a_full_ring_keeps_the_last_bytes_in_order),
		cmocka_unit_test(a_piece_larger_than_the_ring_leaves_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
