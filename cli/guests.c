/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * guests.c - autostart and shutdown: all VEs come up and go down with the host.
 *
 * The work is vesseld's. Both must reach their end, or guests stay down, or are killed with the
 * host: when vesseld goes away meanwhile, the next one is asked, who goes on with it. One that is
 * just being restarted is waited for, but not long: it may not be there at all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"

#define TRIES       100
#define FIRST_TRIES 30
#define PAUSE_NS    100000000

static int cmd_autostart(struct cli *cli);
static int cmd_shutdown(struct cli *cli);

/* clang-format off */
const struct command command_autostart = { .name = "autostart", .words = "", .run = cmd_autostart,
	.help = "start the VEs that are meant to run with the host" };
const struct command command_shutdown = { .name = "shutdown", .words = "", .run = cmd_shutdown,
	.help = "stop all VEs in reverse order; autostart brings them back" };
/* clang-format on */

struct heard {
	const struct cli *cli;
	const char *done;
	size_t n;
	int status; /* what all share, else 1 */
};

static void say_outcome(struct heard *heard, const struct json *outcome)
{
	const char *name = json_find_string(outcome, "name");
	const char *message = json_find_string(outcome, "message");
	int64_t status = VESSEL_FAILED;
	bool forced = false;

	(void)json_int(json_find(outcome, "status"), &status); /* absent: failed */
	(void)json_bool(json_find(outcome, "forced"), &forced);
	if (status != VESSEL_OK)
		cli_error_line(message ? message : "failed");
	else
		cli_say(heard->cli, "%s: %s%s", name ? name : "-", heard->done,
			forced ? " by force: it did not stop in time" : "");
	heard->status = heard->n == 0 || heard->status == (int)status ? (int)status : VESSEL_FAILED;
	heard->n++;
}

static int on_outcomes(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	cleanup_json struct json *object = cli_reply(parameters);
	const struct json *outcomes;

	if (!object)
		return -1;
	outcomes = json_find(object, "outcomes");
	for (size_t i = 0; i < json_count(outcomes); i++)
		say_outcome(data, json_at(outcomes, i));
	return 0;
}

/* *asked: it was reached, now or before. */
static void ask(struct heard *heard, const char *method, bool *asked, struct vessel_error *err)
{
	cleanup_vessel struct vessel *vessel = NULL;

	if (cli_open(heard->cli, &vessel, err) != VESSEL_OK)
		return;
	*asked = true;
	vessel_call(vessel, method, NULL, NULL, 0, 1, on_outcomes, heard, err);
}

/* Nobody listens; errno is of the attempt to connect. */
static bool is_absent(void)
{
	return errno == ENOENT || errno == ECONNREFUSED;
}

static int ask_to_the_end(struct cli *cli, const char *method, const char *done)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct heard heard = { .cli = cli, .done = done };
	struct vessel_error err;
	bool asked = false;

	cli_work_goes_on(0);
	for (int i = 1;; i++) {
		err.result = VESSEL_OK;
		ask(&heard, method, &asked, &err);
		if (err.result != VESSEL_NOT_ALLOWED)
			break;
		if (asked ? i >= TRIES : i >= FIRST_TRIES || !is_absent())
			break;
		(void)nanosleep(&pause, NULL);
	}
	return err.result == VESSEL_OK ? heard.status : cli_refused(cli, &err);
}

static int cmd_autostart(struct cli *cli)
{
	return ask_to_the_end(cli, "Autostart", "started");
}

static int cmd_shutdown(struct cli *cli)
{
	return ask_to_the_end(cli, "Shutdown", "stopped");
}
