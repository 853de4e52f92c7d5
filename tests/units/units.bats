#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# vessel under systemd: whatever happens to its two processes, guests notice nothing.
#
# Two guests, busybox and a whole Debian. In each disturbance both have a program under exec that
# numbers lines on its stdout and on the console, and a client that watches the console.

load helpers

setup_file()
{
	only_on_machine
	install_and_start
	import_busybox
	import_debian
	vessel create a b --template small --start --wait
	vessel create deb --template debian-12 --start --wait --timeout 300
}

guests=(a deb)

# In a shell of its own, which is no leader of a session: opening the console must not make it the
# controlling terminal.
program='(
	i=0
	until [ -e /run/over ]; do
		i=$((i + 1))
		echo "$1 $i."
		{ echo "$1 $i." >/dev/console; } 2>/dev/null
		sleep 0.05
	done
	exit 7
); status=$?; rm /run/over; echo "$1 over"; exit $status'

mark=line-$BATS_TEST_NUMBER
declare -gA exec_pid console_pid count

# numbered FILE N: the lines of this test in it are 1 to N, each once and in order.
numbered()
{
	diff <(grep -aoE "$mark [0-9]+\." "$1") <(seq -f "$mark %.0f." "$2")
}

logged()
{
	vessel log "$1" >"$BATS_TEST_TMPDIR/$1.log"
	numbered "$BATS_TEST_TMPDIR/$1.log" "$2"
}

spoken()
{
	count[$1]=$(grep -cE "$mark [0-9]+\." "$BATS_TEST_TMPDIR/$1.out")
	[ "${count[$1]}" -ge "$2" ]
}

begin()
{
	local ve
	init_of "${guests[@]}" >"$BATS_TEST_TMPDIR/init"
	for ve in "${guests[@]}"; do
		exec vessel console "$ve" </dev/null >"$BATS_TEST_TMPDIR/$ve.watched" 3>&- & # to be signalled
		console_pid[$ve]=$!
		vessel exec -n "$ve" -- sh -c "$program" sh "$mark" \
			>"$BATS_TEST_TMPDIR/$ve.out" 2>"$BATS_TEST_TMPDIR/$ve.err" 3>&- &
		exec_pid[$ve]=$!
	done
	for ve in "${guests[@]}"; do
		wait_until 30 spoken "$ve" 5
	done
}

answers()
{
	units_active && vessel list
}

# The guests as they were, their programs still at work, and then told to end.
go_on()
{
	local ve
	wait_until 30 answers
	init_of "${guests[@]}" | diff "$BATS_TEST_TMPDIR/init" -
	for ve in "${guests[@]}"; do
		spoken "$ve" 1
		wait_until 30 spoken "$ve" $((count[$ve] + 5))
		vessel exec -n "$ve" -- touch /run/over
	done
	for ve in "${guests[@]}"; do
		wait_until 30 grep -q "$mark over" "$BATS_TEST_TMPDIR/$ve.out"
		spoken "$ve" 1
	done
}

# ended PID STATUS
ended()
{
	local status_seen=0
	wait "$1" || status_seen=$?
	[ "$status_seen" -eq "$2" ] || { echo "status $status_seen, not $2" >&2; return 1; }
}

nothing_is_missing()
{
	local ve
	for ve in "${guests[@]}"; do
		ended "${exec_pid[$ve]}" 7
		numbered "$BATS_TEST_TMPDIR/$ve.out" "${count[$ve]}"
		wait_until 20 logged "$ve" "${count[$ve]}"
		wait_until 20 numbered "$BATS_TEST_TMPDIR/$ve.watched" "${count[$ve]}"
		kill -INT "${console_pid[$ve]}"
		ended "${console_pid[$ve]}" 0
	done
}

