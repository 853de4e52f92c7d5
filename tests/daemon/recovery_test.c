/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * recovery_test.c - what is made of a VE whose jobs were killed, with plain directories for the
 * cgroups and nobody as the keeper.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "daemon/job_list.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/operation.h"
#include "daemon/protocol.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"
#include "tests/cgroup/fake.h"

static struct instance instance;
static struct manager manager;
static int keeper_fd;

static int set_up(void **state)
{
	struct error err = { 0 };
	int pair[2];

	if (fake_open_v2(state) < 0)
		return -1;
	instance = (struct instance){ .state_fd = scratch_fd, .run_fd = scratch_fd, .jobs = 2 };
	manager = (struct manager){ .instance = &instance, .tree = &fake_tree, .serving = true };
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	keeper_fd = pair[1];
	assert_int_equal(loop_new(&manager.loop, &err), 0);
	assert_int_equal(operation_list_new(&manager.operations, &err), 0);
	assert_int_equal(job_list_new(&manager, &manager.jobs, &err), 0);
	assert_int_equal(ve_table_new(&manager.ves, &err), 0);
	assert_int_equal(mailbox_new(&manager, pair[0], &manager.mailbox, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	operation_drop_all(&manager);
	loop_remove(manager.collect_timer);
	mailbox_free(manager.mailbox);
	job_list_free(manager.jobs);
	operation_list_free(manager.operations);
	ve_table_free(manager.ves);
	loop_free(manager.loop);
	close(keeper_fd);
	return fake_close(state);
}

static void store_record(const char *name)
{
	struct ve_config config = { .created = 1795348000, .first_id = 3 * VE_IDS };
	cleanup_close int fd = -1;
	struct error err = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "ve/%s", name);
	fake_make_dirs(path);
	fd = file_open_dir(scratch_fd, path, &err);
	assert_int_equal(settings_init(&config.settings, &err), 0);
	assert_int_equal(uuid_new(config.uuid, &err), 0);
	assert_int_equal(config_store(fd, &config, &err), 0);
	config_done(&config);
}

static struct ve *add(const char *name)
{
	struct error err = { 0 };
	struct ve *ve;

	assert_int_equal(ve_table_add(&manager, name, &ve, &err), 0);
	return ve;
}

static void end_job(const struct ve *ve, int status)
{
	struct message message = { .type = KEEPER_JOB_ENDED, .status = status };

	assert_non_null(ve->current);
	message.id = ve->current->job;
	assert_true(job_list_ended(manager.jobs, &message));
}

static void a_start_of_which_nothing_is_left_is_over(void **state)
{
	struct ve *ve = add("web1");

	store_record("web1");
	ve_move(ve, EVENT_START);
	recovery_look(&manager, ve);
	assert_int_equal(ve->state, VE_STOPPED);
	assert_null(ve->current);
}

static void a_start_that_left_its_cgroup_is_over_when_that_is_cleared(void **state)
{
	struct ve *ve = add("web");

	store_record("web");
	scratch_write("v2/p/ve/web/cgroup.events", "populated 0\n");
	scratch_write("v2/p/ve/web/guest/cgroup.events", "populated 0\n");
	ve_move(ve, EVENT_START);
	recovery_look(&manager, ve);
	assert_int_equal(ve->state, VE_STARTING);
	end_job(ve, 0);
	assert_int_equal(ve->state, VE_STOPPED);
	assert_null(ve->current);
}

static void a_broken_ve_stays_broken(void **state)
{
	struct ve *ve = add("web1");

	fake_make_dirs("ve/web1");
	ve_break(ve, "no record");
	recovery_look(&manager, ve);
	assert_int_equal(ve->state, VE_BROKEN);
}

/* Cleared away twice in vain, then thrown away: the operation that did so goes on without it. */
static void a_ve_that_was_never_made_goes_with_its_end(void **state)
{
	struct ve *ve = add("web1");

	ve->unborn = true;
	ve->ended = true;
	ve->end_status = -1;
	operation_next(ve);
	end_job(ve, SIGKILL);
	assert_ptr_equal(ve_table_find(manager.ves, "web1"), ve);
	end_job(ve, SIGKILL);
	assert_int_equal(manager.ves->n, 0);
}

static void a_name_that_is_being_given_is_not_loaded(void **state)
{
	struct ve *ve = add("web1");
	struct error err = { 0 };

	store_record("web2"); /* the job has moved it, and nobody has heard of its end */
	snprintf(ve->reserved, sizeof(ve->reserved), "web2");
	recovery_look(&manager, NULL);
	assert_int_equal(manager.ves->n, 1);
	ve->reserved[0] = '\0';
	assert_int_equal(ve_table_load(&manager, &err), 0);
	assert_int_equal(manager.ves->n, 2);
}

static void of_two_with_one_name_the_right_one_is_removed(void **state)
{
	struct ve *ves[] = { add("web1"), add("web1") };

	ve_table_remove(manager.ves, ves[0]);
	assert_int_equal(manager.ves->n, 1);
	assert_ptr_equal(manager.ves->ve[0], ves[1]);
	ves[0] = add("web1");
	ve_table_remove(manager.ves, ves[0]);
	assert_ptr_equal(manager.ves->ve[0], ves[1]);
}

#define recovery_unit_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		recovery_unit_test(a_start_of_which_nothing_is_left_is_over),
		recovery_unit_test(a_start_that_left_its_cgroup_is_over_when_that_is_cleared),
		recovery_unit_test(a_broken_ve_stays_broken),
		recovery_unit_test(a_ve_that_was_never_made_goes_with_its_end),
		recovery_unit_test(a_name_that_is_being_given_is_not_loaded),
		recovery_unit_test(of_two_with_one_name_the_right_one_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
