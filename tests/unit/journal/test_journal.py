"""The journal: what was written is there after a kill, who works on it is seen, what can't be read is shown."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from mngr.journal import Intent, Journal
from mngr.model.errors import Conflict, MngrError

HOST = "host-0123456789abcdef"


def intent(**changes: object) -> Intent:
    return Intent(**{"provider": "vultr", "subject": HOST, "kind": "create", "at": 5.0, **changes})  # type: ignore[arg-type]


def test_an_intent_is_there_until_it_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with journal.hold("vultr", HOST) as held:
        assert held.intent is None
        held.write(intent(plan={"name": "box", "tags": {"a": "b"}}))
        held.save({"id": "i-1"})
        held.save({"address": "192.0.2.1"})
    (entry,) = Journal(tmp_path / "journal").entries()
    assert entry.intent == intent(
        plan={"name": "box", "tags": {"a": "b"}}, handle={"id": "i-1", "address": "192.0.2.1"}
    )
    assert not entry.busy
    with journal.hold("vultr", HOST) as held:
        held.done()
        held.done()
    assert journal.entries() == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal").hold("vultr", HOST) as held:
        held.write(intent())
        assert held.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700


def test_one_at_a_time_also_among_threads(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.hold("vultr", HOST) as held:
        held.write(intent())
        with pytest.raises(Conflict, match="being worked on by another mngr"):
            journal.hold("vultr", HOST)
        with journal.hold("vultr", "host-ffffffffffffffff"):
            pass
        (entry,) = journal.entries()
        assert entry.busy
    journal.hold("vultr", HOST).close()


def test_entries_of_one_instance_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for provider in ("vultr", "ovh-1"):
        with journal.hold(provider, HOST) as held:
            held.write(intent(provider=provider))
    assert [entry.provider for entry in journal.entries()] == ["ovh-1", "vultr"]
    assert [entry.provider for entry in journal.entries("ovh-1")] == ["ovh-1"]


def _build_for_ever(folder: Path, ready: object) -> None:
    held = Journal(folder).hold("vultr", HOST)
    held.write(intent(handle={"id": "i-1"}))
    ready.set()  # type: ignore[attr-defined]
    signal.pause()


def test_a_killed_process_leaves_its_intent_and_its_lock_ends(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_build_for_ever, args=(tmp_path, ready))
    process.start()
    assert ready.wait(10)
    assert [entry.busy for entry in Journal(tmp_path).entries()] == [True]
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(10)
    (entry,) = Journal(tmp_path).entries()
    assert not entry.busy
    assert entry.intent == intent(handle={"id": "i-1"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"provider":"vultr"}',
        b"\xff\xfe",
        b'{"provider":"x","subject":"y","kind":"create"}',
    ],
)
def test_what_cant_be_read_is_shown_and_never_dropped(tmp_path: Path, content: bytes) -> None:
    journal = Journal(tmp_path)
    path = tmp_path / f"vultr.{HOST}.json"
    path.write_bytes(content)
    (entry,) = journal.entries("vultr")
    assert (entry.intent, entry.subject, entry.path) == (None, HOST, str(path))
    assert entry.error
    with journal.hold("vultr", HOST) as held:
        if b"kind" not in content:
            with pytest.raises(MngrError, match="can't be read"):
                held.save({"id": "i-1"})
    assert path.read_bytes() == content


def test_a_newer_format_isnt_guessed_at(tmp_path: Path) -> None:
    with Journal(tmp_path).hold("vultr", HOST) as held:
        held.write(intent(format=2))
        with pytest.raises(MngrError, match="format 2 is newer"):
            held.intent  # noqa: B018
    assert "newer" in Journal(tmp_path).entries()[0].error


def test_saving_to_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with Journal(tmp_path).hold("vultr", HOST) as held, pytest.raises(MngrError, match="is gone"):
        held.save({"id": "i-1"})


def test_names_that_would_leave_the_folder_are_refused(tmp_path: Path) -> None:
    for provider, subject in (("..", HOST), ("vultr", "../x"), ("vultr", "a.b")):
        with pytest.raises(ValueError):
            Journal(tmp_path).hold(provider, subject)


def test_looking_never_makes_a_holder_fail(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.hold("vultr", HOST) as held:
        held.write(intent())
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            journal.entries()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            journal.hold("vultr", HOST).close()
    finally:
        stop.set()
        thread.join()
