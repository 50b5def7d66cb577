# shellcheck disable=SC2154,SC3045
# type-ready: the end of an agent's ready.sh, whose beginning sets mngr_name mngr_check mngr_install mngr_version mngr_shows
# mngr_needs mngr_prepare, of its type. Runs in the work dir, with the agent's environment and as its user, before each start of
# its command: installs what is missing, and prepares. What it says goes to the pane, and to file descriptor 8. Repeatable.
#include type-json
#include type-install
mngr_say() {
	printf 'mngr: %s\n' "$1"
	printf '%s\n' "$1" >&8
}
mngr_fail() {
	mngr_say "$1"
	exit 1
}
mngr_there() { (eval "$mngr_check") >/dev/null 2>&1 </dev/null 8>&-; }
# mngr_alone: until `exec 7>&-` no other agent of this user installs or prepares.
mngr_alone() {
	mkdir -p -- "${HOME:-/tmp}/.cache" 2>/dev/null
	exec 7>>"${HOME:-/tmp}/.cache/mngr.lock" || mngr_fail "can't write in ${HOME:-/tmp}/.cache, so $mngr_name can't be made ready"
	flock -n 7 || {
		echo "mngr: waiting for another agent that is being made ready"
		flock -w 900 7 || mngr_fail "another agent here has been installing for 15 minutes; \`mngr start\` tries again"
	}
}
if [ -w /usr/local/bin ]; then MNGR_PREFIX=/usr/local; else MNGR_PREFIX=$HOME/.local; fi
PATH=$PATH:$HOME/.local/bin
export MNGR_PREFIX MNGR_VERSION="$mngr_version" PATH

if [ -n "$mngr_install" ] && ! mngr_there; then
	mngr_alone
	if ! mngr_there; then # nor has another agent installed it meanwhile
		echo "mngr: installing $mngr_name${mngr_version:+ $mngr_version}"
		for mngr_need in npm node; do
			case "
$mngr_needs
" in *"
$mngr_need
"*) mngr_need $mngr_need 0 ;; esac
		done
		mngr_least=$(printf '%s\n' "$mngr_needs" | sed -n 's/^node \([0-9]*\)$/\1/p' | sort -n | tail -n 1)
		[ -z "$mngr_least" ] || mngr_need node "$mngr_least"
		(
			set -e
			eval "$mngr_install"
		) 7>&- 8>&-
		mngr_code=$? # behind || or && `set -e` would do nothing
		[ $mngr_code -eq 0 ] || mngr_fail "$mngr_name couldn't be installed: its install lines ended with exit code $mngr_code"
		hash -r
		mngr_there || mngr_fail "$mngr_name was installed, and still isn't found here: \`$mngr_check\` fails; a PATH that install lines set ends with them: the type's env sets one for good"
		if [ -n "$mngr_version" ]; then
			mngr_came=$( (eval "$mngr_shows") 2>/dev/null </dev/null 8>&- | head -n 1)
			case " $(printf %s "$mngr_came" | tr -c '0-9A-Za-z.+-' ' ') " in
			*" $mngr_version "* | *" v$mngr_version "*) ;;
			*) mngr_fail "$mngr_name $mngr_version was to be installed, and \"$mngr_came\" came; \`mngr start\` runs that one" ;;
			esac
		fi
	fi
	exec 7>&-
fi
if [ -n "$mngr_prepare" ]; then
	mngr_alone
	(
		set -e
		eval "$mngr_prepare"
	) 7>&- 8>&-
	mngr_code=$?
	[ $mngr_code -eq 0 ] || mngr_fail "$mngr_name couldn't be prepared: its prepare lines ended with exit code $mngr_code"
	exec 7>&-
fi
exit 0
