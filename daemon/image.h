/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image.h - the keeper never runs from its installed file (property P02).
 *
 * Jobs are forks of the keeper and are seen, for moments, from inside a VE. A process there that
 * opened /proc/PID/exe for writing would have the host's binary (CVE-2019-5736). So the keeper
 * executes itself again from a read-only clone of that one file's mount, or from a sealed memfd.
 */
#pragma once

struct error;

/* The file that this process was executed from, as long as that one is still installed. *ret_path
 * is the caller's. */
int image_find(char **ret_path, struct error *err);

/* Returns in the second life, with the path of the installed file in *ret_path (owned by the
 * caller); before that it does not return but on failure. */
int image_seal(char **argv, char **ret_path, struct error *err);
