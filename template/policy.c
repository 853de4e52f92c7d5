/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * policy.c - what an archive may hold.
 *
 * The writer (unpack.c) resolves every name below the layer and follows no link, so a rule missed
 * here is an error there and never a way out; the rules say it earlier and in words.
 */
#include "template/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/array.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/text.h"

#define NAME_BYTES  255                  /* NAME_MAX of every file system that can hold a layer */
#define DEPTH_MAX   256                  /* directories; Debian's deepest is 15 */
#define XATTR_BYTES 65536                /* XATTR_SIZE_MAX */
#define IDS         65536                /* of a VE */
#define ID_NOBODY   65534                /* what squashed ids become */
#define RATIO_GRACE (UINT64_C(64) << 20) /* small archives of zeros are innocent */
#define CONTENT_MAX (UINT64_C(1) << 62)  /* keeps the sum below from wrapping */

const struct import_bounds import_default_bounds = {
	.bytes = UINT64_C(64) << 30,
	.ratio = 200,
	.entries = 4000000,
};

const char *policy_shown(const char *name, char ret[POLICY_SHOWN])
{
	size_t n = strnlen(name, POLICY_SHOWN - 4);

	memcpy(ret, name, n);
	text_clean(ret, n);
	memcpy(ret + n, name[n] ? "..." : "", name[n] ? 4 : 1);
	return ret;
}

int policy_refuse(const char *path, struct error *err, const char *fmt, ...)
{
	char shown[POLICY_SHOWN];
	char reason[ERROR_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return error_refuse(
		err, ERROR_USAGE, "archive entry %s: %s", policy_shown(path, shown), reason);
}

/* Appends one component; 0 for "." and nothing, which add none. */
static int path_add(char *path, size_t *length, const char *part, size_t n)
{
	if (n == 0 || (n == 1 && part[0] == '.'))
		return 0;
	if (n > NAME_BYTES || *length + n + 2 > POLICY_PATH)
		return -ENAMETOOLONG;
	if (*length > 0)
		path[(*length)++] = '/';
	memcpy(path + *length, part, n);
	*length += n;
	return 1;
}

int policy_path(const char *name, char ret[POLICY_PATH], struct error *err)
{
	size_t length = 0;
	size_t depth = 0;

	if (name[0] == '\0')
		return policy_refuse("(no name)", err, "has no name");
	if (name[0] == '/')
		return policy_refuse(name, err, "the name is absolute");

	for (const char *part = name; *part;) {
		size_t n = strcspn(part, "/");
		int r;

		if (n == 2 && part[0] == '.' && part[1] == '.')
			return policy_refuse(name, err, "the name holds '..'");
		r = path_add(ret, &length, part, n);
		if (r < 0 || (depth += (size_t)r) > DEPTH_MAX)
			return policy_refuse(name, err, "the name is too long");
		part += n;
		part += *part == '/';
	}
	if (length == 0)
		ret[length++] = '.';
	ret[length] = '\0';
	return 0;
}

/* What mknod gives every Linux, and what mmdebstrap, debootstrap and friends put into an archive.
 */
/* clang-format off */
static const struct {
	const char *path;
	unsigned int major, minor;
} usual_devices[] = {
	{ "dev/null",    1, 3 },
	{ "dev/zero",    1, 5 },
	{ "dev/full",    1, 7 },
	{ "dev/random",  1, 8 },
	{ "dev/urandom", 1, 9 },
	{ "dev/tty",     5, 0 },
	{ "dev/console", 5, 1 },
	{ "dev/ptmx",    5, 2 },
};

static const struct {
	mode_t type;
	bool kept;
	const char *name;
} types[] = {
	{ S_IFREG,  true,  "a file"             },
	{ S_IFDIR,  true,  "a directory"        },
	{ S_IFLNK,  true,  "a symlink"          },
	{ S_IFIFO,  true,  "a fifo"             },
	{ S_IFCHR,  false, "a character device" },
	{ S_IFBLK,  false, "a block device"     },
	{ S_IFSOCK, false, "a socket"           },
};
/* clang-format on */

static bool device_usual(const char *path, dev_t device)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual_devices); i++)
		if (strcmp(path, usual_devices[i].path) == 0)
			return device == makedev(usual_devices[i].major, usual_devices[i].minor);
	return false;
}

