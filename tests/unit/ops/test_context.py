"""Which provider instances an operation asks."""

from pathlib import Path

from mngr.config.schema import Config
from mngr.ops.context import Mngr


def test_an_instance_without_credentials_is_asked_while_an_order_of_it_is_open(
    tmp_path: Path, monkeypatch
) -> None:
    """Used before, not configured, no credentials: it is left out, unless something of it may still cost money."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.chdir(tmp_path)
    for name in ("OVH_CLIENT_ID", "OVH_APPLICATION_KEY", "OVH_APP_KEY"):
        monkeypatch.delenv(name, raising=False)
    orders = tmp_path / "profile/providers/ovh/work/pending_orders"
    orders.mkdir(parents=True)
    mngr = Mngr(tmp_path, Config(providers={"local": {"enabled": False}}))
    assert mngr.asked([]) == []
    (orders / "order-7.json").write_text('{"plan_code": "p", "region": "r", "order_id": 7}')
    assert mngr.asked([]) == ["work"]
    (tmp_path / "profile/providers/uninstalled/old").mkdir(parents=True)
    assert mngr.asked([]) == ["work"], "what has no backend any more is left out"
