"""The lease: taken where it is missing, renewed in time, never pretended to be held when it has passed."""

import pytest

from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsProvisioningError
from mngr.vps_docker.lease import Lease
from support.rented import ManualClock, MemoryCloud, unreadable

HOST = "host-0123456789abcdef"


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def wanted(cloud: MemoryCloud) -> dict[str, str]:
    return tags.building("cloud", HOST, "box", "laptop-1", cloud.now())


def until(cloud: MemoryCloud) -> float:
    return tags.read(cloud.machines["i-1"].tags).until or 0


def test_a_fresh_lease_costs_no_call(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        lease.check()
    assert "tag" not in cloud.calls


def test_tags_that_the_order_couldnt_carry_are_put_at_once(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", {})
    with Lease(cloud, machine, wanted(cloud)):
        assert cloud.machines["i-1"].tags == wanted(cloud)


def test_it_is_renewed_when_a_third_has_passed(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        cloud.clock.at += tags.LEASE_S - tags.RENEW_BELOW_S + 1
        lease.check()
        assert until(cloud) == int(cloud.now()) + tags.LEASE_S


def test_a_lease_that_has_passed_ends_the_work(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        before = until(cloud)
        cloud.clock.at += tags.LEASE_S - tags.MARGIN_S + 1
        with pytest.raises(VpsProvisioningError, match="was reserved until"):
            lease.finish()
        assert until(cloud) == before


def test_after_its_end_it_isnt_renewed(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        lease.finish()
        cloud.clock.at += 400
        lease._renew_if_due()
    assert "tag" not in cloud.calls


def test_a_renewal_that_fails_is_no_loss_until_the_lease_has_passed(cloud: MemoryCloud) -> None:
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        cloud.clock.at += 400
        cloud.failing["tag"] = unreadable()
        with pytest.raises(type(unreadable())):
            lease.check()
        del cloud.failing["tag"]
        lease.check()
        assert until(cloud) == int(cloud.now()) + tags.LEASE_S


def test_no_builder_goes_on_and_no_sweep_takes_away_at_the_same_time() -> None:
    """Between the last moment a builder believes in its lease and the first a sweep does not, there is time."""
    cloud = MemoryCloud(ManualClock())
    machine = cloud.put("i-1", wanted(cloud))
    owner = tags.read(machine.tags)
    lease = Lease(cloud, machine, wanted(cloud))
    assert owner.until is not None
    for offset in range(-300, 300):
        cloud.clock.at = owner.until + offset
        lease._until = owner.until
        cloud.failing["tag"] = unreadable()
        try:
            lease.check()
            goes_on = True
        except VpsProvisioningError:
            goes_on = False
        except type(unreadable()):
            goes_on = True
        assert not (goes_on and owner.abandoned(cloud.now() + 100))
