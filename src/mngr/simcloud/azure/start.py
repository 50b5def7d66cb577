"""Putting an Azure together from the command line's options."""

from __future__ import annotations

import argparse

from mngr.simcloud.azure import assignments, vm_power
from mngr.simcloud.azure.api import Azure
from mngr.simcloud.azure.inside import NAMES, inside
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.state import State
from mngr.simcloud.cloud import Core
from mngr.simcloud.machines.base import Options, Unavailable

FAULTS = ("late_failure", "quota", "sku_not_available")
"""Of a VM's PUT, and the first of its start, too. See README.md."""

TLS_ONLY = True
"""What `--export` prints is for TLS: Azure's SDKs send no secret by plain http."""

__all__ = ["NAMES", "TLS_ONLY", "add_options", "start"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed", type=float, default=1.0, help="divide every duration by this: 20 makes 60 s 3 s"
    )
    parser.add_argument(
        "--registered", action="store_true", help="the resource providers are registered already"
    )
    parser.add_argument(
        "--buckets", choices=("real", "off"), default="real", help="whether haste is throttled"
    )
    parser.set_defaults(delivery_s=None)


def start(args: argparse.Namespace, core: Core, options: Options) -> Azure:
    if args.speed <= 0:
        raise Unavailable("--speed is more than 0")
    state = State(core)
    core.faults.vendor_kinds = FAULTS
    core.overdue += [state.operations.catch_up, lambda: vm_power.catch_up(state)]
    state.behaviour.speed_up(args.speed)
    state.behaviour.bucket = args.buckets
    if args.registered:
        state.registering |= dict.fromkeys(
            ("microsoft.compute", "microsoft.network", "microsoft.storage"), 0.0
        )
    principal = state.principals.add(Principal("mngr"))
    assignments.owner(state, principal.id)
    azure = Azure(state, principal)
    options.inside = inside(azure, options.tls, options.ports)
    return azure
