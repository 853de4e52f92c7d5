/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * autostart.c - at the first manager after a boot of the host, what is meant to run is started.
 *
 * The run directory keeps the boot id of the last time, so a manager that is restarted starts
 * nothing. All starts are submitted at once: the bound on jobs spreads them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"

#define BOOT_FILE "boot"
#define BOOT_MAX  64

/* True once a boot. */
static bool first_of_boot(const struct manager *manager)
{
	cleanup_free char *now = NULL;
	cleanup_free char *then = NULL;
	struct error err = { 0 };
	int run_fd = manager->instance->run_fd;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_MAX, &now, &err) < 0)
		return false;
	if (file_read(run_fd, BOOT_FILE, BOOT_MAX, &then, &err) >= 0 && strcmp(now, then) == 0)
		return false;
	if (file_replace(run_fd, BOOT_FILE, now, strlen(now), &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
	return true;
}

static bool wanted(const struct ve *ve)
{
	const struct ve_config *config = &ve->config;

	if (!ve->has_config || ve->state != VE_STOPPED || ve->current || config->settings.disabled)
		return false;
	return config->settings.autostart == AUTOSTART_YES ||
	       (config->settings.autostart == AUTOSTART_LAST && config->run);
}

void autostart_run(struct manager *manager)
{
	cleanup_free struct ve **list = NULL;
	size_t n = 0;

	if (!first_of_boot(manager))
		return;
	list = calloc(manager->ves->n + 1, sizeof(struct ve *));
	for (size_t i = 0; list && i < manager->ves->n; i++)
		if (wanted(manager->ves->ve[i]))
			list[n++] = manager->ves->ve[i];
	for (size_t i = 0; i < n; i++) /* a start adds to no table and removes from none */
		operation_submit_own(manager, &operation_start, list[i]);
}
