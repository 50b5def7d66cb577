# agent-screen HOST_DIR AGENT_ID TMUX_LABEL: what an agent's own pane shows now: a line "WIDTH HEIGHT CURSOR_X CURSOR_Y
# CURSOR_SHOWN ALTERNATE DEAD HISTORY TITLE", then its lines, and before them, if HISTORY isn't 0, the one that was scrolled
# off last. Exit code 3: there is no such agent; 4: it has no terminal (stopped).
# shellcheck disable=SC2034 # the included part uses label
dir=$1 id=$2 label=$3
[ -f "$dir/agents/$id/agent.json" ] || exit 3
#include agent-processes
find_server
own_pane
[ -n "$pane" ] || exit 4
ours -u display-message -p -t "$pane" \
	'#{pane_width} #{pane_height} #{cursor_x} #{cursor_y} #{cursor_flag} #{alternate_on} #{pane_dead} #{history_size} #{pane_title}' \; \
	capture-pane -p -S -1 -t "$pane" 2>/dev/null || exit 4
