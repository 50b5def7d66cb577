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
        with pytest.raises(VpsProvisioningError, match="for longer than its reservation"):
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


def test_ready_said_too_late_isnt_ready(cloud: MemoryCloud) -> None:
    """Between the builder's last look and its tag, minutes passed: a sweep may have read in between that it is abandoned."""
    machine = cloud.put("i-1", wanted(cloud))
    with Lease(cloud, machine, wanted(cloud)) as lease:
        lease.finish()
        owner = tags.read(machine.tags)
        assert owner.until is not None
        cloud.clock.at = owner.until + tags.MARGIN_S
        lease.confirm()
        assert not owner.abandoned(cloud.now())
        cloud.clock.at += 1
        assert owner.abandoned(cloud.now())
        with pytest.raises(VpsProvisioningError, match="tagged as ready too late"):
            lease.confirm()
