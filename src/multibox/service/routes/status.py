"""GET /metrics."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from multibox.service.routes.common import errors, service_of

router = APIRouter(tags=["operation"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **errors()},
)
async def metrics(request: Request) -> Response:
    """Requests, queue, batches, stages, images, detections by class, versions and digests."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)
