"""The toy cloud itself: its HTTP API in this process, its machines fake ones. Offers what RentedWorld asks of a cloud."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mngr.testing.fakes import Fakes

CATALOG = {"plan": {"small": 0.01, "large": 0.04}, "region": {"ewr": ""}, "image": {"2136": ""}}
TOKEN = "t0ken"


class Sky:
    """`url` and `env` are for mngr; the rest is behind its back."""

    def __init__(self, fakes: Fakes, folder: Path) -> None:
        self._fakes = fakes
        self._folder = folder
        self._machines: dict[str, dict[str, Any]] = {}
        self._gone: list[dict[str, Any]] = []
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
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.env = {"NIMBUS_TOKEN": TOKEN, "MNGR__PROVIDERS__NIMBUS__API_URL": self.url}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- what a test asks ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything is done when it is answered."""

    def resources(self) -> list[dict[str, Any]]:
        return [{"id": one["id"], "tags": _rows(one)} for one in self._machines.values()]

    def bill(self) -> dict[str, Any]:
        return {
            "lines": [
                {
                    "kind": "machine",
                    "resource": one["id"],
                    "name": one["name"],
                    "open": True,
                    "tags": _rows(one),
                }
                for one in self._machines.values()
            ]
        }

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self._calls[since:]

    # --- the API ------------------------------------------------------------------------------------------------

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self._lock:
            self._calls.append({"method": request.command, "path": request.path, "body": body.decode()})
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                code, said = 401, None
            else:
                code, said = self._do(request.command, request.path.split("/")[1:], json.loads(body or b"{}"))
        data = json.dumps(said).encode()
        head = f"HTTP/1.1 {code} X\r\nDate: {formatdate(self.now(), usegmt=True)}\r\nContent-Length: {len(data)}\r\n\r\n"
        request.wfile.write(head.encode() + data)

    def _do(self, method: str, path: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        if path == ["catalog"]:
            return 200, CATALOG
        if path == ["machines"]:
            return (200, [*self._machines.values()]) if method == "GET" else (201, self._boot(body))
        one = self._machines.get(path[1])
        if one is None:
            return 404, None
        if method == "DELETE":
            self._machine("destroy", one)
            del self._machines[one["id"]]
        elif path[2:] == ["tags"]:
            one["tags"] = {key: value for key, value in one["tags"].items() if key not in body["drop"]}
            one["tags"] |= body["put"]
        elif path[2:]:
            self._machine("start" if path[2] == "on" else "halt", one)
            one["state"] = "running" if path[2] == "on" else "stopped"
        return 200, one

    def _boot(self, order: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        id = f"nimbus-{self._count}"
        seed = self._folder / id
        seed.mkdir(parents=True)
        (seed / "user-data").write_text(order.pop("user_data"))
        (seed / "meta-data").write_text(json.dumps({"local-hostname": id, "public-keys": []}))
        one = {**order, "id": id, "state": "running", "address": f"127.77.0.{self._count}"}
        one |= {"created_at": self.now(), "price": CATALOG["plan"][order["plan"]]}
        self._machine("boot", one)
        self._machines[id] = one
        return one

    def _machine(self, verb: str, one: dict[str, Any]) -> None:
        argv = [str(self._fakes.command), verb, one["id"], one["address"], str(self._folder / one["id"])]
        subprocess.run(argv, check=True, timeout=60, env={**os.environ, **self._fakes.env})


def _rows(one: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in one["tags"].items()]
