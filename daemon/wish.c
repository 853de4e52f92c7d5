/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wish.c - what an operator asks of a VE becomes its record.
 *
 * All is judged on the resulting record, before a job sees it: a refusal has changed nothing.
 */
#include "wish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cgroup/limit.h"
#include "daemon/claim.h"
#include "daemon/id_range.h"
#include "daemon/manager_data.h"
#include "daemon/network_probe.h"
#include "daemon/operation.h"
#include "daemon/ve_table.h"
#include "runtime/plan.h"
#include "template/overlay.h"
#include "template/template.h"

#define DEFAULT_PLAN "default"

/* An operator who gives no template is told which there are. */
static int no_template(struct manager *manager, struct error *err)
{
	cleanup_text struct text list;
	char **names = NULL;
	size_t n = 0;
	struct error ignored = { 0 };

	text_init(&list);
	if (template_list(manager->instance->state_fd, &names, &n, &ignored) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		text_format(&list, "%s%s", i > 0 ? ", " : "", names[i]);
		free(names[i]);
	}
	free(names);
	return error_refuse(err, ERROR_USAGE, "a template is needed; %s%.300s",
		n > 0 ? "there are: " : "there is none (see vessel template build)", list.data);
}

static int take_template(
	struct manager *manager, const char *name, struct ve_config *config, struct error *err)
{
	cleanup_template struct template template = { 0 };
	int r;

	if (!name)
		return no_template(manager, err);
	if (!name_valid_object(name))
		return error_refuse(err, ERROR_USAGE,
			"bad template name '%.80s' (a-z, 0-9, and inner - . _, at most 63)", name);
	r = template_load(manager->instance->state_fd, name, &template, err);
	if (r < 0)
		return r;
	config->template = take_ptr(&template.name);
	config->layers = take_ptr(&template.layers);
	config->n_layers = template.n_layers;
	template.n_layers = 0;
	return 0;
}

static int fill(struct manager *manager, const char *template, const char *plan,
	struct ve_config *config, struct error *err)
{
	int r = settings_init(&config->settings, err);

	if (r == 0)
		r = plan_load(manager->instance->state_fd, plan, &config->settings, NULL, err);
	if (r == 0)
		r = take_template(manager, template, config, err);
	if (r == 0)
		r = uuid_new(config->uuid, err);
	if (r == 0)
		r = id_range_new(manager, &config->first_id, err);
	if (r < 0)
		return r;
	config->created = clock_now();
	config->plan = strdup(plan);
	config->overlay = strdup(OVERLAY_OPTIONS);
	return config->plan && config->overlay ? 0 : error_memory(err);
}

int wish_new(struct manager *manager, const char *template, const char *plan, struct ve_config *ret,
	struct error *err)
{
	struct ve_config config = { 0 };
	int r = fill(manager, template, plan ? plan : DEFAULT_PLAN, &config, err);

	if (r < 0) {
		config_done(&config);
		return r;
	}
	*ret = config;
	return 0;
}

static int set_one(struct settings *settings, const struct settings *plan, const char *name,
	const char *text, uint64_t *named, struct error *err)
{
	const struct setting *row = setting_find(name);

	if (!row)
		return error_refuse(err, ERROR_USAGE, "no such setting as '%.80s'", name);
	*named |= UINT64_C(1) << setting_index(row);
	return setting_set(settings, row, text, plan, err);
}

/* Limits that are asked for, now or before, and that what is asked now would leave unenforced. What
 * this host could not enforce before either is left to the next start to refuse. */
static int check_limits(struct manager *manager, const struct settings *settings,
	const struct limit_values *before, uint64_t named, struct error *err)
{
	for (size_t i = 0; i < settings_count; i++) {
		enum limit_id id = (enum limit_id)settings_table[i].limit;
		uint64_t bit = UINT64_C(1) << i;
		struct error reason, ignored;

		if (settings_table[i].limit < 0 || !(settings->asked & bit) ||
			settings->limits.value[id] == PARSE_NONE ||
			limit_enforceable(manager->tree, id, &settings->limits, &reason) == 0)
			continue;
		if (named & bit || limit_enforceable(manager->tree, id, before, &ignored) == 0) {
			*err = reason;
			return -err->code;
		}
	}
	return 0;
}

int wish_check_rates(const struct settings *settings, uint64_t rows, struct error *err)
{
	static const char *const names[] = { "rate-in", "rate-out" };
	const uint64_t rates[] = { settings->rate_in, settings->rate_out };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t bit = UINT64_C(1) << setting_index(setting_find(names[i]));

		if (!(rows & settings->asked & bit) || rates[i] == PARSE_NONE)
			continue;
		if (network_can(NETWORK_RATES, err) < 0)
			return error_wrap(err, "%s cannot be kept", names[i]);
	}
	return 0;
}

