#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# SIGKILL at every step and at random: nothing acknowledged is lost, nothing half done is left.

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
	[ -z "${bystander:-}" ] || kill "$bystander" 2>/dev/null || true
}

crash()
{
	local mode=$1
	shift
	python3 "$here/crash.py" "$mode" "$build" "$state_dir" "$run_dir" "$first_id" "$@"
}

# The script runs daemons of its own on the same state directory.
without_daemon()
{
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	local status=0
	"$@" || status=$?
	vesseld_run
	return $status
}

@test "manager, job or both killed at every step: as before or as after, and again it succeeds" {
	[ -z "${MACHINE_GUEST:-}" ] || export VESSEL_CRASH_PART=${VESSEL_CRASH_PART:-0.06} VESSEL_CRASH_SHARES=2
	without_daemon crash steps
	[ -z "$(vessel list -H -o name)" ]
	wait_until 10 trash_empty
	[ -z "$(ls -A "$state_dir/ve")" ]
}

@test "200 random kills under load: every client gets an answer, every VE is whole" {
	local n=200
	[ -z "${MACHINE_GUEST:-}" ] || n=40
	without_daemon crash random $n
	wait_until 10 trash_empty
	[ -z "$(ls -A "$state_dir/ve")" ]
}

trash_empty()
{
	[ -z "$(ls -A "$state_dir/trash")" ]
}

# The numbered lines in a file, each once and in order.
no_gap()
{
	diff <(tr -d '\r' <"$1" | grep -oE 'line [0-9]+\.') <(seq -f 'line %.0f.' 400)
}

logged_all()
{
	vessel log web1 >"$BATS_TEST_TMPDIR/log"
	no_gap "$BATS_TEST_TMPDIR/log"
}

another_manager()
{
	[ -n "$(manager_pid)" ] && [ "$(manager_pid)" != "$1" ] && vessel list
}

@test "an open exec and an open console outlive the manager and deliver their end" {
	local client console old i status_seen=0
	vessel create web1 --template small --start --wait
	mkfifo "$BATS_TEST_TMPDIR/exec" "$BATS_TEST_TMPDIR/console"
	vessel exec web1 -- sh -c 'read line; echo "got $line"; exit 7' \
		<"$BATS_TEST_TMPDIR/exec" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	exec 7>"$BATS_TEST_TMPDIR/exec"
	"$build/vessel" console web1 <"$BATS_TEST_TMPDIR/console" >"$BATS_TEST_TMPDIR/watched" 3>&- 7>&- &
	console=$!
	exec 8>"$BATS_TEST_TMPDIR/console"
	attached() { [ -s "$BATS_TEST_TMPDIR/watched" ]; } # the scrollback
	wait_until 10 attached
	vessel exec -n web1 -- sh -c 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "line $i."; sleep 0.01; done > /dev/console 2>&1 &'
	for i in 1 2 3; do
		old=$(manager_pid)
		kill -KILL "$old"
		wait_until 10 another_manager "$old"
	done
	is_state web1 running
	echo word >&7
	exec 7>&-
	wait $client || status_seen=$?
	[ "$status_seen" -eq 7 ]
	grep -q 'got word' "$BATS_TEST_TMPDIR/out"
	wait_until 30 logged_all
	wait_until 10 no_gap "$BATS_TEST_TMPDIR/watched"
	exec 8>&-
	kill -INT $console
	wait $console
	vessel destroy web1 --force
}

# create_loses_manager STEP: a create of web1 with a key stands at that step when its manager is killed; it
# goes on when another create of the name ($second, its pid) waits at the next manager.
create_loses_manager()
{
	local first status_seen=0 manager
	restart_with --hold "$1"
	echo "ssh-ed25519 AAAA test" >"$BATS_TEST_TMPDIR/key"
	vessel create web1 --template small --description first --ssh-key "$BATS_TEST_TMPDIR/key" 3>&- &
	first=$!
	wait_until 20 held
	manager=$(manager_pid)
	kill -KILL "$manager"
	wait $first || status_seen=$?
	[ "$status_seen" -eq 6 ]
	wait_until 10 another_manager "$manager"
	refused 3 "vessel: no VE web1 (see vessel list)" show web1
	vessel create web1 --template small --description second 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	second=$!
	sleep 0.3
	[[ " $(jobs -rp | paste -sd' ') " == *" $second "* ]] || return 1
	[ -z "$(vessel list -H)" ]
	kill -CONT "$(held)"
}

