# agent-attach TMUX_LABEL SESSION: shows an agent's session on this terminal. One that isn't known here is taken for an xterm,
# and for one that shows all of Unicode, whatever the locale is. When the last one leaves, the windows get back the size that
# they were made with (agent-start.sh): what the agent prints then isn't cut to a terminal that is gone.
if [ -z "${TERM:-}" ] || { command -v infocmp >/dev/null && ! infocmp "$TERM" >/dev/null 2>&1; }; then
	export TERM=xterm-256color
fi
label=$1 session=$2
# Sized by hand since the last one left: from now on by who looks.
for window in $(tmux -L "$label" list-windows -t "=$session" -F '#{window_id}'); do
	tmux -L "$label" set-option -w -u -t "$window" window-size 2>/dev/null
done
exec tmux -u -L "$label" \
	set-hook -t "=$session:" client-detached "run-shell '[ #{session_attached} != 0 ] || for window in #{W:#{window_id} }; do tmux resize-window -t \$window -x 200 -y 50; done'" \; \
	attach-session -t "=$session"
