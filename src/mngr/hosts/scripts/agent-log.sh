# agent-log HOST_DIR AGENT_ID: takes an agent's output from tmux into its log; keeps the last two parts of 8 MiB.
umask 077
log=$1/agents/$2/log
size=8388608
while :; do
	at=$(stat -c %s "$log" 2>/dev/null || echo 0)
	head -c $((size - at)) >>"$log"
	[ "$(stat -c %s "$log")" -ge "$size" ] || exit 0
	mv -f "$log" "$log.1"
done
