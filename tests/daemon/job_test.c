/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * job_test.c - whole jobs, forked as the keeper forks them, over fakes of the lower rooms: what is
 * done in which order, what the keeper hears, and what is left when a call fails.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/socket.h"
#include "daemon/instance.h"
#include "daemon/job.h"
#include "runtime/config.h"
#include "tests/base/scratch.h"
#include "tests/daemon/job_fake.h"

static struct instance instance;
static struct runtime_host host;
static struct ve_config config;
static pid_t job_pid;
static int keeper_fd = -1;
static int status_fds[2] = { -1, -1 };

static int setup(void **state)
{
	cleanup_close int dir_fd = -1;
	struct error err = { 0 };

	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fake->code = EIO;
	fake->unsupported = -1;
	if (scratch_open(state) < 0 || settings_init(&config.settings, &err) < 0 ||
		uuid_new(config.uuid, &err) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status_fds) < 0)
		return -1;
	config.first_id = 3 * VE_IDS;
	instance.state_fd = scratch_fd;
	mkdirat(scratch_fd, "ve", 0700);
	mkdirat(scratch_fd, "ve/web1", 0700);
	dir_fd = file_open_dir(scratch_fd, "ve/web1", &err);
	return config_store(dir_fd, &config, &err);
}

static int teardown(void **state)
{
	close_fd(&keeper_fd);
	close_fd(&status_fds[0]);
	close_fd(&status_fds[1]);
	config_done(&config);
	instance.hold = NULL;
	munmap(fake, sizeof(*fake));
	return scratch_close(state);
}

/* Forks a job with the members of `more` (JSON) in its spec; takes `with_config` from `config`. */
static void fork_job(const char *operation, const char *more, bool with_config)
{
	cleanup_json struct json *spec = NULL;
	cleanup_free char *text = NULL;
	struct error err = { 0 };
	int pair[2];
	struct job job = { .instance = &instance, .host = &host, .id = 9, .n_fds = 5 };

	assert_int_equal(json_parse(more, strlen(more), &spec, &err), 0);
	json_set_string(spec, "operation", operation);
	if (!json_find(spec, "name"))
		json_set_string(spec, "name", "web1");
	if (with_config)
		json_set(spec, "config", config_to_json(&config));
	assert_int_equal(json_print(spec, false, &text), 0);
	job.spec_fd = memfd_create("spec", MFD_CLOEXEC);
	assert_int_equal(write(job.spec_fd, text, strlen(text)), strlen(text));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	job.keeper_fd = pair[1];
	job.fds[1] = status_fds[1];
	job_pid = fork();
	if (job_pid == 0) {
		close_fd(&pair[0]); /* or it would never see the keeper go */
		job_run(&job);
	}
	close_fd(&pair[1]);
	close_fd(&job.spec_fd);
	keeper_fd = pair[0];
}

/* The next message; returns how many descriptors came along. */
static size_t hear(uint32_t type, struct message *ret)
{
	int fds[SOCKET_FDS_MAX];
	size_t n = 0;

	assert_int_equal(socket_receive(keeper_fd, ret, sizeof(*ret), fds, &n), sizeof(*ret));
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
	assert_int_equal(ret->type, type);
	assert_int_equal(ret->id, 9);
	return n;
}

static void say_go(void)
{
	struct message go = { .version = PROTOCOL_VERSION, .type = KEEPER_GO };

	assert_int_equal(socket_send(keeper_fd, &go, sizeof(go), NULL, 0), sizeof(go));
}

static void assert_result(const char *error, const char *told)
{
	struct message result;
	int status;

	assert_int_equal(hear(JOB_RESULT, &result), 0);
	assert_string_equal(result.error.text, error);
	assert_string_equal(fake->told, told);
	assert_int_equal(waitpid(job_pid, &status, 0), job_pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), *error ? EXIT_FAILURE : EXIT_SUCCESS);
	close_fd(&keeper_fd);
}

static struct ve_config on_disk(void)
{
	struct ve_config disk;
	struct error err = { 0 };

