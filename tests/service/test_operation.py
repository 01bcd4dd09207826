"""Metrics, logs, traces, replaced models, and the life of the process."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from multibox.errors import UsageError
from multibox.service.hosted import named_sources
from multibox.service.logs import start_logs
from multibox.service.tracing import Tracing
from multibox.weights.file import save_weights
from running_service import TOKEN, Running, Serve
from tiny_detector import tiny_model


def metric(text: str, name: str) -> float:
    """The value of one line of /metrics."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, flags=re.MULTILINE)
    assert found, name
    return float(found[1])


def test_metrics_count_what_was_asked(serve: Serve, photo: bytes):
    """Requests, images, batches, stages and detections after three images and two failures."""
    server = serve(batch=2)
    for _ in range(3):
        found = len(server.client.post("/v1/detect", content=photo).json()["images"][0]["detections"])
    server.client.post("/v1/detect", content=b"no image")
    server.client.get("/elsewhere/" + "x" * 50)
    text = server.client.get("/metrics").text
    assert metric(text, 'multibox_requests_total{code="200",route="/v1/detect"}') == 3
    assert metric(text, 'multibox_requests_total{code="415",route="/v1/detect"}') == 1
    assert metric(text, 'multibox_requests_total{code="404",route="other"}') == 1
    assert metric(text, 'multibox_images_total{model="tiny"}') == 3
    assert metric(text, 'multibox_batch_images_count{model="tiny"}') == 3
    assert metric(text, 'multibox_queue_images{model="tiny"}') == 0
    for stage in ("decode", "queue", "network", "postprocessing"):
        assert metric(text, f'multibox_{stage}_seconds_count{{model="tiny"}}') == 3
    rows = re.findall(r"^multibox_detections_total\{.*\} (\S+)$", text, flags=re.MULTILINE)
    assert sum(map(float, rows)) == 3 * found > 0
    assert re.search(
        r'^multibox_model\{digest="[0-9a-f]{64}",engine="PyTorch.*",model="tiny"\} 1.0$', text, re.MULTILINE
    )
    assert "multibox_build{version=" in text


def wait_for_lines(stream: io.StringIO, count: int) -> None:
    """A line is written just after the client has its answer."""
    deadline = time.monotonic() + 10
    while stream.getvalue().count("\n") < count and time.monotonic() < deadline:
        time.sleep(0.005)


