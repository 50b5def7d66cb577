# agent-ready HOST_DIR AGENT_ID TMUX_LABEL SECONDS: waits, at most so long, until an agent that was started has been made ready, and
# prints what agent-start does: `alive`, `exit CODE`, or still `readying`. Looks only, and holds no lock.
set -eu
#include steps
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3 limit=$4
agent=$dir/agents/$id
#include agent-processes
#include agent-told
doing "wait until the agent is made ready"
end=$(($(date +%s) + limit))
while [ -f "$agent/readying" ] && [ ! -f "$agent/exit_code" ] && own_alive "$agent" && [ "$(date +%s)" -lt $end ]; do
	sleep 0.1
done
told || {
	echo "the agent's process is gone" >&2
	exit 1
}
