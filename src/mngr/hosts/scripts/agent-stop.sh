# agent-stop HOST_DIR AGENT_ID TMUX_LABEL SESSION [remove|withdraw]: ends the agent's session and all processes in it.
# Hangup and TERM first, KILL after 5 s. An agent that isn't running is success. Keeps the agent's files; but with
# `remove` they go, too, and so does what a killed client's agent-start would lay there later. `withdraw`: removes an
# agent only while its create hasn't come to its end; exit code 5 if it has, and then nothing is touched. Repeatable.
set -u
dir=$1 id=$2 label=$3 session=$4 then=${5:-}
agent=$dir/agents/$id
[ -z "$then" ] || mkdir -p "$dir/agents" || exit 1
# A start that a killed client left running ends first: its session would come after us.
[ ! -d "$dir/agents" ] || exec 8>"$dir/agents/.lock"
[ ! -d "$dir/agents" ] || flock -w 30 8 || { echo "another mngr is busy with the agents here" >&2; exit 1; }
if [ "$then" = withdraw ] && [ -f "$agent/agent.json" ] && [ ! -e "$agent/half-made" ]; then exit 5; fi
[ -z "$then" ] || : >"$dir/agents/.removed-$id" || exit 1

# All processes of the pane's session or below it, as "PID START_TIME" (a pid may be reused).
members() {
	awk -v root="$pane" 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			if ((getline line < ARGV[i]) <= 0) continue
			close(ARGV[i])
			pid = line; sub(/ .*/, "", pid)
			sub(/^.*\) /, "", line); split(line, f, " ")
			up[pid] = f[2]; sid[pid] = f[4]; at[pid] = f[20]
		}
		for (pid in up) {
			mine = (sid[pid] == root)
			for (p = pid; !mine && p > 1; p = up[p]) if (p == root) mine = 1
			if (mine) print pid, at[pid]
		}
		exit
	}' /proc/[0-9]*/stat
}
alive() {
	printf '%s\n' "$list" | while read -r pid at; do
		now=$(sed 's/^.*) //; /^Z/d' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20)
		[ -n "$at" ] && [ "$now" = "$at" ] && echo "$pid"
	done
}
end_session() {
	owner=$(tmux -L "$label" show-environment -t "=$session" MNGR_AGENT_ID 2>/dev/null || true)
	[ "$owner" = "MNGR_AGENT_ID=$id" ] || return
	pane=$(tmux -L "$label" list-panes -t "=$session:" -F '#{pane_pid}' 2>/dev/null | head -n 1)
	list=$([ -z "$pane" ] || members)
	tmux -L "$label" kill-session -t "=$session"
	[ -n "$list" ] || return
	for pid in $(alive); do kill -TERM "$pid" 2>/dev/null; done
	tries=0
	while [ -n "$(alive)" ] && [ $tries -lt 50 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	# Who is left, or was started meanwhile, is held first: one would start another while the next is killed.
	tries=0
	held=-
	while
		list=$({ printf '%s\n' "$list"; members; } | sort -u)
		left=$(alive)
		[ "$left" != "$held" ] && [ $tries -lt 10 ]
	do
		for pid in $left; do kill -STOP "$pid" 2>/dev/null; done
		held=$left
		tries=$((tries + 1))
	done
	for pid in $left; do kill -KILL "$pid" 2>/dev/null; done
	tries=0
	while [ -n "$(alive)" ] && [ $tries -lt 20 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}
end_session
[ -n "$then" ] || exit 0
# Out of the way first: the watcher and the agent's log may still write there.
rm -rf "$dir"/.gone-*
[ ! -d "$agent" ] || mv "$agent" "$dir/.gone-$id"
rm -rf "$dir/.gone-$id" "$dir/stop/codes/$id" || exit 1
# Who comes later than this doesn't come.
find "$dir/agents" -maxdepth 1 -name '.removed-*' -mmin +1440 -exec rm -f {} + 2>/dev/null
exit 0
