# agent-attach HOST_DIR AGENT_ID TMUX_LABEL SESSION: shows an agent's own pane on this terminal, whatever other windows
# and panes there are. A terminal that isn't known here is taken for an xterm, and for one that shows all of Unicode,
# whatever the locale is. When the last one leaves, the windows get back the size that they were made with
# (agent-start.sh): what the agent prints then isn't cut to a terminal that is gone.
# shellcheck disable=SC2034 # the included part uses dir and id
dir=$1 id=$2 label=$3 session=$4
#include agent-processes
if [ -z "${TERM:-}" ] || { command -v infocmp >/dev/null && ! infocmp "$TERM" >/dev/null 2>&1; }; then
	export TERM=xterm-256color
fi
find_server
own_pane
[ -n "$pane" ] || pane="=$session"
# Sized by hand since the last one left: from now on by who looks.
for window in $(ours list-windows -t "=$session" -F '#{window_id}' 2>/dev/null); do
	ours set-option -w -u -t "$window" window-size 2>/dev/null
done
if [ -n "$socket" ]; then set -- -S "$socket"; else set -- -L "$label"; fi
# -E: the session's environment stays the agent's.
exec tmux -u "$@" \
	set-hook -t "=$session:" client-detached "run-shell '[ #{session_attached} != 0 ] || for window in #{W:#{window_id} }; do tmux resize-window -t \$window -x 200 -y 50; done'" \; \
	attach-session -E -t "$pane"
