"""Two computers, one account: neither takes the other's work away."""

from __future__ import annotations

from mngr.testing.contract.base import Base, listed, shown
from mngr.testing.world import cli


class Together(Base):
    def test_another_computers_sweep_leaves_hosts_with_agents_alone(self, world, mngr, agent):
        other = world.other_home()
        cli(other)("gc", "--provider", other.provider, codes=(0,))
        world.pass_time(90 * 86400)
        cli(other)("gc", "--provider", other.provider, codes=(0,))
        row = shown(mngr, world, agent)
        assert row
        assert row["host"]["state"] == "running"

    def test_another_computer_sees_the_host_if_not_its_agents(self, world, mngr, agent):
        row = shown(mngr, world, agent)
        assert row
        seen = listed(cli(world.other_home()), world, codes=(0, 5))
        assert row["host"]["id"] in [host["id"] for host in seen["hosts"]]
