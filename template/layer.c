/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layer.c - the directory layer/ of the state directory.
 */
#include "template/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "template/template.h"

#define IMPORT_PREFIX ".import-"
#define REMOVE_PREFIX ".remove-"
#define LAYER_PREFIX  "sha256-"
#define DIGITS        64

static bool digits_valid(const char *text)
{
	return strspn(text, "0123456789abcdef") == DIGITS && text[DIGITS] == '\0';
}

bool layer_digest_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && digits_valid(digest + 7);
}

/* "sha256:<hex>" is "sha256-<hex>" on disk. */
static void layer_name(const char *digest, char ret[LAYER_DIGEST])
{
	memcpy(ret, digest, LAYER_DIGEST);
	ret[6] = '-';
}

int layer_open(int state_fd, const char *digest, struct error *err)
{
	cleanup_close int layers_fd = -1;
	char name[LAYER_DIGEST];

	if (!layer_digest_valid(digest))
		return error_refuse(err, ERROR_USAGE, "bad digest of a layer");
	layers_fd = file_open_dir(state_fd, "layer", err);
	if (layers_fd < 0)
		return layers_fd;
	layer_name(digest, name);
	return file_open_dir(layers_fd, name, err);
}

static int lock(int fd, int operation, struct error *err)
{
	while (flock(fd, operation) < 0)
		if (errno != EINTR)
			return error_sys(err, "cannot lock the layers");
	return 0;
}

int layer_import_begin(struct layer_import *import, int state_fd, struct error *err)
{
	uint64_t number;
	int r;

	*import = (struct layer_import){ .layers_fd = -1, .fd = -1 };
	r = file_make_dir(state_fd, "layer", 0700, err);
	if (r < 0)
		return r;
	r = file_open_dir(state_fd, "layer", err);
	if (r < 0)
		return r;
	import->layers_fd = r;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return error_sys(err, "cannot get a random number");

	/* Under the lock, or a collector could see the directory before it is locked itself. */
	r = lock(import->layers_fd, LOCK_SH, err);
	if (r < 0)
		return r;
	snprintf(import->name, sizeof(import->name), IMPORT_PREFIX "%016" PRIx64, number);
	if (mkdirat(import->layers_fd, import->name, 0700) < 0) {
		import->name[0] = '\0';
		return error_sys(err, "cannot make a directory for the import");
	}
	import->fd = file_open_dir(import->layers_fd, import->name, err);
	if (import->fd < 0)
		return import->fd;
	r = lock(import->fd, LOCK_EX, err);
	(void)flock(import->layers_fd, LOCK_UN); /* cannot fail on a lock that is held */
	return r;
}

int layer_import_lock(struct layer_import *import, struct error *err)
{
	return lock(import->layers_fd, LOCK_EX, err);
}

int layer_import_commit(struct layer_import *import, const char *digest, struct error *err)
{
	char name[LAYER_DIGEST];
	int r;

	if (!layer_digest_valid(digest))
		return error_refuse(err, ERROR_USAGE, "bad digest of a layer");
	layer_name(digest, name);
	r = file_rename(import->layers_fd, import->name, import->layers_fd, name, err);
	if (r == -EEXIST) {
		memset(err, 0, sizeof(*err));
		return 0; /* the copy goes with layer_import_done() */
	}
	if (r < 0)
		return error_wrap(err, "cannot give the layer its name");
	import->name[0] = '\0';
	return 0;
}

void layer_import_done(struct layer_import *import)
{
	struct error ignored = { 0 };

	/* Left behind by a failure, it is recovery's to remove. */
	if (import->layers_fd >= 0 && import->name[0])
		(void)file_remove_tree(import->layers_fd, import->name, &ignored);
	close_fd(&import->fd);
	close_fd(&import->layers_fd);
	import->name[0] = '\0';
}

static int names_add_all(struct names *names, const char *const *list, size_t n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = names_add(names, list[i], err);
	return r;
}

/* All digests that templates name. A record that cannot be read may name any: *ret_all. */
static int digests_of_templates(
	struct names *digests, int state_fd, bool *ret_all, struct error *err)
{
	cleanup_names struct names names = { 0 };
	int r = template_list(state_fd, &names.list, &names.n, err);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		cleanup_template struct template t = { 0 };
		struct error damaged = { 0 };

		if (template_load(state_fd, names.list[i], &t, &damaged) < 0)
			*ret_all = true;
		else
			r = names_add_all(digests, (const char *const *)t.layers, t.n_layers, err);
	}
	return r;
}

/* An import whose maker lives holds its lock. */
static bool import_alive(int layers_fd, const char *name)
{
	cleanup_close int fd =
		openat(layers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int remove_layer(int layers_fd, const char *name, struct error *err)
{
	char hidden[sizeof(REMOVE_PREFIX) + DIGITS];
	int r;

	snprintf(hidden, sizeof(hidden), REMOVE_PREFIX "%.64s", name + strlen(LAYER_PREFIX));
	r = file_remove_tree(layers_fd, hidden, err); /* of an earlier try */
	if (r == 0)
		r = file_rename(layers_fd, name, layers_fd, hidden, err);
	return r < 0 ? r : file_remove_tree(layers_fd, hidden, err);
}

static int collect_entry(
	int layers_fd, const char *name, const struct names *kept, struct error *err)
{
	char digest[LAYER_DIGEST];

	if (strncmp(name, REMOVE_PREFIX, strlen(REMOVE_PREFIX)) == 0)
		return file_remove_tree(layers_fd, name, err);
	if (strncmp(name, IMPORT_PREFIX, strlen(IMPORT_PREFIX)) == 0)
		return import_alive(layers_fd, name) ? 0 : file_remove_tree(layers_fd, name, err);
	if (strncmp(name, LAYER_PREFIX, strlen(LAYER_PREFIX)) != 0 ||
		!digits_valid(name + strlen(LAYER_PREFIX)))
		return 0; /* not ours */
	memcpy(digest, name, sizeof(digest));
	digest[6] = ':';
	if (!kept || names_has(kept, digest))
		return 0;
	return remove_layer(layers_fd, name, err);
}

/* Goes on after a failure, so that one bad layer keeps no other; the first error is told. */
static int collect(int layers_fd, const struct names *kept, struct error *err)
{
	cleanup_names struct names entries = { 0 };
	int first = names_of_dir(layers_fd, ".", &entries, err);

	for (size_t i = 0; i < entries.n; i++) {
		struct error later = { 0 };
		int r = collect_entry(layers_fd, entries.list[i], kept, first ? &later : err);

		first = first ? first : r;
	}
	return first;
}

int layer_collect(int state_fd, const char *const *used_digests, size_t n_used, struct error *err)
{
	cleanup_close int layers_fd =
		openat(state_fd, "layer", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_names struct names kept = { 0 };
	bool all = false;
	int r;

	if (layers_fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, "cannot open the layers");
	r = lock(layers_fd, LOCK_EX, err);
	if (r == 0)
		r = digests_of_templates(&kept, state_fd, &all, err);
	if (r == 0)
		r = names_add_all(&kept, used_digests, n_used, err);
	names_sort(&kept);
	return r < 0 ? r : collect(layers_fd, all ? NULL : &kept, err);
}
