/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * operation_test.c - the queue of a VE and the walk through the phases, with a test as the keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
#include <cmocka.h> /* after setjmp.h, stdarg.h, stddef.h and stdint.h, which it needs */
/* clang-format on */

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/socket.h"
#include "daemon/connection_data.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/operation.h"
#include "daemon/protocol.h"
#include "daemon/ve_table.h"

struct stage {
	char directory[32];
	struct instance instance;
	struct manager manager;
	int keeper_fd;
	struct ve *ve;
};

static char said[256]; /* what the operations did, in order */
static int refuse_with;

static void say(const char *what)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%.60s ", what);
}

static int job_begin(struct operation *op, struct error *err)
{
	say(op->type->verb);
	return operation_job(op, op->type->verb, NULL, NULL, err);
}

static int quick_begin(struct operation *op, struct error *err)
{
	say("quick");
	return refuse_with ? error_refuse(err, ERROR_STATE, "it is so") : PHASE_DONE;
}

static int undo_begin(struct operation *op, struct error *err)
{
	say("undo");
	return PHASE_DONE;
}

static void finished(struct operation *op, const struct error *err)
{
	say(err ? err->text : "done");
}

static int adopted_begin(struct operation *op, struct error *err)
{
	say("adopted");
	return op->job ? PHASE_WAIT : PHASE_DONE;
}

static const struct phase one_job[] = { { job_begin, NULL } };
static const struct phase mixed[] = { { quick_begin, NULL }, { job_begin, NULL },
	{ quick_begin, NULL } };
static const struct phase undo = { undo_begin, NULL };

static const struct operation_type first = {
	.verb = "first",
	.phases = one_job,
	.n_phases = 1,
	.finish = finished,
	.quiet = true,
};
static const struct operation_type second = {
	.verb = "second",
	.phases = mixed,
	.n_phases = 3,
	.finish = finished,
	.unwind = &undo,
	.quiet = true,
};

static const struct phase two_jobs[] = { { job_begin, NULL }, { job_begin, NULL } };
static const struct operation_type two = {
	.verb = "two",
	.phases = two_jobs,
	.n_phases = 2,
	.quiet = true,
};

static const struct phase no_job[] = { { adopted_begin, NULL } };
static const struct operation_type adopted = {
	.verb = "adopted",
	.phases = no_job,
	.n_phases = 1,
	.finish = finished,
	.quiet = true,
};

static int stop_loop(struct loop *loop, void *data)
{
	loop_quit(loop, 0);
	return 0;
}

/* Runs the loop until nothing is left to do at once. */
static void turn(struct stage *stage)
{
	struct loop_source *timer;
	struct error err = { 0 };

	assert_int_equal(loop_add_timer(stage->manager.loop, 5, stop_loop, NULL, &timer, &err), 0);
	assert_int_equal(loop_run(stage->manager.loop, &err), 0);
	loop_remove(timer);
}

/* The next job that the keeper is given: its id, and "operation" of its spec. 0: none. */
static uint64_t next_job(struct stage *stage, char operation[32])
{
	cleanup_json struct json *spec = NULL;
	struct message message;
	struct error err = { 0 };
	int fds[SOCKET_FDS_MAX];
	size_t n_fds = 0;
	char text[512];
	ssize_t n;

	turn(stage);
	if (socket_receive(stage->keeper_fd, &message, sizeof(message), fds, &n_fds) <= 0)
		return 0;
	assert_int_equal(message.type, MANAGER_JOB);
	assert_int_equal(n_fds, 1);
	n = pread(fds[0], text, sizeof(text), 0);
	assert_true(n > 0);
	assert_int_equal(json_parse(text, (size_t)n, &spec, &err), 0);
	snprintf(operation, 32, "%s", json_find_string(spec, "operation"));
	close(fds[0]);
	return message.id;
}

static void end_job(struct stage *stage, uint64_t id, int status, const char *error)
{
	struct message message = {
		.version = PROTOCOL_VERSION, .type = KEEPER_JOB_ENDED, .id = id, .status = status
	};

	if (error)
		error_set(&message.error, EIO, "%s", error);
	assert_true(job_list_ended(stage->manager.jobs, &message));
	turn(stage);
}

