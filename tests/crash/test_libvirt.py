"""`libvirt` on a fake hypervisor: mngr dies between every two calls of libvirt, or of the VM service, and of programs, and at every
lost answer."""

import pytest

from mngr.testing.crash import drive_part, gc_part, hold_part, rename_part, snapshot_part

pytestmark = pytest.mark.crash
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(libvirt, part):
    drive_part(libvirt, part, PARTS, every=16, always="create|define|undefine")


def test_a_create_goes_on_while_another_computer_sweeps(libvirt):
    hold_part(libvirt, every=16)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
def test_a_killed_sweep_is_finished_by_the_next(libvirt, elsewhere):
    gc_part(libvirt, elsewhere=elsewhere, made_by="POST /create", every=8)


def test_a_killed_snapshot_leaves_the_agent_running_and_nothing_half_made(libvirt):
    snapshot_part(libvirt, every=20)


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(libvirt):
    rename_part(libvirt, every=8, always="nothing")


def test_a_command_that_is_killed_while_the_service_lives_ends_where_a_clean_one_does(libvirt_service):
    drive_part(libvirt_service, every=12, always="POST /api/machines$|DELETE")
