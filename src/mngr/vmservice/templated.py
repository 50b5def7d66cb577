"""A create with what its template says."""

from __future__ import annotations

from collections.abc import Mapping

from mngr.vms import presets
from mngr.vmservice.shapes import VmCreate


def filled(asked: VmCreate, environ: Mapping[str, str]) -> VmCreate:
    """`asked`, whose fields that weren't given are the template's. Raises NotFound, InvalidInput."""
    if asked.template is None:
        return asked
    found = presets.get(asked.template, environ)
    says = {"memory": found.memory, "vcpus": found.vcpus, "diskSize": found.disk, "user": found.user or None}
    if asked.imageUrl is None:
        says |= {"imageUrl": found.image, "imageSha256": asked.imageSha256 or found.sha256 or None}
    return asked.model_copy(
        update={
            key: value
            for key, value in says.items()
            if key not in asked.model_fields_set or key.startswith("image")
        }
    )


def user_data(asked: VmCreate, environ: Mapping[str, str]) -> bytes:
    """cloud-init's, for the template's packages."""
    return presets.get(asked.template, environ).user_data if asked.template else b""
