# agent-stop HOST_DIR AGENT_ID TMUX_LABEL SESSION [remove|withdraw]: ends the agent's sessions and all its processes.
# Hangup and TERM first, KILL after 5 s. An agent that isn't running is success. Keeps the agent's files; but with
# `remove` they go, too, and so does what a killed client's agent-start would lay there later. `withdraw`: removes an
# agent only while its create hasn't come to its end; exit code 5 if it has, and then nothing is touched. Repeatable.
set -u
#include steps
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3 name=$4 then=${5:-}
agent=$dir/agents/$id
doing "make $dir/agents"
[ -z "$then" ] || mkdir -p "$dir/agents" || exit 1
doing "lock $dir/agents"
# A start that a killed client left running ends first: its session would come after us.
[ ! -d "$dir/agents" ] || exec 8>"$dir/agents/.lock"
[ ! -d "$dir/agents" ] || flock -w 30 8 || { echo "another mngr is busy with the agents here" >&2; exit 1; }
if [ "$then" = withdraw ] && [ -f "$agent/agent.json" ] && [ ! -e "$agent/half-made" ]; then exit 5; fi
doing "mark the agent as removed in $dir/agents"
[ -z "$then" ] || : >"$dir/agents/.removed-$id" || exit 1

#include agent-processes
#include tell

# The agent itself may have asked for this: its terminal goes, and this script goes on.
trap '' HUP TERM INT PIPE
doing 'end its sessions and processes'
find_server
adopt
[ -n "$then" ] || keep_logs
if [ -e "$agent/process" ] && [ ! -e "$agent/exit_code" ]; then was_on=1; else was_on=''; fi
end_agent all
if [ -f "$agent/ends.sh" ]; then
	doing 'run what its type ends it with'
	(
#include agent-environment
		# Who isn't root can't open the file, which is root's.
		# shellcheck disable=SC2154 # agent-environment sets them
		exec timeout -k 2 10 $mngr_drop sh -c 'mngr_script=$(cat <&9) && exec 9<&- 8>&- && eval "$mngr_script"' sh \
			9<"$mngr_agent/ends.sh" </dev/null >/dev/null
	) || true
fi
[ ! -e "$agent/process" ] || rm -f "$agent/process"
if [ -z "$then" ]; then
	[ -z "$was_on" ] || [ -e "$agent/exit_code" ] || tell "$id" "$name" stopped
	exit 0
fi
doing "remove $agent"
[ -f "$agent/agent.json" ] && was_on=1 || was_on=''
# Out of the way first: the watcher and the agent's log may still write there.
rm -rf "$dir"/.gone-*
[ ! -d "$agent" ] || mv "$agent" "$dir/.gone-$id"
rm -rf "$dir/.gone-$id" "$dir/stop/codes/$id" || exit 1
[ -z "$was_on" ] || tell "$id" "$name" removed
# Who comes later than this doesn't come.
find "$dir/agents" -maxdepth 1 -name '.removed-*' -mmin +1440 -exec rm -f {} + 2>/dev/null
exit 0
