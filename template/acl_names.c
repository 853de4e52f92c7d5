/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl_names.c - users and groups that ACLs in an archive name without a number.
 */
#include "template/acl_names.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/openat2.h"
#include "base/parse.h"

#define FIRST     UINT32_C(0x80000000)
#define NAMES_MAX 4096
#define FILE_MAX  (1 << 20)

static void free_name(void *data)
{
	struct acl_name *name = data;

	free(name->name);
	free(name);
}

void acl_names_done(struct acl_names *names)
{
	tdestroy(names->tree, free_name);
	free(names->list);
	*names = (struct acl_names){ 0 };
}

static int compare(const void *a, const void *b)
{
	const struct acl_name *x = a;
	const struct acl_name *y = b;

	return strcmp(x->name, y->name);
}

static struct acl_name *find(const struct acl_names *names, const char *name)
{
	const struct acl_name key = { .name = (char *)name }; /* only compared */
	void *node = tfind(&key, &names->tree, compare);

	return node ? *(struct acl_name **)node : NULL;
}

static struct acl_name *new_name(const char *name, uint32_t number)
{
	struct acl_name *new = malloc(sizeof(*new));

	if (!new)
		return NULL;
	*new = (struct acl_name){ strdup(name), number, -1, -1 };
	if (!new->name) {
		free(new);
		return NULL;
	}
	return new;
}

static int append(struct acl_names *names, const char *name, struct error *err)
{
	struct acl_name **grown;
	struct acl_name *new;

	if (names->n == NAMES_MAX)
		return error_refuse(err, ERROR_USAGE, "the archive's ACLs name too many users");
	grown = reallocarray(names->list, names->n + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	names->list = grown;
	new = new_name(name, FIRST + (uint32_t)names->n);
	if (!new)
		return error_memory(err);
	if (!tsearch(new, &names->tree, compare)) {
		free_name(new);
		return error_memory(err);
	}
	grown[names->n++] = new;
	return 0;
}

int acl_names_add(struct acl_names *names, const char *name, uint32_t *ret, struct error *err)
{
	const struct acl_name *found = find(names, name);

	if (!found) {
		if (append(names, name, err) < 0)
			return -err->code;
		found = names->list[names->n - 1];
	}
	*ret = found->number;
	return 0;
}

bool acl_names_is(uint32_t number)
{
	return number >= FIRST && number - FIRST < NAMES_MAX;
}

/* "name:password:id:...": of several lines that are a name's, the first good one holds. */
static void take_line(const struct acl_names *names, char *line, bool group)
{
	struct acl_name *name = find(names, strsep(&line, ":"));
	const char *digits;
	uid_t id;

	(void)strsep(&line, ":");
	digits = strsep(&line, ":");
	if (!name || !digits || (group ? name->gid : name->uid) >= 0 || parse_id(digits, &id) < 0)
		return;
	*(group ? &name->gid : &name->uid) = id;
}

/* A name too many in it cannot hurt: what is cut off or no regular file is not found. */
static int load(
	const struct acl_names *names, int root_fd, const char *path, bool group, struct error *err)
{
	cleanup_close int fd = openat2_call(root_fd, path, O_RDONLY | O_NONBLOCK, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	cleanup_free char *text = calloc(1, FILE_MAX + 1);
	size_t length = 0;
	char *rest = text;

	if (!text)
		return error_memory(err);
	while (fd >= 0 && length < FILE_MAX) {
		ssize_t n = read(fd, text + length, FILE_MAX - length);

		if (n <= 0)
			break;
		length += (size_t)n;
	}
	for (char *line; (line = strsep(&rest, "\n"));)
		take_line(names, line, group);
	return 0;
}

int acl_names_load(struct acl_names *names, int root_fd, struct error *err)
{
	int r;

	if (names->n == 0)
		return 0;
	r = load(names, root_fd, "etc/passwd", false, err);
	return r < 0 ? r : load(names, root_fd, "etc/group", true, err);
}

int acl_names_find(const struct acl_names *names, uint32_t number, bool group, int64_t *ret,
	const char **ret_name)
{
	const struct acl_name *name;
	int64_t id;

	if (!acl_names_is(number) || number - FIRST >= names->n)
		return -ENOENT;
	name = names->list[number - FIRST];
	*ret_name = name->name;
	id = group ? name->gid : name->uid;
	if (id < 0)
		return -ENOENT;
	*ret = id;
	return 0;
}
