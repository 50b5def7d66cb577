"""Provider `azure`: hosts on Azure VMs, rented by the hour. https://learn.microsoft.com/rest/api/compute/"""

from typing import TYPE_CHECKING, Any

from mngr.providers.contract import Context, HostProvider

if TYPE_CHECKING:
    from mngr.backends.azure.offers import Offers


class _Backend:
    name = "azure"

    @property
    def config_type(self) -> type[Any]:
        from mngr.backends.azure.config import AzureConfig

        return AzureConfig

    def build(self, config: Any, context: Context) -> HostProvider:
        from mngr.backends.azure.arm import Arm
        from mngr.backends.azure.fallback import FallbackCloud
        from mngr.backends.azure.login import AUDIENCE, Login, check_public, subscription
        from mngr.backends.azure.provider import AzureProvider
        from mngr.vps_docker.credentials import check_api_url

        where = f"[providers.{context.instance}]"
        url = check_api_url(config.api_url, f"{where} api_url")
        check_public(url, where)
        login = Login(context.folder("azure"), f"{AUDIENCE}/.default", context.clock)
        arm = Arm(
            login,
            subscription(config.subscription_id, where, clock=context.clock),
            api_url=url,
            clock=context.clock,
        )
        prices_url = check_api_url(config.prices_url, f"{where} prices_url")
        cache = context.home / "cache" / context.instance

        def offers() -> "Offers":
            from mngr.backends.azure.offers import Offers
            from mngr.backends.azure.prices import Prices

            return Offers(arm, Prices(prices_url, cache, context.clock))

        return AzureProvider(FallbackCloud(arm, config, offers, context.clock, cache), config, context)


BACKEND = _Backend()
