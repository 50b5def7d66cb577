"""The same API by TLS, with an authority of its own, beside plain http."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import Credentials
from support.ovh import sdk
from support.simcloud import Simcloud, until

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl isn't installed")


@pytest.fixture(scope="module")
def secure() -> Iterator[Simcloud]:
    with Simcloud("ovh", "--machines", "fake", "--speed", "1000") as running:
        yield running


@pytest.fixture
def trusting(secure: Simcloud, monkeypatch: pytest.MonkeyPatch) -> Simcloud:
    """This process's environment is the ready line's for https."""
    for name, value in secure.ready["https_env"].items():
        monkeypatch.setenv(name, value)
    return secure


def test_the_ready_line_names_the_url_and_the_authority(secure: Simcloud) -> None:
    env, url = secure.ready["https_env"], secure.ready["https_url"]
    assert url.startswith("https://127.0.0.1:")
    assert env["OVH_ENDPOINT"] == env["MNGR__PROVIDERS__OVH__ENDPOINT"] == url
    assert env["REQUESTS_CA_BUNDLE"] == env["SSL_CERT_FILE"] == secure.ready["ca_file"]
    assert secure.ready["ca_file"] not in secure.env.values()
    assert "CERTIFICATE" in Path(secure.ready["ca_file"]).read_text()


def test_the_sdk_signs_for_https(trusting: Simcloud) -> None:
    both = [sdk(trusting), sdk(trusting, url=trusting.ready["https_url"])]
    (service,) = trusting.ask("POST", "/seed_vps", {})["services"]
    until(lambda: service in both[1].get("/vps"), "it to be listed")
    for client in both:
        assert client.get(f"/vps/{service}")["name"] == service
    asked = both[1].new_consumer_key_request()
    asked.add_rules(["GET"], "/vps*")
    assert requests.get(asked.request()["validationUrl"], timeout=5).json() == {"state": "validated"}


def test_a_service_account_needs_no_leave_for_https(
    trusting: Simcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OVH_APPLICATION_KEY", "OVH_APPLICATION_SECRET", "OVH_CONSUMER_KEY"):
        monkeypatch.delenv(name)  # the SDK takes what it isn't given from there
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    robot = trusting.ask("POST", "/credentials", {"kind": "oauth2"})["env"]
    assert sdk(trusting, robot, trusting.ready["https_url"]).get("/me")["currency"]


def test_who_does_not_know_the_authority_is_not_connected(
    secure: Simcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{secure.ready['https_url']}/auth/time", timeout=5)
    assert requests.get(f"{secure.url}/auth/time", timeout=5).json()


@pytest.mark.parametrize(
    ("scheme", "port", "status"), [("https", False, 200), ("https", True, 200), ("http", True, 400)]
)
def test_what_a_signature_covers(secure: Simcloud, scheme: str, port: bool, status: int) -> None:
    """Node's SDKs sign https://host/path without a port. A signature for http isn't one for https."""
    env, there = secure.env, urlsplit(secure.ready["https_url"])
    now = str(int(time.time()))
    url = f"{scheme}://{there.netloc if port else there.hostname}/1.0/me"
    words = [env["OVH_APPLICATION_SECRET"], env["OVH_CONSUMER_KEY"], "GET", url, "", now]
    headers = {
        "X-Ovh-Application": env["OVH_APPLICATION_KEY"],
        "X-Ovh-Consumer": env["OVH_CONSUMER_KEY"],
        "X-Ovh-Timestamp": now,
        "X-Ovh-Signature": "$1$" + hashlib.sha1("+".join(words).encode()).hexdigest(),
    }
    trust = ssl.create_default_context(cafile=secure.ready["ca_file"])
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    line = http.client.HTTPSConnection("localhost", there.port, context=trust, timeout=5)
    line.request("GET", "/1.0/me", headers={**headers, "Host": there.netloc})
    assert line.getresponse().status == status
    line.close()


def test_mngr_s_own_client(trusting: Simcloud) -> None:
    env = trusting.ready["https_env"]
    client = OvhClient(
        Credentials(
            endpoint=env["OVH_ENDPOINT"],
            source="the environment",
            application_key=env["OVH_APPLICATION_KEY"],
            application_secret=env["OVH_APPLICATION_SECRET"],
            consumer_key=env["OVH_CONSUMER_KEY"],
        )
    )
    assert client.me()["currency"]["code"] == "USD"
    assert isinstance(client.pages("/v2/iam/resource?resourceType=vps"), list)


def test_mngr_s_command_line(secure: Simcloud, tmp_path: Path) -> None:
    env = {**os.environ, **secure.ready["https_env"], "MNGR_HOME": str(tmp_path / "home")}
    argv = [str(Path(sys.executable).with_name("mngr")), "list", "--provider", "ovh", "--format", "json"]
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hosts"] == []


def test_faults_are_the_same_by_https(trusting: Simcloud) -> None:
    """A lost answer and a client that has hung up, on a socket that can't be peeked into."""
    url = f"{trusting.ready['https_url']}/auth/time"
    trusting.fault("lose_answer", path="/auth/time")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=5)
    trusting.gate("before_commit", path="/auth/time")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, timeout=0.3)
    until(lambda: trusting.held()[0]["client_gone"], "it to be seen that the client has gone", 5)
    trusting.release()
    trusting.clear()
    assert requests.get(url, timeout=5).json()


def test_a_client_that_never_shakes_hands_holds_up_nobody(trusting: Simcloud) -> None:
    there = urlsplit(trusting.ready["https_url"])
    silent = http.client.HTTPConnection("127.0.0.1", there.port, timeout=5)
    silent.connect()
    assert requests.get(f"{trusting.ready['https_url']}/auth/time", timeout=5).json()
    silent.close()
    assert requests.get(f"{trusting.ready['https_url']}/auth/time", timeout=5).json()


def test_without_openssl_plain_http_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Simcloud("ovh", "--machines", "fake") as cloud:
        assert (cloud.ready["https_url"], cloud.ready["https_env"], cloud.ready["ca_file"]) == (
            None,
            None,
            None,
        )
        assert requests.get(f"{cloud.url}/auth/time", timeout=5).json()


def test_the_usual_port_is_left_out_of_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """As python's clients leave it out of the Host header, whether or not it is in the URL that they sign."""
    try:
        socket.create_server(("127.0.0.1", 443)).close()
    except OSError:
        pytest.skip("port 443 can't be had")
    with Simcloud("ovh", "--machines", "fake", "--https-port", "443") as cloud:
        assert cloud.ready["https_url"] == "https://127.0.0.1/1.0"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ready["ca_file"])
        for url in (cloud.ready["https_url"], "https://127.0.0.1:443/1.0"):
            assert sdk(cloud, url=url).get("/me")["currency"]["code"] == "USD"
