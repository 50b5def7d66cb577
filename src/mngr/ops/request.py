"""What a create is asked for, as data."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from mngr.providers.contract import IdleRequest


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `mngr create` was asked for.

    `source`: the directory whose code comes along (None: none), `subdirectory`: where in it the agent begins;
    `source_implied`: nobody said which, so it is the repository around the caller, or None where there is none. `idle`: None leaves the provider's default.
    `work_dir`: on the host; by default `<host dir>/work/<name>`, here the source itself. `command`: for type
    `command` the argv, for others words after the type's command. `trust_first_contact`: secrets go to hosts whose
    `ssh_trust` is `unverified` too. `user`: as in HostSpec. `agreed`: to what has to be
    paid at once. `worktree`: on this computer, the agent gets a git worktree of the repository around `source`.
    """

    name: str
    host: str = ""
    provider: str = ""
    type: str = ""
    command: Sequence[str] = ()
    build_args: Sequence[str] = ()
    start_args: Sequence[str] = ()
    image: str = ""
    user: str = ""
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    idle: IdleRequest | None = None
    snapshot: str = ""
    work_dir: str = ""
    source: Path | None = None
    source_implied: bool = False
    subdirectory: str = ""
    trust_first_contact: bool = False
    agreed: bool = False
    worktree: bool = False
