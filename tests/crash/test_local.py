"""`local`: mngr dies between every two outside calls of create, stop, start and destroy."""

import pytest

from mngr.testing.crash import drive_part, rename_part
from support.repositories import commit, git, repository

pytestmark = pytest.mark.crash
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(local, part):
    drive_part(local, part, PARTS)


def test_nor_is_a_worktree_left_that_is_no_agent_s(local, tmp_path):
    top = repository(tmp_path / "code")
    commit(top, "one")
    local.create = ["--worktree", "--from", str(top)]
    drive_part(local, every=2)
    branches = git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert branches == ["mngr/bystander", "trunk"]
    assert len(git(top, "worktree", "list").splitlines()) == 2


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(local):
    rename_part(local)
