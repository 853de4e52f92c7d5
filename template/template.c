/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * template.c - templates: a name, and the digests of its layers.
 *
 * The record is the only thing that makes a layer worth keeping, and is written last.
 */
#include "template/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "base/parse.h"
#include "template/layer.h"

#define FORMAT      1
#define SUFFIX      ".json"
#define RECORD_MAX  65536
#define RECORD_NAME (NAME_LENGTH + sizeof(SUFFIX))

void template_done(struct template *t)
{
	for (size_t i = 0; i < t->n_layers; i++)
		free(t->layers[i]);
	free(t->layers);
	free(t->name);
	*t = (struct template){ 0 };
}

static int record_name(const char *name, char ret[RECORD_NAME], struct error *err)
{
	if (!name_valid_object(name) || strlen(name) > NAME_LENGTH)
		return error_refuse(err, ERROR_USAGE, "bad name of a template");
	snprintf(ret, RECORD_NAME, "%s" SUFFIX, name);
	return 0;
}

static int not_found(const char *name, struct error *err)
{
	return error_refuse(
		err, ERROR_NOT_FOUND, "no template %s (see vessel template list)", name);
}

static int damaged(const char *name, const char *what, struct error *err)
{
	return error_set(err, EBADMSG, "the record of template %s is damaged: %s", name, what);
}

static int add_layer(struct template *t, const char *digest)
{
	t->layers[t->n_layers] = strdup(digest);
	if (!t->layers[t->n_layers])
		return -ENOMEM;
	t->n_layers++;
	return 0;
}

static int read_layers(struct template *t, const struct json *layers, struct error *err)
{
	size_t n = json_count(layers);

	if (json_type(layers) != JSON_ARRAY || n == 0 || n > TEMPLATE_LAYERS_MAX)
		return damaged(t->name, "layers", err);
	t->layers = calloc(n, sizeof(*t->layers));
	if (!t->layers)
		return error_memory(err);
	for (size_t i = 0; i < n; i++) {
		const char *digest = json_string(json_at(layers, i));

		if (!digest || !layer_digest_valid(digest))
			return damaged(t->name, "layers", err);
		if (add_layer(t, digest) < 0)
			return error_memory(err);
	}
	return 0;
}

static int read_record(struct template *t, const struct json *record, struct error *err)
{
	const char *created = json_find_string(record, "created");
	int64_t format, bytes, files;

	if (!json_int(json_find(record, "format"), &format) || format != FORMAT)
		return damaged(t->name, "format", err);
	if (!json_int(json_find(record, "bytes"), &bytes) || bytes < 0)
		return damaged(t->name, "bytes", err);
	if (!json_int(json_find(record, "files"), &files) || files < 0)
		return damaged(t->name, "files", err);
	if (!created || parse_time_utc(created, &t->created) < 0)
		return damaged(t->name, "created", err);
	t->bytes = (uint64_t)bytes;
	t->files = (uint64_t)files;
	return read_layers(t, json_find(record, "layers"), err);
}

/* Opens template/, which is there from the first import on. */
static int open_templates(int state_fd)
{
	return openat(state_fd, "template", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int template_load(int state_fd, const char *name, struct template *ret, struct error *err)
{
	cleanup_template struct template t = { 0 };
	cleanup_close int dir_fd = -1;
	cleanup_json struct json *record = NULL;
	cleanup_free char *text = NULL;
	char file_name[RECORD_NAME];
	ssize_t n;
	int r = record_name(name, file_name, err);

	if (r < 0)
		return r;
	dir_fd = open_templates(state_fd);
	if (dir_fd < 0)
		return errno == ENOENT ? not_found(name, err)
				       : error_sys(err, "cannot open the templates");
	n = file_read(dir_fd, file_name, RECORD_MAX, &text, err);
	if (n == -ENOENT)
		return not_found(name, err);
	if (n < 0)
		return (int)n;
	r = json_parse(text, (size_t)n, &record, err);
	if (r < 0)
		return error_wrap(err, "the record of template %s is damaged", name);
	t.name = strdup(name);
	if (!t.name)
		return error_memory(err);
	r = read_record(&t, record, err);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct template){ 0 };
	return 0;
}

/* The template's name in a file's, owned by the caller, or NULL. */
static char *name_of_file(const char *file_name)
{
	size_t n = strlen(file_name);
	char *name;

	if (n <= strlen(SUFFIX) || strcmp(file_name + n - strlen(SUFFIX), SUFFIX) != 0)
		return NULL;
	name = strndup(file_name, n - strlen(SUFFIX));
	if (name && !name_valid_object(name)) {
		free(name);
		return NULL;
	}
	return name;
}

static int add_names(const struct names *files, struct names *ret, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->n; i++) {
		cleanup_free char *name = name_of_file(files->list[i]);

		if (name)
			r = names_add(ret, name, err);
	}
	names_sort(ret); /* "a-b.json" stands before "a.json" */
	return r;
}

