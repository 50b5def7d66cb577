# snapshot-agents HOST_DIR: what a restored host's snapshot says of itself, and the records of the agents that it had when
# that was taken, but for half-made ones; NUL after each. Nothing on other hosts.
cd "$1/agents-of-snapshot" 2>/dev/null || exit 0
cat snapshot.json 2>/dev/null # an older mngr left none
printf '\000'
for record in */agent.json; do
	[ ! -f "$record" ] || [ -e "${record%/*}/half-made" ] || { cat "$record" && printf '\000'; }
done