	assert_int_equal(config_load(scratch_fd, "web1", &disk, &err), 0);
	return disk;
}

static bool runs_on_disk(void)
{
	struct ve_config disk = on_disk();
	bool run = disk.run;

	config_done(&disk);
	return run;
}

static void bad_specs_are_refused(void **state)
{
	(void)state;
	fork_job("dance", "{}", false);
	assert_result("no such job as 'dance'", "");
	fork_job("destroy", "{\"name\":\"../web1\"}", false);
	assert_result("cannot destroy: bad name '../web1'", "");
	fork_job("start", "{}", false);
	assert_result("cannot start web1: the job's spec holds no config", "");
	fork_job("start", "{\"config\":{\"format\":2}}", false);
	assert_result("cannot start web1: config of the job's spec: format 2 is not known to this "
		      "vesseld (it knows 1)",
		"");
}

static void a_start_is_registered_before_it_goes_and_stored_before_it_is_told(void **state)
{
	struct message message;

	(void)state;
	fake->has_console = 1;
	fork_job("start", "{}", true);
	assert_int_equal(hear(JOB_REGISTER, &message), 3);
	assert_string_equal(message.name, "web1");
	assert_string_equal(message.uuid, config.uuid);
	assert_int_equal(message.pid, 4711);
	assert_int_equal(message.stop_way, 1);
	assert_false(runs_on_disk());
	say_go();
	assert_result("", "enter; up; launch init; ");
	assert_true(runs_on_disk());
}

static void a_start_without_go_fails(void **state)
{
	struct message message;
	int status;

	(void)state;
	fork_job("start", "{}", true);
	assert_int_equal(hear(JOB_REGISTER, &message), 1);
	close_fd(&keeper_fd);
	assert_int_equal(waitpid(job_pid, &status, 0), job_pid);
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
	assert_false(runs_on_disk());
}

static void a_start_that_cannot_be_stored_is_ended(void **state)
{
	struct message message;

	(void)state;
	fork_job("start", "{}", true);
	(void)hear(JOB_REGISTER, &message);
	assert_int_equal(renameat(scratch_fd, "ve/web1", scratch_fd, "ve/web2"), 0);
	say_go();
	assert_result("cannot start web1: no VE web1", "enter; up; launch init; kill; ");
}

static void a_start_whose_network_fails_is_none(void **state)
{
	(void)state;
	snprintf(fake->fails, sizeof(fake->fails), "up");
	fork_job("start", "{}", true);
	assert_result("cannot start web1: up failed", "enter; up; undo; ");
	assert_false(runs_on_disk());
}

static void a_helper_runs_in_place_of_init_and_stores_nothing(void **state)
{
	struct message message;

	(void)state;
	fork_job("helper", "{\"argv\":[\"chpasswd\"]}", true);
	assert_int_equal(hear(JOB_REGISTER, &message), 1);
	say_go();
	assert_result("", "enter; launch chpasswd; ");
	assert_false(runs_on_disk());
}

/* Lets the job stop at the step that --hold names, looks, and lets it go on. */
static void held_at(const char *hold, const char *told)
{
	static char name[64];
	struct message message;
	int status;

	snprintf(name, sizeof(name), "%s", hold);
	instance.hold = name;
	memset(fake->told, 0, sizeof(fake->told));
	fork_job("start", "{}", true);
	if (strstr(hold, "store")) {
		(void)hear(JOB_REGISTER, &message);
		say_go();
	}
	assert_int_equal(waitpid(job_pid, &status, WUNTRACED), job_pid);
	assert_true(WIFSTOPPED(status));
	assert_string_equal(fake->told, told);
	assert_int_equal(kill(job_pid, SIGKILL), 0);
	assert_int_equal(waitpid(job_pid, &status, 0), job_pid);
	close_fd(&keeper_fd);
}

static void hold_stops_a_job_before_the_step(void **state)
{
	(void)state;
	held_at("start:enter", "");
	held_at("start:clone", "enter; ");
	held_at("start:store", "enter; up; launch init; ");
}

