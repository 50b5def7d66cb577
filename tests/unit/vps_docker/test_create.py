"""Creating on a rented machine: nothing paid before its intent, and whatever fails, nothing is left billed unnamed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mngr.journal import Journal
from mngr.model.errors import Conflict, Interrupted, InvalidInput, MngrError, TimedOut
from mngr.model.progress import Progress
from mngr.providers.contract import HostSpec, IdleRequest
from mngr.transport.base import Completed
from mngr.transport.ssh import KeyRefused, Ssh
from mngr.vps_docker import boot_logs, tags
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.errors import (
    CloudInitFailed,
    VpsApiError,
    VpsBootTimeout,
    VpsLeftBehind,
    VpsProvisioningError,
)
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.vps_client import Handle, Later, Machine, MachineSpec, Save
from support.rented import ManualClock, MemoryCloud, provider

HOST = "host-0123456789abcdef"
SPEC = HostSpec(id=HOST, name="box")


def quiet(phase: str) -> None:
    pass


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def create(provider: VpsDockerProvider, spec: HostSpec = SPEC) -> None:
    provider.create(spec, provider.check(spec), quiet)


def settled(home: Path, cloud: MemoryCloud) -> bool:
    """Nothing billed, nothing intended, nothing kept."""
    return not cloud.machines and not Journal(home / "journal").entries()


def test_the_intent_is_on_disk_before_the_order_with_the_key_that_the_order_carries(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    seen = []
    real = cloud.create

    def order(spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        (entry,) = Journal(tmp_path / "journal").entries()
        assert entry.busy
        assert entry.intent is not None
        key = entry.intent.plan["host_keys"][-1]
        assert key in spec.user_data
        assert "PRIVATE" not in (tmp_path / "journal" / f"cloud.{HOST}.json").read_text()
        assert spec.tags[tags.HOST_KEY] == tags.key_tag(key)
        assert tags.read(spec.tags).until == cloud.now() + tags.LEASE_S
        seen.append(spec)
        return real(spec, handle, save, progress)

    cloud.create = order  # type: ignore[method-assign]
    with pytest.raises(VpsBootTimeout):
        create(provider(tmp_path, cloud))
    assert len(seen) == 1


def test_what_the_cloud_gave_is_on_disk_before_anything_else_happens(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    handles = []
    cloud.clock.during = lambda: handles.append(Journal(tmp_path / "journal").entries()[0].intent)
    with pytest.raises(VpsBootTimeout):
        create(provider(tmp_path, cloud))
    assert handles[0] is not None
    assert handles[0].handle["id"] == "i-1"


def test_a_machine_that_never_boots_is_released(cloud: MemoryCloud, tmp_path: Path) -> None:
    with pytest.raises(VpsBootTimeout) as caught:
        create(provider(tmp_path, cloud))
    assert caught.value.message == (
        "machine i-1 (mngr-cloud-box-01234567) isn't up 300 s after its order: Memory shows it as pending, address none"
    )
    assert settled(tmp_path, cloud)
    assert 300 <= sum(cloud.clock.slept) < 320


def test_a_machine_that_fails_is_released_at_once(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.state = "failed"
    with pytest.raises(VpsProvisioningError, match=r"Memory says that machine i-1 .* is failed"):
        create(provider(tmp_path, cloud))
    assert settled(tmp_path, cloud)
    assert sum(cloud.clock.slept) < 5


def test_a_machine_that_nobody_can_log_in_to_is_released(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.state, cloud.address = "running", "127.99.99.99"
    config = VpsDockerProviderConfig(vps_boot_timeout=3)
    with pytest.raises(VpsBootTimeout, match="no SSH login on the new machine at"):
        create(provider(tmp_path, cloud, config=config))
    assert settled(tmp_path, cloud)
    assert not list((tmp_path / "profile/providers/memory/cloud/known_hosts").iterdir())


def test_how_its_machine_booted_is_kept_before_it_is_released(
    cloud: MemoryCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.state, cloud.address = "running", "127.99.99.99"

    def run(self: Ssh, argv: Sequence[str], **more: Any) -> Completed:
        if "machine-log" not in argv:
            raise KeyRefused("refuses our key")
        assert cloud.machines, "asked after its release"
        return Completed(0, b"cloud-init said: no such package\n", b"")

    monkeypatch.setattr(Ssh, "run", run)
    one = provider(tmp_path, cloud)
    with pytest.raises(VpsProvisioningError) as caught:
        create(one)
    assert caught.value.hint.endswith("; `mngr logs --boot box` shows how its machine booted")
    assert settled(tmp_path, cloud)
    log = one.kept_boot_log("box")
    assert "refuses our login key" in log
    assert log.endswith("no such package\n")
    (file,) = (tmp_path / "logs").rglob("*.log")
    assert file.stat().st_mode & 0o077 == 0
    assert (one.kept_boot_log("other"), one.kept_boot_log("../cloud/box")) == ("", "")


def test_a_boot_log_that_cant_be_had_is_no_second_failure(cloud: MemoryCloud, tmp_path: Path) -> None:
    one = provider(tmp_path, cloud)
    with pytest.raises(VpsBootTimeout):
        create(one)
    assert "it never had an address" in one.kept_boot_log("box")
    (tmp_path / "logs/boot/cloud/box.log").unlink()
    cloud.failing["get"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        create(one)
    assert one.kept_boot_log("box") == ""


def test_only_the_newest_boot_logs_are_kept(cloud: MemoryCloud, tmp_path: Path) -> None:
    one = provider(tmp_path, cloud)
    for number in range(boot_logs.FILES + 3):
        boot_logs.keep(one.rented, f"box-{number}", None, MngrError("failed"))
    assert len(list((tmp_path / "logs/boot/cloud").iterdir())) == boot_logs.FILES
    assert one.kept_boot_log(f"box-{boot_logs.FILES + 2}")


def test_an_order_that_isnt_delivered_is_released(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.delivers = False
    with pytest.raises(VpsBootTimeout, match="was ordered and not delivered within 300 s"):
        create(provider(tmp_path, cloud))
    assert cloud.calls[-1] == "release"
    assert settled(tmp_path, cloud)


def test_a_refused_order_leaves_nothing(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["create"] = VpsApiError("no capacity in ewr", status=400)
    with pytest.raises(VpsApiError, match="no capacity"):
        create(provider(tmp_path, cloud))
    assert settled(tmp_path, cloud)


def test_ctrl_c_releases_what_was_bought(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["get"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        create(provider(tmp_path, cloud))
    assert settled(tmp_path, cloud)


def test_ctrl_c_between_the_order_and_its_answer_releases_too(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["create: bought"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        create(provider(tmp_path, cloud))
    assert settled(tmp_path, cloud)


def test_what_cant_be_released_is_named_and_kept_for_the_sweep(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["get"] = VpsApiError("boom")
    cloud.failing["release"] = VpsApiError("the cloud is down")
    one = provider(tmp_path, cloud)
    with pytest.raises(VpsLeftBehind) as caught:
        create(one)
    assert caught.value.message == (
        "boom; and mngr-cloud-box-01234567 on cloud (machine i-1) couldn't be released, "
        "so it may go on being billed: the cloud is down"
    )
    (entry,) = Journal(tmp_path / "journal").entries()
    assert not entry.busy
    cloud.failing.clear()
    assert one.sweep().released
    assert settled(tmp_path, cloud)


def test_ctrl_c_twice_names_what_is_left_and_exits_as_interrupted(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["get"] = KeyboardInterrupt()
    cloud.failing["release"] = KeyboardInterrupt()
    with pytest.raises(Interrupted, match=r"machine i-1\) couldn't be released") as caught:
        create(provider(tmp_path, cloud))
    assert caught.value.exit_code == 130
    assert len(Journal(tmp_path / "journal").entries()) == 1


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        (HostSpec(id=HOST, name="a b"), "host name"),
        (HostSpec(id=HOST, name="box", build_args=["--vps-plna=x"]), "vps-pl"),
        (HostSpec(id=HOST, name="box", idle=IdleRequest(mode="sometimes")), "idle mode"),
        (HostSpec(id=HOST, name="box", idle=IdleRequest(timeout_s=-1)), "less than 0"),
        (HostSpec(id=HOST, name="box", start_args=["--privileged", "--name=x"]), "name"),
    ],
)
def test_mistakes_cost_nothing(cloud: MemoryCloud, tmp_path: Path, spec: HostSpec, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        create(provider(tmp_path, cloud), spec)
    assert "create" not in cloud.calls
    assert not (tmp_path / "journal").exists()


def test_limits_and_prices_are_asked_for_once(cloud: MemoryCloud, tmp_path: Path) -> None:
    with pytest.raises(VpsBootTimeout):
        create(provider(tmp_path, cloud))
    assert cloud.calls.count("check") == 1


def test_build_args_choose_the_machine(cloud: MemoryCloud, tmp_path: Path) -> None:
    asked = HostSpec(id=HOST, name="box", build_args=["--vps-plan=big", "--vps-region=fra", "--vps-os=1"])
    offer = provider(tmp_path, cloud).check(asked)
    assert (offer.plan, offer.region, offer.image) == ("big", "fra", "1")


# --- going on with a create that was killed -----------------------------------------------------------------------


def killed(cloud: MemoryCloud, home: Path, at: str, spec: HostSpec = SPEC) -> None:
    """A create that ends like a killed process: no clean-up."""
    cloud.failing[at] = cloud.failing["release"] = VpsApiError("killed")
    with pytest.raises(MngrError):
        create(provider(home, cloud), spec)
    cloud.failing.clear()


def test_the_same_create_again_adopts_what_was_bought(cloud: MemoryCloud, tmp_path: Path) -> None:
    killed(cloud, tmp_path, "get")
    assert list(cloud.machines) == ["i-1"]
    with pytest.raises(VpsBootTimeout, match="machine i-1"):
        create(provider(tmp_path, cloud))
    assert cloud.calls.count("create: bought") == 1


def test_another_create_of_that_host_releases_it_first(cloud: MemoryCloud, tmp_path: Path) -> None:
    killed(cloud, tmp_path, "get")
    other = HostSpec(id=HOST, name="box", build_args=["--vps-plan=big"])
    with pytest.raises(VpsBootTimeout):
        create(provider(tmp_path, cloud), other)
    assert cloud.calls.count("create: bought") == 2
    assert settled(tmp_path, cloud)


def test_a_lease_that_ran_out_isnt_gone_on_with(cloud: MemoryCloud, tmp_path: Path) -> None:
    killed(cloud, tmp_path, "get")
    cloud.clock.at += tags.LEASE_S
    with pytest.raises(VpsBootTimeout):
        create(provider(tmp_path, cloud))
    assert cloud.calls.count("create: bought") == 2


def test_another_laptop_is_building_it(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", tags.building("cloud", HOST, "box", "laptop-2", cloud.now()))
    with pytest.raises(Conflict, match=r"is being built by another computer \(laptop-2\)"):
        create(provider(tmp_path, cloud))
    assert "create" not in cloud.calls
    assert "i-1" in cloud.machines


def test_a_host_that_is_there_isnt_made_again(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.READY: "1"})
    with pytest.raises(Conflict, match="is there already"):
        create(provider(tmp_path, cloud))
    assert "i-1" in cloud.machines


def test_two_processes_dont_make_one_host(cloud: MemoryCloud, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal").hold("cloud", HOST), pytest.raises(Conflict, match="another mngr"):
        create(provider(tmp_path, cloud))
    assert "create" not in cloud.calls


# --- destroying ---------------------------------------------------------------------------------------------------


def test_destroy_writes_its_intent_first_and_ends_the_bill(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.HOST_NAME: "box", tags.READY: "1"})
    intents = []
    real = cloud.release

    def release(spec: MachineSpec, handle: Handle) -> object:
        intents.append(Journal(tmp_path / "journal").entries()[0].intent)
        return real(spec, handle)

    cloud.release = release  # type: ignore[method-assign,assignment]
    provider(tmp_path, cloud).destroy(HOST, quiet)
    assert intents[0] is not None
    assert (intents[0].kind, intents[0].handle) == ("destroy", {"id": "i-1"})
    assert settled(tmp_path, cloud)


def test_destroy_that_cant_end_says_so_and_the_sweep_ends_it(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.READY: "1"})
    cloud.stays_after_release = 100
    one = provider(tmp_path, cloud)
    with pytest.raises(MngrError, match="machine i-1 isn't gone yet, so it may go on being billed"):
        one.destroy(HOST, quiet)
    assert one.discover().hosts[0].state == "stopping"
    cloud.stays_after_release = 0
    one.sweep()
    assert settled(tmp_path, cloud)


def test_what_a_cloud_holds_for_three_minutes_is_waited_for(cloud: MemoryCloud, tmp_path: Path) -> None:
    """Azure keeps an interface for 180 s for the VM that it was ordered for."""
    cloud.put("i-1", {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.READY: "1"})
    real, began = cloud.release, cloud.now()

    def release(spec: MachineSpec, handle: Handle) -> object:
        return Later("reserved", after_s=10) if cloud.now() < began + 180 else real(spec, handle)

    cloud.release = release  # type: ignore[method-assign,assignment]
    provider(tmp_path, cloud).destroy(HOST, quiet)
    assert settled(tmp_path, cloud)


def test_destroying_what_is_gone_is_success(cloud: MemoryCloud, tmp_path: Path) -> None:
    provider(tmp_path, cloud).destroy(HOST, quiet)
    provider(tmp_path, cloud).destroy(HOST, quiet)
    assert "release" not in cloud.calls


def test_destroy_takes_a_half_made_host_too(cloud: MemoryCloud, tmp_path: Path) -> None:
    killed(cloud, tmp_path, "create: bought")
    provider(tmp_path, cloud).destroy(HOST, quiet)
    assert settled(tmp_path, cloud)


def test_a_docker_that_is_slow_to_answer_is_waited_for(
    cloud: MemoryCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.state, cloud.address = "running", "127.99.99.99"
    answers: list[str | Exception] = [TimedOut("it didn't end within 30 s"), "waiting\n", "failed\nwhy not\n"]

    def run(self: Ssh, argv: Sequence[str], **more: Any) -> Completed:
        if "machine-booted" not in argv:
            return Completed(0, b"", b"")
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Completed(0, answer.encode(), b"")

    monkeypatch.setattr(Ssh, "run", run)
    with pytest.raises(CloudInitFailed, match="the first boot"):
        create(provider(tmp_path, cloud))
    assert answers == []
