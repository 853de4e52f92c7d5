/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * log.c - what a VE's console has said, from the files that the daemon keeps.
 *
 * The descriptors come from the daemon, so the command needs no right to the state directory. -f
 * looks four times a second and asks for the descriptors again when nothing came for a second: the
 * files may have been rotated. (inotify would want the right to read the file by its path.)
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/socket.h"
#include "base/text.h"
#include "cli/cli.h"

#define LOOK_EVERY 250 /* milliseconds */
#define ASK_EVERY  4   /* looks without news */

static int cmd_log(struct cli *cli);

/* clang-format off */
static const struct option_row log_options[] = {
	{ 'f', "follow", NULL, "go on with what comes" },
	{ 'n', "lines",  "N",  "only the last N lines" },
};
const struct command command_log = { "log", "VE", "print what the console of a VE has said",
	log_options, ARRAY_SIZE(log_options), 0, 1, 1, cmd_log };
/* clang-format on */

struct log_files {
	int fds[SOCKET_FDS_MAX]; /* oldest first */
	size_t n;
};

static void log_close(struct log_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		close_fd(&files->fds[i]);
	files->n = 0;
}

static int take_files(const char *parameters, int *fds, size_t n_fds, int last, void *data)
{
	struct log_files *files = data;
	cleanup_json struct json *object = cli_reply(parameters);
	const struct json *list;

	if (!object)
		return -1;
	list = json_find(object, "files");
	for (size_t i = 0; i < json_count(list) && files->n < ARRAY_SIZE(files->fds); i++) {
		int64_t index;

		if (!json_int(json_at(list, i), &index) || index < 0 || (size_t)index >= n_fds ||
			fds[index] < 0)
			return -1;
		files->fds[files->n++] = take_fd(&fds[index]);
	}
	return 0;
}

static int log_open_files(const struct cli *cli, struct log_files *files)
{
	struct json *parameters = json_new_object();

	files->n = 0;
	json_set_string(parameters, "name", cli->options.words[0]);
	return cli_call(cli, "Log", parameters, NULL, 0, false, take_files, files);
}

/* From *offset to the end, by pread: the file's own offset may be shared. */
static int read_from(int fd, off_t *offset, struct text *text, struct error *err)
{
	char piece[65536];
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), *offset)) > 0) {
		text_add_bytes(text, piece, (size_t)n);
		*offset += n;
	}
	if (n < 0)
		return error_sys(err, "cannot read the log");
	return text->failed ? error_memory(err) : 0;
}

/* Where the last `lines` lines of the text begin. */
static size_t last_lines(const struct text *text, uint64_t lines)
{
	size_t at = text->length;

	if (lines == 0)
		return at;
	if (at > 0 && text->data[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (text->data[at - 1] == '\n' && --lines == 0)
			return at;
	return 0;
}

static int print_all(struct log_files *files, uint64_t lines, off_t *ret_offset, struct error *err)
{
	cleanup_text struct text text;
	size_t start;
	off_t offset = 0;
	int r = 0;

	text_init(&text);
	for (size_t i = 0; r == 0 && i < files->n; i++) {
		offset = 0;
		r = read_from(files->fds[i], &offset, &text, err);
	}
	if (r < 0)
		return r;
	*ret_offset = offset;
	start = last_lines(&text, lines);
	return file_write_all(STDOUT_FILENO, text.data + start, text.length - start, err);
}

/* What has come to the newest file. Returns 1 if something, 0 if not. */
static int print_new(int fd, off_t *offset, struct error *err)
{
	cleanup_text struct text text;
	int r;

	text_init(&text);
	r = read_from(fd, offset, &text, err);
	if (r == 0 && text.length > 0)
		r = file_write_all(STDOUT_FILENO, text.data, text.length, err);
	return r < 0 ? r : text.length > 0;
}

static bool same_file(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_ino == right.st_ino &&
	       left.st_dev == right.st_dev;
}

/* Asks for the files anew; those that came after the one that was followed are read whole. */
static int follow_rotation(
	const struct cli *cli, struct log_files *files, off_t *offset, struct error *err)
{
	struct log_files fresh;
	size_t first = 0;
	int status = log_open_files(cli, &fresh);
	int r = 0;

	if (status != VESSEL_OK)
		return status;
	for (size_t i = 0; i < fresh.n; i++)
		if (files->n > 0 && same_file(files->fds[files->n - 1], fresh.fds[i]))
			first = i + 1;
	if (first > 0 || files->n == 0) {
		for (size_t i = first; r >= 0 && i < fresh.n; i++) {
			*offset = 0;
			r = print_new(fresh.fds[i], offset, err);
		}
	} else if (fresh.n > 0) { /* rotated more than once meanwhile: all of it is new */
		r = print_all(&fresh, UINT64_MAX, offset, err);
	}
	log_close(files);
	*files = fresh;
	return r < 0 ? cli_fail(cli, err) : VESSEL_OK;
}

static int follow(const struct cli *cli, struct log_files *files, off_t offset)
{
	struct pollfd out = { .fd = STDOUT_FILENO }; /* says when its reader has gone */
	struct error err = { 0 };
	int quiet = 0;
	int status = VESSEL_OK;

	while (status == VESSEL_OK) {
		int r = files->n > 0 ? print_new(files->fds[files->n - 1], &offset, &err) : 0;

		if (r < 0)
			return cli_fail(cli, &err);
		quiet = r > 0 ? 0 : quiet + 1;
		if (quiet > ASK_EVERY) {
			status = follow_rotation(cli, files, &offset, &err);
			quiet = 0;
		}
		if (poll(&out, 1, LOOK_EVERY) > 0 && (out.revents & POLLERR))
			return VESSEL_OK;
	}
	return status;
}

static int cmd_log(struct cli *cli)
{
	struct log_files files = { .n = 0 };
	struct error err = { 0 };
	uint64_t lines = UINT64_MAX;
	off_t offset = 0;
	int status;

	if (option_count(&cli->options, "lines", &lines, &err) < 0)
		return cli_fail(cli, &err);
	status = log_open_files(cli, &files);
	if (status != VESSEL_OK)
		return status;
	if (print_all(&files, lines, &offset, &err) < 0)
		status = cli_fail(cli, &err);
	else if (option_given(&cli->options, "follow"))
		status = follow(cli, &files, offset);
	log_close(&files);
	return status;
}
