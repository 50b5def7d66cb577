# code-receive DIR BRANCH USER_NAME USER_EMAIL < TAR: lays sent code into DIR. The tar holds `bundle` (a git bundle with HEAD; absent
# when the source isn't a git repository), `deleted` (NUL-separated paths removed since) and `overlay.tar`
# (uncommitted and untracked files). Commits there are made by USER_NAME, if it isn't empty. Repeatable; one at a time.
# Exit codes: 4 DIR holds something else already; 5 another one is at work there.
set -eu
dir=$1 branch=$2 user=$3 email=$4
refused() {
	echo "$dir isn't empty" >&2
	exit 4
}
[ ! -e "$dir" ] || [ -d "$dir" ] || refused
mkdir -p "$dir"
cd "$dir"
# The lock is on the directory itself, which stays the same one from here on: it may be a mount point, too.
exec 9<.
flock -w 60 9 || { echo "code is being sent to $dir by another mngr" >&2; exit 5; }
[ -e .mngr-receiving ] || [ -z "$(ls -A)" ] || refused
touch .mngr-receiving
find . -mindepth 1 -maxdepth 1 ! -name .mngr-receiving -exec rm -rf {} +
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tar -xof - -C "$tmp"
if [ -s "$tmp/bundle" ]; then
	command -v git >/dev/null || { echo "git isn't installed here" >&2; exit 1; }
	git init -q .
	git fetch -q --update-head-ok "$tmp/bundle" "+HEAD:refs/heads/$branch"
	git symbolic-ref HEAD "refs/heads/$branch"
	git update-ref refs/mngr/base HEAD
	git reset -q --hard
	[ -z "$user" ] || git config --local user.name "$user"
	[ -z "$email" ] || git config --local user.email "$email"
fi
[ ! -s "$tmp/deleted" ] || xargs -0 rm -f -- <"$tmp/deleted"
[ ! -s "$tmp/overlay.tar" ] || tar -xof "$tmp/overlay.tar"
rm -f .mngr-receiving
