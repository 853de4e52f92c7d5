/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cli.h - one run of the command line: what was asked, and how to ask vesseld.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <vessel.h>

#include "cli/options.h"

struct error;
struct json;

#define STATUS_SESSION 125 /* any failure of vessel in exec and enter */

struct cli {
	const struct command *command;
	struct options options;
	const char *instance;
	bool quiet;
	bool terminal; /* stderr is one */
};

/* "vessel: ..." on stderr, cleaned of what a terminal would obey. */
void cli_error_line(const char *message);

/* The same for an error; they return the exit status. */
int cli_fail(const struct cli *cli, const struct error *err);
int cli_refused(const struct cli *cli, const struct vessel_error *err);
int cli_usage(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line of talk on stderr, if anybody wants to read it. */
void cli_say(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Connects, to the read-only socket too where the command only reads. */
enum vessel_result cli_open(const struct cli *cli, struct vessel **ret, struct vessel_error *err);

/* One call on a connection of its own; takes `parameters`. Says what failed; returns the status. */
int cli_call(const struct cli *cli, const char *method, struct json *parameters, const int *fds,
	size_t n_fds, bool more, vessel_reply_fn *reply, void *data);

/* A reply's parameters, owned by the caller; NULL: they are no JSON, or there is no memory. */
struct json *cli_reply(const char *parameters);

/* Calls a method that lists, and puts the elements of the array `key` of every reply into *ret, one
 * array, which the caller owns; untouched unless VESSEL_OK. Takes `parameters`. */
int cli_fetch(const struct cli *cli, const char *method, struct json *parameters, const char *key,
	struct json **ret);

/* The words of the command line as a JSON array. */
void cli_words(const struct cli *cli, struct json *array);

/* Prints a JSON array for --json; 0, or the status if memory or stdout failed. */
int cli_print_json(const struct cli *cli, const struct json *array);

/* "Done" for a command that wrote to stdout: a full disk behind it is a failure. */
int cli_flush(const struct cli *cli);

/* Ctrl-C ends the command line only: from here on it says that the work goes on, and how many
 * requests have not been sent and will not be. */
void cli_work_goes_on(size_t unsent);

static inline void vessel_close_run(struct vessel **vessel)
{
	vessel_close(*vessel);
}
#define cleanup_vessel __attribute__((cleanup(vessel_close_run)))

/* clang-format off */
extern const struct command
	command_create, command_start, command_stop, command_restart, command_pause,
	command_resume, command_kill, command_rename, command_destroy, command_set, command_list,
	command_show, command_exec, command_enter, command_console, command_log,
	command_template_import, command_template_build, command_template_list,
	command_template_show, command_template_remove, command_autostart,
	command_shutdown, command_doctor, command_events;
/* clang-format on */
