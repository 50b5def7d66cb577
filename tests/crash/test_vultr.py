"""`vultr` on fake machines: mngr dies between every two outside calls, at every lost answer; other computers sweep."""

import pytest

from mngr.testing.crash import drive_part, gc_part, hold_part, rename_part, snapshot_part

pytestmark = pytest.mark.crash
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(vultr, part):
    drive_part(vultr, part, PARTS, every=2)


@pytest.mark.parametrize("part", range(2))
def test_a_create_goes_on_while_another_computer_sweeps(vultr, part):
    hold_part(vultr, part, 2, every=2)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
def test_a_killed_sweep_is_finished_by_the_next(vultr, elsewhere):
    gc_part(vultr, elsewhere=elsewhere)


def test_a_killed_snapshot_leaves_the_agent_running_and_nothing_half_made(vultr):
    snapshot_part(vultr, every=5)


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(vultr):
    rename_part(vultr, every=2)