restart_with()
{
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	vesseld_run "$@"
}

description()
{
	jq -r .settings.description "$state_dir/ve/web1/config.json"
}

@test "a create, while what an earlier one has left is thrown away, waits and is done" {
	local second
	create_loses_manager helper:done
	wait $second
	is_state web1 stopped
	[ "$(description)" = second ]
	restart_with
	vessel destroy web1
}

@test "a create, while an earlier one without a manager comes to its end, waits and is refused" {
	local second status_seen=0
	create_loses_manager commit:remove
	wait $second || status_seen=$?
	[ "$status_seen" -eq 4 ]
	[ "$(tail -1 "$BATS_TEST_TMPDIR/stderr")" = "vessel: cannot create web1: it exists" ] # after who holds it
	is_state web1 stopped
	[ "$(description)" = first ]
	restart_with
	vessel destroy web1
}

@test "the keeper killed: VEs run on, a new one takes over, only what the manual names is lost" {
	vessel create web1 --template small --start --wait
	local init start
	init=$(pid_of web1)
	start=$(awk '{ print $22 }' "/proc/$init/stat")
	kill -KILL "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	[ "$(awk '{ print $22 }' "/proc/$init/stat")" = "$start" ]
	vesseld_run
	is_state web1 running
	[ "$(pid_of web1)" = "$init" ]
	vessel exec web1 -- true
	vessel exec web1 -- sh -c 'echo after-the-keeper > /dev/console'
	logged() { vessel log web1 | grep -q after-the-keeper; }
	wait_until 10 logged
	vessel stop web1 --timeout 20
	is_state web1 stopped
	vessel start web1 --wait
	vessel destroy web1 --force
}

kill_keeper()
{
	kill -KILL "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	vesseld_run
}

is_busy()
{
	[ "$(show_json "$1" .busy.command)" = "$2" ]
}

@test "the keeper killed: a VE whose /dev does not answer gets no console, and nobody waits for it" {
	local begun
	vessel create silent --template small --start --wait
	silence() # a FUSE that nobody serves
	{
		vessel exec -n silent -- sh -c 'exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none /dev && { sleep 1000 <&- >&- 2>&- & }'
	}
	silence
	kill_keeper
	wait_until 5 is_busy silent "give a console to"
	vessel create web1 --template small --start --wait
	vessel destroy web1 --force
	begun=$SECONDS
	vessel stop silent --force
	[ $((SECONDS - begun)) -lt 9 ] # before the console is given up
	vessel start silent --wait
	silence
	kill_keeper
	begun=$SECONDS
	vessel set silent --description "after the console"
	[ $((SECONDS - begun)) -lt 20 ]
	vesseld_log | grep -F "cannot give a new console to silent: its /dev has not answered for 10 s"
	vessel destroy silent --force
}

@test "the keeper killed: a paused VE has its console again" {
	vessel create web1 --template small --start --wait
	vessel pause web1
	kill_keeper
	is_state web1 paused
	vessel resume web1
	vessel exec web1 -- sh -c 'echo after-the-pause > /dev/console'
	logged() { vessel log web1 | grep -q after-the-pause; }
	wait_until 10 logged
	vessel destroy web1 --force
}

