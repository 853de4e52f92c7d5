/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ustar.h - writing a small tar archive into memory (POSIX.1-1988, "ustar").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

struct ustar_entry {
	const char *name; /* at most 100 bytes, no leading slash */
	char type;        /* '0' file, '2' symlink, '5' directory */
	mode_t mode;
	int64_t mtime;
	const char *target; /* of a symlink, at most 100 bytes */
	const void *data;   /* of a file */
	size_t size;
};

/* Owner is 0:0. An entry whose name is too long marks the text as failed. */
void ustar_add(struct text *archive, const struct ustar_entry *entry);

/* The two empty blocks that end an archive. */
void ustar_end(struct text *archive);
