# agent-amend HOST_DIR AGENT_ID TMUX_LABEL SESSION FORMER SIZE READ < RECORD: writes an agent's record (of SIZE bytes) anew, if
# READ is the SHA-256 of the present one; its name is SESSION, and was FORMER. Its tmux session gets the name, too, and its next start
# and `mngr exec`; what runs goes on. Repeatable.
# Exit codes: 3 there is no such agent; 4 another agent, or somebody's session, has its name; 5 the present record is another one:
# it is printed.
set -eu
umask 077
#include steps
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3 session=$4 former=$5 size=$6 read=$7
agent=$dir/agents/$id
#include agent-processes
#include agent-name
#include tell
[ -f "$agent/agent.json" ] || exit 3
doing "lock $dir/agents"
exec 8>"$dir/agents/.lock"
flock -w 30 8 || { echo "another mngr is busy with the agents here" >&2; exit 1; }
[ -f "$agent/agent.json" ] || exit 3
doing "compare the record in $agent"
now=$(sha256sum <"$agent/agent.json")
[ "${now%% *}" = "$read" ] || { cat "$agent/agent.json"; exit 5; }
doing "write the record into $agent"
cat >"$agent/.agent.json"
[ "$(wc -c <"$agent/.agent.json")" -eq "$size" ] || { echo "the record was cut short" >&2; exit 1; }
if [ "$session" != "$former" ]; then
	doing "take the name $session"
	find_server || true
	if taken; then
		echo "an agent or a tmux session named $session is there already" >&2
		exit 4
	fi
	doing "give $agent the name $session"
	{ cat "$agent/env.sh" && printf 'export MNGR_AGENT_NAME=%s\n' "$session"; } >"$agent/.env.sh"
	mv -f "$agent/.env.sh" "$agent/env.sh"
	echo "$session" >"$agent/.session"
	mv -f "$agent/.session" "$agent/session"
	doing 'name its session (tmux)'
	for one in $(sessions); do
		[ "$(ours display-message -p -t "$one:" '#{session_name}')" != "$former" ] || ours rename-session -t "$one" "$session"
	done
	if [ -d "$dir/ssh" ]; then # a container
		sed -i "\\,^$former:.*:$agent/shell\$,d" /etc/passwd 2>/dev/null || true
		rm -f "$dir/logins/$former"
		logins 2>/dev/null || true
	fi
fi
# Last, as by this the agent is listed: until then the same can be asked again.
doing "write the record into $agent"
sync "$agent/.agent.json" "$agent/env.sh" "$agent/session"
mv -f "$agent/.agent.json" "$agent/agent.json"
[ "$session" = "$former" ] || tell "$id" "$session" renamed "$former"
