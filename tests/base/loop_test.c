/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loop_test.c - the event loop: above all, what handlers do to the sources of the same round.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/loop.h"
#include "tests/base/scratch.h"

#define SOURCES 10

static struct loop *loop;
static struct loop_source *sources[SOURCES];
static int calls;

static int setup(void **state)
{
	struct error err = { 0 };

	calls = 0;
	return loop_new(&loop, &err);
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int quit_timer(struct loop *l, void *data)
{
	loop_quit(l, 7);
	return 0;
}

static void quit_after(uint64_t wait)
{
	struct error err = { 0 };

	assert_int_equal(loop_add_timer(loop, wait, quit_timer, NULL, NULL, &err), 0);
}

/* The first one called removes all, itself too, and closes what they watched. */
static int remove_all(struct loop *l, int fd, uint32_t events, void *data)
{
	int(*pipes)[2] = data;

	calls++;
	for (int i = 0; i < SOURCES; i++) {
		loop_remove(sources[i]);
		close_fd(&pipes[i][0]);
	}
	loop_remove(sources[0]); /* twice is harmless until the round ends */
	loop_remove(NULL);
	return 0;
}

static void removed_sources_are_not_called(void **state)
{
	int pipes[SOURCES][2];
	struct error err = { 0 };

	for (int i = 0; i < SOURCES; i++) {
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		assert_int_equal(loop_add_io(loop, pipes[i][0], EPOLLIN, remove_all, pipes,
					 &sources[i], &err),
			0);
	}
	quit_after(20);
	assert_int_equal(loop_run(loop, &err), 7);
	assert_int_equal(calls, 1);
	for (int i = 0; i < SOURCES; i++)
		close_fd(&pipes[i][1]);
}

static int read_one(struct loop *l, int fd, uint32_t events, void *data)
{
	char c;

	calls++;
	if (read(fd, &c, 1) != 1)
		return -EIO;
	if (c == 'q')
		loop_quit(l, 0);
	return 0;
}

static void io_is_level_triggered(void **state)
{
	struct loop_source *source;
	struct error err = { 0 };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "abcq", 4), 4);
	assert_int_equal(loop_add_io(loop, ends[0], 0, read_one, NULL, &source, &err), 0);
	quit_after(10);
	assert_int_equal(loop_run(loop, &err), 7);
	assert_int_equal(calls, 0);
	assert_int_equal(loop_change_io(source, EPOLLIN, &err), 0);
	assert_int_equal(loop_run(loop, &err), 0);
	assert_int_equal(calls, 4);
	assert_int_equal(loop_add_io(loop, ends[0], EPOLLIN, read_one, NULL, NULL, &err), -EEXIST);
	close(ends[0]);
	close(ends[1]);
}

static int fail_timer(struct loop *l, void *data)
{
	return -EPROTO;
}

static void failing_handler_ends_the_loop(void **state)
{
	struct error err = { 0 };

	assert_int_equal(loop_add_timer(loop, 0, fail_timer, NULL, NULL, &err), 0);
	assert_int_equal(loop_run(loop, &err), -EPROTO);
	assert_int_equal(err.code, EPROTO);
}

static int order[3];

static int note_timer(struct loop *l, void *data)
{
	order[calls++] = *(int *)data;
	return 0;
}

static void timers_fire_in_order_and_not_early(void **state)
{
	static int names[] = { 1, 2, 3 };
	uint64_t start = milliseconds();
	struct error err = { 0 };

	assert_int_equal(loop_add_timer(loop, 30, note_timer, &names[2], NULL, &err), 0);
	assert_int_equal(loop_add_timer(loop, 10, note_timer, &names[0], NULL, &err), 0);
	assert_int_equal(loop_add_timer(loop, 20, note_timer, &names[1], NULL, &err), 0);
	quit_after(50);
	assert_int_equal(loop_run(loop, &err), 7);
	assert_true(milliseconds() - start >= 50);
	assert_int_equal(calls, 3); /* each once */
	assert_true(order[0] == 1 && order[1] == 2 && order[2] == 3);
}

static int again_timer(struct loop *l, void *data)
{
	struct error err = { 0 };

	return ++calls < 100 ? loop_set_timer(sources[0], 0, &err) : 0;
}

/* Without an end to each round, descriptors would starve beside it. */
static void timer_that_arms_itself_lets_others_run(void **state)
{
	struct error err = { 0 };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "q", 1), 1);
	assert_int_equal(loop_add_timer(loop, 0, again_timer, NULL, &sources[0], &err), 0);
	assert_int_equal(loop_add_io(loop, ends[0], EPOLLIN, read_one, NULL, NULL, &err), 0);
	assert_int_equal(loop_run(loop, &err), 0);
	assert_true(calls < 5);
	close(ends[0]);
	close(ends[1]);
}

static int remove_timers(struct loop *l, void *data)
{
	calls++;
	for (int i = 0; i < SOURCES; i++)
		loop_remove(sources[i]);
	return 0;
}

static void timers_can_be_moved_and_removed(void **state)
{
	struct loop_source *far;
	struct error err = { 0 };
	uint64_t start = milliseconds();

	assert_int_equal(loop_add_timer(loop, UINT64_MAX, quit_timer, NULL, &far, &err), 0);
	for (int i = 0; i < SOURCES; i++)
		assert_int_equal(
			loop_add_timer(loop, 5, remove_timers, NULL, &sources[i], &err), 0);
	assert_int_equal(loop_set_timer(far, 20, &err), 0);
	assert_int_equal(loop_run(loop, &err), 7);
	assert_int_equal(calls, 1);
	assert_true(milliseconds() - start < 5000);
}

static int on_signal(struct loop *l, int signal, int64_t sender, void *data)
{
	assert_int_equal(sender, getpid());
	calls += signal;
	if (signal == SIGUSR2)
		loop_quit(l, 0);
	return 0;
}

static void signals_arrive_with_their_sender(void **state)
{
	struct error err = { 0 };

	assert_int_equal(loop_add_signal(loop, SIGUSR1, on_signal, NULL, &err), 0);
	assert_int_equal(loop_add_signal(loop, SIGUSR2, on_signal, NULL, &err), 0);
	assert_int_equal(loop_add_signal(loop, 0, on_signal, NULL, &err), -EINVAL);
	assert_int_equal(loop_add_signal(loop, 65, on_signal, NULL, &err), -EINVAL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	assert_int_equal(loop_run(loop, &err), 0);
	assert_int_equal(calls, SIGUSR1 + SIGUSR2);
}

static void quit_before_run_returns_at_once(void **state)
{
	struct error err = { 0 };

	loop_quit(loop, 3);
	assert_int_equal(loop_run(loop, &err), 3);
}

#define loop_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(removed_sources_are_not_called),
		loop_test(io_is_level_triggered),
		loop_test(failing_handler_ends_the_loop),
		loop_test(timers_fire_in_order_and_not_early),
		loop_test(timer_that_arms_itself_lets_others_run),
		loop_test(timers_can_be_moved_and_removed),
		loop_test(signals_arrive_with_their_sender),
		loop_test(quit_before_run_returns_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
