/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * acl.c - POSIX ACLs as extended attributes: a version word and eight bytes for each entry, all
 * little-endian, sorted by tag (linux/posix_acl_xattr.h). Not by libacl: it wants paths or a set
 * through its own types, and this is all there is to it.
 */
#include "template/acl.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "template/policy.h"

/* clang-format off */
static const struct {
	int archive_tag;
	uint16_t tag;
	bool has_id;
} tags[] = {
	{ ARCHIVE_ENTRY_ACL_USER_OBJ,  ACL_USER_OBJ,  false },
	{ ARCHIVE_ENTRY_ACL_USER,      ACL_USER,      true  },
	{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OBJ, false },
	{ ARCHIVE_ENTRY_ACL_GROUP,     ACL_GROUP,     true  },
	{ ARCHIVE_ENTRY_ACL_MASK,      ACL_MASK,      false },
	{ ARCHIVE_ENTRY_ACL_OTHER,     ACL_OTHER,     false },
};
/* clang-format on */

static int compare(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a;
	const struct posix_acl_xattr_entry *y = b;

	if (x->e_tag != y->e_tag)
		return le16toh(x->e_tag) < le16toh(y->e_tag) ? -1 : 1;
	if (x->e_id != y->e_id)
		return le32toh(x->e_id) < le32toh(y->e_id) ? -1 : 1;
	return 0;
}

/* One entry as libarchive tells it. A name without a number cannot be kept: whose name would it be,
 * the host's or the template's? */
static int encode_entry(const struct policy *policy, const char *path, struct archive_entry *entry,
	int type, struct posix_acl_xattr_entry *ret, struct error *err)
{
	int entry_type, permset, archive_tag, id;
	const char *name;
	uid_t checked = ACL_UNDEFINED_ID;
	size_t i = 0;
	int r;

	r = archive_entry_acl_next(entry, type, &entry_type, &permset, &archive_tag, &id, &name);
	while (r == ARCHIVE_OK && i < ARRAY_SIZE(tags) && tags[i].archive_tag != archive_tag)
		i++;
	if (r != ARCHIVE_OK || i == ARRAY_SIZE(tags))
		return policy_refuse(path, err, "the ACL cannot be read");
	if (tags[i].has_id && id < 0)
		return policy_refuse(path, err,
			"the ACL has a name without a number (make the archive with numeric "
			"owners)");
	if (tags[i].has_id) {
		r = policy_id(policy, path, id, &checked, err);
		if (r < 0)
			return r;
	}
	ret->e_tag = htole16(tags[i].tag);
	ret->e_perm = htole16((uint16_t)(permset & (ACL_READ | ACL_WRITE | ACL_EXECUTE)));
	ret->e_id = htole32(checked);
	return 0;
}

int acl_encode(const struct policy *policy, const char *path, struct archive_entry *entry, int type,
	void **ret, size_t *ret_size, struct error *err)
{
	cleanup_free char *data = NULL;
	struct posix_acl_xattr_header header = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) };
	struct posix_acl_xattr_entry *entries;
	int n = archive_entry_acl_reset(entry, type);
	size_t size = sizeof(header) + (size_t)n * sizeof(*entries);

	*ret = NULL;
	*ret_size = 0;
	if (n <= 0)
		return 0;
	entries = calloc((size_t)n, sizeof(*entries));
	data = malloc(size);
	if (!entries || !data) {
		free(entries);
		return error_memory(err);
	}
	for (int i = 0; i < n; i++) {
		int r = encode_entry(policy, path, entry, type, &entries[i], err);

		if (r < 0) {
			free(entries);
			return r;
		}
	}
	qsort(entries, (size_t)n, sizeof(*entries), compare);
	memcpy(data, &header, sizeof(header));
	memcpy(data + sizeof(header), entries, (size_t)n * sizeof(*entries));
	free(entries);
	*ret = take_ptr(&data);
	*ret_size = size;
	return 0;
}

int acl_check(
	const struct policy *policy, const char *path, void *data, size_t size, struct error *err)
{
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry;
	char *bytes = data;

	if (size < sizeof(header) || (size - sizeof(header)) % sizeof(entry) != 0)
		return policy_refuse(path, err, "the ACL cannot be read");
	memcpy(&header, bytes, sizeof(header));
	if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
		return policy_refuse(path, err, "the ACL cannot be read");

	for (size_t at = sizeof(header); at < size; at += sizeof(entry)) {
		uid_t id;
		int r;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (le16toh(entry.e_tag) != ACL_USER && le16toh(entry.e_tag) != ACL_GROUP)
			continue;
		r = policy_id(policy, path, le32toh(entry.e_id), &id, err);
		if (r < 0)
			return r;
		entry.e_id = htole32(id);
		memcpy(bytes + at, &entry, sizeof(entry));
	}
	return 0;
}
