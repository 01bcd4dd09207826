"""The machine learning backend of Label Studio: predictions that people correct."""

import base64
import binascii
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fastapi import APIRouter, Request

from multibox.detection.output.labelstudio import prediction
from multibox.errors import DataError
from multibox.service.problem import Problem
from multibox.service.routes.common import body_of, errors, service_of
from multibox.service.service import detections_of
from multibox.service.settings import ServiceSettings
from multibox.system.json import parse_json
from multibox.system.text import decode_text

router = APIRouter(tags=["Label Studio"])

_PREFIXES = ("/data/upload/", "/data/media/", "/data/")
_SHOWN_SCORE = 0.3
_JSON_BODY: dict[str, Any] = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
}


@router.get("/health", summary="Health, as Label Studio asks for it")
async def health() -> dict[str, str]:
    return {"status": "UP", "model_class": "multibox"}


@router.post("/setup", summary="Set up a project", openapi_extra=_JSON_BODY, responses=errors())
async def setup(request: Request) -> dict[str, str]:
    """Nothing is stored; the answer is the version of the model."""
    async with body_of(request) as body:
        _document(body)
    return {"model_version": _version(request)}


@router.post("/predict", summary="Predictions for tasks", openapi_extra=_JSON_BODY, responses=errors(504))
async def predict(request: Request) -> dict[str, Any]:
    """Rectangles in percent of the image, for tasks whose image is a data URI or a file below `--media DIR`.

    Images are never fetched from an address.
    """
    service = service_of(request)
    async with body_of(request) as body:
        document = _document(body)
        tasks = document.get("tasks")
        if not isinstance(tasks, list) or not tasks or len(tasks) > service.settings.max_images:
            raise Problem(400, "bad_request", f"'tasks' must be a list of 1 to {service.settings.max_images} tasks")
        names = _names(document.get("label_config"))
        images = await service.in_pool(lambda: [_image(task, service.settings) for task in tasks])
        model = service.model(None)
        jobs = await service.detect(request, model=model, sources=images)
    version = _version(request)
    request.scope["log"] |= {"model": model.name, "images": len(jobs)}
    results = []
    for found in (all_found.above(_SHOWN_SCORE) for all_found in detections_of(jobs)):
        model.meter.found(found)
        results.append(prediction(found, version=version, label=names[0], image=names[1]))
    return {"results": results, "model_version": version}


def _version(request: Request) -> str:
    model = service_of(request).model(None)
    assert model.loaded is not None
    return f"{model.name}-{model.loaded.digest[:12]}"


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = parse_json(decode_text(body, name="the body"), name="the body")
    except DataError:
        document = None
    if not isinstance(document, dict):
        raise Problem(400, "bad_request", "the body is not a JSON object")
    return document


def _names(label_config: Any) -> tuple[str, str]:
    """The names of the RectangleLabels and of the Image tag of a labeling configuration; usual ones without it."""
    text = label_config if isinstance(label_config, str) else ""
    tag = re.search(r"<RectangleLabels\b[^<>]{0,1000}>", text[:100_000])
    found = dict(re.findall(r'(\w{1,20})\s?=\s?"([^"<>]{1,100})"', tag[0])) if tag else {}
    return found.get("name", "label"), found.get("toName", "image")


def _image(task: Any, settings: ServiceSettings) -> bytes:
    """The bytes of the image of a task. Raises Problem 422 for an address and for a file outside the folder."""
    data = task.get("data") if isinstance(task, dict) else None
    address = next((value for value in data.values() if _is_address(value)), None) if isinstance(data, dict) else None
    if address is None:
        raise Problem(422, "bad_task", "a task has no image in 'data': give a data URI or a file of Label Studio")
    if address.startswith("data:"):
        return _from_data_uri(address)
    return _from_media(address, settings)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("data:", "/data/", "http:", "https:", "s3:", "gs:"))


def _from_data_uri(address: str) -> bytes:
    head, _, text = address.partition(",")
    if not head.endswith(";base64"):
        raise Problem(422, "bad_task", "a data URI must have the form data:image/jpeg;base64,...")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "bad_task", "a data URI is not base64") from None


def _from_media(address: str, settings: ServiceSettings) -> bytes:
    """A file below the folder: /data/upload/1/a.jpg, or /data/local-files/?d=a.jpg."""
    if settings.media is None or not address.startswith("/data/"):
        raise Problem(
            422, "no_fetching", "images are not fetched from addresses: send data URIs, or start with --media DIR"
        )
    folder = settings.media.resolve()
    try:
        path = (folder / _relative(address)).resolve()
        if path.is_relative_to(folder) and path.is_file() and path.stat().st_size <= settings.max_bytes:
            return path.read_bytes()
    except (OSError, ValueError):
        pass
    raise Problem(422, "bad_task", "a task names a file that is missing, too large, or outside the folder of --media")


def _relative(address: str) -> Path:
    parts = urlsplit(address)
    if parts.path == "/data/local-files/":
        return Path(parse_qs(parts.query).get("d", [""])[0].lstrip("/"))
    prefix = next(prefix for prefix in _PREFIXES if address.startswith(prefix))
    return Path(unquote(parts.path).removeprefix(prefix).lstrip("/"))
