# shellcheck disable=SC2154
# agent-name: part of other scripts (`#include`), behind agent-processes, with `agent` (the agent's folder) and `session`.
# taken: whether `session` is the name of another agent, or of somebody's tmux session.
taken() {
	said=$(ours show-environment -t "=$session" MNGR_AGENT_ID 2>&1 || true)
	case $said in
	*"unknown variable"* | *MNGR_AGENT_ID=* | -MNGR_AGENT_ID)
		sessions | grep -qxF "$(ours display-message -p -t "=$session:" '#{session_id}' 2>/dev/null)" || return 0
		;;
	esac
	for other in "$dir"/agents/*/; do
		[ "$other" != "$agent/" ] && [ -f "$other/session" ] && [ ! -e "$other/half-made" ] || continue
		read -r name <"$other/session"
		[ "$name" != "$session" ] || return 0
	done
	return 1
}
