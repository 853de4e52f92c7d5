/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_json.c - the record of one VE for those who ask: wishes from its record, facts from the
 * kernel.
 *
 * Keys are only ever added. A limit of a VE that runs is what the kernel enforces now; totals and
 * hits are those of all its runs.
 */
#include "ve_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cgroup/limit.h"
#include "cgroup/tree.h"
#include "cgroup/usage.h"
#include "daemon/manager_data.h"
#include "daemon/network_count.h"
#include "daemon/operation.h"
#include "daemon/ve_table.h"
#include "runtime/ve_net.h"

#define RATE_MS 1000 /* a rate is over this long at least */

static const char *const limit_keys[LIMITS] = {
	[LIMIT_CPUS] = "cpus",
	[LIMIT_CPU_WEIGHT] = "cpu_weight",
	[LIMIT_MEMORY] = "memory",
	[LIMIT_SWAP] = "swap",
	[LIMIT_PIDS] = "pids",
};

static void set_time(struct json *object, const char *key, int64_t seconds)
{
	char time[FORMAT_TIME];

	json_set_string(object, key, seconds ? format_time_utc(seconds, time) : NULL);
}

/* A number without a fraction is printed without one. */
static void set_number(struct json *object, const char *key, bool known, double number)
{
	if (!known)
		json_set_null(object, key);
	else if (number >= 0 && number < 9e15 && number == (double)(int64_t)number)
		json_set_int(object, key, (int64_t)number);
	else
		json_set_real(object, key, number);
}

/* CPUs in use since the last look that is a second or more away. */
static double cpu_rate(struct ve *ve, uint64_t total_us)
{
	struct cpu_sample *sample = &ve->sample;
	uint64_t now = clock_monotonic_ms();
	int64_t age = clock_now() - ve->started;

	if (sample->at_ms == 0)
		sample->rate = age > 0 ? (double)total_us / 1e6 / (double)age : 0;
	else if (now - sample->at_ms >= RATE_MS && total_us >= sample->total_us)
		sample->rate =
			(double)(total_us - sample->total_us) / 1e3 / (double)(now - sample->at_ms);
	else
		return sample->rate;
	sample->at_ms = now;
	sample->total_us = total_us;
	return sample->rate;
}

struct figures {
	bool has_used, has_peak, has_total;
	double used, peak, total;
	uint64_t hits;
};

static struct figures figures_of(
	struct ve *ve, enum limit_id id, const struct usage *now, const struct usage *sum)
{
	bool alive = ve_alive(ve);

	switch (id) {
	case LIMIT_CPUS:
		return (struct figures){ alive, false, true,
			alive ? cpu_rate(ve, now->cpu_total_us) : 0, 0,
			(double)sum->cpu_total_us / 1e6, sum->cpu_hits };
	case LIMIT_MEMORY:
		return (struct figures){ alive, true, false, (double)now->memory_used,
			(double)sum->memory_peak, 0, sum->memory_hits };
	case LIMIT_SWAP:
		return (struct figures){ alive, true, false, (double)now->swap_used,
			(double)sum->swap_peak, 0, sum->swap_hits };
	case LIMIT_PIDS:
		return (struct figures){ alive, true, false, (double)now->pids_used,
			(double)sum->pids_peak, 0, sum->pids_hits };
	case LIMIT_CPU_WEIGHT:
	case LIMITS:
		break;
	}
	return (struct figures){ 0 };
}

static void put_limit(struct ve *ve, enum limit_id id, const struct usage *now,
	const struct usage *sum, struct json *limits)
{
	struct json *object = json_set_object(limits, limit_keys[id]);
	struct figures f = figures_of(ve, id, now, sum);
	const struct limit_values *wished = &ve->config.settings.limits;
	uint64_t value = wished->value[id];
	struct error ignored = { 0 }; /* the reason is doctor's to tell */
	bool enforced = limit_enforceable(ve->manager->tree, id, wished, &ignored) == 0;
	uint64_t kernel;

	if (ve_alive(ve) && enforced &&
		limit_read(ve->manager->tree, ve->name, id, &kernel, &ignored) == 0)
		value = kernel;
	set_number(object, "limit", value != PARSE_NONE && enforced,
		id == LIMIT_CPUS ? (double)value / 1000 : (double)value);
	set_number(object, "used", f.has_used, f.used);
	set_number(object, "peak", f.has_peak, f.peak);
	set_number(object, "total", f.has_total, f.total);
	json_set_int(object, "hits", (int64_t)f.hits);
	json_set_bool(object, "enforced", enforced);
}

static void put_limits(struct ve *ve, struct json *object)
{
	struct json *limits = json_set_object(object, "limits");
	struct usage sum = ve->config.totals;
	struct usage now = { 0 };
	struct error ignored = { 0 };

	if (ve_alive(ve) && usage_follow(ve->manager->tree, ve->name, clock_monotonic_ms(),
				    &ve->usage, &now, &ignored) == 0)
		usage_add(&sum, &now);
	for (size_t i = 0; i < LIMITS; i++)
		put_limit(ve, (enum limit_id)i, &now, &sum, limits);
}

static void put_state(struct ve *ve, struct json *object)
{
	struct json *pending;
	struct json *busy = operation_busy(ve);

	json_set_string(object, "state", state_name(ve->state));
	json_set_string(
		object, "problem", ve->state == VE_BROKEN && ve->problem ? ve->problem : NULL);
	if (busy)
		json_set(object, "busy", busy);
	else
		json_set_null(object, "busy");
	pending = json_set_array(object, "pending");
	for (size_t i = 0; i < settings_count; i++)
		if (ve_pending(ve) & UINT64_C(1) << i)
			json_append_string(pending, settings_table[i].name);
}

