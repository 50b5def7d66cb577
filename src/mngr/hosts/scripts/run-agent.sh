# run-agent HOST_DIR AGENT_ID: what the pane of an agent runs. Notes its processes in agents/AGENT_ID/process (a line "PID
# START PANE" of itself, one "PID START" of the command), pipes the pane into the agent's log, and keeps the exit code of
# the command, first in stop/codes: a look at a stopped container copies out that folder alone.
# What its type says is done before (ready.sh). From the second time on that the command runs it is continue.sh, where there is one.
# The command gets the environment of the shell that started the agent (`shell-env`) and the agent's own; nothing of the
# tmux server's.
dir=$1 id=$2
agent=$dir/agents/$id
if [ "${3:-}" != bare ]; then
	exec env -i "PATH=$PATH" ${HOME+"HOME=$HOME"} ${USER+"USER=$USER"} ${LOGNAME+"LOGNAME=$LOGNAME"} ${SHELL+"SHELL=$SHELL"} \
		${LANG+"LANG=$LANG"} ${LC_ALL+"LC_ALL=$LC_ALL"} ${LC_CTYPE+"LC_CTYPE=$LC_CTYPE"} \
		${TMUX_TMPDIR+"TMUX_TMPDIR=$TMUX_TMPDIR"} "TERM=$TERM" "TMUX=$TMUX" "TMUX_PANE=$TMUX_PANE" \
		${TERM_PROGRAM+"TERM_PROGRAM=$TERM_PROGRAM"} ${TERM_PROGRAM_VERSION+"TERM_PROGRAM_VERSION=$TERM_PROGRAM_VERSION"} \
		"MNGR_AGENT_ID=$id" sh "$0" "$dir" "$id" bare
fi

#include tell
# started: sets `pid` and `at`, of the (sub)shell that asks.
started() {
	read -r stat <"/proc/$1/stat"
	pid=${stat%% *}
	# shellcheck disable=SC2086 # fields
	set -- ${stat##*) }
	at=${20}
}
for file in "$agent/exit_code" "$dir/stop/codes/$id"; do [ ! -e "$file" ] || rm -f "$file"; done
started self
pane=$TMUX_PANE
echo "$pid $at $pane" >"$agent/.process"
mv -f "$agent/.process" "$agent/process"
socket=${TMUX%,*,*} server=${TMUX#"$socket",} server=${server%%,*}
started "$server"
echo "$server $at $socket" >"$dir/agents/.server.$id"
mv -f "$dir/agents/.server.$id" "$dir/agents/.server"
# The log's command is read by sh, after tmux expanded # and %: quote for both.
case $dir in
*[\'#%]*) quoted=$(printf %s "$dir" | sed "s/'/'\\\\''/g; s/#/##/g; s/%/%%/g") ;;
*) quoted=$dir ;;
esac
tmux -S "$socket" set-option -t "$TMUX_PANE" @mngr_agent "$id" \; pipe-pane -t "$TMUX_PANE" "exec sh '$quoted/commands/agent-log.sh' '$quoted' $id"

read -r name <"$agent/session"
# In this order, and neither is waited for by the command, or by who looks how it ended.
(tell "$id" "$name" running) </dev/null >/dev/null 2>&1 &
telling=$!
[ ! -f "$agent/ready.sh" ] || : >"$agent/readying"
(
	started self
	# From here on any variable may be the agent's: only the parameters are ours, host dir, agent id and this process.
	set -- "$dir" "$id" "$pid $at"
	unset dir id agent stat pid at file pane socket server quoted name telling
	if [ -f "$1/agents/$2/shell-env" ]; then
		. "$1/agents/$2/shell-env"
		rm -f "$1/agents/$2/shell-env"
	fi
	MNGR_HOST_DIR=$1
	mngr_drop='' mngr_owner=''
	[ ! -f "$1/user.sh" ] || . "$1/user.sh"
	[ ! -f "$1/ssh/environment.sh" ] || . "$1/ssh/environment.sh"
	. "$1/agents/$2/env.sh"
	export MNGR_HOST_DIR
	# As agent-exec.sh does.
	[ -n "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ] || export LANG=C.UTF-8
	# An agent that isn't root: its terminal and work dir are its own; the tmux server is root's, and out of its reach.
	if [ -n "$mngr_drop" ]; then
		# So are windows that a person opens in its session.
		tmux set-option default-command ". '$1/user.sh'; chown \"\$mngr_owner\" \"\$(tty)\"; exec \$mngr_drop \"\${SHELL:-/bin/sh}\" -l"
		unset TMUX TMUX_PANE
		chown "$mngr_owner" "$(tty)"
		$mngr_drop mkdir -p -- "$MNGR_WORK_DIR" 2>/dev/null ||
			{ mkdir -p -- "$MNGR_WORK_DIR" && chown -h "$mngr_owner" "$MNGR_WORK_DIR"; }
	fi
	mkdir -p -- "$MNGR_WORK_DIR" && cd -- "$MNGR_WORK_DIR" || exit 1
	if [ -f "$1/agents/$2/ready.sh" ]; then
		# Who isn't root can't open these files, which are root's.
		$mngr_drop sh -c 'mngr_script=$(cat <&9) && exec 9<&- && eval "$mngr_script"' sh 9<"$1/agents/$2/ready.sh" 8>"$1/agents/$2/said" || exit
		rm -f "$1/agents/$2/readying"
	fi
	echo "$3" >>"$1/agents/$2/process"
	if [ -f "$1/agents/$2/ran" ] && [ -f "$1/agents/$2/continue.sh" ]; then
		set -- "$1/agents/$2/continue.sh"
	else
		: >"$1/agents/$2/ran"
		set -- "$1/agents/$2/command.sh"
	fi
	[ -n "$mngr_drop" ] || exec sh "$1"
	exec $mngr_drop sh -c 'mngr_script=$(cat <&9) && exec 9<&- && eval "$mngr_script"' sh 9<"$1"
)
code=$?
[ ! -e "$agent/readying" ] || rm -f "$agent/readying"
# Who is attached sees what happened, and what to do: at the pane's end, and in nobody's log.
read -r name <"$agent/session"
said="$name ended (exit code $code): #{prefix} d leaves, mngr start $name runs it again"
if [ -n "$(tmux -S "$socket" show-options -gwv remain-on-exit-format 2>/dev/null)" ]; then
	tmux -S "$socket" set-option -p -t "$pane" remain-on-exit-format "$said"
else # tmux before 3.3
	tmux -S "$socket" set-option -w -t "$pane" pane-border-format " $said " \; \
		set-option -w -t "$pane" pane-border-status bottom
fi 2>/dev/null
# tmux 3.3a at times sees that a pane was closed but not that its process ended, and then draws nothing, until another of
# its children ends: here is one.
tmux -S "$socket" run-shell -b 'sleep 1' 2>/dev/null
mkdir -p "$dir/stop/codes" && echo "$code" >"$dir/stop/codes/.$id" && mv -f "$dir/stop/codes/.$id" "$dir/stop/codes/$id"
echo "$code" >"$agent/.exit_code"
mv -f "$agent/.exit_code" "$agent/exit_code"
wait "$telling"
read -r name <"$agent/session"
trap '' HUP # the terminal goes with this shell, and what tells of it goes on
tell "$id" "$name" 'done' - "$code"
exit "$code"
