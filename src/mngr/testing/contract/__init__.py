"""One suite that every provider passes. What you write:

    from mngr.testing.contract import AccountContract, ProviderContract, SshContract

    class TestMyCloud(ProviderContract, SshContract, AccountContract):
        @pytest.fixture(scope="class")
        @classmethod
        def world(cls, tmp_path_factory):
            yield MyWorld(tmp_path_factory.mktemp("world"))     # a mngr.testing.world.World

Everything goes through the command line, as users type it; what exists is asked behind mngr's back. A world may
also have `mistakes` (create arguments that can't be meant → a word that the message must name), `cloud` (a
`CloudControl`) and `limit_s` (what a create may take).
"""

import pytest

_PARTS = ("lifecycle", "listing", "mistakes", "secrets", "keys", "states", "together")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from mngr.testing.contract.keys import Keys  # noqa: E402
from mngr.testing.contract.lifecycle import Lifecycle  # noqa: E402
from mngr.testing.contract.listing import Listings  # noqa: E402
from mngr.testing.contract.mistakes import Mistakes  # noqa: E402
from mngr.testing.contract.secrets import Secrets  # noqa: E402
from mngr.testing.contract.states import States  # noqa: E402
from mngr.testing.contract.together import Together  # noqa: E402

__all__ = ["AccountContract", "ProviderContract", "SshContract"]


class ProviderContract(Lifecycle, Listings, Mistakes, Secrets, States):
    """What every provider keeps. `world` is yours; agents that tests make are removed after each test."""


class SshContract(Keys):
    """Besides, where hosts are reached over SSH."""


class AccountContract(Together):
    """Besides, where several computers share an account."""
