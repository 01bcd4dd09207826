"""What the routes share: the service of a request, its images, and the answers that every route documents."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from multibox.service.body import whole_body
from multibox.service.multipart import Part, is_image_field, read_parts
from multibox.service.problem import Problem
from multibox.service.service import Service


class ErrorBody(BaseModel):
    """What went wrong: `code` for programs, `message` for people, `request_id` to find it in the log."""

    code: str
    message: str
    request_id: str


class Error(BaseModel):
    error: ErrorBody


_MEANINGS = {
    400: "The body cannot be parsed.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "There is no such model.",
    408: "The body arrived too slowly.",
    413: "Too many bytes, pixels or parts.",
    414: "The path is too long.",
    415: "Not an image in a known format.",
    421: "The Host header names another machine.",
    422: "The image is damaged, or a parameter has a wrong value.",
    500: "A bug of the service.",
    503: "The queue is full, or a model is being loaded: try again after `Retry-After` seconds.",
    504: "No result within the time limit.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented answers of a route that are no success, by status."""
    general = (400, 401, 403, 404, 408, 413, 414, 421, 422, 500, 503)
    return {status: {"model": Error, "description": _MEANINGS[status]} for status in sorted({*general, *statuses})}


IMAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "min_score": {"type": "number"},
                        "classes": {"type": "string"},
                        "model": {"type": "string"},
                        "format": {"type": "string"},
                    },
                    "required": ["image"],
                }
            },
        },
    }
}
"""A request body for OpenAPI: the bytes of one image, or a form with several."""


@dataclass(frozen=True)
class Images:
    """Images of a request with their names, and the text fields of a form."""

    names: list[str]
    contents: list[bytes]
    fields: dict[str, str]


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def body_of(request: Request) -> AbstractAsyncContextManager[bytes]:
    """The whole body within the limits of the service."""
    service = service_of(request)
    return whole_body(request, settings=service.settings, memory=service.memory)


def images_of(request: Request, body: bytes) -> Images:
    """The images of a body: all of it, or the files of a form. Raises Problem 400 or 413."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        limit = service_of(request).settings.max_images
        return _from_parts(read_parts(body, content_type=content_type, limit=limit + 8), limit=limit)
    if kind in ("application/json", "application/x-www-form-urlencoded") and body[:1] in (b"{", b"[", b'"', b"i"):
        raise Problem(415, "unknown_format", f"the body is {kind}: send the bytes of an image, or multipart/form-data")
    if not body:
        raise Problem(400, "empty_body", "the body is empty: send the bytes of an image")
    return Images(["image"], [body], {})


def _from_parts(parts: list[Part], *, limit: int) -> Images:
    files = [part for part in parts if part.file is not None or is_image_field(part.name)]
    if not files:
        raise Problem(400, "no_image", "the form has no file: send one as -F image=@photo.jpg")
    if len(files) > limit:
        raise Problem(413, "too_many_images", f"the form has {len(files)} images, and {limit} are allowed: send fewer")
    fields = {part.name: part.content.decode("utf-8", "replace") for part in parts if part not in files}
    names = [part.file or f"image-{number}" for number, part in enumerate(files, 1)]
    return Images(names, [bytes(part.content) for part in files], fields)
