"""`docker` keeps the contract, on the real daemon and on the fake one that crash tests use."""

import subprocess

import pytest

from mngr.testing.contract import ProviderContract, SshContract
from mngr.testing.contract.base import listed
from mngr.testing.docker import DockerWorld


class TestDocker(ProviderContract, SshContract):
    pytestmark = pytest.mark.docker

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory):
        if subprocess.run(["docker", "version"], capture_output=True).returncode:
            pytest.skip("no Docker daemon runs here")
        world = DockerWorld(tmp_path_factory.mktemp("docker"))
        yield world
        world.close()
        assert world.docker("ps", "-aq", "--filter", f"label=mngr.provider={world.provider}") == ""

    def test_a_container_removed_by_hand_comes_back_with_its_agents_and_another(self, world, mngr, make):
        first = make("--env", "WHO=first")
        host = first["host"]
        world.docker("rm", "-f", f"mngr-{host['id']}")  # its volume stays
        second = make("--env", "WHO=second", name=f"second@{host['name']}.{world.provider}")
        names = {first["agent"]["name"], "second"}
        assert names <= {one["name"] for one in listed(mngr, world)["agents"]}
        assert mngr.ok("exec", "second", "echo $WHO").out == "second\n"
        mngr.ok("start", first["agent"]["name"])
        assert mngr.ok("exec", first["agent"]["name"], "echo $WHO").out == "first\n"
        assert second["agent"]["id"] != first["agent"]["id"]

    def test_what_was_there_before_a_create_that_fails_stays(self, world, mngr, make, tmp_path):
        first = make(command=("sh", "-c", "echo kept >work; exec sleep 100000"))
        name, host = first["agent"]["name"], first["host"]
        world.docker("rm", "-f", f"mngr-{host['id']}")
        (tmp_path / "code").write_text("that finds no place")
        address = f"second@{host['name']}.{world.provider}"
        words = ("--no-connect", "--from", str(tmp_path), "--workdir", "/etc/apt", "--", "true")
        failed = mngr("create", address, *words)
        assert (failed.code, "/etc/apt" in failed.err) == (4, True), failed
        third = make(name=f"third@{host['name']}.{world.provider}")
        assert third["host"]["id"] == host["id"]
        mngr.ok("start", name)
        assert mngr.ok("exec", name, "cat work").out == "kept\n"


class TestFakeDocker(ProviderContract, SshContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        world = DockerWorld(tmp_path_factory.mktemp("docker"), fakes)
        yield world
        world.close()
