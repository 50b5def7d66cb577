"""Templates over HTTP, and what a create takes of one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mngr.vms import presets
from mngr.vms.presets import Found
from mngr.vms.presets import Template as Preset
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import Nothing, Shape


class Template(Shape):
    name: str
    path: Annotated[str, Field(description="Its file, on the service's machine")]
    about: str
    imageUrl: str
    imageSha256: str | None
    user: str | None
    packages: list[str]
    memory: Annotated[int, Field(description="MiB")]
    vcpus: int
    diskSize: Annotated[int, Field(description="GiB")]


class BrokenTemplate(Shape):
    name: str
    path: str
    problem: str


class Templates(Shape):
    templates: list[Template]
    problems: Annotated[list[BrokenTemplate], Field(description="Files that can't be used, and why")]


def list_(service: Service, asked: Nothing) -> Templates:
    found = presets.all_(service.settings.libvirt_env)
    return Templates(
        templates=[_shape(one, one.template) for one in found if one.template],
        problems=[
            BrokenTemplate(name=one.name, path=one.path, problem=one.problem) for one in found if one.problem
        ],
    )


def _shape(found: Found, one: Preset) -> Template:
    return Template(
        name=found.name, path=found.path, about=one.about, imageUrl=one.image, imageSha256=one.sha256 or None, user=one.user or None,
        packages=list(one.packages), memory=one.memory, vcpus=one.vcpus, diskSize=one.disk,
    )  # fmt: skip
