"""A hundred hostile requests: none of them gets 500, a traceback, or no answer. `fuzz.service` sends any number."""

import random
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the packages of multibox[serve] are not installed")

from fuzz.service import Requests, ask, is_fault
from multibox.service.settings import ServiceSettings
from multibox.weights.file import save_weights
from running_service import running
from tiny_detector import tiny_model


def test_hostile_requests_have_answers(tmp_path: Path):
    """Requests of every kind, with fixed seeds; the service answers afterwards, and nothing stays in its queue."""
    save_weights(tmp_path / "tiny.safetensors", tiny_model())
    settings = ServiceSettings(batch=1, body_seconds=0.2, head_seconds=0.2, max_mb=2, max_pixels=2_000_000)
    requests = Requests()
    with running({"tiny": str(tmp_path / "tiny.safetensors")}, settings) as server:
        for seed in range(100):
            kind, request = requests.draw(random.Random(seed))
            status = ask(server.port, request)
            assert not is_fault(status), f"seed {seed}, {kind}: {status}"
        assert server.client.get("/v2/health/ready").status_code == 200
        assert server.service.memory.used == 0
