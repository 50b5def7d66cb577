# agent-logs HOST_DIR AGENT_ID BYTES [raw]: the end of an agent's log, at most BYTES: as a terminal showed it, without any
# control sequence; or what was written to it (raw). A tmux of its own is that terminal, as wide as an agent's.
# Exit code 3: there is no such agent.
agent=$1/agents/$2 bytes=$3 raw=${4-}
[ -d "$agent" ] || exit 3
both() { cat "$agent/log.1" "$agent/log" 2>/dev/null; }
if [ -n "$raw" ]; then
	both | tail -c "$bytes"
	exit
fi
# What is shown may be much less than what was written: progress bars, screens drawn over and over.
most=$((bytes > 4194304 ? bytes : 4194304))
tmp=$(mktemp -d) || exit 1
terminal() { tmux -u -f /dev/null -S "$tmp/tmux" "$@" 2>/dev/null; }
trap 'terminal kill-server; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
both | tail -c "$most" >"$tmp/log"
# At the end the log's last sequence is cut off, and the title set: then all before it has been drawn.
end=mngr-end-$$
terminal start-server \; set-option -g history-limit 200000 \; set-option -g default-terminal screen-256color \; \
	set-option -g status off \; \
	new-session -d -x 200 -y 50 sh -c 'stty raw -echo; cat "$1"; printf "\030\033\\\\\033]2;%s\007" "$2"; exec sleep 60' log "$tmp/log" "$end" || exit 1
tries=0
until [ "$(terminal display-message -p '#{pane_title}')" = "$end" ]; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || exit 1
	sleep 0.02
done
terminal capture-pane -p -J -S - -E - | sed 's/ *$//' | awk '/^$/ { empty++; next } { while (empty > 0) { print ""; empty-- } print }' | tail -c "$bytes"
