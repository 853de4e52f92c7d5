/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_store_test.c - VEs made, renamed, thrown away and collected in a state directory, cut short
 * at every step, and walked again.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "cgroup/hierarchy.h"
#include "daemon/instance.h"
#include "daemon/job_context.h"
#include "tests/base/scratch.h"

#define LAYER "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static struct instance instance;
static char parent[] = "vessel";
static struct cgroup_tree tree = { .n = 1, .parent = parent }; /* no VE has a cgroup in it */
static struct runtime_host host = { .tree = &tree };
static struct job job = { .instance = &instance, .host = &host, .keeper_fd = -1, .spec_fd = -1 };
static struct job_context context;

static int setup(void **state)
{
	struct error err = { 0 };
	int r = scratch_open(state);

	instance.state_fd = tree.hierarchies[0].root_fd = scratch_fd;
	context = (struct job_context){
		.job = &job,
		.name = "web1",
		.lock_fd = -1,
		.has_config = true,
		.config = { .created = 1795348000, .first_id = 3 * VE_IDS },
	};
	context.spec = json_new_object();
	job.spec_fd = memfd_create("spec", MFD_CLOEXEC);
	return r < 0 || settings_init(&context.config.settings, &err) < 0 ||
	       uuid_new(context.config.uuid, &err) < 0;
}

static int teardown(void **state)
{
	job_unlock(&context);
	close_fd(&job.spec_fd);
	json_free(context.spec);
	config_done(&context.config);
	return scratch_close(state);
}

static int walk(const struct job_operation *operation, struct error *err)
{
	int r;

	context.operation = operation;
	r = step_walk(operation->steps, operation->n_steps, NULL, &context, err);
	job_unlock(&context); /* as its end does for a job */
	return r;
}

static void assert_walks(const struct job_operation *operation)
{
	struct error err = { 0 };

	assert_int_equal(walk(operation, &err), 0);
}

/* Entries of a directory, without "." and "..". */
static int count(const char *directory)
{
	cleanup_dir DIR *dir = NULL;
	int fd = openat(scratch_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = 0;

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	while (readdir(dir))
		n++;
	return n - 2;
}

/* The spec's age decides what is a left-over: time stands still otherwise. */
static void touch_spec(time_t seconds)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds } };

	assert_int_equal(futimens(job.spec_fd, times), 0);
}

