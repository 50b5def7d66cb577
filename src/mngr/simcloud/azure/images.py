"""Images of machines: `images`, and galleries with definitions and versions. An image is a copy of a VM's disk, kept here."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from typing import Any

from mngr.simcloud.azure import ids, providers
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.catalog import IMAGE_GB_MONTH
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base, preconditions, referenced, required
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad, refuse
from mngr.simcloud.bill import Stored
from mngr.simcloud.http import Response

IMAGE = "Microsoft.Compute/images"
GALLERY = "Microsoft.Compute/galleries"
DEFINITION = f"{GALLERY}/images"
VERSION = f"{DEFINITION}/versions"
VM = "Microsoft.Compute/virtualMachines"
DISK = "Microsoft.Compute/disks"
ANY = re.compile(r"[\w.-]{1,80}")
NUMBERS = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Copies(Kind):
    """Those that copy a disk: `source` says whose, by its id."""

    source: str = ""

    def put(self, state: State, call: Call) -> Response:
        state.open_group(call.id.group)
        providers.require(state, self.type)
        present = state.resources.get(call.path.lower())
        preconditions(call, present)
        built = self.build(state, call, present)
        if present:
            return super().put(state, call)
        vm, kept, gigabytes = _copied(state, call, built)
        one = replace(
            built, state="Creating", inner={"kept": kept or str(uuid.uuid4()), "gigabytes": gigabytes}
        )
        state.resources.put(one.key, one)
        state.core.bill.open(one.id, "image", one.name, one.bill_tags(), Stored(gigabytes, IMAGE_GB_MONTH))

        view = self.view(state, one)
        operation, response = state.operations.begin(
            call, one.id, state.behaviour.image_s, lambda: self.settled(state, one.key), status=201, body=view
        )
        if vm and vm.inner.get("booted") and not kept:
            operation.held = True

            def copy() -> None:
                try:
                    state.core.machines.save_disk(vm.properties["vmId"], one.inner["kept"])
                finally:
                    operation.held = False

            state.core.jobs.submit(vm.properties["vmId"], copy)
        elif not kept:
            state.change(one.key, inner={"kept": ""})
        return response


def _copied(state: State, call: Call, one: Resource) -> tuple[Resource | None, str, int]:
    """The VM that is copied, or the copy that is there already; and its size in GB."""
    found = state.resources.get(one.properties["source"].lower()) if "source" in one.properties else None
    id = value_at(one.properties, "sourceVirtualMachine.id", str, "") or value_at(
        one.properties, "storageProfile.osDisk.managedDisk.id", str, ""
    )
    id = (
        id
        or value_at(one.properties, "storageProfile.source.id", str, "")
        or value_at(one.properties, "storageProfile.source.virtualMachineId", str, "")
    )
    id = id or value_at(one.properties, "storageProfile.osDiskImage.source.id", str, "")
    if found is None and not id:
        raise bad(
            "An image needs a source: a virtual machine, a managed disk or another image.",
            "storageProfile.source",
        )
    type = ids.parse(id).type
    if type.lower() not in (VM.lower(), DISK.lower(), IMAGE.lower()):
        raise bad(
            f"The source '{id}' is no virtual machine, managed disk or image.", "storageProfile.source.id"
        )
    found = referenced(state, call, id, type, one.location)
    if found.type == IMAGE:
        return None, found.inner["kept"], found.inner["gigabytes"]
    if found.type == DISK:
        vm = state.resources.get(found.more.get("managedBy", "").lower())
        return vm, "" if vm else found.inner.get("kept", ""), found.properties["diskSizeGB"]
    if one.type == IMAGE and not found.inner.get("generalized"):
        raise refuse(
            409,
            "OperationNotAllowed",
            f"The VM '{found.name}' has to be deallocated and set to generalized before an image is created from it.",
        )
    return found, "", found.inner["gigabytes"]


def _image(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, IMAGE, present, ANY)
    names = ("sourceVirtualMachine", "storageProfile", "hyperVGeneration")
    return replace(
        one,
        properties=dict(one.properties)
        | {name: call.body["properties"][name] for name in names if name in call.at("properties", dict, {})},
    )


def _gallery(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, GALLERY, present, re.compile(r"[\w.]{1,80}"))
    unique = f"{state.subscription}-{one.name.upper()}"
    note = {"description": call.at("properties.description")} if call.at("properties.description") else {}
    return replace(one, properties={**note, "identifier": {"uniqueName": unique}})


def _definition(state: State, call: Call, present: Resource | None) -> Resource:
    _inside(state, call, 1)
    one = base(state, call, DEFINITION, present, ANY)
    for name in ("publisher", "offer", "sku"):
        required(call, f"properties.identifier.{name}")
    if required(call, "properties.osState") not in ("Generalized", "Specialized"):
        raise bad("osState is Generalized or Specialized.", "osState")
    required(call, "properties.osType")
    return replace(one, properties={**call.at("properties", dict, {})})


def _version(state: State, call: Call, present: Resource | None) -> Resource:
    _inside(state, call, 2)
    if not NUMBERS.fullmatch(call.id.name):
        raise refuse(
            400,
            "InvalidParameter",
            f"The gallery image version name '{call.id.name}' is invalid: it must be of the form Major.Minor.Patch.",
            target="galleryImageVersionName",
        )
    one = base(state, call, VERSION, present, ANY)
    return replace(one, properties={**call.at("properties", dict, {})})


def _inside(state: State, call: Call, levels: int) -> None:
    id = call.path
    for _ in range(2):
        id = id.rpartition("/")[0]
    if id.lower() not in {one.key for one in state.resources.list()}:
        raise refuse(
            404,
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource '{ids.parse(id).name}' not found.",
        )


def source(state: State, call: Call, id: str) -> Resource:
    """What a VM's `imageReference.id` means: an image, a version, or a definition's newest version. Raises ApiError."""
    type = ids.parse(id).type.lower()
    found = state.resources.get(id.lower())
    if found and type == DEFINITION.lower():
        versions = [
            one
            for one in state.of(VERSION)
            if one.key.startswith(f"{found.key}/versions/") and one.state == "Succeeded"
        ]
        found = max(versions, key=lambda one: [int(part) for part in one.name.split(".")], default=None)
    elif type.endswith("/versions") and ids.parse(id).name.lower() == "latest":
        return source(state, call, id.rpartition("/versions/")[0])
    if found is None or found.type not in (IMAGE, VERSION) or found.state != "Succeeded":
        raise refuse(
            404,
            "GalleryImageNotFound" if "/galleries/" in id.lower() else "NotFound",
            f"The image '{id}' was not found, or is not ready.",
            target="imageReference",
        )
    return found


def _gone(state: State, one: Resource) -> None:
    """The copy is dropped with the last that has it."""
    key = one.inner.get("kept")
    if key and not any(other.inner.get("kept") == key for other in state.resources.list()):
        state.core.jobs.submit(key, lambda: state.core.machines.drop_disk(key))


def _empty(inside: str) -> Any:
    def may_go(state: State, one: Resource) -> None:
        if any(other.key.startswith(f"{one.key}/{inside}/") for other in state.resources.list()):
            raise refuse(
                409,
                "CannotDeleteResource",
                f"Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{one.id}/{inside}/…'.",
            )

    return may_go


KINDS = (
    Copies(IMAGE, _image, "disk_s", gone=_gone),
    Kind(GALLERY, _gallery, "disk_s", may_go=_empty("images")),
    Kind(DEFINITION, _definition, "disk_s", may_go=_empty("versions")),
    Copies(VERSION, _version, "disk_s", gone=_gone),
)
