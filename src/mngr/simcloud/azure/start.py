"""Putting an Azure together from the command line's options."""

from __future__ import annotations

import argparse

from mngr.simcloud.azure import roles
from mngr.simcloud.azure.api import Azure
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.state import State
from mngr.simcloud.cloud import Core
from mngr.simcloud.machines.base import Options, Unavailable

NAMES = ("management.azure.com", "login.microsoftonline.com", "prices.azure.com")
"""What the certificate is good for, beside localhost: machines reach ARM by its real name."""
FAULTS = ("late_failure", "quota", "evict")
"""On a VM's PUT: taken, and failed later (`how`: the code); refused by quota; on its PUT: evicted once it runs."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed", type=float, default=1.0, help="divide every duration by this: 20 makes 60 s 3 s"
    )
    parser.add_argument(
        "--registered", action="store_true", help="the resource providers are registered already"
    )
    parser.set_defaults(delivery_s=None)


def start(args: argparse.Namespace, core: Core, options: Options) -> Azure:
    if args.speed <= 0:
        raise Unavailable("--speed is more than 0")
    state = State(core)
    core.faults.vendor_kinds = FAULTS
    core.overdue.append(state.operations.catch_up)
    state.behaviour.speed_up(args.speed)
    if args.registered:
        state.registering |= dict.fromkeys(
            ("microsoft.compute", "microsoft.network", "microsoft.storage"), 0.0
        )
    principal = state.principals.add(Principal("mngr"))
    roles.owner(state, principal.id)
    return Azure(state, principal)
