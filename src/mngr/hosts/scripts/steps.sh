# What scripts of several steps include: doing=WORDS names the step that comes, and a script that fails says at its end which
# it was. One with a trap of its own calls `failed $?` first in it. (Python's side is Completed.step.)
doing=''
failed() { [ "$1" -eq 0 ] || [ -z "$doing" ] || printf 'mngr-step: %s\n' "$doing" >&2 || :; }
trap 'failed $?' EXIT
