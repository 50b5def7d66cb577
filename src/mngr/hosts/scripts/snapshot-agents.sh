# snapshot-agents HOST_DIR: the records of the agents that a restored host had when its snapshot was taken, NUL after each.
for record in "$1"/agents-of-snapshot/*/agent.json; do
	[ ! -f "$record" ] || { cat "$record" && printf '\000'; }
done
