"""Notes: what is worth saying of an operation that succeeds. Data; `mngr.cli.words` has a sentence for each."""

import msgspec


class Note(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="note"):
    """The base of all notes: one struct for each kind, with what a program needs to act on it. Those that
    operations of `mngr.ops` make are in `mngr.ops.notes`."""


class Remark(Note, frozen=True):
    """Words of a cloud or of a provider, for people only. `warns`: something is amiss."""

    text: str
    warns: bool = True


class LeftOutOfSnapshot(Note, frozen=True):
    """`place` of a host isn't in its snapshot, or not in the host that was restored from one (`restored`)."""

    host: str
    place: str
    why: str
    restored: bool = False


class MountKept(Note, frozen=True):
    """A volume that `-s` mounted at `place` holds files, so the snapshot's weren't put there."""

    place: str


class MachineReplaced(Note, frozen=True):
    """The cloud won't set up the machine that it gave; another one is taken."""

    why: str
