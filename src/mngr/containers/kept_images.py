"""Images that are kept for the next host, and have become useless."""

import msgspec

from mngr.containers.docker import Docker
from mngr.containers.image import BUILD_LIMIT_S, KEPT
from mngr.model.clock import iso

#: A build that nobody has repeated for so long isn't kept.
UNUSED_S = 30 * 86400


def unused(docker: Docker, now: float) -> list[str]:
    """Of the images that are kept for the next host, those that no host will use and no container uses: what a newer one took
    the name of, what was made ready from an image that has no name any more, and builds that nobody repeated for `UNUSED_S`."""
    images = _shown(docker, docker.run("image", "ls", "-q", "--filter", f"label={KEPT}").text.split())
    before, an_hour_ago = iso(now - UNUSED_S), iso(now - BUILD_LIMIT_S)
    found = {name for one in images for name in one.names("mngr-built:") if one.Metadata.LastTagTime < before}
    bases = _shown(docker, sorted({one.made_from for one in images} - {""}))
    named = {one.Id for one in bases if {*one.names()} - found}
    for one in images:
        if one.made_from not in named:
            found.update(one.names("mngr-prepared:"))
        # A step of a build, or what is about to be a snapshot, has no name yet.
        if not one.RepoTags and one.Created < an_hour_ago:
            found.add(one.Id)
    used = [one for one in found if docker.run("ps", "-aq", "--filter", f"ancestor={one}").text.strip()]
    return sorted(found - {*used})


class _Labelled(msgspec.Struct, frozen=True):
    Labels: dict[str, str] | None = None


class _Metadata(msgspec.Struct, frozen=True):
    LastTagTime: str = ""


class _Image(msgspec.Struct, frozen=True):
    """As `docker image inspect` shows it."""

    Id: str
    Created: str = ""
    RepoTags: list[str] | None = None
    Config: _Labelled = _Labelled()
    Metadata: _Metadata = _Metadata()

    @property
    def made_from(self) -> str:
        return (self.Config.Labels or {}).get("mngr.prepared-from", "")

    def names(self, start: str = "") -> list[str]:
        return [name for name in self.RepoTags or [] if name.startswith(start)]


def _shown(docker: Docker, ids: list[str]) -> list[_Image]:
    """Those of the images that are there."""
    if not ids:
        return []
    return msgspec.json.decode(docker.run("image", "inspect", *ids, check=False).stdout, type=list[_Image])
