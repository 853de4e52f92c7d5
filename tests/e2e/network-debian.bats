#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A real Debian on the network, as its owner uses it: packages from outside, names, a web server
# behind a published port, ssh.

load helpers
load network

patience=60
[ -z "${MACHINE_GUEST:-}" ] || patience=300

setup_file()
{
	network_start
	import_debian
	# An outside that serves names and packages.
	nsenter --net="/run/netns/$outside" python3 "$here/outside.py" "$out4" "$out6" "$fixtures/repository" \
		>"$BATS_FILE_TMPDIR/outside" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/outside.pid"
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/key"
	vessel create deb --template debian-12 --memory 512M --dns "$out4,$out6" --search example.org \
		--ssh-key "$BATS_FILE_TMPDIR/key.pub" --publish 8080:80
	vessel start deb --wait --timeout 120
}

teardown_file()
{
	kill "$(cat "$BATS_FILE_TMPDIR/outside.pid")" || true
	network_stop
	host_unchanged
}

in_deb()
{
	vessel exec deb -- "$@"
}

@test "systemd runs, and the guest finds address, routes, names and name servers in place" {
	[ "$(in_deb systemctl is-system-running)" = running ]
	in_deb grep -qx "nameserver $out4" /etc/resolv.conf
	in_deb grep -qx "nameserver $out6" /etc/resolv.conf
	in_deb grep -qx "search example.org" /etc/resolv.conf
	[ "$(in_deb getent ahosts deb | awk '{ print $1 }' | sort -u | xargs)" = "$(show_json deb '.net[0].address | sort | join(" ")')" ]
	in_deb getent hosts localhost
	in_deb ping -c 1 -W 10 "$out4"
	in_deb ping -c 1 -W 10 "$out6"
}

@test "apt updates and installs a web server by name, over both families" {
	[ "$(in_deb getent ahostsv4 packages | awk 'NR == 1 { print $1 }')" = "$out4" ] # by search
	[ "$(in_deb getent ahostsv6 packages.example.org | awk 'NR == 1 { print $1 }')" = "$out6" ]
	in_deb sh -c 'mkdir -p /root/off && mv /etc/apt/sources.list* /root/off/ 2>/dev/null; mkdir -p /etc/apt/sources.list.d
		echo "deb [trusted=yes] http://packages.example.org/ ./" >/etc/apt/sources.list.d/local.list'
	in_deb apt-get -qq -o Acquire::ForceIPv6=true update
	in_deb apt-get -qq -o Acquire::ForceIPv4=true update
	in_deb env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install nginx-light
	[ "$(in_deb systemctl is-active nginx)" = active ]
	# The outside has seen the host: VEs' addresses are private.
	grep -q "^$host6 GET" "$BATS_FILE_TMPDIR/outside"
	grep -q "^$host4 GET" "$BATS_FILE_TMPDIR/outside"
	run ! grep -E "^$(address deb 4) " "$BATS_FILE_TMPDIR/outside"
}

@test "the web server answers through the published port, at its own address, and within" {
	local url
	in_deb sh -c 'echo from-the-VE >/var/www/html/index.html'
	for url in "http://$host4:8080/" "http://[$host6]:8080/" \
		"http://$(address deb 4)/" "http://[$(address deb 6)]/"; do
		[ "$(place outside curl -gsS --max-time 10 --noproxy '*' "$url")" = from-the-VE ]
		[ "$(place host wget -qO- -T 10 --no-proxy "$url")" = from-the-VE ]
	done
	in_deb grep -F "$out4 - - " /var/log/nginx/access.log # the peer's own address
	in_deb grep -F "$out6 - - " /var/log/nginx/access.log
	run ! place outside curl -gsS --max-time 2 --noproxy '*' "http://$host4:80/"
}

@test "ssh leads into its own sshd, and not without the key" {
	local ip words=(-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
		-o LogLevel=ERROR -o ConnectTimeout=20 -F /dev/null)
	for ip in "$(address deb 4)" "$(address deb 6)"; do
		run place outside ssh "${words[@]}" -i "$BATS_FILE_TMPDIR/key" "root@$ip" hostname
		[ "$output" = deb ]
	done
	run ! place outside ssh "${words[@]}" -o IdentitiesOnly=yes -i /nowhere "root@$ip" hostname
}

@test "a restart brings the same addresses, and the guest's own files of them" {
	local addresses
	addresses=$(show_json deb '.net[0].address')
	vessel set deb --dns "$out4"
	in_deb sh -c 'echo "192.0.2.77 of-the-guest" >>/etc/hosts'
	vessel restart deb --wait --timeout 120
	[ "$(show_json deb '.net[0].address')" = "$addresses" ]
	in_deb grep -qx "nameserver $out4" /etc/resolv.conf
	run ! in_deb grep -qx "nameserver $out6" /etc/resolv.conf
	in_deb grep -qx "192.0.2.77 of-the-guest" /etc/hosts
	served() { [ "$(place outside curl -gsS --max-time 10 --noproxy '*' "http://$host4:8080/")" = from-the-VE ]; }
	wait_until "$patience" served
}
