/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config_json.c - config.json to struct ve_config and back.
 *
 * What a newer vesseld or an operator has added stays in the record: writing starts from a copy of
 * what was read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "runtime/config.h"
#include "template/overlay.h"
#include "template/template.h"

#define DIGEST_PREFIX "sha256:"
#define HEX_DIGITS    "0123456789abcdef"
#define OPTIONS_MAX   255

struct counter {
	const char *key;
	size_t offset;
};

static const struct counter usage_counters[] = {
	{ "cpu_total_us", offsetof(struct usage, cpu_total_us) },
	{ "cpu_hits", offsetof(struct usage, cpu_hits) },
	{ "memory_peak", offsetof(struct usage, memory_peak) },
	{ "memory_hits", offsetof(struct usage, memory_hits) },
	{ "swap_peak", offsetof(struct usage, swap_peak) },
	{ "swap_hits", offsetof(struct usage, swap_hits) },
	{ "pids_peak", offsetof(struct usage, pids_peak) },
	{ "pids_hits", offsetof(struct usage, pids_hits) },
};

/* clang-format off */
static const struct counter net_counters[] = {
	{ "in_bytes",        offsetof(struct net_totals, traffic.in.bytes) },
	{ "in_packets",      offsetof(struct net_totals, traffic.in.packets) },
	{ "in_dropped",      offsetof(struct net_totals, traffic.in.dropped) },
	{ "out_bytes",       offsetof(struct net_totals, traffic.out.bytes) },
	{ "out_packets",     offsetof(struct net_totals, traffic.out.packets) },
	{ "out_dropped",     offsetof(struct net_totals, traffic.out.dropped) },
	{ "spoofed_dropped", offsetof(struct net_totals, dropped[FILTER_SPOOFED]) },
	{ "closed_dropped",  offsetof(struct net_totals, dropped[FILTER_CLOSED]) },
	{ "crowded_dropped", offsetof(struct net_totals, dropped[FILTER_CROWDED]) },
};
/* clang-format on */

static const char *const exit_words[] = { "poweroff", "reboot", "exit", "signal", "killed",
	"lost" };

static uint64_t *counter_at(void *totals, const struct counter *counter)
{
	return (uint64_t *)(void *)((char *)totals + counter->offset);
}

static bool uuid_valid(const char *text)
{
	if (!text || strlen(text) != UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < UUID_TEXT - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !strchr(HEX_DIGITS, text[i]))
			return false;
	}
	return true;
}

static bool digest_valid(const char *text)
{
	static const size_t prefix = sizeof(DIGEST_PREFIX) - 1;

	return text && strncmp(text, DIGEST_PREFIX, prefix) == 0 &&
	       strlen(text) == prefix + SHA256_TEXT - 1 &&
	       strspn(text + prefix, HEX_DIGITS) == SHA256_TEXT - 1;
}

static int bad_member(const char *key, const char *should, struct error *err)
{
	return error_set(err, EINVAL, "\"%s\" is not %s", key, should);
}

/* An absent or null member is NULL. */
static int take_string(const struct json *record, const char *key, char **ret, struct error *err)
{
	const struct json *value = json_find(record, key);
	const char *text = json_string(value);

	if (!value || json_type(value) == JSON_NULL)
		return 0;
	if (!text)
		return bad_member(key, "a string", err);
	*ret = strdup(text);
	return *ret ? 0 : error_memory(err);
}

static int take_identity(const struct json *record, struct ve_config *config, struct error *err)
{
	const char *uuid = json_find_string(record, "uuid");
	const char *created = json_find_string(record, "created");
	int64_t format = 0, first_id = 0;

	if (!json_int(json_find(record, "format"), &format))
		return bad_member("format", "a number", err);
	if (format != CONFIG_FORMAT)
		return error_set(err, EINVAL,
			"format %jd is not known to this vesseld (it knows %d)", (intmax_t)format,
			CONFIG_FORMAT);
	if (!uuid_valid(uuid))
		return bad_member("uuid", "a UUID in lower case", err);
	if (!created || parse_time_utc(created, &config->created) < 0)
		return bad_member("created", "a time like 2026-11-22T11:46:21Z", err);
	if (!json_int(json_find(record, "first_id"), &first_id) || first_id < VE_IDS ||
		first_id % VE_IDS != 0 || first_id > UINT32_MAX - 2 * VE_IDS + 1)
		return bad_member("first_id", "a multiple of 65536 from 65536 on", err);
	config->first_id = (uid_t)first_id;
	memcpy(config->uuid, uuid, UUID_TEXT);
	return 0;
}

