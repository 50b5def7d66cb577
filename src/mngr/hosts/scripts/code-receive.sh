# code-receive DIR BEGIN < TAR: lays sent code into DIR, and makes the folder BEGIN there if it isn't. The tar holds folders 0, 1, …, each
# a repository (or, without `head`, files in none) for `path` below DIR: `pack-*` (objects), `refs` (for git update-ref),
# `head` (a branch, or the commit it is detached at), `tree` (what its index has; none: nothing), `format`, `config`, `info/*` and `shallow` (of .git),
# `gone` (NUL-separated paths to remove then), `files.tar` (to lay on top), `assume-unchanged` and `skip-worktree` (paths to mark so). Repeatable; one at a time.
# Exit codes: 4 DIR holds something else already; 5 another one is at work there.
set -eu
#include steps
dir=$1 begin=$2
refused() {
	echo "$dir isn't empty" >&2
	exit 4
}
[ ! -e "$dir" ] || [ -d "$dir" ] || refused
doing "make and enter $dir"
mkdir -p "$dir"
cd "$dir"
doing "lock $dir"
# The lock is on the directory itself, which stays the same one from here on: it may be a mount point, too.
exec 9<.
flock -w 60 9 || { echo "code is being sent to $dir by another mngr" >&2; exit 5; }
doing "empty $dir of what came before"
[ -e .mngr-receiving ] || [ -z "$(ls -A)" ] || refused
touch .mngr-receiving
find . -mindepth 1 -maxdepth 1 ! -name .mngr-receiving -exec rm -rf {} +
doing 'make a passing folder (mktemp)'
tmp=$(mktemp -d)
trap 'failed $?; rm -rf "$tmp"' EXIT
doing 'unpack what was sent (tar)'
tar -xof - -C "$tmp"

if command -v git >/dev/null; then
	# shellcheck disable=SC2046 # a list of names
	unset $(git rev-parse --local-env-vars)
fi
# Neither hooks, owners nor an LFS server of the image's have a say in how the code is laid out.
export GIT_LFS_SKIP_SMUDGE=1 GIT_CONFIG_COUNT=2
export GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' GIT_CONFIG_KEY_1=core.hooksPath GIT_CONFIG_VALUE_1=/dev/null

# repository FOLDER: makes the one that FOLDER describes, here.
repository() {
	command -v git >/dev/null || { echo "git isn't installed here" >&2; exit 1; }
	format=$(cat "$1/format") head=$(cat "$1/head") tree=$(cat "$1/tree")
	doing "make the repository in $PWD (git init)"
	git init -q --template= ${format:+"--object-format=$format"} . || {
		echo "$(git --version) there can't make a repository${format:+ of $format}" >&2
		exit 1
	}
	doing "lay the objects into $PWD/.git"
	mkdir -p .git/info .git/objects/pack
	mv "$1"/pack-* .git/objects/pack/
	cat "$1/config" >>.git/config
	[ ! -s "$1/shallow" ] || mv "$1/shallow" .git/shallow
	for file in "$1"/info/*; do [ ! -e "$file" ] || mv "$file" .git/info/; done
	doing "write the branches of $PWD (git update-ref)"
	git update-ref --stdin <"$1/refs"
	case $head in
	refs/*) git symbolic-ref HEAD "$head" ;;
	*) git update-ref --no-deref HEAD "$head" ;;
	esac
	doing "lay out the files of $PWD (git read-tree)"
	[ -z "$tree" ] || git read-tree -u --reset "$tree"
}
number=0
while [ -d "$tmp/$number" ]; do
	from=$tmp/$number
	doing "make a folder in $dir"
	mkdir -p "$dir/$(cat "$from/path")"
	cd "$dir/$(cat "$from/path")"
	[ ! -e "$from/head" ] || repository "$from"
	doing "lay the changes over $PWD"
	[ ! -s "$from/gone" ] || xargs -0 rm -rf -- <"$from/gone"
	[ ! -s "$from/files.tar" ] || tar -xof "$from/files.tar"
	for flag in assume-unchanged skip-worktree; do
		[ ! -s "$from/$flag" ] || git update-index -z "--$flag" --stdin <"$from/$flag"
	done
	number=$((number + 1))
done
doing "finish $dir"
cd "$dir"
[ -z "$begin" ] || mkdir -p "./$begin"
rm -f .mngr-receiving
