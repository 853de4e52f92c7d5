#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The life of a VE on the small template: every state, every way to end.

load helpers

setup_file()
{
	vesseld_start
	import_busybox
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

teardown()
{
	vessel destroy --all --force --yes || true
}

# again OPTION...: another vesseld.
again()
{
	local pid
	pid=$(vesseld_pid)
	kill -TERM "$pid"
	wait_until 10 vesseld_gone "$pid"
	vesseld_run "$@"
}

@test "a created VE is stopped, has an id range of its own and a record below 0700" {
	vessel create web1 --template small
	[ "$(state_of web1)" = stopped ]
	[ $(($(show_json web1 .first_id) % 65536)) -eq 0 ]
	[ "$(show_json web1 .pid)" = null ]
	[ "$(stat -c %a "$state_dir")" = 700 ]
	[ "$(stat -c %a "$state_dir/ve/web1")" = 700 ]
	jq -e .uuid "$state_dir/ve/web1/config.json"
}

@test "start executes init, stop ends it by its own shutdown, a second start works" {
	vessel create web1 --template small
	vessel start web1 --wait
	is_state web1 running
	local pid
	pid=$(pid_of web1)
	[ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]
	vessel stop web1
	is_state web1 stopped
	[ "$(show_json web1 .exit.how)" = poweroff ]
	[ ! -d "/proc/$pid" ]
	vessel start web1 --wait
	is_state web1 running
}

@test "a start that fails leaves how the last run ended" {
	vessel create web1 --template small --start --wait
	vessel stop web1
	[ "$(show_json web1 .exit.how)" = poweroff ]
	again --hold start:store # with its init already there
	vessel start web1 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	local client=$! status_seen=0
	wait_until 10 held
	kill -KILL "$(held)"
	wait $client || status_seen=$?
	[ "$status_seen" -eq 1 ]
	is_state web1 stopped
	[ "$(show_json web1 .exit.how)" = poweroff ]
	again
	vessel start web1 --wait # positive control
	vessel stop web1 --force
	[ "$(show_json web1 .exit.how)" = killed ]
}

@test "what a VE has written is there after a restart, and in no other VE" {
	vessel create web1 web2 --template small --start --wait
	vessel exec web1 -- sh -c 'echo mine > /root/file'
	vessel restart web1 --wait
	[ "$(vessel exec web1 -- cat /root/file)" = mine ]
	run vessel exec web2 -- cat /root/file
	[ "$status" -eq 1 ]
}

@test "poweroff inside stops the VE, reboot inside starts it again with a new init" {
	vessel create web1 --template small --start --wait
	local before
	before=$(pid_of web1)
	vessel exec web1 -- reboot
	wait_until 20 restarted web1 "$before"
	vessel exec web1 -- poweroff
	wait_until 20 is_state web1 stopped
	[ "$(show_json web1 .exit.how)" = poweroff ]
}

@test "stop --force ends a VE that would not stop, at once" {
	vessel create web1 --template small --init /bin/sleep-forever
	refused 1 "vessel: cannot start web1: the template has no init /bin/sleep-forever: set --init" start web1
	vessel set web1 --init /sbin/init
	vessel start web1
	vessel exec -n web1 -- sh -c 'printf "#!/bin/sh\ntrap \"\" TERM INT HUP\nwhile :; do sleep 1; done\n" >/bin/sleep-forever; chmod 755 /bin/sleep-forever'
	vessel stop web1 --force
	vessel set web1 --init /bin/sleep-forever
	vessel start web1 --wait
	run --separate-stderr vessel stop web1 --timeout 1 # positive control: it does not stop when asked
	[ "$stderr" = "web1: stopped by force: it did not stop in time" ]
	vessel start web1 --wait
	vessel stop web1 --force
	is_state web1 stopped
	[ "$(show_json web1 .exit.how)" = killed ]
}

@test "pause stops every process of a VE, resume lets them go on" {
	vessel create web1 --template small --start --wait
	vessel exec web1 -- sh -c 'while :; do :; done >/dev/null 2>&1 &'
	vessel pause web1
	is_state web1 paused
	local a b
	a=$(cpu_time web1)
	sleep 1
	b=$(cpu_time web1)
	[ $((b - a)) -lt 20000 ]
	vessel resume web1
	is_state web1 running
	sleep 1
	[ $(($(cpu_time web1) - b)) -gt 200000 ] # positive control: it runs
}

@test "kill sends a signal to init" {
	vessel create web1 --template small --start --wait
	vessel kill -s USR2 web1 # busybox init powers off
	wait_until 20 is_state web1 stopped
}

@test "rename keeps uuid, disk and id range" {
	vessel create web1 --template small --start --wait
	vessel exec web1 -- touch /root/file
	vessel stop web1
	local uuid
	uuid=$(show_json web1 .uuid)
	vessel rename web1 shop
	[ "$(show_json shop .uuid)" = "$uuid" ]
	vessel start shop --wait
	vessel exec shop -- test -e /root/file
	run vessel show web1
	[ "$status" -eq 3 ]
}

@test "destroy removes the disk, and the name can be used again" {
	vessel create web1 --template small --start --wait
	vessel destroy web1 --force
	[ ! -e "$state_dir/ve/web1" ]
	trash_empty() { [ -z "$(ls -A "$state_dir/trash")" ]; }
	wait_until 5 trash_empty
	vessel create web1 --template small
}

@test "a plain program as init runs, and is asked with SIGTERM" {
	vessel create job1 --template small --init /sbin/plain
	mkdir -p "$BATS_TEST_TMPDIR/t/sbin" "$BATS_TEST_TMPDIR/t/bin" "$BATS_TEST_TMPDIR/t/etc"
	cp /bin/busybox "$BATS_TEST_TMPDIR/t/bin/sh"
	cp /bin/busybox "$BATS_TEST_TMPDIR/t/bin/sleep"
	printf '#!/bin/sh\ntrap "echo bye; exit 7" TERM\necho up\nwhile :; do sleep 1; done\n' >"$BATS_TEST_TMPDIR/t/sbin/plain"
	chmod 755 "$BATS_TEST_TMPDIR/t/sbin/plain"
	tar -C "$BATS_TEST_TMPDIR/t" -c . | vessel template import plain -
	vessel destroy job1
	vessel create job1 --template plain --init /sbin/plain --start --wait
	is_state job1 running
	vessel stop job1
	[ "$(show_json job1 .exit.how)" = exit ]
	[ "$(show_json job1 .exit.status)" = 7 ]
	vessel log job1 | grep -q bye
	vessel destroy job1
	vessel template remove plain
}

@test "an init that dies at once is a failed start that shows its last words" {
	mkdir -p "$BATS_TEST_TMPDIR/t/sbin" "$BATS_TEST_TMPDIR/t/bin"
	cp /bin/busybox "$BATS_TEST_TMPDIR/t/bin/sh"
	printf '#!/bin/sh\necho no such luck\nexit 3\n' >"$BATS_TEST_TMPDIR/t/sbin/init"
	chmod 755 "$BATS_TEST_TMPDIR/t/sbin/init"
	tar -C "$BATS_TEST_TMPDIR/t" -c . | vessel template import dying -
	vessel create web1 --template dying
	run --separate-stderr vessel start web1 --wait
	[ "$status" -eq 1 ]
	# shellcheck disable=SC2154
	[[ "$stderr" == *"no such luck"* ]]
	is_state web1 stopped
	vessel destroy web1
	vessel template remove dying
}

@test "host name, /etc/hosts, machine id and container= are the VE's own" {
	vessel create web1 web2 --template small --start --wait
	[ "$(vessel exec web1 -- hostname)" = web1 ]
	vessel exec web1 -- grep -qw web1 /etc/hosts
	local one two
	one=$(vessel exec web1 -- cat /etc/machine-id)
	two=$(vessel exec web2 -- cat /etc/machine-id)
	[[ "$one" =~ ^[0-9a-f]{32}$ ]]
	[ "$one" != "$two" ]
	vessel restart web1 --wait
	[ "$(vessel exec web1 -- cat /etc/machine-id)" = "$one" ]
	vessel exec web1 -- sh -c 'tr "\0" "\n" < /proc/1/environ' | grep -qx container=vessel
}
