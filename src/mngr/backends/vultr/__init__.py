"""Provider `vultr`: hosts on Vultr instances, rented by the hour. https://www.vultr.com/api/"""

import os
from typing import Any

from mngr.providers.contract import Context, HostProvider


class _Backend:
    name = "vultr"

    @property
    def config_type(self) -> type[Any]:
        from mngr.backends.vultr.config import VultrConfig

        return VultrConfig

    def build(self, config: Any, context: Context) -> HostProvider:
        from mngr.backends.vultr.client import VultrClient
        from mngr.backends.vultr.cloud import VultrCloud
        from mngr.backends.vultr.provider import VultrProvider
        from mngr.model.errors import InvalidInput
        from mngr.vps_docker.credentials import check_api_url, credential

        where = f"[providers.{context.instance}]"
        key = credential(config.api_key, f"{where} api_key")
        key = key or credential(os.environ.get("VULTR_API_KEY", ""), "VULTR_API_KEY")
        if not key:
            raise InvalidInput(
                f"{where} has no API key",
                hint="set VULTR_API_KEY, or api_key there; keys are made on https://my.vultr.com/settings/#settingsapi",
            )
        url = check_api_url(config.api_url, f"{where} api_url")
        client = VultrClient(key, api_url=url, clock=context.clock)
        return VultrProvider(VultrCloud(client, context.clock, config.list_lag), config, context)


BACKEND = _Backend()
