# agent-exec HOST_DIR AGENT_ID here|there TOKEN WORDS…: runs a command in the agent's work dir with its environment.
# One word is a line for bash (sh, where there is none), several are an argv. Hands on standard input and the exit code.
dir=$1 id=$2
shift 2
if [ ! -f "$dir/agents/$id/env.sh" ]; then
	echo "mngr: agent $id is no longer on this host; \`mngr list\` shows what is" >&2
	exit 3
fi
{ true >"$dir/activity/user"; } 2>/dev/null # its mtime counts; touch would be a process
#include agent-environment
mngr_where=$1
# By this all processes of the command are found when its client was told to end.
export MNGR_EXEC="$2"
shift 2
if [ $# -eq 1 ]; then
	if command -v bash >/dev/null; then set -- bash -c "$1"; else set -- sh -c "$1"; fi
fi
# shellcheck disable=SC2154 # agent-environment sets it
[ "$mngr_where" != here ] || exec $mngr_drop "$@"
export SHLVL=1 # else bash takes itself for sshd's first shell, and reads .bashrc, which that one did
# sshd has no exit code for a command that a signal ended; a shell does.
trap : INT QUIT
$mngr_drop "$@"
code=$?
# ssh itself ends with 255 when a connection fails: the client looks whether this was meant.
[ $code -ne 255 ] || : >"/tmp/.mngr-exec-$MNGR_EXEC"
exit $code
