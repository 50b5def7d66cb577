"""Putting an OVH together from the command line's options."""

from __future__ import annotations

import argparse

from mngr.simcloud.cloud import Core
from mngr.simcloud.machines.base import Options, Unavailable
from mngr.simcloud.ovh import bills
from mngr.simcloud.ovh.api import Ovh
from mngr.simcloud.ovh.flavour import FLAVOURS
from mngr.simcloud.ovh.seed import seed
from mngr.simcloud.ovh.state import State

FAULTS = ("payment_refused", "order_stuck", "task_error")
"""At checkout or `pay`; at checkout; at a rebuild. See README.md."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), default="us", help="which OVH; us by default")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="divide every duration by this: 20 makes 80 s of delivery 4 s",
    )
    parser.add_argument(
        "--preload", type=int, default=0, metavar="N", help="VPSs of others in the account, without machines"
    )
    parser.set_defaults(delivery_s=None)


def start(args: argparse.Namespace, core: Core, options: Options) -> Ovh:
    if args.speed <= 0:
        raise Unavailable("--speed is more than 0")
    state = State(core, FLAVOURS[args.flavour])
    core.bill.currency = state.flavour.currency
    core.faults.vendor_kinds = FAULTS
    core.overdue.append(lambda: bills.catch_up(state))
    state.behaviour.speed_up(args.speed)
    if args.delivery_s is not None:
        state.behaviour.delivery_s = args.delivery_s
    if core.machines.real:
        from mngr.simcloud.ovh.images.build import ensure

        options.images.update(ensure())
    credential = state.credentials.make("keys", core.clock.now())
    state.credentials.make("oauth2", core.clock.now())
    if args.preload:
        seed(state, {"count": args.preload})
    return Ovh(state, credential)