@test "reload re-executes the keeper: same inits, consoles and open execs go on" {
	vessel create web1 --template small --start --wait
	local init
	init=$(pid_of web1)
	vessel exec web1 -- sh -c 'sleep 2; exit 6' 3>&- &
	local client=$! status_seen=0
	sleep 0.3
	kill -HUP "$(vesseld_pid)"
	sleep 0.5
	wait_until 10 is_state web1 running
	[ "$(pid_of web1)" = "$init" ]
	wait $client || status_seen=$?
	[ "$status_seen" -eq 6 ]
	vessel exec web1 -- sh -c 'echo after-the-reload > /dev/console'
	logged() { vessel log web1 | grep -q after-the-reload; }
	wait_until 10 logged
	vessel destroy web1 --force
}

said_times()
{
	[ "$(vesseld_log | grep -cF -- "$1")" -ge "$2" ]
}

runs_file()
{
	[ "$(stat -Lc %i "/proc/$1/exe")" = "$(stat -c %i "$2")" ]
}

@test "a reload goes on with the old program where the installed one cannot take over, else with the new" {
	local real=$build build=$BATS_TEST_TMPDIR/bin init client status_seen=0 n=0 program
	restart_from() { kill -TERM "$(vesseld_pid)" && wait_until 10 vesseld_gone "$(vesseld_pid)" && vesseld_run; }
	mkdir "$build"
	cp "$real/vesseld" "$real/vessel" "$build"
	restart_from
	vessel create web1 --template small --start --wait
	init=$(pid_of web1)
	mkfifo "$BATS_TEST_TMPDIR/exec"
	vessel exec web1 -- sh -c 'read line; echo "got $line"; exit 6' \
		<"$BATS_TEST_TMPDIR/exec" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	exec 7>"$BATS_TEST_TMPDIR/exec"
	echo garbage >"$BATS_TEST_TMPDIR/garbage"
	printf '#!/bin/sh\nVESSELD_TABLE=999 exec %q "$@"\n' "$real/vesseld" >"$BATS_TEST_TMPDIR/future"
	for program in "$BATS_TEST_TMPDIR/garbage" /bin/true "$BATS_TEST_TMPDIR/future"; do
		install "$program" "$build/vesseld"
		kill -HUP "$(vesseld_pid)"
		n=$((n + 1))
		wait_until 10 said_times "not reloaded: $build/vesseld cannot take over" $n
	done
	said_times 'this vesseld cannot take over from the running keeper: table version 999, not' 1
	is_state web1 running
	n=$(manager_pid)
	rm "$build/vesseld"
	kill -HUP "$n"
	wait_until 10 said_times "not reloaded: cannot execute $build/vesseld" 1
	[ "$(manager_pid)" = "$n" ]
	install "$real/vesseld" "$build/vesseld"
	run ! runs_file "$(vesseld_pid)" "$build/vesseld"
	kill -HUP "$(vesseld_pid)"
	wait_until 10 runs_file "$(vesseld_pid)" "$build/vesseld"
	wait_until 10 runs_file "$n" "$build/vesseld"
	wait_until 10 is_state web1 running
	[ "$(manager_pid)" = "$n" ]
	[ "$(pid_of web1)" = "$init" ]
	echo word >&7
	exec 7>&-
	wait $client || status_seen=$?
	[ "$status_seen" -eq 6 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "got word" ]
	vessel destroy web1 --force
	build=$real
	restart_from
}

@test "a damaged record makes its VE broken and disturbs nobody else" {
	vessel create good bad --template small
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	cp "$state_dir/ve/bad/config.json" "$BATS_TEST_TMPDIR/saved"
	echo '{"format":1, "uuid"' >"$state_dir/ve/bad/config.json"
	vesseld_run
	is_state bad broken
	is_state good stopped
	[ -n "$(show_json bad .problem)" ]
	run --separate-stderr vessel start bad
	[ "$status" -eq 4 ]
	vessel start good --wait
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	cp "$BATS_TEST_TMPDIR/saved" "$state_dir/ve/bad/config.json"
	vesseld_run
	is_state bad stopped
	is_state good running
	vessel destroy good bad --force
}

