"""Azure with other sizes and regions to fall back on: where it has no room for a machine, the next one is tried.

Which one is being tried is on disk before it is; what a try that failed has left is taken away before the next, but the
address and the interface of an order that was refused at once, which the next try in the same region takes over.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mngr.backends.azure.capacity import no_room
from mngr.backends.azure.cloud import AzureCloud
from mngr.model.background import begin
from mngr.model.errors import MngrError, NotFound, TimedOut, brief
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.model.views import Offer
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiRefused, VpsProvisioningError
from mngr.vps_docker.vps_client import Gone, Handle, Machine, MachineSpec, Save

if TYPE_CHECKING:
    from mngr.backends.azure.gallery import Version

#: What a failed try left is waited for so long; Azure keeps an interface for 180 s.
CLEAR_S = 300.0
#: Key of the handle: the size and region that is being tried; there once the first has failed.
TRYING = "trying"

SIZES, REGIONS = "fallback-sizes", "fallback-regions"
#: The option that lets a machine be made from the baked image, if it is there.
BAKED = "baked"


class FallbackCloud(AzureCloud):
    """`MachineSpec.options` may have `fallback-sizes` and `fallback-regions`, separated by commas, and `baked`."""

    #: What a check found of its choices that can be had; what it knew can't is not tried.
    _able: Mapping[tuple[str, ...], Collection[str]] = {}
    #: The versions of the baked image, once they were read.
    _versions: "Sequence[Version] | None" = None

    def check(self, spec: MachineSpec) -> Offer:
        baked = begin(lambda: self.baked(spec, spec.region))
        offer = self._offers.check(self.group.in_region(spec.region), spec, self.have_read, choices(spec)[1:])
        able = [_key(one.plan, one.region) for one in (offer, *offer.fallbacks)]
        self._able = {**self._able, _keys(choices(spec)): able}
        baked()
        if self.baked(spec, offer.region):
            text = "made from the image that `mngr azure bake` made: nothing is installed"
            return msgspec.structs.replace(offer, notes=[*offer.notes, Remark(text=text)])
        return offer

    def baked(self, spec: MachineSpec, region: str) -> str:
        """The id of the baked image that is used in `region`; "" if there is none, or the user named an image. Raises nothing:
        without it all goes on, if slower."""
        if not spec.options.get(BAKED):
            return ""
        from mngr.backends.azure.gallery import Gallery

        gallery = Gallery(group=self.group, instance="")
        if self._versions is None:
            try:
                self._versions = gallery.read(self.arm)
            except MngrError:
                self._versions = []
        return gallery.usable(self._versions, region)

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        kept = dict(handle)
        # The order of a machine that was asked for already brings no user data: another can't be made of it.
        only = bool(handle.get("id")) and not spec.user_data

        def keep(more: Handle) -> None:
            kept.update(more)
            save(more)

        tried: list[tuple[MachineSpec, MngrError]] = []
        left = self._from(spec, kept.get(TRYING, ""))
        while True:
            one = left.pop(0)
            if tried or left:
                progress(Step("order", f"{one.plan} in {one.region}"))
            baked = self.baked(one, one.region)
            try:
                return super().create(
                    msgspec.structs.replace(one, image=baked or one.image), kept, keep, progress
                )
            except NotFound:
                if not baked:
                    raise
                self._versions = []  # it was removed since
                left.insert(0, one)
                continue
            except MngrError as error:
                if not no_room(error):
                    raise
                tried.append((one, error))
            if not left:
                raise self._nothing(spec, tried)
            one, error = tried[-1]
            if only:
                error.hint = f"run the command again: {left[0].plan} in {left[0].region} may do"
                raise error
            why = f"Azure has no room for {one.plan} in {one.region} ({no_room(error)})"
            progress(Remark(text=f"{why}: {left[0].plan} in {left[0].region} is tried"))
            if not isinstance(error, VpsApiRefused) or left[0].region != one.region:
                keep({"id": ""})  # what is killed now orders the same once more
                self._clear(one, kept, progress)
            left[0] = self._renewed(left[0])
            keep({TRYING: _key(left[0].plan, left[0].region), "id": ""})

    def _from(self, spec: MachineSpec, trying: str) -> list[MachineSpec]:
        """What is still to be tried: from the one that was being tried when an earlier call ended."""
        all_ = choices(spec)
        able = self._able.get(_keys(all_))
        found = [one for one in all_ if not able or _key(one.plan, one.region) in able] or all_
        keys = [_key(one.plan, one.region) for one in found]
        return found[keys.index(trying) :] if trying in keys else found

    def _clear(self, one: MachineSpec, handle: Handle, progress: Progress) -> None:
        """Raises TimedOut if what the try made is still there then."""
        progress(Step("order", f"taking away what was made for {one.plan} in {one.region}", CLEAR_S))
        end = self.clock.monotonic() + CLEAR_S
        while not isinstance(answer := self.release(one, handle), Gone):
            if self.clock.monotonic() + answer.after_s > end:
                raise TimedOut(
                    f"what was made for {one.plan} in {one.region} isn't gone after {CLEAR_S:g} s: {answer.why}"
                )
            self.clock.sleep(answer.after_s)

    def _renewed(self, one: MachineSpec) -> MachineSpec:
        """With a lease from now on: the tries before may have taken most of it."""
        if tags.UNTIL not in one.tags:
            return one
        until = str(int(self.now()) + tags.LEASE_S)
        return msgspec.structs.replace(one, tags={**one.tags, tags.UNTIL: until})

    def _nothing(self, spec: MachineSpec, tried: list[tuple[MachineSpec, MngrError]]) -> MngrError:
        """The error of the last try, with what would do."""
        disk = (self.config.os_disk_type, self.config.os_disk_size_gb)
        hint = self._offers.instead([one for one, _ in tried], disk) or "another size or region may do"
        last = tried[-1][1]
        if len(tried) == 1:
            last.hint = hint
            return last
        names = ", ".join(f"{one.plan} in {one.region} ({no_room(error)})" for one, error in tried)
        return VpsProvisioningError(f"Azure has no room for any of: {names}", hint=hint, details=brief(last))


def choices(spec: MachineSpec) -> list[MachineSpec]:
    """All that may be made for `spec`, in their order: its own size and the others, first in its region, then in the others."""
    sizes = dict.fromkeys([spec.plan, *listed(spec.options.get(SIZES, ""))])
    regions = dict.fromkeys([spec.region, *listed(spec.options.get(REGIONS, ""))])
    found: dict[str, MachineSpec] = {}
    for region in regions:
        for size in sizes:
            one = msgspec.structs.replace(spec, plan=size, region=region)
            found.setdefault(_key(size, region), one)
    return list(found.values())


def listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _keys(specs: Iterable[MachineSpec]) -> tuple[str, ...]:
    return tuple(_key(one.plan, one.region) for one in specs)


def _key(plan: str, region: str) -> str:
    return f"{plan} {region}".lower()