static int take_layers(const struct json *list, struct ve_config *config, struct error *err)
{
	size_t n = json_count(list);

	if (list && json_type(list) != JSON_ARRAY)
		return bad_member("layers", "a list", err);
	if (n > TEMPLATE_LAYERS_MAX)
		return error_set(err, EINVAL, "more than %d layers", TEMPLATE_LAYERS_MAX);
	config->layers = calloc(n ? n : 1, sizeof(*config->layers));
	if (!config->layers)
		return error_memory(err);
	for (; config->n_layers < n; config->n_layers++) {
		const char *digest = json_string(json_at(list, config->n_layers));

		if (!digest_valid(digest))
			return bad_member("layers", "a list of sha256: digests", err);
		config->layers[config->n_layers] = strdup(digest);
		if (!config->layers[config->n_layers])
			return error_memory(err);
	}
	return 0;
}

static int take_disk(const struct json *record, struct ve_config *config, struct error *err)
{
	int r = take_string(record, "template", &config->template, err);

	if (r == 0)
		r = take_string(record, "plan", &config->plan, err);
	if (r == 0)
		r = take_string(record, "overlay", &config->overlay, err);
	if (r == 0)
		r = take_layers(json_find(record, "layers"), config, err);
	if (r < 0)
		return r;
	if (config->template && !name_valid_object(config->template))
		return bad_member("template", "the name of a template", err);
	if (config->plan && !name_valid_object(config->plan))
		return bad_member("plan", "the name of a plan", err);
	if (!config->overlay)
		config->overlay = strdup(OVERLAY_OPTIONS);
	if (!config->overlay)
		return error_memory(err);
	return string_clean(config->overlay, OPTIONS_MAX)
		       ? 0
		       : bad_member("overlay", "a line of overlay options", err);
}

/* Unknown names stay in the record (put_asked). */
static int take_asked(const struct json *list, struct settings *settings, struct error *err)
{
	if (list && json_type(list) != JSON_ARRAY)
		return bad_member("asked", "a list", err);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_string(json_at(list, i));
		const struct setting *row = name ? setting_find(name) : NULL;

		if (row)
			settings->asked |= UINT64_C(1) << setting_index(row);
	}
	return 0;
}

static int take_settings(const struct json *record, struct ve_config *config, struct error *err)
{
	const struct json *values = json_find(record, "settings");
	int r = settings_init(&config->settings, err);

	if (r < 0)
		return r;
	if (json_type(values) != JSON_OBJECT)
		return bad_member("settings", "an object", err);
	r = settings_from_json(&config->settings, values, err);
	return r < 0 ? r : take_asked(json_find(record, "asked"), &config->settings, err);
}

static int take_counters(const struct json *object, const struct counter *counters, size_t n,
	void *totals, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *value = json_find(object, counters[i].key);
		int64_t number = 0;

		if (value && (!json_int(value, &number) || number < 0))
			return bad_member(counters[i].key, "a count", err);
		*counter_at(totals, &counters[i]) = (uint64_t)number;
	}
	return 0;
}

static int take_totals(const struct json *totals, struct ve_config *config, struct error *err)
{
	int r = take_counters(
		totals, usage_counters, ARRAY_SIZE(usage_counters), &config->totals, err);

	return r < 0 ? r
		     : take_counters(json_find(totals, "net"), net_counters,
			       ARRAY_SIZE(net_counters), &config->net, err);
}

static int take_counted(const struct json *value, uint64_t *ret, struct error *err)
{
	int64_t number = 0;

	if (value && (!json_int(value, &number) || number < 0))
		return bad_member("counted", "the number of a cgroup", err);
	*ret = (uint64_t)number;
	return 0;
}

static int take_exit(const struct json *value, struct ve_exit *end, struct error *err)
{
	const char *how = json_find_string(value, "how");
	const char *time = json_find_string(value, "time");
	int64_t status = 0;

	if (!value || json_type(value) == JSON_NULL)
		return 0;
	for (size_t i = 0; how && i < ARRAY_SIZE(exit_words); i++)
		if (strcmp(how, exit_words[i]) == 0)
			snprintf(end->how, sizeof(end->how), "%s", how);
	if (end->how[0] == '\0' || !time || parse_time_utc(time, &end->time) < 0 ||
		!json_int(json_find(value, "status"), &status) || status != (int)status)
		return bad_member("exit", "the end of a run (how, status, time)", err);
	end->status = (int)status;
	return 0;
}

