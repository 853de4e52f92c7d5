/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ustar.c - writing a small tar archive into memory.
 *
 * Enough for what vessel makes itself (short names, owner root), so that libvessel needs no archive
 * library in its callers' address space.
 */
#include "ustar.h"

#include <stdio.h>
#include <string.h>

#define BLOCK 512

/* POSIX.1-1988: text fields need no NUL when full, numbers are octal with one. */
struct ustar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char target[100];
	char magic[6];
	char version[2];
	char user[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char padding[12];
};
_Static_assert(sizeof(struct ustar_header) == BLOCK, "a header is one block");

static bool put_text(char *field, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length > size)
		return false;
	memcpy(field, text, length);
	return true;
}

static void put_octal(char *field, size_t size, uint64_t number)
{
	for (size_t i = size - 1; i > 0; i--) {
		field[i - 1] = (char)('0' + (number & 7));
		number >>= 3;
	}
}

/* The sum of all bytes, with the sum's own field as spaces. */
static void put_checksum(struct ustar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	uint64_t sum = 0;

	memset(header->checksum, ' ', sizeof(header->checksum));
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += bytes[i];
	put_octal(header->checksum, 7, sum);
	header->checksum[6] = '\0';
}

void ustar_add(struct text *archive, const struct ustar_entry *entry)
{
	static const char zeros[BLOCK];
	struct ustar_header header = { .type = entry->type, .magic = "ustar" };
	size_t rest = entry->size % BLOCK;

	if (!put_text(header.name, sizeof(header.name), entry->name) ||
		!put_text(
			header.target, sizeof(header.target), entry->target ? entry->target : "")) {
		archive->failed = true;
		return;
	}
	memcpy(header.version, "00", sizeof(header.version));
	put_octal(header.mode, sizeof(header.mode), entry->mode);
	put_octal(header.uid, sizeof(header.uid), 0);
	put_octal(header.gid, sizeof(header.gid), 0);
	put_octal(header.size, sizeof(header.size), entry->size);
	put_octal(header.mtime, sizeof(header.mtime), (uint64_t)entry->mtime);
	(void)put_text(header.user, sizeof(header.user), "root");   /* fits */
	(void)put_text(header.group, sizeof(header.group), "root"); /* fits */
	put_checksum(&header);
	text_add_bytes(archive, &header, sizeof(header));
	text_add_bytes(archive, entry->data, entry->size);
	text_add_bytes(archive, zeros, rest ? BLOCK - rest : 0);
}

void ustar_end(struct text *archive)
{
	static const char zeros[2 * BLOCK];

	text_add_bytes(archive, zeros, sizeof(zeros));
}
