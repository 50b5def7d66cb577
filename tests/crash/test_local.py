"""`local`: mngr dies between every two outside calls of create, stop, start and destroy."""

import pytest

from mngr.testing.crash import drive_part
from mngr.testing.local import LocalWorld

pytestmark = pytest.mark.crash
PARTS = 2


@pytest.fixture
def world(tmp_path):
    world = LocalWorld(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(world, part):
    drive_part(world, part, PARTS)
