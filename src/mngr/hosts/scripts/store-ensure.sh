# store-ensure STATE INSTANCE [IMAGE]: makes the state container and its volume, or starts it if it is down.
# Runs where docker is. Without IMAGE (its container was removed by hand) it is made from the image that the volume was
# first made with, or that of any host. Repeatable.
# Exit code 3: there is no state container, and no image to make it from; 10: no such image.
state=$1 instance=$2 image=${3:-}
said=$(docker start "$state" 2>&1) && exit 0
case $said in
*"No such container"*) ;;
*)
	printf '%s\n' "$said" >&2
	exit 1
	;;
esac
images=$image
if [ -z "$images" ]; then
	images=$(docker volume inspect -f '{{index .Labels "mngr.image"}}' "$state" 2>/dev/null) || exit 3
	images="$images $(docker ps -a --filter "label=mngr.provider=$instance" --format '{{.Image}}')"
fi
for image in $images; do
	tries=0
	until said=$(
		docker run -d --pull never --name "$state" --restart unless-stopped --network none --user 0:0 --stop-signal KILL \
			--label "mngr.provider=$instance" --label "mngr.state=1" \
			--mount "type=volume,source=$state,target=/state,volume-label=mngr.provider=$instance,volume-label=mngr.state=1,volume-label=mngr.image=$image" \
			--entrypoint /bin/sh "$image" -c 'mkdir -p /state/hosts /state/snapshots; trap "exit 0" TERM; while :; do sleep 86400 & wait $!; done' 2>&1
	); do
		tries=$((tries + 1))
		case $said in
		# Somebody else makes it at this moment.
		*"is already in use by container"*) [ $tries -lt 50 ] && sleep 0.1 && docker start "$state" >/dev/null 2>&1 && exit 0 ;;
		*"No such image"*) continue 2 ;;
		*)
			docker rm -f "$state" >/dev/null 2>&1
			printf '%s\n' "$said" >&2
			exit 1
			;;
		esac
	done
	exit 0
done
echo "none of these images is there any more: $images" >&2
exit 10
