"""The front door for Python: `from mngr import Mngr`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mngr.config import home as homes
from mngr.config.schema import Config
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, MngrError, NotFound
from mngr.model.events import Event
from mngr.model.progress import Progress
from mngr.model.views import Listing, Offer, Problem
from mngr.ops import context, names
from mngr.ops.agent import Agent
from mngr.ops.asked import Asked, request, several
from mngr.ops.context import Phases
from mngr.ops.host import Host

if TYPE_CHECKING:
    from mngr.model.swept import Swept
    from mngr.ops.agent_types import ShownType
    from mngr.ops.doctor import Check
    from mngr.ops.plan import CreatePlan
    from mngr.ops.ssh_config import UserConfig
    from mngr.ops.wait import Answer
    from mngr.providers.contract import SnapshotListing


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

    def plan(self, name: str, type: str = "", **asked: Unpack[Asked]) -> CreatePlan:
        """What `create` with the same arguments would make, and what that costs (`costs`, `offer`): all is checked, nothing is
        made. Raises what `create` would.

        >>> plan = mngr.plan("later", command=["sleep", "9"])
        >>> plan.costs, plan.provider.name, plan.onto is not None  # this computer is there
        (False, 'local', True)
        >>> mngr.plan("big", provider="vultr").offer.per_hour  # doctest: +SKIP
        0.007
        """
        from mngr.ops import plan

        return plan.plan(self, request(name, type, asked))

    def create(
        self,
        name: str | CreatePlan,
        type: str = "",
        *,
        agree: bool | Callable[[Offer], bool] = False,
        message: str = "",
        **asked: Unpack[Asked],
    ) -> Agent:
        """Makes an agent, and a host for it if needed; when it returns, the agent was seen alive, or is `done`.

        `name` may be an address: `NAME[@HOST][.PROVIDER]`; or it is what `plan` has answered, whose checks aren't made again.
        `type`: an agent type. `asked`: the fields of `mngr.Asked`, which has a word on each.

        A new host that costs anything is made only if `agree` is true, or is called with the offer and says so; else this
        raises CostsMoney, which has the offer. A failure takes back what this call made; killed and called again, it goes on.
        `message`: typed when its prompt is there; where that can't be, NotSent or NotTaken is raised, and the agent is there.
        Raises Conflict if the agent is there already, InvalidInput naming what is invalid.

        >>> mngr.create("web", command=["sleep", "9"], labels={"team": "search"}).labels
        {'team': 'search'}
        >>> mngr.create(mngr.plan("planned", command=["sleep", "9"])).name
        'planned'
        >>> mngr.create("told", command="read line; sleep 1000", message="a first task").screen().lines
        ['a first task']
        >>> def cheap(offer):  # by the hour only: `due_now` is paid at once, for a month and more
        ...     return not offer.due_now and (offer.per_hour or 0) < 0.05
        >>> mngr.create("big", provider="vultr", agree=cheap)  # doctest: +SKIP
        <Agent big@big.vultr running>
        """
        from mngr.ops import talk
        from mngr.ops.create import create

        if message:
            talk.message(message)
        if not isinstance(name, str) and (type or asked):
            raise InvalidInput("a plan is created as it is", hint="what it is to be is given to plan()")

        def check(plan: CreatePlan) -> None:
            if plan.costs and not (agree(plan.offer) if callable(agree) else agree):
                raise CostsMoney(
                    f"a new host for {plan.request.name} costs money, and nobody agreed to that; nothing was made",
                    plan.offer,
                    hint="look at the error's `offer`; create(…, agree=True) agrees to it",
                )

        wanted = request(name, type, asked) if isinstance(name, str) else name
        made = create(self, wanted, self.phases(), check)
        if message:
            talk.first(self, made.host, made.agent, message, self.phases())
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

        return Listed(self, list_hosts(self, several(providers, "providers"), limit_s=LIST_LIMIT_S))

    def wait(
        self,
        names: str | Sequence[str],
        states: Sequence[str] = (),
        *,
        any_one: bool = False,
        timeout: float | None = None,
    ) -> Answer:
        """Waits until all agents that are named (or `any_one`) are in one of `states`: an agent's states, or why it waits (default:
        waiting, done). Each host tells by itself, over one connection, which is made anew if it drops. `timeout`: in seconds.

        In the answer `exit_code` is that of the command of an agent that is done (of several: the highest); an agent whose
        `fits` is `no` can't come to be so any more; `timed_out` says that the time was over. Raises as `agent`, InvalidInput.

        >>> ends = mngr.create("ends", command=["sh", "-c", "sleep 1; exit 3"])
        >>> answer = mngr.wait(["ends"], ["done"], timeout=60)
        >>> answer.exit_code, [one.state for one in answer.agents], answer.timed_out
        (3, ['done'], False)
        """
        from mngr.ops import wait

        texts = [names] if isinstance(names, str) else several(names, "names")
        return wait.wait(self, texts, several(states, "states"), any_one=any_one, timeout_s=timeout)

    def events(
        self, names: Sequence[str] = (), *, since: float | None = None, follow: bool = False
    ) -> Iterator[Event]:
        """Changes of state of these agents, or of all: those that their hosts remember from `since` on (seconds since the epoch;
        default: all there are), oldest first. `follow`: those that come, without end; before them those from `since` on, if
        that is given. What can't be read is left out. Nothing runs `on_change`.

        >>> [(event.name, event.state, event.exit_code) for event in mngr.events(["ends"])]
        [('ends', 'running', None), ('ends', 'done', 3)]
        >>> for event in mngr.events(follow=True):  # doctest: +SKIP
        ...     print(event.name, event.state, event.reason)
        """
        from mngr.ops import events

        chosen = events.choose(self, several(names, "names"))
        past = events.Past() if follow and since is None else events.past(self, chosen, since or 0)
        yield from past.events
        if follow:
            for told in events.follow(self, chosen, past.numbers):
                if isinstance(told, Event):
                    yield told

    def gc(self, providers: Sequence[str] = (), *, dry_run: bool = False) -> Mapping[str, Swept]:
        """Finds and releases what killed commands left behind; touches no host with agents. By provider instance.

        >>> mngr.gc(dry_run=True)["local"].errors
        []
        """
        from mngr.ops.sweep import sweep

        return sweep(self, several(providers, "providers"), dry_run=dry_run)

    def forget(self, hosts: Sequence[str]) -> Sequence[str]:
        """Drops what is kept here of hosts that only another account knows, which may go on paying for them.

        >>> mngr.forget(["of-the-lost-account"])  # doctest: +SKIP
        ['of-the-lost-account.vultr']
        """
        from mngr.ops.sweep import forget

        return forget(self, several(hosts, "hosts"))

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

    def types(self) -> Sequence[ShownType]:
        """All agent types: those that ship, and those of the config. What is wrong with one is its `problem`.

        >>> [one.name for one in mngr.types() if one.kind and one.kind.version]
        ['claude', 'codex', 'gemini', 'opencode']
        """
        from mngr.ops import agent_types

        return agent_types.all_types(self)

    def ssh_config(self, to: str | Path | None = None) -> UserConfig:
        """Settings (`text`) by which the user's own ssh reaches each agent and host; what can't be asked about is in it as it
        was last seen. `to`: also into this file, whole or not at all. Raises InvalidInput if that can't be written.

        >>> mngr.ssh_config().text  # agents on this computer need none
        ''
        >>> mngr.ssh_config("~/.ssh/mngr.conf").shared  # doctest: +SKIP
        {}
        """
        from mngr.ops import ssh_config

        return ssh_config.user_ssh_config(self, None if to is None else str(to))

    def doctor(self) -> Sequence[Check]:
        """Whether this computer has what mngr needs, and each provider in use answers.

        >>> [check.name for check in mngr.doctor() if check.needed and not check.ok]
        []
        """
        from mngr.ops.doctor import examine

        return examine(self)
