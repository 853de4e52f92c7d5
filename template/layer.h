/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layer.h - the directory layer/ of the state directory: who may add, who may remove.
 *
 *   layer/sha256-<hex>   complete and durable, from the moment it has this name
 *   layer/.import-XXXX   its maker holds a lock (flock) on it while it lives
 *   layer/.remove-<hex>  renamed so before the first file goes, so that half a layer has no name
 *
 * A layer that was just given its name is named by no record yet. So whoever adds one holds the
 * directory's lock until the record is written, and whoever collects holds the same lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

#define LAYER_DIGEST (7 + 64 + 1) /* "sha256:", the digits, NUL */

struct layer_import {
	int layers_fd; /* layer/ */
	int fd;        /* the new directory, locked */
	char name[32]; /* ".import-" and 16 digits */
};

/* Makes layer/.import-XXXX. */
int layer_import_begin(struct layer_import *import, int state_fd, struct error *err);

/* Locks layer/ until layer_import_done(), so that no other import is between this and its record.
 */
int layer_import_lock(struct layer_import *import, struct error *err);

/* Under the lock, gives it the digest's name, or leaves an equal layer that is there already. What
 * was not committed goes with layer_import_done(). */
int layer_import_commit(struct layer_import *import, const char *digest, struct error *err);
void layer_import_done(struct layer_import *import);
#define cleanup_layer_import __attribute__((cleanup(layer_import_done)))

/* "sha256:" and 64 lower-case digits? */
bool layer_digest_valid(const char *digest);
