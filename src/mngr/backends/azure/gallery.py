"""Images that `mngr azure bake` made: a compute gallery in the resource group, a definition for each recipe, its versions.

https://learn.microsoft.com/rest/api/compute/gallery-image-versions
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.group import MANAGED, Group
from mngr.hosts import scripts
from mngr.model.errors import NotFound
from mngr.vps_docker import tags

#: How the tags of a definition begin that say which computers have baked for it: one each.
BAKED_BY = "mngr-baked-by-"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an image. `state`: Azure's, in lower case. `regions`: where it can be booted, in lower case."""

    path: str
    number: tuple[int, ...]
    state: str
    regions: Sequence[str]
    row: Mapping[str, Any] = {}


class Gallery(msgspec.Struct, frozen=True, kw_only=True):
    """The paths, below the subscription, of a group's gallery and of what `config` would be baked to. `laptop`: who bakes."""

    group: Group
    instance: str
    laptop: str = ""

    @property
    def config(self) -> AzureConfig:
        return self.group.config

    @property
    def path(self) -> str:
        """Galleries' names are the subscription's; they have no dashes."""
        name = hashlib.sha256(self.config.resource_group.lower().encode()).hexdigest()[:8]
        return f"{self.group.path}/providers/Microsoft.Compute/galleries/mngr_{name}"

    @property
    def definitions(self) -> str:
        return f"{self.path}/images"

    @property
    def definition(self) -> str:
        return f"{self.definitions}/mngr-{recipe(self.config)}"

    @property
    def versions(self) -> str:
        return f"{self.definition}/versions"

    @property
    def tags(self) -> dict[str, str]:
        return {**MANAGED, tags.PROVIDER: self.instance}

    @property
    def mark(self) -> str:
        """A tag of a definition: this computer has baked for it, for this provider instance. Others may have, too."""
        return f"{BAKED_BY}{self.laptop}-{self.instance}"

    def read(self, arm: Arm) -> list[Version]:
        """All versions of what `config` would be baked to, the newest first. Raises Unreadable."""
        try:
            rows = arm.pages(self.versions)
        except NotFound:
            return []
        return sorted((self._version(row) for row in rows), key=lambda one: one.number, reverse=True)

    def one(self, arm: Arm, path: str) -> Version:
        """Raises NotFound."""
        return self._version(arm.get(path))

    def usable(self, found: Sequence[Version], region: str) -> str:
        """The id of the newest that can be booted in `region`; "" if there is none."""
        ids = [
            self.group.whole(one.path)
            for one in found
            if one.state == "succeeded" and region.lower() in one.regions
        ]
        return ids[0] if ids else ""

    def _version(self, row: Mapping[str, Any]) -> Version:
        name, properties = str(row.get("name")), row.get("properties") or {}
        targets = (properties.get("publishingProfile") or {}).get("targetRegions") or []
        return Version(
            path=f"{self.versions}/{name}",
            number=tuple(int(part) for part in name.split(".") if part.isdigit()),
            state=str(properties.get("provisioningState", "")).lower(),
            regions=[str(one.get("name", "")).replace(" ", "").lower() for one in targets],
            row=row,
        )


def recipe(config: AzureConfig) -> str:
    """What an image is baked from, as 8 digits: with other settings, or another mngr, it is another image."""
    facts = (
        config.boot_image,
        str(config.os_disk_size_gb),
        config.default_image,
        scripts.text("container-packages"),
    )
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:8]


def definition_body(gallery: Gallery, generation: str, processor: str) -> dict[str, Any]:
    return {
        "location": gallery.group.region,
        "tags": {**gallery.tags, gallery.mark: "1"},
        "properties": {
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": generation,
            "architecture": processor,
            "identifier": {"publisher": "mngr", "offer": "docker", "sku": recipe(gallery.config)},
            "description": f"{gallery.config.boot_image} with Docker and {gallery.config.default_image}",
        },
    }


def version_body(gallery: Gallery, vm_id: str, regions: Sequence[str]) -> dict[str, Any]:
    return {
        "location": gallery.group.region,
        "tags": gallery.tags,
        "properties": {
            "publishingProfile": publishing(regions),
            "storageProfile": {"source": {"virtualMachineId": vm_id}},
        },
    }


def publishing(regions: Sequence[str]) -> dict[str, Any]:
    targets = [
        {"name": one, "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"} for one in regions
    ]
    return {"replicaCount": 1, "storageAccountType": "Standard_LRS", "targetRegions": targets}
