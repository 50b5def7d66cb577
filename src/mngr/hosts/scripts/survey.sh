# survey INSTANCE STATE ONLY PROBE ENSURE VOLUMES SECONDS: one look at everything of a provider instance that docker has. Runs where docker is.
# ONLY: host names and ids between spaces ("" for all) to which the costlier parts are limited. PROBE: the text of
# probe.sh, run in each running container; "" for none. ENSURE: the text of store-ensure.sh.
# VOLUMES: "volumes" to list them too. SECONDS: as long may each container take to answer.
# Prints a line of SIZE and KEY for each part, as `wc -c` does, NUL, the parts one after another, and at last NUL and
# `end`. Keys: containers, volumes, stop:ID (a tar of the folder stop/ of a host that is down, cut at 1 MB), probe:ID,
# failed:ID (why a probe failed), store (a tar; SIZE 0 when there is none), snapshots (the rest of the store, a tar of its own,
# where the state container doesn't run; it isn't started for this). Exit code 1: docker's words on standard error.
set -u
umask 077
instance=$1 state=$2 only=$3 probe=$4 ensure=$5 volumes=$6 seconds=$7
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
limit=
! command -v timeout >/dev/null || limit="timeout $seconds"

# A folder that isn't there yet, or a file that was removed while it was read, is no failure.
read_store() {
	$limit docker exec "$state" tar -c -C /state -f - hosts snapshots >"$tmp/store" 2>"$tmp/store.err" && return
	code=$?
	[ $code -ne 124 ] || echo "no answer within $seconds s" >"$tmp/store.err"
	grep -q '^tar: ' "$tmp/store.err" &&
		! grep -Evq 'No such file or directory|changed as we read it|removed before we read it|previous errors' "$tmp/store.err" || return $code
}
# The same, in two, of a state container that doesn't run, or that ended meanwhile.
copy_store() {
	for part in hosts snapshots; do
		docker cp "$state:/state/$part" - >"$tmp/copy.$part" 2>"$tmp/$part.err" || echo "docker cp failed" >>"$tmp/$part.err" &
	done
	wait
	for part in hosts snapshots; do
		[ ! -s "$tmp/$part.err" ] || grep -q 'ould not find the file\|No such container:path' "$tmp/$part.err" || {
			cat "$tmp/$part.err" >"$tmp/store.err"
			return 1
		}
	done
	mv -f "$tmp/copy.hosts" "$tmp/store" && mv -f "$tmp/copy.snapshots" "$tmp/snapshots"
}
store() {
	read_store && return
	case $?:$(cat "$tmp/store.err") in
	*"No such container"*)
		# It may have been removed by hand: the volume still holds the records.
		sh -c "$ensure" store-ensure "$state" "$instance" >/dev/null 2>"$tmp/store.err"
		case $? in
		0) read_store && return ;;
		3) : >"$tmp/store" && return ;;
		esac
		;;
	124:* | *"tar: "* | *" is paused"*) ;; # it runs, and can't be read
	*)
		copy_store && return
		sleep 0.5 # it may be starting, or ending, at this moment
		read_store && return
		copy_store && return
		;;
	esac
	touch "$tmp/store.failed"
}
store &
wanted() { case " $only " in "  " | *" $1 "* | *" $2 "*) return 0 ;; *) return 1 ;; esac; }

docker ps -a --no-trunc --filter "label=mngr.provider=$instance" --format "{{.Names}}|{{.State}}|{{.Status}}|{{.Image}}|{{.CreatedAt}}|{{.Label \"mngr.host-id\"}}|{{.Label \"mngr.host-name\"}}|{{.Label \"mngr.laptop\"}}|{{.Label \"mngr.until\"}}|{{.Label \"mngr.host-dir\"}}|{{.Label \"mngr.publish\"}}" >"$tmp/containers" || exit 1
: >"$tmp/volumes"
[ -z "$volumes" ] || docker volume ls --filter "label=mngr.provider=$instance" --format "{{.Name}}|{{.Label \"mngr.host-id\"}}|{{.Label \"mngr.host-name\"}}|{{.Label \"mngr.laptop\"}}|{{.Label \"mngr.until\"}}" >"$tmp/volumes" || exit 1

jobs=0
while IFS='|' read -r name is _ _ _ id host _ _ dir _; do
	if [ -z "$id" ] || ! wanted "$id" "$host"; then continue; fi
	case $is in
	exited) docker cp "$name:$dir/stop" - 2>/dev/null | head -c 1048576 >"$tmp/stop:$id" & ;;
	running)
		[ -n "$probe" ] || continue
		{ $limit docker exec "$name" sh -c "$probe" probe "$dir" >"$tmp/probe:$id" 2>"$tmp/failed:$id" && rm -f "$tmp/failed:$id"; } </dev/null &
		;;
	*) continue ;;
	esac
	jobs=$((jobs + 1))
	[ $((jobs % 8)) -ne 0 ] || wait
done <"$tmp/containers"
wait
if [ -e "$tmp/store.failed" ]; then
	cat "$tmp/store.err" >&2
	exit 1
fi
cd "$tmp" || exit 1
set --
for part in containers volumes store snapshots stop:* probe:* failed:*; do
	[ ! -f "$part" ] || set -- "$@" "$part"
done
LC_ALL=C wc -c "$@"
printf '\000'
cat "$@"
printf '\000end'
