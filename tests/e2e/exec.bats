#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# exec and enter: what goes in, what comes out, how it ends.

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

@test "the exit status is the program's own" {
	for status_wanted in 0 1 3 125 255; do
		run vessel exec web1 -- sh -c "exit $status_wanted"
		[ "$status" -eq "$status_wanted" ]
	done
}

@test "a program ended by a signal is 128 plus its number" {
	run vessel exec web1 -- sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
}

# in_root VE COMMAND: run in the VE, but not from the cgroup that exec puts it in.
in_root()
{
	vessel exec "$1" -- sh -c "echo \$\$ > $cgroup/cgroup.procs && $2"
}

# A FUSE over a directory, and nobody who answers for it.
silent_fuse='exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none'

@test "VEs that let no program in are told in bounded time, hold up nobody, and stop" {
	local cgroup name begun=$SECONDS status_seen=0
	declare -A clients
	vessel create frozen deaf --template small --start --wait
	cgroup=$(vessel exec frozen -- awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	# shellcheck disable=SC2016
	in_root frozen "{ rmdir $cgroup/.vessel; mkdir $cgroup/.vessel; } 2>/dev/null && echo 1 > $cgroup/.vessel/cgroup.freeze"
	in_root deaf "$silent_fuse /etc && { sleep 1000 > /dev/null 2>&1 & }"
	for name in frozen deaf; do
		vessel exec $name -- true 2>"$BATS_TEST_TMPDIR/$name" 3>&- &
		clients[$name]=$!
	done
	vessel create other --template small --start --wait
	vessel exec other -- true
	vessel destroy other --force --yes
	kill -0 "${clients[frozen]}" "${clients[deaf]}" # the other did not wait for them
	for name in frozen deaf; do
		status_seen=0
		wait "${clients[$name]}" || status_seen=$?
		[ "$status_seen" -eq 125 ]
		[ "$(cat "$BATS_TEST_TMPDIR/$name")" = "vessel: cannot run a program in $name: the VE has not let it in for 30 s (a frozen cgroup, or a file system that does not answer)" ]
		vessel stop $name --force
		vessel start $name --wait
		vessel exec $name -- true
		vessel destroy $name --force --yes
	done
	[ $((SECONDS - begun)) -lt 60 ]
}

@test "a program goes in beside threaded cgroups of the guest, and keeps no guest from enabling controllers" {
	local cgroup controller
	vessel create threads --template small --start --wait
	cgroup=$(vessel exec threads -- awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ "$(vessel exec threads -- sed -n 's/^0:://p' /proc/self/cgroup)" = /.vessel ]
	controller=$(vessel exec threads -- cut -d' ' -f1 "$cgroup/cgroup.controllers")
	if [ -n "$controller" ]; then # what systemd does first, with its own processes out of the way
		move() { echo "while read -r pid; do echo \$pid > $cgroup/$2cgroup.procs; done < $cgroup/$1cgroup.procs"; }
		vessel exec threads -- sh -c "mkdir $cgroup/init && $(move "" init/) && echo +$controller > $cgroup/cgroup.subtree_control && echo -$controller > $cgroup/cgroup.subtree_control && $(move init/ "")"
	fi
	in_root threads "mkdir $cgroup/threaded && echo threaded > $cgroup/threaded/cgroup.type"
	vessel exec threads -- true
	[ "$(vessel exec threads -- sed -n 's/^0:://p' /proc/self/cgroup)" = / ]
	vessel destroy threads --force --yes
}

@test "not found is 127, not executable is 126, no such VE is 125" {
	run -127 vessel exec web1 -- /no/such/program
	run vessel exec web1 -- /etc/hosts
	[ "$status" -eq 126 ]
	run vessel exec nobody -- true
	[ "$status" -eq 125 ]
}

@test "stdin, stdout and stderr pass through untouched, also as files" {
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	vessel exec web1 -- cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	cat "$BATS_TEST_TMPDIR/in" | vessel exec web1 -- cat | cmp - "$BATS_TEST_TMPDIR/in"
	run --separate-stderr vessel exec web1 -- sh -c 'echo out; echo err >&2'
	[ "$output" = out ]
	# shellcheck disable=SC2154
	[ "$stderr" = err ]
}

@test "a while read loop keeps its stdin with -n" {
	local seen=
	while read -r line; do
		vessel exec -n web1 -- true
		seen+=$line
	done < <(printf 'a\nb\nc\n')
	[ "$seen" = abc ]
}

@test "a signal to the client reaches the program" {
	vessel exec web1 -- sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
	local pid=$!
	wait_until 5 grep -q ready "$BATS_TEST_TMPDIR/out"
	# The function runs the client as its child.
	kill -TERM "$(pgrep -P $pid || echo $pid)"
	local status_seen=0
	wait $pid || status_seen=$?
	[ "$status_seen" -eq 9 ]
	grep -q got "$BATS_TEST_TMPDIR/out"
}

@test "user, working directory and environment are as asked, from a clean start" {
	vessel exec web1 -- sh -c 'grep -q ^test: /etc/passwd || echo test:x:1000:1000::/home:/bin/sh >> /etc/passwd; grep -q ^test: /etc/group || printf "test:x:1000:\nextra:x:2000:test\n" >> /etc/group'
	[ "$(vessel exec -u test web1 -- id -u)" = 1000 ]
	[ "$(vessel exec -u test web1 -- id -G)" = "1000 2000" ]
	[ "$(vessel exec -u 1234:5678 web1 -- sh -c 'id -u; id -g' | tr '\n' ' ')" = "1234 5678 " ]
	[ "$(vessel exec --cwd /etc web1 -- pwd)" = /etc ]
	[ "$(SECRET=1 vessel exec --env A=b web1 -- sh -c 'echo $A$SECRET')" = b ]
	run vessel exec -u nobody-here web1 -- true
	[ "$status" -eq 125 ]
}

# on_terminal ROWS COLUMNS TYPED COMMAND...: prints all that came, ends as the command does. Not by
# script(1), which leaves with the command and on a busy host without what it said.
on_terminal()
{
	python3 - "$@" <<'END'
import fcntl, os, pty, struct, sys, termios
rows, columns, typed = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
ready, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(ready, 1)
    os.execvp(sys.argv[4], sys.argv[4:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
os.write(go, b".")
os.write(fd, typed.encode())
try:
    while data := os.read(fd, 65536): os.write(1, data)
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

@test "-t gives a terminal of the VE's own with the client's size" {
	run on_terminal 33 77 "" "$build/vessel" exec -t web1 -- sh -c 'tty; stty size'
	[[ "$output" == *"/dev/pts/"* ]]
	[[ "$output" == *"33 77"* ]]
}

@test "Ctrl-C in a terminal ends the program inside, not the client" {
	run python3 - "$build/vessel" "$VESSEL_INSTANCE" <<'END'
import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--instance", sys.argv[2], "exec", "-t", "web1", "--",
                           "sh", "-c", "trap 'echo caught; exit 5' INT; echo go; while :; do sleep 0.1; done"])
seen = b""
def until(word):
    global seen
    end = time.time() + 10
    while word not in seen and time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try: seen += os.read(fd, 4096)
            except OSError: break
    assert word in seen, seen
until(b"go")
os.write(fd, b"\x03")
until(b"caught")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
END
	[ "$status" -eq 5 ]
}

@test "enter gives root's login shell" {
	run on_terminal 24 80 $'echo "shell-$0 $(hostname)"; exit 4\n' "$build/vessel" enter web1
	[ "$status" -eq 4 ]
	[[ "$output" == *"web1"* ]]
}

@test "no descriptor, directory or terminal of the host reaches the program" {
	# The glob is expanded before its directory is closed: only what is still there counts.
	run vessel exec web1 -- sh -c 'for fd in /proc/$$/fd/*; do [ -L $fd ] && echo ${fd##*/}; done; pwd; tty' </dev/null
	[ "$output" = "$(printf '0\n1\n2\n/root\nnot a tty')" ]
	run vessel exec web1 -- cat /proc/self/stat
	[ "$(cut -d' ' -f7 <<<"$output")" -eq 0 ] # no controlling terminal
}

@test "exec in a stopped VE is refused" {
	vessel create cold --template small
	run --separate-stderr vessel exec cold -- true
	[ "$status" -eq 125 ]
	[[ "$stderr" == "vessel: cannot run a program in cold: it is stopped (vessel start cold)" ]]
	vessel destroy cold
}

@test "an open exec ends when the VE is stopped by force" {
	vessel create gone --template small --start --wait
	vessel exec gone -- sleep 100 3>&- &
	local pid=$!
	sleep 0.3
	vessel stop gone --force
	local status_seen=0
	wait $pid || status_seen=$?
	[ "$status_seen" -eq 137 ]
	vessel destroy gone
}
