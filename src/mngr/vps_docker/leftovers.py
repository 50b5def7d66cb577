"""What machines that are gone left behind and nobody is billed for: the sweep names it and takes it away.

None of it holds work. What is billed (an address, a disk) is shown as a machine of its own, and isn't looked at here.
"""

from collections.abc import Collection

from mngr.model.errors import MngrError, NotFound
from mngr.model.swept import Found, Swept
from mngr.vps_docker import tags
from mngr.vps_docker.releasing import until_gone
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Leftover

#: How long the sweep waits for one; the next sweep goes on with it. (Azure keeps an interface for 180 s.)
CLEAR_S = 30.0


def sweep(
    rented: Rented, machines: Collection[str], busy: Collection[str], swept: Swept, dry_run: bool
) -> None:
    """`machines`: the names of those that are there. `busy`: ids of hosts with an intent, whose things are its own to release.

    Raises Unreadable."""
    for one in rented.cloud.leftovers(lambda name, found: tags.is_ours(rented.name, name, found)):
        if one.machine in machines or any(tags.named_for(one.machine, host_id) for host_id in busy):
            continue
        try:
            _one(rented, one, swept, dry_run)
        except MngrError as error:
            swept.errors.append(_found(one).instead("failed", error.message))


def _found(one: Leftover) -> Found:
    return Found(thing="leftover", name=one.what, why="machine-gone")


def _one(rented: Rented, one: Leftover, swept: Swept, dry_run: bool) -> None:
    found, owner = _found(one), tags.read(one.tags)
    if owner.until is not None and not owner.abandoned(rented.cloud.now()):
        left = max(0, int(owner.until + tags.MARGIN_S - rented.cloud.now()))
        swept.kept.append(found.instead("in-the-making", by=owner.builder or "?", again_s=left))
        return
    try:
        rented.cloud.get(one.machine)  # lists may be old
        return
    except NotFound:
        pass
    why = "" if dry_run else until_gone(rented, lambda: rented.cloud.clear(one), CLEAR_S)
    if why:
        swept.kept.append(found.instead("not-released", why))
    else:
        swept.released.append(found)
