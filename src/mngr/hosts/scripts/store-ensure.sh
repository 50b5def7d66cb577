# store-ensure STATE INSTANCE [IMAGE]: makes the state container and its volume, or starts it if it is down.
# Runs where docker is. IMAGE gets a second name, mngr-state:INSTANCE, which outlives the host it was made for. Without
# IMAGE (the container was removed by hand) it is made from that again. Repeatable.
# Exit code 3: there is no state container, and never was; 10: no such image.
state=$1 instance=$2 image=${3:-} own=mngr-state:$2
said=$(docker start "$state" 2>&1) && exit 0
case $said in
*"No such container"*) ;;
*)
	printf '%s\n' "$said" >&2
	exit 1
	;;
esac
if [ -n "$image" ]; then
	said=$(docker tag "$image" "$own" 2>&1) || {
		printf '%s\n' "$said" >&2
		exit 10
	}
else
	said=$(docker volume inspect "$state" 2>&1 >/dev/null) || {
		case $said in *"o such volume"*) exit 3 ;; esac
		printf '%s\n' "$said" >&2
		exit 1
	}
	# Somebody tidied up images, too: any that has a shell does.
	if ! docker image inspect "$own" >/dev/null 2>&1; then
		for image in $(docker ps -a --filter "label=mngr.provider=$instance" --format '{{.Image}}') debian:bookworm-slim; do
			! docker tag "$image" "$own" 2>/dev/null || break
		done
		docker image inspect "$own" >/dev/null 2>&1 ||
			{ docker pull -q debian:bookworm-slim >/dev/null && docker tag debian:bookworm-slim "$own"; }
	fi
fi
# What a killed writer left goes an hour later: right now one may be writing already.
# Its process 1 ends, with code 0, which the restart policy lets be, when two looks on end found no host's record: not at the
# first, so that destroy and create in turn don't wait for its start. It looks under the writers' lock; who waits for that, or
# comes right then, finds it ended, starts it and writes again.
tries=0
until said=$(
	docker run -d --pull never --name "$state" --restart on-failure --network none --user 0:0 --stop-signal KILL \
		--env LD_PRELOAD= --env LD_LIBRARY_PATH= \
		--label "mngr.provider=$instance" --label "mngr.state=1" \
		--mount "type=volume,source=$state,target=/state,volume-label=mngr.provider=$instance,volume-label=mngr.state=1" \
		--entrypoint /bin/sh "$own" -c 'mkdir -p /state/hosts /state/snapshots; find /state -maxdepth 1 -name ".part.*" -mmin +60 -exec rm -f {} +
			trap "exit 0" TERM
			cd /state/hosts
			hosts() { for file in *.json *.gone; do [ ! -s "$file" ] || return 0; done; return 1; }
			looks=0
			while :; do
				sleep 10 & wait $!
				if hosts; then looks=0 && continue; fi
				looks=$((looks + 1))
				[ $looks -lt 2 ] || { exec 9>../lock; ! flock -n 9 || hosts || exit 0; exec 9>&-; }
			done' 2>&1
); do
	tries=$((tries + 1))
	case $said in
	# Somebody else makes it at this moment.
	*"is already in use by container"*)
		docker start "$state" >/dev/null 2>&1 && exit 0
		[ $tries -lt 50 ] || { printf '%s\n' "$said" >&2; exit 1; }
		sleep 0.1
		;;
	*"No such image"* | *"Unable to find image"*)
		echo "image $own is gone, which shows the host records in volume $state: docker tag IMAGE $own brings it back, with any image that has a shell" >&2
		exit 10
		;;
	*)
		docker rm -f "$state" >/dev/null 2>&1
		printf '%s\n' "$said" >&2
		exit 1
		;;
	esac
done
