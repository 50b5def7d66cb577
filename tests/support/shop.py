"""A server of images on loopback, which does as it is told."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mngr.vms.urls import Allowed

HERE = Allowed(private=True)


def lookup(host: str, port: int) -> list[str]:
    """All names are this computer's, as tests have no other network."""
    return ["127.0.0.1"]


@dataclass
class Shop:
    """`files`: path → (bytes, ETag). `moved`: path → location. `cuts`: how many bytes each of the next answers has
    before the connection ends. `answers`: status of each of the next answers; `answers_later`: of those after the cuts. `plain`: ranges are ignored. `drips`: so many headers come
    before the others, one each twentieth of a second; `dripped`: so many have. `asked`:
    each request's path and headers."""

    port: int = 0
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    answers_later: list[int] = field(default_factory=list)
    plain: bool = False
    sized: bool = True
    drips: int = 0
    dripped: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "images.test", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def open_shop(context: ssl.SSLContext | None = None) -> Iterator[Shop]:
    shop, never = Shop(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.close_connection = True
            shop.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
            if self.path in shop.moved:
                self.answer(302, {"Location": shop.moved[self.path], "Content-Length": "0"}, b"")
            elif shop.answers:
                self.answer(shop.answers.pop(0), {"Content-Length": "0"}, b"")
            elif shop.answers_later and not shop.cuts:
                self.answer(shop.answers_later.pop(0), {"Content-Length": "0"}, b"")
            elif self.path not in shop.files:
                self.answer(404, {"Content-Length": "0"}, b"")
            else:
                self.serve(*shop.files[self.path])

        def serve(self, body: bytes, etag: str) -> None:
            headers = {"ETag": etag} if etag else {}
            if etag and self.headers.get("If-None-Match") == etag:
                return self.answer(304, headers, b"")
            status, start = 200, 0
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if asked and not shop.plain and self.headers.get("If-Range") == etag:
                status, start = 206, int(asked[1])
                if start >= len(body):
                    return self.answer(416, {"Content-Length": "0"}, b"")
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            if shop.sized:
                headers["Content-Length"] = str(len(body) - start)
            part = body[start:]
            return self.answer(status, headers, part[: shop.cuts.pop(0)] if shop.cuts else part)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for number in range(shop.drips):
                self.send_header(f"X-{number}", "x")
                self.flush_headers()
                shop.dripped = number + 1
                never.wait(0.05)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    shop.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
