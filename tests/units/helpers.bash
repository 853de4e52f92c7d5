# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# helpers.bash - vessel as its user has it: installed by `make install`, run by the units of systemd/.
# For the test machine with systemd as its init, which is gone afterwards; this host gets nothing.

load ../e2e/helpers
unset VESSEL_INSTANCE

vessel()
{
	command vessel "$@"
}

# A variable of the build's Makefile, with those in it resolved.
make_variable()
{
	local value
	value=$(sed -n "s/^$1 = //p" "$build/Makefile")
	while [[ $value =~ \$\{([a-z_]+)\} ]]; do
		value=${value//"${BASH_REMATCH[0]}"/$(make_variable "${BASH_REMATCH[1]}")}
	done
	printf '%s' "$value"
}

# Everything where an installation puts files, and /etc. Backups of the user database come and go.
host_files()
{
	find "$(make_variable prefix)" /etc /lib/systemd /usr/lib/systemd /usr/lib/sysusers.d 2>/dev/null |
		grep -vE '^/etc/(\.pwd\.lock|[a-z]+-)$' | sort -u
}

only_on_machine()
{
	[ "$(cat /proc/1/comm)" = systemd ] && [ -n "${MACHINE_GUEST:-}" ] || skip "needs the machine with systemd"
}

# Installs and starts it, with its VEs on the scratch disk. The directory must not be there yet.
install_and_start()
{
	state_on_disk
	host_files >"$BATS_FILE_TMPDIR/files.before"
	make -s -C "$build" install >/dev/null
	start_installed
}

state_on_disk()
{
	local etc
	etc=$(make_variable sysconfdir)/vessel
	mkdir -p "$etc"
	echo '{"state-dir": "/scratch/vessel"}' >"$etc/vessel.json"
}

start_installed()
{
	systemd-sysusers
	systemctl daemon-reload
	systemctl enable --now vessel-keeper vesseld
}

main_pid()
{
	systemctl show -p MainPID --value "$1"
}

# A line for each VE: init's pid and start time, the same as long as it is the same life.
init_of()
{
	vessel show --json "$@" | jq -r '.[].pid' | while read -r pid; do
		start_of "$pid"
	done
}

start_of()
{
	awk '{ print $1, $22 }' "/proc/$1/stat"
}

units_active()
{
	[ "$(systemctl is-active vessel-keeper vesseld | sort -u)" = active ]
}

# What the units say goes to a file that outlives the machine.
log_to_disk()
{
	local unit
	for unit in vessel-keeper vesseld vessel-guests; do
		mkdir -p "/run/systemd/system/$unit.service.d"
		printf '[Service]\nStandardError=append:/scratch/vesseld.log\n' >"/run/systemd/system/$unit.service.d/log.conf"
	done
}
