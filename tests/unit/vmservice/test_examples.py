"""OpenAPI's examples are requests and answers that the service itself would take and give."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mngr.vmservice.actions import ACTIONS, Action
from mngr.vmservice.app import make
from mngr.vmservice.examples import EXAMPLES
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings


def whole(shape: type[Any]) -> None:
    example = EXAMPLES[shape.__name__]
    if shape is not str:
        shape.model_validate_json(json.dumps(example))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_each_request_and_answer_has_one_that_is_right(action: Action) -> None:
    whole(action.request)
    whole(action.answer)


def test_openapi_shows_them(settings: Settings) -> None:
    paths = make(Service(settings), None).openapi()["paths"]
    for action in ACTIONS:
        shown = paths[action.path][action.method.lower()]
        [content] = shown["responses"]["200"]["content"].values()
        assert content["example"] == EXAMPLES[getattr(action.answer, "__name__", "str")]
        if body := shown.get("requestBody"):
            assert body["content"]["application/json"]["example"], action.name


def test_none_is_nobodys() -> None:
    used = {shape.__name__ for action in ACTIONS for shape in (action.request, action.answer)}
    assert used == set(EXAMPLES)
