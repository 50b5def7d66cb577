"""A host as an object: what is known of it, as it was when it was last looked at, and its verbs.

Verbs that change something look first, and see to it that the object shows how it is afterwards; after a destroy it shows
what was last seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.model.errors import NotFound
from mngr.model.states import HostState
from mngr.model.views import HostView
from mngr.ops import names
from mngr.ops.names import Group

if TYPE_CHECKING:
    from mngr.ops.agent import Agent
    from mngr.ops.lifecycle import Destroyed, Started, Stopped
    from mngr.ops.mngr import Mngr
    from mngr.providers.contract import Snapshot, SnapshotListing


class Host:
    """A host: this computer, a container, or a container on a rented machine. `view` has all that is known of it.

    >>> mngr.agent("demo").host.state
    'running'
    """

    def __init__(self, mngr: Mngr, view: HostView) -> None:
        self.mngr = mngr
        self.view = view

    def __repr__(self) -> str:
        return f"<Host {self.name}.{self.provider} {self.state}>"

    @property
    def name(self) -> str:
        return self.view.record.name

    @property
    def id(self) -> str:
        return self.view.record.id

    @property
    def provider(self) -> str:
        """The provider instance that it is on."""
        return self.view.record.provider

    @property
    def state(self) -> HostState:
        return self.view.state

    @property
    def labels(self) -> dict[str, str]:
        return self.view.record.labels

    @property
    def address(self) -> str:
        """How every verb of the command line takes it, too: by its id, which no other host has."""
        return f"@{self.id}.{self.provider}"

    @property
    def agents(self) -> Sequence[Agent]:
        """The agents that are known on it; all there are if `view.agents_known`."""
        from mngr.ops.agent import Agent

        return [Agent(self.mngr, self.view, one) for one in self.view.agents]

    def refresh(self) -> Host:
        """Looks at it again. Raises NotFound, Unreachable.

        >>> mngr.host("localhost").refresh().state
        'running'
        """
        self.view = names.resolve(self.mngr, [self.address])[0].host
        return self

    def stop(self) -> Stopped:
        """Stops it with all its agents. Repeatable.

        >>> mngr.host("localhost").stop().host_stopped  # this computer stays up
        False
        """
        from mngr.ops import lifecycle

        done = lifecycle.stop(self.mngr, self._group(), self.mngr.phases())
        self.refresh()
        return done

    def start(self) -> Started:
        """Starts the host alone, none of its agents. Repeatable.

        >>> mngr.host("localhost").start().host.state
        'running'
        """
        from mngr.ops import lifecycle

        done = lifecycle.start(self.mngr, self._group(), self.mngr.phases())
        self.refresh()
        return done

    def destroy(self, *, unknown_agents: bool = False) -> Destroyed:
        """Removes it for good, with all its agents, and ends its bill. Gone already is success. Nobody is asked.

        Raises Unreachable if its agents can't be read, unless `unknown_agents` says that they may go; NotWiped if its bill
        has ended and its files couldn't be removed yet.

        >>> mngr.create("box", provider="docker").host.destroy().host_gone  # doctest: +SKIP
        True
        """
        from mngr.ops import lifecycle

        try:
            group = self._group()
        except NotFound:
            return lifecycle.Destroyed(host_gone=True)
        return lifecycle.destroy(self.mngr, group, self.mngr.phases(), unknown_agents=unknown_agents)

    def snapshot(self, name: str = "", *, to: str | Path | None = None) -> Snapshot:
        """Saves image and volume together; it is paused meanwhile. `to`: also into this file. Raises NotSupported.

        >>> mngr.agent("demo").host.snapshot(to="demo.tar")  # doctest: +SKIP
        Snapshot(id='snap-…', …)
        """
        from mngr.ops import snapshots

        file = None if to is None else Path(to)
        return snapshots.create(self.mngr, self.address, name, file, self.mngr.phases())

    def snapshots(self) -> SnapshotListing:
        """Its snapshots, and what couldn't be read. Raises NotSupported.

        >>> [one.id for one in mngr.agent("demo").host.snapshots().snapshots]  # doctest: +SKIP
        ['snap-…']
        """
        from mngr.ops import snapshots

        return snapshots.list_(self.mngr, self.address)

    def boot_log(self, size: int = 64 << 10) -> str:
        """The end of its machine's boot log. Raises NotSupported where there is no machine.

        >>> print(mngr.agent("demo").host.boot_log())  # doctest: +SKIP
        """
        from mngr.ops import run

        return run.boot_log(self.mngr, self.address, size)

    def _group(self) -> Group:
        return Group(names.resolve(self.mngr, [self.address])[0].host, [])
