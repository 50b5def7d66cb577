"""One test's means: clients over a spoilable wire, machines that are made and released, and the bill."""

from __future__ import annotations

import os
from collections.abc import Callable

from mngr.model.errors import MngrError, NotFound
from mngr.testing.cloud_contract.clock import WRONG_BY_S, SkippingClock
from mngr.testing.cloud_contract.wire import Call, Wire
from mngr.testing.cloud_contract.world import CloudWorld
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import (
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

INSTANCE = "under-test"
LAPTOP = "laptop-0123456789abcdef"
#: A host key as its tag has it: 68 characters of base64.
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "Jf+/Zq9xY0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456"

#: Time-outs of a call, in seconds: where the cloud is silent, and else, so that a busy computer fails no test.
BRIEF_S, PATIENT_S = 0.3, 20.0
#: No call of release that isn't disturbed may wait longer than this, in seconds.
RELEASE_LIMIT_S = 45.0
#: A machine is delivered, or released, within so many calls.
DELIVERY_CALLS = 300
RELEASE_CALLS = 100


def quiet(step: object) -> None:
    """Progress that nobody hears."""


class Killed(BaseException):
    """The process has ended here."""


class Lab:
    """Machines that a test makes are released after it, and nothing of them may be left on the bill."""

    def __init__(self, world: CloudWorld) -> None:
        self.world = world
        self.wire = Wire(world.url, world.now)
        self.clock = SkippingClock(world.advance, WRONG_BY_S)
        self.asked: dict[str, tuple[MachineSpec, Handle]] = {}  # by host id
        self._before = set(world.bill())

    def client(self) -> VpsClientInterface:
        """A client of a new process."""
        return self.world.client(self.wire.url, self.clock, BRIEF_S if self.wire.silent else PATIENT_S)

    def spec(self) -> MachineSpec:
        """A machine for a new host."""
        host_id = f"host-{os.urandom(8).hex()}"
        tagged = tags.building(INSTANCE, host_id, "box", LAPTOP, self.world.now())
        spec = MachineSpec(
            host_id=host_id,
            name=tags.machine_name(INSTANCE, "box", host_id),
            plan=self.world.plan,
            region=self.world.region,
            image=self.world.image,
            user_data="#cloud-config\nhostname: box\n",
            public_key=f"ssh-ed25519 {HOST_KEY} mngr",
            tags=tagged,
        )
        self.asked[host_id] = (spec, {})
        return spec

    def create(
        self, spec: MachineSpec, client: VpsClientInterface | None = None, save: Save | None = None
    ) -> Machine:
        """Goes on from what was saved until the machine is delivered, as the builder of hosts does."""
        client = client or self.client()
        kept = self.handle(spec)
        for _ in range(DELIVERY_CALLS):
            made = client.create(spec, dict(kept), save or kept.update, lambda phase: None)
            if made is not None:
                return made
            self.clock.sleep(5)
        raise AssertionError(f"not delivered after {DELIVERY_CALLS} calls of create: {kept}")

    def lag(self) -> None:
        """From now on lists show what was there before, until (almost) `list_lag_s` after the last change."""
        client = self.client()
        lists = {call.target for call in self.calls_of(lambda: client.find({"nothing": "has this"}))}
        changed_at = self.world.now()

        def after(call: Call) -> None:
            nonlocal changed_at
            changed_at = self.world.now() if call.changes else changed_at

        self.wire.after = after
        lag = client.caps.list_lag_s * 0.9
        self.wire.freeze(lists, until=lambda: self.world.now() >= changed_at + lag)

    def create_somehow(self, spec: MachineSpec) -> Machine:
        """As `create`; an error is followed by another try in a new process, as a person would."""
        for _ in range(4):
            try:
                return self.create(spec)
            except MngrError:
                self.clock.sleep(5)
        return self.create(spec)

    def handle(self, spec: MachineSpec) -> Handle:
        """What was saved of it; may be written."""
        return self.asked[spec.host_id][1]

    def release_once(
        self, spec: MachineSpec, handle: Handle | None = None, client: VpsClientInterface | None = None
    ) -> Gone | Later:
        """One call, which mustn't wait long."""
        began = self.clock.skipped
        try:
            said = (client or self.client()).release(spec, self.handle(spec) if handle is None else handle)
        finally:
            waited = self.clock.skipped - began
            assert self.wire.spoilt or waited <= RELEASE_LIMIT_S, (
                f"release waited {waited:.0f} s: it is to return Later"
            )
        if isinstance(said, Later):
            assert said.why, "Later says why"
            assert said.after_s > 0, "Later says when to ask again"
        return said

    def release(self, spec: MachineSpec, handle: Handle | None = None) -> None:
        """Until it is Gone, as the sweep does; then nothing of it may be billed."""
        for _ in range(RELEASE_CALLS):
            said = self.release_once(spec, handle)
            if isinstance(said, Gone):
                self.world.settle(self.client())
                return
            self.clock.sleep(said.after_s)
        raise AssertionError(f"not released after {RELEASE_CALLS} calls")

    def release_all(self) -> None:
        """What the test made, by what was saved of it, else by its tags alone. Nothing may be left on the bill."""
        self.wire.mend()
        for spec, _ in self.asked.values():
            self.release(spec)
        self.asked.clear()
        left = self.billed()
        assert not left, f"released, and still billed: {sorted(left)}"

    def bought(self) -> set[str]:
        """What was bought since the test began, whether it still costs money or not."""
        return set(self.world.bill()) - self._before

    def billed(self) -> set[str]:
        """What of it costs money from now on."""
        return {id for id, runs in self.world.bill().items() if runs} - self._before

    def crowd(self, count: int, tagged: dict[str, str]) -> set[str]:
        """Machines that are there already; they aren't the test's to release."""
        before = self.bought()
        ids = set(self.world.crowd(count, tagged))
        self._before |= self.bought() - before
        return ids

    def calls_of(self, act: Callable[[], object]) -> list[Call]:
        """The calls that `act` makes when nothing goes wrong."""
        began = len(self.wire.calls)
        act()
        return self.wire.calls[began:]

    def tags(self, machine: Machine) -> dict[str, str]:
        """What a client of another process reads, once reads show what was done."""
        client = self.client()
        self.pass_lag(client)
        return client.get(machine.id).tags

    def is_gone(self, id: str) -> bool:
        """Whether the cloud doesn't have the machine, or says that it was released and lives on."""
        try:
            return self.client().get(id).released
        except NotFound:
            return True

    def pass_lag(self, client: VpsClientInterface) -> None:
        """Until lists show what was done."""
        self.world.advance(client.caps.list_lag_s + 1)

    # --- how a create goes that nobody disturbs; what it made is released -------------------------------------------

    def alone(self) -> int:
        """How many things are bought for one machine."""
        began = self.bought()
        self.create(self.spec())
        count = len(self.bought() - began)
        assert count, "the world's `bill` doesn't show what create bought"
        self.release_all()
        return count

    def saves(self) -> int:
        """How often it saves."""
        seen: list[Handle] = []
        spec = self.spec()

        def save(more: Handle) -> None:
            seen.append(more)
            self.handle(spec).update(more)

        self.create(spec, save=save)
        self.release_all()
        return len(seen)

    def changes(self) -> int:
        """How many calls change something."""
        calls = self.calls_of(lambda: self.create(self.spec()))
        self.release_all()
        return sum(call.changes for call in calls)

    def killed_at_save(self, spec: MachineSpec, n: int, written: bool) -> None:
        """A create whose process ends in its save number `n`, if it comes so far; `written`: when that is on disk."""
        seen = 0

        def save(more: Handle) -> None:
            nonlocal seen
            seen += 1
            if seen < n or written:
                self.handle(spec).update(more)
            if seen == n:
                raise Killed

        try:
            self.create(spec, save=save)
        except Killed:
            return

    def stop(self) -> None:
        self.wire.stop()
