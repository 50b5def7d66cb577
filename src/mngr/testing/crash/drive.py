"""Driving one agent through its lifecycle, with a kill in each verb, and looking at what is left each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mngr.testing.cli import Cli, Done
from mngr.testing.crash import calls, checks
from mngr.testing.crash.calls import Run
from mngr.testing.crash.left import Left
from mngr.testing.crash.points import Call, Point, points
from mngr.testing.crash.verbs import Verb
from mngr.testing.world import World, cli, cloud_of, intents, listing

#: A killed command's leftovers are swept after this long at the latest, by the provider's own time.
PAST_LEASES_S = 3600.0

#: Between a crash and what comes next.
MOMENT_S = 60.0

SWEEPS = 4

#: When a killed command's part begins that is later still: after a sweep.
LATER_S = 2.0

#: What comes between the crash and giving the command again: a sweep; nothing (a sweep comes afterwards); a sweep on
#: another computer at once; or one there after all leases have passed, as if this one's MNGR_HOME were lost.
Mending = Literal["sweep", "again", "other", "lost"]


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
    left: Left = field(default_factory=Left)
    reached: int = 0
    missed: int = 0

    def __post_init__(self) -> None:
        self.mngr: Cli = cli(self.world)
        self._others: set[str] = set()
        self._create: Verb | None = None
        self._gone = False

    def begin(self, create: Verb) -> None:
        """Puts the bystander there."""
        self._create = create
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
            found.append(
                Clean(
                    verb,
                    run.calls,
                    checks.ending(self.world, listing(self.world), name, self._others, self.left),
                )
            )
        checks.assert_owned(self.world, listing(self.world), self.left)
        return found

    def chain(
        self, cleans: Sequence[Clean], chosen: Sequence[Point | None], name: str, mending: Mending
    ) -> None:
        """The lifecycle of agent `name`, each verb killed at its point (None: not at all), mended, and given again.

        Verbs between the first and the last that no point needs are left out.
        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {name} in world {self.world.provider}, mending: {mending}"]
        try:
            needed = _needed(cleans, chosen)
            brief = not any(point for _, point in needed[1:])
            for clean, point in needed:
                self._verb(clean, point, name, mending, brief=brief)
                if brief and self._gone:
                    break
            checks.assert_data(self.mngr, self.bystander, self.bystander)
        except AssertionError as error:
            raise self._failed(name, error) from None

    def held(self, clean: Clean, point: Point, name: str) -> None:
        """A verb, held at `point` while another computer sweeps: it must go on as if nothing had been.

        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {name} in world {self.world.provider}, another computer sweeps meanwhile"]
        other = self.world.other_home()
        try:
            run = calls.run(
                self.mngr, cloud_of(self.world), clean.verb.argv(name), point,
                lambda: self._tell(cli(other)("gc", "--provider", other.provider, codes=(0,)), " # the other computer"),
            )  # fmt: skip
            self._count(run, clean, point)
            assert run.done.code == 0, f"{clean.verb.name} failed because another computer swept\n{run.done}"
            self._ended(clean, name, listing(self.world))
        except AssertionError as error:
            raise self._failed(name, error) from None

    def again(self, clean: Clean, point: Point, name: str, mending: Mending) -> None:
        """A verb about the agent `name`, which is there and stays: killed at `point`, mended, and given again.

        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {name} in world {self.world.provider}, mending: {mending}"]
        try:
            self._verb(clean, point, name, mending)
        except AssertionError as error:
            raise self._failed("", error) from None

    def rename(self, point: Point, was: str, new: str) -> None:
        """A rename is killed at `point`, and given again.

        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {was} in world {self.world.provider} is renamed"]
        words = ("rename", was, new)
        try:
            run = calls.run(self.mngr, cloud_of(self.world), words, point)
            self._tell(run.done, f"   # {point}")
            self.reached, self.missed = self.reached + run.reached, self.missed + (not run.reached)
            for _ in range(2):
                self._tell(self.mngr(*words, codes=(0,)))
                run.wait_orphan()
            names = sorted(agent["name"] for agent in listing(self.world)["agents"])
            assert names == sorted([self.bystander, new]), f"there are {names}"
            checks.assert_data(self.mngr, new, "named")
        except AssertionError as error:
            raise self._failed("", error) from None

    def sweep_killed(
        self, create: Clean, at: Point, point: Point | None, name: str, *, elsewhere: bool
    ) -> Run:
        """A create is killed at `at`; once its lease has passed a sweep (`elsewhere`: another computer's) is killed at
        `point` (None: recorded). Further sweeps must leave nothing of it.

        Raises AssertionError telling the whole story.
        """
        self.story = [f"agent {name} in world {self.world.provider}, the sweep is killed"]
        try:
            self._tell(
                calls.run(self.mngr, cloud_of(self.world), create.verb.argv(name), at).done, f"   # {at}"
            )
            self.world.pass_time(PAST_LEASES_S)
            sweeper = self.world.other_home() if elsewhere else self.world
            gc = ("gc", "--provider", self.world.provider)
            if point is None:
                run = calls.record(cli(sweeper), cloud_of(self.world), gc)
            else:
                run = calls.run(cli(sweeper), cloud_of(self.world), gc, point)
                self.reached, self.missed = self.reached + run.reached, self.missed + (not run.reached)
            self._tell(run.done, f"   # {point}")
            self.world.pass_time(MOMENT_S)
            shown = self.sweep(sweeper)
            run.wait_orphan()
            if elsewhere:
                shown = self.sweep(self.world)
            assert name not in [host["name"] for host in shown["hosts"]], f"{name} is still there"
            assert self._is_as_before(name), f"the sweeps left something of {name}"
            checks.assert_data(self.mngr, self.bystander, self.bystander)
        except AssertionError as error:
            raise self._failed(name, error) from None
        return run

    def _verb(
        self, clean: Clean, point: Point | None, name: str, mending: Mending, *, brief: bool = False
    ) -> None:
        """`brief`: when the sweep left the world as it was before the first verb, giving it again would only be
        another clean run, so the chain ends there (three times in four)."""
        verb = clean.verb
        self._gone = False
        if point is None:
            self._tell(self.mngr(*verb.argv(name), codes=(0,)))
            if verb.name == "create":
                checks.write_data(self.mngr, name, name)
            return
        late_s = LATER_S if mending == "sweep" and self.reached % 2 else calls.LATE_S
        run = calls.run(self.mngr, cloud_of(self.world), verb.argv(name), point, late_s=late_s)
        self._count(run, clean, point)
        # A person needs a moment to type the command again; a cloud's lists have that long to show what was done.
        self.world.pass_time(MOMENT_S)
        if mending in ("lost", "other"):
            self._mend_elsewhere(verb, name, past_leases=mending == "lost")
        if mending == "sweep":
            self._kept(verb, name, self.sweep(self.world))
        if brief and mending in ("sweep", "lost") and self.reached % 4:
            self._gone = self._is_as_before(name)
            if self._gone and run.orphan:
                run.wait_orphan()
                self.sweep(self.world)
                assert self._is_as_before(name), "what came late was left by the next sweep"
            if self._gone:
                return
        self._tell(self.mngr(*verb.argv(name), codes=verb.again))
        run.wait_orphan()
        if run.orphan:
            # What the dead mngr's command did late may have to be mended: once more, undisturbed.
            self._tell(self.mngr(*verb.argv(name), codes=verb.again))
        swept = mending in ("again", "lost") or (run.orphan and late_s == LATER_S)
        shown = self.sweep(self.world) if swept else listing(self.world)
        self._ended(clean, name, shown)

    def _mend_elsewhere(self, verb: Verb, name: str, *, past_leases: bool) -> None:
        """Another computer sweeps, which knows nothing but the account; at once, or after all leases have passed."""
        other = self.world.other_home()
        if past_leases:
            self.world.pass_time(PAST_LEASES_S)
            shown = self.sweep(other)
        else:
            self._tell(cli(other)("gc", "--provider", other.provider, codes=(0,)), " # another computer")
            mine, shown = set(intents(self.world.home)), listing(other)
            left = [thing for thing in checks.unowned(other, shown, self.left) if thing.owner not in mine]
            # A daemon's things have no lease; their label keeps another MNGR_HOME off, and its own sweep takes them.
            assert not left or cloud_of(self.world) is None, (
                f"there, and another computer can't tell whose: {left}"
            )
        hosts = [host["name"] for host in shown["hosts"]]
        wanted = [self.bystander, *([name] if verb.keeps else [])]
        assert set(wanted) <= set(hosts), f"another computer's sweep took some of {wanted}: {hosts}"

    def _ended(self, clean: Clean, name: str, shown: Mapping[str, Any]) -> None:
        ended = checks.ending(self.world, shown, name, self._others, self.left)
        assert ended == clean.ending, (
            f"{clean.verb.name} didn't end where it does in one go:\n  {ended}\n  {clean.ending}"
        )
        if clean.verb.name == "create":
            checks.write_data(self.mngr, name, name)
        elif clean.verb.alive:
            checks.assert_data(self.mngr, name, name)

    def _count(self, run: Run, clean: Clean, point: Point) -> None:
        self._tell(run.done, f"   # {clean.verb.name}: {point}" + ("" if run.reached else " (not reached)"))
        self.reached, self.missed = self.reached + run.reached, self.missed + (not run.reached)

    def sweep(self, world: World) -> dict[str, Any]:
        """Sweeps until a sweep has nothing to do and nothing is unowned; the provider's time passes in between.

        Returns what `mngr list` shows then. Raises AssertionError naming what is nobody's after several sweeps.
        """
        for _ in range(SWEEPS):
            done = self._tell(cli(world)("gc", "--provider", world.provider, "--format", "json", codes=(0,)))
            did = done.json().get(world.provider, {})
            if not did.get("released") and not did.get("finished"):
                shown = listing(world)
                if not checks.unowned(world, shown, self.left):
                    return shown
            world.pass_time(PAST_LEASES_S)
        shown = listing(world)
        checks.assert_owned(world, shown, self.left)
        return shown

    def _is_as_before(self, name: str) -> bool:
        """Whether nothing at all is left of the agent `name` and its host."""
        shown = listing(self.world)
        named = [one for key in ("agents", "hosts") for one in shown[key] if one["name"] == name]
        foreign = [thing for thing in self.left.of(self.world) if thing.owner not in self._others]
        return not named and not foreign and intents(self.world.home).keys() <= self.left.intents

    def _kept(self, verb: Verb, name: str, listed: Mapping[str, Any]) -> None:
        shown = [agent["name"] for agent in listed["agents"]]
        assert self.bystander in shown, f"the sweep took the bystander: {shown}"
        assert not verb.keeps or name in shown, f"a killed {verb.name} and a sweep took agent {name}: {shown}"

    def _tell(self, done: Done, note: str = "") -> Done:
        self.story.append(f"{done}{note}")
        return done

    def _failed(self, name: str, error: AssertionError) -> AssertionError:
        """The whole story of a chain; what the chain leaves is cleared away, else remembered, so that one cause fails no
        later chain. `name`: its agent, which goes; "" if it stays."""
        story = [*self.story, f"THEN: {error}"]
        if name:
            self._clear_away(name)
        if left := self.forgive():
            story.append(f"It is still there, and no later chain is blamed for it: {', '.join(left)}")
        return AssertionError("\n".join(story))

    def forgive(self) -> list[str]:
        """Remembers what is there and nobody's; its ids. If the bystander was harmed, another takes its place."""
        before = set(self.left.things)
        _quietly(self._remember)
        try:
            checks.assert_data(self.mngr, self.bystander, self.bystander)
        except AssertionError:
            _quietly(self._replace_bystander)
        return sorted(self.left.things - before)

    def _remember(self) -> None:
        shown = listing(self.world)
        self.left.things |= {thing.id for thing in checks.unowned(self.world, shown, self.left)}
        self.left.remember(self.world, shown, self._others)

    def _replace_bystander(self) -> None:
        if self._create:
            self.bystander += "-next"
            self.begin(self._create)

    def _clear_away(self, name: str) -> None:
        """So that one failure doesn't cause the next. Best effort."""
        for act in (
            lambda: self.mngr("destroy", name, "--force"),
            lambda: self.mngr("destroy", f"@{name}", "--force"),
            lambda: self.world.pass_time(PAST_LEASES_S),
            lambda: self.mngr("gc", "--provider", self.world.provider),
        ):
            _quietly(act)


def _needed(cleans: Sequence[Clean], chosen: Sequence[Point | None]) -> list[tuple[Clean, Point | None]]:
    """The verbs to give: the first and the last, and those up to the last one between them that has a point."""
    pairs = list(zip(cleans, chosen, strict=True))
    first, *middle, last = pairs
    while middle and middle[-1][1] is None:
        middle.pop()
    return [first, *middle, last]


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except AssertionError:
        pass
