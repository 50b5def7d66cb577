"""A server before the VM service, on which each call can be held, lost or counted: the service as a simulated cloud is, to a crash
driver."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from mngr.testing.gates import Gates
from mngr.testing.libvirt import Rig

LIMIT_S = 600.0
#: Of one connection alone, not of what it carries.
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class GatedService(Gates):
    """Passes all on to the service at `upstream`, whose VMs are `rig`'s. `url`: where this listens."""

    def __init__(self, rig: Rig, upstream: str) -> None:
        super().__init__()
        self._rig = rig
        self._upstream = urlsplit(upstream)
        gates = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _pass_on(self) -> None:
                gates.pass_on(self)

            do_GET = do_POST = do_PATCH = do_DELETE = _pass_on

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.clear()
        self._server.shutdown()
        self._server.server_close()

    # --- of the rig -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        self._rig.settle()

    def resources(self) -> list[dict[str, Any]]:
        return self._rig.resources()

    def bill(self) -> dict[str, Any]:
        return self._rig.bill()

    def now(self) -> float:
        return self._rig.now()

    def advance(self, seconds: float) -> None:
        self._rig.advance(seconds)

    # --- what goes through ------------------------------------------------------------------------------------

    def pass_on(self, asked: BaseHTTPRequestHandler) -> None:
        """A call and its answer, or the end of the connection instead of either."""
        body = asked.rfile.read(int(asked.headers.get("Content-Length", 0)))
        call, orders = self.called(asked.command, asked.path.partition("?")[0])
        if "before_commit" in orders and not self.hold(call):
            return _hang_up(asked)
        there = HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=LIMIT_S)
        try:
            headers = {key: value for key, value in asked.headers.items() if key.lower() not in _HOP}
            there.request(asked.command, asked.path, body or None, headers)
            answer = there.getresponse()
            told = answer.read()
        finally:
            there.close()
        if "lose_answer" in orders or ("after_commit" in orders and not self.hold(call)):
            return _hang_up(asked)
        with suppress(OSError):  # whoever asked was killed
            asked.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in _HOP:
                    asked.send_header(key, value)
            asked.send_header("Content-Length", str(len(told)))
            asked.end_headers()
            asked.wfile.write(told)
        return None


def _hang_up(asked: BaseHTTPRequestHandler) -> None:
    asked.close_connection = True
    with suppress(OSError):
        asked.connection.shutdown(socket.SHUT_RDWR)
