# as-user HOST_DIR DIR WORDS…: runs a command as the user that agents of this host run as, DIR (unless "") made for it
# before. Hands on standard input and the exit code.
dir=$1 made=$2
shift 2
mngr_drop='' mngr_owner=''
[ ! -f "$dir/user.sh" ] || . "$dir/user.sh"
if [ -n "$made" ] && [ -n "$mngr_drop" ] && [ ! -d "$made" ]; then
	$mngr_drop mkdir -p -- "$made" 2>/dev/null || { mkdir -p -- "$made" && chown -h "$mngr_owner" "$made"; } || exit 1
fi
exec $mngr_drop "$@"
