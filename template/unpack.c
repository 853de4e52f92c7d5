/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unpack.c - entries of an archive become files below one directory.
 */
#include "template/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/openat2.h"
#include "template/acl_names.h"
#include "template/meta.h"

struct unpack_later {
	char *path;
	struct meta meta;
};

/* One entry on its way to the disk. */
struct item {
	char path[POLICY_PATH];
	const char *name; /* the last component */
	mode_t type;
	struct archive *archive;
	struct archive_entry *entry;
	struct meta meta;
	char shown[POLICY_SHOWN]; /* for errors */
};

void unpack_init(struct unpack *unpack, int root_fd, struct policy *policy)
{
	*unpack = (struct unpack){ .root_fd = root_fd, .policy = policy, .parent_fd = -1 };
}

static void forget(void *path)
{
	(void)path;
}

void unpack_done(struct unpack *unpack)
{
	tdestroy(unpack->named, forget); /* its nodes borrow the paths */
	for (size_t i = 0; i < unpack->n_later; i++) {
		free(unpack->later[i].path);
		meta_done(&unpack->later[i].meta);
	}
	free(unpack->later);
	close_fd(&unpack->parent_fd);
	*unpack = (struct unpack){ .root_fd = -1, .parent_fd = -1 };
}

static int open_beneath(int root_fd, const char *path, int flags)
{
	return openat2_call(root_fd, path, O_RDONLY | flags, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* Makes the directories that the archive left out, root's and 0755 as every tar does, and leaves
 * the last one open. */
static int make_parents(int root_fd, const char *path)
{
	cleanup_close int fd = open_beneath(root_fd, ".", O_DIRECTORY);
	char name[POLICY_PATH];

	while (fd >= 0 && *path) {
		size_t n = strcspn(path, "/");
		int next;

		memcpy(name, path, n);
		name[n] = '\0';
		if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
			return -1;
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close_fd(&fd);
		fd = next;
		path += n + (path[n] == '/');
	}
	return take_fd(&fd);
}

/* Splits "a/b/c" into "a/b" and "c"; a name without directory leaves an empty parent. */
static const char *split(const char *path, char parent[POLICY_PATH])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	memcpy(parent, path, n);
	parent[n] = '\0';
	return slash ? slash + 1 : path;
}

static int parent_error(const char *path, struct error *err)
{
	char shown[POLICY_SHOWN];

	if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV)
		return policy_refuse(path, err, "the name leads through a symlink or a file");
	return error_sys(err, "cannot open the directory of %s", policy_shown(path, shown));
}

/* Entries of one directory mostly come in a row: the last one's stays open. */
static int enter_parent(struct unpack *unpack, struct item *item, struct error *err)
{
	char parent[POLICY_PATH];
	int fd;

	item->name = split(item->path, parent);
	if (unpack->parent_fd >= 0 && strcmp(parent, unpack->parent_path) == 0)
		return 0;
	fd = open_beneath(unpack->root_fd, *parent ? parent : ".", O_DIRECTORY);
	if (fd < 0 && errno == ENOENT)
		fd = make_parents(unpack->root_fd, parent);
	if (fd < 0)
		return parent_error(item->path, err);
	close_fd(&unpack->parent_fd);
	unpack->parent_fd = fd;
	memcpy(unpack->parent_path, parent, sizeof(parent));
	return 0;
}