static void reclaiming_counts_each_run_once(void **state)
{
	struct ve_config disk;

	(void)state;
	config.run = true;
	snprintf(config.exit.how, sizeof(config.exit.how), "poweroff");
	snprintf(fake->cgroup, sizeof(fake->cgroup), "/");
	fork_job("reclaim", "{}", true);
	assert_result("", "kill; usage; down; remove; ");
	/* A job that was killed before it could remove the cgroup; then another run. */
	snprintf(config.exit.how, sizeof(config.exit.how), "lost");
	fork_job("reclaim", "{}", true);
	assert_result("", "kill; usage; down; remove; kill; down; remove; ");
	disk = on_disk();
	assert_string_equal(disk.exit.how, "poweroff");
	config_done(&disk);
	snprintf(fake->cgroup, sizeof(fake->cgroup), "/proc");
	fork_job("reclaim", "{\"pids_hits\":3}", true); /* seen before their cgroup went */
	assert_result(
		"", "kill; usage; down; remove; kill; down; remove; kill; usage; down; remove; ");
	disk = on_disk();
	assert_string_equal(disk.exit.how, "lost");
	assert_int_equal(disk.totals.cpu_total_us, 10);
	assert_int_equal(disk.totals.pids_hits, 3);
	assert_int_equal(disk.net.traffic.in.bytes, 200);
	assert_int_equal(disk.net.dropped[FILTER_SPOOFED], 2);
	assert_true(disk.run);
	config_done(&disk);
}

static void a_broken_ve_is_reclaimed_too(void **state)
{
	(void)state;
	scratch_write("ve/web1/config.json", "{");
	fork_job("reclaim", "{}", false);
	assert_result("", "kill; remove; ");
}

static void set_writes_limits_first_and_the_record_then(void **state)
{
	struct ve_config disk;

	(void)state;
	fake->alive = 1;
	config.settings.limits.value[LIMIT_MEMORY] = 64 << 20;
	fork_job("set", "{\"live\":4,\"store\":true}", true);
	assert_result("", "limits 4 64; ");
	disk = on_disk();
	assert_int_equal(disk.settings.limits.value[LIMIT_MEMORY], 64 << 20);
	config_done(&disk);
}

static void set_goes_back_when_a_limit_fails(void **state)
{
	struct ve_config disk;

	(void)state;
	fake->alive = 1;
	snprintf(fake->fails, sizeof(fake->fails), "limits");
	config.settings.limits.value[LIMIT_MEMORY] = 64 << 20;
	fork_job("set", "{\"live\":5,\"store\":true}", true);
	assert_result("cannot change web1: limits failed", "limits 5 64; limits 5 1024; ");
	disk = on_disk();
	assert_int_equal(disk.settings.limits.value[LIMIT_MEMORY], 1024 << 20);
	config_done(&disk);
}

static void set_refuses_what_was_asked_for_and_cannot_be(void **state)
{
	(void)state;
	fake->alive = 1;
	fake->unsupported = LIMIT_SWAP;
	fork_job("set", "{\"live\":12}", true);
	assert_result("", "limits 4 1024; ");
	config.settings.asked = 8;
	fork_job("set", "{\"live\":12}", true);
	assert_result("cannot change web1: this host cannot", "limits 4 1024; ");
}

static void set_on_a_stopped_ve_only_stores(void **state)
{
	(void)state;
	fork_job("set", "{\"live\":4,\"store\":true}", true);
	assert_result("", "");
}

static void set_changes_the_network_between_limits_and_record(void **state)
{
	(void)state;
	fake->alive = 1;
	fork_job("set", "{\"live\":1048580,\"store\":true}", true);
	assert_result("", "limits 4 1024; change; ");
	memset(fake->told, 0, sizeof(fake->told));
	snprintf(fake->fails, sizeof(fake->fails), "change");
	fork_job("set", "{\"live\":1048580,\"store\":true}", true);
	assert_result("cannot change web1: change failed",
		"limits 4 1024; change; back; limits 4 1024; ");
}

