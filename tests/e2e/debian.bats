#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The life of a real Debian VE: mmdebstrap's untouched output with systemd as init.

load helpers

setup_file()
{
	vesseld_start
	import_debian
	vessel create deb --template debian-12 --memory 512M
	vessel start deb --wait --timeout 120
}

teardown_file()
{
	vesseld_stop
	host_unchanged
}

in_deb()
{
	vessel exec deb -- "$@"
}

as_user()
{
	vessel exec -u alice deb -- "$@"
}

@test "start --wait returns when systemd says running, asked once" {
	run in_deb systemctl is-system-running
	[ "$output" = running ] || { in_deb systemctl --failed --no-pager >&2; in_deb journalctl -p 4 --no-pager -n 20 >&2; false; }
	[ "$(show_json deb .ready)" != null ]
}

@test "no unit is masked, overridden or failed, and the template is mmdebstrap's own" {
	[ -z "$(in_deb systemctl list-units --failed -q --no-legend)" ]
	[ "$(in_deb systemctl is-active cron ssh dbus systemd-logind | sort -u)" = active ]
	# What is masked or overridden in the VE is so in mmdebstrap's tar.
	local brought found
	brought=$(tar -tvf "$fixtures/debian-12.tar" | sed -nE 's|^l.* \./(.*/systemd/system/.*) -> /dev/null$|/\1|p' | sort)
	found=$(in_deb find /etc/systemd /run/systemd /usr/lib/systemd -path '*/system/*' -lname /dev/null | sort)
	[ "$found" = "$brought" ]
	[ -n "$brought" ] # positive control: Debian masks some of its own
	[ -z "$(in_deb find /etc/systemd/system /run/systemd/system -path '*.d/*.conf')" ]
}

@test "a unit that delays readiness by 3 s delays --wait by 3 s" {
	vessel create slow --template debian-12
	vessel start slow --wait --timeout 120
	vessel exec slow -- sh -c 'printf "[Unit]\nBefore=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sleep 3\n[Install]\nWantedBy=multi-user.target\n" > /etc/systemd/system/slow.service && systemctl -q enable slow'
	vessel restart slow --wait --timeout 120
	run vessel exec slow -- systemctl show slow -p ActiveState -p Result
	[[ "$output" == *ActiveState=inactive* ]] # it has run to its end, so --wait waited for it
	[ "$(vessel exec slow -- systemctl is-system-running)" = running ]
	local us
	us=$(vessel exec slow -- sh -c 'a=$(systemctl show slow -p ExecMainStartTimestampMonotonic --value); b=$(systemctl show slow -p ExecMainExitTimestampMonotonic --value); echo $((b - a))')
	[ "$us" -ge 2800000 ] # systemd notes the start after its fork: late on a busy host
	vessel destroy slow --force
}

@test "an ordinary user made by useradd: ping, sudo with a password, su" {
	in_deb useradd -m -s /bin/bash alice
	echo alice:secret1 | in_deb chpasswd
	echo root:secret2 | in_deb chpasswd
	in_deb adduser --quiet alice sudo || in_deb usermod -aG sudo alice
	as_user ping -c 1 -W 2 127.0.0.1
	run as_user sudo -S -p '' id -u <<<secret1
	[ "$output" = 0 ] || { echo "$output" >&2; false; }
	run as_user sudo -S -p '' -k id -u <<<wrong
	[ "$status" -ne 0 ]
	run as_user su -c 'id -u' root <<<secret2
	[[ "$output" == *0 ]]
}

@test "a file capability works when set inside and when brought by the template, and is what makes it work" {
	in_deb id alice >/dev/null 2>&1 || in_deb useradd -m alice
	# set inside: a copy of a tool that reads what only root may
	in_deb sh -c 'echo hidden > /root/hidden && chmod 700 /root && cp /bin/cat /usr/local/bin/readall && chmod 755 /usr/local/bin/readall'
	run as_user /usr/local/bin/readall /root/hidden
	[ "$status" -ne 0 ]
	in_deb setcap cap_dac_override+ep /usr/local/bin/readall
	[ "$(as_user /usr/local/bin/readall /root/hidden)" = hidden ]
	# brought by the template: with the range of ping sockets closed, only a raw socket is left
	[[ "$(in_deb getcap /usr/bin/ping)" == *cap_net_raw* ]]
	in_deb sh -c 'echo "1 0" > /proc/sys/net/ipv4/ping_group_range'
	as_user ping -q -c 1 -W 2 127.0.0.1
	in_deb cp /usr/bin/ping /usr/local/bin/ping-copy
	[ -z "$(in_deb getcap /usr/local/bin/ping-copy)" ]
	run as_user /usr/local/bin/ping-copy -q -c 1 -W 2 127.0.0.1
	[ "$status" -ne 0 ]
	[[ "$output" == *"not permitted"* ]]
	in_deb sh -c 'echo "0 65535" > /proc/sys/net/ipv4/ping_group_range'
	as_user /usr/local/bin/ping-copy -q -c 1 -W 2 127.0.0.1
}

