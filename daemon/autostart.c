/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * autostart.c - what is meant to run is started: when a client asks, as vessel-guests.service does,
 * or by the first manager after a boot of the host if vesseld was started by hand.
 *
 * The run directory keeps the boot id of the last time, so a manager that is restarted starts
 * nothing, but for what an autostart under way has not come to: a file there says that it goes on,
 * for the next manager. All starts are submitted at once: the bound on jobs spreads them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/operation_types.h"
#include "daemon/outcomes.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"

#define BOOT_FILE "boot"
#define BOOT_MAX  64
#define MARK      "autostart"

/* The id of this boot, if it is another than the last time; else NULL. */
static char *new_boot(const struct manager *manager)
{
	cleanup_free char *now = NULL;
	cleanup_free char *then = NULL;
	struct error err = { 0 };
	int run_fd = manager->instance->run_fd;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_MAX, &now, &err) < 0)
		return NULL;
	if (file_read(run_fd, BOOT_FILE, BOOT_MAX, &then, &err) >= 0 && strcmp(now, then) == 0)
		return NULL;
	return take_ptr(&now);
}

static bool wanted(const struct ve *ve)
{
	const struct ve_config *config = &ve->config;

	if (!ve->has_config || ve->state != VE_STOPPED || ve->current || config->settings.disabled)
		return false;
	return config->settings.autostart == AUTOSTART_YES ||
	       (config->settings.autostart == AUTOSTART_LAST && config->run);
}

static void on_over(void *data)
{
	struct manager *manager = data;

	manager->autostart = NULL;
	(void)unlinkat(manager->instance->run_fd, MARK, 0); /* absent is fine */
}

static int begin(struct manager *manager, struct error *err)
{
	struct error unmarked = { 0 };
	int r;

	if (manager->autostart)
		return 0;
	r = outcomes_new(&manager->autostart, err);
	if (r < 0)
		return r;
	outcomes_on_over(manager->autostart, on_over, manager);
	if (file_replace(manager->instance->run_fd, MARK, "", 0, &unmarked) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", unmarked.text); /* for a next manager only */
	return 0;
}

/* Tells the call, which it takes (NULL: our own), what came of each; one that finds another at it
 * hears of all that is left. */
static int start_wanted(struct manager *manager, struct call *call, struct error *err)
{
	cleanup_free struct ve **list = calloc(manager->ves->n + 1, sizeof(struct ve *));
	struct outcomes *outcomes;
	size_t n = 0;
	int r = list ? begin(manager, err) : error_memory(err);

	if (r < 0)
		return r;
	outcomes = manager->autostart;
	outcomes_listen(outcomes, call);
	for (size_t i = 0; i < manager->ves->n; i++)
		if (wanted(manager->ves->ve[i]))
			list[n++] = manager->ves->ve[i];
	for (size_t i = 0; i < n; i++) { /* a start adds to no table and removes from none */
		struct operation *op =
			operation_new(manager, &operation_start, list[i], "", NULL, err);

		if (!op) {
			log_line(LOG_LEVEL_ERROR, "%s: %s", list[i]->name, err->text);
			continue;
		}
		outcomes_expect(outcomes, op);
		operation_submit(op);
	}
	outcomes_close(outcomes);
	return 0;
}

void method_autostart(struct call *call)
{
	struct error err = { 0 };

	log_line(LOG_LEVEL_INFO, "autostart (uid %u, pid %d, login %jd)",
		(unsigned int)call->caller.uid, (int)call->caller.pid,
		(intmax_t)call->caller.login);
	if (start_wanted(call->manager, call, &err) < 0)
		call_fail(call, &err);
}

void autostart_after_boot(struct manager *manager)
{
	cleanup_free char *boot = new_boot(manager);
	struct error err = { 0 };

	if (!boot)
		return;
	if (start_wanted(manager, NULL, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
	if (file_replace(manager->instance->run_fd, BOOT_FILE, boot, strlen(boot), &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}

void autostart_resume(struct manager *manager)
{
	struct error err = { 0 };
	struct stat st;

	if (fstatat(manager->instance->run_fd, MARK, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	log_line(LOG_LEVEL_INFO, "the autostart goes on");
	if (start_wanted(manager, NULL, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
}

void autostart_free(struct manager *manager)
{
	struct error err = { 0 };

	if (!manager->autostart)
		return;
	error_refuse(&err, ERROR_DENIED, "vesseld ends; the autostart goes on with the next");
	outcomes_abandon(take_ptr(&manager->autostart), &err);
}
