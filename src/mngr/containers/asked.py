"""A container as a user asks for it: their words over a provider's settings, checked as far as that needs nobody else."""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from mngr.containers import container, users
from mngr.containers.build_args import BuildArgs, split
from mngr.containers.container import ContainerSpec
from mngr.containers.docker import Docker
from mngr.containers.docker_flags import check_image
from mngr.containers.settings import ContainerSettings
from mngr.containers.start_args import check_start_args
from mngr.containers.store import HostStore
from mngr.model.errors import InvalidInput
from mngr.model.idle import parse_mode
from mngr.model.progress import Progress
from mngr.model.records import Idle
from mngr.providers.contract import HostSpec, IdleRequest


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """`user`: whom agents run as (ContainerSpec.user)."""

    build: BuildArgs
    image: str
    start_args: Sequence[str]
    idle: Idle
    user: str


def asked(
    spec: HostSpec,
    settings: ContainerSettings,
    option_names: Mapping[str, Collection[str]],
    *,
    option_switches: Collection[str] = (),
    remote: bool = False,
) -> Asked:
    """`option_names`, `option_switches`: as of build_args.split; `remote`: docker will run on another computer. Raises
    InvalidInput."""
    build = split(spec.build_args, option_names, option_switches)
    image = spec.image or settings.default_image
    start_args = [*settings.default_start_args, *spec.start_args]
    check_start_args(start_args, settings.host_dir, remote=remote)
    check_image(image)
    user = users.check(spec.user or settings.default_user)
    if build.builds and spec.image:
        raise InvalidInput("--image and an image that is built exclude each other", hint="give one")
    if spec.snapshot:
        from mngr.containers import snapshots

        snapshots.check(spec.snapshot)
        if build.builds or spec.image:
            raise InvalidInput(
                "a snapshot brings its own image", hint="leave out --image and the docker build arguments"
            )
    idle = (spec.idle or IdleRequest()).over(settings.idle())
    if idle.timeout_s < 0 or idle.max_lifetime_s < 0:
        raise InvalidInput("an idle time-out or lifetime can't be less than 0", hint="0 means never")
    idle = msgspec.structs.replace(idle, mode=parse_mode(idle.mode))
    return Asked(build=build, image=image, start_args=start_args, idle=idle, user=user)


def restored(
    store: HostStore, docker: Docker, spec: HostSpec, wanted: ContainerSpec, progress: Progress
) -> tuple[ContainerSpec, Callable[[], None]]:
    """The container with the image of `spec.snapshot`, if it asks for one; and what fills it once it is made."""
    if not spec.snapshot:
        return wanted, lambda: None
    from mngr.containers import snapshots

    image, saved = snapshots.restore(store, spec.snapshot, spec.id, container.owner(wanted), progress)
    user = users.restored(spec.user, saved.user)
    wanted = msgspec.structs.replace(wanted, image=image, ready_image="", prepare=False, user=user)
    return wanted, lambda: snapshots.fill(
        docker, spec.id, wanted.host_dir, saved, wanted.start_args, progress
    )
