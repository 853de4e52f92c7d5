/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * log.c - one line to standard error.
 *
 * A line is one write(2), so that lines of several processes do not mix. JOURNAL_STREAM is
 * inherited by whatever a service starts, so it counts only if it names our standard error.
 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_TEXT 2048 /* an error's text four times over; what is longer is cut */
#define STREAM    48   /* two numbers of 20 digits and a colon */

static const char *log_program = "vessel";
static bool log_journal;

void log_open(const char *program)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[STREAM];
	struct stat st;

	log_program = program;
	log_journal = false;
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	log_journal = strcmp(own, stream) == 0;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_TEXT];
	size_t start, end;
	va_list args;
	int n;

	if (log_journal)
		n = snprintf(line, sizeof(line), "<%d>", (int)level);
	else
		n = snprintf(line, sizeof(line), "%s: ", log_program);
	if (n < 0 || (size_t)n > sizeof(line) / 2)
		return;
	start = (size_t)n;
	va_start(args, fmt);
	n = vsnprintf(line + start, sizeof(line) - start, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	end = start + strlen(line + start);
	text_clean(line + start, end - start);
	line[end] = '\n'; /* in place of the NUL */
	if (write(STDERR_FILENO, line, end + 1) < 0)
		return; /* there is nobody left to tell */
}
