# code-work DIR…: what was worked in each DIR since it was sent, as words `KEY VALUE` with a NUL after each. Changes nothing.
# Keys: dir, then `none gone`, `none unread WHY`, or `files N` (outside any repository) and for each repository there, its own
# and nested ones: repo PATH, at DIR, base OID, branch NAME (of HEAD; none where it is detached), tip KIND OID NEW UNPULLED NAME (NEW:
# commits since the code was sent, UNPULLED: those that `mngr pull` hasn't brought home), unpulled N and subject TEXT (of the
# newest; of stashes nothing), changed N, untracked N, dropped N (commits that only the reflog has), busy WHAT; unread PATH WHY.
set -u
export LC_ALL=C
say() { printf '%s\000' "$*"; }
if command -v git >/dev/null; then
	# shellcheck disable=SC2046 # a list of names
	unset $(git rev-parse --local-env-vars)
fi
# Read only, whoever owns it.
export GIT_OPTIONAL_LOCKS=0 GIT_CONFIG_COUNT=2
export GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' GIT_CONFIG_KEY_1=core.fsmonitor GIT_CONFIG_VALUE_1=false

# count REVISIONS…: how many commits these are that are known nowhere else.
count() { git rev-list --count "$@" $base --not $outside; }
unpulled() { count "$@" $home; }
tip() { # KIND OID NAME
	new=$(count "$2")
	[ "$new" -gt 0 ] || return 0
	say "tip $1 $2 $new $(unpulled "$2") $3"
	seen="$seen ^$2"
	[ "$1" = stash ] || tips="$tips $2"
}
# What no branch has: only if it has commits of its own.
apart() { # KIND REF NAME
	oid=$(git rev-parse -q --verify "$2^{commit}") || return 0
	[ "$(count "$oid" $seen)" -eq 0 ] || tip "$1" "$oid" "$3"
}
files() { # ROOT: those that aren't committed, in its work tree
	git -C "$1" status --porcelain -uall --ignore-submodules=dirty 2>/dev/null |
		awk '/^[?][?]/ { if ($0 !~ /\/"?$/) u++; next } { c++ } END { print c + 0, u + 0 }'
}

# repo TOP PATH: the facts of one repository.
repo() (
	cd "$1" || exit
	say "repo $2"
	say "at $PWD"
	base=$(git for-each-ref --format='^%(objectname)' refs/mngr/base)
	[ -z "$base" ] || say "base ${base#^}"
	home=$(git for-each-ref --format='^%(objectname)' refs/mngr/pulled)
	# What a remote elsewhere has isn't lost with this host.
	outside=
	for remote in $(git remote); do
		case $(git config --get "remote.$remote.url") in
		file:* | /* | .* | '') ;;
		*:*) outside="$outside --remotes=$remote" ;;
		esac
	done
	tips='' seen=''
	branch=$(git symbolic-ref -q HEAD) && say "branch ${branch#refs/heads/}"
	head=$(git rev-parse -q --verify 'HEAD^{commit}') && tip head "$head" "${branch#refs/heads/}"
	while read -r oid ref; do
		[ -z "$oid" ] || [ "$ref" = "$branch" ] || tip branch "$oid" "${ref#refs/heads/}"
	done <<-END
		$(git for-each-ref --format='%(objectname) %(refname)' refs/heads)
	END
	top=$(git rev-parse --show-toplevel 2>/dev/null)
	read -r changed untracked <<-END
		$([ -z "$top" ] || files "$top")
	END
	where=''
	while read -r key value; do
		case $key in
		worktree) where=$value ;;
		detached) [ -z "$oid" ] || [ "$oid" = "$head" ] || apart worktree "$oid" "${where##*/}" ;;
		HEAD) oid=$value ;;
		'')
			if [ -e "$where/.git" ] && [ "$where" != "$top" ]; then
				read -r c u <<-END
					$(files "$where")
				END
				changed=$((changed + c)) untracked=$((untracked + u))
			fi
			where='' oid=''
			;;
		esac
	done <<-END
		$(git worktree list --porcelain)

	END
	for oid in $(git rev-parse -q --verify refs/stash >/dev/null && git reflog show --format=%H refs/stash --) \
		$(for file in rebase-merge/autostash rebase-apply/autostash MERGE_AUTOSTASH; do cat "$(git rev-parse --git-path "$file")" 2>/dev/null; done); do
		case " $seen " in *" ^$oid "*) ;; *) tip stash "$oid" "$(git log -1 --format=%s "$oid")" ;; esac
	done
	while read -r ref; do
		case $ref in
		refs/heads/* | refs/remotes/* | refs/mngr/* | refs/stash | '') ;;
		refs/tags/*) apart tag "$ref" "${ref#refs/tags/}" ;;
		*) apart ref "$ref" "${ref#refs/}" ;;
		esac
	done <<-END
		$(git for-each-ref --format='%(refname)')
	END
	if [ -n "$tips" ]; then
		say "unpulled $(unpulled $tips)"
		say "subject $(git log -1 --format=%s $tips $base $home --not $outside)"
	fi
	say "changed ${changed:-0}"
	say "untracked ${untracked:-0}"
	say "dropped $(git rev-list --count --reflog $seen $home --not --all)"
	for what in rebase-merge:rebase rebase-apply:rebase MERGE_HEAD:merge CHERRY_PICK_HEAD:cherry-pick REVERT_HEAD:revert; do
		[ ! -e "$(git rev-parse --git-path "${what%:*}")" ] || say "busy ${what#*:}"
	done
)
# common DIR: the repository whose work tree DIR is; fails if it is none, though there is a .git: git looks further up then.
common() (
	cd "$1" && { [ ! -e .git ] || [ "$(git rev-parse --show-toplevel)" = "$(pwd -P)" ]; } &&
		cd "$(git rev-parse --git-common-dir)" && pwd -P
)

# one DIR
one() (
	say "dir $1"
	[ -e "$1" ] || { say "none gone" && exit; }
	cd "$1" 2>/dev/null || { say "none unread it can't be entered" && exit; }
	command -v git >/dev/null || { say "none unread git isn't installed there" && exit; }
	top='' own=''
	if why=$(git rev-parse --git-dir 2>&1 >/dev/null); then
		common . >/dev/null 2>&1 || { say "none unread its .git is damaged" && exit; }
		top=$(git rev-parse --show-toplevel 2>/dev/null) || top=$(git rev-parse --absolute-git-dir)
		own=$(common "$top")
		repo "$top" .
		[ "$(git rev-parse --is-bare-repository)" = false ] || exit
	else
		case $why in
		*"not a git repository (or any"*) [ ! -e .git ] || why="its .git is damaged" ;;
		esac
		case $why in *"not a git repository (or any"*) ;; *) say "none unread ${why#fatal: }" && exit ;; esac
	fi
	root=${top:-$PWD}
	cd "$root" || exit
	nested=$(find . -path ./.git -prune -o -name .git -print -prune 2>/dev/null | sort)
	if [ -z "$own" ]; then
		set --
		while read -r git; do [ -z "$git" ] || set -- "$@" -path "${git%/.git}" -prune -o; done <<-END
			$nested
		END
		say "files $(find . "$@" -type f -print 2>/dev/null | wc -l)"
	fi
	while read -r git; do
		[ -n "$git" ] || continue
		dir=${git%/.git}
		if at=$(common "$dir" 2>/dev/null); then
			[ "$at" = "$own" ] || repo "$root/${dir#./}" "${dir#./}"
		else
			say "unread ${dir#./}"
		fi
	done <<-END
		$nested
	END
)
for dir; do one "$dir"; done
say end
