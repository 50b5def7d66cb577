# agent-attach HOST_DIR AGENT_ID TMUX_LABEL SESSION: shows an agent's own pane on this terminal, whatever other windows
# and panes there are. A terminal that isn't known here is taken for an xterm.
dir=$1 id=$2 label=$3 session=$4
#include agent-processes
if [ -z "${TERM:-}" ] || { command -v infocmp >/dev/null && ! infocmp "$TERM" >/dev/null 2>&1; }; then
	export TERM=xterm-256color
fi
find_server
pane=''
[ ! -f "$dir/agents/$id/process" ] || read -r _ _ pane <"$dir/agents/$id/process"
# Another pane may have that number by now: of a server that was started since.
[ -z "$pane" ] || [ "$(ours display-message -p -t "$pane" '#{@mngr_agent}' 2>/dev/null)" = "$id" ] || pane=''
[ -n "$pane" ] || pane="=$session"
# -E: the session's environment stays the agent's.
if [ -n "$socket" ]; then exec tmux -S "$socket" attach-session -E -t "$pane"; fi
exec tmux -L "$label" attach-session -E -t "$pane"
