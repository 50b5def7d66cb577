"""A cloud in memory and a clock that only tests move, for what vps_docker does without machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mngr.containers.access import Access
from mngr.journal import Journal
from mngr.model.errors import NotFound
from mngr.model.progress import Progress
from mngr.model.views import Offer
from mngr.providers.contract import Context
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.tags import HOST_ID
from mngr.vps_docker.vps_client import (
    Caps,
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

START = 1_800_000_000.0


class ManualClock:
    """Sleeping moves it, at once. `during` is called at every sleep."""

    def __init__(self) -> None:
        self.at = START
        self.slept: list[float] = []
        self.during: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at - START

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.at += seconds
        self.during()


class MemoryCloud(VpsClientInterface):
    """Machines in a dict. `calls` has the name of each call; a name in `failing` raises what it maps to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.caps = Caps()
        self.machines: dict[str, Machine] = {}
        self.calls: list[str] = []
        self.failing: dict[str, BaseException] = {}
        self.address = ""
        self.state = "pending"
        self.stays_after_release = 0
        self.delivers = True
        self.before_get: Callable[[str], None] = lambda id: None

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]

    def put(self, id: str, tags: dict[str, str], **changes: object) -> Machine:
        """A machine that is there already."""
        made = Machine(id=id, name=f"machine-{id}", tags=tags, created_at=self.clock.now())
        self.machines[id] = msgspec.structs.replace(made, **changes)
        return self.machines[id]

    def check(self, spec: MachineSpec) -> Offer:
        self._call("check")
        return Offer(plan=spec.plan, region=spec.region, image=spec.image, per_hour=0.01, per_month=5)

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        self._call("create")
        if not self.delivers:
            save({"order": "1"})
            return None
        if handle.get("id") in self.machines:
            return self.machines[handle["id"]]
        save({"asked_at": str(self.clock.now())})
        made = self.put(
            f"i-{len(self.machines) + 1}",
            dict(spec.tags),
            name=spec.name,
            address=self.address,
            state=self.state,
        )
        self._call("create: bought")
        save({"id": made.id})
        return made

    def find(self, owner: dict[str, str]) -> list[Machine]:
        self._call("find")
        return [one for one in self.machines.values() if owner.items() <= one.tags.items()]

    def get(self, id: str) -> Machine:
        self._call("get")
        self.before_get(id)
        if id not in self.machines:
            raise NotFound(f"no machine {id}")
        return self.machines[id]

    def power(self, id: str, on: bool) -> None:
        self._call("power on" if on else "power off")

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        self._call("tag")
        if id not in self.machines:
            raise NotFound(f"no machine {id}")
        kept = {key: value for key, value in self.machines[id].tags.items() if key not in drop}
        self.machines[id] = msgspec.structs.replace(self.machines[id], tags={**kept, **put})

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        self._call("release")
        mine = [
            id
            for id, one in self.machines.items()
            if one.tags.get(HOST_ID) == spec.host_id or id == handle.get("id")
        ]
        if mine and self.stays_after_release:
            self.stays_after_release -= 1
            return Later("still there", after_s=5)
        for id in mine:
            del self.machines[id]
        return Gone()

    def now(self) -> float:
        return self.clock.now()


def unreadable() -> VpsApiUnreadable:
    return VpsApiUnreadable("the cloud is down")


def provider(
    home: Path,
    cloud: MemoryCloud,
    laptop: str = "laptop-1",
    config: VpsDockerProviderConfig | None = None,
) -> VpsDockerProvider:
    context = Context(instance="cloud", home=home, laptop=laptop, clock=cloud.clock)
    return VpsDockerProvider(
        cloud, config or VpsDockerProviderConfig(), context, backend="memory", title="Memory"
    )


def parts(home: Path, cloud: MemoryCloud, laptop: str = "laptop-1") -> Rented:
    context = Context(instance="cloud", home=home, laptop=laptop, clock=cloud.clock)
    return Rented(
        name="cloud",
        backend="memory",
        title="Memory",
        cloud=cloud,
        config=VpsDockerProviderConfig(),
        access=Access(context.folder("memory")),
        journal=Journal(home / "journal"),
        context=context,
    )
