# container-record NAME HOST_DIR: what a host's container, up or down, knows of its host and agents, as NUL-separated key,
# value pairs: created, labels (JSON, its own only), key (its sshd's), idle (idle.conf), agent:ID (agent.json).
# Runs where docker is. Changes nothing. Exit code 3: there is no such container.
set -u
name=$1 dir=$2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
pair() { printf '%s\000%s\000' "$1" "$2"; }
created=$(docker inspect -f '{{.Created}}' "$name" 2>"$tmp/err") || {
	cat "$tmp/err" >&2
	grep -q 'o such' "$tmp/err" && exit 3
	exit 1
}
pair created "$created"
pair labels "$(docker inspect -f '{{json .Config.Labels}}' "$name")"
pair image-labels "$(docker image inspect -f '{{json .Config.Labels}}' "$(docker inspect -f '{{.Image}}' "$name")" 2>/dev/null)"
one() { docker cp "$name:$dir/$1" - 2>/dev/null | tar -xOf - 2>/dev/null | head -c 100000; }
pair key "$(one ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 1,2)"
pair idle "$(one idle.conf)"
if ! docker cp "$name:$dir/agents" - >"$tmp/agents" 2>"$tmp/err"; then
	grep -Eq 'ould not find the file|o such file' "$tmp/err" && exit 0
	cat "$tmp/err" >&2
	exit 1
fi
for file in $(tar -tf "$tmp/agents" | grep '^agents/agent-[0-9a-f]*/agent.json$'); do
	id=${file#agents/}
	pair "agent:${id%/agent.json}" "$(tar -xOf "$tmp/agents" "$file" | head -c 100000)"
done
