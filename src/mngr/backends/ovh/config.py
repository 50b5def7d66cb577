"""`[providers.NAME]` with `backend = "ovh"`, and where credentials come from."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mngr.config.schema import Seconds
from mngr.containers.settings import check_seconds
from mngr.model.errors import InvalidInput
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.credentials import check_api_url, credential

DEFAULT_ENDPOINT = "ovh-us"


class OvhConfig(VpsDockerProviderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shared settings, with OVH's defaults, and:

    `endpoint`: a name that the SDK knows, or the address of something that speaks OVH's API (http on this computer
    only); unset: OVH_ENDPOINT, `~/.ovh.conf`, ovh-us. `project_id` is taken and unused: VPSs have none. `pricing_mode`, `duration`: default
    and P1M, upfront6 and P6M, upfront12 and P12M. `list_lag`, `tag_lag`: seconds after which every list, and every
    read of tags, shows a write. `claim_time`: longest that claiming may take from its first read to its own
    acknowledged write (W in docs/clouds-as-they-are.md). `rebuild_timeout`: for an installation, refusals included.
    `assume_yes`: order without asking. `trust_first_contact`: secrets go to hosts whose first contact isn't
    verified yet.
    """

    endpoint: str = ""
    application_key: str | None = None
    application_secret: str | None = None
    consumer_key: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    project_id: str | None = None
    default_region: str = "US-EAST-VA"
    default_plan: str = "vps-2025-model1"
    default_image_name: str = "Debian 12 - Docker"
    bootstrap_ssh_user: str = "debian"
    pricing_mode: str = "default"
    duration: str = "P1M"
    vps_boot_timeout: Seconds = 600.0
    enable_recycle_cancelled: bool = True
    recycle_safety_margin_hours: float = 2
    recycle_max_candidates_considered: int = 10
    list_lag: Seconds = 15.0
    tag_lag: Seconds = 5.0
    claim_time: Seconds = 10.0
    rebuild_timeout: Seconds = 900.0
    assume_yes: bool = False
    trust_first_contact: bool = False

    @property
    def boot_image(self) -> str:
        return self.default_image_name

    @property
    def recycles(self) -> bool:
        """Whether a create may take a VPS that is paid for anyway."""
        return bool(self.enable_recycle_cancelled and self.recycle_max_candidates_considered)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds(self, "list_lag", "tag_lag", "claim_time", "recycle_safety_margin_hours", zero=True)
        check_seconds(self, "rebuild_timeout")
        if self.pricing_mode not in DURATIONS:
            raise ValueError(
                f"pricing_mode {self.pricing_mode!r}: OVH has no such mode; one of {', '.join(DURATIONS)}"
            )
        if self.duration not in DURATIONS.values():
            raise ValueError(
                f"duration {self.duration!r} can't be ordered; one of {', '.join(DURATIONS.values())}"
            )
        if self.recycle_max_candidates_considered < 0:
            raise ValueError("recycle_max_candidates_considered can't be less than 0")


#: Pricing mode → what OVH wants as the duration with it.
DURATIONS = {"default": "P1M", "upfront6": "P6M", "upfront12": "P12M"}

OAUTH2 = ("client_id", "client_secret")
KEYS = ("application_key", "application_secret", "consumer_key")

#: Spellings of the environment's variables, by field; the first that is set counts.
VARIABLES = {name: [f"OVH_{name.upper()}"] for name in (*OAUTH2, *KEYS)}
VARIABLES["application_key"].append("OVH_APP_KEY")
VARIABLES["application_secret"].append("OVH_APP_SECRET")


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What signs our calls: OAuth2 (`client_…`) or application keys. `source` says where they were found."""

    endpoint: str
    source: str
    client_id: str = ""
    client_secret: str = ""
    application_key: str = ""
    application_secret: str = ""
    consumer_key: str = ""

    def __repr__(self) -> str:
        return f"Credentials(endpoint={self.endpoint!r}, source={self.source!r})"


def credentials(config: OvhConfig, where: str, environ: Mapping[str, str] = os.environ) -> Credentials:
    """From the config, else the environment, else ovh.conf as the SDK finds it; never mixed from two kinds.

    Within one place OAuth2 goes before application keys. Raises InvalidInput naming what is missing, and where.
    """
    file = _conf_file(environ)
    endpoint = (
        config.endpoint or environ.get("OVH_ENDPOINT", "") or file.get("default", {}).get("endpoint", "")
    )
    endpoint = endpoint.strip() or DEFAULT_ENDPOINT
    if "/" in endpoint:
        endpoint = check_api_url(endpoint, f"{where} endpoint")
    given: list[tuple[str, Mapping[str, str]]] = [
        (where, {name: getattr(config, name) or "" for name in (*OAUTH2, *KEYS)}),
        ("the environment", {name: _variable(environ, name) for name in (*OAUTH2, *KEYS)}),
        ("ovh.conf", file.get(endpoint, {})),
    ]
    places = [
        (source, {name: credential(values.get(name, ""), f"{name} in {source}") for name in (*OAUTH2, *KEYS)})
        for source, values in given
    ]
    # A single field in the config is completed from the places after it (a key there, its secret in the environment).
    for index, (source, _) in enumerate(places):
        for kind in (OAUTH2, KEYS):
            if not any(places[index][1][name] for name in kind):
                continue
            found = {
                name: next((values[name] for _, values in places[index:] if values[name]), "")
                for name in kind
            }
            missing = [name for name, value in found.items() if not value]
            if missing:
                raise InvalidInput(
                    f"OVH credentials in {source} lack {', '.join(missing)}",
                    hint=f"set {' or '.join(VARIABLES[missing[0]])}, or {missing[0]} under {where}",
                )
            return Credentials(endpoint=endpoint, source=source, **found)
    raise InvalidInput(
        f"{where} has no OVH credentials",
        hint="set OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET and OVH_CONSUMER_KEY, or OVH_CLIENT_ID and "
        "OVH_CLIENT_SECRET, or write ~/.ovh.conf (docs/ovh.md says which rights they need)",
    )


def _variable(environ: Mapping[str, str], field: str) -> str:
    return next((environ[name] for name in VARIABLES[field] if environ.get(name)), "")


def _conf_file(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Sections of /etc/ovh.conf, ~/.ovh.conf, ./ovh.conf, later over earlier, as python-ovh's config.py reads them."""
    from configparser import Error, RawConfigParser

    home = environ.get("HOME") or str(Path.home())
    parser = RawConfigParser()
    try:
        parser.read(["/etc/ovh.conf", f"{home}/.ovh.conf", os.path.realpath("./ovh.conf")])
    except (Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"ovh.conf can't be read: {str(error).splitlines()[0]}") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}
