"""Templates of VMs: files `NAME.toml`, the package's and the user's. Of several with a name the first counts: of the folder
VM_PROVISIONER_TEMPLATES, of `templates` in MNGR_HOME, of the package."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mngr.config.home import home
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.guess import did_you_mean
from mngr.vms.spec import VmSpec, check

SHIPPED = Path(__file__).with_name("templates")
MOST_PACKAGES = 200
MOST_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{0,99}\Z")


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says. `image` is an address; `packages` are installed by cloud-init at the first boot; memory in MiB, disk in
    GiB."""

    image: str
    sha256: str = ""
    about: str = ""
    user: str = ""
    packages: tuple[str, ...] = ()
    memory: int = 2048
    vcpus: int = 2
    disk: int = 20

    @property
    def user_data(self) -> bytes:
        """cloud-init's; empty without packages. JSON is YAML, too."""
        if not self.packages:
            return b""
        told = {"package_update": True, "packages": list(self.packages)}
        return b"#cloud-config\n" + json.dumps(told).encode() + b"\n"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file of that name. `template` is None if it can't be used; then `problem` says why."""

    name: str
    path: str
    template: Template | None = None
    problem: str = ""


def all_(environ: Mapping[str, str] = os.environ) -> list[Found]:
    """By name."""
    found: dict[str, Found] = {}
    for folder in _folders(environ):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            if path.stem in found:
                continue
            try:
                found[path.stem] = Found(name=path.stem, path=str(path), template=_read(path))
            except InvalidInput as problem:
                found[path.stem] = Found(name=path.stem, path=str(path), problem=problem.message)
    return [found[name] for name in sorted(found)]


def get(name: str, environ: Mapping[str, str] = os.environ) -> Template:
    """Raises NotFound, InvalidInput (what is wrong in its file)."""
    if _NAME.match(name):
        for folder in _folders(environ):
            if (path := folder / f"{name}.toml").is_file():
                return _read(path)
    raise unknown(name, [one.name for one in all_(environ)])


def unknown(name: str, known: list[str]) -> NotFound:
    """That there is no such template, but those that are `known`."""
    return NotFound(
        f"there is no template {name[:80]!r}",
        hint=f"{did_you_mean(name, known)} there are {', '.join(known)}".lstrip(),
    )


def _folders(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("VM_PROVISIONER_TEMPLATES", "")
    users = Path(environ["MNGR_HOME"]) if environ.get("MNGR_HOME") else home()
    return [*([Path(named)] if named else []), users / "templates", SHIPPED]


def _read(path: Path) -> Template:
    where = f"template {path}"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"{where} is too big", hint=f"at most {MOST_BYTES} bytes")
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:  # also TOML's and Unicode's
        raise InvalidInput(f"{where} can't be read: {problem}") from None
    if not _NAME.match(path.stem):
        raise InvalidInput(f"{where} has a name that can't be used", hint="letters, digits, -, _ and .")
    fields = Template.__struct_fields__
    for key in told:
        if key not in fields:
            hint = f"{did_you_mean(key, fields)} keys: {', '.join(fields)}".lstrip()
            raise InvalidInput(f"{where}: {key[:80]!r} isn't known. {hint}", hint=hint)
    try:
        template = msgspec.convert(told, Template)
    except msgspec.ValidationError as problem:
        raise InvalidInput(f"{where}: {problem}") from None
    _check(template, where)
    return template


def _check(template: Template, where: str) -> None:
    if len(template.packages) > MOST_PACKAGES:
        raise InvalidInput(f"{where}: more than {MOST_PACKAGES} packages")
    for one in template.packages:
        if not _PACKAGE.match(one):
            raise InvalidInput(f"{where}: {one[:80]!r} is no package's name")
    if not re.match(r"https?://", template.image):
        raise InvalidInput(f"{where}: image {template.image[:80]!r} is no address", hint="https://…")
    if not template.about.isprintable() or len(template.about) > 200:
        raise InvalidInput(f"{where}: about isn't one line of text")
    spec = VmSpec(
        name="x", image="/", memory_mib=template.memory, vcpus=template.vcpus, disk_gib=template.disk, user=template.user,
        image_url=template.image, image_sha256=template.sha256.lower(),
    )  # fmt: skip
    try:
        check(spec)
    except InvalidInput as problem:
        raise InvalidInput(f"{where}: {problem.message}", hint=problem.hint) from None
