# container-stop NAME: stops a host's container so that neither the daemon's nor the machine's restart brings it back.
# Runs where docker is. Stopped already is success. Exit code 3: there is none.
name=$1
said=$(docker update --restart=no "$name" 2>&1) && said=$(docker stop -t 8 "$name" 2>&1) && exit 0
case $said in *"is paused"*) docker unpause "$name" >/dev/null 2>&1 && said=$(docker stop -t 8 "$name" 2>&1) && exit 0 ;; esac
printf '%s\n' "$said" >&2
case $said in *"No such container"*) exit 3 ;; esac
exit 1
