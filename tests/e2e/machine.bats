#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The test machine is what it is said to be: a Debian 12 host of pure cgroup v2, with quotas and
# AppArmor; and VEs live on each of its file systems.

load helpers

setup()
{
	[ -n "${MACHINE_GUEST:-}" ] || skip "it is about the machine"
}

teardown()
{
	[ ! -e "$root_dir/$VESSEL_INSTANCE/vesseld.pid" ] || vesseld_stop
	[ -z "${MACHINE_GUEST:-}" ] || rm -rf /scratch/quota /scratch-xfs/quota
}

@test "pure cgroup v2 with all controllers, delegation to namespaces, and every capability" {
	on_pure_v2
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	grep -q ' cgroup2 [^ ]*nsdelegate' /proc/mounts
	local word
	for word in cpu cpuset io memory pids; do
		grep -qw $word /sys/fs/cgroup/cgroup.subtree_control
	done
	[ "$(awk '/^CapEff/ { print $2 }' /proc/self/status)" = "$(awk '/^CapBnd/ { print $2 }' /proc/1/status)" ]
	[ $((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1)) -eq 1 ] # CAP_SYS_RESOURCE
	[[ "$(uname -r)" == 6.1.*-amd64 ]]
}

# quota_holds DIR: a project of 1 MiB on that file system takes no more from an ordinary user.
quota_holds()
{
	local dir=$1/quota
	mkdir -p "$dir/project" "$dir/free"
	chmod 777 "$dir"/*
	chattr -p 4242 +P "$dir/project" || xfs_quota -x -c "project -s -p $dir/project 4242" "$1" >/dev/null
	xfs_quota -x -f -c "limit -p bhard=1m 4242" "$1"
	local as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${as[@]}" dd if=/dev/zero of="$dir/free/file" bs=64k count=32 2>/dev/null # positive control
	run "${as[@]}" dd if=/dev/zero of="$dir/project/file" bs=64k count=32
	[ "$status" -ne 0 ]
	[[ "$output" == *"quota exceeded"* || "$output" == *"No space left"* ]] || { echo "$output" >&2; return 1; }
	[ "$(stat -c %s "$dir/project/file")" -le $((1 << 20)) ]
}

@test "ext4 with project quota, which holds" {
	[ "$(stat -f -c %T /scratch)" = ext2/ext3 ]
	grep -q '^[^ ]* /scratch ext4 ' /proc/mounts
	quota_holds /scratch
}

@test "XFS with project quota, which holds" {
	[ "$(stat -f -c %T /scratch-xfs)" = xfs ]
	quota_holds /scratch-xfs
}

# The loaded profiles.
profiles()
{
	cat /sys/kernel/security/apparmor/profiles
}

@test "AppArmor as Debian boots it, and VEs live under its profiles" {
	[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]
	grep -qw apparmor /sys/kernel/security/lsm
	# What apparmor.service does; a host that looks like a container would be passed over by it.
	apparmor_parser --replace --skip-cache /etc/apparmor.d
	profiles | grep -q '^lsb_release (enforce)'
	# positive control: profiles confine here
	run aa-exec -p lsb_release -- cat /etc/shadow
	[ "$status" -ne 0 ]
	[[ "$output" == *"Permission denied"* ]] || { echo "$output" >&2; false; }
	vesseld_start
	lives
	vesseld_stop
	host_unchanged
}

# One life of a VE, and what it leaves on disk.
lives()
{
	local disk=$state_dir/ve/web1/disk/upper/root
	vessel template build small --busybox
	vessel create web1 --template small --start --wait
	vessel exec web1 -- sh -c 'mkdir /root/d && echo mine > /root/d/f && mv /root/d /root/e && chown 1000:1001 /root/e/f && ln /root/e/f /root/g'
	[ "$(stat -c '%u %g' "$disk/e")" = "0 0" ]
	[ "$(stat -c '%u %g %h' "$disk/g")" = "1000 1001 2" ]
	vessel restart web1 --wait
	[ "$(vessel exec web1 -- cat /root/g)" = mine ]
	[ "$(vessel exec web1 -- stat -c '%u %g' /root/g)" = "1000 1001" ]
	vessel stop web1
	[ "$(show_json web1 .exit.how)" = poweroff ]
	vessel destroy web1
	[ ! -e "$state_dir/ve/web1" ]
}

# lives_on DIR TYPE
lives_on()
{
	root_dir=$1/e2e
	state_dir=$root_dir/$VESSEL_INSTANCE/state
	mkdir -p "$root_dir"
	[ "$(stat -f -c %T "$root_dir")" = "$2" ]
	vesseld_start
	lives
	vesseld_stop
	host_unchanged
}

@test "VEs live with the state directory on ext4" {
	lives_on /scratch ext2/ext3
}

@test "VEs live with the state directory on XFS" {
	lives_on /scratch-xfs xfs
	rmdir "$root_dir"
}