def test_logs_are_json_lines(server: Running, photo: bytes, monkeypatch: pytest.MonkeyPatch):
    """One line for each request, with an id and without characters that fake lines."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    loggers = [logging.getLogger(name) for name in ("multibox.service", "uvicorn.error", "asyncio")]
    before = [(one.handlers, one.propagate, one.level) for one in loggers]
    try:
        start_logs("json")
        server.client.post("/v1/detect", content=photo, headers={"X-Request-ID": "mine"})
        wait_for_lines(stream, 1)
        server.client.get("/a%0afake line%1b[31m")
        wait_for_lines(stream, 2)
        start_logs("text")
        server.client.get("/a%0afake line%1b[31m")
        wait_for_lines(stream, 3)
    finally:
        for one, (handlers, propagate, level) in zip(loggers, before, strict=True):
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)
    first, second, text = stream.getvalue().splitlines()
    row = json.loads(first)
    assert (row["id"], row["method"], row["path"], row["status"]) == ("mine", "POST", "/v1/detect", 200)
    assert (row["model"], row["images"]) == ("tiny", 1)
    assert json.loads(second)["path"] == "/a\nfake line\x1b[31m"
    assert "GET /a\\u000afake line\\u001b[31m 404" in text


def test_a_replaced_model_is_loaded_without_a_lost_request(serve: Serve, tmp_path: Path, photo: bytes):
    """A file with other scores, loaded while requests arrive: all are answered, and the last one by the new file."""
    path = tmp_path / "m.safetensors"
    save_weights(path, tiny_model())
    server = serve(sources={"m": str(path)}, token=TOKEN)
    client, headers = server.client, {"Authorization": f"Bearer {TOKEN}"}
    first = client.get("/v1/models", headers=headers).json()["models"][0]["digest"]
    stop, answers = threading.Event(), []

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, headers=headers, trust_env=False) as own:
            while not stop.is_set():
                answers.append(own.post("/v1/detect", content=photo).status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    changed = tiny_model()
    changed.heads.confidence[0].bias.data += 1
    save_weights(path, changed)
    loaded = client.post("/v2/repository/models/m/load", headers=headers)
    stop.set()
    for thread in threads:
        thread.join()
    assert loaded.status_code == 200
    assert set(answers) == {200}
    assert client.get("/v1/models", headers=headers).json()["models"][0]["digest"] == loaded.json()["digest"] != first


def test_a_damaged_replacement_changes_nothing(serve: Serve, tmp_path: Path, photo: bytes):
    """A file that is no model against 422, and the old model still answers."""
    path = tmp_path / "m.safetensors"
    save_weights(path, tiny_model())
    server = serve(sources={"m": str(path)}, token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    path.write_bytes(b"nothing")
    refused = server.client.post("/v2/repository/models/m/load", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_model")
    assert server.client.post("/v1/detect", content=photo, headers=headers).status_code == 200
    assert server.client.post("/v2/repository/models/x/load", headers=headers).status_code == 404


def test_models_are_not_replaced_without_a_token(server: Running):
    """The route that loads a file again against 403 in a service without a token."""
    answer = server.client.post("/v2/repository/models/tiny/load")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "token_needed")


def test_traces_have_a_span_for_each_stage(weights: Path, photo: bytes):
    """Spans of the SDK's memory exporter, in the trace that the client names."""
    pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/detect",
        "headers": [(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")],
        "log": {"model": "tiny"},
        "stages": {"decode": 1.0, "queue": 2.0, "network": 30.0, "postprocessing": 4.0},
    }
    tracing = Tracing(provider.get_tracer("test"))
    with tracing.request(scope) as span:
        tracing.end(span, scope, status=200)
    done = spans.get_finished_spans()
    assert [one.name for one in done] == ["decode", "queue", "network", "postprocessing", "POST /v1/detect"]
    assert {format(one.context.trace_id, "x") for one in done} == {"a" * 32}
    assert done[2].end_time - done[2].start_time == 30_000_000
    assert done[2].end_time == done[3].start_time


def test_traces_are_off_by_default(monkeypatch: pytest.MonkeyPatch):
    """No variable of OpenTelemetry against no tracer."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with Tracing.from_environment().request({"method": "GET", "headers": []}) as span:
        assert span is None


def test_names_of_models():
    """Words of the command line against names and sources."""
    assert named_sources(["runs/best.safetensors", "b=c.onnx", "lite320-animals"]) == {
        "best": "runs/best.safetensors",
        "b": "c.onnx",
        "lite320-animals": "lite320-animals",
    }
    for words in (["a/x.onnx", "b/x.onnx"], ["a b.onnx"], ["x y=c.onnx"], ["=c.onnx"]):
        with pytest.raises(UsageError):
            named_sources(words)


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "multibox", "serve", *words], stderr=subprocess.PIPE, text=True, env=os.environ
    )


def until_ready(process: subprocess.Popen[str]) -> str:
    """The address that the process prints when it is ready."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("ready: "):
            return line.removeprefix("ready: ").strip()
    raise AssertionError("the process ended")


def test_a_signal_ends_the_process_after_the_answers(weights: Path, photo: bytes):
    """SIGTERM while four clients send: each request that was sent has an answer, and the exit code is 0."""
    with start(str(weights), "--port", "0", "--log", "none", "--timeout", "60") as process:
        address = until_ready(process)
        refused, statuses = [], []

        def ask() -> None:
            with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
                while True:
                    try:
                        statuses.append(client.post("/v1/detect", content=photo).status_code)
                    except httpx.ConnectError:  # nothing was sent
                        return
                    except httpx.HTTPError as error:
                        refused.append(error)
                        return

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(statuses) < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert process.wait(60) == 0
    assert refused == []
    assert set(statuses) == {200}
