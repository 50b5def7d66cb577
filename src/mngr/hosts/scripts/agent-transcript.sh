# agent-transcript HOST_DIR AGENT_ID SINCE MOST_BYTES LIMIT_S LINE: what the agent's program has recorded of its conversations: runs
# the shell line LINE in the agent's work dir, with its environment and as its user, and hands on the last MOST_BYTES of what
# that prints. MNGR_SINCE is an empty file as old as the agent (SINCE, seconds since the epoch), for `find -newer`. Reads only.
dir=$1 id=$2
[ -f "$dir/agents/$id/env.sh" ] || exit 3
mngr_since_s=$3 mngr_most=$4 mngr_limit=$5 mngr_line=$6
mngr_tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$mngr_tmp"' EXIT
trap 'exit 1' HUP INT TERM
: >"$mngr_tmp/since"
touch -d "@$mngr_since_s" "$mngr_tmp/since" || exit 1
chmod 755 "$mngr_tmp" # the agent's user looks at it
#include agent-environment
export MNGR_SINCE="$mngr_tmp/since"
{
	# shellcheck disable=SC2154 # agent-environment sets it
	timeout "$mngr_limit" $mngr_drop sh -c "$mngr_line" </dev/null
	echo $? >"$mngr_tmp/code"
} | tail -c "$mngr_most"
mngr_code=$(cat "$mngr_tmp/code")
[ "$mngr_code" != 3 ] || mngr_code=1 # 3 is ours
exit "$mngr_code"