@test "config.json edited by hand while vesseld is down is what counts" {
	vessel create web1 --template small --memory 64M
	kill -TERM "$(vesseld_pid)"
	wait_until 10 vesseld_gone "$(vesseld_pid)"
	jq '.settings.memory = "96M" | .note = "kept"' "$state_dir/ve/web1/config.json" >"$BATS_TEST_TMPDIR/new"
	cat "$BATS_TEST_TMPDIR/new" >"$state_dir/ve/web1/config.json"
	vesseld_run
	[ "$(show_json web1 .limits.memory.limit)" -eq $((96 << 20)) ]
	vessel set web1 --description hello
	[ "$(jq -r .note "$state_dir/ve/web1/config.json")" = kept ]
	vessel destroy web1
}

@test "a record that cannot be made durable is an error, and its VE is as before" {
	vessel create web1 --template small --memory 64M --start --wait
	vessel create web2 --template small
	local init keeper tracer
	init=$(pid_of web1)
	keeper=$(vesseld_pid)
	cat "$state_dir"/ve/*/config.json >"$BATS_TEST_TMPDIR/before"
	strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO -p "$keeper" 3>&- &
	tracer=$!
	traced() { ! grep -q '^TracerPid:[[:space:]]0$' "/proc/$keeper/status"; }
	wait_until 10 traced
	run --separate-stderr vessel set web1 --memory 96M
	[ "$status" -eq 1 ]
	[[ $stderr == "vessel: cannot change web1: "*EIO* ]] || return 1
	rm "$run_dir/unsynced" # which would refuse the others before they write
	run --separate-stderr vessel start web2
	[ "$status" -eq 1 ]
	[[ $stderr == "vessel: cannot start web2: "*EIO* ]] || return 1
	rm "$run_dir/unsynced"
	run --separate-stderr vessel create web3 --template small
	[ "$status" -eq 1 ]
	rm "$run_dir/unsynced"
	run --separate-stderr vessel destroy web2
	[ "$status" -eq 1 ]
	kill -INT $tracer
	wait $tracer || true
	[ "$(vessel list -H -o name,state | tr '\t' ' ' | tr -s ' ' | paste -sd,)" = "web1 running,web2 stopped" ]
	cat "$state_dir"/ve/*/config.json | cmp - "$BATS_TEST_TMPDIR/before"
	[ "$(pid_of web1)" = "$init" ]
	[ "$(show_json web1 .limits.memory.limit)" -eq $((64 << 20)) ]
	[ "$(cat "$(cgroup_dir web1 memory)"/memory.@(max|limit_in_bytes))" -eq $((64 << 20)) ]

	# The disk may hold anything now, whatever later syncs say: nothing that counts on it is begun.
	local why="an earlier change may be lost (cannot destroy web2: cannot sync a directory: EIO): see to the disk, \
then remove $run_dir/unsynced"
	refused 1 "vessel: cannot change web1: $why" set web1 --memory 96M
	refused 1 "vessel: cannot start web2: $why" start web2
	refused 1 "vessel: cannot create web3: $why" create web3 --template small
	vessel exec web1 true
	vessel stop web1 --force
	rm "$run_dir/unsynced"
	vessel set web1 --memory 96M
	vessel start web1 web2 --wait
	vessel destroy web1 web2 --force
}

@test "a pid in the run directory is a hint that is proved, not believed" {
	vessel create web1 --template small --start --wait
	local init keeper
	init=$(pid_of web1)
	keeper=$(vesseld_pid)
	sleep 1000 3>&- &
	bystander=$!
	kill -KILL "$keeper"
	wait_until 10 vesseld_gone "$keeper"
	jq -c ".pid = $bystander | .start = $(awk '{ print $22 }' /proc/$bystander/stat)" "$run_dir/ve/web1" >"$BATS_TEST_TMPDIR/hint"
	cat "$BATS_TEST_TMPDIR/hint" >"$run_dir/ve/web1"
	vesseld_run
	is_state web1 running
	[ "$(pid_of web1)" = "$init" ]
	vessel stop web1 --force
	kill $bystander
	vessel destroy web1
}
