"""One HTTP call, by httpx2, which is imported when the first is made."""

import functools
from collections.abc import Mapping
from typing import Any

from mngr.model.clock import left
from mngr.vps_docker.http import CALL_TIMEOUT_S, CONNECT_TIMEOUT_S, Answer, Call, Failed


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

        return httpx2.Client(
            verify=_trusting(self._ca_file) if self._ca_file else True,
            base_url=self._url,
            headers=self._headers,
            follow_redirects=False,
            transport=self._transport,
            trust_env=self._url.startswith("https://"),  # no proxy to this computer
        )


def _trusting(ca_file: str) -> Any:
    import ssl

    from mngr.model.errors import InvalidInput

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise InvalidInput(f"the authorities in {ca_file} can't be read: {error}") from None


def _reason(error: Exception) -> str:
    """What went wrong in httpx2's words, but for those about the request itself: they quote its headers."""
    import httpx2

    if isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return f"it can't be sent ({type(error).__name__})"
    return str(error) or type(error).__name__
