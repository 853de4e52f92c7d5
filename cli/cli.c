/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cli.c - what every command needs: a connection, a call, words for people.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

static int status_of(const struct cli *cli, int status)
{
	return cli->command && (cli->command->flags & COMMAND_SESSION) ? STATUS_SESSION : status;
}

/* What the daemon says may go on over the last lines of a guest's console. */
void cli_error_line(const char *message)
{
	char text[VESSEL_MESSAGE];
	size_t length;

	snprintf(text, sizeof(text), "%s", message);
	for (char *line = text; *line; line += length + (line[length] == '\n')) {
		length = strcspn(line, "\n");
		text_clean(line, length);
	}
	fprintf(stderr, "vessel: %s\n", text);
}

int cli_fail(const struct cli *cli, const struct error *err)
{
	struct error clean = *err;

	text_clean(clean.text, strlen(clean.text));
	cli_error_line(clean.text);
	return status_of(cli, (int)err->kind);
}

int cli_refused(const struct cli *cli, const struct vessel_error *err)
{
	cli_error_line(err->message);
	return status_of(cli, (int)err->result);
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	char line[VESSEL_MESSAGE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	text_clean(line, strlen(line));
	cli_error_line(line);
	return status_of(cli, VESSEL_USAGE);
}

void cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

enum vessel_result cli_open(const struct cli *cli, struct vessel **ret, struct vessel_error *err)
{
	enum vessel_result result = vessel_open(cli->instance, 0, ret, err);
	struct vessel_error second;

	if (result == VESSEL_NOT_ALLOWED && (cli->command->flags & COMMAND_READS) &&
		vessel_open(cli->instance, VESSEL_READ_ONLY, ret, &second) == VESSEL_OK)
		return VESSEL_OK;
	return result;
}

int cli_call(const struct cli *cli, const char *method, struct json *parameters, const int *fds,
	size_t n_fds, bool more, vessel_reply_fn *reply, void *data)
{
	cleanup_json struct json *owned = parameters;
	cleanup_vessel struct vessel *vessel = NULL;
	cleanup_free char *text = NULL;
	struct vessel_error err;
	struct error inner = { 0 };

	if (!owned || json_print(owned, false, &text) < 0) {
		error_memory(&inner);
		return cli_fail(cli, &inner);
	}
	if (cli_open(cli, &vessel, &err) != VESSEL_OK ||
		vessel_call(vessel, method, text, fds, n_fds, more, reply, data, &err) != VESSEL_OK)
		return cli_refused(cli, &err);
	return VESSEL_OK;
}

struct json *cli_reply(const char *parameters)
{
	struct json *object = NULL;
	struct error err = { 0 };

	(void)json_parse(parameters, strlen(parameters), &object, &err); /* NULL tells */
	return object;
}

/* What cli_fetch has got so far. */
struct fetched {
	const char *key;
	struct json *elements;
};

static int fetch_reply(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	cleanup_json struct json *object = cli_reply(parameters);
	const struct fetched *fetched = data;
	const struct json *part;

	if (!object)
		return -1;
	part = json_find(object, fetched->key);
	for (size_t i = 0; i < json_count(part); i++)
		json_append(fetched->elements, json_copy(json_at(part, i)));
	return 0;
}

int cli_fetch(const struct cli *cli, const char *method, struct json *parameters, const char *key,
	struct json **ret)
{
	cleanup_json struct json *elements = json_new_array();
	struct fetched fetched = { key, elements };
	int status = cli_call(cli, method, parameters, NULL, 0, true, fetch_reply, &fetched);

	if (status == VESSEL_OK)
		*ret = take_ptr(&elements);
	return status;
}

void cli_words(const struct cli *cli, struct json *array)
{
	for (size_t i = 0; i < cli->options.n_words; i++)
		json_append_string(array, cli->options.words[i]);
}

int cli_flush(const struct cli *cli)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return VESSEL_OK;
	fprintf(stderr, "vessel: cannot write to standard output: %s\n",
		strerrorname_np(errno) ? strerrorname_np(errno) : "unknown error");
	return status_of(cli, VESSEL_FAILED);
}

int cli_print_json(const struct cli *cli, const struct json *array)
{
	cleanup_free char *text = NULL;
	struct error err = { 0 };
	size_t length;

	if (json_print(array, true, &text) < 0) {
		error_memory(&err);
		return cli_fail(cli, &err);
	}
	length = strlen(text);
	fwrite(text, 1, length, stdout);
	if (length == 0 || text[length - 1] != '\n')
		putchar('\n');
	return cli_flush(cli);
}

/* What the handler below says: ready made, since it may not format; the other one is being written.
 */
static char last_words[2][128];
static volatile sig_atomic_t last_words_at;

/* Only what a handler may do; then the default action, so that the shell sees the signal. */
static void interrupted(int signal)
{
	const char *line = last_words[last_words_at];

	(void)!write(STDERR_FILENO, line, strlen(line));
	(void)raise(signal); /* SA_RESETHAND has put the default back */
}

void cli_work_goes_on(size_t unsent)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESETHAND };
	int other = !last_words_at;

	if (unsent > 0)
		snprintf(last_words[other], sizeof(last_words[other]),
			"vessel: interrupted; what was asked for goes on, %zu requests were not "
			"sent "
			"(see vessel list)\n",
			unsent);
	else
		snprintf(last_words[other], sizeof(last_words[other]),
			"vessel: interrupted; the work goes on (see vessel list)\n");
	last_words_at = other;
	sigaction(SIGINT, &action, NULL);
}
