# agent-remove HOST_DIR AGENT_ID: removes the files of an agent that was stopped before. Repeatable.
set -eu
[ ! -d "$1/agents" ] || exec 8>"$1/agents/.lock"
[ ! -d "$1/agents" ] || flock -w 30 8
# Out of the way first: the watcher and the agent's log may still write there.
rm -rf "$1"/.gone-*
[ ! -d "$1/agents/$2" ] || mv "$1/agents/$2" "$1/.gone-$2"
rm -rf "$1/.gone-$2"