static void a_created_ve_is_whole(void **state)
{
	struct ve_config config;
	struct error err = { 0 };
	struct stat st;

	(void)state;
	assert_walks(&job_create);
	assert_int_equal(count("ve"), 1);
	assert_int_equal(config_load(scratch_fd, "web1", &config, &err), 0);
	assert_string_equal(config.uuid, context.config.uuid);
	config_done(&config);
	assert_int_equal(fstatat(scratch_fd, "ve/web1", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(scratch_exists("ve/web1/disk/work"));
	assert_true(scratch_exists("ve/web1/disk/upper"));
	assert_false(scratch_exists("ve/web1/op.json"));
	assert_int_equal(walk(&job_create, &err), -EBUSY);
	assert_string_equal(err.text, "it exists");
	assert_int_equal(count("ve"), 1);
}

static void the_upper_looks_like_the_template(void **state)
{
	static char layer[] = LAYER;
	struct timespec times[2] = { { .tv_sec = 100 }, { .tv_sec = 1000, .tv_nsec = 7 } };
	char *layers[] = { layer };
	struct stat st;

	(void)state;
	assert_int_equal(mkdirat(scratch_fd, "layer", 0700), 0);
	layer[6] = '-';
	{
		cleanup_free char *path = NULL;

		assert_true(asprintf(&path, "layer/%s", layer) > 0);
		assert_int_equal(mkdirat(scratch_fd, path, 0700), 0);
		assert_int_equal(fchmodat(scratch_fd, path, 01751, 0), 0);
		assert_int_equal(utimensat(scratch_fd, path, times, 0), 0);
	}
	layer[6] = ':';
	context.config.layers = layers;
	context.config.n_layers = 1;
	assert_walks(&job_create);
	context.config.layers = NULL;
	context.config.n_layers = 0;
	assert_int_equal(fstatat(scratch_fd, "ve/web1/disk/upper", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01751);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 7);
}

/* Killed before each step, the next request finds no half VE, and succeeds. */
static void a_create_cut_short_leaves_nothing_but_a_left_over(void **state)
{
	struct error err = { 0 };

	(void)state;
	context.operation = &job_create;
	for (size_t n = 1; n < job_create.n_steps; n++) {
		for (size_t i = 0; i < n; i++)
			assert_int_equal(job_create.steps[i].run(&context, &err), 0);
		assert_false(scratch_exists("ve/web1"));
		job_unlock(&context);
	}
	assert_true(scratch_exists("ve/.new-web1"));
	assert_walks(&job_create);
	assert_int_equal(count("ve"), 1);
}

static void a_create_that_fails_undoes_itself(void **state)
{
	static char layer[] = LAYER;
	char *layers[] = { layer };
	struct error err = { 0 };

	(void)state;
	context.config.layers = layers;
	context.config.n_layers = 1;
	assert_true(walk(&job_create, &err) < 0);
	context.config.layers = NULL;
	context.config.n_layers = 0;
	assert_int_equal(count("ve"), 0);
}

static void left_overs_are_collected_unless_a_create_works(void **state)
{
	struct error err = { 0 };

	(void)state;
	context.operation = &job_create;
	for (size_t i = 0; i + 1 < job_create.n_steps; i++)
		assert_int_equal(job_create.steps[i].run(&context, &err), 0);
	{
		struct job_context other = context;

		other.lock_fd = -1;
		other.operation = &job_collect;
		assert_int_equal(
			step_walk(job_collect.steps, job_collect.n_steps, NULL, &other, &err), 0);
		assert_true(scratch_exists("ve/.new-web1"));
	}
	job_unlock(&context);
	assert_walks(&job_collect);
	assert_int_equal(count("ve"), 0);
	assert_int_equal(count("trash"), 0);
	assert_walks(&job_collect);
}

static void a_half_made_ve_is_collected_but_not_a_busy_or_young_one(void **state)
{
	struct json *busy;

	(void)state;
	json_set_bool(context.spec, "keep_op", true);
	assert_walks(&job_create);
	assert_true(scratch_exists("ve/web1/op.json"));

	touch_spec(4102444800);
	assert_walks(&job_collect); /* nobody said who is busy */
	assert_true(scratch_exists("ve/web1"));
	busy = json_set_array(context.spec, "busy");
	json_append_string(busy, "web1");
	assert_walks(&job_collect);
	assert_true(scratch_exists("ve/web1"));
	(void)json_set_array(context.spec, "busy");
	touch_spec(1);
	assert_walks(&job_collect);
	assert_true(scratch_exists("ve/web1"));
	touch_spec(4102444800);
	assert_walks(&job_collect);
	assert_int_equal(count("ve"), 0);
	assert_int_equal(count("trash"), 0);
}

static void a_half_made_ve_does_not_bar_its_name(void **state)
{
	struct error err = { 0 };

	(void)state;
	json_set_bool(context.spec, "keep_op", true);
	assert_walks(&job_create);
	touch_spec(1);
	assert_int_equal(walk(&job_create, &err), -EBUSY);
	assert_string_equal(err.text, "it exists");
	touch_spec(4102444800);
	json_set_bool(context.spec, "keep_op", false);
	assert_walks(&job_create);
	assert_false(scratch_exists("ve/web1/op.json"));
	assert_int_equal(count("trash"), 1);
}

static void a_committed_ve_stays(void **state)
{
	(void)state;
	json_set_bool(context.spec, "keep_op", true);
	(void)json_set_array(context.spec, "busy");
	assert_walks(&job_create);
	assert_walks(&job_commit);
	assert_walks(&job_commit);
	touch_spec(4102444800);
	assert_walks(&job_collect);
	assert_true(scratch_exists("ve/web1/config.json"));
}

static void renaming_keeps_what_is_there(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_walks(&job_create);
	json_set_string(context.spec, "new_name", "../web2");
	assert_int_equal(walk(&job_rename, &err), -EINVAL);
	json_set_string(context.spec, "new_name", "web2");
	assert_walks(&job_rename);
	assert_true(scratch_exists("ve/web2/config.json"));
	assert_int_equal(walk(&job_rename, &err), -ENOENT);
	assert_string_equal(err.text, "no VE web1");
	assert_walks(&job_create);
	assert_int_equal(walk(&job_rename, &err), -EBUSY);
	assert_string_equal(err.text, "web2 exists");
	assert_int_equal(count("ve"), 2);
}

static void a_destroyed_ve_goes_to_the_trash_and_then_away(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_walks(&job_create);
	context.has_config = false; /* it has not run, so that it has no network */
	assert_walks(&job_destroy);
	assert_int_equal(count("ve"), 0);
	assert_int_equal(count("trash"), 1);
	assert_int_equal(walk(&job_destroy, &err), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	context.has_config = true;
	assert_walks(&job_create);
	context.has_config = false;
	assert_walks(&job_destroy);
	assert_int_equal(count("trash"), 2);
	assert_walks(&job_collect);
	assert_int_equal(count("trash"), 0);
}

static void storing_keeps_the_totals_that_jobs_have_counted(void **state)
{
	struct ve_config config;
	struct error err = { 0 };

	(void)state;
	context.config.totals.cpu_total_us = 42;
	context.config.counted = 8;
	assert_walks(&job_create);
	context.config.totals.cpu_total_us = 7;
	context.config.run = true;
	context.config.counted = 9;
	assert_int_equal(job_store_config(&context, false, &err), 0);
	assert_int_equal(config_load(scratch_fd, "web1", &config, &err), 0);
	assert_int_equal(config.totals.cpu_total_us, 42);
	assert_int_equal(config.counted, 8);
	assert_true(config.run);
	config_done(&config);
	assert_int_equal(job_store_config(&context, true, &err), 0);
	assert_int_equal(config_load(scratch_fd, "web1", &config, &err), 0);
	assert_int_equal(config.counted, 0);
	config_done(&config);
}

static void a_damaged_record_makes_its_layers_unknown(void **state)
{
	struct names used = { 0 };
	struct error err = { 0 };

	(void)state;
	json_append_string(json_set_array(context.spec, "layers"), LAYER);
	assert_walks(&job_create);
	assert_int_equal(job_used_layers(&context, &used, &err), 0);
	assert_int_equal(used.n, 1);
	names_done(&used);
	scratch_write("ve/web1/config.json", "{");
	assert_true(job_used_layers(&context, &used, &err) < 0);
	assert_int_equal(
		strncmp(err.text,
			"the layers that VE web1 needs are not known (mend or destroy it): ", 66),
		0);
}

#define job_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		job_test(a_created_ve_is_whole),
		job_test(the_upper_looks_like_the_template),
		job_test(a_create_cut_short_leaves_nothing_but_a_left_over),
		job_test(a_create_that_fails_undoes_itself),
		job_test(left_overs_are_collected_unless_a_create_works),
		job_test(a_half_made_ve_is_collected_but_not_a_busy_or_young_one),
		job_test(a_half_made_ve_does_not_bar_its_name),
		job_test(a_committed_ve_stays),
		job_test(renaming_keeps_what_is_there),
		job_test(a_destroyed_ve_goes_to_the_trash_and_then_away),
		job_test(storing_keeps_the_totals_that_jobs_have_counted),
		job_test(a_damaged_record_makes_its_layers_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
