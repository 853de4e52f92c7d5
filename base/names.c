/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * names.c - a list of names, and the one way to list a directory.
 */
#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct names){ 0 };
}

int names_add(struct names *names, const char *name, struct error *err)
{
	char **grown = reallocarray(names->list, names->n + 1, sizeof(*grown));

	if (!grown)
		return error_memory(err);
	names->list = grown;
	grown[names->n] = strdup(name);
	if (!grown[names->n])
		return error_memory(err);
	names->n++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
	size_t kept = 0;

	if (names->n == 0)
		return;
	qsort(names->list, names->n, sizeof(*names->list), compare);
	for (size_t i = 1; i < names->n; i++) {
		if (strcmp(names->list[kept], names->list[i]) == 0)
			free(names->list[i]);
		else
			names->list[++kept] = names->list[i];
	}
	names->n = kept + 1;
}

bool names_has(const struct names *names, const char *name)
{
	return names->n > 0 && bsearch(&name, names->list, names->n, sizeof(*names->list), compare);
}

static int read_names(DIR *dir, const char *name, struct names *names, struct error *err)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		const char *found = entry->d_name;

		if (strcmp(found, ".") != 0 && strcmp(found, "..") != 0 &&
			names_add(names, found, err) < 0)
			return -err->code;
	}
	return errno ? error_sys(err, "cannot read the directory %s", name) : 0;
}

int names_of_dir(int dir_fd, const char *name, struct names *ret, struct error *err)
{
	cleanup_names struct names names = { 0 };
	cleanup_close int fd = file_open_dir(dir_fd, name, err);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r;

	if (fd < 0)
		return fd;
	if (!dir)
		return error_sys(err, "cannot read the directory %s", name);
	(void)take_fd(&fd); /* closedir() closes it */
	r = read_names(dir, name, &names, err);
	if (r < 0)
		return r;
	names_sort(&names);
	*ret = names;
	names = (struct names){ 0 };
	return 0;
}
