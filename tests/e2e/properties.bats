#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Properties that no other file holds, each with the same probe where it must succeed.

load helpers

setup_file()
{
	vesseld_start
	import_busybox
	vessel create a b --template small --start --wait
	for ve in a b; do
		give_probe $ve
	done
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

give_probe()
{
	vessel exec "$1" -- sh -c 'cat > /root/probe; chmod 755 /root/probe' <"$fixtures/property"
}

probe()
{
	local ve=$1
	shift
	vessel exec -n "$ve" -- /root/probe "$@"
}

# Starts a probe in the background and waits for its first word.
probe_begin()
{
	local ve=$1 out=$BATS_TEST_TMPDIR/begun
	shift
	: >"$out"
	vessel exec -n "$ve" -- /root/probe "$@" >"$out" 2>&1 3>&- &
	begun=$!
	wait_until 10 test -s "$out"
}

# A VE whose root the test has prepared on the host's side, from stdin.
prepared()
{
	vessel create "$1" --template small
	(cd "$state_dir/ve/$1/disk/upper" && sh -eu)
}

@test "no inode is shared: locks and watches on a device end at the VE" {
	local file
	for file in /dev/null /dev/urandom /proc/interrupts; do
		probe_begin a lock $file 30
		run probe a lock $file # positive control
		[ "$status" -eq 1 ]
		probe b lock $file
		kill $begun
		vessel exec a -- sh -c 'kill $(pidof probe)' || true
	done
	probe_begin a watch /dev/null 3
	vessel exec -n b -- sh -c 'for i in 1 2 3; do echo > /dev/null; done'
	status=0
	wait $begun || status=$?
	[ "$status" -eq 1 ] || { cat "$BATS_TEST_TMPDIR/begun" >&2; false; }
	probe_begin a watch /dev/null 10
	vessel exec -n a -- sh -c 'echo > /dev/null'
	wait $begun
}

@test "cgroups inside a VE are bounded in number and depth" {
	local made
	made=$(vessel exec -n a -- sh -c '
		cd /sys/fs/cgroup && mkdir many && cd many
		mkdir $(seq 3000) 2>/dev/null
		ls -d [0-9]* | wc -l
		rmdir [0-9]* ../many')
	[ "$made" -gt 1000 ] # positive control
	[ "$made" -lt 2048 ] || { echo "$made" >&2; false; }
	made=$(vessel exec -n a -- sh -c '
		cd /sys/fs/cgroup && mkdir -p d/$(seq -s / 100) 2>/dev/null
		find d -type d | wc -l
		find d -depth -type d -exec rmdir {} \;')
	[ "$made" -gt 10 ]
	[ "$made" -lt 32 ] || { echo "$made" >&2; false; }
}

@test "a VE that has used up its cgroups keeps out neither exec nor the console" {
	local dir cgroup
	vessel create full --template small --start --wait
	dir=$(cgroup_dir full none)
	# Both are there before the guest can take their place.
	[ -d "$dir/host" ]
	[ "$(stat -c %u "$dir/guest/.vessel")" = "$(stat -c %u "$dir/guest")" ]
	[ "$(stat -c %u "$dir/host")" = 0 ]
	vessel exec -n full -- sh -c 'cd /sys/fs/cgroup && mkdir many && cd many && ! mkdir $(seq 3000) 2>/dev/null'
	run mkdir "$dir/more" # positive control
	[ "$status" -ne 0 ]
	for cgroup in /.vessel /; do
		[ "$(vessel exec -n full -- sed -n 's/^0:://p' /proc/self/cgroup)" = $cgroup ]
		# And now without the leaf, in whose place the guest puts one of its own.
		vessel exec -n full -- sh -c 'cd /sys/fs/cgroup && echo $$ > many/1/cgroup.procs &&
			{ rmdir .vessel 2>/dev/null && mkdir many/last || true; }'
	done
	[ ! -e "$dir/guest/.vessel" ]
	vessel destroy full --force --yes
	[ ! -e "$dir" ]
}

@test "a VE cannot move its own limits" {
	vessel exec -n a -- sh -c 'mkdir /sys/fs/cgroup/own && rmdir /sys/fs/cgroup/own' # positive control
	local file
	for file in pids.max memory.max cpu.max cgroup.max.descendants; do
		vessel exec -n a -- test -e /sys/fs/cgroup/$file || continue
		run vessel exec -n a -- sh -c "echo max > /sys/fs/cgroup/$file"
		[ "$status" -ne 0 ] || { echo "$file" >&2; false; }
	done
}

@test "a directory of the host does not enter as a descriptor, a file does" {
	run vessel exec a -- cat <"$fixtures"
	[ "$status" -eq 125 ]
	[[ "$output" == *"a directory of the host may not enter"* ]] || { echo "$output" >&2; false; }
	[ "$(echo x >"$BATS_TEST_TMPDIR/file" && vessel exec a -- cat <"$BATS_TEST_TMPDIR/file")" = x ]
}

@test "credentials are clean: no inherited or ambient capability, no group, no seccomp hole" {
	local status_of='grep -E "^(CapInh|CapAmb|Groups|NoNewPrivs|Seccomp):" /proc/self/status | tr -s "\t " " " | tr "\n" "|"'
	local want='Groups: 0 |NoNewPrivs: 0|CapInh: 0000000000000000|CapAmb: 0000000000000000|Seccomp: 2|'
	local got
	got=$(vessel exec -n a -- sh -c "$status_of")
	[ "$(tr '|' '\n' <<<"$got" | sort)" = "$(tr '|' '\n' <<<"$want" | sort)" ] || { echo "$got" >&2; false; }
	got=$(vessel exec -n a -- sh -c "${status_of/self/1}")
	[[ "$got" == *"CapInh: 0000000000000000|"* && "$got" == *"Seccomp: 2|"* ]] || { echo "$got" >&2; false; }
	probe a securebits
	# An ordinary user has none at all.
	got=$(vessel exec -n -u 1234 a -- sh -c 'grep -E "^Cap(Prm|Eff):" /proc/self/status')
	[ "$(grep -c 0000000000000000 <<<"$got")" = 2 ] || { echo "$got" >&2; false; }
}

@test "session keyrings: each exec has its own" {
	probe a session-key-make # finds it too: positive control
	run probe a session-key-find
	[ "$status" -ne 0 ]
}

@test "resource limits are the table's, not the daemon's, and a VE's root cannot raise them" {
	local most
	most=$(ulimit -Hn) # a host that gives less is what there is
	[ "$most" != unlimited ] && [ "$most" -lt 65536 ] || most=65536
	[ "$(vessel exec -n a -- sh -c 'ulimit -n; ulimit -Hn; ulimit -Hl; ulimit -Sc' | tr '\n' ' ')" = "1024 $most 8192 0 " ]
	run vessel exec -n a -- sh -c "ulimit -Hn $((most + 1))"
	[ "$status" -ne 0 ]
	vessel exec -n a -- sh -c "ulimit -n $most"
}

@test "oom_score_adj cannot go below what the VE was given" {
	[ "$(cat "/proc/$(pid_of a)/oom_score_adj")" = "$(vessel exec -n a -- cat /proc/self/oom_score_adj)" ]
	vessel exec -n a -- sh -c 'echo 500 > /proc/self/oom_score_adj'
	run vessel exec -n a -- sh -c 'echo -900 > /proc/self/oom_score_adj'
	[ "$status" -ne 0 ]
}

@test "terminals are bounded" {
	vessel create few --template small --ptys 6 --start --wait
	give_probe few
	probe few pty 3
	run probe few pty 7
	[ "$status" -eq 1 ]
	vessel destroy few --force
}

@test "socket families and the ABI that only the kernel's bugs need" {
	probe a netlink 0
	run probe a netlink 9 # NETLINK_AUDIT
	[ "$status" -eq 1 ]
	run probe a netlink 6 # NETLINK_XFRM
	[ "$status" -eq 1 ]
	"$fixtures/property" netlink 6
	run probe a x32
	[ "$status" -eq 1 ]
	# Where the kernel has the 32-bit ABI: AF_UNIX and AF_VSOCK by socketcall(2).
	"$fixtures/property" socketcall 1 || skip "no 32-bit calls here"
	run probe a socketcall 1
	[ "$status" -eq 1 ]
	run probe a socketcall 40
	[ "$status" -eq 1 ]
}

@test "a device node that came with the disk does not open, whatever VE root mounts" {
	prepared nodes <<-'END'
		mknod kmsg c 1 11
		mknod zero c 1 5
		chmod 666 kmsg zero
	END
	vessel start nodes --wait
	give_probe nodes
	run probe nodes open /kmsg
	[ "$status" -eq 1 ]
	vessel exec -n nodes -- mount -o remount,bind,dev /
	probe nodes open /zero # positive control: such nodes do open now
	run probe nodes open /kmsg
	[ "$status" -eq 1 ]
	vessel destroy nodes --force
}

@test "a template whose /dev, /proc or /run is a link leads nowhere" {
	local outside=$BATS_TEST_TMPDIR/outside name
	mkdir "$outside"
	prepared plain </dev/null
	vessel start plain --wait # positive control
	vessel destroy plain --force
	for name in dev proc run; do
		prepared linked <<<"rm -rf $name; ln -s $outside $name"
		run vessel start linked
		[ "$status" -eq 1 ] || { echo "$name: $output" >&2; false; }
		[ -z "$(ls -A "$outside")" ]
		vessel destroy linked --force
	done
}

@test "the runtime executes from a sealed image, and a VE that executes it cannot reach the host's file" {
	# access(2) asks the mount; open(2) would say of any running program that it is busy.
	run test -w "/proc/$(vesseld_pid)/exe"
	[ "$status" -eq 1 ]
	test -w "/proc/$(manager_pid)/exe" # positive control: this one is the file itself
	vessel exec -n a -- sh -c 'printf "#!/proc/self/exe\n" > /root/self; chmod 755 /root/self'
	output=$(vessel exec -n a -- /root/self 2>&1) || true
	[[ "$output" != *"$build"* ]] || { echo "$output" >&2; false; }
}

@test "kernel control files of the host cannot be written" {
	local file
	for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/panic /sys/power/state \
		/sys/kernel/uevent_helper; do
		vessel exec -n a -- test -e $file || continue
		run vessel exec -n a -- sh -c "mount -o remount,rw /sys 2>/dev/null; echo x > $file"
		[ "$status" -ne 0 ] || { echo "$file" >&2; false; }
	done
	vessel exec -n a -- sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward' # positive control: its own
	[ "$(vessel exec -n a -- cat /proc/sys/kernel/domainname)" = "(none)" ]
}

@test "a set-uid file made in a VE is out of reach of a host's user" {
	vessel exec -n a -- sh -c 'cp /bin/busybox /root/suid; chmod 4755 /root/suid'
	local file=$state_dir/ve/a/disk/upper/root/suid
	[ "$(stat -c '%a %u' "$file")" = "4755 0" ] # positive control
	local path
	for path in "$file" "/proc/$(pid_of a)/root/root/suid"; do
		test -e "$path"
		run setpriv --reuid 65534 --regid 65534 --clear-groups test -e "$path"
		[ "$status" -eq 1 ]
	done
}

@test "the daemon refuses a client with an id of a VE" {
	chmod 666 "$run_dir/vessel.sock"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$build/vessel" list >/dev/null # positive control
	run setpriv --reuid "$(show_json a .first_id)" --regid 65534 --clear-groups "$build/vessel" list
	chmod 660 "$run_dir/vessel.sock"
	[ "$status" -eq 6 ] || { echo "$status $output" >&2; false; }
	run in_host grep -c "@.*vessel-$VESSEL_INSTANCE" /proc/net/unix
	[ "$output" = 0 ]
}

@test "words of a VE reach the operator's terminal without control characters" {
	vessel exec -n b -- sh -c 'printf "root:x:0:0::/root:/bin/\033]0;owned\007sh\n" > /etc/passwd'
	run -127 vessel enter b
	[[ "$output" == *owned* ]] || { echo "$output" >&2; false; } # positive control: it is named
	[[ "$output" != *$'\033'* && "$output" != *$'\007'* ]] || { printf '%q\n' "$output" >&2; false; }
}

@test "a flooded notify socket is closed, and the daemon goes on" {
	vessel exec -n a -- /root/probe notify 100 # positive control
	run probe a notify 70000
	vesseld_log | grep -q 'a: floods its notify socket'
	vessel list >/dev/null
}

# At least so many.
reboots()
{
	[ "$(vesseld_log | grep -c 'loops: ended: reboot')" -ge "$1" ]
}

@test "a guest that does nothing but reboot is soon started at most once a second" {
	prepared loops <<-'END'
		printf '#!/bin/sh\nreboot -f\n' > rebooter
		chmod 755 rebooter
	END
	vessel set loops --init /rebooter
	vessel start loops
	wait_until 30 reboots 1
	sleep 3
	run reboots 12
	[ "$status" -ne 0 ] || { vesseld_log | grep -c 'loops: ended: reboot' >&2; false; }
	wait_until 30 reboots 2 # positive control
	vessel stop loops --force
	is_state loops stopped
	vessel destroy loops
}
