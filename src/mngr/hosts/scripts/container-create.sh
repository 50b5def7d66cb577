# container-create NAME STATE INSTANCE IMAGE ENSURE DOCKER_ARGUMENTS…: makes a host's container, or adopts it, with one command.
# Runs where docker is. STATE: the state container of INSTANCE to make on the way from IMAGE with ENSURE, the text of
# store-ensure.sh ("" for none).
# Prints, NUL-separated: the state (ready, lacks, dead), what goes with it (host key, commands, log), publish label.
# Exit codes: 10 no such image, 11 the port is taken, 1 others.
set -u
name=$1 state=$2 instance=$3 image=$4 ensure=$5
shift 5
# Whether that worked shows when the record is written.
[ -z "$state" ] || sh -c "$ensure" store-ensure "$state" "$instance" "$image" >/dev/null 2>&1 &
adopted=
tries=0
until said=$(docker "$@" 2>&1); do
	case $said in
	*"is already in use by container"*)
		case $(docker inspect -f '{{.State.Status}}' "$name" 2>/dev/null) in
		running) ;;
		exited | dead) docker start "$name" >/dev/null || exit 1 ;;
		# Never started: its making was cut short.
		created) docker rm -f -v "$name" >/dev/null && [ $tries -lt 3 ] && tries=$((tries + 1)) && continue ;;
		*) [ $tries -lt 3 ] && tries=$((tries + 1)) && sleep 0.5 && continue ;;
		esac
		adopted=1
		break
		;;
	*"No such image"* | *"Unable to find image"* | *"No such object"*) code=10 ;;
	*"port is already allocated"* | *"address already in use"* | *"ports are not available"*) code=11 ;;
	*) code=1 ;;
	esac
	docker rm -f -v "$name" >/dev/null 2>&1
	printf '%s\n' "$said" >&2
	exit $code
done

# What process 1 said is in the container's log, which is cheaper to read than to run a command inside.
tries=0
is=
while [ -z "$is" ] && [ $tries -lt 300 ]; do
	log=$(docker logs --tail 100 "$name" 2>&1)
	case $log in
	*"
mngr-"*) line=mngr-${log##*"
mngr-"} ;;
	mngr-*) line=$log ;;
	*) line= ;;
	esac
	line=${line%%"
"*}
	case $line in
	"mngr-host-key "*) is=ready what=${line#mngr-host-key } ;;
	"mngr-no-user "*) is=dead what=$line ;;
	"mngr-lacks "*) is=lacks what=${line#mngr-lacks } ;;
	*)
		if [ $((tries % 20)) -eq 19 ]; then
			case $(docker inspect -f '{{.State.Status}}' "$name" 2>&1) in
			running)
				# A log that can't be read (of a daemon that sends it elsewhere).
				what=$(docker exec "$name" sh -c 'cut -d " " -f 1,2 "$1"/ssh/ssh_host_ed25519_key.pub' key "$(docker inspect -f '{{index .Config.Labels "mngr.host-dir"}}' "$name")" 2>/dev/null)
				[ -z "$what" ] || is=ready
				;;
			*) is=dead what=$log ;;
			esac
		fi
		[ -n "$is" ] || [ $tries -lt 8 ] || sleep 0.02
		;;
	esac
	tries=$((tries + 1))
done
[ -n "$is" ] || is=dead what=${log:-"process 1 said nothing"}
publish=
[ -z "$adopted" ] || publish=$(docker inspect -f '{{index .Config.Labels "mngr.publish"}}' "$name")
wait
printf '%s\000%s\000%s\000' "$is" "$what" "$publish"
