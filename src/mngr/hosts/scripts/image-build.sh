# image-build NAME KEPT PREPARED ARGUMENTS… [< CONTEXT]: builds an image (`docker build ARGUMENTS`) and calls it NAME, for its
# host, and KEPT, for the next one from the same context. What was called KEPT, and is another one now, goes if it has no
# other name and no container uses it. Runs where docker is.
# Prints its id and, if there is an image PREPARED, on the next line from which id that was made.
name=$1 kept=$2 prepared=$3
shift 3
export BUILDX_NO_DEFAULT_ATTESTATIONS=1 # they hold the time: no two builds would have the same id
before=
[ "$name" != "$kept" ] || before=$(docker image inspect -f '{{.Id}}' "$kept" 2>/dev/null)
docker build --force-rm --tag "$name" "$@" >&2 || exit
shown=$(docker image inspect -f '{{.Id}}|{{index .Config.Labels "mngr.prepared-from"}}|{{json .RepoTags}}' "$name" "$kept" "$prepared" 2>/dev/null)
made=${shown%%|*} from=
while IFS='|' read -r id base names; do
	case $names in *"\"$kept\""*) before=${before:-$id} ;; esac
	case $names in *"\"$prepared\""*) from=$base ;; esac
done <<-EOF
	$shown
EOF
printf '%s\n' "$made" ${from:+"$from"}
if [ "$before" != "$made" ]; then
	docker tag "$name" "$kept" || exit
	[ "$(docker image inspect -f '{{len .RepoTags}}' "$before" 2>/dev/null)" != 0 ] || docker rmi "$before" >/dev/null 2>&1 || :
fi
