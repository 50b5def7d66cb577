# run-agent HOST_DIR AGENT_ID: what the pane of an agent runs. Keeps the exit code of its command, first in stop/codes:
# a look at a stopped container copies out that folder alone.
dir=$1 id=$2
agent=$dir/agents/$id
MNGR_HOST_DIR=$dir
[ ! -f "$dir/ssh/environment.sh" ] || . "$dir/ssh/environment.sh"
. "$agent/env.sh"
export MNGR_HOST_DIR
if mkdir -p -- "$MNGR_WORK_DIR" && cd -- "$MNGR_WORK_DIR"; then
	sh "$agent/command.sh"
	code=$?
else
	code=1
fi
mkdir -p "$dir/stop/codes" && echo "$code" >"$dir/stop/codes/.$id" && mv -f "$dir/stop/codes/.$id" "$dir/stop/codes/$id"
echo "$code" >"$agent/.exit_code"
mv -f "$agent/.exit_code" "$agent/exit_code"
exit "$code"
