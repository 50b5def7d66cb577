# agent-start HOST_DIR AGENT_ID TMUX_LABEL SESSION WATCH < TAR
# Lays a tar (of commands/ and agents/AGENT_ID/, for a new host host/, the empty file `whole` last) over HOST_DIR and
# starts the agent's tmux session unless it is alive. WATCH=1 also starts the watcher (in a container the entrypoint does that).
# Repeatable. Exit code 3: there is no such agent, or it was removed; 4: another agent, or somebody's session, has its name;
# 6: the host is about to stop itself.
set -eu
dir=$1 id=$2 label=$3 session=$4 watch=$5
agent=$dir/agents/$id
command -v tmux >/dev/null || { echo "tmux isn't installed here" >&2; exit 1; }
mkdir -p "$dir/agents" "$dir/activity" "$dir/commands" "$dir/stop"
[ -e "$dir/agents/.lock" ] || chmod 700 "$dir/agents" # in a container the entrypoint does
# A killed client leaves its command running here: the next one waits for it.
exec 8>"$dir/agents/.lock"
flock -w 30 8 || { echo "another mngr is busy with the agents here" >&2; exit 1; }
# One that hasn't stopped within a minute of its decision won't do so soon.
decided=$(stat -c %Y "$dir/stop/reason" 2>/dev/null || true)
if [ -n "$decided" ] && [ $(($(date +%s) - decided)) -lt 60 ]; then
	touch "$dir/activity/start" # for the case that it doesn't come to that
	echo "the host is stopping itself" >&2
	exit 6
fi

new=$dir/.new-$id
[ ! -e "$new" ] || rm -rf "$new"
mkdir -m 700 "$new"
# Without its last entry the tar was cut short: its sender was killed, or the connection broke. Or the disk is full.
said=$(tar -xf - -C "$new" 2>&1) && [ -f "$new/whole" ] || {
	rm -rf "$new"
	printf '%s\n' "${said:-the connection broke}" "the agent's files didn't arrive whole in $dir" >&2
	exit 1
}
if [ -e "$dir/agents/.removed-$id" ] && [ ! -f "$agent/agent.json" ]; then
	rm -rf "$new"
	echo "agent $id was removed" >&2
	exit 3
fi
if [ -d "$new/host" ]; then
	sync "$new"/host/* "$new"/commands/*
	mv -f "$new"/host/* "$dir"
fi
[ ! -d "$new/commands" ] || mv -f "$new"/commands/* "$dir/commands/"
alive=$(tmux -L "$label" list-panes -t "=$session:" -F '#{pane_dead}' 2>/dev/null || true)
owner=$([ -z "$alive" ] || tmux -L "$label" show-environment -t "=$session" MNGR_AGENT_ID 2>/dev/null || true)
# Another agent may have come by this name since our client looked: names are taken here, under the lock.
taken() {
	[ -z "$alive" ] || [ "$owner" = "MNGR_AGENT_ID=$id" ] || return 0
	[ ! -d "$agent" ] || return 1
	for other in "$dir"/agents/*/; do
		[ -f "$other/session" ] && [ ! -e "$other/half-made" ] || continue
		read -r name <"$other/session"
		[ "$name" != "$session" ] || return 0
	done
	return 1
}
if taken; then
	rm -rf "$new"
	echo "an agent or a tmux session named $session is there already" >&2
	exit 4
fi
if [ -d "$new/agents/$id" ] && [ ! -d "$agent" ]; then
	mv "$new/agents/$id" "$agent"
	touch "$dir/activity/create"
fi
rm -rf "$new"
[ -f "$agent/agent.json" ] || { echo "no agent $id here" >&2; exit 3; }

if [ "$alive" != 0 ]; then
	[ -z "$alive" ] || tmux -L "$label" kill-session -t "=$session"
	for code in "$agent/exit_code" "$dir/stop/codes/$id"; do [ ! -e "$code" ] || rm -f "$code"; done
	# The pane's log command is read by sh, after tmux expanded # and %: quote for both.
	case $dir in
	*[\'#%]*) quoted=$(printf %s "$dir" | sed "s/'/'\\\\''/g; s/#/##/g; s/%/%%/g") ;;
	*) quoted=$dir ;;
	esac
	# In a process of its own that holds the lock until the session is there, also when this script is killed.
	(env -u TMUX -u TMUX_PANE -u MNGR_EXEC tmux -L "$label" start-server \; \
		set-option -g remain-on-exit on \; set-option -g history-limit 20000 \; \
		set-option -g default-terminal screen-256color \; \
		new-session -d -s "$session" -x 200 -y 50 -e "MNGR_AGENT_ID=$id" sh "$dir/commands/run-agent.sh" "$dir" "$id" \; \
		pipe-pane -t "=$session:" "exec sh '$quoted/commands/agent-log.sh' '$quoted' $id" >/dev/null 8>&-
	exit $?)
fi
touch "$dir/activity/start" "$agent/busy"
[ ! -e "$agent/half-made" ] || rm -f "$agent/half-made"
if [ "$watch" = 1 ]; then
	setsid sh "$dir/commands/watch.sh" "$dir" "$label" </dev/null >/dev/null 2>&1 8>&- &
fi
