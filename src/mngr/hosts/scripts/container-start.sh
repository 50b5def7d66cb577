# container-start NAME RESTART: starts a host's container, for good. Runs where docker is. Running already is success.
# Exit codes: 3 there is none, 11 its port is taken, 1 others.
name=$1 restart=$2
tries=0
while [ $tries -lt 10 ]; do
	said=$(docker update "--restart=$restart" "$name" 2>&1) && said=$(docker start "$name" 2>&1) && exit 0
	case $said in *"cannot update a stopped container"*) ;; *) break ;; esac
	sleep 0.3 # it ends at this moment
	tries=$((tries + 1))
done
printf '%s\n' "$said" >&2
case $said in
*"No such container"*) exit 3 ;;
*"port is already allocated"* | *"address already in use"*) exit 11 ;;
*"container is paused"* | *"paused container"*) docker unpause "$name" >/dev/null && exit 0 ;;
esac
exit 1
