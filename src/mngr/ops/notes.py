"""Notes that operations make of what they did."""

from mngr.model.notes import Note


class EndedAtOnce(Note, frozen=True):
    """An agent was started and has ended already."""

    agent: str
    exit_code: int


class TranscriptLost(Note, frozen=True):
    """What a destroyed agent had said couldn't be read before, and isn't kept."""

    agent: str
    why: str


class TranscriptUnread(Note, frozen=True):
    """What an agent had said goes with its host, which is down (`state`), and isn't kept, or only as it was at `read_at` (0: never
    read)."""

    agent: str
    state: str
    read_at: float


class RepositoryComes(Note, frozen=True):
    """A repository is sent: what HEAD is, at which commit ("" where there is none), how many changed and untracked `files`, and
    how many repositories in it."""

    path: str
    branch: str
    commit: str
    files: int
    nested: int


class NoRepository(Note, frozen=True):
    """The code is in no git repository: its files were copied, and `pull` won't have a branch."""

    path: str


class NoCode(Note, frozen=True):
    """Nobody said which code to bring, and the directory `path` is in no git repository: none comes."""

    path: str


class SharesDirectory(Note, frozen=True):
    """Other agents of this computer work in the same directory, or in the same repository's work tree."""

    path: str
    agents: list[str]


class WorksInWorktree(Note, frozen=True):
    """The agent works in a git worktree of its own; so many changes that aren't committed stayed where they are.
    `submodules`: it has some, which git leaves empty in a worktree."""

    path: str
    branch: str
    uncommitted: int
    submodules: bool


class PartOfRepository(Note, frozen=True):
    """The code is a directory within a repository: its files were copied without history, and `pull` won't have a branch."""

    path: str
    top: str


class Unmerged(Note, frozen=True):
    """A repository has conflicts that aren't resolved: its files come as uncommitted changes."""

    path: str


class SubmoduleEmpty(Note, frozen=True):
    """A submodule isn't checked out here, so it is empty on the host."""

    path: str


class RepositoryLeft(Note, frozen=True):
    """A nested repository wasn't brought: git can't read it, or it is another worktree of one that was."""

    path: str
    worktree_of: str = ""


class ChangesLeft(Note, frozen=True):
    """Changed and new files weren't brought, as git on the host would commit them without these filters. `repository`:
    what is committed of them came."""

    filters: list[str]
    files: list[str]
    repository: bool


class Unfiltered(Note, frozen=True):
    """Files are on the host in the form in which git stores them, without these filters."""

    filters: list[str]
    files: list[str]


class ImageUserUnused(Note, frozen=True):
    """The image says that its processes run as `user`; agents run as root."""

    user: str


class RequestUnused(Note, frozen=True):
    """The host was there already, so these fields of the request had no effect."""

    host: str
    fields: list[str]


class HostElsewhere(Note, frozen=True):
    """A host is made though one of its name was last seen on other providers."""

    agent: str
    host: str
    provider: str
    others: list[str]


class Withheld(Note, frozen=True):
    """The agent didn't get these variables, nor its host the setting `tell_url` if that is named, as the host's first contact
    isn't verified: values may be secrets."""

    agent: str
    names: list[str]
    host: str
    backend: str


class PassedOn(Note, frozen=True):
    """The agent got these variables of the caller's, as its type names them."""

    agent: str
    type: str
    names: list[str]


class NotAsRoot(Note, frozen=True):
    """The agent runs as root, and its type says that a word of its command doesn't work then, and why."""

    agent: str
    word: str
    why: str


class MadeReady(Note, frozen=True):
    """What was said when an agent's program was installed and prepared. `goes_on`: that hasn't come to its end."""

    agent: str
    said: list[str]
    goes_on: bool
