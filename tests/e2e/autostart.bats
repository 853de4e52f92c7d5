#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# All VEs come up and go down with the host: autostart and shutdown. What systemd has to do with it is
# tests/units/guests.
#
# The guests' init is a shell that does what its name says: one that is slow takes a second to stop,
# one that is deaf does not stop, and one that reboots does nothing else.

load helpers

setup_file()
{
	local t=$BATS_FILE_TMPDIR/t
	vesseld_start
	mkdir -p "$t/sbin" "$t/bin" "$t/etc"
	cp /bin/busybox "$t/bin/sh"
	cp /bin/busybox "$t/bin/sleep"
	cp /bin/busybox "$t/bin/reboot"
	cat >"$t/sbin/init.sh" <<'END'
#!/bin/sh
read -r name </etc/hostname
case $name in
slow*) trap 'sleep 1; exit' TERM ;;
deaf*) trap : TERM ;;
reboots*) exec /bin/reboot -f ;;
*) trap exit TERM ;;
esac
while :; do sleep 0.1; done
END
	chmod 755 "$t/sbin/init.sh"
	tar -C "$t" -c . | vessel template import shell -
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

teardown()
{
	pkill -CONT -P "$(vesseld_pid)" || true # a job that a failed test still holds
	vessel destroy --all --force --yes || true
}

make()
{
	vessel create "$@" --template shell --init /sbin/init.sh
}

running()
{
	vessel list -H -o name,state | awk '$2 == "running" || $2 == "starting" { print $1 }' | xargs
}

# Those that were stopped, in the order of their ends, since the log had this many lines.
ends()
{
	vesseld_log | tail -n "+$(($1 + 1))" | sed -nE 's/.* ([a-z0-9]+): stop: done.*/\1/p' | xargs
}

log_length()
{
	vesseld_log | wc -l
}

# Ends vesseld, and with no VE running its run directory: for the next one (with these options) the
# host has booted.
reboot_vesseld()
{
	local pid
	pid=$(vesseld_pid)
	kill -TERM "$pid"
	wait_until 10 vesseld_gone "$pid"
	[ ! -e "$run_dir" ]
	vesseld_run "$@"
}

another_manager()
{
	[ -n "$(manager_pid)" ] && [ "$(manager_pid)" != "$1" ] && vessel list
}

@test "after a shutdown those come up that ran or always do, and doing it again changes nothing" {
	make ran stopped never always off
	vessel set stopped always --autostart last
	vessel set never --autostart no
	vessel set always off --autostart yes
	vessel start ran stopped never always
	vessel stop stopped always
	vessel set off --disabled yes
	vessel shutdown
	[ -z "$(running)" ]
	vessel shutdown # a second one finds nothing to do
	run --separate-stderr vessel autostart
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154
	[ "$(sort <<<"$stderr")" = $'always: started\nran: started' ]
	[ "$(running)" = "always ran" ]
	local pids
	pids="$(pid_of always) $(pid_of ran)"
	run --separate-stderr vessel autostart
	[ "$status $stderr" = "0 " ]
	[ "$(pid_of always) $(pid_of ran)" = "$pids" ]
}

@test "vesseld started by hand brings them up after a boot, and not when it is only restarted" {
	make ran stopped
	vessel start ran stopped
	vessel stop stopped
	vessel shutdown
	local old
	old=$(manager_pid)
	kill -KILL "$old"
	wait_until 10 another_manager "$old"
	[ -z "$(running)" ]
	reboot_vesseld
	up() { [ "$(running)" = ran ]; }
	wait_until 10 up
}

@test "a VE that does not start is one line, and keeps nobody else" {
	make good bad
	vessel set good bad --autostart yes
	vessel set bad --init /sbin/none
	run --separate-stderr vessel autostart
	[ "$status" -eq 1 ]
	[ "$(grep -c . <<<"$stderr")" -eq 2 ]
	grep -q "^vessel: cannot start bad: the template has no init /sbin/none" <<<"$stderr"
	[ "$(running)" = good ]
}

@test "shutdown runs the starts backwards, whatever has happened to the manager since" {
	local from
	make first slow2 third slow4
	vessel start first --wait
	vessel start slow2 --wait
	vessel start third --wait
	vessel start slow4 --wait
	from=$(log_length)
	vessel shutdown
	[ "$(ends "$from")" = "slow4 third slow2 first" ]
	vessel start first --wait
	vessel start slow2 --wait
	kill -KILL "$(manager_pid)"
	wait_until 10 is_state slow2 running
	from=$(log_length)
	vessel shutdown
	[ "$(ends "$from")" = "slow2 first" ]
	# Those that started together go together: the slow one keeps nobody.
	vessel start first slow2
	wait_until 10 is_state first running
	wait_until 10 is_state slow2 running
	from=$(log_length)
	vessel shutdown
	[ "$(ends "$from")" = "first slow2" ]
}

@test "a guest that refuses is forced after its timeout, and comes up again all the same" {
	make deaf1 --stop-timeout 1
	vessel start deaf1 --wait
	run --separate-stderr vessel shutdown
	[ "$status" -eq 0 ]
	[ "$stderr" = "deaf1: stopped by force: it did not stop in time" ]
	[ "$(show_json deaf1 .exit.how)" = killed ]
	vesseld_log | grep -q "deaf1: did not stop when asked: by force"
	vessel autostart
	is_state deaf1 starting || is_state deaf1 running
}

