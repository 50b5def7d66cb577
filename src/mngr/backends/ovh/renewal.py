"""Ending and taking up a VPS's renewal: `PUT /vps/{s}/serviceInfos`, which takes the whole service.

Never `/terminate`: it wants a token from an e-mail. Setting `deleteAtExpiration` silently sets `automatic` to false
and `renewalType` to manual, so that taking it back restores both. A fresh VPS refuses for about 30 s.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from mngr.backends.ovh.client import OvhClient
from mngr.model.clock import from_iso
from mngr.model.errors import TimedOut
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable
from mngr.vps_docker.http import segment

#: `creation` is a date, in a zone that isn't said.
CREATION_S = 1.5 * 86400
#: A fresh subscription refuses changes for about half a minute; so long we go on asking.
INACTIVE_S = 240.0


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """What serviceInfos says. `expiration` is a date: until the start of that day, UTC."""

    status: str
    expiration: str
    cancelled: bool
    automatic: bool
    engaged_until: str
    created: str

    @property
    def paid_until(self) -> float:
        return from_iso(self.expiration)

    def older_than(self, at: float) -> bool:
        """Whether the service was there before then, as surely as its date tells."""
        try:
            return from_iso(self.created) + CREATION_S <= at
        except ValueError:
            return False

    @property
    def renews(self) -> bool:
        return self.automatic and not self.cancelled and self.status != "expired"


def read(client: OvhClient, service: str) -> Renewal:
    """Raises NotFound, Unreadable."""
    return parse(_info(client, service), service)


def parse(info: Any, service: str) -> Renewal:
    try:
        renew = info.get("renew") or {}
        found = Renewal(
            status=str(info["status"]),
            expiration=str(info["expiration"]),
            cancelled=bool(renew.get("deleteAtExpiration")),
            automatic=bool(renew.get("automatic")),
            engaged_until=str(info.get("engagedUpTo") or ""),
            created=str(info.get("creation") or ""),
        )
        found.paid_until  # noqa: B018  a date that can't be read is no date
    except (KeyError, AttributeError, TypeError, ValueError):
        raise VpsApiUnreadable(f"OVH's serviceInfos of {service} can't be read") from None
    return found


def cancel(client: OvhClient, service: str, still: Callable[[], bool] = lambda: True) -> bool:
    """Ends the renewal: the VPS goes at its expiration. Repeatable. False if OVH doesn't let it be changed yet, or if
    `still`, which is asked right before, says no."""
    return _set(client, service, True, still)


def insist(client: OvhClient, service: str, cancelled: bool, limit: float = INACTIVE_S) -> None:
    """`cancel`, or its undoing (the VPS renews by itself again), waiting out a subscription that isn't active yet.
    Repeatable. Raises TimedOut after `limit` s."""
    for _ in looks(client.clock, limit, most=5):
        if _set(client, service, cancelled):
            return
    what = "cancel" if cancelled else "take back the cancellation of"
    raise TimedOut(
        f"OVH didn't let us {what} {service} within {limit:g} s: its subscription isn't active yet",
        hint=("`mngr gc` tries again; " if cancelled else "run the command again; ")
        + "`mngr ovh list` shows whether it renews",
    )


def _set(client: OvhClient, service: str, cancelled: bool, still: Callable[[], bool] = lambda: True) -> bool:
    info = _info(client, service)
    if _is(info, cancelled):
        return True
    if not still():
        return False
    renew = {**(info.get("renew") or {}), "deleteAtExpiration": cancelled}
    back = {} if cancelled else {"renew": {**renew, "automatic": True}, "renewalType": "automaticV2012"}
    try:
        client.put(_path(service), {**info, "renew": renew, **back})
    except VpsApiError as error:
        if error.status == 400 and "not active" in error.message:
            return False
        raise
    return _is(_info(client, service), cancelled)  # read back: a lost write once cost a month


def _is(info: Any, cancelled: bool) -> bool:
    renew = info.get("renew") or {}
    renews = renew.get("automatic") is True and info.get("renewalType") == "automaticV2012"
    return renew.get("deleteAtExpiration") == cancelled and (cancelled or renews)


def _info(client: OvhClient, service: str) -> dict[str, Any]:
    found = client.get(_path(service))
    if not isinstance(found, dict) or not isinstance(found.get("renew") or {}, dict):
        raise VpsApiUnreadable(f"OVH's serviceInfos of {service} can't be read")
    return found


def _path(service: str) -> str:
    return f"/vps/{segment(service)}/serviceInfos"
