/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unpack.h - entries of an archive become files below one directory.
 *
 * The writer is our own because libarchive's walks paths: here each entry's directory is resolved
 * once (openat2, beneath the layer, no symlink at all), kept open while entries fall into it, and
 * the last component is made by the *at calls. Nothing existing is ever written into: files are
 * created with O_EXCL, and what stood there is unlinked first.
 */
#pragma once

#include <stddef.h>

#include "template/policy.h"

struct archive;
struct archive_entry;
struct error;
struct unpack_later;

struct unpack {
	int root_fd; /* borrowed */
	struct policy *policy;
	int parent_fd; /* of the last entry; -1: none yet */
	char parent_path[POLICY_PATH];
	struct unpack_later *later; /* entries whose metadata wait for unpack_finish() */
	size_t n_later;
	size_t capacity;
	void *named; /* tsearch(3) over the paths in it of files whose ACL holds names */
};

void unpack_init(struct unpack *unpack, int root_fd, struct policy *policy);
void unpack_done(struct unpack *unpack);

/* Makes one entry; its content is read from the archive. A reader's failure returns -EIO with an
 * empty error: the archive knows why. */
int unpack_entry(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
	struct error *err);

/* After the last entry. */
int unpack_finish(struct unpack *unpack, struct error *err);
