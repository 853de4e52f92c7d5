/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream.c - an archive's bytes: read, uncompressed, counted, hashed, and only then parsed.
 *
 * Nothing is copied on the way: each reader hands the next one a pointer into its own buffer.
 */
#include "template/stream.h"

#include <archive.h>
#include <errno.h>
#include <stddef.h>

#include "base/array.h"
#include "base/error.h"
#include "template/policy.h"

#define BLOCK (256 << 10) /* fits the second-level cache with room for a decompressor's window */

static int (*const filters[])(struct archive *) = {
	archive_read_support_filter_gzip,
	archive_read_support_filter_xz,
	archive_read_support_filter_zstd,
	archive_read_support_filter_bzip2,
};

/* An error of the raw reader: not enough memory is ours, all else is the archive's fault. */
static int raw_error(struct stream *stream)
{
	const char *text = archive_error_string(stream->raw);
	int code = archive_errno(stream->raw);

	if (code == ENOMEM)
		return error_set(stream->err, ENOMEM,
			"cannot unpack the archive: its compression needs too much memory");
	if (code == EIO || code == EISDIR)
		return error_set(
			stream->err, code, "cannot read the archive: %s", text ? text : "");
	return error_refuse(stream->err, ERROR_USAGE, "the archive is damaged: %s",
		text ? text : "no reason given");
}

/* The next piece; 0 at the end. */
static ssize_t stream_read(struct stream *stream, const void **ret)
{
	size_t size;
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(stream->raw, ret, &size, &offset);
	while (r == ARCHIVE_OK && size == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return raw_error(stream);

	sha256_update(&stream->sha256, size, *ret);
	stream->unpacked += size;
	r = policy_ratio(stream->policy, stream_packed(stream), stream->unpacked, stream->err);
	return r < 0 ? r : (ssize_t)size;
}

static la_ssize_t read_callback(struct archive *tar, void *data, const void **ret)
{
	struct stream *stream = data;
	ssize_t n = stream_read(stream, ret);

	if (n >= 0)
		return n;
	archive_set_error(tar, stream->err->code, "%s", stream->err->text);
	return -1;
}

uint64_t stream_packed(const struct stream *stream)
{
	return (uint64_t)archive_filter_bytes(stream->raw, -1);
}

static int open_raw(struct stream *stream, int fd)
{
	struct archive_entry *entry;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (filters[i](stream->raw) != ARCHIVE_OK) /* it would run an external program */
			return error_refuse(stream->err, ERROR_UNSUPPORTED,
				"libarchive was built without gzip, xz, zstd or bzip2");
	if (archive_read_support_format_raw(stream->raw) != ARCHIVE_OK)
		return raw_error(stream);
	if (archive_read_open_fd(stream->raw, fd, BLOCK) != ARCHIVE_OK ||
		archive_read_next_header(stream->raw, &entry) != ARCHIVE_OK)
		return raw_error(stream);
	return 0;
}

int stream_open(struct stream *stream, int fd, struct policy *policy, struct error *err)
{
	int r;

	*stream = (struct stream){
		.raw = archive_read_new(),
		.tar = archive_read_new(),
		.policy = policy,
		.err = err,
	};
	sha256_init(&stream->sha256);
	if (!stream->raw || !stream->tar)
		return error_memory(err);
	r = open_raw(stream, fd);
	if (r < 0)
		return r;
	if (archive_read_support_format_tar(stream->tar) != ARCHIVE_OK ||
		archive_read_open(stream->tar, stream, NULL, read_callback, NULL) != ARCHIVE_OK)
		return stream_error(stream, NULL);
	return 0;
}

void stream_done(struct stream *stream)
{
	archive_read_free(stream->tar);
	archive_read_free(stream->raw);
	stream->tar = NULL;
	stream->raw = NULL;
}

int stream_error(struct stream *stream, const char *path)
{
	const char *text = archive_error_string(stream->tar);

	if (stream->err->code)
		return -stream->err->code;
	if (archive_errno(stream->tar) == ENOMEM)
		return error_memory(stream->err);
	if (path)
		return policy_refuse(path, stream->err, "%s", text ? text : "cannot be read");
	return error_refuse(stream->err, ERROR_USAGE, "the archive is damaged: %s",
		text ? text : "no reason given");
}

int stream_finish(struct stream *stream, char ret_digest[SHA256_TEXT])
{
	uint64_t end = (uint64_t)archive_read_header_position(stream->tar);
	struct policy *policy = stream->policy;
	const void *data;
	ssize_t n;

	while ((n = stream_read(stream, &data)) > 0)
		/* The header's bound is on files; a tail without end is the same trouble. */
		if (stream->unpacked - end > policy->bounds.bytes)
			return error_refuse(
				stream->err, ERROR_USAGE, "the archive goes on behind its end");
	if (n < 0)
		return (int)n;
	if (stream->unpacked <= end)
		return error_refuse(stream->err, ERROR_USAGE,
			"the archive is damaged: it was cut off before its end");
	sha256_text(&stream->sha256, ret_digest);
	return 0;
}
