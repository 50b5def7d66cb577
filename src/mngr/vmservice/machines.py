"""VMs over HTTP as mngr's own provider wants them: with user data, tags, forwarded ports, and records of agents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import ConfigDict, Field

from mngr.model.errors import Conflict, InvalidInput
from mngr.vms import create, files, guests, remove, urls
from mngr.vms import spec as specs
from mngr.vms.guests import AGENTS, TAGS, Guest
from mngr.vms.spec import MOST_FORWARDS, VmSpec, check_user_data
from mngr.vmservice import telling
from mngr.vmservice.service import BUSY_S, Service
from mngr.vmservice.shapes import Name, Nothing, Shape, VmCreate, VmName

MOST_TAGS, MOST_AGENTS = 64, 256
#: What says for whom a machine is: a repeated create is the same machine only for the same one.
OWNER = "mngr-host-id"
#: Until when its builder has reserved it, in seconds since the epoch.
UNTIL = "mngr-until"
Text = Annotated[str, Field(max_length=4096)]
Tags = Annotated[dict[Text, Text], Field(max_length=MOST_TAGS)]


class Forward(Shape):
    here: Annotated[int, Field(ge=1024, le=65535, description="Port of the machine's own loopback address")]
    guest: Annotated[int, Field(ge=1, le=65535, description="Port in the machine that it leads to")]


class MachineCreate(VmCreate):
    wait: Annotated[bool, Field(description="Takes no effect: the answer comes once QEMU runs it")] = False
    template: Annotated[None, Field(description="None: its user data is given")] = None  # type: ignore[assignment]
    userData: Annotated[
        str,
        Field(
            max_length=65536,
            description="cloud-init's; a secret, which isn't shown again",
            json_schema_extra={"pattern": "^(|#cloud-config\n[ -~]*|#![ -~]*)$"},
        ),
    ] = ""
    tags: Annotated[
        Tags,
        Field(
            description=f"{OWNER}: for whom it is",
            json_schema_extra={
                "required": [OWNER],
                "properties": {OWNER: {"type": "string", "minLength": 1}},
            },
        ),
    ]
    forwards: Annotated[
        list[Forward], Field(max_length=MOST_FORWARDS, description="On network `user` alone")
    ] = Field(default_factory=list)


class Agent(Shape):
    """Of what else is in it only its provider knows."""

    model_config = ConfigDict(strict=True, extra="allow")
    id: Text


class MachineChange(Shape):
    name: Name
    put: Tags = Field(default_factory=dict)
    drop: Annotated[list[Text], Field(max_length=MOST_TAGS, description="Tags to remove")] = Field(
        default_factory=list
    )
    putAgents: Annotated[
        list[Agent], Field(max_length=MOST_AGENTS, description="Records, each with its `id`")
    ] = Field(default_factory=list)
    dropAgents: Annotated[list[Text], Field(max_length=MOST_AGENTS, description="By id")] = Field(
        default_factory=list
    )
    allAgents: Annotated[
        list[Agent] | None,
        Field(max_length=MOST_AGENTS, description="All that there are, for where the kept ones were lost"),
    ] = None
    blankUserData: Annotated[bool, Field(description="Its seed has no user data from its next start on")] = (
        False
    )


class MachinePower(Shape):
    name: Name
    on: bool
    timeout: Annotated[int, Field(ge=0, le=600, description="Seconds until its plug is pulled")] = 90


class Machine(Shape):
    name: str
    state: str
    address: str
    sshPort: int
    ours: Annotated[bool, Field(description="False: mngr didn't make it")]
    memory: Annotated[int, Field(description="MiB")]
    vcpus: int
    diskSize: Annotated[int, Field(description="GiB")]
    tags: dict[str, str]
    agents: Annotated[list[dict[str, Any]] | None, Field(description="None: they aren't all known")]
    madeAt: float | None
    offAt: Annotated[float | None, Field(description="When it went off, as far as that is known")]
    offBy: str


class Checked(Shape):
    status: Literal["ok"] = "ok"


class Machines(Shape):
    machines: list[Machine]


def list_(service: Service, asked: Nothing) -> Machines:
    """Without what killed creates left, which goes first."""
    hypervisor = service.swept()
    return Machines(machines=[_machine(one) for one in guests.all_(hypervisor)])


def show(service: Service, asked: VmName) -> Machine:
    """Raises Conflict while it is being made, and nothing of it is there yet."""
    hypervisor = service.settled(asked.name)
    busy = remove.is_busy(hypervisor, asked.name)
    if hypervisor.find(asked.name) is None and busy:
        raise Conflict(f"VM {asked.name} is being made or removed", hint="ask again in a while")
    return _machine(guests.get(hypervisor, asked.name))


def make(service: Service, asked: MachineCreate) -> Machine:
    """The one that is there, if it is for the same host. Raises InvalidInput if it isn't said for which."""
    _check_owner(asked)
    guests.check_tags(asked.tags)
    hypervisor = service.settled(asked.name)
    if hypervisor.find(asked.name) is not None:
        there = guests.get(hypervisor, asked.name)
        if not there.ours or there.tags.get(OWNER) != asked.tags.get(OWNER):
            raise Conflict(f"there is a VM {asked.name} that is somebody else's", hint="take another name")
        return _machine(there)
    check_user_data(asked.userData.encode())
    spec = planned(service, asked)
    create.image_of(hypervisor, spec)
    began = service.now()
    # Held from here on, so that nobody who looks during the download takes the machine for one that won't come.
    with remove.hold(hypervisor, asked.name, BUSY_S) as held:
        image = service.images(hypervisor).get(spec.image_url, spec.image_sha256, telling.step)
        hypervisor = service.hypervisor()  # a download may take longer than a connection lives
        spec = msgspec.structs.replace(spec, image=str(image))
        wrote = {TAGS: later(asked.tags, service.now() - began), AGENTS: []}
        create.create(hypervisor, spec, asked.userData.encode(), notes=wrote, held=held)
    return _machine(guests.get(hypervisor, asked.name))


