"""The tools as agents' programs read them: the seed's eight among them, with its names of parameters."""

from __future__ import annotations

import json
import re

import pytest

from support.vm_http import Http

#: name → parameters that the seed has
SEED = {
    "vm_list": set(), "vm_create": {"name", "memory", "vcpus", "diskSize", "network", "imageUrl"}, "vm_start": {"name"},
    "vm_stop": {"name"}, "vm_delete": {"name"}, "vm_inject_ssh_key": {"vmName", "keyName"}, "ssh_key_generate": {"name", "comment"},
    "ssh_key_list": set(),
}  # fmt: skip


def test_the_seeds_eight_are_there(http: Http) -> None:
    told = {one["name"]: one for one in http("GET", "/tools")[1]["tools"]}
    assert set(told) >= set(SEED)
    for name, parameters in SEED.items():
        assert set(told[name]) == {"name", "description", "parameters"}
        assert set(told[name]["parameters"]["properties"]) >= parameters, name


def test_openais_shape(http: Http) -> None:
    """https://platform.openai.com/docs/guides/function-calling"""
    for one in http("GET", "/tools.json")[1]["tools"]:
        assert (set(one), one["type"]) == ({"type", "function"}, "function")
        function = one["function"]
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function["name"])
        schema = function["parameters"]
        assert (schema["type"], schema["additionalProperties"]) == ("object", False)
        assert set(schema.get("required", [])) <= set(schema["properties"])
        assert "$ref" not in json.dumps(schema)


@pytest.mark.parametrize("name", SEED)
def test_a_tool_refuses_what_it_does_not_know(http: Http, name: str) -> None:
    for body, status in (({"surprise": 1}, 422), ([], 422), ("x", 422)):
        assert http("POST", f"/tools/{name}", body)[0] == status
