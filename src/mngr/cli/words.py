"""Sentences for what `mngr.ops` answers and tells: the one place where data becomes English."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mngr.model.clock import iso
from mngr.model.notes import LeftOutOfSnapshot, MachineReplaced, MountKept, Note, Remark
from mngr.model.progress import Step

if TYPE_CHECKING:
    from mngr.model.views import Fallback, Offer
    from mngr.ops.plan import CreatePlan

#: How a field of CreateRequest is given on the command line.
_OPTIONS = {
    "image": "--image",
    "build_args": "-b",
    "start_args": "-s",
    "snapshot": "--snapshot",
    "user": "--user image",
    "idle": "idle and lifetime options",
}


def of_step(step: Step) -> str:
    """`PHASE`, `PHASE: DETAIL`, each with its limit."""
    detail = f": {step.detail}" if step.detail else ""
    limit = f" (at most {step.at_most_s:g} s)" if step.at_most_s is not None else ""
    return f"{step.phase}{detail}{limit}"


def of_note(note: Note) -> str:
    """One sentence, without a full stop."""
    from mngr.ops import notes  # the step that `list` shows needs none of them

    match note:
        case Remark():
            return note.text
        case LeftOutOfSnapshot():
            what = f"the restored {note.host}" if note.restored else f"the snapshot of {note.host}"
            return f"{what} is without {note.place}: {note.why}"
        case MountKept():
            return f"{note.place} is as -s mounted it, and not as in the snapshot: it holds files"
        case MachineReplaced():
            return f"{note.why}: another machine is taken"
        case notes.EndedAtOnce():
            return f"agent {note.agent} has ended already, with exit code {note.exit_code}"
        case notes.PassedOn():
            return f"{note.agent} got {', '.join(note.names)} from your shell, as its type {note.type} names them"
        case notes.NotAsRoot():
            return f"{note.agent} runs as root, and {note.word} doesn't work as root: {note.why}"
        case notes.MadeReady():
            goes_on = f"what {note.agent} needs is still being installed; `mngr logs {note.agent}` shows it"
            return "; ".join([*note.said, *([goes_on] if note.goes_on else [])])
        case notes.TranscriptLost():
            return f"what {note.agent} has said couldn't be kept: {note.why}"
        case notes.TranscriptUnread():
            when = f"was last read at {iso(note.read_at)}" if note.read_at else "was never read before"
            return f"what {note.agent} has said couldn't be kept: its host was {note.state}, and it {when}"
        case notes.Withheld():
            return (
                f"withheld from {note.agent}: {', '.join(note.names)}, as the first contact with {note.host} isn't verified; "
                f"`mngr {note.backend} verify {note.host} --fingerprint …` confirms it, `--trust-first-contact` sends them "
                "all the same"
            )
        case notes.HostElsewhere():
            return (
                f"a host called {note.host} is on {' and '.join(note.others)}, as last seen: this makes another one on "
                f"{note.provider}; `mngr create {note.agent}@{note.host}.{note.others[0]}` puts the agent on that one"
            )
        case notes.ImageUserUnused():
            return f"the image says that its processes run as {note.user}; agents run as root: --user image"
        case notes.RequestUnused():
            given = ", ".join(_OPTIONS.get(field, field) for field in note.fields)
            return f"host {note.host} was there already: {given} had no effect; a new host takes them"
        case _:
            return _of_code(note)


def of_plan(plan: "CreatePlan") -> list[str]:
    """What a create would make and what that costs, a line each."""
    offer = plan.offer
    named = (("plan", offer.plan), ("region", offer.region), ("image", offer.image))
    prices = [
        f"{offer.currency} {price:.4g} {unit}"
        for price, unit in ((offer.per_hour, "an hour"), (offer.per_month, "a month"))
        if price
    ]
    machine = " · ".join(f"{key} {value}" for key, value in named if value)
    more = " more" if plan.onto and plan.provider.abilities.isolated else ""
    free = "what it costs isn't known: the price couldn't be read" if plan.costs else f"costs nothing{more}"
    lines = [machine, ", at most ".join(prices) or free, *of_offer(plan)]
    return [line for line in lines if line]


def of_offer(plan: "CreatePlan") -> list[str]:
    """What is to be known of an offer, and of the code, beside names and prices."""
    offer, said = plan.offer, [of_note(note) for note in (*plan.offer.notes, *plan.notes)]
    if not plan.provider.abilities.isolated:
        from mngr.ops.new_agent import work_dir

        return [f"works in {work_dir(plan)}, on this computer", *said]
    if plan.onto:
        return [f"on host {plan.onto.record.name}, which is there: no other one is made", *said]
    size = ((offer.cpus, "vCPU"), (offer.memory_gb, "GB RAM"), (offer.disk_gb, "GB disk"))
    lines = [", ".join(f"{value:g} {unit}" for value, unit in size if value)]
    if offer.spare:
        lines += [
            f"takes the paid VPS {offer.spare.machine}, no new charge: it is paid until {offer.spare.paid_until}, and renews then",
            "if it can't be had by then, another one that is paid is taken; if there is none, one is ordered:",
        ]
    if offer.term_months:
        unit = "month" if offer.term_months == 1 else f"{offer.term_months} months"
        a = "a " if offer.term_months == 1 else ""
        lines += [
            f"paid at once: {offer.currency} {offer.due_now:.2f} for {a}{unit}, without tax; there is no hourly price",
            f"renews on {offer.renews_on} and every {unit} after that, until it is destroyed",
            "destroying it cancels the renewal: it runs on, paid, until then; nothing is paid back",
        ]
    elif offer.per_hour:
        lines.append("billed by the hour until it is destroyed")
    lines += [_of_fallback(offer, one) for one in offer.fallbacks]
    if plan.costs:
        from mngr.cli.columns import saved, saved_of

        exactly = saved_of(offer.per_hour, offer.per_hour_stopped, offer.currency)
        lines.append(f"a stop saves {saved(plan.provider.abilities.stop_saves) or 'nothing'}{exactly}")
    if offer.may_recycle and not offer.spare:
        lines.append(
            "if a cancelled VPS of mngr's fits, it is taken instead: then nothing is paid now, and it renews on its own date"
        )
    return [*filter(None, lines), *said]


def _of_fallback(offer: "Offer", one: "Fallback") -> str:
    price = "at a price that couldn't be read"
    if one.per_hour is not None:
        price = f"{offer.currency} {one.per_hour:.4g} an hour"
        price += ", which is more" if one.per_hour > (offer.per_hour or one.per_hour) else ""
    return f"if there is no room for that: {one.plan} in {one.region}, {price}"


def _of_code(note: Note) -> str:
    """What is said of code that is sent to a host."""
    from mngr.ops import notes

    match note:
        case notes.RepositoryComes():
            at = f"at {note.commit[:7]}" if note.commit else "without a commit"
            files = f"{note.files} changed or untracked file{'' if note.files == 1 else 's'}"
            also = (
                f", {note.nested} repositor{'y' if note.nested == 1 else 'ies'} in it" if note.nested else ""
            )
            return (
                f"code: {note.path}, {note.branch or 'HEAD'} {at}, {files}{also}; not what .gitignore names"
            )
        case notes.NoRepository():
            return (
                f"{note.path} isn't a git repository: its files were copied, `mngr pull` won't have a branch"
            )
        case notes.NoCode():
            return (
                f"{note.path} isn't in a git repository, so no code comes along: --from . brings its files, without "
                "history; --no-code says that none is meant to come"
            )
        case notes.SharesDirectory():
            few = note.agents if len(note.agents) <= 4 else [*note.agents[:3], f"{len(note.agents) - 3} more"]
            whose = f"agent {few[0]}" if len(few) == 1 else f"agents {', '.join(few)}"
            return f"{note.path} is the directory of {whose}, too: --worktree gives an agent one of its own"
        case notes.WorksInWorktree():
            s = "" if note.uncommitted == 1 else "s"
            left = f"; {note.uncommitted} uncommitted change{s} stayed here" if note.uncommitted else ""
            empty = (
                "; its submodules are empty there: `git submodule update --init`" if note.submodules else ""
            )
            return f"works in {note.path}, on the branch {note.branch}{left}{empty}"
        case notes.PartOfRepository():
            return (
                f"{note.path} is a part of the repository {note.top}: its files were copied without history, "
                "`mngr pull` won't have a branch; `create` from within it, without --from, brings the repository "
                "and begins there"
            )
        case notes.Unmerged():
            return f"{note.path} has conflicts that aren't resolved: its files come as they are, as uncommitted changes"
        case notes.SubmoduleEmpty():
            return f"submodule {note.path} isn't checked out here, so it is empty there: git submodule update --init"
        case notes.RepositoryLeft():
            if note.worktree_of:
                return f"{note.path} wasn't brought: it is another worktree of {note.worktree_of}"
            return f"{note.path} wasn't brought: git can't read the repository there"
        case notes.ChangesLeft():
            left = (
                "they stay as the index has them, new ones behind" if note.repository else "they stay behind"
            )
            return (
                f"filter {', '.join(note.filters)}: changes in {_some(note.files)} weren't brought, as they would be "
                f"committed unfiltered there; {left}"
            )
        case notes.Unfiltered():
            are, them = ("is", "it") if len(note.files) == 1 else ("are", "them")
            return f"filter {', '.join(note.filters)}: {_some(note.files)} {are} there as git stores {them}, unfiltered"
        case _:
            raise TypeError(f"no words for {type(note).__name__}")


def _some(files: Sequence[str]) -> str:
    if len(files) == 1:
        return files[0]
    return f"{len(files)} files ({', '.join(files[:3])}{', …' if len(files) > 3 else ''})"
