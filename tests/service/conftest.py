"""Fixtures: a real server in a thread, with a tiny detector."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the packages of multibox[serve] are not installed")

from multibox.service.settings import ServiceSettings
from multibox.weights.file import save_weights
from running_service import Running, Serve, running
from tiny_detector import noise_image, tiny_model, write_image


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, tiny_model(), info={"recipe": "none"})
    return path


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_image(tmp_path_factory.mktemp("photo") / "a.jpg", noise_image(seed=1)).read_bytes()


@pytest.fixture(scope="session")
def server(weights: Path) -> Iterator[Running]:
    """One service for all tests that change no setting."""
    with running({"tiny": str(weights)}, ServiceSettings(batch=2, max_mb=1, max_pixels=1_000_000)) as one:
        yield one


@pytest.fixture
def serve(weights: Path) -> Iterator[Serve]:
    """Starts a service with other settings, which ends with the test."""
    with ExitStack() as stack:

        def start(*, sources: dict[str, str] | None = None, **settings: object) -> Running:
            chosen = ServiceSettings(**{"batch": 1, **settings})  # type: ignore[arg-type]
            return stack.enter_context(running(sources or {"tiny": str(weights)}, chosen))

        yield start
