# container-remove NAME IMAGE [STATE HOST_ID [unfinished]]: removes a host's container and volume, and the image built for it.
# With a state container, the host's record goes too. It is marked first (hosts/ID.gone), so that a sweep finishes what is
# cut short here; the mark stays for a day at least, empty, so that a write of a killed client that comes late is refused.
# `unfinished`: only if it has no record. Exit code 5: it has one by now, and nothing was removed.
# Runs where docker is. Repeatable: what is gone already is success.
name=$1 image=$2 state=${3:-} id=${4:-} only=${5:-}
gone() {
	said=$(docker "$@" 2>&1) && return 0
	case $said in
	*"No such"* | *"no such"* | *"is not running"*) return 0 ;;
	*"removal of container"*"already in progress"*)
		sleep 0.5
		gone "$@"
		return
		;;
	esac
	printf '%s\n' "$said" >&2
	return 1
}
in_state() {
	tries=0
	until said=$(docker exec "$state" sh -c "$@" 2>&1); do
		case $?:$said in
		*"No such container"*) return 0 ;;
		5:*) exit 5 ;;
		esac
		# It doesn't run, or is ending at this moment.
		if [ $tries -ge 20 ] || ! docker start "$state" >/dev/null; then
			printf '%s\n' "$said" >&2
			return 1
		fi
		[ $tries -eq 0 ] || sleep 0.2
		tries=$((tries + 1))
	done
}
if [ -n "$state" ]; then
	in_state 'cd /state/hosts 2>/dev/null || exit 0
		exec 9>../lock; flock 9
		[ "$2" != unfinished ] || [ ! -f "$1.json" ] || exit 5
		[ ! -f "$1.json" ] || mv "$1.json" "$1.gone"
		[ -f "$1.gone" ] || : >"$1.gone"
		sync .' mark "$id" "$only" || exit 1
fi
gone rm -f -v "$name" || exit 1
gone volume rm -f "$name" || exit 1
[ -z "$image" ] || gone rmi "$image" || true
if [ -n "$state" ]; then
	in_state 'cd /state/hosts 2>/dev/null || exit 0
		exec 9>../lock; flock 9; rm -rf "$1" "$1.json"; : >"$1.gone"
		find . -maxdepth 1 -name "*.gone" -size 0 -mmin +1440 -exec rm -f {} + 2>/dev/null
		sync .' drop "$id" || exit 1
fi
