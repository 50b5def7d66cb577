# machine-probe CONTAINER LIMIT PROBE_TEXT SURVEY_COMMAND…: all that `list` wants of a machine, in one round trip.
# Prints lines "NAME CODE OUT ERR", OUT and ERR in base64 ("-" when empty):
#   survey  what the survey command printed (containers and the store)
#   probe   what probe.sh printed inside the container; only if that runs
#   guard   the guard's deadline and why it stopped the container: `ends_at=…`, `reason=…`
# Each part has LIMIT seconds. Changes nothing.
container=$1 limit=$2 probe=$3
shift 3
tmp=$(mktemp -d /run/mngr-probe.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

packed() { if [ -s "$1" ]; then base64 <"$1" | tr -d '\n'; else printf -; fi; }
part() {
	name=$1
	shift
	timeout -k 2 "$limit" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	printf '%s %s ' "$name" $?
	packed "$tmp/out"
	printf ' '
	packed "$tmp/err"
	printf '\n'
}

part survey "$@"
found=$(timeout -k 2 "$limit" docker container inspect -f \
	'{{.State.Running}} {{range .Mounts}}{{if eq .Name "'"$container"'"}}{{.Destination}}{{end}}{{end}}' "$container" 2>/dev/null)
case $found in
'true '?*) part probe docker exec "$container" sh -c "$probe" probe "${found#true }" ;;
esac
part guard sh -c 'cd /var/lib/mngr/guard 2>/dev/null || exit 0
	printf "ends_at=%s\n" "$(cat ends_at 2>/dev/null)"; printf "reason=%s\n" "$(cat stop-reason 2>/dev/null)"'
