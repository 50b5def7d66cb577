"""The driver sees every outside call, and what it does can be trusted: it turns red when something leaks."""

import pytest

from mngr.testing.crash import traced
from mngr.testing.crash.verbs import lifecycle
from mngr.testing.world import cli, cloud_of

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("name", ["local", "fake_docker", "vultr", "azure"])
def test_strace_sees_no_outside_call_that_the_driver_doesnt(name, request):
    assert_all_seen(request.getfixturevalue(name))


def test_nor_where_a_vps_is_ordered_or_recycled(ovh):
    create, *_, destroy = lifecycle(ovh)
    cli(ovh).ok(*create.argv("before"))
    cli(ovh).ok(*destroy.argv("before"))
    assert_all_seen(ovh)


def assert_all_seen(world):
    if not traced.available():
        pytest.skip("strace isn't installed")
    create, *others, destroy = lifecycle(world)
    verbs = [verb.argv("traced") for verb in (create, *others)]
    if world.isolated:
        verbs.append(["snapshot", "create", "traced", "--name", "saved"])
    for words in [*verbs, destroy.argv("traced"), ["gc", "--provider", world.provider]]:
        missed, run = traced.unseen(cli(world), cloud_of(world), words)
        assert run.done.code == 0, run.done
        assert missed == [], f"{words}: {missed}"
        assert run.calls, words
