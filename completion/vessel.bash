# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# vessel.bash - completion for vessel(1). Names come from the running vesseld.

# What may follow the command: options first, then what its words are (ve, template, none, file).
_vessel_rows='
create:none:--template --plan --ssh-key --password --start --wait --timeout SETTINGS
start:ve:--wait --timeout --all
stop:ve:--timeout --force --all
restart:ve:--wait --timeout --all
pause:ve:--all
resume:ve:--all
kill:ve:-s --signal --all
rename:ve:
destroy:ve:--force --yes --all
set:ve:--plan --ssh-key --password --live --all SETTINGS
list:ve:-H --no-header -o --fields -s --sort --state --label --pid --json --all
show:ve:--json --all
exec:ve:-t --terminal -T --no-terminal -n --no-stdin -u --user --cwd --env
enter:ve:
console:ve:
log:ve:-f --follow -n --lines
template:none:
template import:file:--sha256 --replace --squash --max-bytes --max-ratio --max-entries
template build:none:--suite --include --busybox --replace
template list:template:-H --no-header -o --fields -s --sort --json
template show:template:--json
template remove:template:
autostart:none:
shutdown:none:
doctor:none:--json
events:none:-f --follow --json
'
_vessel_settings='--cpus --cpu-weight --memory --swap --pids --ptys --init --hostname --autostart
	--protect --disabled --description --label --stop-timeout --profile --net --ip --dns --search
	--publish --nat --isolate --connections --rate-in --rate-out'
_vessel_global='-h --help -q --quiet --instance --version'
_vessel_fields='name state ip template cpus memory pids started addresses autostart busy bytes-in bytes-out
	cgroup connections cpu-weight created description disabled dns exit first-id host-interface
	hostname init isolate label layers mac nat net pending pid plan problem profile protect publish
	ptys rate-in rate-out ready search stop-timeout swap uuid'
_vessel_template_fields='name size files ves created problem layers used-by'

_vessel_ask()
{
	vessel ${_vessel_instance:+--instance "$_vessel_instance"} "$@" 2>/dev/null
}

_vessel_reply()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Values of the option before the cursor. Returns 1 if it takes none that we know.
_vessel_value()
{
	case $1 in
	--template) _vessel_reply "$(_vessel_ask template list -H -o name)" ;;
	--ssh-key) compopt -o default ;;
	--password) _vessel_reply - ;;
	--autostart) _vessel_reply 'no yes last' ;;
	--protect | --disabled | --nat | --isolate) _vessel_reply 'yes no' ;;
	--profile) _vessel_reply 'default nesting' ;;
	--net) _vessel_reply 'routed none' ;;
	--ip) _vessel_reply 'auto none' ;;
	--dns) _vessel_reply 'host none' ;;
	--state) _vessel_reply 'stopped starting running paused stopping broken' ;;
	-s | --signal | -o | --fields | --sort)
		case $command in
		list) _vessel_reply "$_vessel_fields" ;;
		'template list') _vessel_reply "$_vessel_template_fields" ;;
		*) _vessel_reply 'TERM HUP INT QUIT KILL USR1 USR2 STOP CONT' ;;
		esac
		;;
	--instance | --plan | --timeout | --label | --pid | --sha256 | --max-* | --suite | --include | \
		--user | -u | --cwd | --env | --lines | --cpus | --cpu-weight | --memory | --swap | \
		--pids | --ptys | --init | --hostname | --description | --stop-timeout | --search | \
		--publish | --connections | --rate-in | --rate-out) ;;
	*) return 1 ;;
	esac
}

_vessel()
{
	local cur prev command='' row words options kind i _vessel_instance=''
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--instance) _vessel_instance=${COMP_WORDS[++i]} ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			if [ "$command" = template ] && ((i + 1 < COMP_CWORD)); then
				command="template ${COMP_WORDS[++i]}"
			fi
			break
			;;
		esac
	done
	_vessel_value "$prev" && return
	if [ -z "$command" ]; then
		words=$(printf '%s' "$_vessel_rows" | cut -d: -f1 | cut -d' ' -f1)
		_vessel_reply "$words $_vessel_global"
		return
	fi
	if [ "$command" = template ]; then
		_vessel_reply 'import build list show remove'
		return
	fi
	row=$(printf '%s' "$_vessel_rows" | grep "^$command:") || return
	kind=${row#*:}
	options=${kind#*:}
	kind=${kind%%:*}
	options=${options/SETTINGS/$_vessel_settings}
	case $cur in
	-*) _vessel_reply "$options $_vessel_global" ;;
	*)
		case $kind in
		ve) _vessel_reply "$(_vessel_ask list -H -o name)" ;;
		template) _vessel_reply "$(_vessel_ask template list -H -o name)" ;;
		file) compopt -o default ;;
		esac
		;;
	esac
}

complete -F _vessel vessel
