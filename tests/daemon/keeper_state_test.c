/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_state_test.c - what one life of the keeper writes, the next reads, and nothing else.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/keeper_state.h"
#include "tests/base/scratch.h"

static size_t records;

static int count_stray(
	struct keeper *keeper, enum state_type type, const void *bytes, size_t n, struct error *err)
{
	struct state_stray stray;

	state_copy(&stray, sizeof(stray), bytes, n);
	assert_int_equal(type, STATE_STRAY);
	assert_int_equal(stray.pid, 7);
	assert_int_equal(stray.status, n < sizeof(stray) ? 0 : 9);
	records++;
	return 0;
}

/* One whole stray and one of an older release, without its last member. */
static int write_state(void)
{
	static const struct state_stray stray = { 7, 9 };
	struct state_writer writer = { 0 };
	struct error err = { 0 };
	int fd;

	state_begin(&writer);
	state_write(&writer, STATE_STRAY, &stray, sizeof(stray));
	state_write(&writer, STATE_STRAY, &stray, sizeof(stray.pid));
	fd = state_finish(&writer, &err);
	assert_true(fd >= 0);
	state_abandon(&writer);
	return fd;
}

/* The first n bytes of a state, its version made another by `shift`. */
static int read_changed(size_t n, uint32_t shift, struct error *err)
{
	int from = write_state(), fd = memfd_create("changed", 0), r;
	char bytes[256];
	uint32_t version;
	ssize_t length = pread(from, bytes, sizeof(bytes), 0);

	assert_true(length > 0 && fd >= 0);
	memcpy(&version, bytes, sizeof(version));
	version += shift;
	memcpy(bytes, &version, sizeof(version));
	n = n < (size_t)length ? n : (size_t)length;
	assert_int_equal(write(fd, bytes, n), n);
	records = 0;
	r = state_read(fd, NULL, count_stray, err);
	close(from);
	close(fd);
	return r;
}

static void what_was_written_is_read(void **state)
{
	struct error err = { 0 };

	assert_int_equal(read_changed(SIZE_MAX, 0, &err), 0);
	assert_int_equal(records, 2);
}

static void another_version_is_refused(void **state)
{
	struct error err = { 0 };

	assert_int_equal(read_changed(SIZE_MAX, 1, &err), -EPROTO);
	assert_string_equal(err.text, "the state of the last keeper has version 3, not 2");
	assert_int_equal(records, 0);
}

static int count_keeper(
	struct keeper *keeper, enum state_type type, const void *bytes, size_t n, struct error *err)
{
	struct state_keeper from;

	state_copy(&from, sizeof(from), bytes, n);
	assert_int_equal(type, STATE_KEEPER);
	assert_int_equal(from.manager_pid, 4711);
	records++;
	return 0;
}

static void a_state_of_before_versions_is_read(void **state)
{
	static const struct state_keeper last = { .manager_pid = 4711 };
	struct state_writer writer = { 0 };
	struct error err = { 0 };
	int fd;

	text_init(&writer.text);
	state_write(&writer, STATE_KEEPER, &last, sizeof(last));
	fd = state_finish(&writer, &err);
	assert_true(fd >= 0);
	state_abandon(&writer);
	records = 0;
	assert_int_equal(state_read(fd, NULL, count_keeper, &err), 0);
	assert_int_equal(records, 1);
	close(fd);
}

static void a_state_cut_off_is_refused(void **state)
{
	static const size_t lengths[] = { 0, 3, 5, 4 + 8 + 7, 4 + 8 + 8 + 8 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct error err = { 0 };

		assert_int_equal(read_changed(lengths[i], 0, &err), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(a_state_of_before_versions_is_read),
		cmocka_unit_test(a_state_cut_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
