"""Who is told: an HTTP server that keeps what is posted to it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .namespaces import socket_in


class Ear:
    """A server at `port` (0: any free one) of 127.0.0.1, in a network namespace if one is named. `heard`: what was posted there,
    as (path, body)."""

    def __init__(self, port: int = 0, namespace: str = "") -> None:
        self.heard: list[tuple[str, str]] = []
        self.status = 200
        self.held = threading.Event()
        self.held.set()
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                ear.heard.append((self.path, body))
                ear.held.wait(20)
                self.send_response(ear.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
        if namespace:
            self.server.socket.close()
            self.server.socket = socket_in(namespace)
        self.server.server_bind()
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/topic?token=s3cret"

    def close(self) -> None:
        self.held.set()
        self.server.shutdown()
        self.server.server_close()
