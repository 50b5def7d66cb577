# agent-log HOST_DIR AGENT_ID: takes an agent's output from tmux into its log; keeps the last two parts of 8 MiB.
# dd writes each piece as it comes (head and cat would hold it back), and says how many it read.
umask 077
log=$1/agents/$2/log
while :; do
	said=$(LC_ALL=C dd bs=65536 count=256 2>&1 >>"$log") || exit 0 # the agent was removed
	case $said in "0+0 "* | "") exit 0 ;; esac
	[ "$(stat -c %s "$log")" -lt 8388608 ] || mv -f "$log" "$log.1"
done
