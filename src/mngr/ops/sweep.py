"""The sweep over all provider instances: sets right what killed commands left. `mngr gc` runs it."""

import threading
from collections.abc import Sequence

from mngr.journal import Journal
from mngr.model.errors import Conflict, MngrError, NotSupported
from mngr.model.states import SETTLED
from mngr.model.swept import Found, Swept
from mngr.model.views import HostView
from mngr.ops import memory, worktree
from mngr.ops.context import Mngr
from mngr.ops.names import resolve
from mngr.ops.new_agent import take_off
from mngr.ops.placing import being_created
from mngr.providers.contract import Forgets, HostProvider


def sweep(mngr: Mngr, providers: Sequence[str] = (), *, dry_run: bool = False) -> dict[str, Swept]:
    """Sweeps each provider instance by itself: one that can't be read is reported and skipped."""
    mngr.laptop  # noqa: B018  a home that can't be written is said once, not by each provider
    done: dict[str, Swept] = {}
    for name in mngr.asked(providers):
        _provider(mngr, name, dry_run, done)
    if not dry_run:
        Journal(mngr.home / "journal").tidy()
    return done


def forget(mngr: Mngr, names: Sequence[str]) -> list[str]:
    """Drops what is kept of hosts that only another account knows, by a person's word; their names, in full.

    Raises NotFound, Conflict (it is no such host), NotSupported.
    """
    done = []
    for target in resolve(mngr, [name if name.startswith("@") else f"@{name}" for name in names]):
        record = target.host.record
        provider = mngr.provider(record.provider)
        if not isinstance(provider, Forgets):
            raise NotSupported(f"{record.provider} has no accounts: `mngr destroy @{record.name}`")
        provider.forget(record.id)
        memory.forget(mngr, record.id, [agent.record.name for agent in target.host.agents])
        done.append(f"{record.name}.{record.provider}")
    return done


#: The sweep that comes after a destroy takes so long at most, in seconds: over all providers, whatever it finds there.
AFTER_DESTROY_S = 30.0


def sweep_for(mngr: Mngr, providers: Sequence[str], limit_s: float = AFTER_DESTROY_S) -> dict[str, Swept]:
    """As `sweep`, in `limit_s` seconds at most. What it didn't come to the end of is said in `errors`, by provider.

    It goes on in a thread for as long as this process does; ending that is no worse than any other end of a sweep.
    """
    done: dict[str, Swept] = {}
    wanted = mngr.asked(providers)
    ended: set[str] = set()

    def work() -> None:
        for name in wanted:
            try:
                _provider(mngr, name, False, done)
            except Exception as error:  # a bug or surprise in one backend: the destroy was done all the same
                failed = Found(
                    thing="instance", name=name, why="failed", said=f"{type(error).__name__}: {error}"
                )
                done.setdefault(name, Swept()).errors.append(failed)
            ended.add(name)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    return {
        name: done[name] if name in ended else _cut(mngr, name, done.get(name, Swept()), limit_s)
        for name in wanted
    }


def _cut(mngr: Mngr, name: str, swept: Swept, limit_s: float) -> Swept:
    """What was done so far, and what is known to be left."""
    from mngr.vps_docker.intents import host_name

    begun = [one.intent for one in Journal(mngr.home / "journal").entries(name) if one.intent]
    hosts = sorted({host_name(intent) for intent in begun})
    return Swept(
        released=[*swept.released],
        finished=[*swept.finished],
        kept=[*swept.kept],
        errors=[
            *swept.errors,
            Found(thing="instance", name=name, why="out-of-time", again_s=limit_s, others=hosts),
        ],
    )


def _provider(mngr: Mngr, name: str, dry_run: bool, done: dict[str, Swept]) -> None:
    try:
        provider = mngr.provider(name)
        done[name] = provider.sweep(dry_run=dry_run)
        for host in provider.discover().hosts:
            _host(mngr, provider, host, done[name], dry_run)
        if not provider.abilities.isolated:
            _worktrees(mngr, provider, done[name], dry_run)
    except MngrError as error:
        failed = Found(thing="instance", name=name, why="failed", said=error.message)
        done.setdefault(name, Swept()).errors.append(failed)


def _worktrees(mngr: Mngr, provider: HostProvider, swept: Swept, dry_run: bool) -> None:
    """Takes worktrees away that are no agent's, as a create or destroy was killed, if nothing would be lost."""
    for path in sorted(worktree.folder(provider.host_dir).glob("[!.]*")):
        tree = Found(thing="worktree", name=str(path), why="no-work")
        try:
            with being_created(mngr, provider.name, path.name):
                hosts = provider.discover().hosts
                if any(host.problem or not host.agents_known for host in hosts) or any(
                    worktree.of(host.record, agent.record) == path for host in hosts for agent in host.agents
                ):
                    continue
                if not worktree.is_nothing(worktree.work(path)):
                    swept.kept.append(tree.instead("holds-work"))
                    continue
                if not dry_run:
                    worktree.remove(path)
                swept.released.append(tree)
        except (Conflict, ValueError):
            swept.kept.append(tree.instead("busy", doing="create"))


def _host(mngr: Mngr, provider: HostProvider, host: HostView, swept: Swept, dry_run: bool) -> None:
    """Sets right what a killed create left of one host: agents that never came to be, or the whole host if it has
    no other. (A host loses its last agent only by being destroyed, so an empty one holds no work.)

    A host that can't be read, or that another laptop made, is left to a person.
    """
    record = host.record
    half_made = [agent for agent in host.agents if agent.half_made]
    empty = provider.abilities.isolated and _is_empty(host)
    if host.problem or host.state not in SETTLED or not (empty or half_made):
        return
    if record.builder != mngr.laptop:
        swept.kept.append(Found(thing="host", name=record.name, why="elsewhere"))
        return
    locks = {record.name} if provider.abilities.isolated else {agent.record.name for agent in half_made}
    for name in sorted(locks):
        try:
            with being_created(mngr, provider.name, name):
                _release(mngr, provider, provider.view(record.id), name, swept, dry_run)
        except Conflict:
            thing = "host" if provider.abilities.isolated else "agent"
            swept.kept.append(Found(thing=thing, name=name, why="busy", doing="create"))


def _release(
    mngr: Mngr, provider: HostProvider, host: HostView, name: str, swept: Swept, dry_run: bool
) -> None:
    """As _host, with the lock in hand and `host` as it is under it."""
    record = host.record
    if provider.abilities.isolated and _is_empty(host):
        if not dry_run:
            provider.destroy(record.id, lambda phase: None)
        swept.released.append(Found(thing="host", name=record.name, why="no-agent"))
        return
    for agent in host.agents:
        if (
            agent.half_made
            and (provider.abilities.isolated or agent.record.name == name)
            and host.state == "running"
        ):
            found = Found(thing="agent", name=agent.record.name, host=record.name, why="create-cut-short")
            try:
                if not dry_run:
                    take_off(mngr, provider, record, agent.record, half_made=True)
            except Conflict as error:
                swept.kept.append(found.instead("refused", error.message))
                continue
            swept.released.append(found)


def _is_empty(host: HostView) -> bool:
    return host.agents_known and all(agent.half_made for agent in host.agents)
