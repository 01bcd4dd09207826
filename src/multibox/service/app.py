"""The application: routes, and answers to errors in one form."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from multibox._version import __version__
from multibox.service.gate import Gate, internal_problem, problem_headers, problem_json
from multibox.service.problem import ClientLeftError, Problem
from multibox.service.routes import detect, explain, kserve, label_studio, page, status
from multibox.service.service import Service
from multibox.service.tracing import Tracing

_ABOUT = """Finds objects in images with SSD (Single Shot MultiBox Detector).

Send the bytes of an image to `POST /v1/detect`. `/v2` is the open inference protocol of KServe and Triton.
Every answer that is no success has the body `{"error": {"code", "message", "request_id"}}`.
"""


def create_app(service: Service, *, tracing: Tracing | None = None) -> ASGIApp:
    """The service as an ASGI application. The caller loads the models: `service.load`."""
    app = FastAPI(
        title="multibox",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # it would load scripts from another server
        redoc_url=None,
        redirect_slashes=False,
    )
    for routes in (detect, explain, kserve, label_studio, page, status):
        app.include_router(routes.router)
    app.state.service = service
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientLeftError, _on_client_left)
    app.add_exception_handler(Exception, _on_bug)
    return Gate(app, service, tracing or Tracing())


def _answer(request: Request, problem: Problem, *, headers: dict[str, str] | None = None) -> Response:
    content = problem_json(problem, request.scope.get("request_id", ""))
    return JSONResponse(content, status_code=problem.status, headers=problem_headers(problem) | (headers or {}))


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return _answer(request, problem)


async def _on_http(request: Request, error: Exception) -> Response:
    """Unknown paths and methods."""
    assert isinstance(error, HTTPException)
    messages = {404: ("not_found", "there is nothing at this path"), 405: ("method", "this path has another method")}
    code, message = messages.get(error.status_code, ("bad_request", "the request cannot be used"))
    problem = Problem(error.status_code, code, f"{message}: see /openapi.json")
    return _answer(request, problem, headers=dict(error.headers or {}))


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Parameters of the query that cannot be used."""
    assert isinstance(error, RequestValidationError)
    return _answer(request, invalid_parameters([dict(found) for found in error.errors()]))


async def _on_client_left(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody receives it; metrics and logs do


async def _on_bug(request: Request, error: Exception) -> Response:
    return _answer(request, internal_problem())


def invalid_parameters(errors: list[dict[str, Any]]) -> Problem:
    """422 that names each parameter and its rule, without repeating what was sent."""
    found = [f"{'.'.join(map(str, one['loc'][1:] or one['loc']))[:64]}: {one['msg']}" for one in errors[:4]]
    return Problem(422, "bad_parameter", f"{'; '.join(found)}: see /openapi.json")