@test "while VEs are being shut down none starts, also not over a death of the manager" {
	local client old
	make deaf1 other --stop-timeout 4
	vessel start deaf1 --wait
	vessel shutdown 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	client=$!
	wait_until 5 is_state deaf1 stopping
	refused 4 "vessel: cannot start other: all VEs are being shut down" start other
	old=$(manager_pid)
	kill -KILL "$old"
	wait_until 10 another_manager "$old"
	refused 4 "vessel: cannot start other: all VEs are being shut down" start other
	wait $client
	grep -q "^deaf1: stopped by force" "$BATS_TEST_TMPDIR/said"
	vessel start other
	vessel stop other
	vessel autostart
	[ "$(running)" = deaf1 ]
}

@test "a guest that was about to come up again is down after a shutdown, and meant to run" {
	local ends
	ends_of_it() { vesseld_log | grep -c 'reboots: ended: reboot'; }
	make reboots
	vessel start reboots
	waits() { [ "$(ends_of_it)" -ge 4 ] && [ "$(show_json reboots '| [.state, .busy.command] | @tsv')" = $'stopped\tclear away' ]; }
	wait_until 10 waits # the pause before its next start
	vessel shutdown
	ends=$(ends_of_it)
	[ -z "$(running)" ]
	sleep 2
	[ -z "$(running)" ]
	[ "$(ends_of_it)" -eq "$ends" ]
	jq -e .run "$state_dir/ve/reboots/config.json"
}

@test "a shutdown calls off the starts that wait, and stops what is being started" {
	local client from
	make a b c
	vessel start a b c
	vessel shutdown
	from=$(log_length)
	reboot_vesseld --jobs 1 --hold start:launch
	wait_until 60 held
	vessel shutdown 3>&- &
	client=$!
	said() { vesseld_log | tail -n "+$((from + 1))" | grep -qE "$1"; }
	wait_until 5 said 'b: start: cannot start b: it was called off'
	wait_until 5 said 'c: start: cannot start c: it was called off'
	pkill -CONT -P "$(vesseld_pid)"
	wait $client
	[ -z "$(running)" ]
	said 'a: start: done' && said 'a: stop: done'
	reboot_vesseld
	up() { [ "$(running)" = "a b c" ]; }
	wait_until 60 up
}

@test "a destroy that is cut off leaves a VE that comes up again" {
	local client group
	vessel shutdown
	reboot_vesseld --hold destroy:rename
	make web
	vessel start web --wait
	group=$(v2_mount)$(show_json web .cgroup)
	vessel destroy web --force 3>&- &
	client=$!
	wait_until 60 held
	grep -q 'populated 0' "$group/cgroup.events" # it has been killed
	jq -e .run "$state_dir/ve/web/config.json"
	pkill -CONT -P "$(vesseld_pid)"
	wait $client
	refused 3 "vessel: no VE web (see vessel list)" show web
	[ ! -e "$state_dir/ve/web" ]
	[ ! -e "$group" ]
	reboot_vesseld
}

@test "a guest that cannot be asked is forced" {
	local client
	vessel shutdown
	reboot_vesseld --hold thaw:thaw
	make frozen
	vessel start frozen --wait
	vessel pause frozen
	vessel shutdown 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	client=$!
	wait_until 60 held
	kill -KILL "$(held)"
	wait $client
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = "frozen: stopped by force: it did not stop in time" ]
	[ -z "$(running)" ]
	jq -e .run "$state_dir/ve/frozen/config.json"
}

@test "an autostart outlives its manager, by hand after a boot and for a client" {
	local old client
	make a b c
	vessel start a b c
	vessel shutdown
	up() { pkill -CONT -P "$(vesseld_pid)" && [ "$(running)" = "a b c" ]; }
	told() { pkill -CONT -P "$(vesseld_pid)" && [ ! -e "$run_dir/autostart" ]; }
	reboot_vesseld --jobs 1 --hold start:launch
	wait_until 60 held
	[ -e "$run_dir/autostart" ]
	old=$(manager_pid)
	kill -KILL "$old"
	wait_until 60 another_manager "$old"
	wait_until 60 told
	wait_until 60 up
	vessel shutdown
	vessel autostart 3>&- &
	client=$!
	wait_until 60 held
	old=$(manager_pid)
	kill -TERM "$old"
	wait_until 60 another_manager "$old"
	wait_until 60 up
	wait_until 60 told
	wait $client
	vessel shutdown
	reboot_vesseld
	wait_until 60 up
}

@test "both wait a little for a vesseld that is being started again" {
	local pid method client
	make a
	vessel start a --wait
	for method in shutdown autostart; do
		pid=$(vesseld_pid)
		kill -TERM "$pid"
		wait_until 10 vesseld_gone "$pid"
		vessel $method 3>&- &
		client=$!
		sleep 0.5
		vesseld_run
		wait $client
	done
	[ "$(running)" = a ]
}

@test "both take no words, and need the socket that may change something" {
	refused 2 "vessel: too many words (usage: vessel autostart)" autostart web1
	refused 2 "vessel: too many words (usage: vessel shutdown)" shutdown web1
	local method
	for method in Autostart Shutdown; do
		printf '{"method":"io.vessel.%s"}\0' $method |
			socat -t 5 - "UNIX-CONNECT:$run_dir/vessel-ro.sock" | grep -q io.vessel.NotAllowed
		printf '{"method":"io.vessel.%s","parameters":{"name":"x"}}\0' $method |
			socat -t 5 - "UNIX-CONNECT:$run_dir/vessel.sock" | grep -q InvalidParameter
		# Without "more" all comes in the one reply.
		printf '{"method":"io.vessel.%s"}\0' $method |
			socat -t 5 - "UNIX-CONNECT:$run_dir/vessel.sock" | tr -d '\0' | jq -e '.parameters.outcomes == []'
	done
}
