"""How this OVH misbehaves: docs/clouds-as-they-are.md as switches, all on by default. `GET` and `POST /behaviour` on the control port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mngr.simcloud.behaviour import Switches


@dataclass
class Behaviour(Switches):
    CHOICES: ClassVar = {"us_order_dates": ("refused", "ignored", "honoured")}

    checking_s: float = 5.0
    """A paid order says `checking` for so long before it says `delivering`."""
    delivery_s: float = 80.0
    """From payment until the order shows a service name."""
    todo_s: float = 3.0
    """A task says `todo` for so long before it says `doing`."""
    deliver_task_s: float = 90.0
    """From then on, task `deliverVm` goes on for so long."""
    subscription_inactive_s: float = 30.0
    """From delivery on, PUT serviceInfos answers 400 "subscription is not active yet" for so long."""
    rebuild_busy_s: float = 45.0
    """After a task's end, a rebuild is refused for so long with "running tasks", while /tasks looks idle."""
    rebuild_s: float = 40.0
    """A rebuild takes at least so long; the old system runs on meanwhile."""
    power_s: float = 5.0
    """So does a start, stop or reboot."""
    tasks_lag_s: float = 5.0
    """/tasks lists what was so long ago; a task by its id is as of now."""
    list_lag_s: float = 10.0
    """/vps and /v2/iam/resource, likewise; a service by its name is as of now."""
    order_list_lag_s: float = 5.0
    """/me/order, likewise."""
    tag_lag_s: float = 3.0
    """Δ: a tag write reaches each replica within so long; a read asks any of them. For a resource by its name."""
    tag_list_lag_s: float = 3.0
    """The same for the tags that lists show, to everybody, the writer too. A list's own lag comes on top for new VPSs only."""
    tag_writer_sees: bool = True
    """A process sees its own tag writes at once, in a resource by its name. False: it waits like all others."""
    tag_replicas: int = 3
    cancel_resets_renewal: bool = True
    """deleteAtExpiration=true sets automatic=false and renewalType=manual."""
    key_for_root: bool = False
    """False: a rebuild's key opens the image's own user only."""
    ipv6_first: bool = True
    """/ips has no order one could rely on: the IPv6 address comes first."""
    show_allowed_values: bool = True
    """requiredConfiguration has `allowedValues`, which is in no schema."""
    rtm_required: bool = False
    """A cart's item must be told about `vps_install_rtm`, too."""
    cart_reusable: bool = False
    """A cart that was checked out (`readOnly` by then) may be checked out again, and buys again."""
    us_order_dates: str = "refused"
    """What US makes of /me/order?date.from=, which its schema lacks: refused, ignored or honoured."""
    order_lines_reversed: bool = False
    """An order's details begin with what is no VPS: the system, then installation and time."""
    us_extension: bool = True
    """US has /me/order/{o}/details/{d}/extension, as its schema says; False: it is a 404 there."""
    payment_method: bool = True
    """The account has a preferred way to pay; without one a checkout that is to pay by itself is refused."""
    out_of_stock: tuple[str, ...] = ()
    """Datacenters where nothing can be ordered."""

    def change(self, data: dict[str, Any]) -> None:
        if data.get("tag_replicas") == 0:
            raise ValueError("behaviour: there is at least one replica")
        super().change(data)
