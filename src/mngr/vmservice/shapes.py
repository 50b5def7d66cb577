"""What requests and answers look like: names and defaults are the seed's. Memory in MiB both ways, disks in GiB."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mngr.vms.keys import COMMENT, MOST_COMMENT
from mngr.vms.spec import LEAST_MIB, MOST_GIB, MOST_GPUS, MOST_KEYS, MOST_MIB, MOST_VCPUS, key_pattern

IMAGE = "https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2"
HTTPS = r"^https://([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\.){1,4}[a-z]{2,20}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~/%=&?-]{0,1800})?$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
Name = Annotated[
    str, Field(pattern=NAME, examples=["test-vm"], description="Letters, digits, - and _; at most 63")
]
#: A create waits so many seconds for the VM's SSH, and no more than so many.
WAIT_S, MOST_WAIT_S = 300, 3600
KeyName = Annotated[
    str, Field(pattern=NAME, examples=["my-key"], description="Letters, digits, - and _; at most 63")
]


class Shape(BaseModel):
    """Values are taken as they are, none is turned into another type, and no field is unknown."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Nothing(Shape):
    """No parameters."""


# --- requests -----------------------------------------------------------------------------------------------------


class VmName(Shape):
    name: Name


class VmCreate(Shape):
    name: Name
    memory: Annotated[int, Field(ge=LEAST_MIB, le=MOST_MIB, description="MiB")] = 2048
    vcpus: Annotated[int, Field(ge=1, le=MOST_VCPUS)] = 2
    diskSize: Annotated[int, Field(ge=1, le=MOST_GIB, description="GiB; not smaller than the image's")] = 20
    network: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,62}|bridge:[A-Za-z0-9][A-Za-z0-9_.-]{0,14})$",
            description="One of libvirt's networks; `bridge:NAME`: a bridge of the hypervisor's; `user`: none of them, with a port of the hypervisor's loopback that leads to SSH",
        ),
    ] = "default"
    imageUrl: Annotated[
        str | None,
        Field(
            max_length=2048,
            description="https:// of a cloud image, raw or qcow2; fetched once. http:// is taken with `imageSha256`, too",
            examples=[IMAGE],
            json_schema_extra={"pattern": HTTPS},
        ),
    ] = None
    imageSha256: Annotated[
        str | None,
        Field(pattern=r"^[0-9A-Fa-f]{64}$", description="Then the image is that one, or the create fails"),
    ] = None
    sshKeys: Annotated[
        list[KeyName], Field(max_length=MOST_KEYS, description="Keys of the service whose holders may log in")
    ] = []
    publicKeys: Annotated[
        list[Annotated[str, Field(max_length=16384, json_schema_extra={"pattern": key_pattern()})]],
        Field(max_length=MOST_KEYS, description="Public keys whose holders may log in, as lines"),
    ] = []
    user: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
            description="Who logs in, and may sudo; default: the image's own user",
        ),
    ] = None
    autostart: bool = False
    gpus: Annotated[
        list[
            Annotated[
                str,
                Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$", examples=["0000:01:00.0"]),
            ]
        ],
        Field(
            max_length=MOST_GPUS,
            json_schema_extra={"uniqueItems": True},
            description="PCI addresses of the hypervisor's GPUs that it gets; `GET /api/host` lists them",
        ),
    ] = []
    pool: Annotated[
        str | None,
        Field(pattern=NAME, description="Storage pool that its disk is in; default: the service's folder"),
    ] = None
    template: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
            description="What isn't given is this template's; `GET /api/templates` lists them",
            examples=["debian-12"],
        ),
    ] = None
    wait: Annotated[
        bool,
        Field(
            description="Answer when its SSH does; false: once QEMU runs it. It is no part of what the VM is"
        ),
    ] = True
    timeout: Annotated[
        int,
        Field(
            ge=1,
            le=MOST_WAIT_S,
            description="Seconds to wait for its SSH; the VM stays if it doesn't answer by then",
        ),
    ] = WAIT_S


class VmStop(Shape):
    name: Name
    force: Annotated[bool, Field(description="Pull the plug if it hasn't shut down in time")] = False
    timeout: Annotated[int, Field(ge=0, le=600, description="Seconds to wait for the guest")] = 60


class KeyCreate(Shape):
    name: KeyName
    comment: Annotated[
        str, Field(max_length=MOST_COMMENT, pattern=COMMENT, description="Default: the name")
    ] = ""
    type: Annotated[Literal["rsa", "ed25519"], Field(description="rsa has 4096 bits")] = "rsa"


class KeyRef(Shape):
    name: KeyName


# --- answers ------------------------------------------------------------------------------------------------------


class Vm(Shape):
    name: str
    uuid: str
    state: str
    memory: Annotated[int, Field(description="MiB")]
    vcpus: int
    autostart: bool


class VmDetails(Vm):
    ip: Annotated[str | None, Field(description="None while there is none; then `noAddress` says why")]
    sshPort: int | None
    addressFrom: Annotated[str | None, Field(description="forward, lease, agent or arp")]
    noAddress: str | None
    acceleration: str
    accelerationReason: str
    networks: list[str]
    diskSize: Annotated[int | None, Field(description="GiB; None if mngr didn't make it")]
    image: Annotated[str | None, Field(description="The SHA-256 or path of what its disk is laid over")]
    disks: Annotated[list[str], Field(description="Files of the hypervisor's")]
    spec: Annotated[
        dict[str, Any] | None,
        Field(description="What it was asked to be, as `mngr vm show` tells it; None if mngr didn't make it"),
    ]


class Vms(Shape):
    vms: list[Vm]


class Status(Shape):
    status: Literal["started", "stopped", "deleted"]
    vm: str


class Key(Shape):
    name: str
    publicKey: str
    privateKeyPath: Annotated[str, Field(description="On the service's machine, where it stays")]
    publicKeyPath: str


class Keys(Shape):
    keys: list[Key]


class KeyDeleted(Shape):
    status: Literal["deleted"] = "deleted"
    key: str


class Image(Shape):
    sha256: str
    urls: list[str]
    format: str
    size: Annotated[int, Field(description="Bytes of its file")]
    diskSize: Annotated[int, Field(description="Bytes that a VM sees of it")]
    path: Annotated[str, Field(description="On the service's machine")]
    fetchedAt: Annotated[float, Field(description="Seconds since the epoch")]
    usedAt: Annotated[float, Field(description="When a create was last given it")]
    needed: Annotated[bool, Field(description="Whether a VM is made of it")]


class Images(Shape):
    images: list[Image]


class Gpu(Shape):
    address: str
    vendor: str
    product: str
    driver: str
    problem: Annotated[str | None, Field(description="Why it can't be handed to a VM; None if it can")]
    vms: list[str]


class Host(Shape):
    uri: str
    libvirt: str
    acceleration: str
    accelerationReason: str
    storage: str
    gpus: list[Gpu]