static int item_error(struct item *item, struct error *err)
{
	if (errno == ENAMETOOLONG || errno == EILSEQ)
		return policy_refuse(item->path, err, "the name does not suit this file system");
	return error_sys(err, "cannot make %s", policy_shown(item->path, item->shown));
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Clears the way for an entry that comes again. 0: gone, or a directory that stays. */
static int clear_way(struct unpack *unpack, struct item *item, struct error *err)
{
	struct stat st;
	int r;

	if (fstatat(unpack->parent_fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : item_error(item, err);
	r = policy_replace(item->path, st.st_mode & S_IFMT, item->type, err);
	if (r < 0 || item->type == S_IFDIR)
		return r;
	/* The metadata that wait for this path would go to the new file. */
	if (tfind(item->path, &unpack->named, compare_paths))
		return policy_refuse(item->path, err, "comes twice, with an ACL that holds names");
	return unlinkat(unpack->parent_fd, item->name, 0) < 0 ? item_error(item, err) : 0;
}

/* Only what was counted against the bounds is written: a header can tell libarchive one size to
 * report and another to deliver. */
static int check_block(struct item *item, la_int64_t offset, size_t size, struct error *err)
{
	la_int64_t whole = archive_entry_size(item->entry);

	if (offset >= 0 && offset <= whole && size <= (uint64_t)(whole - offset))
		return 0;
	return policy_refuse(item->path, err, "has more content than its header says");
}

/* Holes stay holes: blocks come with their offset. */
static int write_content(int fd, struct item *item, struct error *err)
{
	la_int64_t end = 0;
	la_int64_t offset;
	const void *data;
	size_t size;
	int r;

	while ((r = archive_read_data_block(item->archive, &data, &size, &offset)) == ARCHIVE_OK) {
		if (check_block(item, offset, size, err) < 0)
			return -err->code;
		if (offset != end && lseek(fd, offset, SEEK_SET) < 0)
			return item_error(item, err);
		if (file_write_all(fd, data, size, err) < 0)
			return error_wrap(
				err, "cannot write %s", policy_shown(item->path, item->shown));
		end = offset + (la_int64_t)size;
	}
	if (r != ARCHIVE_EOF)
		return -EIO;
	if (end < archive_entry_size(item->entry) &&
		ftruncate(fd, archive_entry_size(item->entry)) < 0)
		return item_error(item, err);
	return 0;
}

static int remember(struct unpack *unpack, struct item *item, struct error *err)
{
	struct unpack_later *grown = unpack->later;
	char *path = strdup(item->path);

	if (path && unpack->n_later == unpack->capacity) {
		size_t n = unpack->capacity ? unpack->capacity * 2 : 256;

		grown = reallocarray(unpack->later, n, sizeof(*grown));
		if (grown) {
			unpack->later = grown;
			unpack->capacity = n;
		}
	}
	if (!path || !grown) {
		free(path);
		return error_memory(err);
	}
	grown[unpack->n_later++] = (struct unpack_later){ path, item->meta };
	item->meta = (struct meta){ 0 };
	return 0;
}

/* Puts the metadata on what was just made, or has them wait. */
static int put_meta(struct unpack *unpack, struct item *item, int fd, struct error *err)
{
	int r;

	if (!item->meta.has_names)
		return meta_apply(&item->meta, fd, item->path, err);
	r = remember(unpack, item, err);
	if (r < 0)
		return r;
	if (!tsearch(unpack->later[unpack->n_later - 1].path, &unpack->named, compare_paths))
		return error_memory(err);
	return 0;
}

static int make_file(struct unpack *unpack, struct item *item, struct error *err)
{
	cleanup_close int fd = openat(unpack->parent_fd, item->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_content(fd, item, err);
	return r < 0 ? r : put_meta(unpack, item, fd, err);
}

static int make_fifo(struct unpack *unpack, struct item *item, struct error *err)
{
	cleanup_close int fd = -1;

	if (mknodat(unpack->parent_fd, item->name, S_IFIFO | 0600, 0) < 0)
		return -errno;
	fd = openat(unpack->parent_fd, item->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return item_error(item, err);
	return put_meta(unpack, item, fd, err);
}

static int make_symlink(struct unpack *unpack, struct item *item, struct error *err)
{
	const char *target = archive_entry_symlink(item->entry);

	if (!target || !*target || strlen(target) >= POLICY_PATH)
		return policy_refuse(item->path, err, "a symlink to nothing");
	if (symlinkat(target, unpack->parent_fd, item->name) < 0)
		return -errno;
	return meta_apply_symlink(&item->meta, unpack->parent_fd, item->name, item->path, err);
}

static int make_directory(struct unpack *unpack, struct item *item, struct error *err)
{
	if (strcmp(item->path, ".") != 0 && mkdirat(unpack->parent_fd, item->name, 0700) < 0 &&
		errno != EEXIST)
		return -errno;
	if (clear_way(unpack, item, err) < 0)
		return -err->code;
	return remember(unpack, item, err);
}

/* clang-format off */
static const struct {
	mode_t type;
	int (*make)(struct unpack *unpack, struct item *item, struct error *err);
} makers[] = {
	{ S_IFREG, make_file      },
	{ S_IFDIR, make_directory },
	{ S_IFLNK, make_symlink   },
	{ S_IFIFO, make_fifo      },
};
/* clang-format on */

static int make_once(struct unpack *unpack, struct item *item, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (makers[i].type == item->type)
			return makers[i].make(unpack, item, err);
	return policy_refuse(item->path, err, "is of an unknown type");
}

/* Tries to make it first: nearly every name is new, and a look before would cost a call each. The
 * makers return a bare -errno for a call that failed on the name alone. */
static int make_item(struct unpack *unpack, struct item *item, struct error *err)
{
	int r = make_once(unpack, item, err);

	if (r == -EEXIST && !err->code) {
		r = clear_way(unpack, item, err);
		if (r == 0)
			r = make_once(unpack, item, err);
	}
	if (r == 0 || err->code || r == -EIO)
		return r;
	errno = -r;
	return item_error(item, err);
}

/* The target of a hard link has to be there already: found beneath the layer, without a symlink on
 * the way, and no directory. Leaves its parent open. */
static int find_target(struct unpack *unpack, struct item *item, const char *target,
	struct stat *ret_st, struct error *err)
{
	cleanup_close int fd = -1;
	char parent[POLICY_PATH];
	char shown[POLICY_SHOWN];
	const char *name = split(target, parent);

	fd = open_beneath(unpack->root_fd, *parent ? parent : ".", O_DIRECTORY);
	if (fd < 0 || fstatat(fd, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return policy_refuse(item->path, err,
			"is a hard link to %s, which is not in the archive before it",
			policy_shown(target, shown));
	if (S_ISDIR(ret_st->st_mode))
		return policy_refuse(item->path, err, "is a hard link to a directory");
	return take_fd(&fd);
}

/* A second name for a file that is there; what the entry says of the file itself is the first
 * one's to say, and content in it would be written through the link. */
static int make_link(struct unpack *unpack, struct item *item, struct error *err)
{
	cleanup_close int target_fd = -1;
	char target[POLICY_PATH];
	char parent[POLICY_PATH];
	struct stat st, old;
	int r;

	if (archive_entry_size(item->entry) > 0)
		return policy_refuse(item->path, err, "is a hard link with content");
	if (policy_path(archive_entry_hardlink(item->entry), target, err) < 0)
		return policy_refuse(item->path, err, "is a hard link that leaves the archive");
	target_fd = find_target(unpack, item, target, &st, err);
	if (target_fd < 0)
		return target_fd;
	item->type = st.st_mode & S_IFMT;

	if (fstatat(unpack->parent_fd, item->name, &old, AT_SYMLINK_NOFOLLOW) == 0) {
		if (old.st_ino == st.st_ino)
			return 0;
		r = clear_way(unpack, item, err);
		if (r < 0)
			return r;
	}
	if (linkat(target_fd, split(target, parent), unpack->parent_fd, item->name, 0) < 0)
		return item_error(item, err);
	return 0;
}

static int make_other(struct unpack *unpack, struct item *item, struct error *err)
{
	bool skip;
	int r;

	r = policy_type(item->path, item->type, archive_entry_rdev(item->entry), &skip, err);
	if (r < 0 || skip)
		return r;
	r = meta_init(&item->meta, unpack->policy, item->path, item->entry, err);
	if (r < 0)
		return r;
	r = make_item(unpack, item, err);
	meta_done(&item->meta);
	return r;
}

int unpack_entry(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
	struct error *err)
{
	struct item item = {
		.type = archive_entry_filetype(entry),
		.archive = archive,
		.entry = entry,
	};
	const char *name = archive_entry_pathname(entry);
	bool link = archive_entry_hardlink(entry);
	int64_t size = link || item.type != S_IFREG ? 0 : archive_entry_size(entry);
	int r;

	r = policy_path(name ? name : "", item.path, err);
	if (r == 0)
		r = policy_count(unpack->policy, item.path, (uint64_t)size, err);
	if (r == 0 && strcmp(item.path, ".") == 0 && (link || item.type != S_IFDIR))
		r = policy_refuse(item.path, err, "the root is no directory");
	if (r == 0)
		r = enter_parent(unpack, &item, err);
	if (r < 0)
		return r;
	return link ? make_link(unpack, &item, err) : make_other(unpack, &item, err);
}

/* In the archive's order, so that of an entry that comes twice the later one holds. */
int unpack_finish(struct unpack *unpack, struct error *err)
{
	if (acl_names_load(unpack->policy->acl_names, unpack->root_fd, err) < 0)
		return -err->code;
	for (size_t i = 0; i < unpack->n_later; i++) {
		struct unpack_later *later = &unpack->later[i];
		cleanup_close int fd = open_beneath(unpack->root_fd, later->path, O_NONBLOCK);
		int r;

		if (fd < 0)
			return parent_error(later->path, err);
		if (fchown(fd, later->meta.uid, later->meta.gid) < 0)
			return error_sys(err, "cannot give an entry its owner");
		r = meta_resolve(&later->meta, unpack->policy, later->path, err);
		if (r == 0)
			r = meta_apply(&later->meta, fd, later->path, err);
		if (r < 0)
			return r;
	}
	return 0;
}
