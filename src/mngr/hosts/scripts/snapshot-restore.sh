# snapshot-restore VOLUME LABELS STATE ID IMAGE PLACES META [< TAR]: fills a new host's volume (made with LABELS, as --mount takes
# them) from blobs/ID.tar in the volume STATE, or (STATE "-") from standard input. Runs where docker is.
# PLACES: where the tar's .volumes/1, .volumes/2 … belong, a line each; snapshot-volumes lays them there.
# The agents of that time don't run here: their records are kept aside in agents-of-snapshot/, with META as snapshot.json.
# Repeatable: a volume that was filled before is left as it is.
volume=$1 labels=$2 state=$3 id=$4 image=$5 places=$6 meta=$7
set -- --mount "type=volume,source=$volume,target=/to,$labels"
from=-
if [ "$state" != - ]; then
	set -- "$@" --mount "type=volume,source=$state,target=/state,readonly"
	from=/state/blobs/$id.tar
fi
exec docker run --rm -i --pull never --network none --user 0:0 "$@" --entrypoint /bin/sh "$image" -c '
	cd /to || exit 1
	if [ -e .restored ]; then
		[ "$1" != - ] || cat >/dev/null
		exit 0
	fi
	find . -mindepth 1 -delete
	tar -xpf "$1" || exit 1
	rm -rf ssh stop activity commands host.json idle.conf watch.lock agents-of-snapshot
	if [ -d agents ]; then mv agents agents-of-snapshot; else mkdir agents-of-snapshot; fi || exit 1
	printf %s "$3" >agents-of-snapshot/snapshot.json || exit 1
	if [ -n "$2" ]; then printf "%s\n" "$2" >.volumes/list; else rm -rf .volumes; fi || exit 1
	touch .restored
	sync .' tar "$from" "$places" "$meta"
