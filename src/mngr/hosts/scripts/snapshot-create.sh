# snapshot-create NAME IMAGE STATE ID [VOLUME…]: saves a host's container as IMAGE, and its volume as blobs/ID.tar in the
# volume STATE, both of the same moment: the container is paused meanwhile. Other volumes that are mounted there come as
# .volumes/1, .volumes/2 … in that tar. Runs where docker is. Repeatable.
# Left out: what is the host's own (its SSH host key, why it stopped). Prints the bytes of image and volume.
# Exit codes: 3 there is no such container, 4 it is in a state that allows no snapshot.
set -u
#include steps
name=$1 image=$2 state=$3 id=$4
shift 4
paused=
thaw() {
	[ -z "$paused" ] || docker unpause "$name" >/dev/null
	paused=
}
trap 'failed $?; thaw' EXIT
trap 'exit 130' INT TERM HUP
doing 'look at the container (docker inspect)'
status=$(docker inspect -f '{{.State.Status}}' "$name") || exit 3
case $status in
running)
	doing 'pause the container (docker pause)'
	paused=1
	# On a busy machine runc gives up on cgroup v1's freezer ("unable to freeze"), and can the next time.
	for try in 1 2 3 ''; do
		! docker pause "$name" >/dev/null || break
		[ -n "$try" ] || { paused=; exit 1; }
		sleep "$try"
	done
	;;
paused | exited) ;;
*)
	echo "container $name is $status" >&2
	exit 4
	;;
esac
doing 'save the container as an image (docker commit)'
docker commit --pause=false --change "LABEL mngr.snapshot=$id" "$name" "$image" >/dev/null || exit 1
# Docker makes the places of the others on the host's own volume.
readonly=,readonly
[ $# -eq 0 ] || readonly=
number=0
for volume; do
	shift
	number=$((number + 1))
	set -- "$@" --mount "type=volume,source=$volume,target=/from/.volumes/$number,readonly"
done
doing 'save the volume (tar in a passing container)'
size=$(
	docker run --rm --pull never --network none --user 0:0 \
		--mount "type=volume,source=$name,target=/from$readonly" --mount "type=volume,source=$state,target=/state" "$@" \
		--entrypoint /bin/sh "$image" -c '
			umask 077
			mkdir -p /state/blobs
			part=/state/blobs/.$1.part
			tar -c -C /from --exclude=./ssh --exclude=./stop --exclude=./watch.lock --exclude=./.restored -f "$part" . || exit 1
			sync "$part"
			mv -f "$part" "/state/blobs/$1.tar"
			wc -c <"/state/blobs/$1.tar"' tar "$id"
) || exit 1
thaw
doing 'measure the image (docker image inspect)'
docker image inspect -f '{{.Size}}' "$image" || exit 1
printf '%s\n' "$size"
