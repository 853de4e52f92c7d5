/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * privilege.c - rlimits, oom_score_adj, capabilities and keyring: one table each, used alike for a
 * VE's init and for whatever joins it, so that the two can never differ.
 */
#include "runtime/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"
#include "base/file.h"

struct ceiling {
	int resource;
	const char *name;
	rlim_t soft, hard;
};

/* nproc is not a VE's limit (it would hit its root, and pids is): it stays open. The soft values of
 * memlock, msgqueue and sigpending become the ceiling of the user namespace that is made next. */
/* clang-format off */
static const struct ceiling ceilings[] = {
	{ RLIMIT_AS,         "as",         RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_CORE,       "core",       0,             RLIM_INFINITY },
	{ RLIMIT_CPU,        "cpu",        RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_DATA,       "data",       RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_FSIZE,      "fsize",      RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_LOCKS,      "locks",      RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_MEMLOCK,    "memlock",    8 << 20,       8 << 20       },
	{ RLIMIT_MSGQUEUE,   "msgqueue",   819200,        819200        },
	{ RLIMIT_NICE,       "nice",       0,             0             },
	{ RLIMIT_NOFILE,     "nofile",     1024,          65536         },
	{ RLIMIT_NPROC,      "nproc",      RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_RSS,        "rss",        RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_RTPRIO,     "rtprio",     0,             0             },
	{ RLIMIT_RTTIME,     "rttime",     RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_SIGPENDING, "sigpending", 8192,          8192          },
	{ RLIMIT_STACK,      "stack",      8 << 20,       RLIM_INFINITY },
};

/* Those that only ever reach the host (SECURITY: the profile of a VE). */
static const int dropped[] = {
	CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_SYSLOG,
	CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_BPF, CAP_PERFMON, CAP_CHECKPOINT_RESTORE,
	CAP_AUDIT_CONTROL, CAP_AUDIT_READ,
};
/* clang-format on */

static rlim_t smaller(rlim_t a, rlim_t b)
{
	return a < b ? a : b; /* RLIM_INFINITY is the largest rlim_t */
}

static int ceiling_set(const struct ceiling *ceiling, struct error *err)
{
	struct rlimit limit = { ceiling->soft, ceiling->hard }, now;

	if (setrlimit(ceiling->resource, &limit) == 0)
		return 0;
	if (errno != EPERM || getrlimit(ceiling->resource, &now) < 0)
		return error_sys(err, "cannot set the resource limit %s", ceiling->name);

	/* CAP_SYS_RESOURCE may be missing even for root: then what there is must do. */
	limit.rlim_max = smaller(limit.rlim_max, now.rlim_max);
	limit.rlim_cur = smaller(limit.rlim_cur, limit.rlim_max);
	if (setrlimit(ceiling->resource, &limit) < 0)
		return error_sys(err, "cannot set the resource limit %s", ceiling->name);
	return 0;
}

int privilege_set_ceiling(int proc_fd, struct error *err)
{
	struct error ignored = { 0 };

	/* Lowering needs CAP_SYS_RESOURCE; a caller that stands above 0 without it stays there. */
	if (file_write_control(proc_fd, "self/oom_score_adj", "0", &ignored) < 0 &&
		ignored.code != EACCES && ignored.code != EPERM)
		return error_set(err, ignored.code, "%s", ignored.text);
	for (size_t i = 0; i < ARRAY_SIZE(ceilings); i++) {
		int r = ceiling_set(&ceilings[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* glibc has no wrappers for capget and capset. */
static int capabilities_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return (int)syscall(SYS_capget, &header, data);
}

static int capabilities_set(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return (int)syscall(SYS_capset, &header, data);
}

static int bounding_drop(struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		if (prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0) < 0 && errno != EINVAL)
			return error_sys(err, "cannot drop capability %d", dropped[i]);
	return 0; /* EINVAL: a kernel that does not know the capability cannot grant it */
}

static int keyring_join(struct error *err)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return error_sys(err, "cannot join a new session keyring");
	return 0;
}

int privilege_drop(struct error *err)
{
	struct __user_cap_data_struct data[2] = { 0 };
	int r = bounding_drop(err);

	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_sys(err, "cannot clear the ambient capabilities");
	if (capabilities_get(data) < 0)
		return error_sys(err, "cannot read capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		data[dropped[i] / 32].permitted &= ~(UINT32_C(1) << (dropped[i] % 32));
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (capabilities_set(data) < 0)
		return error_sys(err, "cannot drop capabilities");
	return keyring_join(err);
}

static int capabilities_raise(struct error *err)
{
	struct __user_cap_data_struct data[2] = { 0 };

	if (capabilities_get(data) < 0)
		return error_sys(err, "cannot read capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		data[i].effective = data[i].permitted;
	if (capabilities_set(data) < 0)
		return error_sys(err, "cannot raise capabilities");
	return 0;
}

struct attributes {
	int dumpable, death_signal;
};

/* A change of ids resets both, silently: prctl(2). */
static int attributes_get(struct attributes *ret, struct error *err)
{
	ret->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	if (prctl(PR_GET_PDEATHSIG, &ret->death_signal, 0, 0, 0) < 0)
		return error_sys(err, "cannot read process attributes");
	return 0;
}

static int attributes_set(const struct attributes *attributes, struct error *err)
{
	if (prctl(PR_SET_DUMPABLE, attributes->dumpable == 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, attributes->death_signal, 0, 0, 0) < 0)
		return error_sys(err, "cannot restore process attributes");
	return 0;
}

int privilege_set_creator(uid_t euid, gid_t egid, struct error *err)
{
	struct attributes attributes;
	int r = attributes_get(&attributes, err);

	if (r < 0)
		return r;
	if (setresgid((gid_t)-1, egid, (gid_t)-1) < 0 || setresuid((uid_t)-1, euid, (uid_t)-1) < 0)
		return error_sys(err, "cannot become id %u", (unsigned int)euid);
	r = capabilities_raise(err);
	return r < 0 ? r : attributes_set(&attributes, err);
}

int privilege_set_file_ids(uid_t uid, gid_t gid, struct error *err)
{
	struct attributes attributes;
	int r = attributes_get(&attributes, err);

	if (r < 0)
		return r;
	/* They report nothing: a second call answers what the first one did. */
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	if (setfsgid((gid_t)-1) != (int)gid || setfsuid((uid_t)-1) != (int)uid)
		return error_set(err, EPERM, "cannot use files as id %u", (unsigned int)uid);
	return attributes_set(&attributes, err);
}
