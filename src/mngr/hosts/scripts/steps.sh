# What scripts of several steps include: `doing WORDS` names the step that comes, and a script that fails says at its end which
# it was. One with an EXIT trap of its own calls `failed $?` first in it. (Python's side is Completed.step.)
mngr_step=''
doing() { mngr_step=$1; }
failed() { [ "$1" -eq 0 ] || [ -z "$mngr_step" ] || printf 'mngr-step: %s\n' "$mngr_step" >&2 || :; }
trap 'failed $?' EXIT
