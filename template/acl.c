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
#include "template/acl_names.h"
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

/* The id of an entry for a user or group: a number is checked, a name noted (returns 1). */
static int encode_id(const struct policy *policy, const char *path, int id, const char *name,
	uint32_t *ret, struct error *err)
{
	int r;

	if (id >= 0 || !name || !*name)
		return policy_id(policy, path, id, ret, err);
	r = acl_names_add(policy->acl_names, name, ret, err);
	return r < 0 ? r : 1;
}

/* One entry as libarchive tells it; 1 if it holds a name. */
static int encode_entry(const struct policy *policy, const char *path, struct archive_entry *entry,
	int type, struct posix_acl_xattr_entry *ret, struct error *err)
{
	int entry_type, permset, archive_tag, id;
	const char *name;
	uint32_t number = (uint32_t)ACL_UNDEFINED_ID;
	size_t i = 0;
	int has_name = 0;
	int r;

	r = archive_entry_acl_next(entry, type, &entry_type, &permset, &archive_tag, &id, &name);
	while (r == ARCHIVE_OK && i < ARRAY_SIZE(tags) && tags[i].archive_tag != archive_tag)
		i++;
	if (r != ARCHIVE_OK || i == ARRAY_SIZE(tags))
		return policy_refuse(path, err, "the ACL cannot be read");
	if (tags[i].has_id) {
		has_name = encode_id(policy, path, id, name, &number, err);
		if (has_name < 0)
			return has_name;
	}
	ret->e_tag = htole16(tags[i].tag);
	ret->e_perm = htole16((uint16_t)(permset & (ACL_READ | ACL_WRITE | ACL_EXECUTE)));
	ret->e_id = htole32(number);
	return has_name;
}

int acl_encode(const struct policy *policy, const char *path, struct archive_entry *entry, int type,
	void **ret, size_t *ret_size, struct error *err)
{
	struct posix_acl_xattr_header header = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) };
	cleanup_free struct posix_acl_xattr_entry *entries = NULL;
	int n = archive_entry_acl_reset(entry, type);
	size_t size = (size_t)n * sizeof(*entries);
	int has_name = 0;
	char *data;

	*ret = NULL;
	*ret_size = 0;
	if (n <= 0)
		return 0;
	entries = calloc((size_t)n, sizeof(*entries));
	if (!entries)
		return error_memory(err);
	for (int i = 0; i < n; i++) {
		int r = encode_entry(policy, path, entry, type, &entries[i], err);

		if (r < 0)
			return r;
		has_name |= r;
	}
	qsort(entries, (size_t)n, sizeof(*entries), compare);
	data = malloc(sizeof(header) + size);
	if (!data)
		return error_memory(err);
	memcpy(data, &header, sizeof(header));
	memcpy(data + sizeof(header), entries, size);
	*ret = data;
	*ret_size = sizeof(header) + size;
	return has_name;
}

typedef int entry_fn(const struct policy *policy, const char *path,
	struct posix_acl_xattr_entry *entry, struct error *err);

/* Goes over the entries that have an id. */
static int each_entry(const struct policy *policy, const char *path, void *data, size_t size,
	entry_fn *fn, struct error *err)
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
		int r;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (le16toh(entry.e_tag) != ACL_USER && le16toh(entry.e_tag) != ACL_GROUP)
			continue;
		r = fn(policy, path, &entry, err);
		if (r < 0)
			return r;
		memcpy(bytes + at, &entry, sizeof(entry));
	}
	return 0;
}

static int check_entry(const struct policy *policy, const char *path,
	struct posix_acl_xattr_entry *entry, struct error *err)
{
	uid_t id;
	int r = policy_id(policy, path, le32toh(entry->e_id), &id, err);

	if (r == 0)
		entry->e_id = htole32(id);
	return r;
}

int acl_check(
	const struct policy *policy, const char *path, void *data, size_t size, struct error *err)
{
	return each_entry(policy, path, data, size, check_entry, err);
}

static int resolve_entry(const struct policy *policy, const char *path,
	struct posix_acl_xattr_entry *entry, struct error *err)
{
	bool group = le16toh(entry->e_tag) == ACL_GROUP;
	char shown[POLICY_SHOWN];
	const char *name = "";
	int64_t number;
	uid_t id;
	int r;

	if (!acl_names_is(le32toh(entry->e_id)))
		return 0;
	if (acl_names_find(policy->acl_names, le32toh(entry->e_id), group, &number, &name) < 0)
		return policy_refuse(path, err,
			"the ACL names %.64s, whom the archive's /etc/%s lacks",
			policy_shown(name, shown), group ? "group" : "passwd");
	r = policy_id(policy, path, number, &id, err);
	if (r == 0)
		entry->e_id = htole32(id);
	return r;
}

int acl_resolve(
	const struct policy *policy, const char *path, void *data, size_t size, struct error *err)
{
	int r = each_entry(policy, path, data, size, resolve_entry, err);

	if (r == 0) /* names stood where they were met, ids stand in order */
		qsort((char *)data + sizeof(struct posix_acl_xattr_header),
			(size - sizeof(struct posix_acl_xattr_header)) /
				sizeof(struct posix_acl_xattr_entry),
			sizeof(struct posix_acl_xattr_entry), compare);
	return r;
}
