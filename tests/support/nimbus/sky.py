"""The toy cloud itself: its HTTP API in this process, its machines fake ones, or none. Offers what RentedWorld asks of a
cloud. Each machine is bought with an address, which is billed by itself and stays when the machine goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mngr.testing.fakes import Fakes

CATALOG = {"plan": {"small": 0.01, "large": 0.04}, "region": {"north": ""}, "image": {"7": ""}}
TOKEN = "t0ken"
#: What a label's value may be: as narrow as at any cloud.
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
PAGE = 50


class Sky:
    """`url` and `env` are for mngr; the rest is behind its back."""

    def __init__(self, fakes: Fakes | None, folder: Path) -> None:
        self._fakes = fakes
        self._folder = folder
        self._machines: dict[str, dict[str, Any]] = {}
        self._addresses: dict[str, dict[str, Any]] = {}
        self._closed: list[dict[str, Any]] = []
        self._count = 0
        self._ahead = 0.0
        self._calls: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        sky = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    sky._answer(self)
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.env = {"NIMBUS_TOKEN": TOKEN, "MNGR__PROVIDERS__NIMBUS__API_URL": self.url}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- what a test asks ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything is done when it is answered."""

    def resources(self) -> list[dict[str, Any]]:
        return [{"id": one["id"], "tags": _rows(one)} for one in self._all()]

    def bill(self) -> dict[str, Any]:
        lines = [
            {
                "kind": one["kind"],
                "resource": one["id"],
                "name": one["name"],
                "open": True,
                "tags": _rows(one),
            }
            for one in self._all()
        ]
        return {"lines": [*({**line, "open": False} for line in self._closed), *lines]}

    def _all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [*self._machines.values(), *self._addresses.values()]

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self._calls[since:]

    def do(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A call of the API, as a person's on the cloud's page."""
        with self._lock:
            return self._do(method, target, body or {})[1]

    # --- the API ------------------------------------------------------------------------------------------------

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self._lock:
            self._calls.append(
                {"method": request.command, "path": request.path.partition("?")[0], "body": body.decode()}
            )
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                code, said = 401, {"error": "who are you?"}
            else:
                code, said = self._do(request.command, request.path, json.loads(body or b"{}"))
        data = json.dumps(said).encode()
        head = f"HTTP/1.1 {code} X\r\nDate: {formatdate(self.now(), usegmt=True)}\r\nContent-Length: {len(data)}\r\n\r\n"
        request.wfile.write(head.encode() + data)

    def _do(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        path, _, query = target.lstrip("/").partition("?")
        kind, _, rest = path.partition("/")
        id, _, verb = rest.partition("/")
        if kind == "catalog":
            return 200, CATALOG
        wide = [
            value
            for value in (body.get("tags") or body.get("put") or {}).values()
            if not LABEL.fullmatch(value)
        ]
        if wide:
            return 400, {"error": f"a label can't hold {wide[0]!r}"}
        table = {"machines": self._machines, "addresses": self._addresses}.get(kind, {})
        if not id and method == "POST" and kind == "machines":
            return 201, self._boot(body)
        if not id and method == "GET":
            return 200, _page([*table.values()], int(query.removeprefix("page=") or 1))
        one = table.get(unquote(id))
        if one is None or not id:
            return 404, {"error": f"there is no {path}"}
        if method == "DELETE":
            if kind == "machines":
                self._machine("destroy", one)
            del table[one["id"]]
            self._closed.append({"kind": one["kind"], "resource": one["id"], "name": one["name"], "tags": []})
        elif verb == "tags":
            one["tags"] = {key: value for key, value in one["tags"].items() if key not in body["drop"]}
            one["tags"] |= body["put"]
        elif verb:
            self._machine("start" if verb == "on" else "halt", one)
            one["state"] = "running" if verb == "on" else "stopped"
        return 200, one

    def _boot(self, order: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        id = f"nimbus-{self._count}"
        seed = self._folder / id
        if self._fakes:
            seed.mkdir(parents=True)
            (seed / "user-data").write_text(order["user_data"])
            (seed / "meta-data").write_text(json.dumps({"local-hostname": id, "public-keys": []}))
        address = f"127.77.{self._count // 250}.{self._count % 250 + 1}"
        one = {**order, "kind": "machine", "id": id, "state": "running", "address": address}
        one |= {"created_at": self.now(), "price": CATALOG["plan"][order["plan"]]}
        self._machine("boot", one)
        self._machines[id] = one
        self._addresses[address] = {
            "kind": "address",
            "id": address,
            "name": order["name"],
            "tags": dict(order["tags"]),
        }
        return one

    def _machine(self, verb: str, one: dict[str, Any]) -> None:
        if not self._fakes:
            return
        argv = [str(self._fakes.command), verb, one["id"], one["address"], str(self._folder / one["id"])]
        subprocess.run(argv, check=True, timeout=60, env={**os.environ, **self._fakes.env})


def _page(rows: list[dict[str, Any]], number: int) -> dict[str, Any]:
    more = len(rows) > number * PAGE
    return {"rows": rows[(number - 1) * PAGE : number * PAGE], "next": number + 1 if more else 0}


def _rows(one: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in one["tags"].items()]
