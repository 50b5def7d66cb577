"""A partial clone is made whole before it is sent."""

from collections.abc import Sequence
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.ops import git


def make_whole(top: Path, commit: str, config: dict[str, str]) -> None:
    """Fetches what a partial clone left with its remote: git would fetch it object by object while it packs, or fail."""
    remotes = [
        key[len("remote.") : -len(".promisor")]
        for key, value in config.items()
        if key.startswith("remote.") and key.endswith(".promisor") and value == "true"
    ]
    remote = config.get("extensions.partialclone", "") or next(iter(remotes), "")
    if remote:
        # What a folder that was lacking names may be lacking, too.
        while lacking := _missing(top, commit):
            _fetch(top, remote, lacking)


def _missing(top: Path, commit: str) -> list[str]:
    """The objects of a commit that a partial clone left with its remote."""
    lines = git.text(top, "rev-list", "--objects", "--missing=print", commit).splitlines()
    return [line[1:] for line in lines if line.startswith("?")]


def _fetch(top: Path, remote: str, objects: Sequence[str]) -> None:
    """Brings objects that a partial clone left with `remote`. Raises InvalidInput if it doesn't give them."""
    done = git.run(
        top, "-c", "fetch.negotiationAlgorithm=noop", "fetch", "-q", "--no-tags", "--no-write-fetch-head",
        "--recurse-submodules=no", "--filter=blob:none", "--stdin", remote,
        input="".join(f"{one}\n" for one in objects).encode(),
    )  # fmt: skip
    if done.code:
        raise InvalidInput(
            f"{top} is a partial clone, and {remote} doesn't give the {len(objects)} objects that it lacks: "
            + (done.error.splitlines() or ["git fetch failed"])[-1],
            hint="`git fetch --refetch --no-filter` makes it whole; or --no-code",
        )
