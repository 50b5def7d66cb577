# code-send DIR BASE OID…: writes the commits OID of DIR's repository, without what BASE has ("" for none), to standard output: a
# git bundle in which the first is called refs/mngr/out/0, and so on. Changes nothing: the disk there may be full.
set -u
# shellcheck disable=SC2046 # a list of names
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
cd "$1" || exit
base=$2
shift 2
# `git bundle create` takes nothing that has no name; this is its format (gitformat-bundle(5)).
if [ ${#1} -eq 64 ]; then
	printf '# v3 git bundle\n@object-format=sha256\n'
else
	echo "# v2 git bundle"
fi
[ -z "$base" ] || echo "-$base"
number=0
for oid; do
	echo "$oid refs/mngr/out/$number"
	number=$((number + 1))
done
echo
printf '%s\n' "$@" ${base:+"^$base"} | git pack-objects -q --revs --stdout --thin --delta-base-offset
