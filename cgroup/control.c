/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * control.c - the three shapes of a cgroup control file: "123", "key 123" lines, "a b c".
 */
#include "cgroup/control.h"

#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"

#define SEPARATORS " ,\n"

int control_parse_number(const char *text, uint64_t *ret)
{
	cleanup_free char *word = strndup(text, strcspn(text, " \n"));

	if (!word)
		return -ENOMEM;
	if (strcmp(word, "max") == 0 || strcmp(word, "-1") == 0) {
		*ret = PARSE_NONE;
		return 0;
	}
	return parse_count(word, ret);
}

int control_parse_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line++) {
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return control_parse_number(line + length + 1, ret);
		line += strcspn(line, "\n");
		if (!*line)
			break;
	}
	return -ENOENT;
}

bool control_has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text + strspn(text, SEPARATORS); *at; at += strspn(at, SEPARATORS)) {
		size_t n = strcspn(at, SEPARATORS);

		if (n == length && strncmp(at, word, n) == 0)
			return true;
		at += n;
	}
	return false;
}

int control_read_text(int dir_fd, const char *file, char **ret)
{
	struct error ignored;
	ssize_t n = file_read(dir_fd, file, CONTROL_MAX, ret, &ignored);

	return n < 0 ? (int)n : 0;
}

int control_read(int dir_fd, const char *file, const char *key, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	int r = control_read_text(dir_fd, file, &text);

	if (r < 0)
		return r;
	return key ? control_parse_keyed(text, key, ret) : control_parse_number(text, ret);
}

bool control_exists(int dir_fd, const char *file)
{
	return faccessat(dir_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
