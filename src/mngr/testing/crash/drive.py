"""Driving one agent through its lifecycle, with a kill in each verb, and looking at what is left each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mngr.testing.cli import Cli, Done
from mngr.testing.crash import calls, checks
from mngr.testing.crash.calls import Run
from mngr.testing.crash.points import Call, Point, points
from mngr.testing.crash.verbs import Verb
from mngr.testing.world import World, cli, cloud_of, listing

#: A killed command's leftovers are swept after this long at the latest, by the provider's own time.
PAST_LEASES_S = 3600.0

SWEEPS = 4


@dataclass(frozen=True)
class Clean:
    """How each verb goes when nobody disturbs it: its calls, and where it ends."""

    verb: Verb
    calls: tuple[Call, ...]
    ending: Mapping[str, Any]

    @property
    def points(self) -> list[Point]:
        return points(self.calls)


@dataclass
class Drive:
    """Drives agents of one world. `bystander` is an agent that no command is about; it must live through all."""

    world: World
    bystander: str = "bystander"
    story: list[str] = field(default_factory=list)
    reached: int = 0
    missed: int = 0

    def __post_init__(self) -> None:
        self.mngr: Cli = cli(self.world)
        self._others: set[str] = set()

    def begin(self, create: Verb) -> None:
        """Puts the bystander there."""
        self.mngr.ok(*create.argv(self.bystander))
        checks.write_data(self.mngr, self.bystander, self.bystander)
        self._others = checks.ids(self.world)

    def clean(self, verbs: Sequence[Verb], name: str = "clean") -> list[Clean]:
        """Each verb once, undisturbed and recorded. They must leave nothing."""
        found = []
        for verb in verbs:
            run = calls.record(self.mngr, cloud_of(self.world), verb.argv(name))
            assert run.done.code == 0, f"a clean run failed\n{run.done}"
            if verb.name == "create":
                checks.write_data(self.mngr, name, name)
            found.append(Clean(verb, run.calls, checks.ending(self.world, name, self._others)))
        checks.assert_owned(self.world)
        return found

    def chain(
        self, cleans: Sequence[Clean], chosen: Sequence[Point | None], name: str, *, sweep_first: bool
    ) -> None:
        """The lifecycle of agent `name`, each verb killed at its point (None: not at all) and given again.

        `sweep_first`: a sweep comes between the crash and the repetition; else after it.
        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {name} in world {self.world.provider}"]
        try:
            for clean, point in zip(cleans, chosen, strict=True):
                self._verb(clean, point, name, sweep_first)
            checks.assert_data(self.mngr, self.bystander, self.bystander)
        except AssertionError as error:
            self._clear_away(name)
            raise AssertionError("\n".join([*self.story, f"THEN: {error}"])) from None

    def _verb(self, clean: Clean, point: Point | None, name: str, sweep_first: bool) -> None:
        verb = clean.verb
        if point is None:
            self._tell(self.mngr(*verb.argv(name), codes=(0,)))
        else:
            run = self._killed(verb, point, name)
            if sweep_first:
                self.sweep()
                self._kept(verb, name)
            self._tell(self.mngr(*verb.argv(name), codes=verb.again))
            run.wait_orphan()
            if run.orphan:
                # What the dead mngr's command did late may have to be mended: once more, undisturbed.
                self._tell(self.mngr(*verb.argv(name), codes=verb.again))
            if not sweep_first:
                self.sweep()
        ended = checks.ending(self.world, name, self._others)
        if verb.name == "create":
            checks.write_data(self.mngr, name, name)
        assert ended == clean.ending, (
            f"{verb.name} again didn't end where it does in one go:\n  {ended}\n  {clean.ending}"
        )
        if verb.alive:
            checks.assert_data(self.mngr, name, name)

    def _killed(self, verb: Verb, point: Point, name: str) -> Run:
        run = calls.run(self.mngr, cloud_of(self.world), verb.argv(name), point)
        self._tell(run.done, f"   # {verb.name}: {point}" + ("" if run.reached else " (not reached)"))
        self.reached, self.missed = self.reached + run.reached, self.missed + (not run.reached)
        return run

    def sweep(self) -> None:
        """Sweeps until a sweep has nothing to do and nothing is unowned; the provider's time passes in between.

        Raises AssertionError naming what is nobody's after several sweeps.
        """
        for _ in range(SWEEPS):
            done = self._tell(
                self.mngr("gc", "--provider", self.world.provider, "--format", "json", codes=(0,))
            )
            did = done.json().get(self.world.provider, {})
            if not did.get("released") and not did.get("finished") and not checks.unowned(self.world):
                return
            self.world.pass_time(PAST_LEASES_S)
        checks.assert_owned(self.world)

    def _kept(self, verb: Verb, name: str) -> None:
        shown = [agent["name"] for agent in listing(self.world)["agents"]]
        assert self.bystander in shown, f"the sweep took the bystander: {shown}"
        assert not verb.keeps or name in shown, f"a killed {verb.name} and a sweep took agent {name}: {shown}"

    def _tell(self, done: Done, note: str = "") -> Done:
        self.story.append(f"{done}{note}")
        return done

    def _clear_away(self, name: str) -> None:
        """So that one failure doesn't cause the next. Best effort."""
        for act in (
            lambda: self.mngr("destroy", name, "--force"),
            lambda: self.world.pass_time(PAST_LEASES_S),
            lambda: self.mngr("gc", "--provider", self.world.provider),
        ):
            _quietly(act)


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except AssertionError:
        pass
