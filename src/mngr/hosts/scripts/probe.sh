# probe HOST_DIR [TMUX_LABEL]: all facts of a host in one go, as NUL-separated key, value pairs.
# Changes nothing. hosts/probe.py reads it.
dir=$1 label=${2:-mngr}
cd "$dir" 2>/dev/null || { printf 'absent\0001\000'; exit 0; }
pair() { printf '%s\000%s\000' "$1" "$2"; }
pair now "$(date +%s)"
for agent in agents/*/; do
	[ -f "${agent}agent.json" ] || continue
	id=${agent#agents/} id=${id%/}
	pair "agent:$id" "$(cat "${agent}agent.json")"
	[ ! -f "${agent}half-made" ] || pair "half:$id" 1
	[ ! -f "${agent}exit_code" ] || pair "exit:$id" "$(cat "${agent}exit_code")"
done
pair mtimes "$(stat -c '%Y %n' activity/* agents/*/busy 2>/dev/null)"
pair panes "$(tmux -L "$label" list-panes -a -F '#{pane_dead} #{window_activity} #{session_name}' 2>/dev/null)"
[ ! -f idle.conf ] || pair idle "$(cat idle.conf)"
# In a container: whether its sshd listens.
[ ! -d ssh ] || grep -qs "ssh/sshd_[c]onfig" /proc/[0-9]*/cmdline || pair sshd down
[ ! -f stop/reason ] || pair reason "$(cat stop/reason)"