# Which process a unit is, and which life of it: the 16 random bytes that execve gives each program
# (AT_RANDOM, getauxval(3)).
life_of()
{
	local pid address
	pid=$(main_pid "$1")
	address=$(od -An -v -t u8 -w16 "/proc/$pid/auxv" | awk '$1 == 25 { print $2 }')
	echo "$pid $(dd if="/proc/$pid/mem" iflag=skip_bytes,count_bytes skip="$address" count=16 2>/dev/null |
		od -An -t x1 | tr -d ' ')"
}

# became UNIT LIFE HOW: same; reborn (execve in the same process); new (another process)
became()
{
	local now
	now=$(life_of "$1")
	case $3 in
	same) [ "$now" = "$2" ] ;;
	reborn) [ "${now% *}" = "${2% *}" ] && [ "${now#* }" != "${2#* }" ] && [ -n "${now#* }" ] ;;
	new) [ "${now% *}" != "${2% *}" ] && [ "${now% *}" != 0 ] ;;
	esac
}

# disturb MANAGER KEEPER COMMAND...: what becomes of each by the command.
disturb()
{
	local manager keeper
	begin
	manager=$(life_of vesseld) keeper=$(life_of vessel-keeper)
	"${@:3}"
	wait_until 20 became vesseld "$manager" "$1"
	wait_until 20 became vessel-keeper "$keeper" "$2"
	go_on
	became vesseld "$manager" "$1"
	became vessel-keeper "$keeper" "$2"
}

version_served()
{
	printf '{"method":"org.varlink.service.GetInfo"}\0' | socat - UNIX-CONNECT:/run/vessel/vessel.sock |
		tr -d '\0' | jq -r .parameters.version
}

# Both processes are the file that is installed now, of this version.
both_run()
{
	local unit exe sbin
	sbin=$(make_variable sbindir)
	for unit in vesseld vessel-keeper; do
		exe=/proc/$(main_pid $unit)/exe
		[ "$(stat -Lc %i "$exe")" = "$(stat -c %i "$sbin/vesseld")" ]
		[[ "$(readlink "$exe")" != *deleted* ]] || return 1
		[ "$("$exe" --version)" = "vesseld $1" ]
	done
	[ "$(version_served)" = "$1" ]
}

version_of()
{
	"$1/vesseld" --version | cut -d' ' -f2
}

@test "both units are up, and the sockets belong to their groups" {
	units_active
	[ "$(stat -c '%a %G' /run/vessel/vessel.sock)" = "660 vessel" ]
	[ "$(stat -c '%a %G' /run/vessel/vessel-ro.sock)" = "660 vessel-ro" ]
	both_run "$(version_of "$build")"
}

@test "VEs live in a delegated scope of their own, below no service" {
	[[ "$(cat "/proc/$(pid_of a)/cgroup")" == 0::/vessel.slice/vessel.scope/ve/a/guest* ]] || return 1
	[ "$(systemctl show -p Delegate --value vessel.scope)" = yes ]
}

@test "systemctl restart vesseld: guests, execs, consoles and logs go on" {
	disturb new same systemctl restart vesseld
	nothing_is_missing
}

@test "systemctl kill vesseld: guests, execs, consoles and logs go on" {
	disturb new same systemctl kill vesseld
	nothing_is_missing
}

@test "kill -9 of the manager: guests, execs, consoles and logs go on" {
	disturb new same kill -KILL "$(main_pid vesseld)"
	nothing_is_missing
}

@test "systemctl reload vesseld replaces both in place: guests, execs, consoles and logs go on" {
	disturb reborn reborn systemctl reload vesseld
	nothing_is_missing
}

@test "systemctl reload vessel-keeper replaces the keeper alone: guests, execs, consoles and logs go on" {
	disturb same reborn systemctl reload vessel-keeper
	nothing_is_missing
	# The manager, who was not told of anything, still hears of an end, and how it was.
	vessel stop b --timeout 60
	[ "$(show_json b .exit.how)" = poweroff ]
	vessel start b
}

upgrade()
{
	cp -a --remove-destination "$build-next/stage/." /
	systemctl daemon-reload
	run ! both_run "$(version_of "$build-next")"
	systemctl restart vesseld
	systemctl reload vessel-keeper
}

