"""Notes that operations make of what they did."""

from mngr.model.notes import Note


class EndedAtOnce(Note, frozen=True):
    """An agent was started and has ended already."""

    agent: str
    exit_code: int
