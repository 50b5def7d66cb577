# run-agent HOST_DIR AGENT_ID: what the pane of an agent runs. Keeps the exit code of its command, first in stop/codes:
# a look at a stopped container copies out that folder alone.
dir=$1 id=$2
agent=$dir/agents/$id
MNGR_HOST_DIR=$dir
mngr_drop='' mngr_owner=''
[ ! -f "$dir/user.sh" ] || . "$dir/user.sh"
[ ! -f "$dir/ssh/environment.sh" ] || . "$dir/ssh/environment.sh"
. "$agent/env.sh"
export MNGR_HOST_DIR
# As agent-exec.sh does.
[ -n "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ] || export LANG=C.UTF-8
# An agent that isn't root: its terminal and work dir are its own; the tmux server is root's, and out of its reach.
if [ -n "$mngr_drop" ]; then
	unset TMUX TMUX_PANE
	chown "$mngr_owner" "$(tty)"
	$mngr_drop mkdir -p -- "$MNGR_WORK_DIR" 2>/dev/null ||
		{ mkdir -p -- "$MNGR_WORK_DIR" && chown -h "$mngr_owner" "$MNGR_WORK_DIR"; }
fi
if mkdir -p -- "$MNGR_WORK_DIR" && cd -- "$MNGR_WORK_DIR"; then
	if [ -z "$mngr_drop" ]; then
		sh "$agent/command.sh"
	else # it can't open the file, which is root's
		$mngr_drop sh -c 'mngr_script=$(cat <&9) && exec 9<&- && eval "$mngr_script"' sh 9<"$agent/command.sh"
	fi
	code=$?
else
	code=1
fi
mkdir -p "$dir/stop/codes" && echo "$code" >"$dir/stop/codes/.$id" && mv -f "$dir/stop/codes/.$id" "$dir/stop/codes/$id"
echo "$code" >"$agent/.exit_code"
mv -f "$agent/.exit_code" "$agent/exit_code"
exit "$code"
