#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the included part uses dir, and sets mngr_owner
# agent-shell [-c LINE]: as HOST_DIR/agents/ID/shell the login shell of the user that stands for an agent (agent-start.sh). Runs
# the shell of whom the agent runs as, in its work dir with its environment.
id=${0%/shell} dir=${0%/agents/*}
id=${id##*/}
if [ "${SHELL-}" = "$0" ]; then
	while IFS=: read -r user _ _ _ _ _ shell; do
		case $user in root) export SHELL="$shell" ;; esac
	done </etc/passwd
fi
export USER=root LOGNAME=root
#include agent-environment
[ -z "$mngr_drop" ] || [ ! -t 0 ] || chown "$mngr_owner" "$(tty)"
[ $# -gt 0 ] || set -- -l
exec $mngr_drop "${SHELL:-/bin/sh}" "$@"
