/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ask.c - a guest is asked to stop in its own way.
 *
 * A signal from outside that init neither catches nor blocks is thrown away by the kernel
 * (pid_namespaces(7)): an init that has only just begun is asked again a moment later, and a plain
 * program that does not care for SIGTERM is not waited for.
 */
#include "ask.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "daemon/inside_run.h"
#include "daemon/operation.h"
#include "daemon/ve_table.h"

/* A signal number that libc may decide at run time is kept as its distance. */
static const struct way {
	int signal;
	bool real_time; /* counted from SIGRTMIN */
	const char *argv[4];
} ways[STOP_WAYS] = {
	[STOP_BY_FORCE] = { .signal = SIGTERM },
	[STOP_SYSTEMD] = { .signal = 3, .real_time = true },
	[STOP_SYSVINIT] = { .argv = { "/sbin/init", "0" } },
	[STOP_OPENRC] = { .argv = { "openrc-shutdown", "-p", "now" } },
	[STOP_RUNIT] = { .argv = { "runit-init", "0" } },
	[STOP_BUSYBOX] = { .signal = SIGUSR2 },
	[STOP_PROGRAM] = { .signal = SIGTERM },
};

static uint64_t mask_of(const char *status, const char *key)
{
	const char *line = strstr(status, key);
	unsigned long long mask = 0;

	return line && sscanf(line + strlen(key), " %llx", &mask) == 1 ? mask : 0;
}

/* A process in sigwait(3) shows what it waits for as neither blocked nor caught (kernel:
 * real_blocked). BusyBox init and small inits for containers spend their lives there. */
static bool waits_for_signals(pid_t pid)
{
	cleanup_free char *text = process_read(pid, "syscall");
	long number = -1;

	return text && sscanf(text, "%ld", &number) == 1 && number == SYS_rt_sigtimedwait;
}

static bool hears(pid_t pid, int signal)
{
	cleanup_free char *text = process_read(pid, "status");

	if (!text || waits_for_signals(pid))
		return text != NULL;
	return (mask_of(text, "\nSigCgt:") | mask_of(text, "\nSigBlk:")) >> (signal - 1) & 1;
}

int ask_to_stop(struct operation *op, struct error *err)
{
	const struct ve *ve = op->ve;
	const struct way *way = &ways[ve->stop_way];
	int signal = way->signal + (way->real_time ? SIGRTMIN : 0);

	if (way->argv[0]) {
		int r = inside_run(op, way->argv, NULL, err);

		return r < 0 ? r : ASK_DONE;
	}
	if (!hears(ve->pid, signal))
		return ve->stop_way == STOP_PROGRAM || ve->stop_way == STOP_BY_FORCE ? ASK_IN_VAIN
										     : ASK_LATER;
	if (syscall(SYS_pidfd_send_signal, ve->pidfd, signal, NULL, 0) < 0 && errno != ESRCH)
		return error_sys(err, "cannot signal its init");
	return ASK_DONE;
}
