"""HTTP/1.1 by h11, whose complaints about what is no HTTP come in the shape of all errors; whose request doesn't come is told so, too."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mngr.vmservice import problems

#: Who still sends is listened to for so long: a connection that is closed before takes the answer with it.
LINGER_S = 2.0
#: So long a request's head may take. (What comes after an answer is uvicorn's `timeout_keep_alive`.)
HEAD_S = 60.0


class Protocol(H11Protocol):
    _refused = False
    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._wait_no_more()
        elif self._waits is None:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own, with another body."""
        self._refuse(400, msg.removesuffix("."), "send HTTP/1.1 as RFC 9112 has it")

    def _wait(self) -> None:
        self._waits = self.loop.call_later(HEAD_S, self._too_late)

    def _wait_no_more(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _too_late(self) -> None:
        self._waits = None
        if self.conn.our_state is h11.IDLE and not self._refused and not self.transport.is_closing():
            self._refuse(408, f"no request came within {HEAD_S:g} s", "send all of its head at once")

    def _refuse(self, status: int, detail: str, hint: str) -> None:
        refusal = problems.answer(status, detail, hint)
        body = bytes(refusal.body)
        headers = [
            (b"content-type", problems.MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        reason = problems.problem(status, detail).title.encode()
        for event in (
            h11.Response(status_code=status, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
