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

/* What a terminal or the journal would take for something else becomes '?': control characters,
 * C1 controls in UTF-8, and bytes that are no UTF-8. */
static void clean(char *line, size_t length)
{
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		unsigned char c = (unsigned char)line[i];

		n = text_utf8(line + i, length - i);
		if (n == 1 && c >= 0x20 && c != 0x7f)
			continue;
		if (n > 2 || (n == 2 && !(c == 0xc2 && (unsigned char)line[i + 1] < 0xa0)))
			continue;
		n = n ? n : 1;
		memset(line + i, '?', n);
	}
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
	clean(line + start, end - start);
	line[end] = '\n'; /* in place of the NUL */
	if (write(STDERR_FILENO, line, end + 1) < 0)
		return; /* there is nobody left to tell */
}
