# shellcheck disable=SC2154
# agent-told: part of other scripts (`#include`, after agent-processes), with `agent` (its folder): how a start of it went.

# begun: whether the agent's command runs (and not the shell that starts it any more).
begun() {
	[ -f "$agent/process" ] || return 1
	{ read -r shell _ && read -r pid _; } <"$agent/process" || return 1
	{ read -r shell <"/proc/$shell/comm" && read -r comm <"/proc/$pid/comm"; } 2>/dev/null || return 1
	[ "$comm" = "$shell" ] || return 0
	kids=''
	{ read -r kids <"/proc/$pid/task/$pid/children"; } 2>/dev/null || true
	for pid in $kids; do
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
		[ "$comm" = "$shell" ] || return 0
	done
	return 1
}
# told: says how the agent is, once that is known, and then what was said while it was made ready; `readying` if that takes
# longer than a second. One whose command shows no process of its own within 0.2 s after run-agent noted it (a script that is
# built of the shell's own words) is taken to run.
told() {
	tries=0 noted=0
	until [ -f "$agent/exit_code" ] || begun || { [ $noted -ge 10 ] && own_alive "$agent"; }; do
		if [ $tries -ge 10 ] && [ -f "$agent/process" ] && ! own_alive "$agent"; then
			sleep 0.1 # its exit code may be on its way
			[ -f "$agent/exit_code" ] || return 1
		fi
		if [ $tries -ge 50 ] && [ -f "$agent/readying" ]; then
			echo readying
			return 0
		fi
		if [ $tries -ge 500 ]; then
			own_alive "$agent" || return 1
			break
		fi
		sleep 0.02
		tries=$((tries + 1))
		if [ -f "$agent/process" ] && { read -r _ && read -r _; } <"$agent/process"; then noted=$((noted + 1)); fi
	done
	if [ -f "$agent/exit_code" ]; then echo "exit $(cat "$agent/exit_code")"; else echo alive; fi
	[ ! -s "$agent/said" ] || cat "$agent/said"
}