static void submit(struct stage *stage, const struct operation_type *type)
{
	struct error err = { 0 };
	struct operation *op = operation_new(&stage->manager, type, stage->ve, "", NULL, &err);

	assert_non_null(op);
	operation_submit(op);
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct error err = { 0 };
	int pair[2];

	assert_non_null(stage);
	snprintf(stage->directory, sizeof(stage->directory), "/tmp/vessel-test-XXXXXX");
	assert_non_null(mkdtemp(stage->directory));
	stage->instance.run_fd = open(stage->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stage->instance.jobs = 2;
	stage->manager.instance = &stage->instance;
	stage->manager.serving = true;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	stage->keeper_fd = pair[1];
	assert_int_equal(loop_new(&stage->manager.loop, &err), 0);
	assert_int_equal(operation_list_new(&stage->manager.operations, &err), 0);
	assert_int_equal(job_list_new(&stage->manager, &stage->manager.jobs, &err), 0);
	assert_int_equal(ve_table_new(&stage->manager.ves, &err), 0);
	assert_int_equal(mailbox_new(&stage->manager, pair[0], &stage->manager.mailbox, &err), 0);
	assert_int_equal(ve_table_add(&stage->manager, "web1", &stage->ve, &err), 0);
	said[0] = '\0';
	refuse_with = 0;
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	struct error err = { 0 };

	operation_drop_all(&stage->manager);
	mailbox_free(stage->manager.mailbox);
	job_list_free(stage->manager.jobs);
	operation_list_free(stage->manager.operations);
	ve_table_free(stage->manager.ves);
	loop_free(stage->manager.loop);
	close(stage->keeper_fd);
	close(stage->instance.run_fd);
	(void)file_remove_tree(AT_FDCWD, stage->directory, &err);
	free(stage);
	return 0;
}

static void operations_of_a_ve_wait_for_one_another(void **state)
{
	struct stage *stage = *state;
	char operation[32];
	uint64_t id;

	submit(stage, &first);
	submit(stage, &second);
	id = next_job(stage, operation);
	assert_string_equal(operation, "first");
	assert_int_equal(next_job(stage, operation), 0);
	assert_string_equal(said, "first ");
	end_job(stage, id, 0, NULL);
	id = next_job(stage, operation);
	assert_string_equal(operation, "second");
	end_job(stage, id, 0, NULL);
	assert_string_equal(said, "first done quick second quick done ");
	assert_null(stage->ve->current);
}

static void a_failed_job_is_undone_and_the_next_goes_on(void **state)
{
	struct stage *stage = *state;
	char operation[32];
	uint64_t id;

	submit(stage, &second);
	submit(stage, &first);
	id = next_job(stage, operation);
	end_job(stage, id, 1 << 8, "cannot do it: EIO");
	assert_string_equal(said, "quick second undo cannot do it: EIO first ");
	assert_int_not_equal(next_job(stage, operation), 0);
}

static void a_refusal_says_what_was_asked(void **state)
{
	struct stage *stage = *state;

	refuse_with = 1;
	submit(stage, &second);
	assert_string_equal(said, "quick undo cannot second web1: it is so ");
}

static void jobs_are_bounded(void **state)
{
	struct stage *stage = *state;
	struct ve *others[2];
	struct error err = { 0 };
	char operation[32];
	uint64_t id;

	assert_int_equal(ve_table_add(&stage->manager, "web2", &others[0], &err), 0);
	assert_int_equal(ve_table_add(&stage->manager, "web3", &others[1], &err), 0);
	submit(stage, &first);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		stage->ve = others[i];
		submit(stage, &first);
	}
	id = next_job(stage, operation);
	assert_int_not_equal(id, 0);
	assert_int_not_equal(next_job(stage, operation), 0);
	assert_int_equal(next_job(stage, operation), 0);
	end_job(stage, id, 0, NULL);
	assert_int_not_equal(next_job(stage, operation), 0);
}

static void busy_tells_who_and_what(void **state)
{
	struct stage *stage = *state;
	struct json *busy;

	assert_null(operation_busy(stage->ve));
	submit(stage, &first);
	busy = operation_busy(stage->ve);
	assert_string_equal(json_find_string(busy, "command"), "first");
	json_free(busy);
}

static void a_job_that_is_over_before_its_turn_is_not_waited_for(void **state)
{
	struct stage *stage = *state;
	struct error err = { 0 };
	struct operation *op;
	char operation[32];

	submit(stage, &first);
	op = operation_new(&stage->manager, &adopted, stage->ve, "", NULL, &err);
	assert_non_null(op);
	op->job = 4711;
	operation_submit(op);
	operation_job_over(op);
	assert_string_equal(said, "first ");
	end_job(stage, next_job(stage, operation), 0, NULL);
	assert_string_equal(said, "first done adopted done ");
}

/* What a client is told of its operation when the manager ends, which it does. */
static void assert_dropped(struct stage *stage, const char *answer)
{
	struct server server = { .manager = &stage->manager };
	struct call *call = calloc(1, sizeof(*call));
	struct error err = { 0 };
	char reply[512] = "";
	int pair[2];

	assert_non_null(call);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(
		connection_new(&server, pair[0], &(struct ucred){ 0 }, ROLE_ADMIN, &err), 0);
	call->connection = LIST_FIRST(&server.connections);
	call->connection->call = call;
	stage->ve->current->call = call;
	operation_drop_all(&stage->manager);
	assert_true(read(pair[1], reply, sizeof(reply) - 1) > 0);
	assert_non_null(strstr(reply, answer));
	connection_free(LIST_FIRST(&server.connections));
	close(pair[1]);
}

static void what_waits_for_room_has_not_begun(void **state)
{
	struct stage *stage = *state;
	char operation[32];

	stage->instance.jobs = 0;
	submit(stage, &second);
	assert_int_equal(next_job(stage, operation), 0);
	assert_string_equal(said, "quick second ");
	assert_dropped(stage, "this has not begun");
}

static void what_runs_has_begun(void **state)
{
	struct stage *stage = *state;
	char operation[32];

	submit(stage, &second);
	assert_int_not_equal(next_job(stage, operation), 0);
	assert_dropped(stage, "what has begun goes on");
}

static void what_waits_for_room_after_a_job_has_begun(void **state)
{
	struct stage *stage = *state;
	char operation[32];
	uint64_t id;

	submit(stage, &two);
	id = next_job(stage, operation);
	stage->instance.jobs = 0;
	end_job(stage, id, 0, NULL);
	assert_int_equal(next_job(stage, operation), 0);
	assert_string_equal(said, "two two ");
	assert_dropped(stage, "what has begun goes on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			operations_of_a_ve_wait_for_one_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_failed_job_is_undone_and_the_next_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_says_what_was_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_job_that_is_over_before_its_turn_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(jobs_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_waits_for_room_has_not_begun, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_runs_has_begun, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_waits_for_room_after_a_job_has_begun, set_up, tear_down),
		cmocka_unit_test_setup_teardown(busy_tells_who_and_what, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
