"""`docker`: mngr dies between every two outside calls of create, stop, start and destroy."""

import pytest

from mngr.testing.crash import drive_part, gc_part, rename_part, snapshot_part

pytestmark = pytest.mark.crash
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(fake_docker, part):
    drive_part(fake_docker, part, PARTS)


def test_a_killed_snapshot_leaves_the_agent_running_and_nothing_half_made(fake_docker):
    snapshot_part(fake_docker, every=3)


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(fake_docker):
    rename_part(fake_docker)


def test_a_killed_sweep_is_finished_by_the_next(fake_docker):
    gc_part(fake_docker, elsewhere=False, made_by="container-create")
