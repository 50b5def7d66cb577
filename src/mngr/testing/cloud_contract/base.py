"""What all parts of the suite share: the world, and a lab in it whose machines go away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mngr.testing.cloud_contract.lab import Lab
from mngr.testing.cloud_contract.world import CloudWorld


class Base:
    """Fixtures. `world` has to be overridden."""

    @pytest.fixture
    def world(self) -> CloudWorld:
        raise NotImplementedError("the class that inherits the suite brings the world")

    @pytest.fixture
    def lab(self, world: CloudWorld, request: pytest.FixtureRequest) -> Iterator[Lab]:
        """After the test, all that it made is released, and the bill is looked at."""
        test: str = request.node.originalname
        unknown = [name for name in world.lacks if not hasattr(self, name)]
        assert not unknown, f"`lacks` names tests that aren't there: {unknown}"
        if test in world.lacks:
            pytest.skip(f"declared: {world.lacks[test]}")
        lab = Lab(world)
        try:
            yield lab
            lab.release_all()
        finally:
            lab.stop()
