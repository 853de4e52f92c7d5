#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# vessel installed on a host whose init is systemd: the units of systemd/. Runs on the test machine
# only (tests/machine/run -s), which is gone afterwards; nothing is installed on this host.

bats_require_minimum_version 1.5.0

setup_file()
{
	[ "$(cat /proc/1/comm)" = systemd ] && [ -n "$MACHINE_GUEST" ] || skip "needs the machine with systemd"
	make -s -C "$VESSEL_BUILD" install-exec install-data >/dev/null
	prefix=$(sed -n 's/^prefix = //p' "$VESSEL_BUILD/Makefile")
	sysconfdir=$(sed -n "s|^sysconfdir = .*|$prefix/etc|p" "$VESSEL_BUILD/Makefile" | head -1)
	mkdir -p "$sysconfdir/vessel"
	echo '{"state-dir": "/scratch/vessel"}' >"$sysconfdir/vessel/vessel.json"
	systemd-sysusers
	systemctl daemon-reload
	systemctl start vessel-keeper vesseld
	vessel template build small --busybox
	vessel create a b --template small --start --wait
}

pid_of()
{
	vessel show --json "$1" | jq -r '.[0].pid'
}

# Init's pid and start time: the same as when it was first seen.
same_init()
{
	local pid
	pid=$(pid_of a)
	[ "$pid $(awk '{ print $22 }' "/proc/$pid/stat")" = "$(cat "$BATS_FILE_TMPDIR/init")" ]
}

answers()
{
	local i
	for ((i = 0; i < 200; i++)); do
		vessel exec a -- true >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}

@test "both units are up, and the sockets belong to their groups" {
	[ "$(systemctl is-active vessel-keeper vesseld | sort -u)" = active ]
	[ "$(stat -c '%a %G' /run/vessel/vessel.sock)" = "660 vessel" ]
	[ "$(stat -c '%a %G' /run/vessel/vessel-ro.sock)" = "660 vessel-ro" ]
	local pid
	pid=$(pid_of a)
	echo "$pid $(awk '{ print $22 }' "/proc/$pid/stat")" >"$BATS_FILE_TMPDIR/init"
}

@test "VEs live in a delegated scope of their own, below no service" {
	[[ "$(cat "/proc/$(pid_of a)/cgroup")" == 0::/vessel.slice/vessel.scope/ve/a/guest* ]]
	[ "$(systemctl show -p Delegate --value vessel.scope)" = yes ]
}

@test "the manager restarted or killed by systemctl touches no guest, an open exec goes on" {
	vessel exec a -- sh -c 'sleep 6; exit 5' 3>&- &
	local client=$! status_seen=0
	sleep 0.5
	systemctl restart vesseld
	answers
	same_init
	systemctl kill -s KILL vesseld
	answers
	same_init
	wait $client || status_seen=$?
	[ "$status_seen" -eq 5 ]
}

@test "reload re-executes the keeper under its guests" {
	local keeper
	keeper=$(systemctl show -p MainPID --value vessel-keeper)
	systemctl reload vessel-keeper
	answers
	same_init
	[ "$(systemctl show -p MainPID --value vessel-keeper)" = "$keeper" ]
}

@test "the keeper killed comes back, adopts its guests, and the manager with it" {
	systemctl kill -s KILL vessel-keeper
	answers
	same_init
	[ "$(systemctl is-active vessel-keeper vesseld | sort -u)" = active ]
	vessel exec a -- sh -c 'echo after-the-keeper > /dev/console'
	local i
	for ((i = 0; i < 50; i++)); do
		vessel log a | grep -q after-the-keeper && return
		sleep 0.1
	done
	false
}

@test "both stopped and started again find the guests running" {
	systemctl stop vesseld vessel-keeper
	same_pid=$(cut -d' ' -f1 "$BATS_FILE_TMPDIR/init")
	[ -d "/proc/$same_pid" ]
	systemctl start vessel-keeper vesseld
	answers
	same_init
	vessel stop a --timeout 30
	vessel start a --wait
}

@test "members of vessel-ro may look and not touch, others may not even look" {
	useradd -G vessel-ro looker
	useradd stranger
	setpriv --reuid looker --regid looker --init-groups vessel list
	run setpriv --reuid looker --regid looker --init-groups vessel stop b
	[ "$status" -eq 6 ]
	run setpriv --reuid stranger --regid stranger --init-groups vessel list
	[ "$status" -eq 6 ]
}

@test "uninstall takes the files and leaves VEs and state" {
	vessel destroy b --force
	make -s -C "$VESSEL_BUILD" uninstall >/dev/null
	run -127 vessel list
	[ -d /scratch/vessel/ve/a ]
	[ ! -e "$(sed -n 's/^prefix = //p' "$VESSEL_BUILD/Makefile")/sbin/vesseld" ]
}
