"""POST /v1/detect and GET /v1/models."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from multibox.detections import Detections
from multibox.service.answers import Wanted, check_classes, drawn, to_coco, to_error, to_json
from multibox.service.hosted import HostedModel
from multibox.service.jobs import Job
from multibox.service.problem import Problem
from multibox.service.routes.common import IMAGE_BODY, Images, body_of, errors, images_of, service_of
from multibox.service.routes.examples import COCO_ANSWER, DETECT_ANSWER, MODELS_ANSWER
from multibox.service.service import Service, problems_or_detections

router = APIRouter(tags=["detection"])


@dataclass(frozen=True)
class _Outcome:
    """The images of a request and what was found in them, after the filters. `class_names` are those of the model."""

    model: str
    class_names: Sequence[str]
    images: Images
    jobs: Sequence[Job]
    results: Sequence[Detections | Problem]


class DetectOptions(BaseModel):
    """Parameters of the query, or fields of a form with the same names."""

    model_config = ConfigDict(extra="forbid")

    min_score: Annotated[float, Field(ge=0, le=1, description="Leave out detections with lower scores.")] = 0.3
    classes: Annotated[
        str | None, Field(max_length=4096, description="Only these classes, separated by commas.", examples=["dog,cat"])
    ] = None
    model: Annotated[
        str | None, Field(max_length=64, description="Name of a model; by default the first.", examples=["animals"])
    ] = None
    format: Annotated[
        Literal["json", "coco", "image"],
        Field(description="JSON, a COCO data set, or the image with drawn boxes (one image only)."),
    ] = "json"


@router.post(
    "/v1/detect",
    summary="Find objects in images",
    openapi_extra=IMAGE_BODY,
    response_class=Response,
    responses={
        200: {
            "description": "Detections of each image, best first.",
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "examples": {
                        "json": {"summary": "format=json", "value": DETECT_ANSWER},
                        "coco": {"summary": "format=coco", "value": COCO_ANSWER},
                    },
                },
                "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
                "image/png": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **errors(415, 504),
    },
)
async def detect(request: Request, options: Annotated[DetectOptions, Query()]) -> Response:
    """Send the bytes of one image as the body, or several as `multipart/form-data`.

    Boxes are `[x1, y1, x2, y2]` in pixels of the upright image. With several images, one that cannot be used has an
    `error` instead of `detections`, and the others are answered.
    """
    service, started = service_of(request), time.perf_counter()
    async with body_of(request) as body:
        read = time.perf_counter()
        images = images_of(request, body)
        chosen = _chosen(options, images.fields)
        model = service.model(chosen.model)
        assert model.loaded is not None
        class_names = model.loaded.worker.detector.class_names
        wanted = _wanted(chosen, class_names)
        _check_format(chosen, images)
        jobs = await service.detect(request, model=model, sources=images.contents)
        results = [found if isinstance(found, Problem) else wanted.of(found) for found in problems_or_detections(jobs)]
        outcome = _Outcome(model.name, class_names, images, jobs, results)
        _note(request, model, outcome)
        answer = await _answer(service, outcome, chosen.format, read=read - started, started=started)
    answer.headers["Server-Timing"] = _server_timing(jobs[0].times)
    return answer


@router.get(
    "/v1/models",
    summary="The models of this service",
    responses={200: {"content": {"application/json": {"example": MODELS_ANSWER}}}, **errors()},
)
async def models(request: Request) -> dict[str, Any]:
    """What is known about each model: classes, network, engine, SHA-256 of the file, training, license."""
    service = service_of(request)
    return {
        "models": [service.model(name).facts() for name in service.models],
        "limits": {
            "megabytes": service.settings.max_mb,
            "megapixels": service.settings.max_pixels / 1_000_000,
            "images": service.settings.max_images,
        },
        "token": service.settings.token is not None,
    }


def _chosen(options: DetectOptions, fields: dict[str, str]) -> DetectOptions:
    """The parameters of the query and the fields of the form together; the query has priority."""
    if not fields:
        return options
    try:
        return DetectOptions.model_validate(fields | options.model_dump(exclude_unset=True))
    except ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc']))[:64]}: {one['msg']}" for one in error.errors()[:4]]
        raise Problem(422, "bad_parameter", f"{'; '.join(found)}: see /openapi.json") from None


def _wanted(options: DetectOptions, class_names: Sequence[str]) -> Wanted:
    if options.classes is None:
        return Wanted(options.min_score)
    return Wanted(options.min_score, check_classes(options.classes.split(","), class_names))


def _check_format(options: DetectOptions, images: Images) -> None:
    if options.format == "image" and len(images.contents) > 1:
        raise Problem(422, "bad_parameter", f"format=image is for one image, and these are {len(images.contents)}")


def _note(request: Request, model: HostedModel, outcome: _Outcome) -> None:
    """Add to the metrics, the log and the trace."""
    found = [result for result in outcome.results if isinstance(result, Detections)]
    for detections in found:
        model.meter.found(detections)
    request.scope["log"] |= {"model": model.name, "images": len(outcome.results), "detections": sum(map(len, found))}
    request.scope["stages"] = outcome.jobs[0].times


async def _answer(service: Service, outcome: _Outcome, format: str, *, read: float, started: float) -> Response:
    pairs = list(zip(outcome.images.names, outcome.results, strict=True))
    if format == "image":
        (found,) = outcome.results
        assert isinstance(found, Detections)
        content, media_type = await service.in_pool(lambda: drawn(outcome.images.contents[0], found))
        return Response(content, media_type=media_type)
    if format == "coco":
        done = [(name, found) for name, found in pairs if isinstance(found, Detections)]
        return JSONResponse(to_coco(done, outcome.class_names))
    entries = [_entry(name, result, job) for (name, result), job in zip(pairs, outcome.jobs, strict=True)]
    total = {"read": _ms(read), "total": _ms(time.perf_counter() - started)}
    return JSONResponse({"model": outcome.model, "images": entries, "milliseconds": total})


def _entry(name: str, result: Detections | Problem, job: Job) -> dict[str, Any]:
    if isinstance(result, Problem):
        return to_error(name, result)
    return to_json(name, result) | {"milliseconds": {stage: round(ms, 2) for stage, ms in job.times.items()}}


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _server_timing(times: dict[str, float]) -> str:
    return ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in times.items())