static int take_record(const struct json *record, struct ve_config *config, struct error *err)
{
	const struct json *run = json_find(record, "run");
	int r;

	if (json_type(record) != JSON_OBJECT)
		return error_set(err, EINVAL, "not a JSON object");
	r = take_identity(record, config, err);
	if (r == 0 && run && !json_bool(run, &config->run))
		r = bad_member("run", "true or false", err);
	if (r == 0)
		r = take_disk(record, config, err);
	if (r == 0)
		r = take_settings(record, config, err);
	if (r == 0)
		r = take_totals(json_find(record, "totals"), config, err);
	if (r == 0)
		r = take_counted(json_find(record, "counted"), &config->counted, err);
	if (r == 0)
		r = take_exit(json_find(record, "exit"), &config->exit, err);
	return r;
}

int config_from_json(const struct json *record, struct ve_config *ret, struct error *err)
{
	struct ve_config config = { 0 };
	int r = take_record(record, &config, err);

	if (r == 0) {
		config.record = json_copy(record);
		r = config.record ? 0 : error_memory(err);
	}
	if (r < 0) {
		config_done(&config);
		return r;
	}
	*ret = config;
	return 0;
}

static void put_layers(const struct ve_config *config, struct json *record)
{
	struct json *list = json_set_array(record, "layers");

	for (size_t i = 0; i < config->n_layers; i++)
		json_append_string(list, config->layers[i]);
}

/* Names that this vesseld does not know are carried over. */
static void put_asked(const struct ve_config *config, struct json *record)
{
	const struct json *old = json_find(config->record, "asked");
	struct json *list = json_set_array(record, "asked");

	for (size_t i = 0; i < settings_count; i++)
		if (config->settings.asked & UINT64_C(1) << i)
			json_append_string(list, settings_table[i].name);
	for (size_t i = 0; i < json_count(old); i++) {
		const char *name = json_string(json_at(old, i));

		if (name && !setting_find(name))
			json_append_string(list, name);
	}
}

/* The object of that name, with the members it has in the record, or a new one. */
static struct json *member_object(struct json *record, const char *key)
{
	struct json *object = json_take(record, key);

	if (json_type(object) != JSON_OBJECT) {
		json_free(object);
		return json_set_object(record, key);
	}
	json_set(record, key, object);
	return object;
}

static void put_counters(
	struct json *object, const struct counter *counters, size_t n, void *totals)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = *counter_at(totals, &counters[i]);

		json_set_int(
			object, counters[i].key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
	}
}

static void put_totals(const struct ve_config *config, struct json *record)
{
	static const struct net_totals none;
	struct json *totals = member_object(record, "totals");
	struct usage usage = config->totals;
	struct net_totals net = config->net;

	put_counters(totals, usage_counters, ARRAY_SIZE(usage_counters), &usage);
	/* No VE that never had a network has any. */
	if (memcmp(&net, &none, sizeof(net)) != 0)
		put_counters(
			member_object(totals, "net"), net_counters, ARRAY_SIZE(net_counters), &net);
}

static void put_exit(const struct ve_config *config, struct json *record)
{
	char time[FORMAT_TIME];
	struct json *end;

	if (config->exit.how[0] == '\0') {
		json_set_null(record, "exit");
		return;
	}
	end = member_object(record, "exit");
	json_set_string(end, "how", config->exit.how);
	json_set_int(end, "status", config->exit.status);
	json_set_string(end, "time", format_time_utc(config->exit.time, time));
}

struct json *config_to_json(const struct ve_config *config)
{
	struct json *record = config->record ? json_copy(config->record) : json_new_object();
	char time[FORMAT_TIME];

	json_set_int(record, "format", CONFIG_FORMAT);
	json_set_string(record, "uuid", config->uuid);
	json_set_string(record, "created", format_time_utc(config->created, time));
	json_set_string(record, "template", config->template);
	put_layers(config, record);
	json_set_string(record, "plan", config->plan);
	json_set_int(record, "first_id", config->first_id);
	json_set_string(record, "overlay", config->overlay ? config->overlay : OVERLAY_OPTIONS);
	json_set_bool(record, "run", config->run);
	put_asked(config, record);
	settings_to_json(&config->settings, member_object(record, "settings"));
	put_totals(config, record);
	json_free(json_take(record, "counted"));
	if (config->counted)
		json_set_int(record, "counted", (int64_t)config->counted);
	put_exit(config, record);
	return record;
}
