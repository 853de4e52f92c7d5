/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * progress.c - a bar on the terminal while bytes are counted.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/format.h"

#define BAR        30
#define DRAW_EVERY 100 /* milliseconds */

void progress_format(const char *name, int64_t done, int64_t total, char buffer[PROGRESS_LINE])
{
	char done_text[FORMAT_HUMAN];
	char total_text[FORMAT_HUMAN];
	char bar[BAR + 1];
	int filled;

	format_human((double)done, done_text);
	if (total <= 0) {
		snprintf(buffer, PROGRESS_LINE, "%s  %s", name, done_text);
		return;
	}
	done = done > total ? total : done;
	filled = (int)((double)done / (double)total * BAR);
	memset(bar, '#', (size_t)filled);
	memset(bar + filled, ' ', (size_t)(BAR - filled));
	bar[BAR] = '\0';
	snprintf(buffer, PROGRESS_LINE, "%s  [%s] %3d%%  %s of %s", name, bar,
		(int)((double)done / (double)total * 100), done_text,
		format_human((double)total, total_text));
}

int progress_reply(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	struct progress *progress = data;
	cleanup_json struct json *object = NULL;
	const struct json *value;
	char line[PROGRESS_LINE];
	int64_t done = 0, total = 0;

	if (!progress->cli->terminal || progress->cli->quiet ||
		(int64_t)clock_monotonic_ms() - progress->shown < DRAW_EVERY)
		return 0;
	object = cli_reply(parameters);
	if (!object)
		return -1;
	value = json_find(object, "progress");
	if (!json_int(json_find(value, "done"), &done))
		return 0;
	(void)json_int(json_find(value, "total"), &total); /* absent: not known */
	progress_format(progress->name, done, total, line);
	fprintf(stderr, "\r\033[K%s", line);
	progress->shown = (int64_t)clock_monotonic_ms();
	return 0;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}
