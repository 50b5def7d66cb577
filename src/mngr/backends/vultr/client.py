"""Vultr's API v2 (https://www.vultr.com/api/), over `vps_docker.http`.

- `Authorization: Bearer KEY`; 30 requests a second per source address, then 429 with `Retry-After` seconds.
- Lists: `per_page` (at most 500) and `cursor`, taken from `meta.links.next`, which is empty on the last page.
- Errors: `{"error": "…", "status": N}`. Only a 404 in this form means that Vultr doesn't have the thing.
"""

from typing import Any

from mngr.model.clock import SYSTEM, Clock
from mngr.vps_docker.http import CALL_TIMEOUT_S, Answer, Api, Call, Refusal, all_pages
from mngr.vps_docker.http_wire import wire_to

API_URL = "https://api.vultr.com/v2"
PAGE_SIZE = 500

_KEY_HINT = "check api_key in the provider's config, or VULTR_API_KEY; the key's access list must allow this address (https://my.vultr.com/settings/#settingsapi)"


class VultrClient(Api):
    """One account. Threads may share it. The key is sent in a header and shown nowhere."""

    def __init__(
        self, api_key: str, *, api_url: str = API_URL, clock: Clock = SYSTEM,
        timeout: float = CALL_TIMEOUT_S, transport: Any = None,
    ) -> None:  # fmt: skip
        """`transport`: an httpx2 transport to use instead of the network's."""
        wire = wire_to(api_url, {"Authorization": f"Bearer {api_key}"}, timeout=timeout, transport=transport)
        super().__init__(
            wire, _refusal, title="Vultr", where=api_url, status_page="https://status.vultr.com", clock=clock,
            read_time=lambda: self.get("/account"),
        )  # fmt: skip
        self.timeout = timeout
        self._account = ""

    def pages(self, path: str, key: str) -> list[dict[str, Any]]:
        """The whole list under `key`. Raises Unreadable rather than give part of it."""

        def fetch(cursor: str) -> tuple[Any, str]:
            page = self.get(path, {"per_page": PAGE_SIZE, **({"cursor": cursor} if cursor else {})})
            return page.get(key), ((page.get("meta") or {}).get("links") or {}).get("next") or ""

        return all_pages(fetch, f"GET {path} of Vultr")

    def account(self) -> str:
        """Whose key this is: the e-mail address (else the name) of `GET /account`, and where, if not at Vultr itself.
        Asked once. Raises Unreadable."""
        if not self._account:
            found = self.get("/account").get("account")
            facts = found if isinstance(found, dict) else {}
            name = str(facts.get("email") or facts.get("name") or "")
            self._account = f"{name} at {self.where}" if name and self.where != API_URL else name
        return self._account

    def json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        said = super().json(method, path, **how)
        if said is not None and not isinstance(said, dict):
            raise self.not_theirs(Call(method=method, path=path))
        return said or {}


def _refusal(answer: Answer, what: str) -> Refusal:
    try:
        said = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = ""
    if not isinstance(said, str):
        said = ""  # not Vultr's own words: what is in front of it said that
    hint = _KEY_HINT if answer.status in (401, 403) else ""
    return Refusal(said=said, gone=answer.status == 404 and bool(said), hint=hint)
