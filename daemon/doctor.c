/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * doctor.c - what this host offers and lacks, as a table: what, how asked, value, what it limits,
 * remedy. Probes that need more than reading a file are in doctor_probe.c.
 *
 * Nothing here changes the host, and nothing is said to be there that was not tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "daemon/doctor_probe.h"
#include "daemon/manager_data.h"
#include "daemon/method.h"

#define FILE_MAX_BYTES 4096

static const char *const state_names[] = {
	[CHECK_OK] = "ok",
	[CHECK_LIMITED] = "limited",
	[CHECK_MISSING] = "missing",
};

/* clang-format off */
static const struct check {
	const char *name, *asked;
	probe_fn *probe;
	const char *argument;
	const char *limits, *remedy;
} checks[] = {
	{ "kernel", "uname", probe_kernel, NULL,
	  "idmapped layers below overlayfs need Linux 5.19", "boot Linux 5.19 or newer" },
	{ "cgroup v2", "/proc/self/mountinfo", probe_cgroup, NULL,
	  "no VE starts without it", "mount -t cgroup2 none /sys/fs/cgroup" },
	{ "limit cpus", "the kernel's controllers", probe_limit, "cpus",
	  "--cpus is refused", "enable the cpu controller" },
	{ "limit cpu-weight", "the kernel's controllers", probe_limit, "cpu-weight",
	  "--cpu-weight is refused", "enable the cpu controller" },
	{ "limit memory", "the kernel's controllers", probe_limit, "memory",
	  "--memory is refused", "boot with cgroup_enable=memory" },
	{ "limit swap", "the kernel's controllers", probe_limit, "swap",
	  "--swap is refused", "boot with swapaccount=1" },
	{ "limit pids", "the kernel's controllers", probe_limit, "pids",
	  "--pids is refused", "enable the pids controller" },
	{ "device program", "bpf(BPF_PROG_LOAD)", probe_device_program, NULL,
	  "no VE starts without it", "a kernel with CONFIG_CGROUP_BPF" },
	{ "idmapped mounts", "mount_setattr(state directory)", probe_idmap, NULL,
	  "no VE starts on this file system", "put the state directory on ext4, xfs or btrfs" },
	{ "overlayfs", "fsopen(overlay)", probe_overlay, NULL,
	  "no VE starts without it", "modprobe overlay" },
	{ "seccomp", "/proc/sys/kernel/seccomp/actions_avail", probe_file,
	  "/proc/sys/kernel/seccomp/actions_avail",
	  "no VE starts without it", "a kernel with CONFIG_SECCOMP_FILTER" },
	{ "links", "a veth pair", probe_network, "links",
	  "VEs have no network", "modprobe veth" },
	{ "packet filter", "a table of nftables", probe_network, "filter",
	  "VEs have no network", "modprobe nf_tables nft_chain_nat nft_fib_inet nft_connlimit" },
	{ "rates", "a shaped pair", probe_network, "rates",
	  "--rate-in and --rate-out are refused", "modprobe ifb sch_tbf sch_htb cls_bpf act_mirred" },
	{ "forwarding of IPv4", "net.ipv4.conf.*.forwarding", probe_forwarding, "ipv4",
	  "VEs and the outside do not reach each other",
	  "sysctl net.ipv4.conf.IF.forwarding=1 for the interface that is off" },
	{ "forwarding of IPv6", "net.ipv6.conf.*.forwarding", probe_forwarding, "ipv6",
	  "VEs and the outside do not reach each other",
	  "sysctl net.ipv6.conf.all.forwarding=1, with net.ipv6.conf.IF.accept_ra=2 where the host "
	  "itself takes router advertisements" },
	{ "firewall", "nftables chains at forward", probe_firewall, NULL,
	  "that chain drops what it does not accept, VEs' packets too",
	  "accept there what comes from and goes to the VEs' interfaces" },
	{ "user namespaces", "user.max_user_namespaces", probe_least,
	  "/proc/sys/user/max_user_namespaces 1000",
	  "how many VEs, and namespaces in one", "sysctl user.max_user_namespaces=65536" },
	{ "inotify instances", "fs.inotify.max_user_instances", probe_least,
	  "/proc/sys/fs/inotify/max_user_instances 64",
	  "a systemd in each VE: counted per VE", "sysctl fs.inotify.max_user_instances=128" },
	{ "inotify watches", "fs.inotify.max_user_watches", probe_least,
	  "/proc/sys/fs/inotify/max_user_watches 8192",
	  "file watchers in one VE", "sysctl fs.inotify.max_user_watches=65536" },
	{ "ptys", "kernel.pty.max", probe_least, "/proc/sys/kernel/pty/max 4096",
	  "terminals of all VEs together", "sysctl kernel.pty.max=65536" },
	{ "process ids", "kernel.pid_max", probe_least, "/proc/sys/kernel/pid_max 4194304",
	  "processes of all VEs together", "sysctl kernel.pid_max=4194304" },
	{ "keys", "kernel.keys.maxkeys", probe_least, "/proc/sys/kernel/keys/maxkeys 200",
	  "session keyrings of a VE's users", "sysctl kernel.keys.maxkeys=2000" },
	{ "descriptors", "RLIMIT_NOFILE", probe_nofile, "8192",
	  "VEs and clients of this instance", "LimitNOFILE=524288 in the unit" },
	{ "CAP_SYS_RESOURCE", "/proc/self/status", probe_capability, "24",
	  "a VE's own rlimits cannot exceed the daemon's", "run vesseld with it" },
	{ "protected symlinks", "fs.protected_symlinks", probe_least,
	  "/proc/sys/fs/protected_symlinks 1",
	  "links in /tmp of a VE", "sysctl fs.protected_symlinks=1" },
	{ "protected hardlinks", "fs.protected_hardlinks", probe_least,
	  "/proc/sys/fs/protected_hardlinks 1",
	  "links to others' files in a VE", "sysctl fs.protected_hardlinks=1" },
	{ "protected fifos", "fs.protected_fifos", probe_least,
	  "/proc/sys/fs/protected_fifos 1", "fifos in /tmp of a VE", "sysctl fs.protected_fifos=2" },
	{ "protected files", "fs.protected_regular", probe_least,
	  "/proc/sys/fs/protected_regular 1",
	  "files in /tmp of a VE", "sysctl fs.protected_regular=2" },
	{ "tiocsti", "dev.tty.legacy_tiocsti", probe_most, "/proc/sys/dev/tty/legacy_tiocsti 0",
	  "a program can type on its terminal", "sysctl dev.tty.legacy_tiocsti=0" },
	{ "unprivileged bpf", "kernel.unprivileged_bpf_disabled", probe_least,
	  "/proc/sys/kernel/unprivileged_bpf_disabled 1",
	  "bpf by users of the host", "sysctl kernel.unprivileged_bpf_disabled=2" },
	{ "kernel pointers", "kernel.kptr_restrict", probe_least,
	  "/proc/sys/kernel/kptr_restrict 1",
	  "addresses of the kernel are shown", "sysctl kernel.kptr_restrict=1" },
	{ "kernel log", "kernel.dmesg_restrict", probe_least,
	  "/proc/sys/kernel/dmesg_restrict 1",
	  "users of the host read the kernel log", "sysctl kernel.dmesg_restrict=1" },
	{ "core dumps", "kernel.core_pattern", probe_core_file, "/proc/sys/kernel/core_pattern",
	  "a crash in a VE runs that program as root of the host", "sysctl kernel.core_pattern=core" },
};
/* clang-format on */

void method_doctor(struct call *call)
{
	struct json *reply = json_new_object();
	struct json *list = json_set_array(reply, "checks");

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *check = &checks[i];
		struct json *object = json_append_object(list);
		char value[PROBE_VALUE] = "";
		enum check_state state = check->probe(call->manager, check->argument, value);

		json_set_string(object, "name", check->name);
		json_set_string(object, "asked", check->asked);
		json_set_string(object, "value", value);
		json_set_string(object, "state", state_names[state]);
		json_set_string(object, "limits", state == CHECK_OK ? "" : check->limits);
		json_set_string(object, "remedy", state == CHECK_OK ? "" : check->remedy);
	}
	call_reply(call, reply);
}
