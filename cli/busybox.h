/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * busybox.h - the small template: one static busybox and what its init needs.
 */
#pragma once

#include <stddef.h>

struct error;
struct text;

/* Adds the archive to `archive`: `program` is busybox itself, `applets` its names, one a line, and
 * mtime the time that every entry gets (the same busybox gives the same digest). */
void busybox_archive(
	struct text *archive, const void *program, size_t size, const char *applets, long mtime);

/* Whether an ELF file needs nothing else to run: no program interpreter. */
int busybox_check_static(const void *program, size_t size, struct error *err);

/* The whole: the host's busybox, asked for its applets. */
int busybox_build(struct text *archive, struct error *err);
