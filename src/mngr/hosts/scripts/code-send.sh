# code-send DIR: writes the commits made in DIR since it was sent to standard output, as a git bundle of HEAD.
# Standard error says `uncommitted N`, and `branch NAME`. Exit code 3: no git repository; 4: nothing new.
set -u
cd "$1" 2>/dev/null && [ "$(git rev-parse --is-inside-work-tree 2>/dev/null)" = true ] || exit 3
echo "uncommitted $(git status --porcelain | wc -l)" >&2
base=$(git rev-parse -q --verify refs/mngr/base || true)
head=$(git rev-parse -q --verify HEAD) || exit 4
[ "$base" != "$head" ] || exit 4
git bundle create -q - HEAD ${base:+"^$base"} 2>/dev/null || git bundle create -q - HEAD
