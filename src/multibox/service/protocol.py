"""Connections that take too long or are too many are closed: uvicorn's HTTP protocol with limits of time."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from multibox.service.settings import ServiceSettings

_LINGER = 2.0  # seconds in which the rest of a refused body is thrown away, so that the client can read the answer
_IDLE_GRACE = 1.0  # seconds that an idle connection has for one more request when the service ends
_FLUSH = 10.0
_INVALID = b'{"error": {"code": "bad_request", "message": "this is not a valid HTTP request", "request_id": ""}}'


class BoundedProtocol(H11Protocol):
    """One connection.

    The head of a request has to arrive within `head_seconds`, also byte by byte; an answer has to be read at the latest
    `write_seconds` after the client stopped reading. Connections beyond `connections` are closed at once.
    """

    settings = ServiceSettings()
    """Set by `with_limits` in a subclass, because uvicorn makes the objects."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None
        self._write: asyncio.TimerHandle | None = None
        self._draining = False
        if len(self.connections) > self.settings.connections:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop("_head")
        self._stop("_write")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete):
            if self.conn.trailing_data[0] or self.timeout_keep_alive_task is None:
                self._await_head()
        else:
            self._stop("_head")
        if self._draining and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # refused before the whole body was there
            self.loop.call_later(_LINGER, self._end_linger, self.cycle)

    def shutdown(self) -> None:
        """Let an active request finish; an idle connection may send one more, which may be on its way already."""
        self._draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_IDLE_GRACE, self._end_idle)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write = self.loop.call_later(self.settings.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop("_write")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(_FLUSH, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP, if nothing was answered yet."""
        headers: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_INVALID)).encode()),
            (b"connection", b"close"),
        ]
        try:
            response = self.conn.send(h11.Response(status_code=400, headers=headers, reason=b"Bad Request"))
            self.transport.write(response or b"")
            self.transport.write(self.conn.send(h11.Data(data=_INVALID)) or b"")
            self.conn.send(h11.EndOfMessage())
        except h11.LocalProtocolError:  # an answer has begun
            self.transport.abort()
            return
        self.transport.close()

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.settings.head_seconds, self.transport.abort)

    def _stop(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name, None)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)

    def _end_linger(self, refused: Any) -> None:
        if self.cycle is refused and self.conn.their_state is h11.SEND_BODY:
            self.transport.abort()

    def _end_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.timeout_keep_alive_handler()


def with_limits(settings: ServiceSettings) -> type[BoundedProtocol]:
    """The protocol class for these settings."""
    return type("LimitedProtocol", (BoundedProtocol,), {"settings": settings})
