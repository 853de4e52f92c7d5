/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keeper_close.c - what the keeper takes back at its end.
 *
 * VEs that run on keep their cgroups, and what the run directory says of them is for the next
 * keeper. When nothing runs, a vesseld started by hand leaves no trace; under systemd the scope and
 * the run directory are systemd's.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/loop.h"
#include "daemon/console.h"
#include "daemon/keeper.h"
#include "daemon/network.h"
#include "daemon/session.h"

static void close_table(struct keeper *keeper)
{
	struct keeper_job *job;
	struct keeper_ve *ve;

	while ((ve = TAILQ_FIRST(&keeper->table.ves)))
		table_remove_ve(&keeper->table, ve);
	while ((job = TAILQ_FIRST(&keeper->table.jobs)))
		table_remove_job(&keeper->table, job);
}

/* Only a keeper that listened may take away sockets: another one's may be there. By hand, those of
 * its managers too: whoever finds one believes that somebody listens. */
static void remove_sockets(const struct keeper *keeper)
{
	static const char *const names[] = { KEEPER_SOCKET, "vessel.sock", "vessel-ro.sock" };
	size_t n = keeper->by_hand ? ARRAY_SIZE(names) : 1;

	for (size_t i = 0; i < n && keeper->listen_fd >= 0; i++)
		(void)unlinkat(keeper->instance->run_fd, names[i], 0); /* stale at worst */
}

/* True if there is nobody for whom a next keeper would have to know anything. */
static bool nobody_lives(const struct keeper *keeper)
{
	char **names = NULL;
	struct error ignored; /* not known: not over */
	int n;

	if (!keeper->quitting || keeper->listen_fd < 0 || !keeper->tree ||
		table_jobs_run(&keeper->table))
		return false;
	n = cgroup_tree_list(keeper->tree, &names, &ignored);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n == 0;
}

/* While the locks are held: whoever waits for one of them sees that its file is gone. */
static void remove_run_dir(const struct instance *instance)
{
	static const char *const names[] = { "autostart", "boot", "cgroup", "job", "shutdown", "ve",
		KEEPER_LOCK };
	struct error ignored; /* what stays is stale, and told by nobody's asking */

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)file_remove_tree(instance->run_fd, names[i], &ignored);
	(void)rmdir(instance->run_dir); /* not if somebody else keeps something there */
	instance_remove_ids(instance);
}

void keeper_close(struct keeper *keeper)
{
	bool over = nobody_lives(keeper);

	remove_sockets(keeper);
	close_table(keeper);
	consoles_free(keeper->consoles);
	sessions_free(keeper->sessions);
	close_fd(&keeper->manager_fd);
	close_fd(&keeper->listen_fd);
	loop_free(keeper->loop);
	if (keeper->host_fds)
		runtime_host_done(&keeper->host);
	if (keeper->tree && keeper->quitting)
		cgroup_tree_remove(keeper->tree);
	cgroup_tree_free(keeper->tree);
	if (over)
		network_remove(keeper->instance);
	if (over && keeper->by_hand)
		remove_run_dir(keeper->instance);
	close_fd(&keeper->ve_fd);
	for (size_t i = 0; i < STATE_LOCKS; i++)
		close_fd(&keeper->lock_fds[i]);
	free(keeper->host_fds);
}