static const char *type_name(mode_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "of an unknown type";
}

int policy_type(const char *path, mode_t type, dev_t device, bool *ret_skip, struct error *err)
{
	*ret_skip = type == S_IFCHR && device_usual(path, device);
	if (*ret_skip)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type && types[i].kept)
			return 0;
	return policy_refuse(path, err, "is %s, which no template may hold", type_name(type));
}

int policy_replace(const char *path, mode_t old_type, mode_t type, struct error *err)
{
	if (old_type == type)
		return 0;
	return policy_refuse(
		path, err, "changes its type from %s to %s", type_name(old_type), type_name(type));
}

int policy_id(
	const struct policy *policy, const char *path, int64_t id, uid_t *ret, struct error *err)
{
	if (id >= 0 && id < IDS) {
		*ret = (uid_t)id;
		return 0;
	}
	if (!policy->squash_ids)
		return policy_refuse(
			path, err, "the id %jd is not below %d (see --squash)", (intmax_t)id, IDS);
	*ret = ID_NOBODY;
	return 0;
}

/* First match counts. What a user namespace may not write, or overlayfs would take as its own word,
 * is refused by name rather than failed on by the kernel. */
/* clang-format off */
static const struct {
	const char *prefix;
	bool whole; /* the name itself, not only its beginning */
	bool kept;
	const char *reason;
} xattrs[] = {
	{ "user.overlay.",            false, false, "it would steer overlayfs"                 },
	{ "user.",                    false, true,  NULL                                       },
	{ "security.capability",      true,  true,  NULL                                       },
	{ "system.posix_acl_access",  true,  true,  NULL                                       },
	{ "system.posix_acl_default", true,  true,  NULL                                       },
	{ "trusted.overlay.",         false, false, "it would steer overlayfs"                 },
	{ "trusted.",                 false, false, "it belongs to the host's administrator"   },
	{ "security.",                false, false, "it belongs to the host's security module" },
};
/* clang-format on */

int policy_xattr(const char *path, const char *name, size_t size, struct error *err)
{
	const char *reason = "its kind is unknown";
	char shown[POLICY_SHOWN];

	if (size > XATTR_BYTES || strlen(name) > NAME_BYTES)
		return policy_refuse(path, err, "an xattr is too large");
	for (size_t i = 0; i < ARRAY_SIZE(xattrs); i++) {
		size_t n = strlen(xattrs[i].prefix);

		if (strncmp(name, xattrs[i].prefix, n) != 0 || (xattrs[i].whole && name[n]))
			continue;
		if (xattrs[i].kept)
			return 0;
		reason = xattrs[i].reason;
		break;
	}
	return policy_refuse(
		path, err, "the xattr %.64s cannot be kept: %s", policy_shown(name, shown), reason);
}

int policy_count(struct policy *policy, const char *path, uint64_t size, struct error *err)
{
	char bound[FORMAT_SIZE];

	if (policy->entries + 1 > policy->bounds.entries)
		return policy_refuse(path, err, "is one more than %ju entries (see --max-entries)",
			(uintmax_t)policy->bounds.entries);
	if (size > CONTENT_MAX || policy->bytes + size > policy->bounds.bytes)
		return policy_refuse(path, err, "brings the files above %s (see --max-bytes)",
			format_size(policy->bounds.bytes, bound));
	policy->entries++;
	policy->bytes += size;
	return 0;
}

int policy_ratio(const struct policy *policy, uint64_t packed, uint64_t unpacked, struct error *err)
{
	uint64_t ratio = policy->bounds.ratio ? policy->bounds.ratio : 1;

	if (unpacked <= RATIO_GRACE || unpacked / ratio <= packed)
		return 0;
	return error_refuse(err, ERROR_USAGE,
		"the archive unpacks to more than %ju times its size (see --max-ratio)",
		(uintmax_t)policy->bounds.ratio);
}