static void put_origin(const struct ve *ve, struct json *object)
{
	const struct settings *s = &ve->config.settings;
	struct json *list, *labels;

	json_set_string(object, "template", ve->config.template);
	list = json_set_array(object, "layers");
	for (size_t i = 0; i < ve->config.n_layers; i++)
		json_append_string(list, ve->config.layers[i]);
	json_set_string(object, "plan", ve->config.plan);
	json_set_string(object, "description", s->description ? s->description : "");
	labels = json_set_object(object, "labels");
	for (size_t i = 0; i < s->n_labels; i++)
		json_set_string(labels, s->labels[i].key, s->labels[i].value);
}

static void put_run(const struct ve *ve, struct json *object)
{
	const struct ve_exit *end = &ve->config.exit;
	struct json *last;

	set_time(object, "created", ve->config.created);
	set_time(object, "started", ve_alive(ve) ? ve->started : 0);
	set_time(object, "ready", ve_alive(ve) ? ve->ready : 0);
	if (end->how[0] == '\0') {
		json_set_null(object, "exit");
		return;
	}
	last = json_set_object(object, "exit");
	json_set_string(last, "how", end->how);
	json_set_int(last, "status", end->status);
	set_time(last, "time", end->time);
}

/* A broken VE has no record: its words are empty rather than absent. */
static void put_settings(const struct ve *ve, struct json *object)
{
	const struct settings *s = &ve->config.settings;
	cleanup_free char *cgroup = cgroup_tree_path(ve->manager->tree, ve->name);
	const struct setting *profile = setting_find("profile");
	const struct setting *autostart = setting_find("autostart");

	json_set_string(object, "init", s->init ? s->init : "");
	if (ve_alive(ve))
		json_set_int(object, "pid", ve->pid);
	else
		json_set_null(object, "pid");
	json_set_int(object, "first_id", ve->config.first_id);
	json_set_string(object, "cgroup", cgroup ? cgroup : "");
	json_set_string(object, "hostname", s->hostname ? s->hostname : ve->name);
	json_set_string(object, "autostart", autostart->words[s->autostart]);
	json_set_bool(object, "protect", s->protect);
	json_set_bool(object, "disabled", s->disabled);
	json_set_int(object, "stop_timeout", (int64_t)s->stop_timeout);
	json_set_string(object, "profile", profile->words[s->profile]);
	json_set_int(object, "ptys", (int64_t)s->ptys);
}

static const char *const network_rows[] = { "ip", "dns", "search", "publish", "nat", "isolate",
	"connections", "rate-in", "rate-out" };
static const char *const network_keys[] = { "ip", "dns", "search", "publish", "nat", "isolate",
	"connections", "rate_in", "rate_out" };

static void put_network(const struct ve *ve, struct json *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(network_rows); i++)
		setting_to_json(&ve->config.settings, setting_find(network_rows[i]), object,
			network_keys[i]);
}

static void put_way(struct json *interface, const char *key, const struct traffic_way *total,
	const struct traffic_way *now)
{
	struct json *way = json_set_object(interface, key);

	json_set_int(way, "bytes", (int64_t)(total->bytes + now->bytes));
	json_set_int(way, "packets", (int64_t)(total->packets + now->packets));
	json_set_int(way, "dropped", (int64_t)(total->dropped + now->dropped));
}

static void put_drops(
	struct json *interface, const struct ve_config *config, const struct link_count *count)
{
	struct json *drops = json_set_object(interface, "drops");

	for (int i = 0; i < FILTER_REASONS; i++)
		json_set_int(drops, filter_reason_names[i],
			(int64_t)(config->net.dropped[i] + (count ? count->dropped[i] : 0)));
}

/* The mode is that of the run; the addresses are what it has now, live or at the next start. */
static void put_interface(struct ve *ve, const struct ve_net *net, const struct link_count *count,
	struct json *interface)
{
	const struct traffic *total = &ve->config.net.traffic;
	static const struct traffic none;
	const struct traffic *now = count ? &count->traffic : &none;
	const uint8_t *mac = net->routed.far_mac;
	char text[IP_TEXT]; /* a MAC address has 17 characters */
	struct json *list;

	json_set_string(interface, "name", net->routed.far_name);
	json_set_string(interface, "mode", "routed");
	json_set_string(interface, "host_interface", count ? net->near : NULL);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	json_set_string(interface, "mac", text);
	list = json_set_array(interface, "address");
	for (size_t i = 0; i < net->routed.n_ips; i++)
		json_append_string(list, ip_format(&net->routed.ips[i], text));
	put_way(interface, "in", &total->in, &now->in);
	put_way(interface, "out", &total->out, &now->out);
	put_drops(interface, &ve->config, count);
}

static void put_net(struct ve *ve, const struct network_counts *counts, struct json *object)
{
	struct json *list = json_set_array(object, "net");
	const struct link_count *count = counts ? network_count_of(counts, ve) : NULL;
	cleanup_ve_net struct ve_net net = { 0 };
	struct error ignored = { 0 }; /* memory: an interface is missing in one answer */

	if (!ve->has_config || (!count && ve->config.settings.net != NET_ROUTED) ||
		ve_net_init(&net, ve->manager->instance->name, ve->name, &ve->config, &ignored) < 0)
		return;
	put_interface(ve, &net, count, json_append_object(list));
}

struct json *ve_to_json(struct ve *ve, const struct network_counts *counts)
{
	struct json *object = json_new_object();

	json_set_string(object, "name", ve->name);
	json_set_string(object, "uuid", ve->config.uuid);
	put_state(ve, object);
	put_origin(ve, object);
	put_run(ve, object);
	put_settings(ve, object);
	put_limits(ve, object);
	put_network(ve, object);
	put_net(ve, counts, object);
	return object;
}