def later(tags: dict[str, str], by_s: float) -> dict[str, str]:
    """With a reservation that begins when the image is there: its builder renews it from then on."""
    until = tags.get(UNTIL, "")
    return {**tags, UNTIL: str(int(until) + int(by_s))} if until.isascii() and until.isdigit() else tags


def check(service: Service, asked: MachineCreate) -> Checked:
    """Makes nothing. Raises what a create would, as far as that is known before the image is there."""
    _check_owner(asked)
    check_user_data(asked.userData.encode())
    spec, hypervisor = planned(service, asked), service.hypervisor()
    hypervisor.check_local()
    files.check_folder(hypervisor.folder)
    create.check_network(hypervisor, spec)
    create.check_memory(hypervisor, spec)
    urls.check(spec.image_url, service.settings.images, checked=bool(spec.image_sha256))
    return Checked()


def _check_owner(asked: MachineCreate) -> None:
    if not asked.tags.get(OWNER):
        raise InvalidInput(
            f"machine {asked.name} would be nobody's",
            hint=f"give tag {OWNER}: whom it is for; `POST /api/vms` makes VMs without",
        )


def planned(service: Service, asked: MachineCreate) -> VmSpec:
    pairs = tuple((one.here, one.guest) for one in asked.forwards)
    if len({here for here, _ in pairs}) < len(pairs):
        raise Conflict(
            f"machine {asked.name} would forward a port to two places", hint="give each `here` once"
        )
    return specs.check(msgspec.structs.replace(service.spec(asked), forwards=pairs))


def change(service: Service, asked: MachineChange) -> Machine:
    hypervisor = service.settled(asked.name)
    if asked.put or asked.drop:
        guests.tag(hypervisor, asked.name, asked.put, asked.drop)
    if asked.putAgents or asked.dropAgents or asked.allAgents is not None:
        put, every = ([one.model_dump() for one in ones or ()] for ones in (asked.putAgents, asked.allAgents))
        guests.keep_agents(hypervisor, asked.name, put, asked.dropAgents, every)
    if asked.blankUserData:
        guests.blank_user_data(hypervisor, asked.name, BUSY_S)
    return _machine(guests.get(hypervisor, asked.name))


def switch(service: Service, asked: MachinePower) -> Machine:
    hypervisor = service.settled(asked.name)
    guests.switch(hypervisor, asked.name, asked.on, asked.timeout)
    return _machine(guests.get(hypervisor, asked.name))


def _machine(one: Guest) -> Machine:
    return Machine(
        name=one.name, state=one.state, address=one.address, sshPort=one.ssh_port, ours=one.ours, memory=one.memory_mib,
        vcpus=one.vcpus, diskSize=one.disk_gib, tags=one.tags, agents=one.agents, madeAt=one.made_at, offAt=one.off_at,
        offBy=one.off_by,
    )  # fmt: skip
