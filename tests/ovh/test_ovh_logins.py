"""Each kind of credentials, from each place they may be in, on both flavours of OVH: whole lives of hosts, by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld

SHORT = {"OVH_APPLICATION_KEY": "OVH_APP_KEY", "OVH_APPLICATION_SECRET": "OVH_APP_SECRET"}
FIELDS = {
    "OVH_APPLICATION_KEY": "application_key", "OVH_APPLICATION_SECRET": "application_secret",
    "OVH_CONSUMER_KEY": "consumer_key", "OVH_CLIENT_ID": "client_id", "OVH_CLIENT_SECRET": "client_secret",
}  # fmt: skip
EU = ("-b", "--vps-datacenter=GRA")


def logged_in(world: OvhWorld, kind: str, place: str) -> Cli:
    """mngr, with fresh credentials of this kind in this place and in no other."""
    login: Mapping[str, str] = world.cloud.ask("POST", "/credentials", {"kind": kind})["env"]
    login = {key: value for key, value in login.items() if key in FIELDS}
    endpoint = world.env["OVH_ENDPOINT"]
    home = world.scratch / "user"
    home.mkdir()
    env = {key: value for key, value in world.env.items() if not key.startswith("OVH_")} | {"HOME": str(home)}
    if place == "environment":
        env |= {"OVH_ENDPOINT": endpoint, **login}
    elif place == "short environment":
        env |= {"OVH_ENDPOINT": endpoint, **{SHORT.get(key, key): value for key, value in login.items()}}
    elif place == "ovh.conf":
        rows = "".join(f"{FIELDS[key]} = {value}\n" for key, value in login.items())
        (home / ".ovh.conf").write_text(f"[default]\nendpoint = {endpoint}\n[{endpoint}]\n{rows}")
    else:
        rows = "".join(f'{FIELDS[key]} = "{value}"\n' for key, value in login.items())
        world.home.mkdir()
        (world.home / "config.toml").write_text(f'[providers.ovh]\nendpoint = "{endpoint}"\n{rows}')
    return Cli(env, world.scratch)


@pytest.mark.parametrize(
    ("flavour", "kind", "place"),
    [
        ("eu", "oauth2", "environment"),
        ("eu", "keys", "short environment"),
        ("us", "oauth2", "ovh.conf"),
        ("us", "keys", "ovh.conf"),
        ("eu", "oauth2", "config"),
    ],
)
def test_a_host_s_whole_life(account: Callable[..., OvhWorld], flavour: str, kind: str, place: str) -> None:
    world = account("--flavour", flavour)
    mngr = logged_in(world, kind, place)
    where = EU if flavour == "eu" else ()
    made = mngr.ok("create", "one", "--provider", "ovh", *world.create, *where)
    assert ("EUR" if flavour == "eu" else "USD") in made.err
    [host] = mngr.ok("list", "--format", "json").json()["hosts"]
    assert (host["state"], host["renews"]) == ("running", True)
    [row] = mngr.ok("ovh", "list", "--format", "json").json()["vps"]
    assert row["service"].endswith(".vps.ovh.net" if flavour == "eu" else ".vps.ovh.us")
    assert mngr.ok("exec", "one", "echo here").out == "here\n"
    mngr.ok("destroy", "one", "--yes")
    again = mngr.ok("create", "two", "--provider", "ovh", *world.create, *where)
    assert f"recycle: {row['service']} is paid until {row['expiration']} already" in again.err
    mngr.ok("destroy", "two", "--yes")
    assert len(world.cloud.bill()["lines"]) == 1
    assert world.things() == []


@pytest.mark.parametrize("place", ["environment", "short environment", "ovh.conf"])
def test_list_asks_ovh_before_mngr_was_ever_used_with_it(
    account: Callable[..., OvhWorld], place: str
) -> None:
    world = account()
    host = {
        "mngr-provider": "ovh",
        "mngr-host-id": "host-0123456789abcdef",
        "mngr-host-name": "box",
        "mngr-ready": "1",
    }
    world.cloud.ask("POST", "/seed_vps", {"count": 1, "tags": host})
    mngr = logged_in(world, "keys", place)
    mngr = Cli({key: value for key, value in mngr.env.items() if "__OVH__" not in key}, world.scratch)
    [found] = mngr("list", "--format", "json").json()["hosts"]
    assert found["name"] == "box"


def test_an_ovh_conf_without_a_login_asks_nobody(account: Callable[..., OvhWorld]) -> None:
    world = account()
    mngr = logged_in(world, "keys", "ovh.conf")
    mngr = Cli({key: value for key, value in mngr.env.items() if "__OVH__" not in key}, world.scratch)
    (world.scratch / "user" / ".ovh.conf").write_text("[default]\nendpoint = ovh-eu\n")
    assert mngr.ok("list", "--format", "json").json() == {"agents": [], "hosts": [], "errors": []}
    assert mngr.ok("snapshot", "list").out == "no snapshots\n"
    assert "has no OVH credentials" in mngr("list", "--provider", "ovh", codes=(5,)).err
