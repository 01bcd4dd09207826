"""Traces with OpenTelemetry, if its SDK is installed and its environment variables ask for them.

OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_TRACES_EXPORTER as otlp or console, turns traces on; OTEL_SDK_DISABLED=true turns
them off. The SDK itself reads OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and the others.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from starlette.types import Scope

from multibox._version import __version__
from multibox.errors import UsageError

_STAGES = ("decode", "queue", "network", "postprocessing")


class Tracing:
    """Makes a span for each request, and one for each stage of its first image. Without a tracer it does nothing."""

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer

    @classmethod
    def from_environment(cls) -> "Tracing":
        """Traces as the environment variables ask. Raises UsageError if a package is missing that they need."""
        exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
        asked = exporter in ("otlp", "console") or bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
        disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none"
        if not asked or disabled or find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
            return cls()
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
        return cls(provider.get_tracer("multibox", __version__))

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Any]:
        """A span of the kind "server" around a request, in the trace that the client names."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parent = TraceContextTextMapPropagator().extract(carrier)
        with self._tracer.start_as_current_span(scope["method"], context=parent, kind=SpanKind.SERVER) as span:
            yield span

    def end(self, span: Any, scope: Scope, *, status: int) -> None:
        """Name the span by its route, and add what is known at the end."""
        if span is None:
            return
        route = getattr(scope.get("route"), "path", scope["path"])
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.request.method", scope["method"])
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        for key, value in scope["log"].items():
            span.set_attribute(f"multibox.{key}", value)
        self._add_stages(scope.get("stages", {}))

    def _add_stages(self, times: Mapping[str, float]) -> None:
        """Spans of the stages, which follow each other and end now."""
        ends = time.time_ns()
        starts = ends - int(1e6 * sum(times.get(stage, 0.0) for stage in _STAGES))
        for stage in _present(times):
            finished = starts + int(1e6 * times[stage])
            self._tracer.start_span(stage, start_time=starts).end(finished)
            starts = finished


def _present(times: Mapping[str, float]) -> Sequence[str]:
    return [stage for stage in _STAGES if stage in times]


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise UsageError(
            "the environment asks for OTLP traces, which need the package opentelemetry-exporter-otlp-proto-http: "
            "install it, or set OTEL_SDK_DISABLED=true"
        ) from None
    return OTLPSpanExporter()
