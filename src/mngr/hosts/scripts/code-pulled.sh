# code-pulled [DIR OID]…: notes that the commit OID of DIR's repository has come home, for code-work. Repeatable.
set -u
# shellcheck disable=SC2046 # a list of names
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
code=0
while [ $# -gt 0 ]; do
	if git -C "$1" update-ref "refs/mngr/pulled/$2" "$2"; then
		# What it follows needs no note of its own.
		git -C "$1" for-each-ref --merged="$2" --format='delete %(refname)' refs/mngr/pulled |
			grep -v "/$2\$" | git -C "$1" update-ref --stdin
	else
		code=1
	fi
	shift 2
done
exit $code
