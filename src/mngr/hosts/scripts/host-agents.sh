# host-agents NAME HOST_DIR IMAGE: the ids of the agents on the volume NAME, one a line, whether its container NAME runs,
# is stopped, or is gone (then a passing container of IMAGE looks). Runs where docker is. Changes nothing.
# Exit code 3: there is neither.
name=$1 dir=$2 image=$3
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp" "$tmp.err"' EXIT
if docker cp "$name:$dir/agents" - >"$tmp" 2>"$tmp.err"; then
	tar -tf "$tmp" | sed -n 's,^agents/\([^/]*\)/agent.json$,\1,p'
	exit
fi
case $(cat "$tmp.err") in
*"No such container"*) ;;
*"Could not find the file"* | *"no such file"*) exit 0 ;;
*)
	cat "$tmp.err" >&2
	exit 1
	;;
esac
said=$(docker volume inspect "$name" 2>&1 >/dev/null) || {
	case $said in *"o such volume"*) exit 3 ;; esac
	printf '%s\n' "$said" >&2
	exit 1
}
docker run --rm --pull never --network none --user 0:0 --mount "type=volume,source=$name,target=/volume,readonly" \
	--entrypoint /bin/sh "$image" -c 'for f in /volume/agents/*/agent.json; do [ ! -f "$f" ] || { f=${f%/agent.json}; echo "${f##*/}"; }; done'
