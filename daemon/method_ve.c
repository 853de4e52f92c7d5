/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_ve.c - methods that change VEs: each makes an operation of its call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/claim.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"
#include "daemon/operation_types.h"
#include "daemon/recovery.h"
#include "daemon/ve_table.h"
#include "daemon/wish.h"

/* The operation on the VE that the call names; NULL: refused and answered. */
static struct operation *make(struct call *call, const struct operation_type *type)
{
	const char *name = call_string(call, "name");
	struct ve *ve = ve_table_find(call->manager->ves, name);
	struct operation *op = NULL;
	struct error err = { 0 };

	if (!ve)
		error_refuse(&err, ERROR_NOT_FOUND, "no such VE (see vessel list)");
	else
		op = operation_new(call->manager, type, ve, "", call, &err);
	if (!op) {
		method_refuse(call, type->verb, name, &err);
		return NULL;
	}
	op->force = call_flag(call, "force");
	op->wait = call_flag(call, "wait");
	op->timeout = call_number(call, "timeout", -1);
	return op;
}

static void submit(struct operation *op)
{
	if (op)
		operation_submit(op);
}

void method_start(struct call *call)
{
	submit(make(call, &operation_start));
}

void method_stop(struct call *call)
{
	submit(make(call, &operation_stop));
}

/* The timeout is that of waiting for readiness: stopping has the VE's own. */
void method_restart(struct call *call)
{
	submit(make(call, &operation_restart));
}

void method_pause(struct call *call)
{
	submit(make(call, &operation_pause));
}

void method_resume(struct call *call)
{
	submit(make(call, &operation_resume));
}

/* What refuses a destroy whatever it is doing is asked before force kills anything. */
void method_destroy(struct call *call)
{
	struct operation *op = make(call, &operation_destroy);
	struct error err = { 0 };

	if (op && op->force && op->ve->has_config && op->ve->config.settings.protect) {
		(void)operation_destroy.check(op, &err);
		operation_refuse(op, &err);
		return;
	}
	submit(op);
}

void method_rename(struct call *call)
{
	const char *new_name = call_string(call, "new_name");
	struct operation *op = make(call, &operation_rename);
	struct error err = { 0 };

	if (!op)
		return;
	if (!name_valid(new_name)) {
		error_refuse(&err, ERROR_USAGE,
			"bad name '%.80s' (a-z, 0-9 and inner -, at most 63)", new_name);
		operation_refuse(op, &err);
		return;
	}
	memcpy(op->new_name, new_name, strlen(new_name) + 1);
	operation_submit(op);
}

/* Password and key come along to create and set. */
static int take_hand_over(struct operation *op, struct error *err)
{
	const char *password = call_string(op->call, "password");
	const char *ssh_key = call_string(op->call, "ssh_key");
	const char *which;
	int r = hand_over_check(password, ssh_key, &which, err);

	if (r < 0)
		return r;
	op->password = password ? strdup(password) : NULL;
	op->ssh_key = ssh_key ? strdup(ssh_key) : NULL;
	if ((password && !op->password) || (ssh_key && !op->ssh_key))
		return error_memory(err);
	return 0;
}

void method_set(struct call *call)
{
	struct operation *op = make(call, &operation_set);
	struct error err = { 0 };
	int r;

	if (!op)
		return;
	op->live = call_flag(call, "live");
	op->extra = json_new_object();
	json_set(op->extra, "settings", json_copy(call_find(call, "settings")));
	json_set_string(op->extra, "plan", call_string(call, "plan"));
	r = take_hand_over(op, &err);
	if (r == 0 && (op->password || op->ssh_key) && op->live)
		r = error_refuse(&err, ERROR_USAGE, "a password or a key is for good, not --live");
	if (r < 0)
		operation_refuse(op, &err);
	else
		operation_submit(op);
}

static int check_new_name(struct manager *manager, const char *name, struct error *err)
{
	if (!name_valid(name))
		return error_refuse(
			err, ERROR_USAGE, "bad name (a-z, 0-9 and inner -, at most 63)");
	if (ve_table_taken(manager->ves, name))
		return error_refuse(err, ERROR_STATE, "it exists");
	return 0;
}

/* The record of the VE to be, and its place in the table: its name and ids are taken from here on.
 */
static int create(struct call *call, const char *name, struct ve **ret, struct error *err)
{
	struct manager *manager = call->manager;
	struct ve_config config = { 0 };
	int r = check_new_name(manager, name, err);

	if (r == 0)
		r = wish_new(manager, call_string(call, "template"), call_string(call, "plan"),
			&config, err);
	if (r < 0)
		return r;
	r = wish_settings(
		manager, &config, &config.settings.limits, call_find(call, "settings"), err);
	if (r == 0)
		r = claim_take(manager, NULL, &config.settings, NULL, err);
	if (r == 0)
		r = ve_table_add(manager, name, ret, err);
	if (r < 0) {
		config_done(&config);
		return r;
	}
	ve_set_config(*ret, &config);
	(*ret)->unborn = true;
	return 0;
}

static void create_later(struct ve *ve, struct call *call)
{
	struct error err = { 0 };
	struct operation *op =
		operation_new(call->manager, &operation_create_again, ve, "", call, &err);

	if (op)
		operation_submit(op);
	else
		method_refuse(call, "create", ve->name, &err);
}

void method_create(struct call *call)
{
	const char *name = call_string(call, "name");
	struct manager *manager = call->manager;
	struct ve *ve = NULL;
	struct operation *op = NULL;
	struct ve *earlier = ve_table_find(manager->ves, name);
	struct error err = { 0 };
	int r;

	if (earlier && recovery_doubts(earlier)) {
		create_later(earlier, call);
		return;
	}
	r = create(call, name, &ve, &err);
	if (r == 0) {
		op = operation_new(manager, &operation_create, ve, "", call, &err);
		r = op ? take_hand_over(op, &err) : -ENOMEM;
	}
	if (r == 0) {
		operation_submit(op);
		return;
	}
	if (op) /* and its call */
		operation_refuse(op, &err);
	else
		method_refuse(call, "create", name, &err);
	if (ve)
		ve_table_remove(manager->ves, ve);
}
