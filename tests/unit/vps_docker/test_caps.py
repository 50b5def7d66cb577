"""What a cloud says of itself (`Caps`), and what the provider makes of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mngr.model.errors import Conflict
from mngr.model.views import StopSaves
from mngr.transport.base import Completed
from mngr.transport.ssh import Ssh
from mngr.vps_docker import tags
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.vps_client import Caps
from support.rented import ManualClock, MemoryCloud, provider

HOST = "host-0123456789abcdef"
OURS = {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.HOST_NAME: "box", tags.READY: "1"}


def quiet(step: object) -> None:
    pass


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> MemoryCloud:
    def run(self: Ssh, argv: Sequence[str], **more: Any) -> Completed:
        return Completed(0, b"", b"")

    monkeypatch.setattr(Ssh, "run", run)
    cloud = MemoryCloud(ManualClock())
    cloud.put("i-1", OURS, state="running", address="127.99.99.99")
    return cloud


def test_a_stop_powers_the_machine_off_only_where_that_saves_something(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    one = provider(tmp_path, cloud)
    one.stop(HOST, quiet)
    assert "power off" not in cloud.calls
    assert one.abilities.stop_saves == StopSaves(paid_on=["machine"], cloud="Memory")
    cloud.caps = Caps(paid_while_off=["disk"])
    one = provider(tmp_path, cloud)
    one.stop(HOST, quiet)
    assert cloud.calls[-1] == "power off"
    assert one.abilities.stop_saves == StopSaves(paid_on=["disk"], cloud="Memory")


def test_a_machine_that_is_off_is_a_problem_only_where_it_is_billed_all_the_same(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", OURS, state="stopped", address="127.99.99.99")
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.problem) == (
        "stopped",
        "its machine is powered off, which Memory bills all the same",
    )
    cloud.caps = Caps(paid_while_off=["disk"])
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.problem) == ("stopped", "")


def test_a_cloud_without_user_data_has_to_make_the_first_contact_itself(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    assert provider(tmp_path, cloud).abilities.ssh_trust == "pinned"
    cloud.caps = Caps(user_data=False)
    with pytest.raises(TypeError, match="MemoryCloud takes no user data, so it needs a method bootstrap"):
        provider(tmp_path, cloud)


def test_a_config_that_inherits_another_clouds_defaults_isnt_built(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    class Half(VpsDockerProviderConfig, frozen=True, kw_only=True):
        default_plan: str = "small"

    class Whole(Half, frozen=True, kw_only=True):
        default_region: str = "north"
        default_os_id: int = 7

    with pytest.raises(TypeError, match="Half sets no default_region, default_os_id of its own"):
        provider(tmp_path, cloud, config=Half())
    assert provider(tmp_path, cloud, config=Whole()).config.default_os_id == 7


def test_a_start_waits_for_a_machine_that_is_being_switched_off(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", OURS, state="pending", address="127.99.99.99")
    cloud.failing["power on"] = Conflict("asked to")
    naps: list[float] = []

    def nap() -> None:
        naps.append(1)
        if len(naps) == 5:
            cloud.put("i-1", OURS, state="stopped", address="127.99.99.99")

    cloud.clock.during = nap
    with pytest.raises(Conflict, match="asked to"):
        provider(tmp_path, cloud).start(HOST, quiet)
    assert len(naps) >= 5
