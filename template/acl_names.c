/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl_names.c - users and groups that ACLs in an archive name without a number.
 */
#include "template/acl_names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

#define FIRST     UINT32_C(0x80000000)
#define NAMES_MAX 4096
#define FILE_MAX  (1 << 20)

void acl_names_done(struct acl_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
	free(names->passwd);
	free(names->group);
	*names = (struct acl_names){ 0 };
}

int acl_names_add(struct acl_names *names, const char *name, uint32_t *ret, struct error *err)
{
	char **grown;
	size_t i = 0;

	while (i < names->n && strcmp(names->list[i], name) != 0)
		i++;
	if (i == names->n) {
		if (i == NAMES_MAX)
			return error_refuse(
				err, ERROR_USAGE, "the archive's ACLs name too many users");
		grown = reallocarray(names->list, i + 1, sizeof(*grown));
		if (!grown)
			return error_memory(err);
		names->list = grown;
		grown[i] = strdup(name);
		if (!grown[i])
			return error_memory(err);
		names->n++;
	}
	*ret = FIRST + (uint32_t)i;
	return 0;
}

bool acl_names_is(uint32_t number)
{
	return number >= FIRST && number - FIRST < NAMES_MAX;
}

/* A name too many in it cannot hurt: what is cut off or no regular file is not found. */
static int load(int root_fd, const char *path, char **ret, struct error *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	cleanup_close int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	cleanup_free char *text = calloc(1, FILE_MAX + 1);
	size_t length = 0;
	ssize_t n = 0;

	if (!text)
		return error_memory(err);
	while (fd >= 0 && length < FILE_MAX) {
		n = read(fd, text + length, FILE_MAX - length);
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	free(*ret);
	*ret = take_ptr(&text);
	return 0;
}

int acl_names_load(struct acl_names *names, int root_fd, struct error *err)
{
	int r = 0;

	if (names->n == 0)
		return 0;
	r = load(root_fd, "etc/passwd", &names->passwd, err);
	return r < 0 ? r : load(root_fd, "etc/group", &names->group, err);
}

/* "name:password:id:...": the id in a line that is this name's. */
static bool line_id(const char *line, const char *name, int64_t *ret)
{
	const char *colon;
	char digits[12]; /* a 32-bit number */
	size_t n = strlen(name);
	uid_t id;

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return false;
	colon = line + n + 1 + strcspn(line + n + 1, ":\n");
	n = *colon == ':' ? strcspn(colon + 1, ":\n") : 0;
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, colon + 1, n);
	digits[n] = '\0';
	if (parse_id(digits, &id) < 0)
		return false;
	*ret = id;
	return true;
}

int acl_names_find(const struct acl_names *names, uint32_t number, bool group, int64_t *ret,
	const char **ret_name)
{
	const char *line = group ? names->group : names->passwd;
	const char *name;

	if (!acl_names_is(number) || number - FIRST >= names->n)
		return -ENOENT;
	name = names->list[number - FIRST];
	*ret_name = name;
	while (line && *line) {
		if (line_id(line, name, ret))
			return 0;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return -ENOENT;
}
