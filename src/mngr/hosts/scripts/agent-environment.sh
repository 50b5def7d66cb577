# shellcheck disable=SC2034,SC2154
# agent-environment: part of other scripts (`#include`), with `dir` (the host dir) and `id` (the agent): goes to the agent's work dir,
# with its environment. Sets `mngr_drop`, the words by which a command runs as whom the agent runs, and `mngr_owner`.
# From here on any variable may be the agent's, but for those that begin with mngr_.
MNGR_HOST_DIR=$dir mngr_agent=$dir/agents/$id
mngr_drop='' mngr_owner=''
[ ! -f "$dir/user.sh" ] || . "$dir/user.sh"
[ ! -f "$MNGR_HOST_DIR/ssh/environment.sh" ] || . "$MNGR_HOST_DIR/ssh/environment.sh"
. "$mngr_agent/env.sh"
export MNGR_HOST_DIR
cd -- "$MNGR_WORK_DIR" || exit 1
# What the image and the user chose stays; without a choice programs would take a terminal for one without accents.
[ -n "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ] || export LANG=C.UTF-8
