"""Nimbus, a toy cloud: what somebody who has only CONTRIBUTING.md writes to rent machines there."""

import json
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

from mngr.model.clock import Clock
from mngr.model.errors import InvalidInput, NotFound, TimedOut
from mngr.model.views import Offer
from mngr.providers.contract import Caps, Gone, Handle, Later, Machine, MachineSpec, Save
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable
from mngr.vps_docker.vps_client import VpsClientInterface

LIMIT_S = 30
HOST_ID = "mngr-host-id"


class NimbusCloud(VpsClientInterface):
    caps = Caps(tags_at_create=True, list_lag_s=0, stop_saves="", user_data=True)

    def __init__(self, url: str, token: str, clock: Clock) -> None:
        self.url = url
        self.token = token
        self.clock = clock
        self.ahead = 0.0  # the cloud's clock, against ours

    def check(self, spec: MachineSpec) -> Offer:
        sold = self._call("GET", "/catalog")
        for what, asked in (("plan", spec.plan), ("region", spec.region), ("image", spec.image)):
            if asked not in sold[what]:
                raise InvalidInput(
                    f"Nimbus has no {what} {asked!r}", hint=f"there are: {', '.join(sold[what])}"
                )
        return Offer(plan=spec.plan, region=spec.region, image=spec.image, per_hour=sold["plan"][spec.plan])

    def create(self, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
        made = self.find({HOST_ID: spec.host_id})
        if not made:
            save({"asked_at": str(self.now())})
            order = {"name": spec.name, "plan": spec.plan, "region": spec.region, "image": spec.image}
            answer = self._call(
                "POST", "/machines", {**order, "user_data": spec.user_data, "tags": spec.tags}
            )
            made = [self._machine(answer)]
        save({"id": made[0].id})
        return made[0]

    def find(self, owner: dict[str, str]) -> list[Machine]:
        every = [self._machine(one) for one in self._call("GET", "/machines")]
        return [one for one in every if owner.items() <= one.tags.items()]

    def get(self, id: str) -> Machine:
        return self._machine(self._call("GET", f"/machines/{id}"))

    def power(self, id: str, on: bool) -> None:
        self._call("POST", f"/machines/{id}/{'on' if on else 'off'}")
        end = self.clock.monotonic() + LIMIT_S
        while self.get(id).state != ("running" if on else "stopped"):
            if self.clock.monotonic() > end:
                raise TimedOut(f"machine {id} wasn't switched within {LIMIT_S} s")
            self.clock.sleep(0.5)

    def tag(self, id: str, put: dict[str, str], drop=()) -> None:
        self._call("POST", f"/machines/{id}/tags", {"put": put, "drop": list(drop)})

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        ids = {one.id for one in self.find({HOST_ID: spec.host_id})} | {handle.get("id", "")} - {""}
        for id in ids:
            try:
                self._call("DELETE", f"/machines/{id}")
                self.get(id)
                return Later(f"machine {id} is still there", after_s=1)
            except NotFound:
                continue
        return Gone()

    def now(self) -> float:
        return self.clock.now() + self.ahead

    def _machine(self, row: dict) -> Machine:
        return Machine(
            id=row["id"], name=row["name"], state=row["state"], address=row["address"], tags=row["tags"],
            plan=row["plan"], region=row["region"], created_at=row["created_at"], price_per_hour=row["price"],
            handle={"id": row["id"]},
        )  # fmt: skip

    def _call(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                self.ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - self.clock.now()
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise NotFound(f"Nimbus has no {path}") from None
            kind = VpsApiUnreadable if method == "GET" else VpsApiError
            raise kind(f"Nimbus said {error.code} to {method} {path}", status=error.code) from None
        except (OSError, ValueError) as error:
            kind = VpsApiUnreadable if method == "GET" else VpsApiNoAnswer
            raise kind(f"Nimbus didn't answer {method} {path}: {error}") from None
