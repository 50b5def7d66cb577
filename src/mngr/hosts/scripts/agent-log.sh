# agent-log HOST_DIR AGENT_ID: takes an agent's output from tmux into its log; keeps the last two parts, each of `log_size` MiB
# (commands/limits) at most.
# dd writes each piece as it comes (head and cat would hold it back), and says how many it read.
umask 077
log=$1/agents/$2/log
while :; do
	most=8
	[ ! -f "$1/commands/limits" ] || while IFS='=' read -r key value; do
		case $key=$value in log_size=*[!0-9]* | log_size=0*) ;; log_size=?*) most=$value ;; esac
	done <"$1/commands/limits"
	# As many pieces of 8 KiB as fill an eighth of it at most; the next part begins when less than that is left.
	pieces=$((most * 16))
	[ $pieces -le 128 ] || pieces=128
	said=$(LC_ALL=C dd bs=8192 count=$pieces 2>&1 >>"$log") || exit 0 # the agent was removed
	case $said in "0+0 "* | "") exit 0 ;; esac
	[ "$(stat -c %s "$log")" -lt $(((most * 128 - pieces) * 8192)) ] || mv -f "$log" "$log.1"
done 2>/dev/null
