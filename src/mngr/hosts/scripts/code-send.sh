# code-send DIR BASE [OID NAME]…: writes the commits OID of DIR's repository, without what BASE has ("" for none), to standard
# output: a git bundle in which each is called refs/mngr/out/NAME.
set -u
# shellcheck disable=SC2046 # a list of names
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
cd "$1" || exit
base=$2
shift 2
# A bundle takes nothing that has no name.
clear() { git for-each-ref --format='delete %(refname)' refs/mngr/out | git update-ref --stdin; }
clear || exit
trap clear EXIT
while [ $# -gt 0 ]; do
	git update-ref "refs/mngr/out/$2" "$1" || exit
	shift 2
done
# shellcheck disable=SC2046 # a list of refs
git bundle create -q - $(git for-each-ref --format='%(refname)' refs/mngr/out) ${base:+"^$base"}
