"""The journal against a model, under kills at any step of a write and under damage to its files."""

import os
import tempfile
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mngr.journal import Intent, Journal
from mngr.journal.store import Held
from mngr.model.errors import Conflict, MngrError

SUBJECTS = st.sampled_from(["host-1", "host-2"])
PROVIDERS = st.sampled_from(["vultr", "ovh"])
KEYS = st.sampled_from(["id", "order", "address"])


class Killed(BaseException):
    pass


class JournalMachine(RuleBasedStateMachine):
    """`disk`: what must be read back. `held`: who has a lock. A kill drops a lock and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.temp = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.temp.name) / "journal")
        self.disk: dict[tuple[str, str], Intent | bytes] = {}
        self.held: dict[tuple[str, str], Held] = {}

    def teardown(self) -> None:
        for held in self.held.values():
            held.close()
        self.temp.cleanup()

    @rule(provider=PROVIDERS, subject=SUBJECTS)
    def hold(self, provider: str, subject: str) -> None:
        key = (provider, subject)
        try:
            held = self.journal.hold(*key)
        except Conflict:
            assert key in self.held
            return
        assert key not in self.held
        self.held[key] = held

    @precondition(lambda self: self.held)
    @rule(data=st.data(), kind=st.sampled_from(["create", "destroy"]), at=st.floats(0, 1e9))
    def write(self, data: st.DataObject, kind: str, at: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        intent = Intent(provider=key[0], subject=key[1], kind=kind, at=at)
        self.held[key].write(intent)
        self.disk[key] = intent

    @precondition(lambda self: self.held)
    @rule(data=st.data(), name=KEYS, value=st.text(max_size=5))
    def save(self, data: st.DataObject, name: str, value: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        before = self.disk.get(key)
        try:
            self.held[key].save({name: value})
        except MngrError:
            assert not isinstance(before, Intent)
            return
        assert isinstance(before, Intent)
        grown = {**before.handle, name: value}
        self.disk[key] = Intent(provider=key[0], subject=key[1], kind=before.kind, at=before.at, handle=grown)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), step=st.sampled_from(["os.open", "os.fsync", "os.replace"]))
    def killed_while_writing(self, data: st.DataObject, step: str) -> None:
        """Whatever step the process dies at, the old content stays whole."""
        key = data.draw(st.sampled_from(sorted(self.held)))
        with mock.patch(step, side_effect=Killed):
            try:
                self.held[key].write(Intent(provider=key[0], subject=key[1], kind="never"))
            except Killed:
                pass
        self.held.pop(key).close()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        self.held[key].done()
        self.disk.pop(key, None)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def killed(self, data: st.DataObject) -> None:
        """The kernel closes a dead process's files; nothing else of close() happens."""
        held = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        assert held._fd is not None
        os.close(held._fd)
        held._fd = None

    @precondition(lambda self: self.disk)
    @rule(data=st.data(), cut=st.integers(0, 40))
    def torn(self, data: st.DataObject, cut: int) -> None:
        """Damage from outside: the file is cut short."""
        key = data.draw(st.sampled_from(sorted(self.disk)))
        path = self.journal.folder / f"{key[0]}.{key[1]}.json"
        path.write_bytes(path.read_bytes()[:cut])
        self.disk[key] = path.read_bytes()

    @invariant()
    def reads_back(self) -> None:
        entries = {(entry.provider, entry.subject): entry for entry in self.journal.entries()}
        assert entries.keys() == self.disk.keys()
        for key, entry in entries.items():
            expected = self.disk[key]
            if isinstance(expected, Intent):
                assert entry.intent == expected
            else:
                assert entry.intent is None
                assert entry.error
                assert Path(entry.path).read_bytes() == expected
            assert entry.busy == (key in self.held)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
