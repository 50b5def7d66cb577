"""The guard on the machine, run as the script it is, with a `docker` that only takes notes."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from mngr.hosts import scripts
from mngr.vps_docker.guard import files

DOCKER = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$1 $2" in
"container inspect") [ -f "$NOTES.there" ] || exit 1; case "$*" in *Running*) cat "$NOTES.there" ;; esac ;;
"stop "*) [ ! -f "$NOTES.broken" ] || { echo "no daemon" >&2; exit 1; }; echo false >"$NOTES.there" ;;
esac
"""
STOP = ["update --restart=no box", "stop -t 8 box"]


class Guard:
    def __init__(self, root: Path) -> None:
        self.here = root / "guard"
        self.volume = root / "volume"
        self.notes = root / "notes"
        self.bin = root / "bin"
        self.proc = root / "proc"
        for folder in (self.here, self.volume / "stop", self.bin):
            folder.mkdir(parents=True)
        for name, text in (("docker", DOCKER), ("sleep", "#!/bin/sh\n")):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.put("container", "box")
        self.put("volume", str(self.volume))
        (self.notes.with_name("notes.there")).write_text("true\n")

    def put(self, name: str, text: str) -> None:
        (self.here / name).write_text(text + "\n")

    def ask(self) -> None:
        (self.volume / "stop" / "request").touch()

    @property
    def asked(self) -> bool:
        return os.path.lexists(self.volume / "stop" / "request")

    def run(self) -> int:
        env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "NOTES": str(self.notes),
            "MNGR_GUARD": str(self.here),
            **({"MNGR_PROC": str(self.proc)} if self.proc.exists() else {}),
        }
        return subprocess.run(["sh", "-c", scripts.text("machine-guard")], env=env, timeout=20).returncode

    def acts(self) -> list[str]:
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line for line in lines if not line.startswith("container inspect")]


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return Guard(tmp_path)


def test_nothing_asked_nothing_done(guard: Guard) -> None:
    guard.put("ends_at", "99999999999")
    assert guard.run() == 0
    assert not guard.notes.exists()


def test_the_sentinel_stops_the_container_for_good_and_is_removed(guard: Guard) -> None:
    guard.ask()
    assert guard.run() == 0
    assert guard.acts() == STOP
    assert not guard.asked
    assert not (guard.here / "stop-reason").exists()


def test_a_stop_that_fails_is_tried_again(guard: Guard) -> None:
    guard.ask()
    broken = guard.notes.with_name("notes.broken")
    broken.touch()
    assert guard.run() == 1
    assert guard.asked
    broken.unlink()
    assert guard.run() == 0
    assert not guard.asked


def test_the_deadline_stops_it_whatever_it_does_and_says_why_first(guard: Guard) -> None:
    guard.put("ends_at", "1000")
    assert guard.run() == 0
    assert guard.acts() == STOP
    assert (guard.here / "stop-reason").read_text() == "lifetime at=1000\n"


def test_past_the_deadline_it_goes_on_stopping_but_the_reason_stays(guard: Guard) -> None:
    guard.put("ends_at", "1000")
    guard.run()
    guard.run()
    assert guard.acts() == STOP * 2
    assert (guard.here / "stop-reason").read_text() == "lifetime at=1000\n"


def test_a_container_that_was_down_before_its_deadline_gets_no_reason(guard: Guard) -> None:
    guard.notes.with_name("notes.there").write_text("false\n")
    guard.put("ends_at", "1000")
    assert guard.run() == 0
    assert not (guard.here / "stop-reason").exists()


@pytest.mark.parametrize("ends_at", ["", "soon", "-5", "1e3"])
def test_no_deadline_or_an_odd_one_stops_nothing(guard: Guard, ends_at: str) -> None:
    guard.put("ends_at", ends_at)
    assert guard.run() == 0
    assert guard.acts() == []


def test_a_container_that_is_gone_isnt_waited_for(guard: Guard) -> None:
    guard.notes.with_name("notes.there").unlink()
    guard.ask()
    assert guard.run() == 0
    assert guard.acts() == []
    assert not guard.asked