int wish_settings(struct manager *manager, struct ve_config *config,
	const struct limit_values *before, const struct json *settings, struct error *err)
{
	struct settings plan;
	uint64_t named = 0;
	int r = settings_init(&plan, err);

	if (r < 0)
		return r;
	r = plan_load(manager->instance->state_fd, config->plan ? config->plan : DEFAULT_PLAN,
		&plan, NULL, err);
	if (r == -ENOENT) /* "default" then means the built-in one */
		r = 0;
	for (size_t i = 0; r == 0 && i < json_count(settings); i++)
		r = set_one(&config->settings, &plan, json_key_at(settings, i),
			json_string(json_at(settings, i)), &named, err);
	settings_done(&plan);
	if (r == 0)
		r = check_limits(manager, &config->settings, before, named, err);
	return r < 0 ? r : wish_check_rates(&config->settings, named, err);
}

/* The keys that the plan names overwrite, and nobody has asked for them any more. */
static int take_plan(struct manager *manager, struct ve_config *config, const char *plan,
	uint64_t *ret_named, struct error *err)
{
	char *name;
	int r = plan_load(manager->instance->state_fd, plan, &config->settings, ret_named, err);

	if (r < 0)
		return r;
	config->settings.asked &= ~*ret_named;
	name = strdup(plan);
	if (!name)
		return error_memory(err);
	free(config->plan);
	config->plan = name;
	return 0;
}

/* What only the record holds cannot be for now. */
static int not_for_now(const struct setting *row, struct error *err)
{
	cleanup_text struct text list;

	text_init(&list);
	for (size_t i = 0; i < settings_count; i++)
		if (settings_table[i].limit >= 0)
			text_format(
				&list, "%s%s", list.length > 0 ? ", " : "", settings_table[i].name);
	return error_refuse(err, ERROR_USAGE, "%s is no limit: for now only (--live) are %s",
		row->name, list.data);
}

/* Live changes are for a VE that runs, and for limits: the kernel holds those beside the record. */
static int check_live(const struct operation *op, struct error *err)
{
	if (!op->live)
		return 0;
	if (!ve_alive(op->ve))
		return error_refuse(err, ERROR_STATE, "it is %s: --live is for now only",
			state_name(op->ve->state));
	for (size_t i = 0; i < settings_count; i++) {
		if (!(op->changed & UINT64_C(1) << i) || settings_table[i].limit >= 0)
			continue;
		if (settings_table[i].live)
			return not_for_now(&settings_table[i], err);
		return error_refuse(err, ERROR_USAGE,
			"%s cannot change while it runs (without --live: at its next start)",
			settings_table[i].name);
	}
	return 0;
}

/* A setting that is named is meant, also where the record has it so: a limit may have been changed
 * for now since. */
static uint64_t rows_named(const struct json *settings)
{
	uint64_t named = 0;

	for (size_t i = 0; i < json_count(settings); i++) {
		const struct setting *row = setting_find(json_key_at(settings, i));

		if (row)
			named |= UINT64_C(1) << setting_index(row);
	}
	return named;
}

/* A wish for addresses that an older record has is not granted by the way while it runs without a
 * network. */
static int claim(struct operation *op, struct error *err)
{
	const struct setting *row = setting_find("ip");
	struct settings *settings = &op->config.settings;
	bool later = settings->ip_auto && ve_alive(op->ve) &&
		     !(op->named & UINT64_C(1) << setting_index(row));
	int r;

	if (later)
		settings->ip_auto = false;
	r = claim_take(op->manager, op->ve, settings, &op->ve->config.settings, err);
	if (later)
		settings->ip_auto = true;
	return r;
}

int wish_prepare_set(struct operation *op, struct error *err)
{
	const struct json *settings = json_find(op->extra, "settings");
	const char *plan = json_find_string(op->extra, "plan");
	struct ve *ve = op->ve;
	int r;

	if (ve->state == VE_BROKEN)
		return ve_check(ve, EVENT_START, err);
	if ((op->password || op->ssh_key) && ve->state == VE_PAUSED)
		return ve_wrong_state(ve, err); /* the guest's own tool would be frozen as well */
	if (json_count(settings) == 0 && !plan)
		return op->live ? check_live(op, err) : 0;
	r = config_copy(&op->config, &ve->config, err);
	if (r < 0)
		return r;
	op->has_config = true;
	if (plan)
		r = take_plan(op->manager, &op->config, plan, &op->named, err);
	if (r == 0)
		r = wish_settings(
			op->manager, &op->config, &ve->config.settings.limits, settings, err);
	op->named |= rows_named(settings);
	if (r == 0)
		r = claim(op, err);
	for (size_t i = 0; r == 0 && i < settings_count; i++)
		if (!setting_equal(&op->config.settings, &ve->config.settings, &settings_table[i]))
			op->changed |= UINT64_C(1) << i;
	op->named |= op->changed;
	return r < 0 ? r : check_live(op, err);
}
