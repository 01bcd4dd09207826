"""POST /v1/explain."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from multibox.service.explanation import explain_prior
from multibox.service.problem import Problem
from multibox.service.routes.common import IMAGE_BODY, body_of, errors, images_of, service_of
from multibox.service.routes.examples import EXPLAIN_ANSWER

router = APIRouter(tags=["detection"])


class ExplainOptions(BaseModel):
    """Parameters of the query."""

    model_config = ConfigDict(extra="forbid")

    prior: Annotated[
        int, Field(ge=0, le=10_000_000, description="The `prior` of a detection.", examples=[EXPLAIN_ANSWER["prior"]])
    ]
    model: Annotated[
        str | None, Field(max_length=64, description="Name of a model; by default the first.", examples=["animals"])
    ] = None


@router.post(
    "/v1/explain",
    summary="Why a detection is there",
    openapi_extra=IMAGE_BODY,
    responses={200: {"content": {"application/json": {"example": EXPLAIN_ANSWER}}}, **errors(415, 504)},
)
async def explain(request: Request, options: Annotated[ExplainOptions, Query()]) -> dict[str, Any]:
    """Send the image of a detection again, and the `prior` that the detection has.

    The answer has the prior's box, its cell in the source map, and the scores of all classes at this prior.
    """
    service = service_of(request)
    async with body_of(request) as body:
        images = images_of(request, body)
        if len(images.contents) != 1:
            raise Problem(422, "bad_parameter", f"one image can be explained, and these are {len(images.contents)}")
        model = service.model(options.model)
        assert model.loaded is not None
        detector = model.loaded.worker.detector
        result, image = await service.call(
            request,
            model=model,
            source=images.contents[0],
            work=lambda prepared: explain_prior(detector, prepared, prior=options.prior),
        )
    explanation: dict[str, Any] = result
    return {"model": model.name, "width": image.image_size.width, "height": image.image_size.height, **explanation}
