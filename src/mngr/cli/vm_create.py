"""`mngr vm create`: a VM of an image, or of a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.vm_shown import check_seconds, tell_vm, wait_options
from mngr.cli.vm_side import URL, service

if TYPE_CHECKING:
    from mngr.cli.vm_there import There
    from mngr.model.errors import InvalidInput, MngrError
    from mngr.vms.hypervisor import Hypervisor
    from mngr.vms.look import VmDetails
    from mngr.vms.presets import Template
    from mngr.vms.spec import VmSpec


@click.command("create")
@click.argument("vm", metavar="NAME")
@click.option(
    "--template",
    default="",
    metavar="NAME",
    help="What isn't given is this template's (`mngr vm template list`).",
)
@click.option(
    "--image", default="", metavar="FILE|URL", type=click.Path(),
    help="Disk image, raw or qcow2, which stays as it is: a file, or an https:// address, which is fetched once.",
)  # fmt: skip
@click.option(
    "--sha256", default="", metavar="HEX", help="The image at that address is this one, or the create fails."
)
@click.option("--memory", type=int, metavar="MIB", help="Memory in MiB (default: 2048).")
@click.option("--vcpus", type=int, metavar="N", help="Processors (default: 2).")
@click.option("--disk", type=int, metavar="GIB", help="Size of its disk in GiB (default: 20).")
@click.option(
    "--pool", default="", metavar="NAME", help="Storage pool that its disk is in (`mngr vm pool list`)."
)
@click.option(
    "--network", default="", metavar="NAME",
    help="One of libvirt's networks; bridge:NAME for a bridge of this computer's; or `user`: none of them, with a port of "
    "127.0.0.1 that leads to its SSH (default: user on qemu:///session, else default).",
)  # fmt: skip
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="Public SSH key that may log in; may be repeated.",
)
@click.option(
    "--gpu",
    "gpus",
    multiple=True,
    metavar="ADDRESS",
    help="PCI address of a GPU that it gets; may be repeated.",
)
@click.option(
    "--user", default="", metavar="NAME", help="Who logs in, and may sudo (default: the image's own user)."
)
@click.option("--user-data", metavar="FILE", type=click.Path(), help="cloud-init's user data.")
@click.option(
    "--kernel",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Boot this kernel instead of what is on the disk.",
)
@click.option("--initrd", default="", metavar="FILE", type=click.Path(), help="That kernel's initrd.")
@click.option("--append", default="", metavar="WORDS", help="That kernel's command line.")
@click.option("--autostart", is_flag=True, help="Start it with libvirtd.")
@wait_options
@format_option
@quiet_option
def create(
    vm: str, template: str, image: str, sha256: str, memory: int | None, vcpus: int | None, disk: int | None, network: str, pool: str,
    keys: tuple[str, ...], gpus: tuple[str, ...], user: str, user_data: str | None, kernel: str, initrd: str, append: str, autostart: bool, wait: bool,
    timeout: float, form: str, quiet: bool,
) -> int:  # fmt: skip
    """Make a VM and start it. Given again with the same options it is the same VM; with others that is a conflict (exit code 4).

    \b
    mngr vm create web --image debian-12.qcow2 --key ~/.ssh/id_ed25519.pub --network user
    mngr vm create web --template debian-12 --memory 4096 --key ~/.ssh/id_ed25519.pub
    """
    from mngr.cli.progress import Progress
    from mngr.model.errors import MngrError
    from mngr.model.progress import Step
    from mngr.vms import create as creating
    from mngr.vms import look
    from mngr.vms.hypervisor import DEFAULT_URI, connect
    from mngr.vms.spec import USER_NETWORK, VmSpec

    check_format(form)
    check_seconds(timeout)
    if there := service():
        files = {"--user-data": user_data, "--kernel": kernel, "--initrd": initrd, "--append": append}
        asked = {
            "name": vm, "template": template, "imageUrl": image, "imageSha256": sha256, "memory": memory, "vcpus": vcpus, "diskSize": disk,
            "network": network, "pool": pool, "publicKeys": _lines(keys), "gpus": list(gpus), "user": user, "autostart": autostart,
        }  # fmt: skip
        return _ask(there, asked, files, wait, timeout, form, quiet)
    preset = _template(template, image, user_data)
    url = image if "://" in image else "" if image else preset.image
    _check_image(image, url, sha256)
    data = _read(user_data, "user data") if user_data else preset.user_data
    with connect() as hypervisor:
        spec = VmSpec(
            name=vm,
            image="/" if url else _absolute(image),
            memory_mib=preset.memory if memory is None else memory,
            vcpus=preset.vcpus if vcpus is None else vcpus,
            disk_gib=preset.disk if disk is None else disk,
            network=network or (USER_NETWORK if hypervisor.uri == DEFAULT_URI else "default"),
            user=user or preset.user,
            keys=tuple(_lines(keys)),
            kernel=_absolute(kernel),
            initrd=_absolute(initrd),
            kernel_line=append,
            autostart=autostart,
            gpus=gpus,
            pool=pool,
            image_url=url,
            image_sha256=(sha256 or ("" if image else preset.sha256)).lower() if url else "",
        )
        with Progress(f"create {vm}", quiet) as progress:
            if url:
                spec = _fetched(hypervisor, spec, data, progress)
            progress(Step("making the VM"))
            made = creating.create(hypervisor, spec, data)
            late = None
            if wait:
                progress(Step("waiting for SSH"))
                try:
                    look.until_reachable(hypervisor, vm, timeout)
                except MngrError as problem:
                    late = problem
        found = look.show(hypervisor, vm)
    return _tell(found, made, late, form, quiet)


def _ask(
    there: There, asked: dict[str, Any], files: Mapping[str, str | None], wait: bool, timeout: float, form: str, quiet: bool
) -> int:  # fmt: skip
    """The same by the VM service. `files`: options that name what is on this computer."""
    from mngr.cli.progress import Progress
    from mngr.cli.vm_there import seconds
    from mngr.model.errors import NotSupported, TimedOut

    refused = [option for option, value in files.items() if value]
    refused += ["--image FILE"] if asked["imageUrl"] and "://" not in asked["imageUrl"] else []
    if refused:
        raise NotSupported(
            f"{refused[0]} is for this computer's libvirt, and {URL} names a service",
            hint="give an --image that is an address, or a --template, and no other files but keys",
        )
    if not asked["imageUrl"] and not asked["template"]:
        raise _nothing()
    vm, late = asked["name"], None
    asked = {key: value for key, value in asked.items() if value not in (None, "", [], False)}
    with Progress(f"create {vm}", quiet) as progress:
        made = not there.has(vm)
        try:
            there.create({**asked, "wait": wait, "timeout": seconds(timeout)}, progress)
        except TimedOut as problem:
            late = problem
    return _tell(there.show(vm), made, late, form, quiet)


def _tell(found: VmDetails, made: bool, late: MngrError | None, form: str, quiet: bool) -> int:
    if late and form == "human":
        raise late
    tell_vm(found, form, quiet, {"made": made}, f"{'made' if made else 'was there:'} {found.name}")
    if late:
        raise late
    return 0


def _lines(keys: Sequence[str]) -> list[str]:
    """What is in files of public keys. Raises InvalidInput."""
    from mngr.vms.spec import check_key

    return [check_key(_read(key, "key").decode(errors="replace")) for key in keys]


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _read(path: str, what: str) -> bytes:
    from mngr.model.errors import InvalidInput

    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, ValueError) as problem:
        raise InvalidInput(
            f"{what} {path!r} can't be read: {problem}", hint="give the path of a file"
        ) from None


def _template(name: str, image: str, user_data: str | None) -> Template:
    """Raises NotFound, InvalidInput."""
    from mngr.model.errors import InvalidInput
    from mngr.vms import presets

    if not name:
        if not image:
            raise _nothing()
        return presets.Template(image="")
    found = presets.get(name)
    if user_data and found.packages:
        raise InvalidInput(
            f"template {name} installs packages by user data of its own",
            hint="leave out --user-data, or --template",
        )
    return found


def _nothing() -> InvalidInput:
    from mngr.model.errors import InvalidInput

    return InvalidInput(
        "there is nothing to boot",
        hint="give --image, or --template; `mngr vm template list` shows templates",
    )


def _check_image(image: str, url: str, sha256: str) -> None:
    from mngr.model.errors import InvalidInput

    if sha256 and not url:
        raise InvalidInput(
            f"--sha256 is for images that are fetched, and {image} is a file", hint="leave it out"
        )


def _fetched(hypervisor: Hypervisor, spec: VmSpec, data: bytes, progress: Callable[[Any], None]) -> VmSpec:
    """`spec` with the image at its address, which is fetched unless it is here."""
    import hashlib

    import msgspec

    from mngr.vms import create as creating
    from mngr.vms import remove
    from mngr.vms.images import Images
    from mngr.vmservice import settings

    digest = hashlib.sha256(data).hexdigest() if data else ""
    images = Images(hypervisor.folder / "images", settings.read().images, hypervisor.clock)
    remove.clear(hypervisor, spec.name)
    image = creating.image_of(hypervisor, msgspec.structs.replace(spec, user_data_sha256=digest))
    image = image or str(images.get(spec.image_url, spec.image_sha256, progress))
    return msgspec.structs.replace(spec, image=image)
