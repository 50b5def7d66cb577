"""`local`: mngr dies between every two outside calls of create, stop, start and destroy."""

import pytest

from mngr.testing.crash import drive_part, rename_part

pytestmark = pytest.mark.crash
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(local, part):
    drive_part(local, part, PARTS)


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(local):
    rename_part(local)
