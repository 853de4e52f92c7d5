#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The console: scrollback, several watchers, a log that is bounded and has no gap.

load helpers

setup_file()
{
	vesseld_start
	import_busybox
	vessel create web1 --template small --start --wait
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

teardown()
{
	[ -z "${stuck:-}" ] || kill "$stuck" 2>/dev/null || true
}

# on_console VE UNTIL WORDS...: attaches on a terminal, types each of the words when it has become
# quiet, prints what came until UNTIL was seen; status 99 if that was not within $patience seconds.
patience=15
[ -z "${MACHINE_GUEST:-}" ] || patience=120
on_console()
{
	python3 - "$build/vessel" "$VESSEL_INSTANCE" "$1" "$2" "$patience" "${@:3}" <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--instance", sys.argv[2], "console", sys.argv[3]])
until, end = sys.argv[4].encode(), time.time() + float(sys.argv[5])
typed = [word.encode().decode("unicode_escape").encode() for word in sys.argv[6:]]
seen = b""
while time.time() < end:
    if select.select([fd], [], [], 0.3)[0]:
        try: data = os.read(fd, 65536)
        except OSError: break
        if not data: break
        seen += data
    elif typed:
        os.write(fd, typed.pop(0))
    if not typed and until in seen: break
os.write(fd, b"\x1d")
while True:
    try:
        if not os.read(fd, 65536): break
    except OSError: break
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status) if until in seen else 99)
END
}

@test "what the guest prints is in log" {
	vessel exec web1 -- sh -c 'echo printed-by-guest > /dev/console'
	logged() { vessel log web1 | grep -q printed-by-guest; }
	wait_until 5 logged
	[ "$(vessel log -n 1 web1 | wc -l)" -le 1 ]
}

@test "a watcher gets the scrollback, and Ctrl-] leaves" {
	vessel exec web1 -- sh -c 'echo before-the-watcher > /dev/console'
	run on_console web1 before-the-watcher ''
	[ "$status" -eq 0 ]
}

@test "a shell on the console answers what is typed" {
	run on_console web1 answer-42 '\necho answer-$((6*7))\n'
	[ "$status" -eq 0 ]
}

@test "Ctrl-C interrupts the program on the console, not the VE" {
	local init
	init=$(pid_of web1)
	patience=4 run on_console web1 back-42 '\nsleep 1000\n' 'echo back-$((40+2))\n'
	[ "$status" -eq 99 ] # positive control: it sleeps
	run on_console web1 back-42 '\x03' 'echo back-$((40+2))\n'
	[ "$status" -eq 0 ]
	[ "$(pid_of web1)" = "$init" ]
	is_state web1 running
	# The shell has the terminal, which init must not hold.
	run ! grep -q 'job control turned off' <(vessel log web1)
}

@test "several watchers see the same, and one that does not read disturbs nobody" {
	on_console web1 'to all-2' '' >"$BATS_TEST_TMPDIR/one" &
	on_console web1 'to all-2' '' >"$BATS_TEST_TMPDIR/two" &
	# The third never reads: 512 KiB are more than its socket and its pipe hold.
	mkfifo "$BATS_TEST_TMPDIR/unread"
	exec 8<>"$BATS_TEST_TMPDIR/unread"
	"$build/vessel" console web1 >&8 </dev/zero 3>&- &
	stuck=$!
	sleep 0.5
	# In slices that a watcher's socket holds: those that read have to come to it on a busy host, too.
	vessel exec web1 -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		yes stuffing | head -c 32768 > /dev/console; sleep 0.1
	done; echo to all-$((1+1)) > /dev/console'
	wait %1 %2
	grep -q 'to all-2' "$BATS_TEST_TMPDIR/one"
	grep -q 'to all-2' "$BATS_TEST_TMPDIR/two"
	exec 8>&-
}

# Nobody reads the terminal's output until the client has left: what it has left to say is more than a pty holds.
@test "Ctrl-] leaves a console whose output stands still" {
	vessel exec web1 -- sh -c 'yes standing | head -c 400000 > /dev/console'
	run timeout "$((2 * patience))" python3 - "$build/vessel" "$VESSEL_INSTANCE" <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--instance", sys.argv[2], "console", "web1"])
select.select([fd], [], [])
time.sleep(1)
os.write(fd, b"\x1d")
_, status = os.waitpid(pid, 0)
seen = 0
try:
    while data := os.read(fd, 65536): seen += len(data)
except OSError: pass
print(os.waitstatus_to_exitcode(status), seen)
END
	[ "$status" -eq 0 ]
	[ "${output% *}" -eq 0 ]
	[ "${output#* }" -lt 300000 ] # positive control: there was more to come
}

@test "a signal ends exec whose output stands still" {
	run timeout "$((2 * patience))" python3 - "$build/vessel" "$VESSEL_INSTANCE" <<'END'
import os, pty, select, signal, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--instance", sys.argv[2], "exec", "web1", "--", "head", "-c", "400000", "/dev/zero"])
select.select([fd], [], [])
time.sleep(1)
os.kill(pid, signal.SIGINT)
time.sleep(1)
os.kill(pid, signal.SIGINT)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))
END
	[ "$status" -eq 0 ]
	[ "$output" -eq 130 ]
}

@test "numbered lines have no gap while watchers come and go" {
	"$build/vessel" exec -n web1 -- sh -c '
		i=0
		echo >/dev/console # what stands there may have no end of line
		until [ -e /tmp/enough ]; do
			echo "line $i."; i=$((i+1)); [ $((i % 100)) -gt 0 ] || sleep 0.1
		done >/dev/console
		echo $i' >"$BATS_TEST_TMPDIR/written" 3>&- &
	local writer=$!
	for _ in 1 2 3; do
		on_console web1 'line' >/dev/null
	done
	vessel exec -n web1 -- touch /tmp/enough
	wait $writer
	written=$(cat "$BATS_TEST_TMPDIR/written")
	all_there() { [ "$(vessel log web1 | tr -d '\r' | grep -E '^line [0-9]+\.$')" = "$(seq -f 'line %.0f.' 0 $((written - 1)))" ]; }
	wait_until 10 all_there
}

@test "the log is bounded on disk" {
	vessel exec -n web1 -- sh -c 'yes 0123456789012345678901234567890123456789 | head -c 12000000 > /dev/console'
	sleep 1
	local size
	size=$(cat "$state_dir"/ve/web1/console.log* | wc -c)
	[ "$size" -le $((8 << 20)) ]
	[ "$size" -gt $((3 << 20)) ]
}

@test "log -f follows" {
	vessel log -f -n 0 web1 >"$BATS_TEST_TMPDIR/follow" 3>&- &
	local pid=$!
	sleep 0.5
	vessel exec web1 -- sh -c 'echo followed-line > /dev/console'
	followed() { grep -q followed-line "$BATS_TEST_TMPDIR/follow"; }
	local ok=0
	wait_until 5 followed || ok=1
	pkill -P $pid || true
	kill $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	[ $ok -eq 0 ]
}
