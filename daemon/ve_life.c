/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ve_life.c - a VE's state follows what the keeper, the kernel and operations say.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cgroup/group.h"
#include "daemon/event.h"
#include "daemon/mailbox.h"
#include "daemon/manager_data.h"
#include "daemon/network.h"
#include "daemon/protocol.h"
#include "daemon/readiness.h"
#include "daemon/ve_table.h"
#include "runtime/ve_net.h"

#define UP_AFTER_MS 1000 /* a guest that never says: its init has run so long */

void ve_move(struct ve *ve, enum ve_event event)
{
	enum ve_state next = ve->state;
	struct error ignored = { 0 };

	if (state_next(ve->state, event, ve->name, &next, &ignored) < 0 || next == ve->state)
		return;
	ve->state = next;
	event_emit(ve->manager, ve->name, "state", state_name(next));
}

/* What to do about a state that is in the way. */
int ve_wrong_state(const struct ve *ve, struct error *err)
{
	static const char *const remedies[VE_STATES] = {
		[VE_STOPPED] = "start",
		[VE_PAUSED] = "resume",
	};
	const char *remedy = remedies[ve->state];

	if (ve->state == VE_BROKEN)
		return error_refuse(err, ERROR_STATE, "it is broken: %s",
			ve->problem ? ve->problem : "its record cannot be read");
	if (!remedy)
		return error_refuse(err, ERROR_STATE, "it is %s", state_name(ve->state));
	return error_refuse(err, ERROR_STATE, "it is %s (vessel %s %s)", state_name(ve->state),
		remedy, ve->name);
}

/* Nothing is to be done when it is so already. */
static bool is_already(enum ve_state state, enum ve_event event)
{
	return (state == VE_PAUSED && event == EVENT_PAUSE) ||
	       (state == VE_STOPPED && (event == EVENT_STOP || event == EVENT_KILL));
}

int ve_check(const struct ve *ve, enum ve_event event, struct error *err)
{
	enum ve_state next = ve->state;
	struct error no = { 0 };

	if (ve->state == VE_BROKEN && event != EVENT_KILL)
		return ve_wrong_state(ve, err);
	if (state_next(ve->state, event, ve->name, &next, &no) == 0)
		return 0;
	if (is_already(ve->state, event))
		return error_refuse(err, ERROR_STATE, "it is %s", state_name(ve->state));
	return ve_wrong_state(ve, err);
}

void ve_set_ran(struct ve *ve, const struct settings *settings)
{
	struct settings *copy = settings ? calloc(1, sizeof(*copy)) : NULL;
	struct error ignored = { 0 }; /* then nothing is known to be pending */

	if (copy && settings_copy(copy, settings, &ignored) < 0) {
		free(copy);
		copy = NULL;
	}
	if (ve->ran)
		settings_done(ve->ran);
	free(ve->ran);
	ve->ran = copy;
}

uint64_t ve_pending(const struct ve *ve)
{
	uint64_t rows = 0;

	if (!ve_alive(ve) || !ve->ran || !ve->has_config)
		return 0;
	for (size_t i = 0; i < settings_count; i++)
		if (!settings_table[i].live &&
			!setting_equal(&ve->config.settings, ve->ran, &settings_table[i]))
			rows |= UINT64_C(1) << i;
	/* What it needs for them is made at its start. */
	if (!ve->linked && !ve->helper && ve_net_wanted(&ve->config.settings))
		rows |= UINT64_C(1) << setting_index(setting_find("ip"));
	return rows;
}

/* Asked by number; the pidfd proves that it is still the same process. */
static void hold_netns(struct ve *ve)
{
	char path[32]; /* "/proc/", a pid and "/ns/net" */

	close_fd(&ve->netns_fd);
	if (ve->helper)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)ve->pid);
	ve->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (syscall(SYS_pidfd_send_signal, ve->pidfd, 0, NULL, 0) < 0)
		close_fd(&ve->netns_fd);
}

