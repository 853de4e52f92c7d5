#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Guests other than systemd, each stopped in its own way, and the two profiles.

load helpers

patience=60
reboots=(reboot "init 6")
if [ -n "${MACHINE_GUEST:-}" ]; then # a boot of sysvinit is hundreds of shell commands
	patience=300
	reboots=("init 6")
fi

setup_file()
{
	vesseld_start
	import_busybox
	import_debian debian-12-sysvinit
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

# cron's start is the last thing that this runlevel does. Not asked more often than a slow guest bears.
booted()
{
	vessel exec -n "$1" -- sh -c '[ "$(runlevel)" = "N 2" ] && kill -0 "$(cat /run/crond.pid)"' || { sleep 0.5; false; }
}

marks()
{
	cat "$state_dir/ve/$1/disk/upper/root/marks"
}

@test "Debian with sysvinit: started, in its runlevel, with its services" {
	vessel create sysv --template debian-12-sysvinit --memory 256M
	vessel start sysv --wait
	wait_until $patience booted sysv
	[ "$(vessel exec sysv -- cat /proc/1/comm)" = init ]
	# what it does when it goes down shows which way it went
	vessel exec sysv -- sh -c 'cat > /etc/init.d/mark; chmod 755 /etc/init.d/mark; update-rc.d mark defaults' <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: mark
# Required-Start: $local_fs
# Required-Stop: $local_fs
# Default-Start: 2
# Default-Stop: 0 6
# Short-Description: keeps which way the VE went
### END INIT INFO
[ "$1" != stop ] || runlevel >> /root/marks
END
}

@test "Debian with sysvinit: stop goes through its own runlevel 0" {
	vessel stop sysv --timeout $patience
	is_state sysv stopped
	[ "$(show_json sysv .exit.how)" = poweroff ]
	[ "$(marks sysv)" = "2 0" ]
}

@test "Debian with sysvinit: reboot and init 6 inside start it again, init 0 ends it" {
	local pid word
	vessel start sysv --wait
	wait_until $patience booted sysv
	for word in "${reboots[@]}"; do
		pid=$(pid_of sysv)
		# shellcheck disable=SC2086
		vessel exec -n sysv -- $word
		wait_until $patience restarted sysv "$pid"
		wait_until $patience booted sysv
	done
	[ "$(marks sysv | tail -n +2 | sort -u)" = "2 6" ]
	vessel exec -n sysv -- init 0
	wait_until $patience is_state sysv stopped
	[ "$(show_json sysv .exit.how)" = poweroff ]
	[ "$(marks sysv | tail -1)" = "2 0" ]
	vessel destroy sysv
}

@test "busybox: stop runs the shutdown lines of its inittab" {
	vessel create busy --template small --start --wait
	vessel exec -n busy -- sh -c 'echo "::shutdown:/bin/sh -c \"echo down >> /root/marks\"" >> /etc/inittab'
	vessel restart busy --wait
	[ ! -e "$state_dir/ve/busy/disk/upper/root/marks" ] # that init had read the old file
	vessel stop busy
	[ "$(show_json busy .exit.how)" = poweroff ]
	[ "$(marks busy)" = down ]
	vessel destroy busy
}

@test "a plain program that says when it is ready is waited for, and its status is kept" {
	vessel create plain --template small --start
	vessel exec -n plain -- true
	vessel exec plain -- sh -c 'cat > /sbin/notifier; chmod 755 /sbin/notifier' <"$fixtures/notifier"
	vessel set plain --init /sbin/notifier
	vessel restart plain --wait
	[ "$(show_json plain .ready)" != null ]
	[ "$(show_json plain '| (.ready | fromdate) - (.started | fromdate)')" -ge 1 ]
	vessel stop plain
	[ "$(show_json plain .exit.how)" = exit ]
	[ "$(show_json plain .exit.status)" = 7 ]
	vessel destroy plain
}

nested_proc()
{
	vessel exec -n "$1" -- unshare -U -r -m -p -f sh -c 'mount -t proc none /mnt && test -e /mnt/1/status'
}

@test "a procfs can be mounted in a namespace inside with the profile nesting, and not with default" {
	vessel create plainly --template small --start --wait
	vessel create nested --template small --profile nesting --start --wait
	# the control: the namespaces themselves can be had in both
	vessel exec -n plainly -- unshare -U -r -m -p -f true
	run nested_proc plainly
	[ "$status" -ne 0 ]
	[[ "$output" == *"ermi"* ]] || { echo "$output" >&2; false; } # "permission denied" or "not permitted"
	nested_proc nested
	# and masks are what differs
	[ "$(vessel exec -n plainly -- sh -c 'wc -c < /proc/keys')" = 0 ]
	[ "$(vessel exec -n nested -- grep -c ' /proc/' /proc/mounts || true)" = 0 ]
	vessel destroy plainly nested --force
}
