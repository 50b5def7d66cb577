"""The front door for Python: `from mngr import Mngr`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.config import home as homes
from mngr.config.schema import Config
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, MngrError, NotFound
from mngr.model.names import check_labels, parse_address
from mngr.model.progress import Progress
from mngr.model.views import Listing, Offer, Problem
from mngr.ops import context, names
from mngr.ops.context import Phases
from mngr.ops.objects import Agent, Host
from mngr.providers.contract import IdleRequest

if TYPE_CHECKING:
    from mngr.ops.doctor import Check
    from mngr.ops.plan import CreatePlan
    from mngr.providers.contract import SnapshotListing, Swept


class CostsMoney(MngrError):
    """What was asked for costs money, and nobody agreed to that; nothing was made. `offer` says how much."""

    exit_code = 2

    def __init__(self, message: str, offer: Offer, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.offer = offer


class Listed:
    """What there is: `agents`, `hosts`, and `errors` for what couldn't be read, without which nothing is complete. As an
    iterator: the agents.

    >>> [agent.name for agent in mngr.list() if agent.labels.get("team") == "search"]
    ['web']
    """

    def __init__(self, mngr: Mngr, listing: Listing) -> None:
        self.hosts: Sequence[Host] = [Host(mngr, one) for one in listing.hosts]
        self.agents: Sequence[Agent] = [agent for host in self.hosts for agent in host.agents]
        self.errors: Sequence[Problem] = listing.errors

    def __iter__(self) -> Iterator[Agent]:
        return iter(self.agents)

    def __len__(self) -> int:
        return len(self.agents)


class Mngr(context.Mngr):
    """mngr as the user has configured it: makes agents, and finds those that there are.

    Quiet, unless it is given `progress`, which is called with each step (model.progress). May be used from any thread, also
    beside a running event loop: calls block, and wait within limits only. Raises MngrError and its subclasses (model.errors).

    >>> from mngr import Mngr
    >>> mngr = Mngr()
    >>> agent = mngr.create("demo", command=["sleep", "1000"])
    >>> agent.exec(["echo", "hello"]).text
    'hello\\n'
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        progress: Progress | None = None,
        config: Config | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """`home`: in place of MNGR_HOME or `~/.mngr`. `config`: in place of what is configured there."""
        super().__init__(None if home is None else homes.home(home), config, clock)
        self.progress = progress

    def phases(self) -> Phases:
        """What times one operation, and tells `progress` of it."""
        return Phases(self.clock, self.progress or (lambda told: None))

    def create(
        self,
        name: str,
        type: str = "",
        *,
        command: str | Sequence[str] = (),
        provider: str = "",
        image: str = "",
        user: str = "",
        build_args: Sequence[str] = (),
        start_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        idle_timeout_s: float | None = None,
        idle_mode: str = "",
        max_lifetime_s: float | None = None,
        source: str | Path | None = None,
        work_dir: str = "",
        snapshot: str = "",
        trust_first_contact: bool = False,
        worktree: bool = False,
        agree: bool | Callable[[Offer], bool] = False,
    ) -> Agent:
        """Makes an agent, and a host for it if needed; when it returns, the agent was seen alive, or is `done`.

        `name` may be an address: `NAME[@HOST][.PROVIDER]`. `command`: what the agent runs, or words after its type's command;
        a string is a shell line.
        `source`: the directory whose code comes along. All else is as `mngr create` has it (`mngr create --help`).

        A new host that costs anything is made only if `agree` is true, or is called with the offer and says so; else this
        raises CostsMoney, which has the offer. A failure takes back what this call made; killed and called again, it goes on.
        Raises Conflict if the agent is there already, InvalidInput naming what is invalid.

        >>> mngr.create("web", command=["sleep", "9"], labels={"team": "search"}).labels
        {'team': 'search'}
        >>> def cheap(offer):  # by the hour only: `due_now` is paid at once, for a month and more
        ...     return not offer.due_now and (offer.per_hour or 0) < 0.05
        >>> mngr.create("big", provider="vultr", agree=cheap)  # doctest: +SKIP
        <Agent big@big.vultr running>
        """
        from mngr.ops.create import create
        from mngr.ops.request import CreateRequest

        address = parse_address(name)
        if not address.name:
            raise InvalidInput("create needs a name for the agent before the @")
        if provider and address.provider not in ("", provider):
            raise InvalidInput(f"two providers: .{address.provider} and {provider}", hint="give one")
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        request = CreateRequest(
            name=address.name, host=address.host, provider=provider or address.provider,
            type=type or ("command" if command else ""), command=words, build_args=_several(build_args, "build_args"),
            start_args=_several(start_args, "start_args"), image=image, user=user, env=dict(env or {}), labels=check_labels(labels or {}),
            idle=_idle(idle_mode, idle_timeout_s, max_lifetime_s), snapshot=snapshot, work_dir=work_dir,
            source=None if source is None else Path(source).absolute(), trust_first_contact=trust_first_contact,
            worktree=worktree,
        )  # fmt: skip

        def check(plan: CreatePlan) -> None:
            if plan.costs and not (agree(plan.offer) if callable(agree) else agree):
                raise CostsMoney(
                    f"a new host for {address.name} costs money, and nobody agreed to that; nothing was made",
                    plan.offer,
                    hint="look at the error's `offer`; create(…, agree=True) agrees to it",
                )

        made = create(self, request, self.phases(), check)
        return Agent(self, made.host, made.agent, made)

    def agent(self, name: str) -> Agent:
        """The agent called `name` (or an address), as it is now. Raises NotFound, Conflict if several are, Unreachable.

        >>> mngr.agent("demo").labels
        {}
        """
        [target] = names.resolve(self, [name])
        if target.agent is None:
            raise NotFound(f"{name} is a host without that agent", hint=f"Mngr.host({name!r}) is the host")
        return Agent(self, target.host, target.agent)

    def host(self, name: str) -> Host:
        """The host called `name` (or `@NAME.PROVIDER`), as it is now. Raises as `agent`.

        >>> mngr.host("localhost").provider
        'local'
        """
        [target] = names.resolve(self, [name if name.startswith("@") else f"@{name}"])
        return Host(self, target.host)

    def list(self, providers: Sequence[str] = ()) -> Listed:
        """All agents and hosts, or those of these provider instances. What can't be read is in `errors`.

        >>> listed = mngr.list()
        >>> len(listed) > 0, [host.name for host in listed.hosts], listed.errors
        (True, ['localhost'], [])
        """
        from mngr.ops.listing import LIST_LIMIT_S, list_hosts

        return Listed(self, list_hosts(self, _several(providers, "providers"), limit_s=LIST_LIMIT_S))

    def gc(self, providers: Sequence[str] = (), *, dry_run: bool = False) -> Mapping[str, Swept]:
        """Finds and releases what killed commands left behind; touches no host with agents. By provider instance.

        >>> mngr.gc(dry_run=True)["local"].errors
        []
        """
        from mngr.ops.sweep import sweep

        return sweep(self, _several(providers, "providers"), dry_run=dry_run)

    def forget(self, hosts: Sequence[str]) -> Sequence[str]:
        """Drops what is kept here of hosts that only another account knows, which may go on paying for them.

        >>> mngr.forget(["of-the-lost-account"])  # doctest: +SKIP
        ['of-the-lost-account.vultr']
        """
        from mngr.ops.sweep import forget

        return forget(self, _several(hosts, "hosts"))

    def snapshots(self) -> SnapshotListing:
        """All snapshots, and what couldn't be read.

        >>> mngr.snapshots().snapshots
        []
        """
        from mngr.ops import snapshots

        return snapshots.list_(self)

    def destroy_snapshot(self, snapshot: str) -> None:
        """Removes a snapshot, by its id or name, for good. Raises NotFound, Conflict if several have the name.

        >>> mngr.destroy_snapshot("snap-0123456789abcdef")  # doctest: +SKIP
        """
        from mngr.ops import snapshots

        snapshots.destroy(self, snapshot)

    def doctor(self) -> Sequence[Check]:
        """Whether this computer has what mngr needs, and each provider in use answers.

        >>> [check.name for check in mngr.doctor() if check.needed and not check.ok]
        []
        """
        from mngr.ops.doctor import examine

        return examine(self)


def _several(given: Sequence[str], what: str) -> list[str]:
    """Raises InvalidInput on a string, which Python would take for a list of letters."""
    if isinstance(given, str):
        raise InvalidInput(f"{what} is a list of texts, not {given!r}", hint=f"write [{given!r}]")
    return list(given)


def _idle(mode: str, timeout_s: float | None, max_lifetime_s: float | None) -> IdleRequest | None:
    from mngr.model.idle import parse_mode

    for seconds in (timeout_s, max_lifetime_s):
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise InvalidInput(f"{seconds!r} is no time in seconds", hint="0 means never")
    asked = IdleRequest(
        mode=parse_mode(mode) if mode else None, timeout_s=timeout_s, max_lifetime_s=max_lifetime_s
    )
    return None if asked == IdleRequest() else asked
