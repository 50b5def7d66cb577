"""What the client sends, checked against Vultr's own OpenAPI schema; and that no call was left out of the check."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from mngr.backends.vultr.cloud import VultrCloud
from mngr.vps_docker.vps_client import MachineSpec
from support.simcloud import Simcloud
from support.wire import Recorder


def everything(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    """Every call that the product makes of Vultr."""
    cloud.check(spec)
    cloud.now()
    made = cloud.create(spec, {}, lambda handle: None, print)
    assert made is not None
    sim.settle()
    cloud.get(made.id)
    cloud.find({"mngr-provider": "vultr"})
    cloud.tag(made.id, {"mngr-ready": "1"}, ["mngr-until"])
    cloud.blank_user_data(made.id)
    cloud.power(made.id, False)
    cloud.power(made.id, True)
    _, answer = sim.api("POST", "/snapshots", {"instance_id": made.id})  # its user's
    sim.settle()
    options = {"snapshot_id": answer["snapshot"]["id"]}
    again = msgspec.structs.replace(spec, host_id="host-ffffffffffffffff", options=options, tags={})
    cloud.check(again)
    cloud.create(again, {}, lambda handle: None, print)
    image = msgspec.structs.replace(
        spec, host_id="host-eeeeeeeeeeeeeeee", options={"image_id": "docker"}, tags={}
    )
    cloud.create(image, {}, lambda handle: None, print)
    cloud.release(spec, {"id": made.id})


def forbidding_unknown(schema: dict[str, Any]) -> dict[str, Any]:
    """The contract, with bodies that take no field it doesn't name: a misspelt field would be passed over in silence."""
    schema = json.loads(json.dumps(schema))
    for path in schema["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody") if isinstance(operation, dict) else None
            if body:
                body["content"]["application/json"]["schema"]["additionalProperties"] = False
    return schema


def as_sent(method: str, path: str, content: bytes, query: dict[str, str], content_type: str) -> MockRequest:
    return MockRequest(
        "https://api.vultr.com", method.lower(), path, args=query, data=content or None,
        headers={"Authorization": "Bearer x"}, content_type=content_type,
    )  # fmt: skip


def test_requests_are_as_the_schema_says(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, wire: Recorder, contract: dict[str, Any]
) -> None:
    everything(cloud, sim, spec)
    api = OpenAPI.from_dict(forbidding_unknown(contract))
    checked = set()
    for request, _ in wire.said:
        kind = request.headers.get("Content-Type", "application/json")
        query = dict(request.url.params.items())
        api.validate_request(as_sent(request.method, request.url.path, request.content, query, kind))
        checked.add(f"{request.method} {request.url.path.split('/')[2]}")
    assert checked == {
        "GET account", "GET regions", "GET plans", "GET os", "GET snapshots",
        "GET instances", "POST instances", "PATCH instances", "DELETE instances",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"region": "ewr"},
        {"region": "ewr", "plan": "p", "os_id": "2136"},
        {"region": "ewr", "plan": "p", "osid": 1},
    ],
)
def test_the_check_notices(contract: dict[str, Any], body: dict[str, Any]) -> None:
    from openapi_core.validation.request.exceptions import InvalidRequestBody

    api = OpenAPI.from_dict(forbidding_unknown(contract))
    with pytest.raises(InvalidRequestBody):
        api.validate_request(
            as_sent("POST", "/v2/instances", json.dumps(body).encode(), {}, "application/json")
        )


def test_deprecated_parts_arent_relied_on(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, wire: Recorder, contract: dict[str, Any]
) -> None:
    everything(cloud, sim, spec)
    for request, _ in wire.said:
        assert "tag" not in request.url.params
        if request.content:
            assert "tag" not in json.loads(request.content)
