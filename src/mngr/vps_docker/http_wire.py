"""The wire to a cloud: a plain one where that does, else httpx2, which is imported when the first call is made."""

import functools
import os
import sys
from collections.abc import Mapping
from typing import Any

from mngr.model.clock import left
from mngr.vps_docker.http import CALL_TIMEOUT_S, CONNECT_TIMEOUT_S, Answer, Call, Failed, Wire

_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def wire_to(
    url: str, headers: Mapping[str, str], *, timeout: float = CALL_TIMEOUT_S, transport: Any = None,
    ca_file: str = "",
) -> Wire:  # fmt: skip
    """The wire to `url`: plain, but HttpWire (as whose are the arguments) where there is a proxy, a host's name that isn't
    ASCII, a `transport`, or a system whose authorities OpenSSL doesn't know (macOS)."""
    proxied = url.startswith("https://") and any(os.environ.get(name) for name in _PROXIES)
    if transport is not None or proxied or not url.isascii() or sys.platform != "linux":
        return HttpWire(url, headers, timeout=timeout, transport=transport, ca_file=ca_file)
    from mngr.vps_docker.plain_wire import PlainWire

    return PlainWire(url, headers, timeout=timeout, ca_file=ca_file)


class HttpWire:
    """HTTP to `url`. `headers` go with each call, and are shown nowhere. `transport`: httpx2's, for tests. `ca_file`: the
    authorities to trust instead of the usual ones."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, timeout: float = CALL_TIMEOUT_S, transport: Any = None,
        ca_file: str = "",
    ) -> None:  # fmt: skip
        self._url = url
        self._headers = {**headers, "User-Agent": "mngr"}
        self._timeout = timeout
        self._transport = transport
        self._ca_file = ca_file

    def send(self, call: Call) -> Answer:
        import time

        import httpx2

        limit = left(self._timeout)
        ends = time.monotonic() + limit
        content = bytearray()
        try:
            with self._client.stream(
                call.method, call.path, params=call.params, json=call.body, headers=dict(call.headers),
                timeout=httpx2.Timeout(limit, connect=min(limit, CONNECT_TIMEOUT_S)),
            ) as found:  # fmt: skip
                for part in found.iter_bytes():
                    content += part
                    if time.monotonic() > ends:
                        raise httpx2.ReadTimeout(f"it wasn't whole within {limit:g} s")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Failed(_reason(error), sent=False) from None
        except httpx2.RequestError as error:  # sent, perhaps in part, perhaps carried out
            raise Failed(_reason(error), sent=True) from None
        return Answer(found.status_code, found.headers, bytes(content), found.reason_phrase)

    @functools.cached_property
    def _client(self) -> Any:
        import httpx2

        from mngr.vps_docker.plain_wire import trusting

        return httpx2.Client(
            verify=trusting(self._ca_file) if self._ca_file else True,
            base_url=self._url,
            headers=self._headers,
            follow_redirects=False,
            transport=self._transport,
            trust_env=self._url.startswith("https://"),  # no proxy to this computer
        )


def _reason(error: Exception) -> str:
    """What went wrong in httpx2's words, but for those about the request itself: they quote its headers."""
    import httpx2

    if isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return f"it can't be sent ({type(error).__name__})"
    return str(error) or type(error).__name__
