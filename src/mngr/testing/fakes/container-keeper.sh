# container-keeper DIR: keeps a fake container: runs its process 1, notes how it ended, and starts it again as its
# restart policy (DIR/restart) says, unless somebody stopped it (DIR/stopped).
dir=$1
cd "$dir" || exit 1
while :; do
	rm -f exit
	unshare --mount --pid --uts --fork --propagation private /bin/sh "$dir/run.sh" >>log 2>&1 </dev/null
	code=$?
	[ -d "$dir" ] || exit 0
	[ ! -f killed ] || code=137 # which unshare can't tell
	rm -f pid paused
	echo "$code $(date +%s.%N)" >.exit
	mv -f .exit exit
	[ ! -f stopped ] || exit 0
	case $(cat restart):$code in
	always:* | unless-stopped:*) ;;
	on-failure*:0) exit 0 ;;
	on-failure*) ;;
	*) exit 0 ;;
	esac
	sleep 0.1
	[ ! -f stopped ] || exit 0
done