def test_an_agents_link_isnt_followed(guard: Guard, tmp_path: Path) -> None:
    """`stop` is in the agent's hands: a link there must not let root remove or act on a file elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "request").touch()
    (guard.volume / "stop").rmdir()
    (guard.volume / "stop").symlink_to(elsewhere)
    assert guard.run() == 0
    assert guard.acts() == []
    guard.put("ends_at", "1000")
    assert guard.run() == 0
    assert (elsewhere / "request").exists()
    assert not (guard.volume / "stop").is_symlink()


def test_after_a_stop_the_machine_itself_may_be_given_back(guard: Guard) -> None:
    done = guard.here / "done"
    guard.put("then", f"touch '{done}'")
    guard.ask()
    assert guard.run() == 0
    assert done.exists()


def test_giving_the_machine_back_is_tried_until_it_succeeds(guard: Guard) -> None:
    """Also after the request is gone and the machine was booted again; each try later than the one before."""
    tries = guard.here / "tries"
    guard.put("then", f"echo >>'{tries}'; exit 1")
    guard.ask()
    pauses = []
    for _ in range(9):
        assert guard.run() == 1
        assert not guard.asked
        assert guard.run() == 0  # too early: nothing is done
        pauses.append(int((guard.here / "pause").read_text()))
        guard.put("again_at", "0")
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert len(tries.read_text()) == 9
    guard.put("then", "true")
    assert guard.run() == 0


def test_a_start_ends_the_tries(guard: Guard) -> None:
    guard.put("then", "exit 1")
    guard.ask()
    guard.run()
    text = scripts.text("machine-start").replace("/var/lib/mngr/guard", str(guard.here))
    env = {"PATH": f"{guard.bin}:{os.environ['PATH']}", "NOTES": str(guard.notes)}
    subprocess.run(["sh", "-c", text, "sh", ""], env=env, timeout=20, check=True)
    guard.put("then", f"touch '{guard.here / 'again'}'")
    assert guard.run() == 0
    assert not (guard.here / "again").exists()


def started(guard: Guard) -> str:
    """What machine-start says."""
    text = scripts.text("machine-start").replace("/var/lib/mngr/guard", str(guard.here))
    env = {"PATH": f"{guard.bin}:{os.environ['PATH']}", "NOTES": str(guard.notes)}
    return (
        subprocess.run(["sh", "-c", text, "sh", ""], env=env, timeout=20, check=True, capture_output=True)
        .stdout.decode()
        .strip()
    )


def test_a_start_tells_why_the_host_had_stopped_itself(guard: Guard) -> None:
    line = "idle since=1800000000 last=agent mode=io timeout=800 at=1800000900"
    (guard.volume / "stop" / "reason").write_text(f"{line}\nmore\n")
    guard.ask()
    guard.run()
    assert started(guard) == line
    assert started(guard) == ""
    guard.put("stop-reason", "lifetime at=1800000000")
    (guard.volume / "stop" / "reason").write_text("anything\n")
    assert started(guard) == "lifetime at=1800000000"


def test_a_start_follows_no_link_to_the_reason(guard: Guard, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (guard.volume / "stop" / "reason").symlink_to(tmp_path / "secret")
    guard.ask()
    guard.run()
    assert started(guard) == ""
    assert (tmp_path / "secret").read_text() == "secret"


def test_files_for_the_machine() -> None:
    made = files("systemctl poweroff\n", ends_at=1000.9)
    assert made["/var/lib/mngr/guard/then"] == "systemctl poweroff\n"
    assert made["/var/lib/mngr/guard/ends_at"] == "1000\n"
    assert "OnUnitInactiveSec=30" in made["/etc/systemd/system/mngr-guard.timer"]
    assert "PathExists=@REQUEST@" in made["/var/lib/mngr/guard/mngr-guard.path"]
    assert "ends_at" not in "".join(files())


def booted(guard: Guard, boot: str, up: int) -> None:
    """As the kernel tells it."""
    folder = guard.proc / "sys" / "kernel" / "random"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boot_id").write_text(f"{boot}\n")
    (guard.proc / "uptime").write_text(f"{up}.42 100.00\n")


def test_a_machine_that_was_booted_again_isnt_given_back_before_a_start_can_come(guard: Guard) -> None:
    tries = guard.here / "tries"
    guard.put("then", f"echo >>'{tries}'")
    booted(guard, "first", 5000)
    guard.ask()
    assert guard.run() == 0
    assert len(tries.read_text()) == 1
    booted(guard, "second", 30)
    assert guard.run() == 0
    assert len(tries.read_text()) == 1
    booted(guard, "second", 900)  # nobody came
    assert guard.run() == 0
    assert len(tries.read_text()) == 2


def test_a_deadline_from_before_the_boot_leaves_time_for_a_start(guard: Guard) -> None:
    done = guard.here / "done"
    guard.put("then", f"touch '{done}'")
    guard.put("ends_at", str(int(time.time()) - 600))
    booted(guard, "second", 30)
    assert guard.run() == 0
    assert guard.run() == 0
    assert not done.exists()
    booted(guard, "second", 1200)
    assert guard.run() == 0
    assert done.exists()


def test_a_deadline_of_this_boot_gives_the_machine_back_at_once(guard: Guard) -> None:
    done = guard.here / "done"
    guard.put("then", f"touch '{done}'")
    guard.put("ends_at", str(int(time.time()) - 5))
    booted(guard, "first", 60)
    assert guard.run() == 0
    assert done.exists()
