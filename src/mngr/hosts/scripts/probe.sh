# probe HOST_DIR [TMUX_LABEL]: all facts of a host in one go, as NUL-separated key, value pairs.
# Changes nothing. hosts/probe.py reads it.
dir=$1 label=${2:-mngr}
cd "$dir" 2>/dev/null || { printf 'absent\0001\000'; exit 0; }
#include agent-processes
pair() { printf '%s\000%s\000' "$1" "$2"; }
pair now "$(date +%s)"
older='' watched=''
# States are those of a watcher that lives.
if { read -r pid at _ <watch.process; } 2>/dev/null && is_alive "$pid" "$at"; then watched=1; fi
for agent in agents/*/; do
	[ -f "${agent}agent.json" ] || continue
	id=${agent#agents/} id=${id%/}
	pair "agent:$id" "$(cat "${agent}agent.json")"
	[ ! -f "${agent}half-made" ] || pair "half:$id" 1
	[ ! -f "${agent}exit_code" ] || pair "exit:$id" "$(cat "${agent}exit_code")"
	if [ ! -f "${agent}process" ]; then older=1; elif own_alive "$agent"; then
		pair "alive:$id" 1
		[ -z "$watched" ] || [ ! -f "${agent}state" ] || pair "state:$id" "$(head -c 400 "${agent}state")"
	fi
done
pair mtimes "$(stat -c '%Y %n' activity/* agents/*/busy stop/reason stop/ended 2>/dev/null)"
read -r up _ </proc/uptime && read -r first </proc/1/stat
# shellcheck disable=SC2086 # fields
set -- ${first##*) }
pair first "$up ${20:-}"
# Of agents that an older build started, tmux alone knows.
[ -z "$older" ] || pair panes "$(tmux -L "$label" list-panes -a -F '#{pane_dead} #{pane_start_command}' 2>/dev/null)"
[ ! -f idle.conf ] || pair idle "$(cat idle.conf)"
[ ! -s activity/agent ] || pair why "$(head -c 300 activity/agent)"
# In a container: whether its sshd listens.
[ ! -d ssh ] || grep -qs "ssh/sshd_[c]onfig" /proc/[0-9]*/cmdline || pair sshd down
[ ! -f stop/reason ] || pair reason "$(cat stop/reason)"
[ ! -s agents/.untold ] || [ ! -s commands/tell_url ] || pair untold "$(head -c 200 agents/.untold)"
