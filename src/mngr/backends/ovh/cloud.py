"""OVH's VPSs as a Cloud: paid by the month, delivered minutes after the order, cancelled rather than deleted.

A VPS is "gone" for mngr once its renewal is cancelled and no host or builder is on it: it runs to the end of what is
paid, and waits to be recycled. A fresh one is tagged and cancelled at once; `keep` takes the cancellation back, and
is called when the host's record is durable. So whatever is killed in between ends at the month's end by itself.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from mngr.backends.ovh import delivery, renewal
from mngr.backends.ovh.bootstrap import FirstContact
from mngr.backends.ovh.claim import Rules
from mngr.backends.ovh.client import OvhClient, segment
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.markers import Marker, Markers
from mngr.backends.ovh.offers import Offers
from mngr.backends.ovh.order import Buyer
from mngr.backends.ovh.recycle import Recycler
from mngr.backends.ovh.tags import RECYCLING_BY, TagStore
from mngr.backends.ovh.vps import Reader, Vps
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import Conflict, MngrError, NotFound, TimedOut
from mngr.model.views import Offer
from mngr.providers.contract import Caps, Gone, Handle, Later, Machine, MachineSpec, Progress, Save
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import VpsClientInterface
from mngr.vps_docker.waiting import looks

POWER_TIMEOUT_S = 180.0
PARALLEL = 8

# Keys of the handle.
_ID = "id"
_CART = "cart"  # written before checkout
_ORDER = "order"  # its number, "" while unknown
_IMAGE = "image"


class OvhCloud(VpsClientInterface):
    """One OVH account. `instance`: whose tags are ours."""

    def __init__(
        self,
        client: OvhClient,
        config: OvhConfig,
        markers: Markers,
        first: FirstContact,
        clock: Clock = SYSTEM,
    ) -> None:
        self.client = client
        self.config = config
        self.markers = markers
        self.first = first
        self.clock = clock
        self.caps = Caps(
            tags_at_create=False,
            list_lag_s=config.list_lag,
            stop_saves="",
            user_data=False,
            billing="monthly",
        )
        self.store = TagStore(client)
        self.reader = Reader(client, self.store)
        self.offers = Offers(client, config)
        self.buyer = Buyer(client, self.offers, markers, clock, config.list_lag)
        self.recycler = Recycler(
            client, self.store, self.reader, clock, Rules(config.tag_lag, config.claim_time),
            margin_s=config.recycle_safety_margin_hours * 3600, most=config.recycle_max_candidates_considered,
        )  # fmt: skip
        self._building: set[str] = (
            set()
        )  # services that this process builds on: its own tags may not show yet
        self._open = threading.local()

    # --- what is told, and held, while a host is made -----------------------------------------------------------

    @contextlib.contextmanager
    def creating(self, host_id: str, progress: Progress) -> Iterator[None]:
        """For one create, by the thread that does it: progress is told, and the host's order markers are held."""
        with self.markers.hold(host_id) as mine:
            if not mine:
                raise Conflict(
                    f"orders of host {host_id} are being looked at by another mngr here",
                    hint="run this again",
                )
            self._open.progress = progress
            try:
                yield
            finally:
                self._open.progress = None

    def _tell(self, text: str) -> None:
        progress = getattr(self._open, "progress", None)
        if progress is not None and getattr(self._open, "told", "") != text:
            self._open.told = text
            progress(text)

    # --- buying -------------------------------------------------------------------------------------------------

    def check(self, spec: MachineSpec) -> Offer:
        return self.offers.check(spec)

    def create(self, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
        if handle.get(_ID):
            vps = self._mine(handle[_ID], spec)
            if vps is not None:
                return self._machine(vps, spec)
            save({_ID: "", _ORDER: "", _CART: ""})  # somebody else's by now: a fresh start
            handle = {}
        if not handle.get(_ORDER) and not handle.get(_CART):
            recycled = self._recycle(spec, save)
            if recycled is not None:
                return recycled
        order = self._order(spec, handle, save)
        service = self._delivered(order, spec)
        return None if service is None else self._adopt(service, order, spec, save)

    def _recycle(self, spec: MachineSpec, save: Save) -> Machine | None:
        if not self.config.enable_recycle_cancelled or not self.config.recycle_max_candidates_considered:
            return None
        self._tell("recycle")

        def won(service: str) -> None:
            self._building.add(service)
            save({_ID: service, _IMAGE: spec.image})

        vps = self.recycler.take(spec, self._tell, won)
        if vps is None:
            save({_ID: ""})
            return None
        return self._machine(vps, spec)

    def _order(self, spec: MachineSpec, handle: Handle, save: Save) -> int:
        if handle.get(_ORDER):
            return int(handle[_ORDER])
        name = spec.tags.get(tags.HOST_NAME, "")
        if handle.get(_CART):
            # Killed around the checkout. Its order's marker may be there though the handle doesn't know it.
            known = next(
                (one for one in self.markers.all() if one.cart_id == handle[_CART] and one.order_id), None
            )
            if known is not None:
                save({_ORDER: str(known.order_id)})
                return known.order_id
            marker = self.markers.get(f"cart-{handle[_CART]}")
            if marker is not None:
                return self.buyer.recover(marker, save)
        self._tell("order")
        return self.buyer.buy(spec, name, save)

    def _delivered(self, order: int, spec: MachineSpec) -> str | None:
        try:
            now, service = delivery.delivered(self.client, order, spec.plan)
        except delivery.OrderCancelled:
            self.markers.remove(f"order-{order}")
            raise
        if service:
            return service
        delivery.refuse_stuck(order, now)
        self._tell(f"delivery (order {order} is {now}, at most {self.config.vps_boot_timeout:g} s)")
        return None

    def _adopt(self, service: str, order: int, spec: MachineSpec, save: Save) -> Machine:
        """A fresh VPS: noted, tagged (its lease is the claim), then cancelled; only then its marker goes."""
        self._tell(f"delivered: {service}")
        self._building.add(service)
        save({_ID: service, _IMAGE: spec.image})
        until = {tags.UNTIL: str(int(self.client.now()) + tags.LEASE_S)}
        self.store.change(service, {**spec.tags, **until})
        self._tell(f"cancel the renewal of {service} until its host is made")
        renewal.insist(self.client, self.clock, service, True)
        self.markers.remove(f"order-{order}")
        return self._machine(self.reader.read(service), spec, {**spec.tags, **until})

    def _mine(self, service: str, spec: MachineSpec) -> Vps | None:
        """The VPS of an earlier, killed call, if its tags still say that it is this host's and its lease runs."""
        try:
            vps = self.reader.read(service)
        except NotFound:
            return None
        owner = tags.read(vps.tags)
        if service in self._building:
            return vps
        if owner.host_id != spec.host_id or vps.released(self.client.now()):
            return None
        if not vps.renewal.cancelled and not owner.ready:
            renewal.insist(self.client, self.clock, service, True)
        self._building.add(service)
        for marker in self.markers.all():
            if marker.host_id == spec.host_id and marker.order_id:
                self.markers.remove(marker.key)
        return vps

    def _machine(self, vps: Vps, spec: MachineSpec, shown: dict[str, str] | None = None) -> Machine:
        """For the builder: waits with an address until the service has one. Our own writes may not show yet."""
        machine = vps.machine()
        kept = {_ID: vps.name, _IMAGE: spec.image}
        return msgspec.structs.replace(machine, tags={**machine.tags, **(shown or {})}, handle=kept)

    # --- first contact, and keeping -----------------------------------------------------------------------------

    def bootstrap(self, machine: Machine, progress: Progress) -> str:
        """contract.FirstContact: the host key that was seen first, once root's login works and qemu is purged."""
        return self.first.bootstrap(machine, machine.handle.get(_IMAGE, ""), progress)

    def keep(self, id: str) -> None:
        """contract.Keeps: from now on the VPS renews. Raises TimedOut, VpsApiError."""
        renewal.insist(self.client, self.clock, id, False)
        self.store.drop(id, RECYCLING_BY)

    # --- looking ------------------------------------------------------------------------------------------------

    def find(self, owner: dict[str, str]) -> list[Machine]:
        """Read one by one, as OVH's list is older than what a VPS itself shows. What waits to be recycled isn't
        anybody's machine."""
        rows = [name for name, found in self.store.rows() if owner.items() <= found.items()]
        now = self.client.now()
        read = [vps for vps in self.read_all(rows) if owner.items() <= vps.tags.items()]
        return [vps.machine() for vps in read if not vps.released(now)]

    def read_all(self, names: Sequence[str]) -> list[Vps]:
        """Several at a time; those that OVH says aren't there are left out. Raises Unreadable."""

        def one(name: str) -> Vps | None:
            try:
                return self.reader.read(name)
            except NotFound:
                return None

        if len(names) < 2:
            found = [one(name) for name in names]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(PARALLEL, len(names))) as pool:
                found = list(pool.map(one, names))
        return [vps for vps in found if vps is not None]

    def get(self, id: str) -> Machine:
        vps = self.reader.read(id)
        if id not in self._building and vps.released(self.client.now()):
            raise NotFound(
                f"{id} carries no host: its renewal is cancelled, and it waits to be recycled until {vps.renewal.expiration}"
            )
        return vps.machine()

    def now(self) -> float:
        return self.client.now()

    # --- changing -----------------------------------------------------------------------------------------------

    def power(self, id: str, on: bool) -> None:
        wanted = "running" if on else "stopped"
        path = f"/vps/{segment(id)}"
        asked = False
        for _ in looks(self.clock, POWER_TIMEOUT_S, most=5):
            now = str((self.client.get(path) or {}).get("state"))
            if now == wanted:
                return
            if not asked and now in ("running", "stopped"):
                try:
                    self.client.post(f"{path}/{'start' if on else 'stop'}", repeat=True)
                    asked = True
                except MngrError as error:
                    if getattr(error, "status", 0) not in (400, 409):  # busy with a task: asked again
                        raise
        raise TimedOut(
            f"VPS {id} isn't {wanted} {POWER_TIMEOUT_S:g} s after OVH was asked to make it so",
            hint="look at it on OVH's page",
        )

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        self.store.change(id, put, drop)

    # --- letting go ---------------------------------------------------------------------------------------------

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        """Cancels the renewal, then takes the host's and the builder's tags off. What was ordered and isn't
        delivered stays with its marker, which `reconcile` sees to."""
        services = {machine.id for machine in self.find({tags.HOST_ID: spec.host_id})}
        fresh = ""
        if handle.get(_ID):
            services.add(handle[_ID])
        elif handle.get(_ORDER):
            fresh = self._of_order(int(handle[_ORDER]), spec)
            services |= {fresh} if fresh else set()
        for service in sorted(services):
            try:
                if not self._retire(service, spec, tag=service in (fresh, handle.get(_ID))):
                    return Later(f"OVH doesn't let the renewal of {service} be cancelled yet", after_s=5)
            except NotFound:
                pass
            self._building.discard(service)
        if handle.get(_ORDER) and (fresh or handle.get(_ID)):
            self.markers.remove(f"order-{handle[_ORDER]}")
        return Gone()

    def _of_order(self, order: int, spec: MachineSpec) -> str:
        try:
            return delivery.delivered(self.client, order, spec.plan)[1]
        except (delivery.OrderCancelled, NotFound):
            self.markers.remove(f"order-{order}")
            return ""

    def _retire(self, service: str, spec: MachineSpec, *, tag: bool) -> bool:
        """False: not yet. One that carries another host's tags is left alone."""
        vps = self.reader.read(service)
        owner = tags.read(vps.tags)
        ours = owner.host_id == spec.host_id
        if owner.host_id and not ours:
            return True
        if not owner.host_id and not tag:
            return True
        if not renewal.cancel(self.client, service):
            return False
        if not ours and spec.tags.get(tags.PROVIDER):
            self.store.change(service, {tags.PROVIDER: spec.tags[tags.PROVIDER], tags.HOST_ID: spec.host_id})
        # From the last of these on it is free. A stale read must not hide a tag that was put a moment ago.
        mine = service in self._building
        dropped = [key for key in (RECYCLING_BY, tags.BUILDER) if mine or key in vps.tags]
        dropped += [tags.READY] if mine or owner.ready or owner.until is None else []
        dropped += [tags.UNTIL] if mine or tags.UNTIL in vps.tags else []
        self.store.change(service, {}, dropped)
        if dropped:
            self.clock.sleep(self.config.tag_lag)
        return True

    def adopt(self, provider: str, service: str) -> None:
        """By a person's word: ours, cancelled, free for the next create. Repeatable. Raises TimedOut, VpsApiError."""
        self.store.put(service, tags.PROVIDER, provider)
        renewal.insist(self.client, self.clock, service, True)
        self.store.change(service, {}, [tags.READY, tags.BUILDER, tags.UNTIL, RECYCLING_BY])

    # --- orders without a host ----------------------------------------------------------------------------------

    def reconcile(
        self, provider: str, *, dry_run: bool = False, warn: Callable[[str], None] = lambda text: None
    ) -> list[str]:
        """Looks at each marker that nobody works on: what was delivered is tagged as ours and cancelled, so that the
        next create recycles it. Never raises MngrError: what fails is told to `warn`. Returns what was done."""
        done: list[str] = []
        for broken in self.markers.broken():
            warn(
                f"{broken.path} can't be read ({broken.why}); an order may stand behind it: `mngr ovh list --all`"
            )
        for marker in self.markers.all():
            try:
                with self.markers.hold(marker.host_id) as mine:
                    if mine:
                        done += self._reconcile(marker, provider, dry_run)
            except (MngrError, OSError) as error:
                warn(f"pending {marker.key.replace('-', ' ', 1)}: {error}")
        return done

    def _reconcile(self, marker: Marker, provider: str, dry_run: bool) -> list[str]:
        if self.markers.get(marker.key) is None:
            return []
        order = marker.order_id or self.buyer.find_lost(marker)
        if not order:
            return [] if dry_run else self._forget_cart(marker)
        try:
            _, service = delivery.delivered(self.client, order, marker.plan_code)
        except (delivery.OrderCancelled, NotFound):
            if not dry_run:
                self.markers.remove(marker.key)
            return [f"order {order} was cancelled by OVH; nothing came of it"]
        if not marker.order_id and not dry_run:
            self.buyer._known(marker, order, lambda handle: None)
        key = f"order-{order}"
        if not service:
            return []
        vps = self.reader.read(service)
        owner = tags.read(vps.tags)
        foreign = any(one.startswith("mngr-") for one in vps.tags) and (
            owner.ready or owner.host_id != marker.host_id or owner.provider != provider
        )
        if dry_run:
            return [] if foreign else [f"would keep {service} (order {order}) for the next create"]
        if not foreign:
            mine = {tags.PROVIDER: provider} | ({tags.HOST_ID: marker.host_id} if marker.host_id else {})
            self.store.change(
                service, {one: value for one, value in mine.items() if vps.tags.get(one) != value}
            )
            if not renewal.cancel(self.client, service):
                return []
            self.store.change(service, {}, [one for one in (tags.BUILDER, tags.UNTIL) if one in vps.tags])
        self.markers.remove(key)
        return [] if foreign else [f"{service} (order {order}): cancelled, and kept for the next create"]

    def _forget_cart(self, marker: Marker) -> list[str]:
        """A checkout that made no order: the cart says that it wasn't bought, long after it was asked to be."""
        late = self.client.now() - marker.at > self.client.timeout + self.config.list_lag + 60
        if late and not self.buyer._checked_out(marker.cart_id):
            self.markers.remove(marker.key)
        return []