@test "a crontab fires" {
	echo '* * * * * id -un >fired' | as_user crontab -
	fired() { in_deb grep -qx alice /home/alice/fired; }
	wait_until 75 fired
	as_user crontab -r
}

@test "a service restarts, and the journal is read after a restart of the VE" {
	in_deb systemctl restart cron
	[ "$(in_deb systemctl is-active cron)" = active ]
	in_deb mkdir -p /var/log/journal
	in_deb systemctl restart systemd-journald
	in_deb sh -c 'logger before-the-restart; journalctl --sync'
	local boot
	boot=$(in_deb cat /proc/sys/kernel/random/boot_id)
	vessel restart deb --wait --timeout 120
	# each start is a boot of its own to the journal, and none is the host's
	[ "$(in_deb cat /proc/sys/kernel/random/boot_id)" != "$boot" ]
	[ "$(cat /proc/sys/kernel/random/boot_id)" != "$boot" ]
	in_deb journalctl --no-pager -b -1 | grep before-the-restart
	run in_deb journalctl --no-pager -b 0
	[[ "$output" != *before-the-restart* ]]
	[ "$(in_deb systemctl is-system-running)" = running ]
}

@test "a package with maintainer scripts installs from a local repository" {
	local p=$BATS_TEST_TMPDIR/p
	mkdir -p "$p/DEBIAN" "$p/usr/share/hello-vessel"
	printf 'Package: hello-vessel\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <n@example.org>\nDescription: test\n' >"$p/DEBIAN/control"
	printf '#!/bin/sh\nset -e\nuseradd --system hello-vessel\ninstall -o hello-vessel -d /var/lib/hello-vessel\n' >"$p/DEBIAN/postinst"
	chmod 755 "$p/DEBIAN/postinst"
	dpkg-deb --root-owner-group -b "$p" "$BATS_TEST_TMPDIR/hello-vessel.deb"
	mkdir "$BATS_TEST_TMPDIR/repo" && mv "$BATS_TEST_TMPDIR/hello-vessel.deb" "$BATS_TEST_TMPDIR/repo/"
	(cd "$BATS_TEST_TMPDIR/repo" && dpkg-scanpackages -m . >Packages 2>/dev/null)
	tar -C "$BATS_TEST_TMPDIR" -c repo | in_deb tar -C /srv -x
	in_deb sh -c 'mkdir -p /root/off && mv /etc/apt/sources.list* /root/off/ 2>/dev/null; mkdir -p /etc/apt/sources.list.d; echo "deb [trusted=yes] file:/srv/repo ./" > /etc/apt/sources.list.d/local.list'
	in_deb apt-get -qq update
	in_deb env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install hello-vessel
	[ "$(in_deb stat -c %U /var/lib/hello-vessel)" = hello-vessel ]
}

@test "a second start needs no help: password and key set by the host log in" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key" 2>/dev/null ||
		printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake test\n' >"$BATS_TEST_TMPDIR/key.pub"
	vessel create keyed --template debian-12 --ssh-key "$BATS_TEST_TMPDIR/key.pub" --password - <<<'pass word 1'
	vessel start keyed --wait --timeout 120
	vessel exec keyed -- cat /root/.ssh/authorized_keys | cmp - "$BATS_TEST_TMPDIR/key.pub"
	[ "$(vessel exec keyed -- stat -c '%a %U' /root/.ssh/authorized_keys)" = "600 root" ]
	vessel exec keyed -- useradd -m bob
	run vessel exec -u bob keyed -- su -c 'id -u' root <<<'pass word 1'
	[[ "$output" == *0 ]]
	vessel set keyed --password - <<<'changed2'
	run vessel exec -u bob keyed -- su -c 'id -u' root <<<'changed2'
	[[ "$output" == *0 ]]
	run vessel exec -u bob keyed -- su -c 'id -u' root <<<'pass word 1'
	[[ "$output" != *0 ]]
	vessel destroy keyed --force
}

@test "stopped within 10 s by its own shutdown" {
	in_deb sh -c 'printf "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sh -c \"echo own-shutdown > /root/marker\"\n[Install]\nWantedBy=multi-user.target\n" > /etc/systemd/system/marker.service; systemctl -q enable --now marker'
	local start=$SECONDS
	vessel stop deb
	[ -n "${MACHINE_GUEST:-}" ] || [ $((SECONDS - start)) -le 10 ]
	[ "$(show_json deb .exit.how)" = poweroff ]
	[ "$(cat "$state_dir/ve/deb/disk/upper/root/marker")" = own-shutdown ]
}
