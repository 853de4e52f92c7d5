/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * import.h - a tar archive becomes a layer: unpacked in a sandbox, made durable, moved into place.
 *
 *   caller (root)         sandboxed child: own user, mount and network namespace, chroot into the
 *     |  socketpair        new layer, seccomp, rlimits, no descriptors but archive, layer, report
 *     '--------------->    libarchive: tar with none, gzip, xz, zstd, bzip2 only
 *
 * The child runs in a user namespace that maps ids 0..65535 to themselves shifted nowhere: on disk
 * every file has the id the archive names (root is 0). Ids of 65,536 and above are refused, or
 * squashed to 65534 by option. Refused as well: device nodes (but for the eight of every
 * distribution's /dev, null to ptmx, which are skipped: a VE has its own), overlay xattrs
 * (trusted.overlay.*, user.overlay.*), all else in trusted.* and security.* but file capabilities,
 * names or links that leave the root, an entry whose parent is a symlink made by the archive, a
 * duplicate entry that changes type, and whatever exceeds the bounds. Kept: ids, modes, times
 * (nanoseconds), hard links, symlinks, xattrs, ACLs, file capabilities.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

struct error;

struct import_bounds {
	uint64_t bytes;   /* of all files together, unpacked: 64G */
	uint64_t ratio;   /* unpacked over packed, asked once 64 MiB are out: 200 */
	uint64_t entries; /* 4,000,000 */
};
extern const struct import_bounds import_default_bounds;

struct import_result {
	char digest[SHA256_TEXT]; /* sha256 of the uncompressed stream */
	uint64_t bytes;           /* of file content */
	uint64_t entries;
};

typedef void import_progress_fn(uint64_t bytes_read, uint64_t entries, void *data);

/* Unpacks the archive at archive_fd (file or pipe, read to its end) into the empty directory at
 * layer_fd, then syncs the file system. On failure the directory holds rubbish that the caller
 * removes. The error names the entry and, for a bound, the option that moves it. */
int import_archive(int archive_fd, int layer_fd, const struct import_bounds *bounds,
	bool squash_ids, import_progress_fn *progress, void *data, struct import_result *ret,
	struct error *err);
