# agent-logs HOST_DIR AGENT_ID TMUX_LABEL LINES [raw|keep]: what an agent's terminal showed, or (raw) what was written to it: the
# last LINES (0: all there is). `keep`: lays what the session that is about to end has shown beside what former ones have.
# Exit code 3: there is no such agent.
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3 lines=$4 how=${5-}
agent=$dir/agents/$id
umask 077
[ -d "$agent" ] || exit 3
#include agent-processes
both() { cat "$agent/log.1" "$agent/log" 2>/dev/null; }
last() { if [ "$lines" -gt 0 ]; then tail -n "$lines"; else cat; fi; }
if [ "$how" = raw ]; then
	both | last
	exit
fi

# pane: what the agent's own pane shows and has shown. What a program has hidden that took the whole screen comes before it.
# Not the line by which tmux says that the pane's command has ended.
pane() {
	find_server
	own_pane
	[ -n "$pane" ] || return
	set -- -
	if [ "$(ours display-message -p -t "$pane" '#{alternate_on}')" = 1 ]; then
		set -- 0
		{
			[ "$(ours display-message -p -t "$pane" '#{history_size}')" = 0 ] || ours -u capture-pane -p -J -t "$pane" -S - -E -1
			ours -u capture-pane -p -J -a -t "$pane"
		} | written
	fi
	dead=$(ours -u display-message -p -t "$pane" '#{?pane_dead,#{E:remain-on-exit-format},no}' | sed 's/#\[[^]]*\]//g')
	ours -u capture-pane -p -J -t "$pane" -S "$1" -E - | written "${dead:-Pane is dead}"
}
# written [LAST]: the lines that it reads without the blanks at their ends, and at the end; and without LAST there.
written() {
	last=${1-} awk '{ sub(/ +$/, ""); line[NR] = $0 } END {
		for (n = NR; n && line[n] == ""; n--);
		if (n && line[n] == ENVIRON["last"]) for (n--; n && line[n] == ""; n--);
		for (i = 1; i <= n; i++) print line[i]
	}'
}
# replayed: the log, as a tmux of its own shows it: of a session that is gone, and was ended by nobody who could keep it.
replayed() {
	[ -s "$agent/log" ] || return
	tmp=$(mktemp -d) || return
	terminal() { tmux -u -f /dev/null -S "$tmp/tmux" "$@" 2>/dev/null; }
	trap 'terminal kill-server; rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM HUP
	# What is shown may be much less than what was written: progress bars, screens drawn over and over.
	tail -c 4194304 "$agent/log" >"$tmp/log"
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
	terminal capture-pane -p -J -S - -E - | written
}

all() {
	cat "$agent/shown"
	pane || (replayed) || cat "$agent/log"
} 2>/dev/null
if [ "$how" != keep ]; then
	all | last
	exit
fi
most=$(sed -n 's/^log_size=\([1-9][0-9]*\)$/\1/p' "$dir/commands/limits" 2>/dev/null)
most=$((${most:-8} * 1048576))
all | tail -c $most >"$agent/.shown" && both | tail -c $most >"$agent/.log" &&
	mv -f "$agent/.shown" "$agent/shown" && mv -f "$agent/.log" "$agent/log.1" && rm -f "$agent/log"
