/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * probe - makes or finds one thing that two VEs must not share; ends with 0 if it was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static const char *argument = "";

#define SYSV_KEY 0x76657373

static struct sockaddr_un abstract_address(socklen_t *ret_length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0vessel-probe" };

	*ret_length = offsetof(struct sockaddr_un, sun_path) + sizeof("\0vessel-probe") - 1;
	return address;
}

static int abstract_listen(void)
{
	socklen_t length;
	struct sockaddr_un address = abstract_address(&length);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4) < 0)
		return 1;
	sleep(60);
	return 0;
}

static int abstract_connect(void)
{
	socklen_t length;
	struct sockaddr_un address = abstract_address(&length);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&address, length) < 0;
}

static int sysv(int flags)
{
	return shmget(SYSV_KEY, 4096, flags) < 0 || semget(SYSV_KEY, 1, flags) < 0 ||
	       msgget(SYSV_KEY, flags) < 0;
}

static int sysv_make(void)
{
	return sysv(IPC_CREAT | 0666);
}

static int sysv_find(void)
{
	return sysv(0);
}

static int mqueue_make(void)
{
	return mq_open("/vessel-probe", O_CREAT | O_RDWR, 0666, NULL) < 0;
}

static int mqueue_find(void)
{
	return mq_open("/vessel-probe", O_RDWR) < 0;
}

static int sem_make(void)
{
	return sem_open("/vessel-probe", O_CREAT, 0666, 0) == SEM_FAILED;
}

static int sem_find(void)
{
	return sem_open("/vessel-probe", 0) == SEM_FAILED;
}

/* The user's keyrings belong to the kuid: the same root in two VEs is two users. */
static long key_ring(const char *name)
{
	if (strcmp(name, "user") == 0)
		return KEY_SPEC_USER_KEYRING;
	if (strcmp(name, "user-session") == 0)
		return KEY_SPEC_USER_SESSION_KEYRING;
	if (strcmp(name, "session") == 0)
		return KEY_SPEC_SESSION_KEYRING;
	/* Linked to where this process may search it. */
	return syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING);
}

static int key_make(void)
{
	return syscall(SYS_add_key, "user", "vessel-probe", "x", 1, key_ring(argument)) < 0;
}

static int key_find(void)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, key_ring(argument), "user", "vessel-probe", 0) <
	       0;
}

/* Read-only, so that the file stays the template's. */
#define SHARED_FILE "/bin/busybox"

static int lock_hold(void)
{
	if (flock(open(SHARED_FILE, O_RDONLY), LOCK_EX) < 0)
		return 1;
	sleep(60);
	return 0;
}

static int lock_find(void)
{
	return !(flock(open(SHARED_FILE, O_RDONLY), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
}

static int kernel_log(void)
{
	char line[1];

	return klogctl(3, line, sizeof(line)) < 0; /* SYSLOG_ACTION_READ_ALL */
}

static int refused_with(const char *name, long result, int wanted)
{
	if (result == -1 && errno == wanted)
		return 0;
	printf("%s: result %ld, %s instead of %s\n", name, result, strerrorname_np(errno),
		strerrorname_np(wanted));
	return 1;
}

/* Ends with 0 if all of them are refused the way the filter does it. */
static int syscalls(void)
{
	int bad = 0;

	bad |= refused_with("init_module", syscall(SYS_init_module, NULL, 0, NULL), EPERM);
	bad |= refused_with(
		"open_by_handle_at", syscall(SYS_open_by_handle_at, -1, NULL, 0), EPERM);
	bad |= refused_with("bpf", syscall(SYS_bpf, 9999, NULL, 0), EPERM);
	bad |= refused_with("io_uring_setup", syscall(SYS_io_uring_setup, 0, NULL), EPERM);
	bad |= refused_with(
		"perf_event_open", syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0), EPERM);
	bad |= refused_with("userfaultfd", syscall(SYS_userfaultfd, 0), EPERM);
	bad |= refused_with("unknown call", syscall(5000), ENOSYS);
	bad |= refused_with("AF_ALG", socket(38, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
	bad |= refused_with("AF_RXRPC", socket(33, SOCK_DGRAM, 0), EAFNOSUPPORT);
	bad |= refused_with("AF_VSOCK", socket(40, SOCK_STREAM, 0), EAFNOSUPPORT);
	return bad;
}

static const struct {
	const char *name;
	int (*run)(void);
} probes[] = {
	{ "abstract-listen", abstract_listen },
	{ "abstract-connect", abstract_connect },
	{ "sysv-make", sysv_make },
	{ "sysv-find", sysv_find },
	{ "mqueue-make", mqueue_make },
	{ "mqueue-find", mqueue_find },
	{ "key-make", key_make },
	{ "key-find", key_find },
	{ "sem-make", sem_make },
	{ "sem-find", sem_find },
	{ "lock-hold", lock_hold },
	{ "lock-find", lock_find },
	{ "kernel-log", kernel_log },
	{ "syscalls", syscalls },
};

int main(int argc, char **argv)
{
	if (argc > 2)
		argument = argv[2];
	for (size_t i = 0; argc > 1 && i < sizeof(probes) / sizeof(probes[0]); i++)
		if (strcmp(probes[i].name, argv[1]) == 0)
			return probes[i].run();
	return 2;
}
