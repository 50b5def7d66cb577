"""Hosts on OVH: the shared provider, with markers of orders, and OVH's words for what a machine is."""

import base64
import hashlib
import re
from collections.abc import Collection, Mapping

import msgspec

from mngr.backends.ovh.acquire import ORDERING
from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.recycling.take import SPARE
from mngr.model.errors import Conflict, Interrupted, InvalidInput, MngrError, NotFound
from mngr.model.notes import Note, Remark
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord
from mngr.model.swept import Found, Swept
from mngr.model.views import Listing, Offer
from mngr.providers.contract import Context, HostSpec
from mngr.vps_docker import discovery
from mngr.vps_docker.building import Wanted
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.vps_client import MachineSpec

_OPTIONS = ("plan", "datacenter", "region", "image", "os")


class OvhProvider(VpsDockerProvider[OvhCloud, OvhConfig]):
    """`-b --vps-plan=…`, `--vps-datacenter=…` (or region), `--vps-image=…` (or os)."""

    option_names: Mapping[str, Collection[str]] = {"vps": _OPTIONS, "ovh": _OPTIONS}

    def __init__(self, cloud: OvhCloud, config: OvhConfig, context: Context) -> None:
        super().__init__(cloud, config, context, backend="ovh", title="OVH")
        self.abilities = msgspec.structs.replace(
            self.abilities, sends_unverified=config.trust_first_contact, trust_page="docs/ovh.md"
        )

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        given = options
        for one, same in (("datacenter", "region"), ("image", "os")):
            if given.get(one, given.get(same)) != given.get(same, given.get(one)):
                raise InvalidInput(
                    f"build arguments --vps-{one}={given[one]} and --vps-{same}={given[same]} contradict each other",
                    hint="give one",
                )
        plain = super().machine_spec(spec, options)
        return msgspec.structs.replace(
            plain,
            region=given.get("datacenter", given.get("region", self.config.default_region)),
            image=given.get("image", given.get("os", self.config.boot_image)),
        )

    def _wanted(self, spec: HostSpec, offer: Offer | None = None) -> Wanted:
        wanted = super()._wanted(spec, offer)
        if wanted.offer.spare is None:
            return wanted
        options = {**wanted.machine.options, SPARE: wanted.offer.spare.machine}
        return msgspec.structs.replace(
            wanted, machine=msgspec.structs.replace(wanted.machine, options=options)
        )

    def discover(self, only: Collection[str] | None = None) -> Listing:
        """As there. Also the VPSs that a create would take."""
        listing = super().discover(only)
        listing.spares = self.cloud.spares if self.config.recycles else []
        return listing

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        """As there. First sees to orders that nobody waits for any more: what came of them may be recycled at once;
        that failing only warns. Where the offer's VPS can't be had, it says what comes instead."""

        ordered: list[object] = []

        def tell(told: Step | Note) -> None:
            if offer.spare and told == ORDERING:
                ordered.append(told)
                progress(
                    Remark(
                        text=f"{offer.spare.machine} can't be had any more: one is ordered, at the price that was said"
                    )
                )
            progress(told)

        progress(Step("reconcile"))
        self.cloud.reconcile(warn=lambda text: progress(Remark(text=text)), but=spec.id)
        try:
            with self.cloud.parts.markers.hold(spec.id) as mine:
                if not mine:
                    raise Conflict(
                        f"orders of host {spec.id} are being looked at by another mngr here",
                        hint="run this again",
                    )
                record = super().create(spec, offer, tell)
        except (MngrError, KeyboardInterrupt) as error:
            self._tell_of_open_orders(spec.id, error)
            raise
        if offer.spare and record.machine_id != offer.spare.machine and not ordered:
            progress(
                Remark(
                    text=f"{offer.spare.machine} can't be had any more: {record.machine_id}, paid too, is taken"
                )
            )
        self._link_pins(record)
        return record

    def _tell_of_open_orders(self, host_id: str, error: MngrError | KeyboardInterrupt) -> None:
        """An order can't be taken back: a create that ends without its VPS says so. Raises Interrupted after Ctrl-C."""
        open = [marker.what for marker in self.cloud.parts.markers.all() if marker.host_id == host_id]
        intents = [one.intent for one in self.rented.journal.entries(self.name) if one.subject == host_id]
        delivered = any(one is not None and one.handle.get("id") for one in intents)
        if not open or delivered or any(what in str(error) for what in open):
            return
        what = " and ".join(open)
        rest = (
            f"{what} can't be taken back: what OVH delivers is cancelled by the next `mngr create` or `mngr gc` "
            "here, and taken by a create at no new charge; until then `mngr ovh list --all` shows it"
        )
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"interrupted; {what} is open at OVH", hint=rest) from error
        error.hint = f"{rest}; {error.hint}" if error.hint else rest

    def _link_pins(self, record: HostRecord) -> None:
        """`known_hosts/<service name>`, where the first contact's key was, becomes a link to the host's own pins."""
        path = self.rented.access.folder / "known_hosts" / record.machine_id
        path.unlink(missing_ok=True)
        path.symlink_to(record.id)

    def verify(self, host_id: str, fingerprint: str) -> str:
        """Confirms the host key that is pinned, if `fingerprint` is its. What was done, for people to read.

        Raises InvalidInput (no fingerprint), Conflict (another key: somebody may have stood in between).
        """
        wanted = fingerprint.strip()
        if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}=?", wanted):
            raise InvalidInput(
                f"{fingerprint!r} is no SHA256 fingerprint",
                hint="on the VPS's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
        found = self._ready(host_id)
        store = discovery.store_on(self.rented, found)
        record = store.read().hosts.get(host_id)
        if record is None:
            raise NotFound(f"the record of host {host_id} is missing on {found.id}")
        pins = self.rented.access.machine_pins(host_id)
        if [_fingerprint(pin) for pin in pins] != [wanted.rstrip("=")]:
            raise Conflict(
                f"host {record.name} ({found.id}) was reached under another key: {', '.join(map(_fingerprint, pins)) or 'none'}",
                hint="if the fingerprint was read on OVH's console, somebody stood in between: destroy the host, and "
                "change every secret that was sent to it",
            )
        if record.ssh_trust == "pinned":
            return f"host {record.name} was verified before"
        record = msgspec.structs.replace(record, ssh_trust="pinned")
        store.save(record)
        self.rented.cache.change(record.id, lambda seen: msgspec.structs.replace(seen, record=record))
        return f"host {record.name} is verified: its key is {wanted}"

    def sweep(self, *, dry_run: bool = False) -> Swept:
        swept = super().sweep(dry_run=dry_run)

        def warn(said: str) -> None:
            swept.errors.append(Found(thing="instance", name=self.name, why="failed", said=said))

        swept.finished += self.cloud.reconcile(dry_run=dry_run, warn=warn)
        for marker in self.cloud.parts.markers.all():
            found = Found(
                thing="order" if marker.order_id else "cart",
                name=str(marker.order_id or marker.cart_id),
                others=[marker.plan_code, marker.region],
                why="open",
                said=self.cloud.order_state(marker),
            )
            swept.kept.append(found)
        return swept


def _fingerprint(public_key: str) -> str:
    """As `ssh-keygen -lf` writes it."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
