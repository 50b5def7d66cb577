"""Whether an image is there, in each region where it shall be booted. Reading costs nothing.

https://learn.microsoft.com/rest/api/compute/virtual-machine-images, …/images, …/gallery-image-versions
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mngr.backends.azure.arm import Arm
from mngr.model.background import each
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.guess import did_you_mean
from mngr.vps_docker.http import segment

T = TypeVar("T")

#: So many names of an image's kind are shown at most.
NAMED = 8


def check(arm: Arm, image: str, regions: Sequence[str], usual: str) -> None:
    """`image`: `PUBLISHER:OFFER:SKU:VERSION` of the marketplace, or the id of an image of one's own. `usual`: an example.

    Raises InvalidInput for one that isn't there, naming those beside it, or where it is; Unreadable."""
    if image.startswith("/"):
        there = sorted(_places(arm, image))
        if not there:
            raise _none(image, regions[0], usual)
        for region in regions:
            if region.lower() not in there:
                raise InvalidInput(
                    f"the image {image} isn't in {region}",
                    hint=f"it is in {', '.join(there)}; copy it there first, or choose another region or image",
                )
        return
    missing = each(lambda region: _missing(arm, image, region), regions)
    for region, beside in zip(regions, missing, strict=True):
        if beside is not None:
            raise _none(image, region, usual, beside)


def _missing(arm: Arm, image: str, region: str) -> str | None:
    """The names beside a marketplace image that isn't in `region`; None if it is."""
    publisher, offer, sku, version = ([segment(one) for one in image.split(":")] + [""] * 3)[:4]
    publishers = f"/providers/Microsoft.Compute/locations/{segment(region)}/publishers"
    offers = f"{publishers}/{publisher}/artifacttypes/vmimage/offers"
    skus = f"{offers}/{offer}/skus"
    versions = f"{skus}/{sku}/versions"
    rows = _there(lambda: arm.rows(versions)) or []
    if any(version.lower() in ("latest", str(one.get("name")).lower()) for one in rows):
        return None
    return _beside(arm, image, (publishers, offers, skus, versions))


def _places(arm: Arm, image: str) -> set[str]:
    """The regions in which an image of one's own can be booted; empty for one that isn't there."""
    if "/galleries/" not in image.lower():
        row = _there(lambda: arm.get(image))
        return {_region(row.get("location"))} if row else set()
    definition, _, version = image.partition("/versions/")
    if version and version.lower() != "latest":
        row = _there(lambda: arm.get(image))
        rows = [row] if row else []
    else:
        rows = _there(lambda: arm.pages(f"{definition}/versions")) or []
    profiles = [(row.get("properties") or {}).get("publishingProfile") or {} for row in rows]
    return {
        _region(target.get("name")) for profile in profiles for target in profile.get("targetRegions") or []
    }


def _region(name: Any) -> str:
    """Azure writes `West US` here, and `westus` elsewhere."""
    return str(name).replace(" ", "").lower()


def _none(image: str, region: str, usual: str, beside: str = "") -> InvalidInput:
    return InvalidInput(
        f"Azure has no image {image} in {region}",
        hint=f"{beside} choose with -b --azure-image=PUBLISHER:OFFER:SKU:VERSION, e.g. {usual}".lstrip(),
    )


def _beside(arm: Arm, image: str, paths: Sequence[str]) -> str:
    """The names that there are where the first of the image's isn't."""
    for word, path in zip(image.split(":"), paths, strict=False):
        names = [str(one["name"]) for one in _there(lambda path=path: arm.rows(path)) or []]
        if word.lower() not in [name.lower() for name in names]:
            some = ", ".join(names[:NAMED])
            return f"{did_you_mean(word, names)} instead of {word} there are: {some or 'none'};".lstrip()
    return ""


def _there(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except NotFound:
        return None