int template_list(int state_fd, char ***ret_names, size_t *ret_n, struct error *err)
{
	cleanup_names struct names files = { 0 };
	cleanup_names struct names names = { 0 };
	int r = names_of_dir(state_fd, "template", &files, err);

	if (r == -ENOENT)
		memset(err, 0, sizeof(*err)); /* it is there from the first import on */
	else if (r < 0)
		return r;
	r = add_names(&files, &names, err);
	if (r < 0)
		return r;
	*ret_names = names.list;
	*ret_n = names.n;
	names = (struct names){ 0 }; /* the caller's now */
	return 0;
}

static int write_record(int state_fd, const struct template *t, struct error *err)
{
	cleanup_close int dir_fd = file_open_dir(state_fd, "template", err);
	cleanup_json struct json *record = json_new_object();
	cleanup_free char *text = NULL;
	char created[FORMAT_TIME];
	char file_name[RECORD_NAME];
	struct json *layers;

	if (dir_fd < 0 || record_name(t->name, file_name, err) < 0)
		return -err->code;
	json_set_int(record, "format", FORMAT);
	json_set_string(record, "name", t->name);
	layers = json_set_array(record, "layers");
	for (size_t i = 0; i < t->n_layers; i++)
		json_append_string(layers, t->layers[i]);
	json_set_int(record, "bytes", (int64_t)t->bytes);
	json_set_int(record, "files", (int64_t)t->files);
	json_set_string(record, "created", format_time_utc(t->created, created));
	if (json_print(record, true, &text) < 0)
		return error_memory(err);
	return file_replace(dir_fd, file_name, text, strlen(text), err);
}

/* An existing name is refused before the work, and again after it: another import of the name may
 * have been faster. The layers are locked by then, and the lock is let go after the record;
 * the layer has no name yet, or one that nobody wants would stay behind. */
static int check_name(int state_fd, const char *name, bool replace, struct error *err)
{
	char file_name[RECORD_NAME];
	cleanup_close int dir_fd = -1;
	int r = record_name(name, file_name, err);

	if (r < 0)
		return r;
	r = file_make_dir(state_fd, "template", 0700, err);
	if (r < 0)
		return r;
	dir_fd = file_open_dir(state_fd, "template", err);
	if (dir_fd < 0)
		return dir_fd;
	if (!replace && faccessat(dir_fd, file_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_refuse(
			err, ERROR_STATE, "template %s is there already (see --replace)", name);
	return 0;
}

static int check_digest(const char *digest, const char *expected, struct error *err)
{
	if (!expected || strcasecmp(digest, expected) == 0)
		return 0;
	return error_refuse(
		err, ERROR_USAGE, "the archive's sha256 is %s, not %.80s", digest, expected);
}

static int fill(struct template *t, const char *name, const struct import_result *result)
{
	char digest[LAYER_DIGEST];

	snprintf(digest, sizeof(digest), "sha256:%s", result->digest);
	t->name = strdup(name);
	t->layers = calloc(1, sizeof(*t->layers));
	if (!t->name || !t->layers)
		return -ENOMEM;
	t->bytes = result->bytes;
	t->files = result->entries;
	t->created = time(NULL);
	return add_layer(t, digest);
}

int template_import(int state_fd, const char *name, int archive_fd, const char *expected_digest,
	bool replace, bool squash_ids, const struct import_bounds *bounds,
	import_progress_fn *progress, void *data, struct template *ret, struct error *err)
{
	cleanup_layer_import struct layer_import import = { .layers_fd = -1, .fd = -1 };
	cleanup_template struct template t = { 0 };
	struct import_result result;
	int r = check_name(state_fd, name, replace, err);

	if (r == 0)
		r = layer_import_begin(&import, state_fd, err);
	if (r == 0)
		r = import_archive(
			archive_fd, import.fd, bounds, squash_ids, progress, data, &result, err);
	if (r == 0)
		r = check_digest(result.digest, expected_digest, err);
	if (r < 0)
		return r;
	if (fill(&t, name, &result) < 0)
		return error_memory(err);
	r = layer_import_lock(&import, err);
	if (r == 0)
		r = check_name(state_fd, name, replace, err);
	if (r == 0)
		r = layer_import_commit(&import, t.layers[0], err);
	if (r == 0)
		r = write_record(state_fd, &t, err);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct template){ 0 };
	return 0;
}

int template_remove(int state_fd, const char *name, const char *const *used_digests, size_t n_used,
	struct error *err)
{
	cleanup_close int dir_fd = -1;
	char file_name[RECORD_NAME];
	int r = record_name(name, file_name, err);

	if (r < 0)
		return r;
	dir_fd = open_templates(state_fd);
	if (dir_fd < 0)
		return errno == ENOENT ? not_found(name, err)
				       : error_sys(err, "cannot open the templates");
	if (unlinkat(dir_fd, file_name, 0) < 0)
		return errno == ENOENT ? not_found(name, err)
				       : error_sys(err, "cannot remove template %s", name);
	r = file_sync_dir(dir_fd, err);
	return r < 0 ? r : layer_collect(state_fd, used_digests, n_used, err);
}
