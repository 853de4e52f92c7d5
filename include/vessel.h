/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vessel.h - libvessel, the client library of vesseld.
 *
 * One connection is one `struct vessel`. A call sends one request of the interface io.vessel
 * (io.vessel.varlink, served by the daemon) with its parameters as JSON text, and hands each reply,
 * again JSON text, to a callback. The library opens no file of the daemon's and starts no thread;
 * it may be used from several threads with a connection each.
 */
#ifndef VESSEL_H
#define VESSEL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vessel;

/* The kind of a failure; also the exit status of vessel(1). */
enum vessel_result {
	VESSEL_OK = 0,
	VESSEL_FAILED = 1,      /* io.vessel.Failed */
	VESSEL_USAGE = 2,       /* org.varlink.service.InvalidParameter */
	VESSEL_NOT_FOUND = 3,   /* io.vessel.NotFound */
	VESSEL_WRONG_STATE = 4, /* io.vessel.WrongState */
	VESSEL_UNSUPPORTED = 5, /* io.vessel.Unsupported */
	VESSEL_NOT_ALLOWED = 6  /* io.vessel.NotAllowed, or vesseld is not there */
};

#define VESSEL_MESSAGE 640

/* Filled on every result but VESSEL_OK: one line for people. */
struct vessel_error {
	enum vessel_result result;
	char message[VESSEL_MESSAGE];
};

#define VESSEL_READ_ONLY 1 /* the socket that changes nothing */

/* Connects to the instance: its name, "" or NULL for the system's, or the absolute path of its run
 * directory. The caller closes the connection. If nobody listens there: VESSEL_NOT_ALLOWED, and
 * errno is ENOENT or ECONNREFUSED. */
enum vessel_result vessel_open(
	const char *instance, unsigned int flags, struct vessel **ret, struct vessel_error *err);
void vessel_close(struct vessel *vessel);

/* For poll(2): readable when a reply waits (vessel_call_send / vessel_call_receive). */
int vessel_fd(const struct vessel *vessel);

/* One reply: its parameters as JSON text and its descriptors, which the callback must take or close
 * (fds[i] = -1 marks one taken; the rest is closed). `last` is 0 for replies before the last one.
 * A return value other than 0 ends the call with VESSEL_FAILED; the daemon goes on. */
typedef int vessel_reply_fn(const char *parameters, int *fds, size_t n_fds, int last, void *data);

/* Sends io.vessel.<method> and waits for the last reply. parameters: a JSON object as text, or
 * NULL. fds go along (at most 8, borrowed). reply may be NULL. With `more` non-zero, progress comes
 * too. */
enum vessel_result vessel_call(struct vessel *vessel, const char *method, const char *parameters,
	const int *fds, size_t n_fds, int more, vessel_reply_fn *reply, void *data,
	struct vessel_error *err);

/* The same in two halves, for a caller with a loop of its own. vessel_receive handles one reply;
 * *ret_done is set when it was the last. */
enum vessel_result vessel_send(struct vessel *vessel, const char *method, const char *parameters,
	const int *fds, size_t n_fds, int more, struct vessel_error *err);
enum vessel_result vessel_receive(struct vessel *vessel, vessel_reply_fn *reply, void *data,
	int *ret_done, struct vessel_error *err);

/* What a program run by vessel_exec left behind. */
struct vessel_exec {
	const char *const *argv; /* NULL-terminated; NULL: the user's login shell */
	const char *const *env;  /* K=V, NULL-terminated; may be NULL */
	const char *user;        /* NULL: root */
	const char *cwd;         /* NULL: the user's home */
	int terminal;            /* non-zero: a pty inside, this process's terminal in raw mode */
	int stdio[3]; /* without terminal; terminals among them are pumped through pipes */
};

/* Runs a program in a VE and waits for it, forwarding signals and window size. Returns its exit
 * status as a shell counts it (128+N by signal N, 125 to 127 as in vessel(1)); on 125 to 127 by
 * vessel itself, err says why. Uses the calling process's signal handlers meanwhile. */
int vessel_exec(struct vessel *vessel, const char *name, const struct vessel_exec *exec,
	struct vessel_error *err);

/* Attaches stdin and stdout to the VE's console until Ctrl-] or the end of the connection. */
enum vessel_result vessel_console(
	struct vessel *vessel, const char *name, struct vessel_error *err);

/* Builds a template as the calling user and imports it: suite by mmdebstrap with the host's apt
 * configuration and `include` (comma list, may be NULL), or, suite NULL, from the host's static
 * busybox. reply sees the import's progress. */
enum vessel_result vessel_template_build(struct vessel *vessel, const char *name, const char *suite,
	const char *include, int replace, vessel_reply_fn *reply, void *data,
	struct vessel_error *err);

#ifdef __cplusplus
}
#endif
#endif
