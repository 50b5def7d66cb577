"""HTTP/1.1 by h11, whose complaints about what is no HTTP come in the shape of all errors."""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mngr.vmservice import problems

#: Who still sends is listened to for so long: a connection that is closed before takes the answer with it.
LINGER_S = 2.0


class Protocol(H11Protocol):
    _refused = False

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own, with another body."""
        refusal = problems.answer(400, msg.removesuffix("."), "send HTTP/1.1 as RFC 9112 has it")
        headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(refusal.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
