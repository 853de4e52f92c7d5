/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * resolver.c - resolv.conf(5), read and written.
 *
 * A tenant keeps what it wrote: it takes the file over by taking our line out, or by making it a
 * link, as systemd-resolved, resolvconf and NetworkManager do.
 */
#include "runtime/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/inside.h"
#include "base/text.h"

#define FILE_MAX 65536
#define KEYWORD  "nameserver"
#define MARK     "# vessel writes this file when the VE starts; without this line it is yours.\n"

/* The second is what systemd-resolved itself asks. */
static const char *const host_paths[] = { "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf" };

/* One line, of n bytes. */
static void take_line(const char *line, size_t n, struct resolvers *ret)
{
	const size_t keyword = sizeof(KEYWORD) - 1;
	char word[IP_TEXT];
	struct ip ip;
	size_t length;

	if (n <= keyword || strncmp(line, KEYWORD, keyword) != 0 || !strchr(" \t", line[keyword]))
		return;
	line += keyword;
	line += strspn(line, " \t");
	length = strcspn(line, " \t\r\n#;");
	if (length >= sizeof(word) || ret->n == RESOLVERS_MAX)
		return;
	memcpy(word, line, length);
	word[length] = '\0';
	if (ip_parse(word, &ip) == 0 && !ip_refusal(&ip))
		ret->ips[ret->n++] = ip;
}

void resolvers_parse(const char *text, struct resolvers *ret)
{
	*ret = (struct resolvers){ 0 };
	while (*text) {
		size_t n = strcspn(text, "\n");

		take_line(text, n, ret);
		text += n + (text[n] == '\n');
	}
}

void resolvers_of_host(struct resolvers *ret)
{
	*ret = (struct resolvers){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(host_paths) && ret->n == 0; i++) {
		cleanup_close int fd =
			openat(AT_FDCWD, host_paths[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		cleanup_free char *text = NULL;
		struct error ignored = { 0 };

		if (fd >= 0 && file_read_fd(fd, host_paths[i], FILE_MAX, &text, &ignored) >= 0)
			resolvers_parse(text, ret);
	}
}

char *resolver_text(const struct ip *ips, size_t n, char *const *search, size_t n_search)
{
	struct text text;
	char address[IP_TEXT];

	text_init(&text);
	text_add(&text, MARK);
	for (size_t i = 0; i < n_search; i++)
		text_format(&text, "%s%s", i == 0 ? "search " : " ", search[i]);
	if (n_search > 0)
		text_add(&text, "\n");
	for (size_t i = 0; i < n; i++)
		text_format(&text, KEYWORD " %s\n", ip_format(&ips[i], address));
	return text_take(&text);
}

/* Whether the name itself is a regular file, or nothing. */
static bool is_file_or_nothing(int root_fd)
{
	struct error reason = { 0 };
	cleanup_close int fd = inside_open(root_fd, RESOLVER_PATH, O_PATH | O_NOFOLLOW, 0, &reason);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void resolver_write(int root_fd, const char *text, bool replace)
{
	cleanup_free char *old = NULL;
	struct error ignored = { 0 };
	ssize_t n;

	if (!is_file_or_nothing(root_fd))
		return;
	n = inside_read(root_fd, RESOLVER_PATH, FILE_MAX, &old, &ignored);
	if (n >= 0 && strcmp(old, text) == 0)
		return;
	if (replace || n == -ENOENT || n == 0 ||
		(n > 0 && strncmp(old, MARK, sizeof(MARK) - 1) == 0))
		(void)inside_replace(root_fd, RESOLVER_PATH, text, 0644, &ignored);
}
