/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * identity.c - a tenant may edit these files and keeps what it wrote, but for two things: a
 * machine-id must not be that of the template, which all VEs would share, and the host name is a
 * setting. In /etc/hosts only the lines that bear our mark are ours.
 */
#include "runtime/identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/inside.h"
#include "base/text.h"

#define IDENTITY_FILE_MAX (1 << 20)
#define HOSTS_MARK        "# vessel"

static int replace_if_other(
	int root_fd, const char *path, const char *text, mode_t mode, struct error *err)
{
	cleanup_free char *old = NULL;
	struct error ignored = { 0 };

	if (inside_read(root_fd, path, IDENTITY_FILE_MAX, &old, &ignored) >= 0 &&
		strcmp(old, text) == 0)
		return 0;
	return inside_replace(root_fd, path, text, mode, err);
}

/* Is `word` one of the names on this line (of n bytes, without its end)? */
static bool line_names(const char *line, size_t n, const char *word)
{
	size_t length = strlen(word), i = 0, field = 0;

	while (i < n && line[i] != '#') {
		size_t start;

		while (i < n && isblank((unsigned char)line[i]))
			i++;
		start = i;
		while (i < n && line[i] != '#' && !isblank((unsigned char)line[i]))
			i++;
		/* The first field is the address. */
		if (i > start && field++ > 0 && i - start == length &&
			memcmp(line + start, word, length) == 0)
			return true;
	}
	return false;
}

static bool line_is_ours(const char *line, size_t n)
{
	const size_t mark = strlen(HOSTS_MARK);

	return n >= mark && memcmp(line + n - mark, HOSTS_MARK, mark) == 0;
}

static void add_lines(struct text *text, const struct identity *identity)
{
	char address[IP_TEXT];

	for (size_t i = 0; i < identity->n_ips; i++)
		text_format(text, "%s\t%s\t" HOSTS_MARK "\n", ip_format(&identity->ips[i], address),
			identity->hostname);
	if (identity->n_ips == 0)
		text_format(text, "127.0.1.1\t%s\t" HOSTS_MARK "\n", identity->hostname);
}

char *identity_hosts(const char *old, const struct identity *identity)
{
	bool named = false, marked = false;
	struct text text;

	text_init(&text);
	if (!old)
		old = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
	for (const char *line = old; *line;) {
		size_t n = strcspn(line, "\n");

		if (line_is_ours(line, n)) {
			marked = true;
		} else {
			named |= line_names(line, n, identity->hostname);
			text_add_bytes(&text, line, n);
			text_add(&text, "\n");
		}
		line += n + (line[n] == '\n');
	}
	if (named && !marked) {
		text_done(&text);
		return NULL;
	}
	if (!named)
		add_lines(&text, identity);
	return text_take(&text);
}

/* Only what was read as a whole, or is not there at all, is written anew: a file that is too large,
 * unreadable or no text is the tenant's, and stays as it is. */
static void write_hosts(int root_fd, const struct identity *identity)
{
	cleanup_free char *old = NULL;
	cleanup_free char *hosts = NULL;
	struct error ignored = { 0 };
	ssize_t n = inside_read(root_fd, "/etc/hosts", IDENTITY_FILE_MAX, &old, &ignored);

	if (n != -ENOENT && (n < 0 || strlen(old) != (size_t)n))
		return;
	hosts = identity_hosts(old, identity);
	if (hosts && (!old || strcmp(hosts, old) != 0))
		(void)inside_replace(root_fd, "/etc/hosts", hosts, 0644, &ignored);
}

/* hosts and hostname are a courtesy: the kernel's own host name is set in any case, and a tenant
 * that has made them unwritable, or filled its disk, still starts. */
static void write_names(int root_fd, const struct identity *identity)
{
	char line[80]; /* a host name label and a newline */
	struct error ignored = { 0 };

	snprintf(line, sizeof(line), "%s\n", identity->hostname);
	(void)replace_if_other(root_fd, "/etc/hostname", line, 0644, &ignored);
	write_hosts(root_fd, identity);
}

static int write_machine_id(int root_fd, const char *uuid, struct error *err)
{
	char id[40]; /* 32 hex digits, a newline, NUL */
	size_t n = 0;

	for (; *uuid && n < 32; uuid++)
		if (*uuid != '-')
			id[n++] = *uuid;
	id[n++] = '\n';
	id[n] = '\0';
	return replace_if_other(root_fd, "/etc/machine-id", id, 0444, err);
}

int identity_write(int root_fd, const struct identity *identity, struct error *err)
{
	struct error ignored = { 0 };
	cleanup_close int etc_fd = inside_open(root_fd, "/etc", O_PATH | O_DIRECTORY, 0, &ignored);

	if (etc_fd < 0)
		return 0; /* a plain program's root need not have one */
	write_names(root_fd, identity);
	return write_machine_id(root_fd, identity->uuid, err);
}
