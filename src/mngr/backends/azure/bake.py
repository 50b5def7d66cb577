"""`mngr azure bake`: an image with Docker and the hosts' container image, from a machine that is made for it and goes again.

Repeatable: what is there is used, what a killed bake has left is gone on with or taken away. The machine is in the journal,
and its tags say whose it is, as any other that is being built; so `mngr gc` takes it away, too.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mngr.backends.azure import gallery as galleries
from mngr.backends.azure import market
from mngr.backends.azure.fallback import FallbackCloud
from mngr.backends.azure.gallery import Gallery, Version
from mngr.backends.azure.provider import AzureProvider
from mngr.containers import image
from mngr.containers.docker import Docker
from mngr.journal import Held
from mngr.model.errors import MngrError, NotFound, TimedOut
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.model.views import Offer
from mngr.model.waiting import looks
from mngr.transport.ssh import Ssh
from mngr.vps_docker import accounts, booting, intents, resuming
from mngr.vps_docker.building import Builder
from mngr.vps_docker.errors import VpsDockerError
from mngr.vps_docker.intents import CreatePlan
from mngr.vps_docker.lease import Lease
from mngr.vps_docker.releasing import release, take_back
from mngr.vps_docker.vps_client import Handle, Machine

#: Azure copies a disk to all regions of an image; it may take most of an hour.
IMAGE_LIMIT_S = 3600.0
#: Key of the handle: how far the machine is. From `closing` on nobody can log in any more.
_STAGE = "bake"
_CLOSING, _CLOSED = "closing", "closed"


class Baked(msgspec.Struct, kw_only=True):
    """`image`: the version that machines are made from, as an id. `made`: whether this call made it. `removed`: older ones."""

    image: str
    regions: list[str]
    made: bool = False
    removed: list[str] = []


class Bake:
    """One instance's image. Not to be shared by threads."""

    def __init__(self, provider: AzureProvider, regions: Sequence[str], progress: Progress) -> None:
        """`regions`: where it shall be had, besides the instance's own."""
        self.rented = provider.rented
        self.cloud: FallbackCloud = provider.cloud
        self.arm = self.cloud.arm
        self.gallery = Gallery(
            group=self.cloud.group, instance=provider.name, laptop=self.rented.context.laptop
        )
        self.progress = progress
        self.regions = list(dict.fromkeys([self.gallery.group.region, *regions]))
        facts = f"bake {provider.name} {self.cloud.account()}"
        self.host_id = "host-" + hashlib.sha256(facts.encode()).hexdigest()[:16]
        self.wanted = provider.bake_order(self.host_id)

    def offer(self, *, fresh: bool = False) -> Offer | None:
        """What the machine costs; None if none has to be made. Raises what `cloud.check` does, InvalidInput for a region."""
        market.check_regions(self.arm, self.regions, "with --region, or in the provider's settings")
        if not fresh and any(one.state == "succeeded" for one in self.gallery.read(self.arm)):
            return None
        market.read(self.arm, self.regions[0]).size(
            self.wanted.machine.plan, "as default_vm_size in the settings"
        )
        return self.cloud.check(self.wanted.machine)

    def run(self, *, fresh: bool = False) -> Baked:
        """Makes the image, unless it is there (`fresh`: also then), and takes away what was made for it, and older ones.

        Raises MngrError; what this call made is then taken back, or named and kept for `mngr gc`."""
        with self.rented.journal.hold(self.rented.name, self.host_id) as held:
            found = self._settled()
            ready = [one for one in found if one.state == "succeeded"]
            for one in found:
                if one.state == "failed":
                    self.arm.write("DELETE", one.path)
            made = fresh or not ready
            if made:
                self.regions = list(dict.fromkeys([*self.regions, *(ready[0].regions if ready else ())]))
                number = max((one.number for one in found), default=(1, 0, -1))
                self._claim()  # now, as baking takes long, and again, as the definition may be new
                path = f"{self.gallery.versions}/{number[0]}.{number[1]}.{number[2] + 1}"
                self._make(held, path)
                ready = [self.gallery.one(self.arm, path)]  # a list may not show it yet
            elif held.intent is not None:  # an earlier call was killed after the image was done
                self._release(held)
            self._replicate(ready[0])
            self._claim()
            removed = self._remove_older(ready[0])
        return Baked(
            image=self.gallery.group.whole(ready[0].path), regions=self.regions, made=made, removed=removed
        )

    # --- the machine ------------------------------------------------------------------------------------------

    def _make(self, held: Held, version: str) -> None:
        handle: Handle = resuming.take_over(self.rented, self.wanted, held, self.progress)
        if handle.get(_STAGE) == _CLOSING:  # it can't be told how far that went
            self._release(held)
            handle = {}
        builder = Baker(self.rented, self.wanted, held, self.progress)
        if held.intent is None:
            self.rented.access.machine_key()
            plan = CreatePlan(
                machine=intents.ordered(self.wanted.machine), host_name=self.wanted.spec.name,
                request=intents.request(self.wanted.spec), account=accounts.here(self.rented),
            )  # fmt: skip
            held.write(self.rented.intent(self.host_id, plan))
        try:
            builder.bake(handle, self, version)
        except BaseException as error:
            with contextlib.suppress(MngrError):  # what it is a copy of goes
                self.arm.begin("DELETE", version)
            take_back(self.rented, held, error, self.progress)
            raise
        self._release(held)

    def capture(self, name: str, version: str) -> None:
        """The image of a machine that was closed."""
        arm, gallery = self.arm, self.gallery
        vm = self.cloud.group.vm(name)
        self.cloud.power(name, False)
        arm.post(f"{vm}/generalize")
        self.progress(Step("image", "copying the machine's disk", IMAGE_LIMIT_S))
        self._ensure(gallery.path, {"location": gallery.group.region, "tags": gallery.tags, "properties": {}})
        row = arm.get(vm, {"$expand": "instanceView"})
        generation = ((row.get("properties") or {}).get("instanceView") or {}).get("hyperVGeneration") or "V2"
        size = market.read(arm, gallery.group.region).size(row["properties"]["hardwareProfile"]["vmSize"])
        body = galleries.definition_body(gallery, str(generation).upper(), market.processor(size))
        self._ensure(gallery.definition, body)
        self._put(version, galleries.version_body(gallery, gallery.group.whole(vm), self.regions))

    def _ensure(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            self.arm.get(path)
        except NotFound:
            self.arm.write("PUT", path, body)

    def _put(self, path: str, body: Mapping[str, Any]) -> None:
        begun = self.arm.begin("PUT", path, body)
        if not isinstance(begun, dict):
            self.arm.finish(begun, IMAGE_LIMIT_S)

    def _release(self, held: Held) -> None:
        """The machine, of which nothing may stay. Raises VpsDockerError."""
        if held.intent is None:
            return
        self.progress(Step("release"))
        if why := release(self.rented, self.wanted.machine, held.intent.handle):
            raise VpsDockerError(
                f"the machine that the image was made of isn't gone yet, so it may go on being billed: {why}",
                hint="`mngr gc` goes on with it",
            )
        self.rented.access.forget(self.host_id)
        held.done()

    # --- the image --------------------------------------------------------------------------------------------

    def _settled(self) -> list[Version]:
        """The versions, once none is being made any more: a killed bake's is waited for."""
        for _ in looks(self.rented.context.clock, IMAGE_LIMIT_S, first=1, most=15):
            found = self.gallery.read(self.arm)
            if not any(one.state in ("creating", "updating", "deleting") for one in found):
                return found
            self.progress(Step("image", "Azure is at work on one", IMAGE_LIMIT_S))
        raise TimedOut(
            f"Azure doesn't end its work on the image within {IMAGE_LIMIT_S:g} s", hint="run it again later"
        )

    def _replicate(self, one: Version) -> None:
        """Brings it to the regions that it isn't in."""
        lacking = [region for region in self.regions if region.lower() not in one.regions]
        self.regions = list(dict.fromkeys([*one.regions, *self.regions]))
        if not lacking:
            return
        self.progress(Step("image", f"copying it to {', '.join(lacking)}", IMAGE_LIMIT_S))
        properties = {**one.row["properties"], "publishingProfile": galleries.publishing(self.regions)}
        self._put(one.path, {key: one.row[key] for key in ("location", "tags")} | {"properties": properties})

    def _claim(self) -> None:
        """Says on the definition, if there is one, that this computer bakes for it."""
        try:
            self._mark(self.gallery.definition)
        except NotFound:
            pass
        except MngrError as error:
            self.progress(Remark(text=f"another computer's bake may remove this image: {error}"))

    def _mark(self, path: str, *, on: bool = True) -> None:
        """Says on a definition that this computer has baked for it, or no longer does."""
        operation, mark = ("Merge", {self.gallery.mark: "1"}) if on else ("Delete", {self.gallery.mark: ""})
        body = {"operation": operation, "properties": {"tags": mark}}
        self.arm.write("PATCH", f"{path}/providers/Microsoft.Resources/tags/default", body)

    def _remove_older(self, newest: Version) -> list[str]:
        """Older versions, and images of other settings that no computer but this one has baked for. What stays costs some
        cents, so a failure is a remark."""
        removed: list[str] = []
        try:
            older = [one.path for one in self.gallery.read(self.arm) if one.number < newest.number]
            for row in self.arm.pages(self.gallery.definitions):
                path, found = f"{self.gallery.definitions}/{row['name']}", row.get("tags") or {}
                if path == self.gallery.definition or self.gallery.mark not in found:
                    continue
                if any(key.startswith(galleries.BAKED_BY) and key != self.gallery.mark for key in found):
                    self._mark(path, on=False)
                    continue
                older += [f"{path}/versions/{one['name']}" for one in self.arm.pages(f"{path}/versions")]
                older.append(path)
            for path in older:
                self.arm.write("DELETE", path)
                removed.append(path.partition("/images/")[2])
        except (MngrError, KeyError) as error:
            self.progress(Remark(text=f"an older image stays: {error}"))
        return removed


class Baker(Builder):
    """Makes the machine that an image is made of."""

    def bake(self, handle: Handle, bake: Bake, version: str) -> None:
        bought = self.bought = self._order(handle)
        with Lease(self.cloud, bought, self._tags()) as lease:
            if handle.get(_STAGE) != _CLOSED:
                ssh = self._up(bought)
                self._fill(ssh)
                lease.check()
                self.progress(Step("close"))
                self.held.save({_STAGE: _CLOSING})
                text = (Path(__file__).parent / "scripts" / "generalize.sh").read_text("utf-8")
                ssh.run(["sh", "-c", text, "generalize"], timeout=120)
                self.held.save({_STAGE: _CLOSED})
            lease.check()
            bake.capture(bought.id, version)

    def _up(self, bought: Machine) -> Ssh:
        self.progress(Step("boot"))
        bought = booting.running(self.rented, bought, self.wanted.machine.name, "order")
        ssh = self._log_in(bought)
        self._first_boot(ssh)
        return ssh

    def _fill(self, ssh: Ssh) -> None:
        """The container image of hosts that ask for no other, and what it becomes with the packages that a host needs."""
        docker, name = Docker(ssh), self.config.default_image
        image.user(docker, name, self.progress, built=False)
        if not image.prepare(docker, name, image.prepared_name(name), self.progress):
            self.progress(Remark(text=f"{name} is in the image without the packages that hosts need"))
