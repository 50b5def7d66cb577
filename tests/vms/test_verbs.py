"""`mngr vm` on a real libvirt, with VMs that run and boot nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mngr.vms import create, forwards, power, remove
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec
from support.vms import Place, small

OTHERS = "<domain type='qemu'><name>{name}</name><memory>65536</memory><os><type machine='q35'>hvm</type></os></domain>"


def foreign(hypervisor: Hypervisor, name: str) -> None:
    """A VM that somebody made with virsh."""
    hypervisor.conn.defineXML(OTHERS.format(name=name))


def test_create_show_list_and_delete(place: Place, blank: Path) -> None:
    answer = place.told("create", "one", *small(blank))
    vm = answer["vm"]
    assert (answer["made"], vm["state"], vm["memory"], vm["vcpus"], vm["autostart"]) == (
        True,
        "running",
        64,
        1,
        False,
    )
    assert (vm["ip"], vm["address_from"], vm["networks"]) == ("127.0.0.1", "forward", ["user"])
    assert vm["accel"] in ("kvm", "tcg")
    assert vm["accel_reason"]
    stem = f"one-{vm['uuid'][:8]}"
    assert place.files() == [f"{stem}.qcow2", f"{stem}.seed.img"]
    assert place.told("show", "one") == {"vm": vm}
    row = {name: vm[name] for name in ("name", "uuid", "state", "memory", "vcpus", "autostart")}
    assert place.told("list") == {"vms": [row], "errors": []}
    assert place.mngr("show", "one", "--format", "{ip}:{ssh_port}").stdout == f"127.0.0.1:{vm['ssh_port']}\n"
    assert "running" in place.mngr("list").stdout
    assert "emulated" in (shown := place.mngr("show", "one").stdout) or "KVM" in shown
    assert place.told("create", "one", *small(blank)) == {"vm": vm, "made": False}
    assert "vcpus is 1, not 2" in place.mngr("create", "one", *small(blank, "--vcpus", "2"), code=4).stderr
    assert place.told("delete", "one", "--yes") == {"vm": "one", "status": "deleted"}
    assert (place.files(), place.names()) == ([], [])


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "saved", "undefined", "snapshot"])
def test_delete_works_from_every_state(place: Place, blank: Path, state: str) -> None:
    place.mngr("create", "one", *small(blank))
    with place.hypervisor() as hypervisor:
        domain = hypervisor.get("one")
        if state == "paused":
            domain.suspend()
        if state == "snapshot":
            domain.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>")
        if state in ("stopped", "snapshot"):
            domain.destroy()
        if state == "saved":
            domain.managedSave()
        if state == "undefined":
            domain.undefine()
        remove.delete(hypervisor, "one")
        assert hypervisor.find("one") is None
    assert place.files() == []


def test_start_and_stop_may_be_repeated_and_a_paused_one_goes_on(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    with place.hypervisor() as hypervisor:
        domain = hypervisor.get("one")
        assert not power.start(hypervisor, "one")
        domain.suspend()
        refused = place.mngr("stop", "one", code=4).stderr
        assert "paused" in refused
        assert power.start(hypervisor, "one")
        late = place.mngr("stop", "one", "--timeout", "0.2", code=1).stderr
        assert "VM one didn't shut down within 0.2 s" in late
        assert place.told("stop", "one", "--timeout", "0", "--force")["vm"]["state"] == "stopped"
        assert not power.stop(hypervisor, "one", 0)
        off = place.told("list")["vms"][0]
        assert (off["state"], off["memory"], off["vcpus"]) == ("stopped", 64, 1)
        assert place.told("start", "one", "--no-wait")["vm"]["state"] == "running"
        assert power.stop(hypervisor, "one", 0, force=True)
        remove.delete(hypervisor, "one")


def test_a_port_that_is_taken_while_a_vm_is_off_is_named(place: Place, blank: Path) -> None:
    """Its name is no other test's, as the port follows from it."""
    port = place.told("create", "ported", *small(blank))["vm"]["ssh_port"]
    place.mngr("stop", "ported", "--force", "--timeout", "0")
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port} of 127.0.0.1" in place.mngr("start", "ported", "--no-wait", code=4).stderr
    place.mngr("start", "ported", "--no-wait")
    place.mngr("delete", "ported", "--yes")


