/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wire_test.c - Varlink's framing against clients that mean it well and clients that do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/error.h"
#include "base/json.h"
#include "daemon/wire.h"

static int feed(struct wire *wire, const char *text, size_t n)
{
	struct error err = { 0 };

	return wire_feed(wire, text, n, NULL, 0, &err);
}

static int take(struct wire *wire, struct wire_call *call)
{
	struct error err = { 0 };

	return wire_take(wire, call, &err);
}

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void bytes_one_by_one_make_a_message(void **state)
{
	static const char text[] =
		"{\"method\":\"io.vessel.List\",\"parameters\":{\"pid\":1},\"more\":true}";
	struct wire_call call = { 0 };
	struct wire wire;

	(void)state;
	wire_init(&wire);
	for (size_t i = 0; i < sizeof(text); i++) {
		assert_int_equal(take(&wire, &call), 0);
		assert_int_equal(feed(&wire, text + i, 1), 0);
	}
	assert_int_equal(take(&wire, &call), 1);
	assert_string_equal(call.method, "io.vessel.List");
	assert_true(call.more);
	assert_false(call.oneway);
	assert_non_null(json_find(call.parameters, "pid"));
	assert_false(wire_partial(&wire));
	wire_call_done(&call);
	wire_done(&wire);
}

static void messages_in_one_piece_are_taken_in_order(void **state)
{
	static const char text[] = "{\"method\":\"a\"}\0{\"method\":\"b\",\"parameters\":null}";
	struct wire_call call = { 0 };
	struct wire wire;

	(void)state;
	wire_init(&wire);
	assert_int_equal(feed(&wire, text, sizeof(text)), 0);
	assert_int_equal(take(&wire, &call), 1);
	assert_string_equal(call.method, "a");
	wire_call_done(&call);
	assert_int_equal(take(&wire, &call), 1);
	assert_string_equal(call.method, "b");
	assert_null(call.parameters);
	wire_call_done(&call);
	assert_int_equal(take(&wire, &call), 0);
	wire_done(&wire);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = { "", "hello", "[]", "null", "{}", "{\"method\":1}",
		"{\"method\":\"a\",\"parameters\":[]}", "{\"method\":\"a\",\"more\":1}",
		"{\"method\":\"a\",\"oneway\":\"yes\"}", "{\"method\":\"a\",\"upgrade\":true}",
		"{\"method\":\"a\",\"method\":\"b\"}", "{\"method\":\"a\"} {}",
		"{\"method\":\"\xff\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wire_call call = { 0 };
		struct wire wire;

		wire_init(&wire);
		assert_int_equal(feed(&wire, bad[i], strlen(bad[i]) + 1), 0);
		assert_true(take(&wire, &call) < 0);
		wire_done(&wire);
	}
}

static void a_message_without_end_is_refused_at_the_bound(void **state)
{
	size_t n = JSON_TEXT_MAX + 1;
	char *text = malloc(n);
	struct wire_call call = { 0 };
	struct wire wire;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', n);
	wire_init(&wire);
	assert_int_equal(feed(&wire, text, n - 1), 0);
	assert_int_equal(take(&wire, &call), 0);
	assert_int_equal(feed(&wire, text, 1), 0);
	assert_int_equal(take(&wire, &call), -EMSGSIZE);
	wire_done(&wire);
	free(text);
}

static void descriptors_go_with_the_message_they_came_with(void **state)
{
	static const char first[] = "{\"method\":\"a\"}", second[] = "{\"method\":\"b\"}";
	struct wire_call call = { 0 };
	struct error err = { 0 };
	struct wire wire;
	int fd = new_fd();

	(void)state;
	wire_init(&wire);
	/* The kernel may glue a message without descriptors before one that has them. */
	assert_int_equal(feed(&wire, first, sizeof(first)), 0);
	assert_int_equal(wire_feed(&wire, second, 4, &fd, 1, &err), 0);
	assert_int_equal(feed(&wire, second + 4, sizeof(second) - 4), 0);
	assert_int_equal(take(&wire, &call), 1);
	assert_int_equal(call.n_fds, 0);
	wire_call_done(&call);
	assert_int_equal(take(&wire, &call), 1);
	assert_int_equal(call.n_fds, 1);
	assert_int_equal(call.fds[0], fd);
	wire_call_done(&call);
	assert_false(is_open(fd));
	wire_done(&wire);
}

static void descriptors_of_a_bad_message_are_closed(void **state)
{
	struct wire_call call = { 0 };
	struct error err = { 0 };
	struct wire wire;
	int fd = new_fd();

	(void)state;
	wire_init(&wire);
	assert_int_equal(wire_feed(&wire, "nonsense", 9, &fd, 1, &err), 0);
	assert_true(take(&wire, &call) < 0);
	assert_false(is_open(fd));
	wire_done(&wire);
}

static void too_many_descriptors_are_refused_and_closed(void **state)
{
	struct error err = { 0 };
	struct wire wire;
	int fds[SOCKET_FDS_MAX], one = new_fd();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = new_fd();
	wire_init(&wire);
	assert_int_equal(wire_feed(&wire, "{", 1, fds, ARRAY_SIZE(fds), &err), 0);
	assert_true(wire_feed(&wire, " ", 1, &one, 1, &err) < 0);
	assert_false(is_open(one));
	wire_done(&wire);
	assert_false(is_open(fds[0]));
}

static void replies_end_with_one_nul(void **state)
{
	struct text out;

	(void)state;
	text_init(&out);
	assert_int_equal(wire_reply(&out, NULL, true), 0);
	assert_string_equal(out.data, "{\"parameters\":{},\"continues\":true}");
	assert_int_equal(out.length, strlen(out.data) + 1);
	text_drop(&out, out.length);
	assert_int_equal(wire_error(&out, "io.vessel.Failed", json_new_object()), 0);
	assert_string_equal(out.data, "{\"error\":\"io.vessel.Failed\",\"parameters\":{}}");
	text_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_one_by_one_make_a_message),
		cmocka_unit_test(messages_in_one_piece_are_taken_in_order),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(a_message_without_end_is_refused_at_the_bound),
		cmocka_unit_test(descriptors_go_with_the_message_they_came_with),
		cmocka_unit_test(descriptors_of_a_bad_message_are_closed),
		cmocka_unit_test(too_many_descriptors_are_refused_and_closed),
		cmocka_unit_test(replies_end_with_one_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
