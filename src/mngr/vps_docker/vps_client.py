"""The contract of a cloud that rents machines: `VpsClientInterface`, and the plain data that it takes and gives.

A cloud is one class: seven calls about machines, one about time, and `caps`, which say how the cloud behaves. It knows
no journal (it is given `save`), no Docker and no SSH. Its HTTP client and its clock are handed in, so that it can be
aimed at a simulated cloud and tested without waiting.

Tags say whose a machine is (`vps_docker.tags` has their keys and what their values hold).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from mngr.model.progress import Progress
from mngr.model.records import AgentRecord, SshTrust
from mngr.model.views import Offer, Paid
from mngr.vps_docker.primitives import VpsInstanceId, VpsInstanceStatus
from mngr.vps_docker.tags import Owner, read

#: What `create` has made so far. The key `id` is the library's: the machine's id, "" until there is one. All others
#: are the cloud's own. What is saved later is laid over what was saved before.
Handle = dict[str, str]

#: Reads the records of all agents of a host, from the host. Raises MngrError.
AllAgents = Callable[[], Sequence[AgentRecord]]

#: Lays some keys over the handle on disk, and returns once that is durable (fsynced).
Save = Callable[[Handle], None]


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """How a cloud behaves. Times in seconds.

    `list_lag_s`: after a write, lists may be this old. `billing`: by the hour, or by the month and ahead.
    `paid_while_off`: what is billed on once a machine is powered off; where the machine isn't, stopping a host also powers
    off (deallocates) its machine. `self_stop`: a POSIX sh script by which a machine ends its own bill, run on it as root once
    its idle or too old container was stopped, until it succeeds. `user_data`: cloud-init user data is honoured; where it isn't, `bootstrap` is called.
    `outlives_release`: a released machine runs on, to the end of what is paid.
    """

    list_lag_s: float = 0
    billing: Literal["hourly", "monthly"] = "hourly"
    paid_while_off: Sequence[Paid] = ("machine",)
    self_stop: str = ""
    user_data: bool = True
    outlives_release: bool = False

    @property
    def stop_saves(self) -> bool:
        """Whether powering a machine off saves anything."""
        return "machine" not in self.paid_while_off

    @property
    def ssh_trust(self) -> SshTrust:
        """Of hosts there: without user data the machine's host key is the one that it showed first."""
        return "pinned" if self.user_data else "unverified"


class MachineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as asked for.

    `name`: a function of (instance, host id), so a repeat asks for the same. `plan`, `region`, `image`: in the cloud's
    words. `options`: what else `VpsDockerProvider.machine_spec` put there. `tags`: to be put on the machine by the call
    that orders it, where the API allows. `user_data`: cloud-init's, with the host key in it; a secret until the machine
    is up. `public_key`: the provider instance's own key, which opens root's login on all of its machines; the user data
    has it too, so only a cloud without user data has to hand it over. `first_commands`: argvs that its first boot runs
    before all else.
    """

    host_id: str
    name: str
    plan: str
    region: str
    image: str
    user_data: str = ""
    tags: dict[str, str] = {}
    public_key: str = ""
    options: dict[str, str] = {}
    first_commands: Sequence[Sequence[str]] = ()


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as the cloud shows it. Of a machine that is paid ahead: `paid_until` (ISO), and whether it `renews`;
    `released`: it lives on, to be taken by whoever comes first (Caps.outlives_release);
    `spot`: the cloud may take it away when it needs the room;
    `agents`: all of its host, where the cloud keeps them (`keep_agents`); None unless it is sure that these are all;
    `agents_shortened`: they lack commands, labels or directories for which the cloud has no room."""

    id: VpsInstanceId
    name: str = ""
    state: VpsInstanceStatus = "pending"
    address: str = ""
    tags: dict[str, str] = {}
    plan: str = ""
    region: str = ""
    created_at: float | None = None
    paid_until: str = ""
    renews: bool | None = None
    released: bool = False
    agents: Sequence[AgentRecord] | None = None
    agents_shortened: bool = False
    spot: bool = False

    @property
    def owner(self) -> Owner:
        """Whose it is, by its tags."""
        return read(self.tags)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a machine went off, or away. `at`: epoch s. `by`: the machine itself, the cloud (which took it back), or a person or
    program; `who`: the latter, in the cloud's words."""

    at: float
    by: Literal["itself", "cloud", "person"]
    who: str = ""


class Gone(msgspec.Struct, frozen=True):
    """Released: the cloud says that nothing is left."""


