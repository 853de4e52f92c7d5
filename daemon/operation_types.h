/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * operation_types.h - the operations there are, and the phases that several of them share.
 */
#pragma once

#include "daemon/operation.h"

extern const struct operation_type operation_create, operation_set;     /* op_create.c */
extern const struct operation_type operation_create_again;              /* op_create.c */
extern const struct operation_type operation_start;                     /* op_start.c */
extern const struct operation_type operation_stop, operation_restart;   /* op_stop.c */
extern const struct operation_type operation_destroy, operation_end;    /* op_stop.c */
extern const struct operation_type operation_shutdown;                  /* op_stop.c */
extern const struct operation_type operation_pause, operation_resume;   /* op_change.c */
extern const struct operation_type operation_rename, operation_adopted; /* op_change.c */
extern const struct operation_type operation_settle, operation_console; /* op_change.c */
extern const struct operation_type operation_import, operation_remove;  /* op_template.c */

/* op_create.c: op->config, with what is live, for a VE that may run. Takes spec. */
int operation_set_job(struct operation *op, struct json *spec, struct error *err);

/* op_start.c: the start job, up to an executed init; and what is left of a failed one. */
int start_allowed(const struct operation *op, struct error *err); /* whatever state it is in */
int phase_start_begin(struct operation *op, struct error *err);
int phase_start_occur(struct operation *op, const struct occurrence *what, struct error *err);
extern const struct phase phase_start_unwind;
void start_finish(struct operation *op, const struct error *err);

/* op_start.c: kills what runs in the VE and waits for its end; OCCUR_TIMER is then for
 * death_overdue. */
int kill_and_wait(struct operation *op, struct error *err);
int death_overdue(struct error *err);

/* op_stop.c: the reclaim job after an end. */
int phase_reclaim_begin(struct operation *op, struct error *err);
int phase_reclaim_occur(struct operation *op, const struct occurrence *what, struct error *err);

/* hand_over.c: password and ssh key, set with the guest's own tools. */
int phase_password_begin(struct operation *op, struct error *err);
int phase_ssh_key_begin(struct operation *op, struct error *err);
int phase_tool_occur(struct operation *op, const struct occurrence *what, struct error *err);
int hand_over_check(
	const char *password, const char *ssh_key, const char **ret_parameter, struct error *err);

/* op_template.c: empties the trash and removes layers that nobody needs; one at a time. */
void collect_later(struct manager *manager);
