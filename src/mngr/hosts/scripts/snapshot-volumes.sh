# snapshot-volumes HOST_DIR [MOUNTED…]: lays what a snapshot holds of its host's docker volumes (HOST_DIR/.volumes/NUMBER,
# whose places are the lines of .volumes/list) into the new host's container, in place of what its image has there. Where
# the user has MOUNTED something, only if that is empty. Prints the places that were left as they are. Repeatable.
set -u
#include steps
cd "$1/.volumes" 2>/dev/null && [ -f list ] || exit 0
shift
environment=~root/.ssh/environment # the entrypoint's, which may lie in such a place
doing "keep $environment"
[ -e environment ] || cp -p "$environment" environment || exit 1
# kept PLACE MOUNTED…: whether the user's own files are there.
kept() {
	place=$1
	shift
	for mounted; do
		[ "$mounted" != "$place" ] || [ -z "$(ls -A "$place")" ] || return 0
	done
	return 1
}
number=0
while IFS= read -r place; do
	number=$((number + 1))
	[ -d $number ] || continue # a former call did it
	if [ ! -e $number.begun ] && kept "$place" "$@"; then
		printf '%s\n' "$place"
		continue
	fi
	doing "lay the volume into $place"
	: >$number.begun
	mkdir -p "$place" || exit 1
	find "$place" -xdev -mindepth 1 -delete 2>/dev/null # but for what is mounted in it
	cp -a "$number/." "$place/" || exit 1
	mv $number $number.done && rm -rf $number.done
done <list
doing "put $environment back"
mkdir -p "${environment%/*}" && cp -p environment "$environment" || exit 1
sync
rm -rf "$PWD"
