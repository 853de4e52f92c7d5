/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * state.h - the life of a VE.
 *
 *   STOPPED --start--> STARTING --up--> RUNNING --pause--> PAUSED
 *      ^                  |              |  ^---resume-------'|
 *      |                 end            stop                 stop
 *      '------------------+----end---- STOPPING <-------------'
 *
 * STARTING lasts until init has been executed and, for a guest that says so, is ready. A pair that
 * is not in the table is a refusal: nothing happens and the operator is told why. BROKEN has no way
 * out but destroy and a repaired record.
 */
#pragma once

struct error;

enum ve_state {
	VE_STOPPED,
	VE_STARTING,
	VE_RUNNING,
	VE_PAUSED,
	VE_STOPPING,
	VE_BROKEN,
	VE_STATES,
};

enum ve_event {
	EVENT_START,
	EVENT_UP,
	EVENT_PAUSE,
	EVENT_RESUME,
	EVENT_STOP,
	EVENT_KILL, /* stop or destroy by force */
	EVENT_END,  /* init has ended, whatever the reason */
	EVENT_BREAK,
	EVENT_MEND,
	EVENTS,
};

const char *state_name(enum ve_state state);

/* The state that follows, or ERROR_STATE: "cannot pause web1: it is stopped". */
int state_next(enum ve_state from, enum ve_event event, const char *name, enum ve_state *ret,
	struct error *err);
