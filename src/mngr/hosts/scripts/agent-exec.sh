# agent-exec HOST_DIR AGENT_ID here|there WORDS…: runs a command in the agent's work dir with its environment.
# One word is a line for sh, several are an argv. Hands on standard input and the exit code.
dir=$1 id=$2
shift 2
if [ ! -f "$dir/agents/$id/env.sh" ]; then
	echo "mngr: agent $id is no longer on this host; \`mngr list\` shows what is" >&2
	exit 3
fi
touch "$dir/activity/user" 2>/dev/null
MNGR_HOST_DIR=$dir
mngr_drop=''
[ ! -f "$dir/user.sh" ] || . "$dir/user.sh"
[ ! -f "$dir/ssh/environment.sh" ] || . "$dir/ssh/environment.sh"
. "$dir/agents/$id/env.sh"
export MNGR_HOST_DIR
cd -- "$MNGR_WORK_DIR" || exit 1
if [ "$1" = here ]; then
	shift
	[ $# -gt 1 ] || exec $mngr_drop sh -c "$1"
	exec $mngr_drop "$@"
fi
shift
# sshd has no exit code for a command that a signal ended; a shell does.
trap : INT QUIT
if [ $# -gt 1 ]; then $mngr_drop "$@"; else $mngr_drop sh -c "$1"; fi
exit $?
