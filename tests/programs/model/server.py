"""The server itself: HTTP on one address, a thread a connection; what it was asked is kept."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.namespaces import socket_in

from .dialects import DIALECTS, Dialect
from .script import Act, Question, Silence, answer


class ModelServer:
    """Serves on `host`:`port` (0: any free one) until `stop`. `asked`: each question with its key, in their order. `namespace`:
    the network namespace in which the address is, as a file (`/proc/PID/ns/net`); "" for this computer's."""

    def __init__(self, host: str, port: int = 0, *, namespace: str = "", loud: bool = False) -> None:
        self.asked: list[Question] = []
        self.loud = loud
        self.stopped = threading.Event()
        self._http = _Server((host, port), _Handler, bind_and_activate=False)
        self._http.model = self
        if namespace:
            self._http.socket.close()
            self._http.socket = socket_in(namespace)
        self._http.server_bind()
        self._http.server_activate()
        self.url = f"http://{host}:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.2,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def of(self, key: str) -> list[Question]:
        """What whoever has this key asked in his conversations."""
        return [one for one in list(self.asked) if one.key == key and not one.is_aside]

    def heard(self, key: str) -> list[str]:
        """All that reached the model from the user of this key, also what was said before in the conversation."""
        return [text for one in self.of(key) for text in one.told()]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    model: ModelServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        if self.server.model.loud:
            print(format % args, flush=True)

    def do_GET(self) -> None:
        self._json({"data": [], "models": [], "object": "list"})

    do_HEAD = do_GET
    do_PUT = do_GET

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        dialect = next((one for one in DIALECTS if one.path.search(path)), None)
        try:
            body: Any = json.loads(raw)
        except ValueError:
            body = None
        if dialect is None or not isinstance(body, dict):
            self._json({"input_tokens": 10, "totalTokens": 10})  # counts of tokens, telemetry
            return
        question = dialect.asked(self._key(), body)  # pyright: ignore[reportUnknownArgumentType]
        model = self.server.model
        model.asked.append(question)
        if model.loud:
            print(
                f"asked by {question.key}: {len(question.tools)} tools, {list(question.turns[-3:])!r}",
                flush=True,
            )
        try:
            self._speak(dialect, question, whole=not (body.get("stream") or "stream" in path.lower()))
        except OSError:
            self.close_connection = True  # whoever asked has gone, or was interrupted

    def _key(self) -> str:
        """Who asks: his API key, wherever his program puts it."""
        query = parse_qs(urlsplit(self.path).query)
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return (
            self.headers.get("x-api-key")
            or self.headers.get("x-goog-api-key")
            or query.get("key", [bearer])[0]
        )

    def _speak(self, dialect: Dialect, question: Question, *, whole: bool) -> None:
        if whole:
            self._whole(dialect, question)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in dialect.spoken(question, answer(question)):
            if isinstance(part, bytes):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            elif self.server.model.stopped.wait(part):
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def _whole(self, dialect: Dialect, question: Question) -> None:
        """An answer that isn't streamed: what programs ask for aside (titles, judgements), in the form of its dialect."""
        acts: list[Act] = [one for one in answer(question) if not isinstance(one, Silence)]
        text = "".join(getattr(one, "text", "") for one in acts)
        usage = {"input_tokens": 10, "output_tokens": 5}
        self._json({
            "id": "msg_aside", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "usage": usage,
            "content": [{"type": "text", "text": text}],
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        })  # fmt: skip

    def _json(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
