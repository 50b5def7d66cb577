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

# logins: makes users of the agent's id and of its name, whom sshd lets in as root, and whose shell is agent-shell.sh; sftp begins at
# logins/USER. A name that the image has stays the image's.
logins() {
	chmod 700 "$dir/commands/agent-shell.sh" && ln -sf ../../commands/agent-shell.sh "$agent/shell" || return
	mkdir -p "$dir/logins"
	work=$(. "$agent/env.sh" && printf %s "$MNGR_WORK_DIR") home=~root
	[ -z "$(tail -c 1 /etc/passwd)" ] || echo >>/etc/passwd
	sed -i "\\,^$session:.*:$dir/agents/[^/]*/shell\$,d" /etc/passwd
	for user in "$id" "$session"; do
		grep -q "^$user:" /etc/passwd || printf '%s\n' "$user:*:0:0:agent $session:$home:$agent/shell" >>/etc/passwd
		ln -sfn "$work" "$dir/logins/$user"
	done
}