@test "a new build installed over the running one is taken into use under its guests" {
	disturb new reborn upgrade
	nothing_is_missing
	both_run "$(version_of "$build-next")"
}

downgrade()
{
	install "$build/vesseld" "$(make_variable sbindir)"
	systemctl reload vesseld
}

@test "and the old one again, by reload alone" {
	disturb reborn reborn downgrade
	nothing_is_missing
	both_run "$(version_of "$build")"
}

reload_garbage()
{
	local sbin unit result
	sbin=$(make_variable sbindir)
	cp "$sbin/vesseld" "$BATS_TEST_TMPDIR/good"
	echo garbage >"$BATS_TEST_TMPDIR/garbage"
	install "$BATS_TEST_TMPDIR/garbage" "$sbin/vesseld"
	for unit in vesseld vessel-keeper; do
		result=0
		systemctl reload $unit || result=$?
		[ "$result" -ne 0 ]
		systemctl kill -s HUP --kill-who=main $unit
	done
	said() { [ "$(journalctl -q -t vesseld | grep -c 'not reloaded')" -eq 2 ]; }
	wait_until 20 said
	install "$BATS_TEST_TMPDIR/good" "$sbin/vesseld"
}

@test "what is no vesseld is refused by reload, which says so and leaves both as they were" {
	disturb same same reload_garbage
	nothing_is_missing
}

# But for one gap: the numbers rise by one, from 1 to N.
one_gap()
{
	grep -aoE "$mark [0-9]+\." "$1" | grep -oE '[0-9]+\.$' |
		awk -v last="$2" 'NR == 1 && $1 != 1 { exit 1 }
			NR > 1 && $1 != n + 1 && ($1 <= n || gaps++) { exit 1 }
			{ n = $1 + 0 }
			END { exit n != last }'
}

logged_with_gap()
{
	vessel log "$1" >"$BATS_TEST_TMPDIR/$1.log"
	one_gap "$BATS_TEST_TMPDIR/$1.log" "$2"
}

# vesseld(8), WHEN THE KEEPER IS KILLED.
@test "kill -9 of the keeper: guests and execs go on, what the manual names is lost and no more" {
	local ve
	disturb new new kill -KILL "$(main_pid vessel-keeper)"
	for ve in "${guests[@]}"; do
		ended "${exec_pid[$ve]}" 125
		numbered "$BATS_TEST_TMPDIR/$ve.out" "${count[$ve]}"
		ended "${console_pid[$ve]}" 0
		numbered "$BATS_TEST_TMPDIR/$ve.watched" "$(grep -aoE "$mark [0-9]+\." "$BATS_TEST_TMPDIR/$ve.watched" | wc -l)"
		wait_until 20 logged_with_gap "$ve" "${count[$ve]}"
	done
}

@test "no unit of the guest has failed through all this" {
	[ "$(vessel exec -n deb -- systemctl is-system-running)" = running ]
	[ -z "$(vessel exec -n deb -- systemctl --failed --plain --no-legend)" ]
}

@test "both stopped and started again find the guests running" {
	local init
	init=$(init_of a)
	systemctl stop vesseld vessel-keeper
	[ -d "/proc/${init% *}" ]
	systemctl start vessel-keeper vesseld
	wait_until 20 answers
	[ "$(init_of a)" = "$init" ]
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

@test "uninstall leaves the host as it was before install, and the VEs running" {
	local init
	init=$(init_of deb)
	vessel destroy b --force
	systemctl disable --now vesseld vessel-keeper
	host_files | diff "$BATS_FILE_TMPDIR/files.before" - >"$BATS_TEST_TMPDIR/installed" || true
	grep -qE '/sbin/vesseld$' "$BATS_TEST_TMPDIR/installed" # positive control
	make -s -C "$build" uninstall >/dev/null
	run -127 vessel list
	host_files | diff "$BATS_FILE_TMPDIR/files.before" -
	[ "$(start_of "${init% *}")" = "$init" ]
	[ -d /scratch/vessel/ve/a ]
}
