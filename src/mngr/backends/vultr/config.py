"""`[providers.NAME]` with `backend = "vultr"`."""

from mngr.backends.vultr.client import API_URL
from mngr.backends.vultr.cloud import LIST_LAG_S
from mngr.config.schema import Seconds
from mngr.containers.settings import check_seconds
from mngr.vps_docker.config import VpsDockerProviderConfig


class VultrConfig(VpsDockerProviderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shared settings, with Vultr's defaults, and:

    `api_key`: else the environment's VULTR_API_KEY. `api_url`: another address that speaks Vultr's API v2.
    `default_snapshot`, `default_image_id`: boot from a snapshot or marketplace image instead of `default_os_id`.
    `list_lag`: seconds after which Vultr's lists are taken to show every write.
    """

    default_region: str = "ewr"
    default_plan: str = "vc2-1c-1gb"
    default_os_id: int = 2136
    api_key: str = ""
    api_url: str = API_URL
    default_snapshot: str = ""
    default_image_id: str = ""
    list_lag: Seconds = LIST_LAG_S

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds(self, "list_lag", zero=True)
