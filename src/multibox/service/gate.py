"""The outermost layer of the service: request ids, access, security headers, metrics, logs, and answers to errors."""

import logging
import re
import time
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multibox.service.access import check_access
from multibox.service.problem import Problem
from multibox.service.service import Service
from multibox.service.tracing import Tracing

_log = logging.getLogger("multibox.service")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_PATH = 2048

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"


class Gate:
    """Wraps the application. Every request gets one answer, one line in the log, and is counted once."""

    def __init__(self, app: ASGIApp, service: Service, tracing: Tracing) -> None:
        self._app, self._service, self._tracing = app, service, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, service=self._service)
        try:
            with self._tracing.request(scope) as span:
                await self._answer(exchange, receive)
                self._tracing.end(span, scope, status=exchange.status)
        finally:
            self._record(exchange)

    async def _answer(self, exchange: "_Exchange", receive: Receive) -> None:
        try:
            self._check(exchange.scope, exchange.headers)
            await self._app(exchange.scope, receive, exchange.send)
        except Problem as problem:
            await exchange.refuse(problem)
        except Exception:  # the application has answered with 500, unless it failed while it was answering
            _log.exception("request %s failed", exchange.id)
            if exchange.status != 500:
                await exchange.refuse(internal_problem())

    def _check(self, scope: Scope, headers: Headers) -> None:
        if len(scope.get("raw_path") or b"") > _LONGEST_PATH or len(scope["query_string"]) > 2 * _LONGEST_PATH:
            raise Problem(414, "long_path", f"the path has more than {_LONGEST_PATH} characters")
        check_access(scope["path"], headers, settings=self._service.settings)

    def _record(self, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        route = _route(exchange.scope)
        self._service.metrics.requests.labels(route, str(exchange.status)).inc()
        self._service.metrics.seconds.labels(route).observe(seconds)
        client = exchange.scope.get("client")
        _log.info(
            "request",
            extra={
                "fields": {
                    "id": exchange.id,
                    "method": exchange.scope["method"],
                    "path": exchange.scope["path"],
                    "status": exchange.status,
                    "ms": round(1000 * seconds, 1),
                    "client": client[0] if client else None,
                    **exchange.scope["log"],
                }
            },
        )


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, *, service: Service) -> None:
        self.scope, self._send, self._service = scope, send, service
        self.headers = Headers(scope=scope)
        self.started = time.perf_counter()
        given = self.headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else uuid4().hex
        self.status = 0
        self._begun = False
        scope["log"], scope["request_id"] = {}, self.id  # routes add to the log what they know

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            self.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, unless the answer has begun; then the connection ends without the rest."""
        if self._begun:
            raise problem
        response = JSONResponse(
            problem_json(problem, self.id), status_code=problem.status, headers=problem_headers(problem)
        )
        await response(self.scope, _no_body, self.send)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-ID"] = self.id
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        headers.setdefault("Content-Security-Policy", _NOTHING_ALLOWED)
        headers.setdefault("Cache-Control", "no-store")
        if self._service.draining:
            headers["Connection"] = "close"


def internal_problem() -> Problem:
    """500, without a word about the inside."""
    return Problem(500, "internal", "the service failed; its log has the reason")


def problem_json(problem: Problem, request_id: str) -> dict[str, Any]:
    """The body of every answer that is no success."""
    return {"error": {"code": problem.code, "message": problem.message, "request_id": request_id}}


def problem_headers(problem: Problem) -> dict[str, str]:
    """When to try again, and how to send the token."""
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return headers | ({"WWW-Authenticate": 'Basic realm="multibox", charset="UTF-8"'} if problem.status == 401 else {})


async def _no_body() -> Message:
    return {"type": "http.disconnect"}


def _route(scope: Scope) -> str:
    """The template of the path, so that names in paths do not multiply the metrics."""
    return getattr(scope.get("route"), "path", "other")
