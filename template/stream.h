/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream.h - an archive's bytes: read, uncompressed, counted, hashed, and only then parsed.
 *
 *   descriptor -> libarchive "raw" (gzip, xz, zstd, bzip2, none) -> sha256, ratio -> libarchive tar
 *
 * Two readers in a row, because the digest has to cover the whole uncompressed stream, what lies
 * behind the end of the archive included, and the tar reader stops before that.
 */
#pragma once

#include <nettle/sha2.h>
#include <stdint.h>

#include "base/sha256.h"

struct archive;
struct error;
struct policy;

struct stream {
	struct archive *raw;
	struct archive *tar;
	struct policy *policy;
	struct sha256_ctx sha256;
	uint64_t unpacked;
	struct error *err; /* why the read callback failed; libarchive has no room for a kind */
};

/* `err` is remembered: it is what stream_error() fills. The descriptor is borrowed. */
int stream_open(struct stream *stream, int fd, struct policy *policy, struct error *err);
void stream_done(struct stream *stream);

/* Bytes of the archive as stored, read so far. */
uint64_t stream_packed(const struct stream *stream);

/* To be returned after the tar reader failed: keeps the callback's error, or tells the reader's. */
int stream_error(struct stream *stream, const char *path);

/* After the last entry: reads and hashes the rest, and refuses an archive that was cut off. */
int stream_finish(struct stream *stream, char ret_digest[SHA256_TEXT]);
