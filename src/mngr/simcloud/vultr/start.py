"""Putting a Vultr together from the command line's options."""

from __future__ import annotations

import argparse
from typing import Any

from mngr.simcloud.cloud import Core
from mngr.simcloud.machines.base import Options
from mngr.simcloud.vultr.api import Vultr
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.throttle import Throttle


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--api-key", help="the key clients must send; by default a random one")
    parser.add_argument(
        "--rate-limit", type=int, default=30, help="requests a second and source; 0 is no limit"
    )


def start(args: argparse.Namespace, core: Core, options: Options) -> Vultr:
    given: dict[str, Any] = {"api_key": args.api_key} if args.api_key else {}
    state = State(core, delivery_s=args.delivery_s, **given)
    return Vultr(state, Throttle(args.rate_limit))