void ve_registered(struct ve *ve, const struct message *message, int pidfd)
{
	close_fd(&ve->pidfd);
	ve->pidfd = pidfd;
	ve->pid = message->pid;
	hold_netns(ve);
	ve->linked = network_has_link(ve);
	ve->stop_way = message->stop_way < STOP_WAYS ? message->stop_way : STOP_PROGRAM;
	ve->started = message->started;
	ve->ready = message->ready;
	if (!ve->span.started) /* else a manager before us saw it start */
		ve->span.started = clock_boot_us();
	ve->ended = false;
	ve->killed = false;
	if (ve->manager->serving) {
		ve->changing = 0;
		ve->restarting = false; /* it has been */
	}
	ve->sample = (struct cpu_sample){ 0 };
	ve->seen = (struct usage){ 0 };
	ve->usage = (struct usage_memory){ 0 };
	if (ve->manager->serving || !ve->ran)
		ve_set_ran(ve, ve->has_config ? &ve->config.settings : NULL);
	ve_hint_store(ve);
	if (!ve->helper && ve->ready)
		ve_ready(ve, ve->ready);
}

static int on_up(struct loop *loop, void *data)
{
	struct ve *ve = data;

	loop_remove(ve->up_timer);
	ve->up_timer = NULL;
	if (ve_alive(ve))
		ve_ready(ve, clock_now());
	return 0;
}

void ve_await_ready(struct ve *ve)
{
	struct error err = { 0 };

	if (ve->state != VE_STARTING || ve->stop_way == STOP_SYSTEMD || ve->up_timer)
		return;
	if (loop_add_timer(ve->manager->loop, UP_AFTER_MS, on_up, ve, &ve->up_timer, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "%s: %s", ve->name, err.text);
}

void ve_ready(struct ve *ve, int64_t when)
{
	if (ve->helper || !ve_alive(ve))
		return;
	ve->ready = when;
	if (!ve->span.ready)
		ve->span.ready = clock_boot_us();
	ve_hint_store(ve);
	ve_move(ve, EVENT_UP);
	readiness_reached(ve);
}

void ve_ended(struct ve *ve, const struct message *message)
{
	event_look_last(ve);
	close_fd(&ve->pidfd);
	ve->pid = 0;
	ve->ended = true;
	ve->end_pid = message->pid;
	ve->end_status = message->status;
	ve->end_time = message->ended ? message->ended : clock_now();
	if (message->started)
		ve->started = message->started;
	if (!ve->helper)
		ve_move(ve,
			EVENT_KILL); /* until it has been cleared away, it can do nothing more */
	loop_remove(ve->up_timer);
	ve->up_timer = NULL;
}

/* reboot(2) in a pid namespace arrives as SIGHUP (restart) or SIGINT (halt, power off) in init's
 * wait status: pid_namespaces(7). */
struct ve_exit ve_exit_of(const struct ve *ve)
{
	struct ve_exit end = { .time = ve->end_time };
	const char *how = "lost";

	if (ve->end_status == -1) {
		how = ve->killed ? "killed" : "lost";
	} else if (WIFSIGNALED(ve->end_status)) {
		end.status = WTERMSIG(ve->end_status);
		if (end.status == SIGHUP)
			how = "reboot";
		else if (end.status == SIGINT)
			how = "poweroff";
		else
			how = ve->killed && end.status == SIGKILL ? "killed" : "signal";
	} else {
		how = "exit";
		end.status = WEXITSTATUS(ve->end_status);
	}
	snprintf(end.how, sizeof(end.how), "%s", how);
	return end;
}

void ve_reclaimed(struct ve *ve)
{
	struct error err = { 0 };
	struct message forget = { .type = MANAGER_FORGET_VE, .pid = ve->end_pid };

	snprintf(forget.name, sizeof(forget.name), "%s", ve->name);
	(void)mailbox_send(ve->manager->mailbox, &forget, NULL, 0, &err);
	ve->ended = false;
	ve->killed = ve->reclaim_lost = false;
	ve->started = ve->ready = 0;
	ve->span = (struct span){ 0 };
	ve->changing = 0;
	close_fd(&ve->netns_fd);
	memset(ve->dropped, 0, sizeof(ve->dropped));
	if (ve->restarting)
		ve_hint_store(ve);
	else
		ve_hint_remove(ve->manager, ve->name);
	ve->helper = false;
	ve_move(ve, EVENT_END); /* of a helper too: the start that it is taken for may be ours */
	network_reclaimed(ve);
}

int ve_kill(struct ve *ve, struct error *err)
{
	if (ve_alive(ve))
		ve->killed = true;
	return cgroup_kill(ve->manager->tree, ve->name, err);
}