class Later(msgspec.Struct, frozen=True):
    """Not yet released; ask again after `after_s`. `why` is shown."""

    why: str
    after_s: float = 5


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that costs nothing (an interface, a role) and was made for a machine that is gone. `machine`: that one's name;
    `what`: the thing, for people; `tags`: its own."""

    id: str
    machine: str
    what: str
    tags: dict[str, str] = {}


class VpsClientInterface(ABC):
    """A cloud that rents machines. Calls are synchronous, come from several threads, and wait within limits.

    Errors (`vps_docker.errors`): a failed read is VpsApiUnreadable; a write without a usable answer, VpsApiNoAnswer; a
    refused one, VpsApiError. `vps_docker.http` raises them so. NotFound means that the cloud itself said so.
    """

    #: How this cloud behaves.
    caps: Caps = Caps()
    plans: Sequence[str] = ()

    # --- what every cloud does --------------------------------------------------------------------------------

    @abstractmethod
    def check(self, spec: MachineSpec) -> Offer:
        """What `spec` would cost. Spends nothing.

        Raises InvalidInput naming the valid choices for an unknown plan, region or image; Unreadable.
        """

    @abstractmethod
    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        """Buys the machine, or goes on from `handle`; None: ordered, not delivered yet, call again.

        Calls `save` with what must survive this process before each paid call and right after it; what was saved comes
        back as `handle`. A repeat adopts what an earlier call made; where the cloud has no idempotency key, a call that
        may have been carried out is repeated only after `caps.list_lag_s`. If the machine that `handle` names is gone,
        the
        answer is a Machine whose state is `gone`: the caller then releases what is left, and fails.
        Raises VpsApiError, or VpsProvisioningError when the cloud won't deliver.
        """

    @abstractmethod
    def find(self, owner: dict[str, str]) -> list[Machine]:
        """All machines that have all these tags, from all pages. May lag behind by `caps.list_lag_s`.

        Raises Unreadable; never returns part of the list, or an empty one, for an error.
        """

    @abstractmethod
    def get(self, id: str) -> Machine:
        """One machine, also a released one that lives on. Raises NotFound only if the cloud itself said so; Unreadable on
        any other trouble."""

    @abstractmethod
    def power(self, id: str, on: bool) -> None:
        """Switches on or off; on while on is success. Returns when the cloud shows it, or raises TimedOut."""

    @abstractmethod
    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        """Sets and removes tags, leaving all others alone. Repeatable. Raises NotFound, VpsApiError."""

    @abstractmethod
    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        """Ends the bill of everything that `create(spec, …)` may have made. Repeatable; never waits long.

        That includes what is billed beside the machine (an address, a disk). Looks at `handle` and also for the host
        id's tag, as an answer may have been lost. Gone: the cloud says that nothing is left, and nothing can appear any
        more. Later: ask again. Raises VpsApiError.
        """

    @abstractmethod
    def now(self) -> float:
        """The cloud's time in seconds since the epoch, so that laptops with wrong clocks agree on leases."""

    # --- what some clouds do otherwise ------------------------------------------------------------------------

    def find_ours(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Machine]:
        """All machines of whose name and tags `is_ours` says so: also those that lost some. Raises as `find`. To be
        overridden where machines that aren't ours are better not read at all."""
        return [one for one in self.find({}) if is_ours(one.name, one.tags)]

    def ended(self, id: str, *, gone: bool = False) -> Ended | None:
        """How a machine that is off, or `gone`, became so; None where that isn't known (yet). Asked for each that is off, so it
        waits a few seconds at most, and keeps what it was told. Raises nothing."""
        return None

    def leftovers(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Leftover]:
        """Things that cost nothing, of machines that are gone and of which nothing is left that is billed (that is
        `find_ours`'s). `is_ours`: of a machine's name and a thing's tags. For the sweep alone. Raises as `find`."""
        return []

    def clear(self, leftover: Leftover) -> Gone | Later:
        """Takes away that one thing, unless it is in use by now. Repeatable; never waits long. Raises VpsApiError."""
        raise NotImplementedError  # a cloud whose `leftovers` finds any has a method of its own

    def have_read(self, plans: list[str]) -> None:
        """For `check` to call with the names of all plans, where it reads them: for completion."""
        self.plans = plans

    def ssh_port(self, address: str) -> int:
        """Where the machine at an address has its own SSH."""
        return 22

    def account(self) -> str:
        """Whose account this is, in words that no other account has, and always the same; "" if that can't be told.

        With it, another account's key never makes a host that is paid for look like one that is gone. Raises Unreadable.
        """
        return ""

    def bootstrap(self, machine: Machine, progress: Progress) -> str:
        """Makes our key known to a machine without user data, and returns once root's login works. Repeatable.

        Returns the host key that was seen first, unverified. Raises MachineRefused if this machine can't be had after
        all: `create`, given its handle again, makes another.
        """
        raise NotImplementedError  # VpsDockerProvider refuses a cloud without user data that has no method of its own

    def blank_user_data(self, id: str) -> None:  # noqa: B027 optional
        """Empties the user data once the host key in it was replaced, where the API can. Repeatable."""

    def keep_agents(  # noqa: B027 optional
        self, id: str, put: Sequence[AgentRecord], drop: Sequence[str] = (), all_: AllAgents | None = None
    ) -> None:
        """Keeps records of a host's agents where they can be read while the machine is off (`Machine.agents`), for clouds
        whose machines aren't paid then; `drop`: ids. `all_` reads them all from the host: called where what is kept was lost,
        damaged or shortened, which is then written anew. Repeatable. Raises NotFound, VpsApiError."""

    def keep(self, id: str, progress: Progress) -> None:  # noqa: B027 optional
        """Called once the host's record is durable, before the machine is tagged as ready: for clouds where a machine
        that is being made ends by itself unless it is kept (a cancelled renewal). Repeatable."""
