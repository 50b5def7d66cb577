"""Sentences for what `mngr.ops` answers and tells: the one place where data becomes English."""

from mngr.model.notes import LeftOutOfSnapshot, MachineReplaced, MountKept, Note, Remark
from mngr.model.progress import Step
from mngr.ops import notes


def of_step(step: Step) -> str:
    """`PHASE`, `PHASE: DETAIL`, each with its limit."""
    detail = f": {step.detail}" if step.detail else ""
    limit = f" (at most {step.at_most_s:g} s)" if step.at_most_s is not None else ""
    return f"{step.phase}{detail}{limit}"


def of_note(note: Note) -> str:
    """One sentence, without a full stop."""
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
        case _:
            raise TypeError(f"no words for {type(note).__name__}")
