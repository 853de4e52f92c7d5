/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wish.h - what an operator asks of a VE becomes its record: plan, settings, what this host can.
 */
#pragma once

#include <stdint.h>

struct error;
struct json;
struct limit_values;
struct manager;
struct operation;
struct settings;
struct ve_config;

/* The record of a new VE: identity, template, plan, ids; settings as the plan has them. */
int wish_new(struct manager *manager, const char *template, const char *plan, struct ve_config *ret,
	struct error *err);

/* Sets what `settings` (an object of strings, or NULL) names. A limit that is asked for and that
 * this host cannot enforce is ERROR_UNSUPPORTED, also one that was asked for earlier and that it
 * could enforce beside the limits of `before`. On failure config may be half changed. */
int wish_settings(struct manager *manager, struct ve_config *config,
	const struct limit_values *before, const struct json *settings, struct error *err);

/* Refuses (ERROR_UNSUPPORTED) a rate among those rows that was asked for and that this host cannot
 * keep. */
int wish_check_rates(const struct settings *settings, uint64_t rows, struct error *err);

/* The check of `set`: op->extra holds "settings" and "plan", op->config becomes the new record. */
int wish_prepare_set(struct operation *op, struct error *err);
