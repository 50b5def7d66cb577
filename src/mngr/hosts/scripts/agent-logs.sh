# agent-logs HOST_DIR AGENT_ID BYTES: the end of an agent's log, at most BYTES.
agent=$1/agents/$2
[ -d "$agent" ] || exit 3
cat "$agent/log.1" "$agent/log" 2>/dev/null | tail -c "$3"
