/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * state.c - the life of a VE, as a table.
 *
 * An end is taken in every state that has an init: whatever happens, a process that has ended never
 * strands its VE. A record that breaks does not stop the VE that runs from it; its end and its
 * being killed leave it broken.
 */
#include "state.h"

#include <stddef.h>

#include "base/array.h"
#include "base/error.h"

static const char *const state_names[] = {
	[VE_STOPPED] = "stopped",
	[VE_STARTING] = "starting",
	[VE_RUNNING] = "running",
	[VE_PAUSED] = "paused",
	[VE_STOPPING] = "stopping",
	[VE_BROKEN] = "broken",
};
_Static_assert(ARRAY_SIZE(state_names) == VE_STATES, "every state has a name");

static const char *const event_names[] = {
	[EVENT_START] = "start",
	[EVENT_UP] = "bring up",
	[EVENT_PAUSE] = "pause",
	[EVENT_RESUME] = "resume",
	[EVENT_STOP] = "stop",
	[EVENT_KILL] = "stop",
	[EVENT_END] = "end",
	[EVENT_BREAK] = "set aside",
	[EVENT_MEND] = "mend",
};
_Static_assert(ARRAY_SIZE(event_names) == EVENTS, "every event has a name");

/* clang-format off */
static const struct change {
	enum ve_state from;
	enum ve_event event;
	enum ve_state to;
} changes[] = {
	{ VE_STOPPED,  EVENT_START,  VE_STARTING },
	{ VE_STOPPED,  EVENT_BREAK,  VE_BROKEN   },
	{ VE_STARTING, EVENT_UP,     VE_RUNNING  },
	{ VE_STARTING, EVENT_STOP,   VE_STOPPING },
	{ VE_STARTING, EVENT_KILL,   VE_STOPPING },
	{ VE_STARTING, EVENT_END,    VE_STOPPED  },
	{ VE_STARTING, EVENT_BREAK,  VE_BROKEN   },
	{ VE_RUNNING,  EVENT_PAUSE,  VE_PAUSED   },
	{ VE_RUNNING,  EVENT_STOP,   VE_STOPPING },
	{ VE_RUNNING,  EVENT_KILL,   VE_STOPPING },
	{ VE_RUNNING,  EVENT_END,    VE_STOPPED  },
	{ VE_RUNNING,  EVENT_BREAK,  VE_BROKEN   },
	{ VE_PAUSED,   EVENT_RESUME, VE_RUNNING  },
	{ VE_PAUSED,   EVENT_STOP,   VE_STOPPING },
	{ VE_PAUSED,   EVENT_KILL,   VE_STOPPING },
	{ VE_PAUSED,   EVENT_END,    VE_STOPPED  },
	{ VE_PAUSED,   EVENT_BREAK,  VE_BROKEN   },
	{ VE_STOPPING, EVENT_STOP,   VE_STOPPING }, /* a second stop waits with the first */
	{ VE_STOPPING, EVENT_KILL,   VE_STOPPING },
	{ VE_STOPPING, EVENT_END,    VE_STOPPED  },
	{ VE_STOPPING, EVENT_BREAK,  VE_BROKEN   },
	{ VE_BROKEN,   EVENT_KILL,   VE_BROKEN   },
	{ VE_BROKEN,   EVENT_END,    VE_BROKEN   },
	{ VE_BROKEN,   EVENT_BREAK,  VE_BROKEN   },
	{ VE_BROKEN,   EVENT_MEND,   VE_STOPPED  },
};
/* clang-format on */

const char *state_name(enum ve_state state)
{
	return state_names[state];
}

int state_next(enum ve_state from, enum ve_event event, const char *name, enum ve_state *ret,
	struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].from == from && changes[i].event == event) {
			*ret = changes[i].to;
			return 0;
		}
	return error_refuse(err, ERROR_STATE, "cannot %s %s: it is %s", event_names[event], name,
		state_names[from]);
}
