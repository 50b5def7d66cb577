# agent-remove HOST_DIR AGENT_ID: removes the files of an agent that was stopped before. Repeatable.
set -eu
rm -rf "$1/agents/$2"
