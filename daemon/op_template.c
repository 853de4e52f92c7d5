/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * op_template.c - templates come and go, and what nobody needs any more is collected.
 *
 * Imports run beside one another. What removes layers runs alone among them: a layer that an import
 * has just put in place is named by no record yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/manager_data.h"
#include "daemon/operation_types.h"
#include "daemon/ve_table.h"

#define TURN_MS  50  /* how often somebody who waits for his turn looks */
#define LATER_MS 200 /* destroys that come together are collected together */

static struct json *layers_in_use(const struct manager *manager, struct json *spec)
{
	struct json *list = json_set_array(spec, "layers");

	for (size_t i = 0; i < manager->ves->n; i++)
		for (size_t j = 0; j < manager->ves->ve[i]->config.n_layers; j++)
			json_append_string(list, manager->ves->ve[i]->config.layers[j]);
	return spec;
}

static int import_begin(struct operation *op, struct error *err)
{
	struct json *spec;

	if (op->manager->layer_remover) {
		int r = operation_timer(op, TURN_MS, err);

		return r < 0 ? r : PHASE_WAIT;
	}
	operation_timer_off(op);
	op->made = true;
	op->manager->imports++;
	spec = op->extra;
	op->extra = NULL;
	return operation_job_fds(op, "import", spec, NULL, &op->fd, 1, err);
}

static int import_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	return what->kind == OCCUR_JOB ? PHASE_DONE : import_begin(op, err);
}

static void import_finish(struct operation *op, const struct error *err)
{
	if (op->made)
		op->manager->imports--;
	if (err)
		collect_later(op->manager);
}

static struct json *import_reply(struct operation *op)
{
	struct json *reply = json_new_object();

	json_set_string(reply, "digest", op->text);
	return reply;
}

static const struct phase import_phases[] = { { import_begin, import_occur } };

const struct operation_type operation_import = {
	.verb = "import template",
	.phases = import_phases,
	.n_phases = ARRAY_SIZE(import_phases),
	.finish = import_finish,
	.reply = import_reply,
};

static int remove_check(struct operation *op, struct error *err)
{
	const struct ve_table *table = op->manager->ves;

	for (size_t i = 0; i < table->n; i++)
		if (table->ve[i]->config.template &&
			strcmp(table->ve[i]->config.template, op->name) == 0)
			return error_refuse(
				err, ERROR_STATE, "VE %s is made from it", table->ve[i]->name);
	return 0;
}

static int wait_alone(struct operation *op, struct error *err)
{
	struct manager *manager = op->manager;
	int r;

	if (manager->imports == 0 && !manager->layer_remover) {
		operation_timer_off(op);
		manager->layer_remover = op;
		return PHASE_DONE;
	}
	r = operation_timer(op, TURN_MS, err);
	return r < 0 ? r : PHASE_WAIT;
}

static int wait_occur(struct operation *op, const struct occurrence *what, struct error *err)
{
	return wait_alone(op, err);
}

static int remove_begin(struct operation *op, struct error *err)
{
	int r = remove_check(op, err); /* again: we may have waited */

	if (r < 0)
		return r;
	return operation_job(
		op, "template-remove", layers_in_use(op->manager, json_new_object()), NULL, err);
}

static void alone_finish(struct operation *op, const struct error *err)
{
	if (op->manager->layer_remover == op)
		op->manager->layer_remover = NULL;
}

static const struct phase remove_phases[] = {
	{ wait_alone, wait_occur },
	{ remove_begin, NULL },
};

const struct operation_type operation_remove = {
	.verb = "remove template",
	.check = remove_check,
	.phases = remove_phases,
	.n_phases = ARRAY_SIZE(remove_phases),
	.finish = alone_finish,
};

/* While an import works the layers have to wait for another time; the trash has not. */
static int collect_begin(struct operation *op, struct error *err)
{
	struct manager *manager = op->manager;
	struct json *spec = json_new_object();
	struct json *busy = json_set_array(spec, "busy");

	for (size_t i = 0; i < manager->ves->n; i++)
		if (manager->ves->ve[i]->current)
			json_append_string(busy, manager->ves->ve[i]->name);
	if (manager->imports == 0 && !manager->layer_remover) {
		manager->layer_remover = op;
		layers_in_use(manager, spec);
	}
	return operation_job(op, "collect", spec, NULL, err);
}

static void collect_finish(struct operation *op, const struct error *err)
{
	struct manager *manager = op->manager;

	alone_finish(op, err);
	manager->collecting = false;
	if (manager->collect_again)
		collect_later(manager);
}

static const struct phase collect_phases[] = { { collect_begin, NULL } };

static const struct operation_type operation_collect = {
	.verb = "collect",
	.phases = collect_phases,
	.n_phases = ARRAY_SIZE(collect_phases),
	.finish = collect_finish,
	.quiet = true,
};

static int on_collect(struct loop *loop, void *data)
{
	struct manager *manager = data;
	struct error err = { 0 };
	struct operation *op;

	loop_remove(manager->collect_timer);
	manager->collect_timer = NULL;
	op = operation_new(manager, &operation_collect, NULL, "", NULL, &err);
	if (!op) {
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
		return 0;
	}
	manager->collecting = true;
	manager->collect_again = false;
	operation_submit(op);
	return 0;
}

void collect_later(struct manager *manager)
{
	struct error err = { 0 };

	if (manager->collecting) {
		manager->collect_again = true;
		return;
	}
	if (manager->collect_timer)
		return;
	if (loop_add_timer(manager->loop, LATER_MS, on_collect, manager, &manager->collect_timer,
		    &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s", err.text);
}
