"""Vultr as a Cloud: instances with tags, bought by the hour. https://www.vultr.com/api/#tag/instances

Vultr has no idempotency key and doesn't refuse a second instance of the same label. So the host id's tag, put
in the creating call, is looked for first, and a call that may have been carried out is made again only after the
list had time to show what it made.
"""

import base64
import contextlib
import threading
from collections.abc import Sequence
from typing import Any

from mngr.backends.vultr import offers
from mngr.backends.vultr.client import VultrClient
from mngr.backends.vultr.parse import join_tags, machine, split_tags
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import MngrError, NotFound, TimedOut
from mngr.model.progress import Progress
from mngr.model.views import Offer
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiNoAnswer, VpsApiUnreadable
from mngr.vps_docker.http import segment
from mngr.vps_docker.tags import HOST_ID
from mngr.vps_docker.vps_client import (
    Caps,
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

#: How old a list may be after a write. Vultr promises nothing; nobody reported more than seconds.
LIST_LAG_S = 10.0
POWER_TIMEOUT_S = 120.0
#: An order whose answer was lost is made again so often, each time after the list was given time.
ORDERS = 3

# Keys of the handle.
_ID = "id"
_ASKED = "asked_at"  # cloud's time before the last order was sent, "" once it is known to have made nothing
_LOST = "lost_at"  # cloud's time when we gave up waiting for its answer


class VultrCloud(VpsClientInterface):
    """One Vultr account. Halted instances are billed like running ones; only deletion ends the bill."""

    def __init__(self, client: VultrClient, clock: Clock = SYSTEM, list_lag_s: float = LIST_LAG_S) -> None:
        self.client = client
        self.clock = clock
        self.caps = Caps(list_lag_s=list_lag_s)
        self._tagging = threading.Lock()

    def check(self, spec: MachineSpec) -> Offer:
        return offers.check(self.client, spec, self.have_read)

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        if handle.get(_ID):
            return self._just_made(handle[_ID])
        for _ in range(ORDERS):
            found = self._look_for(spec, handle, save)
            if found is not None:
                return found
            handle = {**handle, _ID: "", _ASKED: str(self.now()), _LOST: ""}
            save(handle)
            try:
                made = self._buy(spec)
            except VpsApiNoAnswer:
                handle = {**handle, _LOST: str(self.now())}
                save(handle)
                continue
            except MngrError:
                save({_ASKED: ""})  # refused: nothing was made
                raise
            save({_ID: made.id})
            return made
        raise VpsApiNoAnswer(
            f"Vultr gave no usable answer to the order of {spec.name}, {ORDERS} times, and its list shows no such instance",
            hint="https://status.vultr.com; `mngr gc` releases what may still appear",
        )

    def _buy(self, spec: MachineSpec) -> Machine:
        """The paid call. Raises VpsApiNoAnswer if it may have been carried out."""
        answer = self.client.post("/instances", self._order(spec), repeat=False)
        try:
            return machine(answer["instance"])
        except (KeyError, TypeError, AttributeError, VpsApiUnreadable):
            raise VpsApiNoAnswer("Vultr's answer to the order has no instance in it") from None

    def _just_made(self, id: str) -> Machine:
        """The instance of an order that was answered. One that Vultr doesn't know (any more) has state `gone`."""
        for _ in looks(self.clock, self.caps.list_lag_s):
            with contextlib.suppress(NotFound):
                return self.get(id)
        return Machine(id=id, state="gone")

    def _look_for(self, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
        """The instance that an earlier order made: at once if none was sent, else for as long as it may show late.

        Asked for by its id, as a list may still show what was deleted a moment ago.
        """
        until = self._shown_by(handle)
        while True:
            for listed in self.find({HOST_ID: spec.host_id}):
                save({_ID: listed.id})
                with contextlib.suppress(NotFound):
                    return self.get(listed.id)
            if until is None or self.now() >= until:
                return None
            self.clock.sleep(min(2.0, max(0.1, until - self.now())))

    def _shown_by(self, handle: Handle) -> float | None:
        """When, in the cloud's time, lists show what an unanswered order made; None if there was none."""
        if not handle.get(_ASKED) or handle.get(_ID):
            return None
        if handle.get(_LOST):
            return float(handle[_LOST]) + self.caps.list_lag_s
        return float(handle[_ASKED]) + self.client.timeout + self.caps.list_lag_s

    def _order(self, spec: MachineSpec) -> dict[str, Any]:
        """The body of `POST /instances`. Backups would be billed, and activation mails tell nobody anything."""
        body: dict[str, Any] = {
            "region": spec.region,
            "plan": spec.plan,
            "label": spec.name,
            "hostname": spec.name,
            "tags": join_tags(spec.tags),
            "backups": "disabled",
            "activation_email": False,
            "enable_ipv6": True,
        }
        if spec.user_data:
            body["user_data"] = base64.b64encode(spec.user_data.encode()).decode()
        if spec.options.get("snapshot_id"):
            body["snapshot_id"] = spec.options["snapshot_id"]
        elif spec.options.get("image_id"):
            body["image_id"] = spec.options["image_id"]
        else:
            body["os_id"] = int(spec.image)
        return body

    def find(self, owner: dict[str, str]) -> list[Machine]:
        # The list's own filter by tag is deprecated, so it isn't relied on: a filter that finds nothing any more
        # would look like machines that aren't there.
        rows = (machine(row) for row in self.client.pages("/instances", "instances"))
        wanted = owner.items()
        return sorted(
            (one for one in rows if wanted <= one.tags.items()), key=lambda one: (one.created_at or 0, one.id)
        )

    def account(self) -> str:
        return self.client.account()

    def get(self, id: str) -> Machine:
        return machine(self._instance(id))

    def _instance(self, id: str) -> dict[str, Any]:
        answer = self.client.get(f"/instances/{segment(id)}")
        try:
            return answer["instance"]
        except KeyError:
            raise VpsApiUnreadable(f"Vultr's answer about instance {id} has no instance in it") from None

    def power(self, id: str, on: bool) -> None:
        wanted = "running" if on else "stopped"
        asked, now = False, None
        for _ in looks(self.clock, POWER_TIMEOUT_S, most=2):
            now = self._instance(id).get("power_status")
            if now == wanted:
                return
            if not asked:
                self.client.post(f"/instances/{segment(id)}/{'start' if on else 'halt'}", {}, repeat=True)
                asked = True
        raise TimedOut(
            f"instance {id} isn't {wanted} {POWER_TIMEOUT_S:g} s after Vultr was asked to make it so (it is {now})",
            hint="look at it on https://my.vultr.com",
        )

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        # Vultr replaces the whole list: read, change, write. Tags without "=" are people's own and stay.
        with self._tagging:
            rows = list(self._instance(id).get("tags") or [])
            changed = {*put, *drop}
            others = [row for row in rows if not (split_tags([row]).keys() & changed)]
            wanted = [*others, *join_tags(put)]
            if sorted(wanted) != sorted(rows):
                self.client.patch(f"/instances/{segment(id)}", {"tags": wanted})

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        found = self.find({HOST_ID: spec.host_id})
        ids = {one.id for one in found}
        if handle.get(_ID):
            ids.add(handle[_ID])
        left = [id for id in sorted(ids) if not self._delete(id)]
        if left:
            return Later(f"Vultr still shows {', '.join(left)}", after_s=2)
        until = self._shown_by(handle)
        if until is not None and (now := self.now()) < until and not _made_by(handle, found):
            return Later("an order without an answer may still show in Vultr's list", after_s=until - now)
        return Gone()

    def _delete(self, id: str) -> bool:
        """Asks for deletion; whether Vultr says that it is gone."""
        try:
            self.client.delete(f"/instances/{segment(id)}")
            self.get(id)
        except NotFound:
            return True
        return False

    def blank_user_data(self, id: str) -> None:
        """Replaces the user data, which an account's API keys can read, by an empty cloud-config."""
        empty = base64.b64encode(b"#cloud-config\n{}\n").decode()
        self.client.patch(f"/instances/{segment(id)}", {"user_data": empty})

    def now(self) -> float:
        return self.client.now()


def _made_by(handle: Handle, found: list[Machine]) -> bool:
    """Whether the last order without an answer is explained by one of `found`."""
    asked = float(handle[_ASKED]) - 5
    return any(one.created_at is not None and one.created_at >= asked for one in found)
