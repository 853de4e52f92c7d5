/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * client.h - what the files of libvessel share and do not show.
 */
#pragma once

#include <stddef.h>
#include <vessel.h>

struct error;

/* Fills *err and returns the result, so that a caller writes `return client_fail(err, ...)`. */
enum vessel_result client_fail(struct vessel_error *err, enum vessel_result result, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));

/* The same with the words of base/ (their kinds have the same numbers). */
enum vessel_result client_error(struct vessel_error *err, const struct error *inner);

/* A failed system call: appends errno's name. */
enum vessel_result client_sys(struct vessel_error *err, const char *what);

/* The path of the instance's socket, owned by the caller; NULL and *err filled if the instance's
 * name is none. */
char *client_path(const char *instance, unsigned int flags, struct vessel_error *err);
