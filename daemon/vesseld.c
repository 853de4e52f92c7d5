/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vesseld.c - main: which of the two processes is this.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/socket.h"
#include "daemon/image.h"
#include "daemon/instance.h"
#include "daemon/job.h"
#include "daemon/keeper.h"
#include "daemon/manager.h"
#include "daemon/protocol.h"

static int run_keeper(
	struct instance *instance, char **argv, enum vesseld_role role, struct error *err)
{
	char *program = NULL;
	int r = image_seal(argv, &program, err);

	if (r == 0)
		r = keeper_run(instance, program, argv, role == ROLE_BOTH, err);
	free(program);
	return r;
}

static int run_manager(struct instance *instance, char **argv, struct error *err)
{
	cleanup_free char *path = NULL;
	int r = image_find(&path, err);
	int fd;

	if (r < 0)
		return r;
	fd = socket_connect(instance->run_fd, KEEPER_SOCKET, SOCK_SEQPACKET, err);
	if (fd < 0)
		return error_wrap(err,
			"no keeper in %s (start vessel-keeper.service, or vesseld without "
			"--manager)",
			instance->run_dir);
	return manager_run(instance, &(struct manager_program){ path, argv }, fd, err);
}

/* Returns the exit status, or below zero with err. */
static int run(int argc, char **argv, struct error *err)
{
	struct instance instance;
	enum vesseld_role role;
	int r = instance_open(argc, argv, &instance, &role, err);

	if (r < 0)
		return r;
	switch (role) {
	case ROLE_HELP:
		instance_print_help(stdout);
		break;
	case ROLE_VERSION:
		puts("vesseld " PACKAGE_VERSION);
		break;
	case ROLE_STEPS:
		job_print_steps();
		break;
	case ROLE_CHECK:
		r = keeper_check(err);
		break;
	case ROLE_MANAGER:
		r = run_manager(&instance, argv, err);
		break;
	case ROLE_BOTH:
	case ROLE_KEEPER:
		r = run_keeper(&instance, argv, role, err);
		break;
	}
	instance_done(&instance);
	return r;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	int status;

	log_open("vesseld");
	/* A VE's root passes through directories of ours, those of its cgroup among them, whatever
	 * umask the unit or the shell gave: what must stay closed says so with its own mode. */
	umask(022);
	/* Whoever reads our log, or a pipe to a helper, may go; programs in VEs start with
	 * defaults. */
	(void)signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv, &err);
	if (status >= 0)
		return status;
	log_line(LOG_LEVEL_ERROR, "%s", err.text);
	return err.kind ? (int)err.kind : ERROR_FAILED;
}
