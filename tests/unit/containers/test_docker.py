"""A daemon that can't be spoken to is unreachable, never empty."""

from collections.abc import Sequence

import pytest

from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.model.errors import TimedOut, Unreachable
from mngr.transport.base import CommandFailed, Completed, Input, checked
from mngr.transport.local import Local


class Says:
    """A place whose every command fails with these words."""

    place = "root@192.0.2.7:22"

    def __init__(self, words: str, code: int = 1) -> None:
        self.done = Completed(code, b"", words.encode())

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return list(argv)

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        return checked(self.done, argv[0], self.place) if check else self.done


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "can't reach the Docker daemon on root@192.0.2.7:22"),
        ("error during connect: Get \"http://x\": EOF", "can't reach the Docker daemon on root@192.0.2.7:22"),
        ("permission denied while trying to connect to the Docker daemon socket", "the Docker daemon on root@192.0.2.7:22 lets us not in"),
        ("sh: 1: docker: not found", "docker isn't installed on root@192.0.2.7:22"),
    ],
)  # fmt: skip
def test_no_daemon_is_unreachable_even_unchecked(words: str, message: str) -> None:
    docker = Docker(Says(words))
    with pytest.raises(Unreachable, match=message):
        docker.run("ps", check=False)
    with pytest.raises(Unreachable, match=message):
        HostStore(docker, "x").survey()
    with pytest.raises(Unreachable, match=message):
        HostStore(docker, "x").read()


def test_another_failure_is_the_command_s() -> None:
    docker = Docker(Says("No such container: x", 1))
    assert docker.run("rm", "x", check=False).code == 1
    with pytest.raises(CommandFailed, match="No such container: x"):
        docker.run("rm", "x")


def test_a_failed_survey_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="can't be read: mktemp: No space left on device"):
        HostStore(Docker(Says("mktemp: No space left on device")), "x").survey()


class Shell(Local):
    """Here, with `sh -c` in docker's place."""

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return ["sh", "-c", *argv[1:]]


def test_long_streams_go_through() -> None:
    docker = Docker(Shell())
    done = docker.send("wc -c", chunks=(b"x" * 100_000 for _ in range(30)), timeout=20)
    assert done.text.strip() == "3000000"


def test_a_command_that_reads_only_part_of_its_input_ends() -> None:
    done = Docker(Shell()).send("exit 3", chunks=(b"x" * 100_000 for _ in range(30)), timeout=20)
    assert done.code == 3


def test_a_stream_that_doesnt_end_is_timed_out() -> None:
    with pytest.raises(TimedOut, match=r"docker exec sleep 60 on this computer didn't end within 0.2 s"):
        Docker(Shell()).send("exec sleep 60", chunks=[b"x"], timeout=0.2)


def test_a_place_that_breaks_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="the connection to this computer broke: gone"):
        Docker(Shell()).send("echo gone >&2; exit 255", chunks=[], timeout=20)
