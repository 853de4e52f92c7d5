/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * template.h - templates and layers in the state directory.
 *
 *   template/<name>.json   {"format":1,"name":...,"layers":["sha256:..."],"bytes":...,"files":...,
 *                           "created":...}
 *   layer/sha256-<hex>/    one unpacked layer; its name is the digest of the uncompressed archive
 *   layer/.import-XXXX/    an import under way; removed by recovery
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template/import.h"

struct error;

#define TEMPLATE_LAYERS_MAX 16

struct template
{
	char *name;
	char **layers; /* "sha256:<hex>", topmost first */
	size_t n_layers;
	uint64_t bytes; /* of file content, all layers */
	uint64_t files;
	int64_t created; /* seconds since the epoch */
};

void template_done(struct template *t);
#define cleanup_template __attribute__((cleanup(template_done)))

/* Reads template/<name>.json; an unknown name is ERROR_NOT_FOUND ("no template x (see vessel
 * template list)"). */
int template_load(int state_fd, const char *name, struct template *ret, struct error *err);

/* All names, sorted; the caller frees each and the list. Damaged records are listed too. */
int template_list(int state_fd, char ***ret_names, size_t *ret_n, struct error *err);

/* Import: reads the archive into layer/.import-*, renames it to its digest (an equal layer that is
 * there already is kept), writes the record. Atomic and durable. With expected_digest (hex, or
 * NULL) a different digest is refused. Without replace an existing name is ERROR_STATE; with it the
 * name moves to the new layers. */
int template_import(int state_fd, const char *name, int archive_fd, const char *expected_digest,
	bool replace, bool squash_ids, const struct import_bounds *bounds,
	import_progress_fn *progress, void *data, struct template *ret, struct error *err);

/* Removes the record, then every layer that neither a template nor the list of digests in use
 * (by VEs) names. The caller has checked that no VE needs the name. */
int template_remove(int state_fd, const char *name, const char *const *used_digests, size_t n_used,
	struct error *err);

/* Opens a layer's directory (O_DIRECTORY) below a state directory descriptor. */
int layer_open(int state_fd, const char *digest, struct error *err);

/* Removes imports that died and layers that nobody names: recovery. */
int layer_collect(int state_fd, const char *const *used_digests, size_t n_used, struct error *err);
