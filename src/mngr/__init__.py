"""mngr: coding agents in containers on machines you rent or own.

>>> from mngr import Mngr
>>> Mngr().create("my-agent", provider="docker").exec("ls").text  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mngr.model.errors import MngrError
    from mngr.ops.agent import Agent
    from mngr.ops.asked import Asked
    from mngr.ops.host import Host
    from mngr.ops.mngr import CostsMoney, Mngr

__all__ = ["Agent", "Asked", "CostsMoney", "Host", "Mngr", "MngrError"]
__version__ = "0.1.0"

#: Where each name comes from; imported when it is asked for, as the command line needs none of them to start.
_HOMES = {
    "Agent": "ops.agent",
    "Asked": "ops.asked",
    "CostsMoney": "ops.mngr",
    "Host": "ops.host",
    "Mngr": "ops.mngr",
    "MngrError": "model.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mngr' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mngr.{_HOMES[name]}"), name)
