# agent-start HOST_DIR AGENT_ID TMUX_LABEL SESSION WATCH [FRESH] < TAR
# Lays a tar (of commands/ and agents/AGENT_ID/, for a new host host/, the empty file `whole` last) over HOST_DIR and
# starts the agent's tmux session unless it is alive. WATCH=1 also starts the watcher (in a container the entrypoint does that).
# FRESH=1: it begins anew, where its type could go on with its last conversation.
# Prints `alive` once the agent's command runs, `exit CODE` if it has ended by then, `readying` where that takes longer (agent-ready
# waits for it); then what was said while it was made ready. Repeatable. Exit code 3: there is no such agent, or it was removed; 4: another agent, or somebody's session, has its name;
# 6: the host is about to stop itself.
set -eu
#include steps
dir=$1 id=$2 label=$3 session=$4 watch=$5 fresh=${6:-0}
agent=$dir/agents/$id
#include agent-processes
command -v tmux >/dev/null || { echo "tmux isn't installed here" >&2; exit 1; }
doing "make the folders of $dir"
mkdir -p "$dir/agents" "$dir/activity" "$dir/commands" "$dir/stop"
[ -e "$dir/agents/.lock" ] || chmod 700 "$dir/agents" # in a container the entrypoint does
doing "lock $dir/agents"
# A killed client leaves its command running here: the next one waits for it.
exec 8>"$dir/agents/.lock"
flock -w 30 8 || { echo "another mngr is busy with the agents here" >&2; exit 1; }
# One that hasn't stopped within a minute of its decision won't do so soon.
decided=$(stat -c %Y "$dir/stop/reason" 2>/dev/null || true)
age=$(($(date +%s) - ${decided:-0}))
if [ -n "$decided" ] && [ $age -lt 60 ] && [ $age -ge -5 ]; then
	touch "$dir/activity/start" # for the case that it doesn't come to that
	echo "the host is stopping itself" >&2
	exit 6
fi

doing "lay the agent's files into $dir"
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
#include watch-newest
doing 'see which watcher watches'
newest
doing 'look at the tmux server there'
find_server || true
adopt || true
# Another agent may have come by this name since our client looked: names are taken here, under the lock.
#include agent-name
doing "take the name $session"
if taken; then
	rm -rf "$new"
	echo "an agent or a tmux session named $session is there already" >&2
	exit 4
fi
doing "put the agent's files to $agent"
if [ -f "$new/agents/$id/agent.json" ] && [ ! -d "$agent" ]; then
	mv "$new/agents/$id" "$agent"
	touch "$dir/activity/create"
elif [ -f "$new/agents/$id/rules" ] && [ -d "$agent" ]; then
	mv -f "$new/agents/$id/rules" "$agent/rules"
	touch "$agent/rules" # a tar's dates are old, and the watcher reads what is new
fi
rm -rf "$new"
[ -f "$agent/agent.json" ] || { echo "no agent $id here" >&2; exit 3; }

# What the agent gets of this shell's environment. A file, as an argument is everybody's to read; run-agent removes it.
shell_env() {
	unset TERM TERM_PROGRAM TERM_PROGRAM_VERSION TMUX TMUX_PANE STY WINDOWID COLUMNS LINES SHLVL OLDPWD \
		SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_ORIGINAL_COMMAND \
		MNGR_AGENT_ID MNGR_AGENT_NAME MNGR_WORK_DIR MNGR_HOST_DIR MNGR_EXEC
	umask 077
	export -p >"$agent/shell-env"
}
# [lead=exec] bare WORDS…: runs a command that lives longer than we, with nothing of this shell's environment but what no agent minds
# that another one sees.
bare() {
	${lead:-} env -i ${PATH+"PATH=$PATH"} ${HOME+"HOME=$HOME"} ${USER+"USER=$USER"} ${LOGNAME+"LOGNAME=$LOGNAME"} \
		${SHELL+"SHELL=$SHELL"} ${LANG+"LANG=$LANG"} ${LC_ALL+"LC_ALL=$LC_ALL"} ${LC_CTYPE+"LC_CTYPE=$LC_CTYPE"} \
		${TERM+"TERM=$TERM"} ${TMUX_TMPDIR+"TMUX_TMPDIR=$TMUX_TMPDIR"} "$@"
}
#include agent-told

if ! own_alive "$agent"; then
	doing "make $agent ready for a start"
	keep_logs || true
	[ ! -e "$agent/process" ] && [ -z "$(sessions)" ] || end_agent || true
	for file in "$agent/exit_code" "$dir/stop/codes/$id" "$agent/process" "$agent/state" "$agent/began" \
		"$agent/said" "$agent/readying"; do
		[ ! -e "$file" ] || rm -f "$file"
	done
	[ "$fresh" != 1 ] || rm -f "$agent/ran"
	(shell_env)
	# No configuration but what the user hands mngr is read. What a server has from other times, and would end
	# agents, is undone.
	conf=$dir/commands/tmux.conf
	[ -f "$conf" ] || conf=/dev/null
	[ -z "$socket" ] || set -- -S "$socket"
	[ -n "$socket" ] || set -- -L "$label"
	doing 'start the session (tmux)'
	# In a process of its own that holds the lock until the session is there, also when this script is killed.
	(bare tmux -f "$conf" "$@" start-server \; \
		set-option -g remain-on-exit on \; set-option -g destroy-unattached off \; set-option -s exit-unattached off \; \
		set-option -g update-environment MNGR_AGENT_ID \; \
		new-session -d -s "$session" -x 200 -y 50 -e "MNGR_AGENT_ID=$id" sh "$dir/commands/run-agent.sh" "$dir" "$id" \
		>/dev/null 8>&-
	exit $?)
	doing 'see the command run'
	told || {
		rm -f "$agent/shell-env"
		echo "the agent's process was gone as soon as its session had been started" >&2
		exit 1
	}
	rm -f "$agent/shell-env"
else
	echo alive
fi
[ "$watch" = 1 ] || logins 2>/dev/null || true # not where / is read-only
doing "note the start in $dir"
touch "$dir/activity/start" "$agent/busy"
[ ! -e "$agent/half-made" ] || rm -f "$agent/half-made"
if [ "$watch" = 1 ]; then
	(
		lead='exec'
		bare setsid sh "$dir/commands/watch.sh" "$dir" "$label"
	) </dev/null >/dev/null 2>&1 8>&- &
fi
