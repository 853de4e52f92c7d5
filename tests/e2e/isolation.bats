#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Channels between two VEs of one template, each closed, each with the same probe inside one VE as
# its positive control.

load helpers

setup_file()
{
	vesseld_start
	import_busybox
	digest_before=$(tree_digest)
	export digest_before
	vessel create a b --template small --start --wait
	for ve in a b; do
		vessel exec $ve -- sh -c 'cat > /root/probe; chmod 755 /root/probe' <"$fixtures/probe"
	done
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

# Names, types, modes, ids, times, xattrs, contents and links of the template's layer.
tree_digest()
{
	local layer
	layer=$(echo "$state_dir"/layer/sha256-*)
	python3 - "$layer" <<'END'
import hashlib, os, stat, sys
h = hashlib.sha256()
for d, ds, fs in os.walk(sys.argv[1], followlinks=False):
    ds.sort()
    for n in sorted(fs + ds) + ["."]:
        p = os.path.join(d, n)
        s = os.lstat(p)
        x = [(k, os.getxattr(p, k, follow_symlinks=False)) for k in sorted(os.listxattr(p, follow_symlinks=False))]
        h.update(repr((p, s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, s.st_nlink, s.st_rdev, x)).encode())
        if stat.S_ISLNK(s.st_mode): h.update(os.readlink(p).encode())
        if stat.S_ISREG(s.st_mode): h.update(open(p, "rb").read())
print(h.hexdigest())
END
}

# The probe makes something in the first VE and must find it there and not in the second.
closed()
{
	local make=$1 find=$2
	vessel exec -n a -- sh -c "$make"
	wait_until 5 vessel exec -n a -- sh -c "$find" || { echo "positive control failed: $find" >&2; return 1; }
	run vessel exec -n b -- sh -c "$find"
	[ "$status" -ne 0 ] || { echo "seen in the other VE: $output" >&2; return 1; }
}

@test "processes" {
	closed 'sleep 4321 >/dev/null 2>&1 &' 'ps | grep -v grep | grep -q "sleep 4321"'
}

@test "abstract sockets" {
	closed '/root/probe abstract-listen >/dev/null 2>&1 &' '/root/probe abstract-connect'
}

@test "SysV shared memory, semaphores and queues" {
	closed '/root/probe sysv-make' '/root/probe sysv-find'
}

@test "POSIX message queues and semaphores" {
	closed '/root/probe mqueue-make' '/root/probe mqueue-find'
	closed '/root/probe sem-make' '/root/probe sem-find'
}

@test "/dev/shm" {
	closed 'echo x > /dev/shm/f' 'test -e /dev/shm/f'
}

@test "keyrings of the user, of its sessions, and the persistent one" {
	closed '/root/probe key-make user' '/root/probe key-find user'
	closed '/root/probe key-make user-session' '/root/probe key-find user-session'
	closed '/root/probe key-make persistent' '/root/probe key-find persistent'
	# nor does a session of one exec show in the next
	vessel exec a -- /root/probe key-make session
	run vessel exec a -- /root/probe key-find session
	[ "$status" -ne 0 ]
}

@test "locks on a file of the template" {
	closed '/root/probe lock-hold >/dev/null 2>&1 &' '/root/probe lock-find'
}

@test "each other's writes" {
	closed 'echo x > /root/mine; echo y >> /etc/hosts.shared' 'test -e /root/mine -o -e /etc/hosts.shared'
}

@test "host name" {
	closed 'hostname changed' 'test "$(hostname)" = changed'
	[ "$(hostname)" != changed ]
	vessel exec a -- hostname a
}

@test "interfaces" {
	[ "$(vessel exec a -- ls /sys/class/net | xargs)" = "eth0 lo" ]
	[ "$(readlink "/proc/$(pid_of a)/ns/net")" != "$(readlink "/proc/$(pid_of b)/ns/net")" ]
	closed 'ip addr add 10.99.0.1/32 dev lo 2>/dev/null || ifconfig lo:1 10.99.0.1' 'ip addr 2>/dev/null | grep -q 10.99.0.1 || ifconfig | grep -q 10.99.0.1'
}

@test "the kernel log" {
	"$fixtures/probe" kernel-log # on the host it is there
	[ -n "$(dd if=/dev/kmsg bs=8192 count=1 2>/dev/null)" ]
	run vessel exec a -- /root/probe kernel-log
	[ "$status" -ne 0 ]
	run vessel exec a -- dmesg
	[ "$status" -ne 0 ] || [ -z "$output" ]
	run vessel exec a -- cat /dev/kmsg
	[ "$status" -ne 0 ]
	run vessel exec a -- sh -c 'cat /proc/kmsg'
	[ "$status" -ne 0 ]
}

@test "cgroup paths" {
	closed 'mkdir /sys/fs/cgroup/mine' 'test -d /sys/fs/cgroup/mine'
	closed 'echo 0 > /sys/fs/cgroup/mine/cgroup.procs; sleep 4323 >/dev/null 2>&1 &' 'grep -qx 0::/mine /proc/[0-9]*/cgroup'
	# a process sees itself at or below its VE's root in every hierarchy, never the host's names
	run vessel exec a -- cat /proc/self/cgroup
	while IFS= read -r line; do
		[[ "$line" == *:/ || "$line" == *:/.vessel || "$line" == 0::/* ]] || { echo "$line" >&2; false; }
	done <<<"$output"
	[[ "$output" != *"$VESSEL_INSTANCE"* && "$output" != *..* ]]
	[ "$(vessel exec a -- sh -c 'grep -c cgroup /proc/mounts')" = 1 ]
}

@test "a hybrid host's v1 hierarchies show a VE what is its own" {
	! on_pure_v2 || skip "this host has no v1 hierarchies"
	local ve
	for ve in a b; do
		vessel exec $ve -- sh -c 'mkdir -p /tmp/v1 && mount -t cgroup -o pids none /tmp/v1'
		vessel exec $ve -- test -e /tmp/v1/cgroup.procs # the control: it is mounted
		[ "$(vessel exec $ve -- find /tmp/v1 -type d)" = /tmp/v1 ] # the host's groups are not below
		run vessel exec $ve -- cat /tmp/v1/cgroup.procs
		[[ "$output" != *$'\n'0* ]] # no process of another VE, which would be 0 here
		vessel exec $ve -- umount /tmp/v1
	done
}

@test "mountinfo" {
	closed 'mkdir -p /mnt/m && mount -t tmpfs only-in-a /mnt/m' 'grep -q only-in-a /proc/self/mountinfo'
	run grep -c only-in-a /proc/self/mountinfo
	[ "$output" = 0 ] # nor on the host
	run vessel exec a -- cat /proc/self/mountinfo
	[[ "$output" != *"$state_dir"* && "$output" != *"/ve/"* && "$output" != *"$VESSEL_INSTANCE"* ]] || { echo "$output" >&2; false; }
	vessel exec a -- umount /mnt/m
}

@test "which boot this is" {
	local id
	id=$(vessel exec a -- cat /proc/sys/kernel/random/boot_id)
	[ "$(vessel exec a -- cat /proc/sys/kernel/random/boot_id)" = "$id" ]
	[ "$(vessel exec b -- cat /proc/sys/kernel/random/boot_id)" != "$id" ]
	[ "$(cat /proc/sys/kernel/random/boot_id)" != "$id" ]
}

@test "ids: root's file is 0 on disk and an id of its own seen through a process" {
	vessel exec -n a -- sh -c 'echo x > /root/owned; sleep 4322 < /root/owned >/dev/null 2>&1 &'
	[ "$(stat -c %u "$state_dir/ve/a/disk/upper/root/owned")" = 0 ]
	local first pid
	first=$(show_json a .first_id)
	[ "$first" != "$(show_json b .first_id)" ]
	[ "$(stat -c %u "/proc/$(pid_of a)/root/root/owned")" = "$first" ]
	[ "$(stat -c %u "/proc/$(pid_of b)")" = "$(show_json b .first_id)" ]
	[ "$(awk '/^Uid:/ { print $2 }' "/proc/$(pid_of a)/status")" = "$first" ]
}

@test "devices: only those of the list can be opened" {
	vessel exec a -- sh -c 'echo > /dev/null; head -c 1 /dev/urandom >/dev/null'
	[[ "$(vessel exec a -- sh -c '(: > /dev/tty) 2>&1' || true)" != *"not permitted"* ]] # it has none, but may
	run vessel exec a -- mknod /root/kmsg c 1 11
	[ "$status" -ne 0 ]
	run vessel exec a -- sh -c 'mknod /dev/vda b 254 0 && head -c 1 /dev/vda'
	[ "$status" -ne 0 ]
}

@test "capabilities that only reach the host are gone, the rest of a machine's root is there" {
	local caps
	caps=$(vessel exec a -- sh -c 'grep CapEff /proc/self/status' | awk '{ print $2 }')
	# SYS_MODULE 16, SYS_RAWIO 17, SYS_TIME 25, SYSLOG 34, MAC 32 33, WAKE_ALARM 35, BLOCK_SUSPEND 36, AUDIT_READ 37, PERFMON 38, BPF 39, CHECKPOINT 40
	for bit in 16 17 25 30 32 33 34 35 36 37 38 39 40; do
		[ $(((16#$caps >> bit) & 1)) -eq 0 ] || { echo "capability $bit is there" >&2; false; }
	done
	for bit in 0 1 6 7 12 13 18 21; do
		[ $(((16#$caps >> bit) & 1)) -eq 1 ] || { echo "capability $bit is missing" >&2; false; }
	done
	vessel exec a -- sh -c 'mkdir -p /mnt/t && mount -t tmpfs none /mnt/t && umount /mnt/t'
}

@test "system calls that only reach the host are refused" {
	run vessel exec a -- /root/probe syscalls
	[ "$status" -eq 0 ] || { echo "$output" >&2; false; }
	# positive control: the same probe outside is not refused by a filter
	run "$fixtures/probe" syscalls
	[ "$status" -ne 0 ]
}

@test "sockets of the host's daemon are out of reach" {
	run vessel exec a -- sh -c "ls $run_dir /run/vessel"
	[ "$status" -ne 0 ]
}

@test "the template is unchanged after both have run and written" {
	vessel exec a -- sh -c 'rm -rf /etc; mv /root /elsewhere; touch /sbin/init; chmod 000 /bin/busybox'
	vessel exec b -- sh -c 'echo x >> /etc/passwd'
	vessel stop a b --force
	# They did write, each to its own layer.
	[ -d "$state_dir/ve/a/disk/upper/elsewhere" ]
	[ "$(stat -c %a "$state_dir/ve/a/disk/upper/bin/busybox")" = 0 ]
	[ "$(tail -1 "$state_dir/ve/b/disk/upper/etc/passwd")" = x ]
	[ "$(tree_digest)" = "$digest_before" ]
}
