"""A suite for authors of clouds: each promise of `vps_client.VpsClientInterface` is a test. What you write:

    from mngr.testing.cloud_contract import CloudContract, CloudWorld

    class MyCloudWorld(CloudWorld):
        ...                                     # world.py says what it brings

    class TestMyCloud(CloudContract):
        @pytest.fixture
        def world(self, tmp_path):
            yield MyCloudWorld(tmp_path)

The client runs in the test's process and talks HTTP to your simulated cloud, through a proxy of the suite's (wire.py)
that spoils answers: no fault has to be built into the simulated cloud. No test waits: the clock is handed in.
"""

import pytest

_PARTS = (
    "base",
    "checking",
    "creating",
    "finding",
    "getting",
    "lab",
    "powering",
    "releasing",
    "tagging",
    "timing",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from mngr.testing.cloud_contract.checking import Checking  # noqa: E402
from mngr.testing.cloud_contract.creating import Creating  # noqa: E402
from mngr.testing.cloud_contract.finding import Finding  # noqa: E402
from mngr.testing.cloud_contract.getting import Getting  # noqa: E402
from mngr.testing.cloud_contract.powering import Powering  # noqa: E402
from mngr.testing.cloud_contract.releasing import Releasing  # noqa: E402
from mngr.testing.cloud_contract.tagging import Tagging  # noqa: E402
from mngr.testing.cloud_contract.timing import Timing  # noqa: E402
from mngr.testing.cloud_contract.world import CloudWorld  # noqa: E402

__all__ = ["CloudContract", "CloudWorld"]


class CloudContract(Checking, Creating, Finding, Getting, Powering, Releasing, Tagging, Timing):
    """What every cloud keeps. `world` is yours: a fresh account for each test, best."""
