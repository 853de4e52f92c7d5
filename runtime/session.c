/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.c - who, where, with what environment; then exec. All of it is read inside the VE with
 * the rights of the VE's root and no more (P07).
 */
#include "runtime/session.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/inside.h"
#include "runtime/channel.h"
#include "runtime/join.h"
#include "runtime/passwd.h"
#include "runtime/privilege.h"
#include "runtime/process.h"
#include "runtime/pty.h"
#include "runtime/seccomp.h"

#define ACCOUNTS_MAX (4 << 20) /* bytes of /etc/passwd or /etc/group that are read */
#define PATH_ROOT    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_USER    "/usr/local/bin:/usr/bin:/bin"
#define CLEAN_MAX    8 /* rows of the clean environment */

#define STATUS_FAILED 125 /* of exec: heard only where the job was killed */

struct session {
	const struct join *join;
	int channel_fd;
	int root_fd;
	struct account account;
	bool exec; /* what failed was the execution */
};

static int find_user(struct session *session, struct error *err)
{
	cleanup_free char *passwd = NULL;
	cleanup_free char *group = NULL;
	struct error ignored = { 0 };

	session->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (session->root_fd < 0)
		return error_sys(err, "cannot open the VE's root");
	/* A VE without the files has no names, but root and numbers. */
	(void)inside_read(session->root_fd, "/etc/passwd", ACCOUNTS_MAX, &passwd, &ignored);
	(void)inside_read(session->root_fd, "/etc/group", ACCOUNTS_MAX, &group, &ignored);
	return account_find(passwd, group, session->join->user, &session->account, err);
}

static int send_terminal(const struct session *session, int master_fd, struct error *err)
{
	struct channel_message message = { .kind = CHANNEL_TERMINAL };
	int r = channel_send(session->channel_fd, &message, master_fd);

	return r < 0 ? error_set(err, -r, "cannot hand over the terminal") : 0;
}

static int take_terminal(struct session *session, struct error *err)
{
	const struct join *join = session->join;
	struct winsize size = { .ws_row = join->rows, .ws_col = join->columns };
	cleanup_close int devpts_fd = -1;
	cleanup_close int master_fd = -1;
	cleanup_close int slave_fd = -1;
	int r;

	if (!join->terminal)
		return setsid() < 0 ? error_sys(err, "cannot start a session") : 0;
	devpts_fd = inside_open(
		session->root_fd, "/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (devpts_fd < 0)
		return devpts_fd;
	r = pty_open(devpts_fd, &master_fd, &slave_fd, err);
	if (r == 0 && ioctl(master_fd, TIOCSWINSZ, &size) < 0)
		r = error_sys(err, "cannot set the size of the terminal");
	if (r == 0)
		r = pty_give(slave_fd, session->account.uid, err);
	if (r == 0)
		r = pty_take_session(slave_fd, err);
	if (r == 0)
		r = process_set_stdio((int[3]){ slave_fd, slave_fd, slave_fd }, err);
	return r < 0 ? r : send_terminal(session, master_fd, err);
}

/* The filter before the ids: it takes the capability that a user does not have. */
static int become_user(struct session *session, struct error *err)
{
	const struct join *join = session->join;
	const struct account *account = &session->account;
	int r = privilege_drop(err);

	if (r == 0)
		r = process_reset(err);
	if (r < 0)
		return r;
	r = seccomp_program_load(join->host->seccomp);
	if (r < 0)
		return error_set(err, -r, "cannot load the system call filter");
	if (setgroups(account->n_groups, account->groups) < 0 ||
		setresgid(account->gid, account->gid, account->gid) < 0 ||
		setresuid(account->uid, account->uid, account->uid) < 0)
		return error_sys(err, "cannot become user %u of the VE (its ids end at %d)",
			(unsigned int)account->uid, VE_IDS - 1);
	/* A change of ids makes dumpable what fs.suid_dumpable says; the exec settles it (P03). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, "cannot hide from the VE");
	return 0;
}

static int enter_directory(struct session *session, struct error *err)
{
	const char *cwd = session->join->cwd;

	if (!cwd && chdir(session->account.home) < 0)
		cwd = "/"; /* as login(1) does */
	if (cwd && chdir(cwd) < 0)
		return error_sys(err, "cannot enter the directory %s", cwd);
	return 0;
}

static bool env_has(char *const *env, const char *key)
{
	size_t length = strlen(key);

	for (; env && *env; env++)
		if (strncmp(*env, key, length) == 0 && (*env)[length] == '=')
			return true;
	return false;
}

/* The clean environment, where the given one does not name the same key, and the given one. The
 * strings live until the exec. */
static char **make_env(const struct session *session)
{
	const struct account *account = &session->account;
	const struct join *join = session->join;
	const struct {
		const char *key, *value;
	} clean[CLEAN_MAX] = {
		{ "PATH", account->uid == 0 ? PATH_ROOT : PATH_USER },
		{ "HOME", account->home },
		{ "USER", *account->name ? account->name : NULL },
		{ "LOGNAME", *account->name ? account->name : NULL },
		{ "SHELL", account->shell },
		{ "TERM", join->terminal ? join->term : NULL },
		{ "container", "vessel" },
		{ "container_uuid", join->config->uuid },
	};
	size_t n = 0, given = 0;
	char **env;

	while (join->env && join->env[given])
		given++;
	env = calloc(CLEAN_MAX + given + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(clean); i++) {
		if (!clean[i].value || env_has(join->env, clean[i].key))
			continue;
		if (asprintf(&env[n++], "%s=%s", clean[i].key, clean[i].value) < 0)
			return NULL; /* this process ends now */
	}
	for (size_t i = 0; i < given; i++)
		env[n++] = join->env[i];
	return env;
}

/* A login shell is told so by the dash in front of its name. */
static int execute(struct session *session, struct error *err)
{
	const struct join *join = session->join;
	const char *shell = session->account.shell;
	const char *slash = strrchr(shell, '/');
	char **env = make_env(session);
	char *login_argv[2] = { NULL, NULL };

	if (!env || asprintf(&login_argv[0], "-%s", slash ? slash + 1 : shell) < 0)
		return error_memory(err);
	session->exec = true;
	if (join->argv)
		return process_exec(join->argv[0], join->argv, env, err);
	return process_exec(shell, login_argv, env, err);
}

static int await_go(struct session *session, struct error *err)
{
	struct channel_message message;

	return channel_expect(session->channel_fd, CHANNEL_GO, &message, NULL, err);
}

/* The job may be gone; if it is not, it says why before we end. */
static _Noreturn void give_up(int channel_fd, const struct channel_message *message)
{
	struct channel_message late;
	int fd = -1;

	if (channel_send(channel_fd, message, -1) == 0)
		while (channel_receive(channel_fd, &late, &fd) > 0)
			close_fd(&fd);
	_exit(STATUS_FAILED);
}

_Noreturn void session_run(const struct join *join, int channel_fd)
{
	static int (*const steps[])(struct session *, struct error *) = {
		find_user,
		take_terminal,
		become_user,
		enter_directory,
		await_go,
		execute,
	};
	struct session session = { .join = join, .channel_fd = channel_fd, .root_fd = -1 };
	struct channel_message message = { .kind = CHANNEL_ERROR };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](&session, &message.error);
	message.exec = session.exec;
	give_up(channel_fd, &message);
}