def test_a_port_that_is_taken_is_stepped_over_also_if_that_happens_meanwhile(
    place: Place, blank: Path
) -> None:
    """The look that finds a free port is blind the first time: QEMU finds that it isn't."""
    port = place.told("create", "stepping", *small(blank))["vm"]["ssh_port"]
    place.mngr("delete", "stepping", "--yes")
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.MonkeyPatch.context() as patch,
        place.hypervisor() as there,
    ):
        found: list[int] = []

        def look(hypervisor: Hypervisor, spec: VmSpec) -> tuple[str, int]:
            found.append(real(hypervisor, spec)[1] if found else port)
            return "127.0.0.1", found[-1]

        real = forwards.place
        patch.setattr(forwards, "place", look)
        patch.setenv("MNGR_HOME", place.env["MNGR_HOME"])
        spec = VmSpec(name="stepping", image=str(blank), memory_mib=64, vcpus=1, disk_gib=1, network="user")
        assert create.create(there, spec)
        assert found[0] == port != found[1]
        remove.delete(there, "stepping")
    assert place.files() == []


def test_a_create_that_fails_leaves_nothing(place: Place, blank: Path, tmp_path: Path) -> None:
    no_kernel = tmp_path / "kernel"
    no_kernel.write_bytes(b"this is none" * 1000)
    layered = tmp_path / "layered.qcow2"
    from mngr.qemu import overlay

    overlay.create(layered, blank, 1)
    for words, code, said in (
        (["--image", str(tmp_path / "none.raw")], 2, "is no file"),
        (["--image", str(layered)], 2, "made of other files"),
        (["--network", "none"], 3, "no network 'none'"),
        (["--kernel", str(no_kernel)], 1, "can't start VM one"),
        (["--memory", "1"], 2, "memory 1"),
        (["--key", "/nowhere.pub"], 2, "/nowhere.pub"),
        (["--user-data", str(no_kernel)], 2, "ignored by cloud-init"),
    ):
        assert said in place.mngr("create", "one", *small(blank, *words), code=code).stderr
        assert place.files() == []
    assert place.names() == []


def test_an_image_larger_than_the_disk_is_refused_before_anything_is_made(
    place: Place, tmp_path: Path
) -> None:
    image = tmp_path / "large.raw"
    with image.open("wb") as file:
        file.truncate(3 * 1024**3)
    assert "--disk 3" in place.mngr("create", "one", *small(image), code=2).stderr
    assert place.files() == []


def test_others_vms_are_listed_and_let_be(place: Place, blank: Path) -> None:
    with place.hypervisor() as hypervisor:
        foreign(hypervisor, "theirs &amp; &lt;odd&gt;")
        foreign(hypervisor, "plain")
        try:
            assert place.names() == ["plain", "theirs & <odd>"]
            assert place.told("show", "theirs & <odd>")["vm"]["spec"] is None
            for name in ("plain", "theirs & <odd>"):
                assert "wasn't made by mngr" in place.mngr("delete", name, "--yes", code=4).stderr
            assert "mngr didn't make" in place.mngr("create", "plain", *small(blank), code=4).stderr
            assert place.files() == []
        finally:
            for name in ("plain", "theirs & <odd>"):
                hypervisor.get(name).undefine()


def test_the_pool_s_folder_is_used_and_shows_the_disks(place: Place, blank: Path, tmp_path: Path) -> None:
    target = tmp_path / "pool"
    target.mkdir()
    del place.env["LIBVIRT_STORAGE_PATH"]
    with place.hypervisor() as hypervisor:
        pool = hypervisor.conn.storagePoolCreateXML(
            f"<pool type='dir'><name>{tmp_path.name}</name><target><path>{target}</path></target></pool>"
        )
        place.env["LIBVIRT_STORAGE_POOL"] = tmp_path.name
        vm = place.told("create", "one", *small(blank))["vm"]
        assert f"one-{vm['uuid'][:8]}.qcow2" in pool.listVolumes()
        place.env["LIBVIRT_STORAGE_PATH"] = "/elsewhere"
        assert "unset one of the two" in place.mngr("list", code=2).stderr
        del place.env["LIBVIRT_STORAGE_PATH"]
        place.mngr("delete", "one", "--yes")
        assert not [name for name in pool.listVolumes() if name.startswith("one")]
        place.env["LIBVIRT_STORAGE_POOL"] = "nowhere"
        assert "no storage pool 'nowhere'" in place.mngr("list", code=3).stderr
        pool.destroy()


def test_no_libvirt_is_no_empty_list(place: Place, tmp_path: Path) -> None:
    place.env["LIBVIRT_URI"] = f"qemu+unix:///system?socket={tmp_path}/none"
    failed = place.mngr("list", code=5)
    assert failed.stdout == ""
    assert "no connection to libvirt" in failed.stderr
    assert "libvirtd isn't running" in failed.stderr
    place.env["LIBVIRT_URI"] = "nonsense:///x"
    assert "no connection to libvirt at nonsense:///x" in place.mngr("list", code=5).stderr


def test_delete_asks_and_without_a_terminal_it_takes_a_yes(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    assert "--yes" in place.mngr("delete", "one", code=2).stderr
    place.mngr("delete", "one", "--yes")
    assert place.files() == []
