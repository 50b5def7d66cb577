"""A simulated cloud without machines in the test's own process: it starts in no time."""

from __future__ import annotations

import argparse
from importlib import import_module

from mngr.simcloud.clock import Clock
from mngr.simcloud.cloud import Core
from mngr.simcloud.control import Control
from mngr.simcloud.front import Front
from mngr.simcloud.http import Server
from mngr.simcloud.machines.base import Options
from mngr.simcloud.machines.fake import FakeMachines
from mngr.testing.cloud import ControlPort
from support.simcloud import Simcloud


class InProcess(Simcloud):
    """`vendor` as `python -m mngr.simcloud VENDOR --machines fake ARGUMENTS…` runs it."""

    def __init__(self, vendor: str, *arguments: str) -> None:
        start = import_module(f"mngr.simcloud.{vendor}.start")
        parser = argparse.ArgumentParser()
        parser.set_defaults(delivery_s=0.0)
        start.add_options(parser)
        options = Options("here")
        self.core = Core(options.run, Clock(), FakeMachines(options))
        served = self.vendor = start.start(parser.parse_args(arguments), self.core, options)
        self.servers = [Server(0, Front(self.core, served)), Server(0, Control(self.core, served))]
        for server in self.servers:
            server.start()
        ControlPort.__init__(self, f"{self.servers[1].address}/control")
        self.url = self.servers[0].address + served.prefix
        self.env = served.env(self.url)
        self.run = options.run

    def stop(self) -> int:
        self.core.gates.clear()
        assert self.core.jobs.stop(10)
        for server in self.servers:
            server.stop()
        self.core.machines.close()
        return 0
