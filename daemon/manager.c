/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * manager.c - one thread, one loop: made of its parts, run, and taken apart.
 *
 * It reads the records, hears from the keeper what runs, and opens its sockets only when its table
 * says what is true. It may die at any instruction; the next one does the same.
 */
#include "manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "cgroup/tree.h"
#include "daemon/connection.h"
#include "daemon/event.h"
#include "daemon/job_list.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/notify.h"
#include "daemon/operation.h"
#include "daemon/recovery.h"
#include "daemon/shutdown.h"
#include "daemon/ve_table.h"

struct watchdog {
	struct loop_source *timer;
	uint64_t period_ms;
};

static int on_signal(struct loop *loop, int signal, int64_t sender_pid, void *data)
{
	loop_quit(loop, 0);
	return 0;
}

static int on_watchdog(struct loop *loop, void *data)
{
	struct watchdog *watchdog = data;
	struct error err = { 0 };

	notify_send("WATCHDOG=1");
	return loop_set_timer(watchdog->timer, watchdog->period_ms, &err);
}

/* Everything of ours closes itself in execve, as it would if we were killed, but not before that
 * has succeeded: whoever reloads a broken program keeps the manager that he has. */
static int on_reload(struct loop *loop, int signal, int64_t sender_pid, void *data)
{
	const struct manager_program *program = data;

	(void)execv(program->path, program->argv);
	log_line(LOG_LEVEL_ERROR, "not reloaded: cannot execute %s: %s", program->path,
		strerror(errno));
	return 0;
}

static int watch_signals(
	struct manager *manager, const struct manager_program *program, struct error *err)
{
	int r = loop_add_signal(manager->loop, SIGTERM, on_signal, manager, err);

	if (r == 0)
		r = loop_add_signal(manager->loop, SIGINT, on_signal, manager, err);
	if (r == 0)
		r = loop_add_signal(manager->loop, SIGHUP, on_reload, (void *)program, err);
	return r;
}

/* sd_watchdog_enabled(3): for us if the pid is ours; half the time is advised. */
static int start_watchdog(struct manager *manager, struct watchdog *watchdog, struct error *err)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t number;

	if (!usec || parse_count(usec, &number) < 0 || number < 2000)
		return 0;
	watchdog->period_ms = number / 2000;
	if (pid && (parse_count(pid, &number) < 0 || number != (uint64_t)getpid()))
		return 0;
	return loop_add_timer(
		manager->loop, watchdog->period_ms, on_watchdog, watchdog, &watchdog->timer, err);
}

/* A descriptor for each VE and each client; a host that forbids it has fewer of them. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_parts(struct manager *manager, int *keeper_fd, struct error *err)
{
	int r = loop_new(&manager->loop, err);
	int fd = *keeper_fd;

	if (r == 0)
		r = cgroup_tree_open(manager->instance->cgroup, &manager->tree, err);
	if (r == 0)
		r = event_hub_new(manager, &manager->events, err);
	if (r == 0)
		r = operation_list_new(&manager->operations, err);
	if (r == 0)
		r = job_list_new(manager, &manager->jobs, err);
	if (r == 0)
		r = ve_table_new(&manager->ves, err);
	if (r == 0)
		r = ve_table_load(manager, err);
	if (r == 0)
		r = instance_register(manager->instance, err);
	if (r == 0)
		r = network_new(manager, &manager->network, err);
	if (r < 0)
		return r;
	*keeper_fd = -1;
	return mailbox_new(manager, fd, &manager->mailbox, err);
}

static void close_parts(struct manager *manager)
{
	shutdown_free(manager);
	autostart_free(manager);
	operation_drop_all(manager);
	server_free(manager->server);
	manager->server = NULL;
	loop_remove(manager->collect_timer);
	mailbox_free(manager->mailbox);
	job_list_free(manager->jobs);
	operation_list_free(manager->operations);
	ve_table_free(manager->ves);
	event_hub_free(manager->events);
	cgroup_tree_free(manager->tree);
	network_free(manager->network);
	loop_free(manager->loop);
}

int manager_serve(struct manager *manager, struct error *err)
{
	int r = server_new(manager, &manager->server, err);

	if (r < 0)
		return r;
	manager->serving = true;
	log_line(LOG_LEVEL_INFO, "ready: %zu VEs", manager->ves->n);
	notify_send("READY=1");
	return 0;
}

int manager_run(struct instance *instance, const struct manager_program *program, int keeper_fd,
	struct error *err)
{
	struct manager manager = { .instance = instance };
	struct watchdog watchdog = { 0 };
	int r;

	raise_descriptors();
	r = open_parts(&manager, &keeper_fd, err);
	if (r == 0)
		r = watch_signals(&manager, program, err);
	if (r == 0)
		r = start_watchdog(&manager, &watchdog, err);
	if (r == 0)
		r = loop_run(manager.loop, err);
	loop_remove(watchdog.timer);
	close_parts(&manager);
	if (keeper_fd >= 0)
		close(keeper_fd);
	return r;
}
