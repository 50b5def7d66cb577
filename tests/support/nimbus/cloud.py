"""Nimbus, a toy cloud: what somebody who has only CONTRIBUTING.md writes to rent machines there."""

import contextlib
import json
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import quote

from mngr.model.clock import Clock
from mngr.model.errors import InvalidInput, NotFound, TimedOut
from mngr.model.progress import Progress
from mngr.model.views import Offer
from mngr.vps_docker import narrow_tags
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable
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

LIMIT_S = 30
HOST_ID = "mngr-host-id"


class NimbusCloud(VpsClientInterface):
    caps = Caps(list_lag_s=0)

    def __init__(self, url: str, token: str, clock: Clock, timeout: float = LIMIT_S) -> None:
        self.timeout = timeout
        self.url = url
        self.token = token
        self.clock = clock
        self.ahead: float | None = None  # the cloud's clock, against this computer's steady one

    def check(self, spec: MachineSpec) -> Offer:
        sold = self._call("GET", "/catalog")
        for what, asked in (("plan", spec.plan), ("region", spec.region), ("image", spec.image)):
            if asked not in sold[what]:
                raise InvalidInput(
                    f"Nimbus has no {what} {asked!r}", hint=f"there are: {', '.join(sold[what])}"
                )
        return Offer(plan=spec.plan, region=spec.region, image=spec.image, per_hour=sold["plan"][spec.plan])

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        made = self.find({HOST_ID: spec.host_id})
        if not made and handle.get("id"):
            return Machine(id=handle["id"], state="gone")
        if not made:
            save({"asked_at": str(self.now())})
            order = {"name": spec.name, "plan": spec.plan, "region": spec.region, "image": spec.image}
            answer = self._call(
                "POST",
                "/machines",
                {**order, "user_data": spec.user_data, "tags": narrow_tags.labels(spec.tags)},
            )
            made = [self._machine(answer)]
        save({"id": made[0].id})
        return made[0]

    def find(self, owner: dict[str, str]) -> list[Machine]:
        every = [self._machine(one) for one in self._pages("/machines")]
        return [one for one in every if owner.items() <= one.tags.items()]

    def get(self, id: str) -> Machine:
        return self._machine(self._call("GET", f"/machines/{quote(id, safe='')}"))

    def power(self, id: str, on: bool) -> None:
        self._call("POST", f"/machines/{id}/{'on' if on else 'off'}")
        end = self.clock.monotonic() + LIMIT_S
        while self.get(id).state != ("running" if on else "stopped"):
            if self.clock.monotonic() > end:
                raise TimedOut(f"machine {id} wasn't switched within {LIMIT_S} s")
            self.clock.sleep(0.5)

    def tag(self, id: str, put: dict[str, str], drop=()) -> None:
        labels = self._call("GET", f"/machines/{quote(id, safe='')}")["tags"]
        after = narrow_tags.changed(labels, put, drop)
        gone = [*drop, *(key for key in labels if key not in after)]
        self._call("POST", f"/machines/{id}/tags", {"put": narrow_tags.labels(put), "drop": gone})

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        ids = {one.id for one in self.find({HOST_ID: spec.host_id})} | {handle.get("id", "")} - {""}
        for id in ids:
            try:
                self._call("DELETE", f"/machines/{id}")
                self.get(id)
                return Later(f"machine {id} is still there", after_s=1)
            except NotFound:
                continue
        for one in self._addresses(spec):  # bought with the machine, billed by itself, and not gone with it
            with contextlib.suppress(NotFound):
                self._call("DELETE", f"/addresses/{one}")
        if left := self._addresses(spec):
            return Later(f"addresses {left} are still there", after_s=1)
        return Gone()

    def now(self) -> float:
        if self.ahead is None:
            self._call("GET", "/catalog")
        return self.clock.monotonic() + (self.ahead or 0)

    def _addresses(self, spec: MachineSpec) -> list[str]:
        return [one["id"] for one in self._pages("/addresses") if one["tags"].get(HOST_ID) == spec.host_id]

    def _pages(self, path: str) -> list:
        rows, page = [], 1
        while page:
            answer = self._call("GET", f"{path}?page={page}")
            rows, page = [*rows, *answer["rows"]], answer["next"]
        return rows

    def _machine(self, row: dict) -> Machine:
        return Machine(
            id=row["id"], name=row["name"], state=row["state"], address=row["address"],
            tags=narrow_tags.read(row["tags"]),
            plan=row["plan"], region=row["region"], created_at=row["created_at"],
        )  # fmt: skip

    def _call(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        reads = method == "GET"
        try:
            try:
                answer = urllib.request.urlopen(request, timeout=self.timeout)
            except urllib.error.HTTPError as refusal:
                answer = refusal
            with answer:
                status, said = answer.status, self._said(answer)
        except (OSError, HTTPException) as error:
            kind = VpsApiUnreadable if reads else VpsApiNoAnswer
            raise kind(f"Nimbus didn't answer {method} {path}: {error}") from None
        if status == 404 and "error" in said:
            raise NotFound(f"Nimbus has no {path}")
        if status >= 400 or not said:
            unsure = VpsApiNoAnswer if status >= 500 or status < 400 else VpsApiError
            kind = VpsApiUnreadable if reads else unsure
            raise kind(f"Nimbus said {status} to {method} {path}", status=status)
        return said

    def _said(self, answer) -> dict:
        """What Nimbus says; nothing if that isn't Nimbus."""
        self.ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - self.clock.monotonic()
        try:
            said = json.loads(answer.read())
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}
