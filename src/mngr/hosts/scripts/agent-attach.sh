# agent-attach TMUX_LABEL SESSION: shows an agent's session on this terminal. One that isn't known here is taken for an xterm.
if [ -z "${TERM:-}" ] || { command -v infocmp >/dev/null && ! infocmp "$TERM" >/dev/null 2>&1; }; then
	export TERM=xterm-256color
fi
exec tmux -L "$1" attach-session -t "=$2"
