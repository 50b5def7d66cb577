"""The command line: a vendor's name runs its cloud, `clean` removes what a run left, `images` makes the base images."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from types import ModuleType

from mngr.simcloud import vendors
from mngr.simcloud.machines.base import Options, Unavailable

OTHERS = ("clean", "images")


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed, 2 usage."""
    argv = sys.argv[1:] if argv is None else argv
    args = _parser(argv[0] if argv else "").parse_args(argv)
    try:
        return args.act(args)
    except Unavailable as problem:
        print(f"simcloud: {problem}", file=sys.stderr)
        return 1


def _parser(verb: str) -> argparse.ArgumentParser:
    """With the vendor that is asked for, also if another distribution brings it; else with all in the tree."""
    parser = argparse.ArgumentParser(prog="python -m mngr.simcloud", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    asked = None if verb in OTHERS else vendors.find(verb)
    for name in [verb] if asked else vendors.in_tree():
        if vendor := asked or vendors.find(name):
            _add_vendor(verbs.add_parser(name, help=f"run a simulated {name.capitalize()}"), vendor)
    clean = verbs.add_parser("clean", help="remove machines, volumes and networks that a run left")
    clean.add_argument("--run", help="only this run's; by default those of every run that has ended")
    clean.set_defaults(act=_clean)
    images = verbs.add_parser("images", help="make the base images, or take them from the cache")
    images.set_defaults(act=_images)
    return parser


def _add_vendor(parser: argparse.ArgumentParser, vendor: ModuleType) -> None:
    parser.add_argument(
        "--port", type=int, default=0, help="the API's port on 127.0.0.1; 0 (default) takes a free one"
    )
    parser.add_argument("--https-port", type=int, default=0, help="the API's other port, with TLS")
    parser.add_argument("--control-port", type=int, default=0, help="the control interface's port")
    parser.add_argument("--machines", choices=("container", "qemu", "fake"), default="container")
    parser.add_argument(
        "--machines-cmd", metavar="CMD", help="with fake machines: run CMD for each boot, halt, …"
    )
    parser.add_argument("--ports", default="22,2222", help="the ports of a machine that can be reached")
    parser.add_argument(
        "--stock-has-docker", action="store_true", help="the stock system comes with a Docker daemon"
    )
    parser.add_argument(
        "--delivery-s", type=float, default=0.0, help="seconds of the cloud's clock before a boot"
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--export", action="store_true",
        help="go on in the background once ready, and print what a shell's eval exports; ends with the terminal's session",
    )  # fmt: skip
    ends.add_argument(
        "--while-stdin", action="store_true", help="end when standard input does: with its starter"
    )
    vendor.add_options(parser)
    parser.set_defaults(act=_run, vendor=vendor)


def _run(args: argparse.Namespace) -> int:
    from mngr.simcloud.run import run

    ports = tuple(int(port) for port in args.ports.split(","))
    options = Options(_run_id(), ports, args.machines_cmd, args.stock_has_docker)
    if args.export:
        from mngr.simcloud.export import in_background

        return in_background(args, lambda: run(args, options))
    return run(args, options)


def _clean(args: argparse.Namespace) -> int:
    from mngr.simcloud.machines.clean import clean

    return clean(args.run)


def _images(args: argparse.Namespace) -> int:
    from mngr.simcloud.images.build import ensure

    for name, tag in ensure().items():
        print(f"{name}\t{tag}")
    return 0


def _run_id() -> str:
    """MNGR_TEST_RUN, so that a test run's machines can be told from others'; else a random one."""
    given = re.sub(r"[^A-Za-z0-9_.-]", "-", os.environ.get("MNGR_TEST_RUN", ""))
    return given or f"sim-{secrets.token_hex(4)}"