static void assert_status(const char *expected)
{
	char text[600];
	int fds[SOCKET_FDS_MAX];
	size_t n = 0;
	ssize_t length = socket_receive(status_fds[0], text, sizeof(text) - 1, fds, &n);

	assert_true(length > 0);
	text[length] = '\0';
	for (size_t i = 0; i < n; i++)
		close_fd(&fds[i]);
	assert_string_equal(text, expected);
}

static void an_exec_is_known_to_the_keeper_and_told_to_the_client(void **state)
{
	struct message message;

	(void)state;
	fork_job("exec", "{\"argv\":[\"ls\"],\"user\":\"joe\",\"terminal\":true}", true);
	assert_int_equal(hear(JOB_SESSION, &message), 2);
	assert_int_equal(message.pid, 4712);
	assert_status("started");
	assert_result("", "join ls as joe; ");
}

static void an_exec_that_fails_tells_its_status(void **state)
{
	(void)state;
	snprintf(fake->fails, sizeof(fake->fails), "join");
	fork_job("exec", "{\"argv\":null}", true);
	assert_status("failed 125 cannot run a program in web1: join failed");
	assert_result("cannot run a program in web1: join failed", "join shell as root; ");
	fake->exec_failed = 1;
	fork_job("exec", "{}", true);
	assert_status("failed 126 cannot run a program in web1: join failed");
	(void)waitpid(job_pid, NULL, 0);
	fake->code = ENOENT;
	fork_job("exec", "{}", true);
	assert_status("failed 127 cannot run a program in web1: join failed");
	(void)waitpid(job_pid, NULL, 0);
}

static void an_import_tells_progress_and_its_digest(void **state)
{
	struct message message;

	(void)state;
	fork_job("import", "{\"name\":\"debian_12.1\",\"replace\":true,\"bounds\":{\"ratio\":9}}",
		false);
	assert_int_equal(hear(JOB_PROGRESS, &message), 0);
	assert_int_equal(message.done, 10);
	(void)hear(JOB_RESULT, &message);
	assert_string_equal(message.text, "sha256:feed");
	assert_string_equal(message.name, "debian_12.1");
	assert_string_equal(fake->told, "import debian_12.1 10 1 9; ");
	(void)waitpid(job_pid, NULL, 0);
}

static void a_template_is_removed_with_all_used_layers_named(void **state)
{
	(void)state;
	fork_job("template-remove", "{\"name\":\"t\",\"layers\":[\"a\",\"b\"]}", false);
	assert_result("", "template-remove t 2; ");
}

static void a_freeze_that_fails_is_thawed(void **state)
{
	(void)state;
	snprintf(fake->fails, sizeof(fake->fails), "freeze");
	fork_job("freeze", "{}", false);
	assert_result("cannot pause web1: freeze failed", "freeze; thaw; ");
}

#define job_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		job_test(bad_specs_are_refused),
		job_test(a_start_is_registered_before_it_goes_and_stored_before_it_is_told),
		job_test(a_start_without_go_fails),
		job_test(a_start_that_cannot_be_stored_is_ended),
		job_test(a_start_whose_network_fails_is_none),
		job_test(a_helper_runs_in_place_of_init_and_stores_nothing),
		job_test(hold_stops_a_job_before_the_step),
		job_test(reclaiming_counts_each_run_once),
		job_test(a_broken_ve_is_reclaimed_too),
		job_test(set_writes_limits_first_and_the_record_then),
		job_test(set_goes_back_when_a_limit_fails),
		job_test(set_refuses_what_was_asked_for_and_cannot_be),
		job_test(set_changes_the_network_between_limits_and_record),
		job_test(set_on_a_stopped_ve_only_stores),
		job_test(an_exec_is_known_to_the_keeper_and_told_to_the_client),
		job_test(an_exec_that_fails_tells_its_status),
		job_test(an_import_tells_progress_and_its_digest),
		job_test(a_template_is_removed_with_all_used_layers_named),
		job_test(a_freeze_that_fails_is_thawed),
	};

	alarm(60); /* a job that does not end is a failure, not a wait */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
