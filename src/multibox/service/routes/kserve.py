"""The open inference protocol, version 2, which KServe, Triton and their clients speak."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from multibox._version import __version__
from multibox.detections import Detections
from multibox.service.problem import Problem
from multibox.service.routes.common import body_of, errors, service_of
from multibox.service.service import detections_of
from multibox.service.tensors import InferRequest, invalid, parse_request, split_body, write_answer

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

_OUTPUTS = {"boxes": "FP32", "scores": "FP32", "labels": "INT64", "priors": "INT64"}
_HEADER_LENGTH = "Inference-Header-Content-Length"
_INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": {"type": "object"}}},
                },
                "example": {
                    "inputs": [{"name": "images", "datatype": "BYTES", "shape": [1], "data": ["/9j/4AAQSkZJRg=="]}]
                },
            }
        },
    }
}


@router.get("/health/live", summary="Whether the process answers")
async def live() -> dict[str, bool]:
    return {"live": True}


@router.get(
    "/health/ready",
    summary="Whether every model is loaded",
    responses={503: {"description": "Models are being loaded, or the service ends."}},
)
async def ready(request: Request) -> JSONResponse:
    """503 while models are being loaded and after the signal to end."""
    is_ready = service_of(request).ready
    return JSONResponse({"ready": is_ready}, status_code=200 if is_ready else 503)


@router.get("", summary="Name and version", responses=errors())
async def server() -> dict[str, Any]:
    return {"name": "multibox", "version": __version__, "extensions": ["binary_tensor_data", "model_repository"]}


@router.get("/models/{name}", summary="Inputs and outputs of a model", responses=errors())
async def metadata(request: Request, name: str) -> dict[str, Any]:
    """`images` are pixels [B, H, W, 3] of type UINT8 in RGB, or image files [B] of type BYTES (base64 in JSON)."""
    model = service_of(request).model(name)
    assert model.loaded is not None
    return {
        "name": model.name,
        "versions": [model.loaded.digest[:12]],
        "platform": model.loaded.worker.detector.engine.config.description,
        "inputs": [{"name": "images", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": name, "datatype": kind, "shape": [-1, -1, 4] if name == "boxes" else [-1, -1]}
            for name, kind in _OUTPUTS.items()
        ],
        "parameters": {"class_names": list(model.loaded.worker.detector.class_names)},
    }


@router.get("/models/{name}/ready", summary="Whether a model is loaded", responses=errors())
async def model_ready(request: Request, name: str) -> dict[str, Any]:
    return {"name": service_of(request).model(name).name, "ready": True}


@router.post("/models/{name}/infer", summary="Detections as tensors", openapi_extra=_INFER_BODY, responses=errors(504))
async def infer(request: Request, name: str) -> Response:
    """All detections of each image, best first. Rows that are not filled have the label -1 at their end.

    Boxes are pixels of the image that was sent. The binary extension is supported for inputs and outputs.
    """
    service = service_of(request)
    model = service.model(name)
    async with body_of(request) as body:
        header_length, limit = request.headers.get(_HEADER_LENGTH), service.settings.max_images
        # In a thread: a large JSON text takes a second.
        parsed: InferRequest = await service.in_pool(lambda: _parse(body, header_length, limit=limit))
        jobs = await service.detect(request, model=model, sources=parsed.images)
        results = detections_of(jobs)
        for found in results:
            model.meter.found(found)
        request.scope["log"] |= {"model": model.name, "images": len(jobs)}
        request.scope["stages"] = jobs[0].times
        assert model.loaded is not None
        fields = {"model_name": model.name, "model_version": model.loaded.digest[:12]}
        return _answer(parsed, results, fields if parsed.id is None else {**fields, "id": parsed.id})


@router.post("/repository/models/{name}/load", summary="Load a replaced file", responses=errors())
async def load(request: Request, name: str) -> dict[str, Any]:
    """Needs a service with a token. Requests continue meanwhile; if the file cannot be used, the old one stays."""
    service = service_of(request)
    if service.settings.token is None:
        raise Problem(403, "token_needed", "models can be replaced only if the service was started with --token FILE")
    model = service.model(name)
    await service.reload(model)
    assert model.loaded is not None
    return {"name": model.name, "digest": model.loaded.digest}


def _parse(body: bytes, header_length: str | None, *, limit: int) -> InferRequest:
    document, binary = split_body(body, header_length=header_length)
    try:
        return parse_request(document, binary, names=tuple(_OUTPUTS), limit=limit)
    except (TypeError, KeyError, AttributeError):
        raise invalid("the request has a field of another type") from None


def _answer(parsed: InferRequest, results: Sequence[Detections], fields: dict[str, Any]) -> Response:
    tensors = {name: (_OUTPUTS[name], values) for name, values in _filled(results).items() if name in parsed.outputs}
    body, length = write_answer(fields, tensors, binary=parsed.binary)
    if length is None:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={_HEADER_LENGTH: str(length)})


def _filled(results: Sequence[Detections]) -> dict[str, np.ndarray]:
    """Arrays of the same number of rows for each image."""
    rows = max(map(len, results), default=0)
    shape = (len(results), rows)
    filled = {
        "boxes": np.zeros((*shape, 4), np.float32),
        "scores": np.zeros(shape, np.float32),
        "labels": np.full(shape, -1),
        "priors": np.full(shape, -1),
    }
    for number, found in enumerate(results):
        for name, values in filled.items():
            values[number, : len(found)] = getattr(found, name)
    return filled
